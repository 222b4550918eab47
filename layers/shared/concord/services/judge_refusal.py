"""Judge a platform's "opted out" of a broadcast's recipient: our own word, or news (ADR 16)."""

from __future__ import annotations

from concord.domain.consent import VIA_CARRIER
from concord.domain.consent_record import ConsentRecord
from concord.domain.marks import State
from concord.domain.profiles import SignalKind
from concord.domain.put_off import tries_of
from concord.domain.tasks import push_id
from concord.ports import Tasks
from concord.services.apply_signal import ApplySignal
from concord.services.authenticate import Authenticator
from concord.services.chunk_run import Run


class JudgeRefusal:
    """A platform that keeps our consent flag refuses on our own word until it was told of an
    opt-in. So there a block is tried once more before it counts; elsewhere it is an opt-out."""

    def __init__(
        self, tasks: Tasks, apply_signal: ApplySignal, authenticator: Authenticator
    ) -> None:
        self._tasks = tasks
        self._apply_signal = apply_signal
        self._authenticator = authenticator

    def __call__(self, run: Run, record: ConsentRecord, reference: str) -> bool:
        """Return whether this recipient is skipped for good; False = she is tried again.

        An opt-out that we did not know is applied here too.
        """
        connection = run.connection
        platform = connection.sender_platform
        if connection.keeps_consent(platform):
            state, _ = record.marks.standing
            if state is State.OPTED_OUT:
                return True  # it says what we told it
            name = push_id(platform, record.key.channel, record.key.point_id)
            told = self._tasks.find_push(run.task.merchant_id, run.task.connection_id, name) is None
            if not told or not tries_of(run.chunk.key.chunk):
                return False
        self._apply_signal.note(
            connection,
            self._authenticator.with_secrets(connection).secrets.stack_key,
            record,
            kind=SignalKind.OPT_OUT,
            via=VIA_CARRIER,
            event=f"carrier|{reference}",
            text=reference,
        )
        return True
