"""The two sides of a connection and its sender, as they are sent and shown."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from concord.domain.connection import (
    SenderChoice,
    Side,
)
from concord.domain.profiles import NEVER_CALLED
from concord.entrypoint.admin.base import Answer, Name, Options, Sent, Url

type Credential = Annotated[str, Field(min_length=1, max_length=2000)]


type Phone = Annotated[str, Field(min_length=1, max_length=40)]


type Credentials = Annotated[dict[str, Credential], Field(min_length=1, max_length=10)]


# What these map are names of the platform's own, whatever they sound like.
_OF_NAMES: Final = frozenset({"fields", "types", "words"})


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


class SideIn(Sent):
    """One of the two accounts to link. `credentials` are stored and never shown; {} for a platform
    that we never call."""

    platform: Name
    account_id: Name
    base_url: Url
    credentials: Annotated[dict[str, Credential], Field(max_length=10, repr=False)]
    settings: SideSettings = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_credentials(self) -> Self:
        if not self.credentials and self.platform not in NEVER_CALLED:
            raise ValueError("credentials: give the account's, as its platform names them")
        return self

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
    settings: SideSettings = Field(default_factory=dict)
    numbers: Annotated[list[Phone], Field(max_length=100)] = Field(
        default_factory=list,
        description="The numbers behind a `from` that is none: a STOP to one of them is for this "
        "connection.",
    )
    answers_stop: bool | None = Field(
        default=None,
        description="Whether the carrier confirms STOP and HELP itself. "
        "Default: what the platform does.",
    )

    def to_choice(self) -> SenderChoice:
        """Return it without its credentials."""
        return SenderChoice(
            platform=self.platform,
            base_url=self.base_url or "",
            sends_from=self.sends_from,
            answers_stop=self.answers_stop,
            account_id=self.account_id or "",
            settings=self.settings,
            numbers=tuple(self.numbers),
        )


class SidePatch(Sent):
    """What may change about a linked account: everything but which one it is."""

    base_url: Url | None = None
    credentials: Annotated[Credentials | None, Field(repr=False)] = None
    settings: SideSettings | None = None

    def changes(self) -> dict[str, Any]:
        """Return what changes on the connection's row."""
        return self.model_dump(include={"base_url", "settings"}, exclude_none=True)


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
    settings: dict[str, Any]
    numbers: list[str]
    answers_stop: bool

    @classmethod
    def of(cls, sender: SenderChoice) -> SenderAnswer:
        """Return the answer about `sender`."""
        return cls(
            platform=sender.platform,
            base_url=sender.base_url,
            sends_from=sender.sends_from,
            account_id=sender.account_id,
            settings=dict(sender.settings),
            numbers=list(sender.numbers),
            answers_stop=bool(sender.answers_stop),
        )
