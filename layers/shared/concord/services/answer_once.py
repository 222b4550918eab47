"""Answer a repeated admin call as its first time, for 24 h, without its secrets."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from concord.domain.errors import ConflictError
from concord.domain.events import ApiAnswer
from concord.domain.identity import event_key
from concord.ports import Clock, Idempotency, StoredAnswer, Telemetry


class AnswerOnce:
    """Keeps answers by Idempotency-Key. A comfort for clients, not the guard for effects."""

    def __init__(self, idempotency: Idempotency, clock: Clock, telemetry: Telemetry) -> None:
        self._idempotency = idempotency
        self._clock = clock
        self._telemetry = telemetry

    def __call__(
        self,
        merchant_id: str,
        key: str | None,
        fingerprint: str,
        call: Callable[[], ApiAnswer],
        without_secrets: Callable[[Mapping[str, object]], Mapping[str, object]] = dict,
    ) -> ApiAnswer:
        """Return what `key` was answered with, or call and remember.

        Only successes are remembered: what failed may be tried again under the same key. Raises
        ConflictError `idempotency_key_reused` when the key came with a request that has another
        `fingerprint`.
        """
        if key is None:
            return call()
        name = event_key(key)
        stored = self._idempotency.find(merchant_id, name)
        if stored is not None:
            if stored.body_hash != fingerprint:
                raise ConflictError(
                    "this Idempotency-Key was used for another request",
                    code="idempotency_key_reused",
                )
            return ApiAnswer(stored.status, stored.body, {"Idempotent-Replayed": "true"})
        answer = call()
        body = without_secrets(answer.body or {})
        self._remember(merchant_id, name, StoredAnswer(fingerprint, answer.status, body))
        return answer

    def _remember(self, merchant_id: str, name: str, answer: StoredAnswer) -> None:
        """Keep an answer. The call is done, its secrets are shown this once: nothing may raise."""
        try:
            self._idempotency.store(merchant_id, name, answer, self._clock.now())
        except Exception as problem:
            self._telemetry.info("answer_not_kept", reason=type(problem).__name__)
