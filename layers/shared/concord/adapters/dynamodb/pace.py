"""The pace of sender accounts and their breakers: one row each, one update for a booking."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from concord.adapters.dynamodb import broadcast_keys as keys
from concord.adapters.dynamodb.marshal import Item
from concord.adapters.dynamodb.table import Table
from concord.adapters.dynamodb.translate import ConditionFailedError
from concord.domain.errors import StorageUnavailableError
from concord.domain.pacing import (
    BREAKER_THRESHOLD,
    EARLY,
    PROBE,
    RETRY_SHARE,
    WAITING,
    Booked,
    NoTurn,
    SenderAccount,
    Turn,
    Wanted,
    cool_down,
)
from concord.domain.tasks import RowKey

_ROUNDS: Final = 8
_TASK: Final = "TASK"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class _Row:
    """What a row says; times in microseconds since 1970, which conditions can compare and add to.

    `open_until` is there while the breaker is not closed: nobody calls before it, and then one.
    """

    next_at: int = 0
    again_at: int = 0
    failures: int = 0
    opened: int = 0
    open_until: int = 0

    @classmethod
    def of(cls, item: Item | None) -> _Row:
        found = item or {}
        return cls(**{name: found.get(name, 0) for name in cls.__slots__})


class DynamoDbPace:
    """Pace over the one table.

    A clock that is ahead is moved on from where it is, one that stood still from now: which of the
    two it will be is guessed from what this process saw last, and a wrong guess costs a request.
    An update whose answer was lost may be made twice: then some time passes unused.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._seen: dict[SenderAccount, _Row] = {}

    def book(self, account: SenderAccount, wanted: Wanted, now: datetime) -> Booked | NoTurn:
        """Take the sender's next time, if it is near and the sender is not down."""
        for _ in range(_ROUNDS):
            row = self._seen.get(account, _Row())
            expression, condition, values = _booking(row, wanted, now)
            try:
                item = self._table.update(keys.pace(account), expression, condition, **values)
            except ConditionFailedError as failed:
                row = self._seen[account] = _Row.of(failed.item)
                if refused := _refusal(row, wanted, now):
                    return refused
                continue
            after = self._seen[account] = _Row.of(item)
            start = _moment(after.next_at) - wanted.takes
            if wanted.first and "crowd" in item:
                self._waits_no_more(account, wanted.row)
            stood_still = "end" in values
            return Booked(
                start=max(start, now),
                probe=bool(after.open_until),
                troubled=bool(after.failures),
                slack=stood_still and "crowd" in item,
            )
        raise StorageUnavailableError("the pace of a sender kept changing")

    def failed(self, account: SenderAccount, booked: Booked, now: datetime) -> bool:
        """Count a call that the sender did not answer; True = nobody calls it for a while now."""
        key = keys.pace(account)
        row = _Row.of(self._table.update(key, "ADD #failures :one", one=1))
        if not booked.probe and row.failures < BREAKER_THRESHOLD:
            return False
        until = _micros(now + cool_down(row.opened + 1))
        try:
            self._table.update(
                key,
                "SET #open_until = :until ADD #opened :one",
                "" if booked.probe else "attribute_not_exists(#open_until)",
                until=until,
                one=1,
            )
        except ConditionFailedError:
            return False  # somebody else's failure was the last straw
        return True

    def succeeded(self, account: SenderAccount, booked: Booked) -> None:
        """Note that the sender works; a request only if that is news."""
        if not booked.probe and not booked.troubled:
            return
        # A call that began before the breaker opened says nothing against it.
        condition = "" if booked.probe else "attribute_not_exists(#open_until)"
        with suppress(ConditionFailedError):
            self._table.update(
                keys.pace(account), "REMOVE #failures, #opened, #open_until", condition
            )

    def hold(self, account: SenderAccount, until: datetime) -> None:
        """Start nothing before `until`: the sender asked for a pause."""
        with suppress(ConditionFailedError):
            self._table.update(
                keys.pace(account),
                "SET #next_at = :until",
                "attribute_not_exists(#next_at) OR #next_at < :until",
                until=_micros(until),
            )

    # --- those who wait ----------------------------------------------------------------------

    def wait(self, account: SenderAccount, row: RowKey, clock: datetime) -> bool:
        """Return whether this chunk is the one to come when the sender's time is free at `clock`.
        Any other is told when it is its turn; if too many are waiting, it looks by itself."""
        key = keys.pace(account)
        try:
            self._table.update(
                key,
                "SET #promised = :clock",
                "attribute_not_exists(#promised) OR #promised < :clock",
                clock=_micros(clock),
            )
            return True
        except ConditionFailedError as failed:
            crowd = bool(failed.item and failed.item.get("crowd"))
        with suppress(ConditionFailedError):
            self._table.update(
                keys.waiting(account),
                "ADD #rows :rows",
                "attribute_not_exists(#rows) OR size(#rows) < :most",
                rows={row.pk},
                most=WAITING,
            )
        if not crowd:  # so that whoever finds time unused knows that somebody waits for it
            self._table.update(key, "SET #crowd = :true", true=True)
        return False

    def next_waiting(
        self, account: SenderAccount, now: datetime, most: int = 1
    ) -> tuple[Sequence[RowKey], datetime]:
        """Take those who are to be told, and the moment at which they should come."""
        key, row = keys.pace(account), keys.waiting(account)
        found = self._table.get_many([key, row])
        pace = self._seen[account] = _Row.of(found.get(key))
        waiting = sorted(found.get(row, {}).get("rows", ()))
        taken = waiting[:most]
        at = max(_moment(pace.next_at) - EARLY, now)
        if taken:
            self._table.update(row, "DELETE #rows :rows", rows=set(taken))
            clock = max(pace.next_at, found[key].get("promised", 0))
            self._table.update(key, "SET #promised = :clock", clock=clock)
        elif "crowd" in found.get(key, {}):
            self._table.update(key, "REMOVE #crowd")
        return [RowKey(pk, _TASK) for pk in taken], at

    def _waits_no_more(self, account: SenderAccount, row: RowKey) -> None:
        self._table.update(keys.waiting(account), "DELETE #rows :rows", rows={row.pk})


