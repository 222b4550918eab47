"""Contact lists, and exports of contacts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from concord.entrypoint.admin.base import Answer, Sent

type Word = Annotated[str, Field(min_length=1, max_length=200)]
type Address = Annotated[str, Field(min_length=3, max_length=320, pattern=r"^[^@\s]+@[^@\s]+$")]


class ListAnswer(Answer):
    """A list of contacts, by the platform's own id."""

    list_id: str
    name: str


class ListPage(Answer):
    """The lists of an account; `chosen` is the one that contacts are exported to."""

    items: list[ListAnswer]
    chosen: str | None


class ListPost(Sent):
    """A list to be made: its name, and whom its mails come from."""

    name: Word
    from_name: Word
    from_email: Address
    reply_to: Address | None = None
