"""Programmes in the one table, each beside its merchant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any, Final

from concord.adapters.dynamodb import keys, ledger_keys
from concord.adapters.dynamodb.audit import put_audit
from concord.adapters.dynamodb.marshal import Item
from concord.adapters.dynamodb.nights import watch
from concord.adapters.dynamodb.table import Table, put, update
from concord.adapters.dynamodb.translate import TransactionRefusedError
from concord.domain.audit import AuditEntry
from concord.domain.errors import StorageUnavailableError
from concord.domain.points.programme import (
    MonthEnd,
    NewsletterReward,
    Programme,
    RefundPolicy,
    Rounding,
    Validity,
)
from concord.domain.times import local_date

_ROUNDS: Final = 5
_utc_now: Final = partial(datetime.now, UTC)


class DynamoDbProgrammes:
    """Programmes over the one table."""

    def __init__(self, table: Table, now: Callable[[], datetime] = _utc_now) -> None:
        self._table = table
        self._now = now

    def get(self, merchant_id: str, programme_id: str) -> Programme | None:
        """Read one, strongly."""
        item = self._table.get(ledger_keys.programme(merchant_id, programme_id))
        return _from(merchant_id, programme_id, item) if item else None

    def of(self, merchant_id: str) -> Sequence[Programme]:
        """Return all of a merchant, by id."""
        found = self._table.query(
            "pk = :pk AND begins_with(sk, :programme)",
            pk=ledger_keys.programme(merchant_id, "").pk,
            programme=ledger_keys.PROGRAMMES,
        )
        return [
            _from(merchant_id, item["sk"].removeprefix(ledger_keys.PROGRAMMES), item)
            for item in found
        ]

    def save(self, programme: Programme, audit: AuditEntry | None = None) -> bool:
        """Replace it on version = programme.version - 1; False = somebody else was first."""
        key = ledger_keys.programme(programme.merchant_id, programme.programme_id)
        before, item = programme.version - 1, _item(programme)
        condition = "#version = :before" if before else "attribute_not_exists(pk)"
        write = put(key, item, condition, **({"before": before} if before else {}))
        audits = [put_audit(audit)] if audit else []
        for _ in range(_ROUNDS):
            nights = [] if before else self._nights(programme.merchant_id)
            try:
                self._table.transact([write, *audits, *nights])
            except TransactionRefusedError as refused:
                found = refused.at(0)
                if found is None:
                    continue  # the merchant moved to another zone: his nights are kept there
                # Ours, if an answer was lost on its way.
                return found.item == {"pk": key.pk, "sk": key.sk, **item}
            return True
        raise StorageUnavailableError("this merchant kept changing")

    def _nights(self, merchant_id: str) -> list[dict[str, Any]]:
        """Return the actions that have a merchant's nights kept, from tomorrow on: points come with
        the first programme. On his zone, which may change meanwhile."""
        row = keys.merchant(merchant_id)
        merchant = self._table.get(row)
        if merchant is None:
            return []
        zone = merchant["time_zone"]
        unmoved = update(row, "SET #time_zone = :zone", "#time_zone = :zone", zone=zone)
        return [unmoved, *watch(merchant_id, zone, local_date(self._now(), zone))]


def _item(programme: Programme) -> Item:
    valid, reward = programme.valid_for, programme.newsletter_reward
    item = {
        "name": programme.name,
        "currency": programme.currency,
        "points_per_unit": str(programme.points_per_unit),
        "rounding": programme.rounding.value,
        "valid_days": valid.days if valid else None,
        "valid_months": valid.months if valid else None,
        "month_end": valid.month_end.value if valid and valid.months else None,
        "refund_policy": programme.refund_policy.value,
        "pending_days": programme.pending_days,
        "notice_days": programme.notice_days,
        "reward_points": reward.points if reward else None,
        "reward_taken_back": reward.take_back if reward else None,
        "version": programme.version,
    }
    return {name: value for name, value in item.items() if value is not None}


def _from(merchant_id: str, programme_id: str, item: Item) -> Programme:
    days, months, reward = (item.get(n) for n in ("valid_days", "valid_months", "reward_points"))
    ends = not (days is None and months is None)
    month_end = MonthEnd(item.get("month_end", MonthEnd.SAME_DAY))
    return Programme(
        merchant_id=merchant_id,
        programme_id=programme_id,
        name=item["name"],
        currency=item["currency"],
        points_per_unit=Decimal(item["points_per_unit"]),
        rounding=Rounding(item["rounding"]),
        valid_for=Validity(days, months, month_end) if ends else None,
        refund_policy=RefundPolicy(item["refund_policy"]),
        pending_days=item["pending_days"],
        notice_days=item.get("notice_days"),
        newsletter_reward=None
        if reward is None
        else NewsletterReward(reward, item["reward_taken_back"]),
        version=item["version"],
    )