def _booking(row: _Row, wanted: Wanted, now: datetime) -> tuple[str, str, dict[str, int]]:
    """Return expression, condition and values that book, if the row still is as it was seen."""
    at, takes = _micros(now), wanted.takes // _MICROSECOND
    values = {"now": at}
    if row.next_at <= at:
        sets = ["#next_at = :end", *(["#promised = :end"] if wanted.more else [])]
        conditions = ["(attribute_not_exists(#next_at) OR #next_at <= :now)"]
        values |= {"end": at + takes}
    else:
        end = "#next_at + :takes"
        sets = [f"#next_at = {end}", *([f"#promised = {end}"] if wanted.more else [])]
        conditions = ["#next_at > :now", "#next_at <= :horizon"]
        values |= {"takes": takes, "horizon": _micros(now + wanted.horizon)}
    if wanted.again:
        sets.append("#again_at = :again")
        conditions.append("(attribute_not_exists(#again_at) OR #again_at <= :now)")
        values |= {"again": at + int(takes / RETRY_SHARE)}
    if 0 < row.open_until <= at:
        sets.append("#open_until = :probe")
        conditions.append("#open_until = :seen")
        values |= {"probe": _micros(now + PROBE), "seen": row.open_until}
    else:
        conditions.append("attribute_not_exists(#open_until)")
    return f"SET {', '.join(sets)}", " AND ".join(conditions), values


def _refusal(row: _Row, wanted: Wanted, now: datetime) -> NoTurn | None:
    """Return why nothing could be booked; None = it only was not as it had been seen before."""
    if row.open_until > _micros(now):
        return NoTurn(Turn.DOWN, _moment(row.open_until))
    if row.next_at > _micros(now + wanted.horizon):
        clock = _moment(row.next_at)
        return NoTurn(Turn.LATER, max(clock - EARLY, now), clock)
    if wanted.again and row.again_at > _micros(now):
        return NoTurn(Turn.LATER, _moment(row.again_at))
    return None


def is_down(item: Item | None, now: datetime) -> bool:
    """Whether a row says that nobody calls this sender, but the one who finds out if it is back."""
    return _Row.of(item).open_until > _micros(now)


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _moment(micros: int) -> datetime:
    return _EPOCH + micros * _MICROSECOND
