"""Import opt-ins that were given elsewhere (TEA-14): one result per row, never a resurrection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from concord.domain.canonical import sha256_hex
from concord.domain.connection import Connection
from concord.domain.consent import Signal, State
from concord.domain.errors import ConflictError, FieldError, InvalidInputError
from concord.domain.evidence import ConsentKey
from concord.domain.identity import Channel, event_key, point_id
from concord.domain.inbox import Marker
from concord.domain.profiles import SignalKind
from concord.domain.times import effective_at, from_rfc3339, to_rfc3339
from concord.ports import Clock, Connections
from concord.services.apply_signal import ApplySignal
from concord.services.authenticate import Authenticated, Authenticator
from concord.services.change_connection import find_connection
from concord.services.record_consent import normalised

ACCEPTED: Final = "accepted"
DUPLICATE: Final = "duplicate"
# The answer has to leave before the gateway gives up: what is left then is sent again.
NOT_PROCESSED: Final = "not_processed"


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of the rows, in their order."""

    import_id: str
    dry_run: bool
    results: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every row was looked at."""
        return NOT_PROCESSED not in self.results

    @property
    def counts(self) -> dict[str, int]:
        """Return how many rows had each result."""
        return {result: self.results.count(result) for result in sorted(set(self.results))}


@dataclass(frozen=True, slots=True)
class _Row:
    """A row that could be read."""

    index: int
    channel: Channel
    point: str
    occurred_at: datetime | None
    evidence: str


@dataclass(frozen=True, slots=True)
class _Import:
    """Everything that the rows of one call share."""

    opened: Authenticated
    import_id: str
    attestation: str
    dry_run: bool
    received_at: datetime


class ImportConsents:
    """Applies rows side by side; rows of one point keep their order."""

    def __init__(
        self,
        connections: Connections,
        authenticator: Authenticator,
        apply_signal: ApplySignal,
        clock: Clock,
        *,
        workers: int = 8,
        budget: timedelta = timedelta(seconds=20),
    ) -> None:
        self._connections = connections
        self._authenticator = authenticator
        self._apply_signal = apply_signal
        self._clock = clock
        self._workers = workers
        self._budget = budget

    def __call__(
        self,
        connection_id: str,
        *,
        import_id: str,
        attestation: str,
        rows: Sequence[Mapping[str, str | None]],
        dry_run: bool,
    ) -> ImportReport:
        """Import rows of `point`, `channel`, `occurred_at`, `evidence`.

        `attestation` says where the consents come from and is proof beside every row. An event is
        named after its content, so the same row makes no second event, whatever the import's name.
        Raises ConflictError `connection_not_connected`: an import is an opt-in.
        """
        if not attestation.strip():
            message = "say where these consents come from and who vouches for it"
            raise InvalidInputError(
                "an import needs an attestation", errors=(FieldError("attestation", message),)
            )
        connection = find_connection(self._connections, connection_id)
        if not connection.listens:
            raise ConflictError(
                f"the connection is {connection.state}", code="connection_not_connected"
            )
        opened = self._authenticator.with_secrets(connection)
        shared = _Import(opened, import_id, attestation, dry_run, self._clock.now())
        results, groups = _read(connection, rows)
        with ThreadPoolExecutor(max_workers=self._workers) as pool:
            for done in pool.map(lambda group: self._group(shared, group), groups):
                for index, result in done:
                    results[index] = result
        ordered = tuple(results[index] for index in range(len(rows)))
        return ImportReport(import_id, dry_run, ordered)

    def _group(self, shared: _Import, rows: Sequence[_Row]) -> list[tuple[int, str]]:
        """Apply the rows of one point, one after the other."""
        done: list[tuple[int, str]] = []
        accepted = False
        for row in rows:
            if self._clock.now() - shared.received_at > self._budget:
                result = NOT_PROCESSED
            elif accepted:
                result = DUPLICATE
            else:
                result = self._row(shared, row)
            accepted = accepted or result == ACCEPTED
            done.append((row.index, result))
        return done

    def _row(self, shared: _Import, row: _Row) -> str:
        connection, stack_key = shared.opened.connection, shared.opened.secrets.stack_key
        identity = point_id(stack_key, connection.merchant_id, row.channel, row.point)
        key = ConsentKey(connection.merchant_id, connection.account, row.channel, identity)
        signal = _signal(shared, row)
        _, decision = self._apply_signal.would(connection, key, signal)
        if decision.before is State.OPTED_IN:
            return DUPLICATE
        if shared.dry_run:
            return decision.rejection or ACCEPTED
        applied = self._apply_signal(
            connection=connection,
            stack_key=stack_key,
            channel=row.channel,
            point=row.point,
            signal=signal,
            marker=_marker(connection, identity, row),
        )
        if applied.rejection:
            return applied.rejection
        repeated = applied.duplicate or applied.before is State.OPTED_IN
        return DUPLICATE if repeated else ACCEPTED


def _read(
    connection: Connection, rows: Sequence[Mapping[str, str | None]]
) -> tuple[dict[int, str], list[list[_Row]]]:
    """Return the results of the rows that cannot be read, and the others grouped by point."""
    refused: dict[int, str] = {}
    groups: dict[tuple[Channel, str], list[_Row]] = {}
    for index, row in enumerate(rows):
        try:
            read = _read_row(connection, index, row)
        except InvalidInputError as problem:
            refused[index] = problem.code
        else:
            groups.setdefault((read.channel, read.point), []).append(read)
    return refused, list(groups.values())


def _read_row(connection: Connection, index: int, row: Mapping[str, str | None]) -> _Row:
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
    return _Row(index, channel, point, occurred_at, row.get("evidence") or "")


def _signal(shared: _Import, row: _Row) -> Signal:
    return Signal(
        kind=SignalKind.IMPORT,
        effective_at=effective_at(row.occurred_at, shared.received_at),
        received_at=shared.received_at,
        via="import",
        source={
            "connection_id": shared.opened.connection.connection_id,
            "import_id": shared.import_id,
        },
        occurred_at=row.occurred_at,
        personal={"attestation": shared.attestation, "evidence": row.evidence},
    )


def _marker(connection: Connection, identity: str, row: _Row) -> Marker:
    occurred_at = to_rfc3339(row.occurred_at) if row.occurred_at else ""
    name = f"import|{identity}|{occurred_at}|{row.evidence}"
    return Marker(
        merchant_id=connection.merchant_id,
        connection_id=connection.connection_id,
        event_key=event_key(name),
        body_hash=sha256_hex(name.encode()),
    )
