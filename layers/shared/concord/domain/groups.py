"""Groups of shoppers: what is counted of them, and where the rows of their numbers lie."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, unquote

from concord.domain.consent_record import ConsentRecord
from concord.domain.marks import State

# Point ids and shopper keys are evenly spread hex digits. A shard is a range of them, so that
# reading shard after shard yields the numbers of a group in the order of their ids.
GROUP_SHARDS: Final = 8
_PREFIX: Final = "v1."
_LONGEST_ID: Final = 100
_LONGEST_NAME: Final = 900
_JOIN: Final = "+"
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_REGION: Final = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
_PART: Final = re.compile(r"[A-Z0-9]{1,3}")
_SPELLED: Final = {"USA": "US", "UNITED STATES": "US", "CAN": "CA", "CANADA": "CA"}


def shard_of_point(point_id: str) -> int:
    """Return the shard 0..7 of a point id: its first hex digit, halved."""
    return _shard(point_id[len(_PREFIX)])


def shard_of_shopper(shopper_key: str) -> int:
    """Return the shard 0..7 of a shopper key: its first hex digit, halved."""
    return _shard(shopper_key[0])


def _shard(digit: str) -> int:
    return int(digit, 16) // (16 // GROUP_SHARDS)


# --- what a group is called ------------------------------------------------------------------


def is_group_id(text: str) -> bool:
    """Whether a shop may call a group so: 1 to 100 characters, whatever they are."""
    return 0 < len(text) <= _LONGEST_ID and len(group_key(text)) <= _LONGEST_NAME


def group_key(group_id: str) -> str:
    """Return the form of a group id that stands in keys: percent-encoded, so it holds no `#`."""
    return quote(group_id, safe="", errors="replace")


def read_group_key(key: str) -> str:
    """Return the group id of its form in keys."""
    return unquote(key)


# --- who may be texted, and where she lives --------------------------------------------------


def textable(record: ConsentRecord | None) -> bool:
    """Whether the number of this consent may be texted: opted in, which `pending` is not (TEA-06),
    and not known to be dead (R-07).

    It decides what groups count and a plan considers; what is handed over is decided anew, on the
    consent of that moment (TEA-09).
    """
    if record is None or record.marks.suppressed:
        return False
    return record.marks.standing[0] is State.OPTED_IN


def region_of(attributes: Mapping[str, Any], country: str = "") -> str:
    """Return where a shopper lives, as ISO 3166-2 (`US-FL`) or a country (`FR`); "" = not known.

    Read leniently from what her shop sends of her: `region` ("US-FL"), or `country` and `state`
    (also `province`, `region`), by themselves or in `address`. A state without a country is one of
    `country`, the merchant's own. What cannot be read says nothing: then her number alone counts.
    """
    address = attributes.get("address")
    for place in (address if isinstance(address, Mapping) else {}, attributes):
        if found := _region_in(place, country.upper()):
            return found
    return ""


def _region_in(place: Mapping[str, Any], own: str) -> str:
    said = [_clean(place.get(name)) for name in ("region", "state", "province")]
    for text in said:
        if "-" in text and _REGION.fullmatch(text):
            return text
    country = _clean(place.get("country"))
    country = _SPELLED.get(country, country)
    if country and not _COUNTRY.fullmatch(country):
        return ""  # a name that we do not know: its states would be taken for another country's
    part = next((text for text in said if _PART.fullmatch(text)), "")
    if part and (country or own):
        return f"{country or own}-{part}"
    return country


def _clean(value: object) -> str:
    return value.strip().upper() if isinstance(value, str) else ""


def joined_regions(regions: Mapping[str, int]) -> str:
    """Return the known regions of all who share a number, in order: `US-CA+US-FL`."""
    return _JOIN.join(sorted(region for region, count in regions.items() if region and count))


def regions_in(joined: str) -> tuple[str, ...]:
    """Return the single regions of a joined one; none for ""."""
    return tuple(joined.split(_JOIN)) if joined else ()


# --- what is kept of a group -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GroupCounts:
    """A group as "Add from CATAPULT" lists it (TEA-06, TEA-07, TEA-08).

    `total_shoppers` counts all members, with or without a number; `opted_in_shoppers` those with at
    least one textable number; `textable_numbers` the distinct ones.
    """

    group_id: str
    name: str
    total_shoppers: int = 0
    opted_in_shoppers: int = 0
    textable_numbers: int = 0


@dataclass(frozen=True, slots=True)
class TextableNumber:
    """One row of a group: a number that may be texted, by its id. `since` is when it became so in
    this group; `region` is where its owner lives (`US-FL`), if her address is known.

    Shoppers who share a number may live in several regions: `US-CA+US-FL` (`regions_in` parts
    them). Any of them may hold the handset, so the rules and zones of each region count, besides
    those of the number itself, and the strictest applies.
    """

    point_id: str
    since: datetime
    region: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """What the shop said of a group itself; one that it never named has none of this.

    `list_id` names the list of all its members that the shop gave last, `listed` of them, received
    at `listed_at`: "" = it never gave one. `deleted` = the shop wants it no more, and its members
    are leaving it.
    """

    merchant_id: str
    connection_id: str
    group_id: str
    name: str
    version: int = 1
    deleted: bool = False
    list_id: str = ""
    listed: int = 0
    listed_at: datetime | None = None
