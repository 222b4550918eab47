"""Connections: make one, show it, change what it is set to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from concord.domain.connection import (
    Connection,
    ConnectionSettings,
    ConnectionState,
    HashedSecret,
    Side,
)
from concord.domain.credentials import ConnectionSecrets
from concord.domain.errors import FieldError, InvalidInputError, NotFoundError
from concord.domain.events import SecretValue
from concord.domain.identity import check_merchant_id, key_fingerprint, token_hash
from concord.domain.merchant import Merchant
from concord.domain.page import Page, page
from concord.ports import Clock, Connections, Merchants, Secrets
from concord.services.change_connection import audit_entry, change_connection, find_connection
from concord.services.check_settings import SettingsRules, differences, patched
from concord.services.keep_numbers import claim_numbers
from concord.services.make_secrets import (
    RandomBytes,
    new_connect_key,
    new_scoped_id,
    new_token,
    new_webhook_secret,
)
from concord.services.name_webhooks import NameWebhooks
from concord.services.store_connection import StoreConnection
from concord.services.tell_of_points import MOST_TOLD, telling

type Credentials = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class NewConnection:
    """A connection that was just made, with what is shown this once."""

    connection: Connection
    webhooks: Mapping[str, str] = field(repr=False)
    webhook_secret: str = field(repr=False)
    connect_key: str = field(repr=False)


class ManageConnections:
    """Operators' view of connections. Credentials go to the parameter store and never come back."""

    def __init__(
        self,
        connections: Connections,
        merchants: Merchants,
        secrets: Secrets,
        rules: SettingsRules,
        clock: Clock,
        random_bytes: RandomBytes,
        name_webhooks: NameWebhooks,
        keep_sync_time: Callable[[Connection], None],
        prove: Callable[[Connection, ConnectionSecrets], None],
    ) -> None:
        self._connections = connections
        self._merchants = merchants
        self._secrets = secrets
        self._store = StoreConnection(connections, secrets, clock)
        self._rules = rules
        self._clock = clock
        self._random_bytes = random_bytes
        self._name_webhooks = name_webhooks
        self._keep_sync_time = keep_sync_time
        self._prove = prove

    def get(self, connection_id: str) -> Connection:
        """Return the connection. Raises NotFoundError."""
        return find_connection(self._connections, connection_id)

    def list(self, merchant_id: str, limit: int, cursor: str | None) -> Page[Connection]:
        """Return a page of a merchant's connections, by id."""
        merchant = self._merchant(merchant_id)
        found = sorted(
            self._connections.of_merchant(merchant.merchant_id), key=lambda c: c.connection_id
        )
        return page(found, limit, cursor, lambda c: c.connection_id)

    def create(
        self,
        merchant_id: str,
        *,
        integration: str,
        source: Side,
        destination: Side,
        settings: ConnectionSettings,
        credentials: Credentials,
        base_url: str,
        actor: str,
        made_by: str = "",
    ) -> NewConnection:
        """Link two accounts. Raises ConflictError `account_already_linked` (TEA-02), or
        `number_already_claimed` if another merchant has the sender's number.

        A call that died on its way is finished by its repeat, which has the same `made_by`.
        """
        merchant = self._merchant(merchant_id)
        self._rules.sides(integration, source, destination)
        self._rules.programme(merchant.merchant_id, settings.programme)
        settings = self._rules.settings(settings, merchant.country, destination, integration)
        secrets = self._new_secrets(credentials)
        token, connect_key = new_token(self._random_bytes), new_connect_key(self._random_bytes)
        connection_id = new_scoped_id(merchant.merchant_id, self._random_bytes)
        connection = Connection(
            connection_id=connection_id,
            merchant_id=merchant.merchant_id,
            merchant_name=merchant.name,
            country=merchant.country,
            integration=integration,
            state=ConnectionState.REQUESTED,
            source=source,
            destination=destination,
            settings=settings,
            key_fingerprint=key_fingerprint(secrets.stack_key, connection_id),
            tokens=(HashedSecret(token_hash(token)),),
            connect_keys=(HashedSecret(token_hash(connect_key)),),
            created_at=self._clock.now(),
            public_url=base_url,
            made_by=made_by,
        )
        self._check_room(connection)
        self._secrets.check(secrets)
        self._prove(connection, secrets)
        connection = self._store(
            connection, secrets, multi_link=merchant.allow_multi_link, actor=actor
        )
        webhooks = self._name_webhooks(connection, base_url, token)
        return NewConnection(connection, webhooks, secrets.webhook_secrets[0].value, connect_key)

    def patch(
        self,
        connection_id: str,
        *,
        settings: Mapping[str, Any],
        sides: Mapping[str, Mapping[str, Any]],
        credentials: Credentials,
        actor: str,
    ) -> Connection:
        """Change settings (null = default), where an account is, or its credentials.

        The sender's number is claimed first: from now on it is texted, and STOP has to find us.
        Raises ConflictError `number_already_claimed`.
        """
        current = self.get(connection_id)
        self._check(current, settings, sides)
        if "sender" in settings:
            claim_numbers(self._connections, self._changed(current, settings, sides))
        if "sync_hours" in settings:
            # Before the change: a timer of an interval that is not set ends by itself.
            self._keep_sync_time(self._changed(current, settings, sides))

        def changed(connection: Connection) -> Connection:
            wanted = self._changed(connection, settings, sides)  # an invalid request saves nothing
            if not credentials and settings.get("sender", connection) is not None:
                return wanted
            version = self._save_credentials(connection, wanted, settings, credentials)
            return wanted.with_secrets(version, self._clock.now())

        return change_connection(
            self._connections,
            connection_id,
            changed,
            lambda before, after: audit_entry(
                after,
                self._clock.now(),
                actor,
                "settings_changed",
                {
                    **differences(before.settings, after.settings),
                    **{name: sorted(change) for name, change in sides.items()},
                    "credentials": sorted(credentials),
                },
            ),
            always=bool(credentials),
        )

    def _new_secrets(self, credentials: Credentials) -> ConnectionSecrets:
        """Return the secrets of a new connection: given ones, and a webhook secret of ours."""
        return ConnectionSecrets(
            stack_key=self._secrets.stack_key(),
            webhook_secrets=(SecretValue(new_webhook_secret(self._random_bytes)),),
            source=credentials.get("source", {}),
            destination=credentials.get("destination", {}),
            sender=credentials.get("sender", {}),
        )

    def _merchant(self, merchant_id: str) -> Merchant:
        merchant = self._merchants.get(check_merchant_id(merchant_id))
        if merchant is None:
            raise NotFoundError("no such merchant")
        return merchant

    def _check(
        self,
        connection: Connection,
        settings: Mapping[str, Any],
        sides: Mapping[str, Mapping[str, Any]],
    ) -> None:
        for name, change in sides.items():
            if "base_url" in change:
                self._rules.url(change["base_url"], f"{name}.base_url")
        self._rules.programme(connection.merchant_id, settings.get("programme"))
        if settings.get("programme") is not None:
            wanted = replace(connection.settings, programme=settings["programme"])
            self._check_room(replace(connection, settings=wanted))
        if connection.state is ConnectionState.DISCONNECTED and (settings or sides):
            message = "a disconnected connection stays as it is; make a new one"
            raise InvalidInputError("disconnected", errors=(FieldError("connection_id", message),))

    def _check_room(self, connection: Connection) -> None:
        """Raise InvalidInputError if as many others as can be tell of its programme's points."""
        programme_id = connection.settings.programme
        if programme_id is None or not connection.exports_contacts:
            return
        others = [
            other
            for other in self._connections.of_merchant(connection.merchant_id)
            if other.state is not ConnectionState.DISCONNECTED and not _are_one(other, connection)
        ]
        if len(telling(others, programme_id)) >= MOST_TOLD:
            message = (
                f"{MOST_TOLD} connections export the members of this programme, and no more can: "
                "take it off one of them (settings.programme null) or name another programme"
            )
            error = FieldError("settings.programme", message)
            raise InvalidInputError("too many connections export this programme", errors=(error,))

    def _changed(
        self,
        connection: Connection,
        settings: Mapping[str, Any],
        sides: Mapping[str, Mapping[str, Any]],
    ) -> Connection:
        wanted = self._rules.settings(
            patched(connection.settings, settings),
            connection.country,
            connection.destination,
            connection.integration,
        )
        return replace(
            connection,
            settings=wanted,
            source=replace(connection.source, **sides.get("source", {})),
            destination=replace(connection.destination, **sides.get("destination", {})),
        )

    def _save_credentials(
        self,
        connection: Connection,
        wanted: Connection,
        settings: Mapping[str, Any],
        credentials: Credentials,
    ) -> int:
        known = self._secrets.load(connection.connection_id, connection.secrets_version)
        ended = "sender" in settings and settings["sender"] is None
        # As a whole: a credential that leaked must not outlive its removal.
        changed = replace(
            known,
            source=credentials.get("source", known.source),
            destination=credentials.get("destination", known.destination),
            sender={} if ended else self._sender_secrets(connection, known, settings, credentials),
        )
        if "destination" in credentials:
            self._prove(wanted, changed)
        return self._secrets.save(connection.connection_id, changed)

    @staticmethod
    def _sender_secrets(
        connection: Connection,
        known: ConnectionSecrets,
        settings: Mapping[str, Any],
        credentials: Credentials,
    ) -> Mapping[str, str]:
        """Return the sender's secrets: the new ones, or those it has on the same platform."""
        before, wanted = connection.settings.sender, settings.get("sender")
        other = before is None or (wanted is not None and wanted.platform != before.platform)
        return credentials.get("sender", {} if other else known.sender)


def _are_one(other: Connection, connection: Connection) -> bool:
    """Whether both are one: also if a call that died on its way made the other."""
    made = bool(connection.made_by) and other.made_by == connection.made_by
    return made or other.connection_id == connection.connection_id
