"""What the admin API answers about connections: no credential, and a secret only when made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from concord.domain.connection import Connection, ConnectionState, SenderChoice, Side
from concord.entrypoint.admin.answers import Answer


class SideAnswer(Answer):
    """A linked account."""

    platform: str
    account_id: str
    base_url: str
    credentials: Literal["set"] = "set"
    settings: dict[str, Any]

    @classmethod
    def of(cls, side: Side) -> SideAnswer:
        """Return the answer about `side`."""
        return cls(
            platform=side.platform,
            account_id=side.account_id,
            base_url=side.base_url,
            settings=dict(side.settings),
        )


class SenderAnswer(Answer):
    """Who carries the texts."""

    platform: str
    base_url: str
    sends_from: Annotated[str, Field(alias="from")]
    account_id: str
    credentials: Literal["set"] = "set"
    answers_stop: bool

    @classmethod
    def of(cls, sender: SenderChoice) -> SenderAnswer:
        """Return the answer about `sender`."""
        return cls(
            platform=sender.platform,
            base_url=sender.base_url,
            sends_from=sender.sends_from,
            account_id=sender.account_id,
            answers_stop=sender.answers_stop,
        )


class SettingsAnswer(Answer):
    """What a connection is set to. `fallback_number` null = the account's first number."""

    join_keyword: str
    fallback_number: str | None
    texts: dict[str, str]
    require_signature: bool
    sender: SenderAnswer | None


class ConnectionAnswer(Answer):
    """A connection. `fallback_number` is the one in force (TEA-23)."""

    connection_id: str
    merchant_id: str
    merchant_name: str
    country: str
    integration: str
    state: ConnectionState
    source: SideAnswer
    destination: SideAnswer
    settings: SettingsAnswer
    account: str
    text_numbers: list[str]
    first_number: str | None
    fallback_number: str | None
    created_at: AwareDatetime
    version: int

    @classmethod
    def of(cls, connection: Connection) -> ConnectionAnswer:
        """Return the answer about `connection`."""
        chosen = connection.settings
        return cls(
            connection_id=connection.connection_id,
            merchant_id=connection.merchant_id,
            merchant_name=connection.merchant_name,
            country=connection.country,
            integration=connection.integration,
            state=connection.state,
            source=SideAnswer.of(connection.source),
            destination=SideAnswer.of(connection.destination),
            settings=SettingsAnswer(
                join_keyword=chosen.join_keyword,
                fallback_number=chosen.fallback_number,
                texts=dict(chosen.texts),
                require_signature=chosen.require_signature,
                sender=SenderAnswer.of(chosen.sender) if chosen.sender else None,
            ),
            account=connection.account,
            text_numbers=[number for number, _ in connection.text_numbers],
            first_number=connection.first_number,
            fallback_number=connection.fallback_number,
            created_at=connection.created_at,
            version=connection.version,
        )


class ConnectionCreated(Answer):
    """A new connection with its secrets, shown this once."""

    connection_id: str
    state: ConnectionState
    webhooks: dict[str, str | None]
    webhook_secret: str | None
    connect_key: str | None

    @staticmethod
    def without_secrets(answer: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a repeat is answered with: the URLs hold the token, so they go as well."""
        hidden = dict.fromkeys(answer["webhooks"])
        return {**answer, "webhooks": hidden, "webhook_secret": None, "connect_key": None}


class SecretRotated(Answer):
    """A new secret, shown this once; the others are null."""

    connection_id: str
    what: str
    old_accepted_until: AwareDatetime
    webhooks: dict[str, str | None] | None
    webhook_secret: str | None
    connect_key: str | None

    @staticmethod
    def without_secrets(answer: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a repeat is answered with."""
        return {**answer, "webhooks": None, "webhook_secret": None, "connect_key": None}


class ConnectionPage(Answer):
    """Connections of a merchant."""

    items: list[ConnectionAnswer]
    cursor: str | None


class Checked(Answer):
    """What a live check found: `ok` or `not_checkable` per platform."""

    connection_id: str
    state: ConnectionState
    platforms: dict[str, str]
    text_numbers: list[str]
    first_number: str | None
    fallback_number: str | None


class AuditAnswer(Answer):
    """Who changed what."""

    at: AwareDatetime
    actor: str
    action: str
    details: dict[str, Any]


class AuditPage(Answer):
    """The audit trail, newest first."""

    items: list[AuditAnswer]
    cursor: str | None
