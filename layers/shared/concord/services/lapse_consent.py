"""Let a pending opt-in lapse that nobody answered (TEA-15)."""

from __future__ import annotations

from concord.domain.marks import State
from concord.domain.profiles import SignalKind
from concord.domain.tasks import RowKey
from concord.domain.times import to_rfc3339
from concord.ports import Clock, Connections, ConsentStore
from concord.services.apply_signal import ApplySignal
from concord.services.authenticate import Authenticator


class LapseConsent:
    """The worker of due consent rows."""

    def __init__(
        self,
        *,
        store: ConsentStore,
        connections: Connections,
        authenticator: Authenticator,
        apply_signal: ApplySignal,
        clock: Clock,
    ) -> None:
        self._store = store
        self._connections = connections
        self._authenticator = authenticator
        self._apply_signal = apply_signal
        self._clock = clock

    def __call__(self, row: RowKey) -> None:
        """Lapse the ask that stands in the row, if it is still open and its time is over."""
        record = self._store.load_row(row)
        if record is None or record.marks.standing[0] is not State.PENDING:
            return
        connection = self._connections.get(record.connection_id)
        asked_at = record.marks.asked_at
        if connection is None or asked_at is None:
            return
        if self._clock.now() < asked_at + connection.profile(record.key.channel).lapse_after:
            return
        self._apply_signal.note(
            connection,
            self._authenticator.with_secrets(connection).secrets.stack_key,
            record,
            kind=SignalKind.LAPSE,
            via="schedule",
            event=f"lapse|{record.key.point_id}|{to_rfc3339(asked_at)}",
        )
