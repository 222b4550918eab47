"""Groups of shoppers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from concord.entrypoint.admin.base import Answer, PageQuery, Sent

type GroupId = Annotated[str, Field(min_length=1, max_length=100)]


class GroupQuery(PageQuery):
    """Which groups: those with somebody to text, or `all`."""

    everything: Annotated[bool, Field(alias="all")] = False


class GroupAnswer(Answer):
    """A group. `total_shoppers` counts all members, with or without a number; `opted_in_shoppers`
    those with a number that may be texted; `textable_numbers` the distinct such numbers."""

    group_id: str
    name: str
    total_shoppers: int
    opted_in_shoppers: int
    textable_numbers: int


class GroupPage(Answer):
    """Groups by id."""

    items: list[GroupAnswer]
    cursor: str | None


class RecapPost(Sent):
    """The groups that are chosen so far."""

    group_ids: Annotated[list[GroupId], Field(min_length=1, max_length=200)]


class Recap(Answer):
    """How many distinct numbers the chosen groups have: one that two of them or two shoppers share
    counts once."""

    group_ids: list[str]
    textable_numbers: int
