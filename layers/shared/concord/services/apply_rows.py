"""Apply rows of opt-ins that were given elsewhere (TEA-14): one outcome each, no resurrection."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from concord.domain.canonical import sha256_hex
from concord.domain.connection import Connection
from concord.domain.consent import Signal
from concord.domain.errors import InvalidInputError, StorageUnavailableError
from concord.domain.evidence import ConsentKey
from concord.domain.identity import Channel, event_key, point_id
from concord.domain.imports import ACCEPTED, DUPLICATE, RawRow, RowOutcome, fingerprint
from concord.domain.inbox import Marker
from concord.domain.marks import State
from concord.domain.profiles import SignalKind
from concord.domain.times import effective_at, from_rfc3339, to_rfc3339
from concord.ports import Clock, ConsentStore
from concord.services.apply_signal import ApplySignal
from concord.services.authenticate import Authenticated
from concord.services.record_consent import normalised

# Rows side by side; the SDK keeps ten connections open.
_WORKERS: Final = 8


@dataclass(frozen=True, slots=True)
class Import:
    """Everything that the rows of one upload share. `received_at` is when it was uploaded."""

    opened: Authenticated
    import_id: str
    attestation: str = field(repr=False)
    dry_run: bool
    received_at: datetime


@dataclass(frozen=True, slots=True)
class _Row:
    """A row that could be read, and its number in the upload (from 1)."""

    number: int
    channel: Channel
    point: str = field(repr=False)
    occurred_at: datetime | None
    evidence: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Run:
    """One call of `ApplyRows`."""

    shared: Import
    ends_at: datetime
    again: bool
    seen: Collection[bytes]


class ApplyRows:
    """Applies rows side by side; rows of one point keep their order."""

    def __init__(self, store: ConsentStore, apply_signal: ApplySignal, clock: Clock) -> None:
        self._store = store
        self._apply_signal = apply_signal
        self._clock = clock

    def __call__(
        self,
        shared: Import,
        rows: Sequence[RawRow],
        *,
        ends_at: datetime,
        first: int = 1,
        again: bool = False,
        seen: Collection[bytes] = (),
    ) -> list[RowOutcome]:
        """Return what became of each row; the number of the first one is `first`.

        Two requests a row, one for a duplicate. `again` = some of these rows may have been applied
        by a worker that was killed: they are told as it would have told them. `seen` holds the
        fingerprints of what a dry run accepted before. Raises StorageUnavailableError when the
        table is away or `ends_at` comes first; what is applied by then is a duplicate later.
        """
        run = _Run(shared, ends_at, again, seen)
        outcomes, groups = _read(shared.opened.connection, rows, first)
        with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
            # The first failure ends the iteration, and that cancels what has not begun.
            for done in pool.map(lambda group: self._group(run, group), groups):
                outcomes.update(done)
        return [outcomes[number] for number in range(first, first + len(rows))]

    def _group(self, run: _Run, rows: Sequence[_Row]) -> dict[int, RowOutcome]:
        """Apply the rows of one point, one after the other."""
        done: dict[int, RowOutcome] = {}
        accepted = False
        for row in rows:
            left = (run.ends_at - self._clock.now()).total_seconds()
            if left <= 0:
                raise StorageUnavailableError("not all rows could be applied in time")
            with self._store.within(left):
                outcome = RowOutcome(DUPLICATE) if accepted else self._row(run, row)
            accepted = accepted or outcome.result == ACCEPTED
            done[row.number] = outcome
        return done

    def _row(self, run: _Run, row: _Row) -> RowOutcome:
        shared = run.shared
        connection, stack_key = shared.opened.connection, shared.opened.secrets.stack_key
        identity = point_id(stack_key, connection.merchant_id, row.channel, row.point)
        key = ConsentKey(connection.merchant_id, connection.account, row.channel, identity)
        if run.again and (told := self._told_before(shared, key, row)):
            return told
        if shared.dry_run:
            return self._judged(run, key, row)
        applied = self._apply_signal(
            connection=connection,
            stack_key=stack_key,
            channel=row.channel,
            point=row.point,
            signal=_signal(shared, row),
            marker=_marker(connection, identity, row),
            unless=State.OPTED_IN,
        )
        if applied.rejection:
            return RowOutcome(applied.rejection)
        repeated = applied.duplicate or applied.before is State.OPTED_IN
        return RowOutcome(DUPLICATE if repeated else ACCEPTED, new=applied.seq == 1)

    def _judged(self, run: _Run, key: ConsentKey, row: _Row) -> RowOutcome:
        """Return what would become of a row, writing nothing."""
        point = fingerprint(key.point_id)
        if point in run.seen:
            return RowOutcome(DUPLICATE)
        current, decision = self._apply_signal.would(
            run.shared.opened.connection, key, _signal(run.shared, row)
        )
        if decision.before is State.OPTED_IN:
            return RowOutcome(DUPLICATE)
        result = decision.rejection or ACCEPTED
        return RowOutcome(result, new=current is None, point=point)

    def _told_before(self, shared: Import, key: ConsentKey, row: _Row) -> RowOutcome | None:
        """Return what this very row of this upload came to, if it was applied: evidence says."""
        at = to_rfc3339(shared.received_at)
        for evidence in self._store.evidence(key):
            record = evidence.record
            source = record["source"]
            mine = (source.get("import_id"), source.get("row"), record["received_at"])
            if mine == (shared.import_id, str(row.number), at):
                return RowOutcome(record["rejection"] or ACCEPTED, new=evidence.seq == 1)
        return None


def _read(
    connection: Connection, rows: Sequence[RawRow], first: int
) -> tuple[dict[int, RowOutcome], list[list[_Row]]]:
    """Return the outcomes of the rows that cannot be read, and the others grouped by point."""
    refused: dict[int, RowOutcome] = {}
    groups: dict[tuple[Channel, str], list[_Row]] = {}
    for number, row in enumerate(rows, first):
        try:
            read = _read_row(connection, number, row)
        except InvalidInputError as problem:
            refused[number] = RowOutcome(problem.code)
        else:
            groups.setdefault((read.channel, read.point), []).append(read)
    return refused, list(groups.values())


def _read_row(connection: Connection, number: int, row: RawRow) -> _Row:
    try:
        channel = Channel(row.get("channel") or Channel.SMS)
    except ValueError:
        raise InvalidInputError("no such channel", code="invalid_channel") from None
    point = normalised(channel, row.get("point") or "", connection)
    at = row.get("occurred_at")
    try:
        occurred_at = from_rfc3339(at) if at else None
    except (ValueError, OverflowError):
        raise InvalidInputError("not RFC 3339", code="invalid_occurred_at") from None
    return _Row(number, channel, point, occurred_at, row.get("evidence") or "")


def _signal(shared: Import, row: _Row) -> Signal:
    return Signal(
        kind=SignalKind.IMPORT,
        effective_at=effective_at(row.occurred_at, shared.received_at),
        received_at=shared.received_at,
        via="import",
        source={
            "connection_id": shared.opened.connection.connection_id,
            "import_id": shared.import_id,
            "row": str(row.number),
        },
        occurred_at=row.occurred_at,
        personal={"attestation": shared.attestation, "evidence": row.evidence},
    )


def _marker(connection: Connection, identity: str, row: _Row) -> Marker:
    """Return the marker of a row: named after its content, whatever the import's name."""
    occurred_at = to_rfc3339(row.occurred_at) if row.occurred_at else ""
    name = f"import|{identity}|{occurred_at}|{row.evidence}"
    return Marker(
        merchant_id=connection.merchant_id,
        connection_id=connection.connection_id,
        event_key=event_key(name),
        body_hash=sha256_hex(name.encode()),
    )
