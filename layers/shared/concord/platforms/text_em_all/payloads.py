"""Text-Em-All's JSON, as far as we use it (PascalCase on their side)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class _Theirs(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True, frozen=True)


class TextNumber(_Theirs):
    """One of the account's own numbers. Ids grow, so the lowest is the oldest."""

    text_number_id: int = Field(alias="TextNumberID")
    text_phone_number: str = Field(alias="TextPhoneNumber")


class TextNumberFeed(_Theirs):
    """A page of text numbers; `size` counts those of all pages."""

    size: int = Field(alias="Size", default=0)
    items: list[TextNumber] = Field(alias="Items", default=[])


class Message(_Theirs):
    """The last text of a conversation."""

    text_message_id: str | None = Field(alias="TextMessageID", default=None)


class Conversation(_Theirs):
    """A conversation, as `POST /conversations` answers and as the feed lists it."""

    conversation_id: str = Field(alias="ConversationID")
    integration_data: str | None = Field(alias="IntegrationData", default=None)
    last_message: Message | None = Field(alias="LastMessage", default=None)

    @property
    def message_id(self) -> str:
        """Return the text's own id, or its conversation's where the text has none."""
        own = self.last_message.text_message_id if self.last_message else None
        return own or self.conversation_id


class ConversationFeed(_Theirs):
    """A page of conversations; `items` None = it is no feed at all."""

    size: int = Field(alias="Size", default=0)
    items: list[Conversation] | None = Field(alias="Items", default=None)


class Contact(_Theirs):
    """A contact of a broadcast."""

    primary_phone: str | None = Field(alias="PrimaryPhone", default=None)


class FailedContact(_Theirs):
    """A contact that was left out (seen in the answer of `POST /draftbroadcasts`)."""

    error_code: str | None = Field(alias="ErrorCode", default=None)
    contact: Contact | None = Field(alias="Contact", default=None)


class Broadcast(_Theirs):
    """A broadcast, as `POST /broadcasts` answers and as the feed lists it."""

    broadcast_id: str = Field(alias="BroadcastID", min_length=1)
    name: str | None = Field(alias="BroadcastName", default=None)
    failed_contacts: list[FailedContact] | None = Field(alias="FailedContacts", default=None)


class BroadcastFeed(_Theirs):
    """A page of broadcasts; `items` None = it is no feed at all."""

    size: int = Field(alias="Size", default=0)
    items: list[Broadcast] | None = Field(alias="Items", default=None)
