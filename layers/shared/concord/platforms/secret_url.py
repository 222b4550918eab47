"""What the webhooks have in common that nobody signs: their secret URL is all that proves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from concord.domain.events import RawRequest, SecretValue, WebhookAnswer


class SecretUrlWebhook:
    """A WebhookAdapter but for `parse`. Whoever knows the URL is let in."""

    success = WebhookAnswer()
    signs_url = False

    def verify(
        self,
        request: RawRequest,
        secrets: Sequence[SecretValue],
        credentials: Mapping[str, str],
    ) -> bool:
        """Return True: there is no signature that could be wrong. See `unsigned`."""
        return True

    def unsigned(self, request: RawRequest) -> bool:
        """Return True: nobody signed it, so an opt-in waits for a fetch that confirms it."""
        return True
