"""What the admin API answers about connections: no credential, and a secret only when made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from concord.domain.connection import (
    NULL_SAYS,
    Connection,
    ConnectionSettings,
    ConnectionState,
    SegmentPrice,
)
from concord.domain.mail_texts import MailLanguage
from concord.domain.mails import MailedBy
from concord.domain.texts import with_changes
from concord.entrypoint.admin.base import Actor, Answer, Name, Sent
from concord.entrypoint.admin.sides import SenderAnswer, SenderIn, SideAnswer, SideIn, SidePatch


class PriceAnswer(Answer):
    """What one segment costs."""

    amount: str
    currency: str


class SettingsAnswer(Answer):
    """What a connection is set to. `fallback_number` null = the account's first number; `rate`
    null = what the sending platform declares; `sync_hours` null = groups and shoppers are read on
    demand alone; `programme` null = orders earn no points; `mail_reply_to` null = `mail_from`."""

    join_keyword: str
    fallback_number: str | None
    texts: dict[str, str]
    require_signature: bool
    sender: SenderAnswer | None
    rate: float | None
    depth_seconds: int | None
    segment_price: PriceAnswer | None
    sync_hours: int | None
    programme: str | None
    mails: MailedBy
    mail_from: str | None
    mail_reply_to: str | None
    mails_language: MailLanguage


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
        chosen, price = connection.settings, connection.settings.segment_price
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
                rate=chosen.rate,
                depth_seconds=chosen.depth_seconds,
                segment_price=price and PriceAnswer(amount=price.amount, currency=price.currency),
                sync_hours=chosen.sync_hours,
                programme=chosen.programme,
                mails=chosen.mails,
                mail_from=chosen.mail_from,
                mail_reply_to=chosen.mail_reply_to,
                mails_language=chosen.mails_language,
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


class PriceIn(Sent):
    """What one segment costs the merchant: a decimal number as text, and an ISO 4217 code."""

    amount: Annotated[str, Field(pattern=r"^\d{1,6}(\.\d{1,6})?$")]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class SettingsIn(Sent):
    """What a connection is set to; null or absent = the default (`sync_hours` null: see there)."""

    join_keyword: Annotated[str, Field(min_length=1, max_length=30)] | None = None
    fallback_number: Annotated[str, Field(max_length=40)] | None = None
    texts: dict[str, str | None] | None = None
    require_signature: bool | None = None
    sender: SenderIn | None = None
    rate: float | None = Field(
        default=None,
        description="Texts a second that the account carrying them may send, 0.1 to 1000. "
        "Default: what its platform declares (its README).",
    )
    depth_seconds: int | None = Field(
        default=None,
        description="Seconds of that pace that one bulk call hands over, 1 to 60: how far a STOP "
        "can be behind. Default: 60.",
    )
    segment_price: PriceIn | None = Field(
        default=None, description="What previews reckon with. Default: the cost is unknown."
    )
    sync_hours: Annotated[int, Field(ge=1, le=168)] | None = Field(
        default=None,
        description="The shop's groups and shoppers are read in full when the connection is "
        "connected and then every so many hours. Default: 24; null = on demand alone.",
    )
    programme: Annotated[str, Field(min_length=1, max_length=48)] | None = Field(
        default=None,
        description="The id of the merchant's programme in which the shop's orders earn points. "
        "Default: none, and orders are refused.",
    )
    mails: MailedBy | None = Field(
        default=None,
        description="Who mails customers about their points: `platform` = the contact list's, on "
        "our events; `own` = we do, by SES, and no event is told. Default: platform.",
    )
    mail_from: Annotated[str, Field(max_length=254)] | None = Field(
        default=None,
        description="The address that our own mails come from; one of the stack's MailIdentity.",
    )
    mail_reply_to: Annotated[str, Field(max_length=254)] | None = Field(
        default=None,
        description="Where customers answer our own mails, and ask for no more of them. "
        "Default: mail_from.",
    )
    mails_language: MailLanguage | None = Field(
        default=None, description="The language of our own mails. Default: en."
    )

    def changes(self) -> dict[str, Any]:
        """Return the settings that were sent, in the domain's terms."""
        sent = {
            name: getattr(self, name)
            for name in self.model_fields_set
            if name in SettingsIn.model_fields
        }
        if self.sender:
            sent["sender"] = self.sender.to_choice()
        if self.segment_price:
            sent["segment_price"] = SegmentPrice(**self.segment_price.model_dump())
        return sent

    def to_settings(self) -> ConnectionSettings:
        """Return settings in which everything that was not sent is the default."""
        given = {
            name: value
            for name, value in self.changes().items()
            if value is not None or name in NULL_SAYS
        }
        if "texts" in given:
            given["texts"] = with_changes({}, given["texts"])
        return ConnectionSettings(**given)


class ConnectionPost(Sent):
    """Two accounts to link."""

    integration: Name
    source: SideIn
    destination: SideIn
    settings: SettingsIn = SettingsIn()
    actor: Actor | None = None

    def credentials(self) -> dict[str, dict[str, str]]:
        """Return the credentials of all sides."""
        sender = self.settings.sender
        return {
            "source": self.source.credentials,
            "destination": self.destination.credentials,
            "sender": (sender.credentials if sender else None) or {},
        }


class ConnectionPatch(SettingsIn):
    """Changes; null = the default. Settings may stand under `settings` or at the top."""

    settings: SettingsIn | None = None
    source: SidePatch | None = None
    destination: SidePatch | None = None
    actor: Actor | None = None

    def setting_changes(self) -> dict[str, Any]:
        """Return the changed settings, wherever they stood."""
        return {**self.changes(), **(self.settings.changes() if self.settings else {})}

    def side_changes(self) -> dict[str, dict[str, Any]]:
        """Return what changes about the accounts."""
        sides = {"source": self.source, "destination": self.destination}
        return {name: change for name, side in sides.items() if side and (change := side.changes())}

    def new_credentials(self) -> dict[str, dict[str, str]]:
        """Return the credentials that were sent."""
        nested = self.settings.sender if self.settings else None
        parts = {
            "source": self.source,
            "destination": self.destination,
            "sender": nested or self.sender,
        }
        return {name: part.credentials for name, part in parts.items() if part and part.credentials}


class StatePost(Sent):
    """The state that a connection shall have."""

    state: ConnectionState
    actor: Actor | None = None
