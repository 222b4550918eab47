"""The secrets of a connection, and which of them are whose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from concord.domain.connection import Connection
from concord.domain.events import SecretValue


@dataclass(frozen=True, slots=True)
class ConnectionSecrets:
    """Everything secret of a connection, and the stack key that came in the same request."""

    stack_key: bytes = field(repr=False)
    webhook_secrets: tuple[SecretValue, ...] = field(repr=False, default=())
    source: Mapping[str, str] = field(repr=False, default_factory=dict)
    destination: Mapping[str, str] = field(repr=False, default_factory=dict)
    sender: Mapping[str, str] = field(repr=False, default_factory=dict)

    def credentials(self, connection: Connection, platform: str) -> Mapping[str, str]:
        """Return the credentials that belong to `platform` in this connection.

        A sender without its own that is on the destination's platform uses the destination's.
        """
        sender = connection.settings.sender
        if sender is not None and sender.platform == platform and self.sender:
            return self.sender
        if connection.destination.platform == platform:
            return self.destination
        return self.source if connection.source.platform == platform else {}
