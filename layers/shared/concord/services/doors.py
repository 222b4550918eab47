"""The doors: who may come in, with which secrets, and what is known while the table is away."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from concord.domain.connection import Connection
from concord.domain.errors import StackKeyError, UnauthorizedError
from concord.domain.identity import key_fingerprint, receipt_token, token_hash
from concord.ports import Connections, ConnectionSecrets, Secrets, Telemetry


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection that let somebody in, and its secrets."""

    connection: Connection
    secrets: ConnectionSecrets


# The topic of a webhook URL that we hand out ourselves with every text (Twilio StatusCallback).
RECEIPTS: Final = "receipts"

type Accepts = Callable[[Connection, datetime], bool]


class Doors:
    """Opens connections by a hashed credential; the answer never says what was wrong."""

    def __init__(self, connections: Connections, secrets: Secrets, telemetry: Telemetry) -> None:
        self._connections = connections
        self._secrets = secrets
        self._telemetry = telemetry

    def open_webhook(
        self, connection_id: str, hashed_token: str, topic: str, at: datetime
    ) -> Opened:
        """Open the webhook door: by a path token, or by the receipt token under its own topic."""
        receipts = topic == RECEIPTS
        opened = self.open(
            connection_id, lambda c, now: receipts or c.accepts_token(hashed_token, now), at
        )
        if receipts and not opened.connection.accepts_token(hashed_token, at):
            token = receipt_token(opened.secrets.stack_key, connection_id)
            if not hmac.compare_digest(token_hash(token), hashed_token):
                raise UnauthorizedError("unknown connection, token or key")
        return opened

    def open(self, connection_id: str, accepts: Accepts, at: datetime) -> Opened:
        """Return the connection if `accepts` it. A refusal costs one fresh read first.

        Raises UnauthorizedError, StackKeyError, StorageUnavailableError.
        """
        connection = self._connections.get(connection_id)
        if connection is None or not accepts(connection, at):
            connection = self._connections.get(connection_id, fresh=True)
        if connection is None or not accepts(connection, at):
            raise UnauthorizedError("unknown connection, token or key")
        return self.with_secrets(connection)

    def with_secrets(self, connection: Connection) -> Opened:
        """Return the connection with its secrets; a stack key that is not its own refuses all work.

        Deciding under another key would look up an empty history and text people who opted out.
        """
        secrets = self._secrets.load(connection.connection_id)
        expected = key_fingerprint(secrets.stack_key, connection.connection_id)
        if not hmac.compare_digest(expected, connection.key_fingerprint):
            self._telemetry.count("StackKeyMismatch")
            raise StackKeyError("the stack key is not the one this connection was made with")
        return Opened(connection, secrets)

    def refreshed(self, opened: Opened) -> Opened:
        """Return the same connection with secrets asked for again (they may have been rotated)."""
        secrets = self._secrets.load(opened.connection.connection_id, fresh=True)
        return Opened(opened.connection, secrets)

    def remembered(self, connection_id: str) -> Connection | None:
        """Return what memory has of a connection, however old; no request is made."""
        return self._connections.get_stale(connection_id)
