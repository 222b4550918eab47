"""Name the URLs that the platforms of a connection have to call."""

from __future__ import annotations

from concord.domain.connection import Connection
from concord.ports import Platforms


class NameWebhooks:
    """Names a URL for each platform that has a webhook: what comes by topic alone needs none."""

    def __init__(self, platforms: Platforms) -> None:
        self._platforms = platforms

    def __call__(self, connection: Connection, base_url: str, token: str) -> dict[str, str]:
        """Return the URL of each platform. They hold the token, so they are as secret as it is."""
        platforms = (
            connection.source.platform,
            connection.destination.platform,
            connection.sender_platform,
        )
        path = f"{connection.connection_id}/{token}"
        return {
            name: f"{base_url.rstrip('/')}/webhooks/{name}/{path}"
            for name in platforms
            if self._platforms.webhook(name) is not None
        }
