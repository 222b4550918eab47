"""Answer a repeated admin call as its first time, for 24 h, without its secrets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from concord.domain.errors import ConflictError
from concord.domain.events import ApiAnswer
from concord.domain.identity import event_key
from concord.ports import Clock, Idempotency, StoredAnswer


class IdempotentCall:
    """Keeps answers by Idempotency-Key. A comfort for clients, not the guard for effects."""

    def __init__(self, idempotency: Idempotency, clock: Clock) -> None:
        self._idempotency = idempotency
        self._clock = clock

    def __call__(
        self,
        merchant_id: str,
        key: str | None,
        body_hash: str,
        call: Callable[[], ApiAnswer],
        without_secrets: Callable[[Mapping[str, object]], Mapping[str, object]] = dict,
    ) -> ApiAnswer:
        """Return what `key` was answered with, or call and remember.

        Only successes are remembered: what failed may be tried again under the same key. Raises
        ConflictError `idempotency_key_reused` when the key came with another body.
        """
        if key is None:
            return call()
        name = event_key(key)
        stored = self._idempotency.find(merchant_id, name)
        if stored is not None:
            if stored.body_hash != body_hash:
                raise ConflictError(
                    "this Idempotency-Key was used for another request",
                    code="idempotency_key_reused",
                )
            return ApiAnswer(stored.status, stored.body, {"Idempotent-Replayed": "true"})
        answer = call()
        kept = replace(answer, body=without_secrets(answer.body or {}))
        self._idempotency.store(
            merchant_id,
            name,
            StoredAnswer(body_hash, kept.status, kept.body or {}),
            self._clock.now(),
        )
        return answer
