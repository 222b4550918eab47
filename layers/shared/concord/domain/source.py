"""What a shop shows of its groups and shoppers when it is read page by page."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SourceGroup:
    """A group, by the shop's own id."""

    group_id: str
    name: str


@dataclass(frozen=True, slots=True)
class SourceShopper:
    """A shopper as her shop shows her: numbers as they are spelled there, nothing of consent.

    `region` is the code of where she lives within `country` (`FL`), or both (`US-FL`). What the
    shop does not show is "".
    """

    shopper_id: str = field(repr=False)
    first_name: str = field(default="", repr=False)
    last_name: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    phones: tuple[str, ...] = field(default=(), repr=False)
    group_ids: tuple[str, ...] = ()
    guest: bool = False
    country: str = ""
    region: str = ""
    postal_code: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SourcePage[T]:
    """A part of a list. `cursor` brings the next part; None = this was the last.

    `total` is how many the whole list has, None if the shop does not say. `unreadable` counts the
    entries without an id: whoever they are, they are listed.
    """

    items: tuple[T, ...]
    cursor: str | None = None
    total: int | None = None
    unreadable: int = 0
