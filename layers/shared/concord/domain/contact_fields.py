"""What a contact list shows of a shopper: the `ellity_*` fields (platforms/ellity.md).

Ecomail's campaigns read fields, and its automations are started by events. So the fields come
first, and an event says no more than what the fields show by then (ECO-10).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from concord.domain.exports import Credit
from concord.domain.points.account import Account
from concord.domain.shopper import Shopper

# What an export row remembers of a contact whose PIN is not to be kept anywhere twice.
PIN = "pin"


def credit_fields(account: Account, today: date) -> dict[str, str | int | date | None]:
    """Return what the fields say of a member's points on a day of her merchant. None = the field is
    emptied."""
    expiring, last = account.next_expiry(today), account.last
    return {
        "ellity_credit": str(account.balance),
        "ellity_credit_num": account.balance,
        "ellity_next_expiration_date": expiring.expires_on if expiring else None,
        "ellity_next_expiration_value": str(expiring.points) if expiring else "0",
        "ellity_next_expiration_value_num": expiring.points if expiring else 0,
        "ellity_last_change_date": last.on if last else None,
        "ellity_last_change_value": str(last.points) if last else None,
    }


def told_fields(credit: Credit) -> dict[str, str | int | date | None]:
    """Return what the fields say of points that the shop keeps elsewhere. When they expire is not
    told to us: those fields are left alone."""
    return {
        "ellity_credit": str(credit.credit),
        "ellity_credit_num": credit.credit,
        "ellity_last_change_date": credit.on,
        "ellity_last_change_value": str(credit.delta),
    }


def shopper_fields(shopper: Shopper) -> dict[str, str | int | date | None]:
    """Return what the fields say of the shopper herself: what her shop told in `attributes`."""
    told: Mapping[str, Any] = shopper.profile.get("attributes") or {}
    return {
        "ellity_pin": _text(told.get(PIN)),
        "ellity_registered": "anonymous" if shopper.profile.get("guest") else "registered",
        "ellity_referral_code": _text(told.get("referral_code")),
        "ellity_referral_link": _text(told.get("referral_link")),
    }


def pin_of(shopper: Shopper | None) -> str | None:
    """Return the shopper's PIN as her shop told it; None = she has none."""
    return _text((shopper.profile.get("attributes") or {}).get(PIN)) if shopper else None


def _text(value: object) -> str | None:
    return str(value) if isinstance(value, str | int) and str(value) else None
