"""The bodies of `POST /connect/{cid}/orders` and `.../refunds`: what a shop says of an order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from concord.domain.errors import FieldError, InvalidInputError
from concord.domain.identity import check_member
from concord.domain.points.orders import Standing, standing_of
from concord.domain.times import from_rfc3339
from concord.services.parse_consent import json_object

_MAX_ID: Final = 200
_MAX_STATUS: Final = 50
_AMOUNT: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})?")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_AMOUNT_REMEDY: Final = (
    'give a decimal number as text, not below 0, such as "43.00": at most 12 digits before the '
    "point and 4 behind it"
)
# What was never set is the year 1 in some languages, and 1970 in others: no order is as old.
_EARLIEST: Final = datetime(1970, 1, 2, tzinfo=UTC)
_TIME_REMEDY: Final = (
    "give RFC 3339, for example 2026-11-21T08:30:00Z, and no day before 1970-01-02"
)


@dataclass(frozen=True, slots=True)
class OrderCall:
    """An order as its shop sent it. `customer_id` None = a guest; `subtotal` is before tax."""

    order_id: str = field(repr=False)
    standing: Standing
    completed_at: datetime | None
    customer_id: str | None = field(repr=False)
    subtotal: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class RefundCall:
    """A refund of an order, before tax."""

    refund_id: str = field(repr=False)
    amount: Decimal


def parse_order(body: bytes) -> OrderCall:
    """Return the order, or raise InvalidInputError that names every wrong field and its remedy.

    Members that we do not know are passed over, and so is what is not needed for points (lines,
    addresses, numbers): nothing of it is kept.
    """
    data, errors = json_object(body), list[FieldError]()
    status = _text(data, "status", _MAX_STATUS, errors)
    standing = standing_of(status)
    completed_at = _moment(data, "completed_at", errors)
    if standing is Standing.COMPLETED and data.get("completed_at") is None:
        message = f"a completed order needs the time at which it was completed: {_TIME_REMEDY}"
        errors.append(FieldError("completed_at", message))
    call = OrderCall(
        order_id=_text(data, "order_id", _MAX_ID, errors),
        standing=standing,
        completed_at=completed_at,
        customer_id=_customer_id(data, errors),
        subtotal=_amount(data, "subtotal_ex_tax", errors),
        currency=_currency(data, errors),
    )
    if errors:
        raise InvalidInputError("the order has wrong fields", errors=tuple(errors))
    return call


def parse_refund(body: bytes) -> RefundCall:
    """Return the refund, or raise InvalidInputError that names every wrong field and its remedy."""
    data, errors = json_object(body), list[FieldError]()
    call = RefundCall(
        refund_id=_text(data, "refund_id", _MAX_ID, errors),
        amount=_amount(data, "amount_ex_tax", errors),
    )
    if errors:
        raise InvalidInputError("the refund has wrong fields", errors=tuple(errors))
    return call


def checked_order_id(order_id: str) -> str:
    """Return the id in the path. Raises InvalidInputError."""
    if not _is_text(order_id, _MAX_ID):
        error = FieldError("order_id", _text_remedy(_MAX_ID))
        raise InvalidInputError("no such id", errors=(error,))
    return order_id


# --- fields ----------------------------------------------------------------------------------


def _text(data: Mapping[str, Any], name: str, limit: int, errors: list[FieldError]) -> str:
    value = data.get(name)
    if _is_text(value, limit):
        return str(value)
    errors.append(FieldError(name, _text_remedy(limit)))
    return ""


def _is_text(value: object, limit: int) -> bool:
    """Whether it can be stored and told from any other: JSON may spell half a surrogate pair, and
    a path that is no UTF-8 comes as U+FFFD."""
    return (
        isinstance(value, str)
        and bool(value.strip())
        and len(value) <= limit
        and value.isprintable()
        and "\ufffd" not in value
    )


def _text_remedy(limit: int) -> str:
    return f"give a text of 1 to {limit} printable characters"


def _moment(data: Mapping[str, Any], name: str, errors: list[FieldError]) -> datetime | None:
    value = data.get(name)
    if value is None:
        return None
    try:
        at = from_rfc3339(str(value))
    except (ValueError, OverflowError):
        at = None
    if at is None or at < _EARLIEST:
        errors.append(FieldError(name, _TIME_REMEDY))
        return None
    return at


def _customer_id(data: Mapping[str, Any], errors: list[FieldError]) -> str | None:
    """Return who bought; None = nobody whom the shop has a name for."""
    customer = data.get("customer")
    if customer is None:
        return None
    if not isinstance(customer, dict):
        errors.append(FieldError("customer", 'give an object such as {"id": "1001"}'))
        return None
    own_id = customer.get("id")
    if own_id is None or own_id == "":
        return None
    if not isinstance(own_id, str):
        errors.append(FieldError("customer.id", "give the shop's own id as a text"))
        return None
    try:
        return check_member(own_id, "customer.id")
    except InvalidInputError as problem:
        errors.extend(problem.errors)
        return None


def _amount(data: Mapping[str, Any], name: str, errors: list[FieldError]) -> Decimal:
    value = data.get(name)
    if isinstance(value, str) and _AMOUNT.fullmatch(value):
        return Decimal(value)
    errors.append(FieldError(name, _AMOUNT_REMEDY))
    return Decimal(0)


def _currency(data: Mapping[str, Any], errors: list[FieldError]) -> str:
    value = data.get("currency")
    if isinstance(value, str) and _CURRENCY.fullmatch(value):
        return value
    errors.append(FieldError("currency", "give an ISO 4217 code such as USD"))
    return ""
