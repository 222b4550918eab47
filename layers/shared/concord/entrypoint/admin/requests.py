"""What callers of the admin API send."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from concord.domain.connection import ConnectionSettings, ConnectionState, SenderChoice, Side
from concord.domain.identity import Channel
from concord.domain.merchant import Merchant

type Name = Annotated[str, Field(min_length=1, max_length=200)]
type Url = Annotated[str, Field(min_length=1, max_length=500)]
type Point = Annotated[str, Field(min_length=1, max_length=300)]
type Actor = Annotated[str, Field(min_length=1, max_length=200)]
type Credential = Annotated[str, Field(min_length=1, max_length=2000)]
type Credentials = Annotated[dict[str, Credential], Field(min_length=1, max_length=10)]
type BodyState = Literal["processed", "ignored", "unknown", "kept", "failed"]
type Scalar = Annotated[int, Field(ge=-(10**9), le=10**9)] | bool | str | None
type Options = dict[str, Scalar | list[Scalar] | dict[str, Scalar]]

# What these map are names of the platform's own, whatever they sound like.
_OF_NAMES: Final = frozenset({"fields", "types"})
# The name of a header that carries a secret is none itself.
_SECRET_NAME: Final = re.compile(r"(?!.*header$).*(secret|token|passw|api_?key|auth)", re.I)


def _without_secrets(settings: Options) -> Options:
    """Refuse what belongs to the credentials: settings are stored in clear text and shown."""
    names = set(settings)
    for name, value in settings.items():
        names |= set(value) if isinstance(value, dict) and name not in _OF_NAMES else set()
    if found := sorted(name for name in names if _SECRET_NAME.match(name)):
        raise PydanticCustomError(
            "secret_in_settings",
            "settings are shown to everybody: put {names} under credentials",
            {"names": ", ".join(found)},
        )
    return settings


type SideSettings = Annotated[Options, AfterValidator(_without_secrets)]


class Sent(BaseModel):
    """A request: unknown fields are refused, so that a typing error is noticed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class MerchantPut(Sent):
    """A merchant. `country` (ISO 3166) reads national numbers; `time_zone` is IANA."""

    name: Name
    time_zone: Annotated[str, Field(min_length=1, max_length=60)]
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    quiet_hours: Options | None = None
    frequency_cap: Options | None = None

    def to_merchant(self, merchant_id: str) -> Merchant:
        """Return it as the domain has it."""
        return Merchant(
            merchant_id=merchant_id,
            name=self.name,
            time_zone=self.time_zone,
            country=self.country,
            quiet_hours=self.quiet_hours or {},
            frequency_cap=self.frequency_cap or {},
        )


class MultiLinkPut(Sent):
    """Whether the merchant may link several messaging accounts (TEA-04)."""

    allowed: bool
    actor: Actor | None = None


class SideIn(Sent):
    """One of the two accounts to link. `credentials` are stored and never shown."""

    platform: Name
    account_id: Name
    base_url: Url
    credentials: Annotated[Credentials, Field(repr=False)]
    settings: SideSettings = {}

    def to_side(self) -> Side:
        """Return it without its credentials."""
        return Side(self.platform, self.account_id, self.base_url, self.settings)


class SenderIn(Sent):
    """Who carries the texts, if not the destination itself."""

    platform: Name
    base_url: Url | None = None
    sends_from: Annotated[Name, Field(alias="from")]
    account_id: Name | None = None
    # AWS needs none: the function's role is its credential.
    credentials: Annotated[dict[str, Credential] | None, Field(max_length=10, repr=False)] = None
    answers_stop: bool | None = Field(
        default=None,
        description="Whether the carrier confirms STOP and HELP itself. "
        "Default: false for Text-Em-All, true for other senders.",
    )

    def to_choice(self) -> SenderChoice:
        """Return it without its credentials."""
        by_carrier = self.platform != "text_em_all"
        return SenderChoice(
            platform=self.platform,
            base_url=self.base_url or "",
            sends_from=self.sends_from,
            answers_stop=by_carrier if self.answers_stop is None else self.answers_stop,
            account_id=self.account_id or "",
        )


class SettingsIn(Sent):
    """What a connection is set to; null or absent = the default."""

    join_keyword: Annotated[str, Field(min_length=1, max_length=30)] | None = None
    fallback_number: Annotated[str, Field(max_length=40)] | None = None
    texts: dict[str, str | None] | None = None
    require_signature: bool | None = None
    sender: SenderIn | None = None

    def changes(self) -> dict[str, Any]:
        """Return the settings that were sent, in the domain's terms."""
        sent = {
            name: getattr(self, name)
            for name in self.model_fields_set
            if name in SettingsIn.model_fields
        }
        sender = sent.get("sender")
        return {**sent, "sender": sender.to_choice()} if sender else sent

    def to_settings(self) -> ConnectionSettings:
        """Return settings in which everything that was not sent is the default."""
        given = {name: value for name, value in self.changes().items() if value is not None}
        if "texts" in given:
            given["texts"] = {kind: text for kind, text in given["texts"].items() if text}
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


class SidePatch(Sent):
    """What may change about a linked account: everything but which one it is."""

    base_url: Url | None = None
    credentials: Annotated[Credentials | None, Field(repr=False)] = None
    settings: SideSettings | None = None

    def changes(self) -> dict[str, Any]:
        """Return what changes on the connection's row."""
        return self.model_dump(include={"base_url", "settings"}, exclude_none=True)


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


class RotatePost(Sent):
    """A secret to replace; the old one is accepted for `grace_seconds` more."""

    what: Literal["token", "connect_key", "webhook_secret"]
    grace_seconds: Annotated[int, Field(ge=0, le=30 * 86_400)] = 86_400
    actor: Actor | None = None


class PointPost(Sent):
    """A number or an address."""

    channel: Channel = Channel.SMS
    point: Point


class ImportRow(Sent):
    """An opt-in that was given elsewhere. `occurred_at` is RFC 3339."""

    point: Annotated[str, Field(max_length=300)]
    channel: Annotated[str, Field(max_length=20)] | None = None
    occurred_at: Annotated[str, Field(max_length=40)] | None = None
    evidence: Annotated[Annotated[str, Field(max_length=2000)] | None, Field(repr=False)] = None


class ImportPost(Sent):
    """Opt-ins to import; `attestation` says where they come from and who vouches for it."""

    import_id: Name
    attestation: Annotated[str, Field(min_length=1, max_length=2000, repr=False)]
    rows: Annotated[list[ImportRow], Field(min_length=1, max_length=500)]


class DecisionPost(Sent):
    """Who decides, where the caller's own identity does not say."""

    actor: Actor | None = None


class ReplaysPost(Sent):
    """A span of time whose bodies are applied again."""

    start: Annotated[AwareDatetime, Field(alias="from")]
    end: Annotated[AwareDatetime, Field(alias="to")]
    connection_id: Name | None = None


class PageQuery(BaseModel):
    """Which part of a list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: Annotated[str, Field(max_length=500)] | None = None


class ReviewQuery(PageQuery):
    """Which reviews: likely opt-outs, or numbers that no shopper carries."""

    kind: Literal["fuzzy", "unmatched"] = "fuzzy"


class InboxQuery(PageQuery):
    """Which bodies; without a span, all of the last 30 days."""

    state: BodyState | None = None
    start: Annotated[AwareDatetime | None, Field(alias="from")] = None
    end: Annotated[AwareDatetime | None, Field(alias="to")] = None


class ImportQuery(BaseModel):
    """How to import. `import_id` names a CSV file; by default it is named after its content."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dry_run: bool = False
    import_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
