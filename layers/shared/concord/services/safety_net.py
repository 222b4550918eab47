"""The net under Connect calls that carry an opt-out: kept, and answered with another way out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from concord.domain.connection import Connection
from concord.domain.errors import (
    ConcordError,
    Fallback,
    NotConfirmedError,
    StorageError,
    StorageUnavailableError,
)
from concord.domain.events import RawRequest
from concord.domain.inbox import RequestKind, SafetyMessage
from concord.domain.limits import TABLE_BUDGET
from concord.domain.metrics import Metric
from concord.domain.texts import fallback
from concord.ports import ConsentStore, SafetyQueue, Telemetry
from concord.services.authenticate import Authenticator
from concord.services.parse_consent import audience

_KEPT: Final = "It could not be stored just now. It is kept, and will be applied when possible."
_LOST: Final = "It could not be stored just now. Try again."


@dataclass(frozen=True, slots=True)
class Call:
    """A call as the net sees it: who made it, who reads the answer, how its walk is found again."""

    kind: RequestKind
    connection_id: str
    hashed_key: str
    request: RawRequest
    topic: str = ""


class SafetyNet:
    """Runs a walk within the table's budget, and catches what was not the caller's fault."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        store: ConsentStore,
        safety: SafetyQueue,
        telemetry: Telemetry,
        fallback_number: str | None,
    ) -> None:
        self._authenticator = authenticator
        self._store = store
        self._safety = safety
        self._telemetry = telemetry
        self._fallback_number = fallback_number

    def under[R](self, walk: Callable[[], R], call: Call, read_via: Callable[[], str]) -> R:
        """Return the walk's result. Raises NotConfirmedError with the fallback (TEA-20..22).

        Storage away, a stack key that does not fit, a bug of ours: the call waits in the safety
        queue. `read_via` says where the call was made; it is asked only then, and may raise
        InvalidInputError.
        """
        try:
            with self._store.within(TABLE_BUDGET):
                return walk()
        except StorageError as problem:
            self._telemetry.info("not_confirmed", kind=call.kind, reason=problem.code)
        except ConcordError:
            raise  # refused for good, and the caller is told why
        except Exception as bug:
            self._telemetry.bug(bug)
        raise self._not_confirmed(call, read_via)

    def _not_confirmed(self, call: Call, read_via: Callable[[], str]) -> NotConfirmedError:
        """Keep the call; even when the queue is away too, the result tells what to do."""
        request = call.request
        known = self._authenticator.recall(
            call.connection_id,
            lambda c, at: c.accepts_connect_key(call.hashed_key, at),
            request.received_at,
        )
        via = read_via()
        detail = _KEPT
        try:
            self._safety.put(
                SafetyMessage(
                    kind=call.kind,
                    connection_id=call.connection_id,
                    request=request.to_keep(),
                    verified=known is not None,
                    topic=call.topic,
                    credential_hash=call.hashed_key,
                )
            )
            self._telemetry.count(Metric.SAFETY_QUEUED)
        except StorageUnavailableError:
            self._telemetry.count(Metric.SAFETY_UNAVAILABLE)
            detail = _LOST
        remembered = self._authenticator.remembered(call.connection_id)
        return NotConfirmedError(detail, fallback=self._fallback(remembered, via))

    def _fallback(self, connection: Connection | None, via: str) -> Fallback:
        """Return what to do instead. The number may be old, but it is never missing for want of
        the table: memory first, then the stack's own, then wording without a number."""
        number = (connection.fallback_number if connection else None) or self._fallback_number
        who = audience(via)
        own = connection.settings.texts if connection else {}
        return Fallback(who, fallback(who, own, number), number)
