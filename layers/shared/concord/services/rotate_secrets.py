"""Replace a secret of a connection; the old one still opens the door for a while."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from concord.domain.connection import Connection, HashedSecret
from concord.domain.events import SecretValue
from concord.domain.identity import token_hash
from concord.domain.times import to_rfc3339
from concord.ports import Clock, Connections, Secrets
from concord.services.change_connection import audit_entry, change_connection
from concord.services.make_secrets import (
    RandomBytes,
    new_connect_key,
    new_token,
    new_webhook_secret,
)
from concord.services.name_webhooks import NameWebhooks


class Rotated(StrEnum):
    """What can be rotated."""

    TOKEN = "token"
    CONNECT_KEY = "connect_key"
    WEBHOOK_SECRET = "webhook_secret"


@dataclass(frozen=True, slots=True)
class NewSecret:
    """The new value, shown this once, and until when the old one is accepted."""

    connection: Connection
    old_accepted_until: datetime
    webhooks: Mapping[str, str] | None = field(repr=False, default=None)
    connect_key: str | None = field(repr=False, default=None)
    webhook_secret: str | None = field(repr=False, default=None)


class RotateSecrets:
    """Makes a new secret current and gives the old ones an end."""

    def __init__(
        self,
        connections: Connections,
        secrets: Secrets,
        clock: Clock,
        random_bytes: RandomBytes,
        name_webhooks: NameWebhooks,
    ) -> None:
        self._connections = connections
        self._secrets = secrets
        self._clock = clock
        self._random_bytes = random_bytes
        self._name_webhooks = name_webhooks

    def __call__(
        self, connection_id: str, what: str, grace_seconds: int, base_url: str, actor: str
    ) -> NewSecret:
        """Rotate `what`; old values end `grace_seconds` from now, never later than they did."""
        now = self._clock.now()
        until = now + timedelta(seconds=grace_seconds)
        match Rotated(what):
            case Rotated.TOKEN:
                token = new_token(self._random_bytes)
                connection = self._change(connection_id, what, now, until, actor, token=token)
                urls = self._name_webhooks(connection, base_url, token)
                return NewSecret(connection, until, webhooks=urls)
            case Rotated.CONNECT_KEY:
                key = new_connect_key(self._random_bytes)
                connection = self._change(connection_id, what, now, until, actor, connect_key=key)
                return NewSecret(connection, until, connect_key=key)
            case Rotated.WEBHOOK_SECRET:
                secret = new_webhook_secret(self._random_bytes)
                connection = self._change(
                    connection_id, what, now, until, actor, webhook_secret=secret
                )
                return NewSecret(connection, until, webhook_secret=secret)

    def _change(
        self,
        connection_id: str,
        what: str,
        now: datetime,
        until: datetime,
        actor: str,
        *,
        token: str | None = None,
        connect_key: str | None = None,
        webhook_secret: str | None = None,
    ) -> Connection:
        def changed(connection: Connection) -> Connection:
            if webhook_secret is not None:
                connection = self._with_secret(connection, webhook_secret, now, until)
            return replace(
                connection,
                tokens=_hashes(connection.tokens, token, now, until),
                connect_keys=_hashes(connection.connect_keys, connect_key, now, until),
            )

        return change_connection(
            self._connections,
            connection_id,
            changed,
            lambda _, after: audit_entry(
                after,
                now,
                actor,
                "secret_rotated",
                {"what": what, "old_accepted_until": to_rfc3339(until)},
            ),
            always=True,
        )

    def _with_secret(
        self, connection: Connection, new: str, now: datetime, until: datetime
    ) -> Connection:
        """Return the connection with a version of the secrets in which `new` is the current one."""
        known = self._secrets.load(connection.connection_id, connection.secrets_version)
        old = tuple(
            replace(value, expires_at=_sooner(value.expires_at, until))
            for value in known.webhook_secrets
            if value.usable(now)
        )
        changed = replace(known, webhook_secrets=(SecretValue(new), *old))
        version = self._secrets.save(connection.connection_id, changed)
        return connection.with_secrets(version, now)


def _hashes(
    known: tuple[HashedSecret, ...], new: str | None, now: datetime, until: datetime
) -> tuple[HashedSecret, ...]:
    if new is None:
        return known
    old = tuple(
        replace(secret, expires_at=_sooner(secret.expires_at, until))
        for secret in known
        if secret.remembered(now)
    )
    return (HashedSecret(token_hash(new)), *old)


def _sooner(end: datetime | None, until: datetime) -> datetime:
    return until if end is None else min(end, until)
