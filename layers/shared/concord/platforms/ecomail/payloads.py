"""Ecomail's JSON, as far as we use it. An empty PHP map arrives as an empty list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, RootModel


def _map(value: object) -> object:
    return {} if value in ([], None) else value


type Fields = Annotated[Mapping[str, Any], BeforeValidator(_map)]


class _Theirs(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True, frozen=True)


class ListEntry(_Theirs):
    """A list, as `GET /lists` has it and `POST /lists` answers."""

    id: str = Field(min_length=1)
    name: str | None = None


class ListFeed(RootModel[list[ListEntry]]):
    """All lists of an account."""


class ListDetail(_Theirs):
    """A list with its fields: key -> `{type, name}`."""

    custom_fields: Fields = {}


class ListAnswer(_Theirs):
    """Answer of `GET /lists/{id}`."""

    list: ListDetail


class SubscribeAnswer(_Theirs):
    """Answer of `POST /lists/{id}/subscribe`; `already_subscribed` is there for a known contact."""

    already_subscribed: bool = False


class UpdateAnswer(RootModel[Any]):
    """Answer of `PUT /lists/{id}/update-subscriber`: any JSON, for nothing in it is needed."""


class BulkAnswer(_Theirs):
    """Answer of `POST /lists/{id}/subscribe-bulk`."""

    inserts: int = 0


class SubscriberDetail(_Theirs):
    """A contact in a list; a field is a value, or `{value, type}`."""

    email: str
    status: int | None = None
    custom_fields: Fields = {}
    subscribed_at: Any = None


class SubscriberAnswer(_Theirs):
    """Answer of `GET /lists/{id}/subscriber/{email}`."""

    subscriber: SubscriberDetail
