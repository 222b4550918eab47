"""Who may come in, with which secrets, and what is known while the table is away."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from concord.domain.connection import Connection
from concord.domain.credentials import ConnectionSecrets
from concord.domain.errors import StackKeyError, StorageError, UnauthorizedError
from concord.domain.identity import key_fingerprint, receipt_token, token_hash
from concord.domain.metrics import Metric
from concord.ports import Connections, Secrets, Telemetry


@dataclass(frozen=True, slots=True)
class Authenticated:
    """A connection that let somebody in, and its secrets.

    `proven` is False for a body that nobody signed, where the operator allows that.
    """

    connection: Connection
    secrets: ConnectionSecrets
    proven: bool = True


# The topic of a webhook URL that we hand out ourselves with every text (Twilio StatusCallback).
RECEIPTS: Final = "receipts"

_REFUSED: Final = "unknown connection, token or key"

type Accepts = Callable[[Connection, datetime], bool]


class Authenticator:
    """Opens connections by a hashed credential; the answer never says what was wrong."""

    def __init__(self, connections: Connections, secrets: Secrets, telemetry: Telemetry) -> None:
        self._connections = connections
        self._secrets = secrets
        self._telemetry = telemetry

    def open_webhook(
        self, connection_id: str, hashed_token: str, topic: str, at: datetime
    ) -> Authenticated:
        """Open the webhook door: by a path token, or by the receipt token under its own topic."""
        opened = self.open(connection_id, _by_token(hashed_token, topic), at)
        if not _fits(opened, hashed_token, at):
            raise UnauthorizedError(_REFUSED)
        return opened

    def open_connect(self, connection_id: str, hashed_key: str, at: datetime) -> Authenticated:
        """Open the Connect API by a connect key. Raises as `open`."""
        return self.open(connection_id, lambda c, at: c.accepts_connect_key(hashed_key, at), at)

    def open(self, connection_id: str, accepts: Accepts, at: datetime) -> Authenticated:
        """Return the connection if `accepts` it. A refusal costs one fresh read first.

        Raises UnauthorizedError, StackKeyError, StorageUnavailableError.
        """
        connection = self._connections.get(connection_id)
        if connection is None or not accepts(connection, at):
            connection = self._connections.get(connection_id, fresh=True)
        if connection is None or not accepts(connection, at):
            raise UnauthorizedError(_REFUSED)
        return self.with_secrets(connection)

    def with_secrets(
        self, connection: Connection, *, fresh: bool = False, at: datetime | None = None
    ) -> Authenticated:
        """Return the connection with its secrets; a stack key that is not its own refuses all work.

        Deciding under another key would look up an empty history and text people who opted out.
        `fresh` asks for secrets again: they may have been rotated. `at` asks for those that counted
        then, for a request that waited while they were.
        """
        counting = connection.secrets_version_at(at) if at else connection.secrets_version
        try:
            secrets = self._secrets.load(connection.connection_id, None if fresh else counting)
            expected = key_fingerprint(secrets.stack_key, connection.connection_id)
            if not hmac.compare_digest(expected, connection.key_fingerprint):
                raise StackKeyError("the stack key is not the one this connection was made with")
        except StackKeyError:
            self._telemetry.count(Metric.STACK_KEY_MISMATCH)
            raise
        return Authenticated(connection, secrets)

    def receipt_url(self, connection: Connection) -> str | None:
        """Return where receipts go, for platforms that are told with each text; None = nowhere.

        Raises StackKeyError, StorageUnavailableError.
        """
        if not connection.public_url:
            return None
        secrets = self.with_secrets(connection).secrets
        token = receipt_token(secrets.stack_key, connection.connection_id)
        where = f"{connection.sender_platform}/{connection.connection_id}/{token}/{RECEIPTS}"
        return f"{connection.public_url.rstrip('/')}/webhooks/{where}"

    def stack_key_of(self, merchant_id: str) -> bytes:
        """Return the stack key, for what is named by the merchant alone: his connections say
        whether it is theirs. Under another key every account would look empty.

        Raises StackKeyError, StorageUnavailableError.
        """
        try:
            key = self._secrets.stack_key()
            known = next(iter(self._connections.of_merchant(merchant_id)), None)
            if known is not None and not hmac.compare_digest(
                key_fingerprint(key, known.connection_id), known.key_fingerprint
            ):
                raise StackKeyError("the stack key is not the one this merchant began with")
        except StackKeyError:
            self._telemetry.count(Metric.STACK_KEY_MISMATCH)
            raise
        return key

    # --- while the table is away -------------------------------------------------------------

    def remembered(self, connection_id: str) -> Connection | None:
        """Return what memory has of a connection, however old; no request is made."""
        return self._connections.get_stale(connection_id)

    def may_refuse(self, connection_id: str) -> bool:
        """Whether memory is young enough to turn somebody away.

        An older copy may not know the newest token, key or settings: it can let in, not keep out.
        """
        return self._connections.is_recent(connection_id)

    def recall(self, connection_id: str, accepts: Accepts, at: datetime) -> Connection | None:
        """Return what memory lets in; None = memory cannot tell. Raises UnauthorizedError."""
        connection = self.remembered(connection_id)
        if connection is None or accepts(connection, at):
            return connection
        if self.may_refuse(connection_id):
            raise UnauthorizedError(_REFUSED)
        return None

    def recall_webhook(
        self, connection_id: str, hashed_token: str, topic: str, at: datetime
    ) -> Authenticated | None:
        """As `recall`, for the webhook door; None also when there are no secrets to be had."""
        connection = self.recall(connection_id, _by_token(hashed_token, topic), at)
        if connection is None:
            return None
        try:
            opened = self.with_secrets(connection)
        except StorageError:
            return None
        if _fits(opened, hashed_token, at):
            return opened
        if self.may_refuse(connection_id):
            raise UnauthorizedError(_REFUSED)
        return None


def _by_token(hashed_token: str, topic: str) -> Accepts:
    """Return who may pass before the secrets are known: with a path token, or to give receipts."""
    return lambda connection, at: topic == RECEIPTS or connection.accepts_token(hashed_token, at)


def _fits(opened: Authenticated, hashed_token: str, at: datetime) -> bool:
    if opened.connection.accepts_token(hashed_token, at):
        return True
    token = receipt_token(opened.secrets.stack_key, opened.connection.connection_id)
    return hmac.compare_digest(token_hash(token), hashed_token)
