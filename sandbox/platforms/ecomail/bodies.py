"""What Ecomail's calls take."""

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, field_validator

from sandbox.accounts import Seed

_MAX_FIELDS, _MAX_TAGS, _MAX_TAG, _MAX_VALUE = 5000, 2000, 50, 20_000


class NewList(Seed):
    """Body of `POST /lists`."""

    name: str = Field(min_length=1)
    from_name: str
    from_email: str = Field(pattern="@")
    reply_to: str = Field(pattern="@")


class TypedValue(Seed):
    """A field's value with its type."""

    value: str | int | float | None
    type: Literal["string", "int", "date"] = "string"


class SubscriberData(BaseModel):
    """`subscriber_data`: a contact. Only what is given is changed."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
    name: str | None = None
    surname: str | None = None
    gender: Literal["male", "female"] | None = None
    status: Literal[1, 2, 3, 4, 5, 6] | None = None
    company: str | None = None
    city: str | None = None
    street: str | None = None
    zip: str | None = None
    country: str | None = None
    phone: str | None = None
    pretitle: str | None = None
    surtitle: str | None = None
    birthday: date | None = None
    nameday: str | None = None
    vokativ: str | None = None
    source: str | None = None
    custom_fields: dict[str, TypedValue] = {}
    tags: list[str] = []
    groups: dict[str, Any] = {}

    @field_validator("custom_fields", mode="before")
    @classmethod
    def _spell(cls, given: object) -> object:
        """Trim and lower the keys, refuse two that are one then, and let a value stand alone."""
        if not isinstance(given, dict):
            return given
        keys = [str(key).strip().lower() for key in given]
        if len(set(keys)) != len(keys):
            raise ValueError("duplicate keys")
        if sum(len(f"{key}{value}") for key, value in given.items()) > _MAX_FIELDS:
            raise ValueError("too long")
        values = (v if isinstance(v, dict) else {"value": v} for v in given.values())
        return dict(zip(keys, values, strict=True))

    @field_validator("tags")
    @classmethod
    def _short(cls, tags: list[str]) -> list[str]:
        if sum(map(len, tags)) > _MAX_TAGS or any(len(tag) > _MAX_TAG for tag in tags):
            raise ValueError("too long")
        return tags


class Subscribe(Seed):
    """Body of `POST /lists/{id}/subscribe`."""

    subscriber_data: SubscriberData
    trigger_autoresponders: StrictBool = False
    trigger_notification: StrictBool = False
    update_existing: StrictBool = False
    skip_confirmation: StrictBool = False
    resubscribe: StrictBool = False


class SubscribeBulk(Seed):
    """Body of `POST /lists/{id}/subscribe-bulk`."""

    subscriber_data: list[SubscriberData]
    update_existing: StrictBool = True
    resubscribe: StrictBool = False
    trigger_autoresponders: StrictBool = False


class Update(Seed):
    """Body of `PUT /lists/{id}/update-subscriber`."""

    email: str
    subscriber_data: dict[str, Any]


class Unsubscribe(Seed):
    """Body of `DELETE /lists/{id}/unsubscribe`."""

    email: str


class Event(Seed):
    """An event for the tracker."""

    email: str
    category: str = Field(min_length=1)
    action: str = Field(min_length=1)
    label: str | None = None
    property: str | None = None
    value: str | dict[str, Any] | list[Any] | None = None

    @field_validator("value")
    @classmethod
    def _fits(cls, value: object) -> object:
        if len(str(value)) > _MAX_VALUE:
            raise ValueError("too long")
        return value


class NewEvent(Seed):
    """Body of `POST /tracker/events`."""

    event: Event


# --- controls -------------------------------------------------------------------------------------


class ListSettings(Seed):
    """Body of `PUT /ecomail/_lists/{account}/{id}`: what a person sets by hand."""

    name: str | None = None
    double_optin: StrictBool | None = None
    dated: StrictBool | None = None
    webhook_url: str | None = None
    custom_fields: dict[str, Literal["string", "int", "date"]] = Field(default_factory=dict)


class Form(Seed):
    """Body of `POST /ecomail/_form`: a person signs up, confirms, or leaves.

    `times` posts the webhook so often, `campaign_id` says by which mail's link she left.
    """

    account_id: str
    list_id: int
    email: str = Field(min_length=3)
    action: Literal["subscribe", "confirm", "unsubscribe"]
    campaign_id: int | None = None
    times: int = Field(default=1, ge=0, le=10)


class Hook(Seed):
    """Body of `POST /ecomail/_hook`: a webhook that comes late, or `times` once more."""

    account_id: str
    list_id: int
    email: str = Field(min_length=3)
    status: Literal["SUBSCRIBED", "UNSUBSCRIBED"] = "SUBSCRIBED"
    times: int = Field(default=1, ge=1, le=10)


class Wait(Seed):
    """Body of `POST /ecomail/_wait`: so many seconds pass for the limit of calls."""

    seconds: float = Field(ge=0)
