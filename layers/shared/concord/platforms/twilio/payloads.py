"""Twilio's Message resource, as far as we use it."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _rfc2822(value: object) -> object:
    return parsedate_to_datetime(value) if isinstance(value, str) else value


class Message(BaseModel):
    """A message, as the send answers and as the list shows it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    sid: str
    to: str = ""
    body: str = ""
    direction: str = ""
    sender: str | None = Field(alias="from", default=None)
    messaging_service_sid: str | None = None
    date_created: Annotated[datetime | None, BeforeValidator(_rfc2822)] = None


class MessagePage(BaseModel):
    """A page of the list, newest first."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    messages: list[Message] = []
