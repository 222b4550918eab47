"""Where a recipient may be: the jurisdictions and time zones behind a number and an address."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from concord.domain.groups import regions_in
from concord.domain.places.calling_codes import COUNTRIES_OF
from concord.domain.places.countries import ZONES_OF
from concord.domain.places.north_america import (
    ACROSS,
    AREA_CODES,
    BEYOND,
    CANADA,
    CANADA_AT_LARGE,
    UNITED_STATES,
    ZONES_OF_REGION,
)
from concord.domain.places.regions import LAW_OF, UNITED_STATES_TERRITORIES, ZONES_OF_PART

# Nothing known: there is no hour at which nobody on earth sleeps, so nothing is sent.
ANYWHERE: Final = frozenset(
    [*(f"Etc/GMT+{n}" for n in range(1, 13)), *(f"Etc/GMT-{n}" for n in range(1, 15)), "Etc/GMT"]
)
_REGION: Final = re.compile(r"([A-Z]{2})(?:-([A-Z0-9]{1,3}))?")
_COUNTRY_ZONES: Final = {**ZONES_OF, "US": UNITED_STATES, "CA": CANADA}
_ACROSS: Final = frozenset(ACROSS.split())
_PART_ZONES: Final = {**ZONES_OF_PART, **ZONES_OF_REGION}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a recipient may be.

    jurisdictions   whose rules count, a country before its parts: ("US", "US-FL"); () = unknown
    zones           the IANA zones she may be in; never empty
    """

    jurisdictions: tuple[str, ...]
    zones: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Spot:
    """One of the places that a number or an address may mean. `part` is its ISO 3166-2 code."""

    country: str
    part: str | None
    zones: frozenset[str]

    def may_be(self, other: _Spot) -> bool:
        """Tell whether both can be true of one place."""
        if self.country != other.country:
            return False
        return self.part is None or other.part is None or self.part == other.part

    def within(self, other: _Spot) -> _Spot:
        """Return what both leave; `may_be` holds."""
        # An area code may know more of the time than the state does, and the other way round.
        zones = (self.zones & other.zones) or other.zones
        return _Spot(self.country, self.part or other.part, zones)


def place_of(number: str, region: str | None = None) -> Place:
    """Return where the recipient may be.

    number  E.164; anything else says nothing
    region  of her address if it is known: ISO 3166-2 (US-CA) or a country (FR); those of several
            shoppers who share the number (US-CA+US-FL) all count, as any of them may hold it

    Address and number narrow each other down. If they contradict each other she may be at either:
    the rules and zones of both count.
    """
    return _place(_prefix(number), region or "")


def _prefix(number: str) -> str:
    """Return what a number says of a place: `1` and the area code, or the calling code.

    So a cache knows area codes and no numbers.
    """
    if number.startswith("+1"):
        return number[1:5]
    for length in (2, 3, 1):
        if number[1 : 1 + length] in COUNTRIES_OF:
            return number[1 : 1 + length] if number.startswith("+") else ""
    return ""


@lru_cache(maxsize=8192)
def _place(prefix: str, region: str) -> Place:
    if len(shared := regions_in(region)) > 1:
        places = [_place(prefix, part) for part in shared]
        names = dict.fromkeys(name for place in places for name in place.jurisdictions)
        return Place(tuple(names), frozenset().union(*(place.zones for place in places)))
    spots, address = _spots(prefix), _address(region)
    if address is not None:
        agreed = tuple(spot.within(address) for spot in spots if spot.may_be(address))
        spots = agreed or (*spots, address)
    if not spots:
        return Place((), ANYWHERE)
    laws: dict[str, None] = {}
    for spot in spots:
        laws[LAW_OF.get(spot.country, spot.country)] = None
        if spot.part is not None:
            laws[spot.part] = None
    return Place(tuple(laws), frozenset().union(*(spot.zones for spot in spots)))


def _spots(prefix: str) -> tuple[_Spot, ...]:
    if not prefix.startswith("1"):
        countries = COUNTRIES_OF.get(prefix, "").split()
        return tuple(_Spot(country, None, _zones(country)) for country in countries)
    area = prefix[1:]
    if spots := _AREAS.get(area):
        return spots
    country = "CA" if area in CANADA_AT_LARGE else "US"
    return (_Spot(country, None, _zones(country)),)


def _address(region: str) -> _Spot | None:
    """Return where an address is; None for what cannot be read."""
    match = _REGION.fullmatch(region.strip().upper())
    if match is None:
        return None
    country, part = match[1], match[0]
    if country in UNITED_STATES_TERRITORIES:
        country, part = "US", f"US-{country}"
    if country not in _COUNTRY_ZONES:
        return None
    if part == country or (country in ("US", "CA") and part not in ZONES_OF_REGION):
        return _Spot(country, None, _zones(country))
    return _Spot(country, part, _zones(part) if part in _PART_ZONES else _zones(country))


def _zones(name: str) -> frozenset[str]:
    return frozenset((_PART_ZONES.get(name) or _COUNTRY_ZONES[name]).split())


def _area_spots() -> dict[str, tuple[_Spot, ...]]:
    found: dict[str, tuple[_Spot, ...]] = {}
    for place, codes in AREA_CODES.items():
        country, dash, _ = place.partition("-")
        for code in codes.split():
            spot = _Spot(country, place if dash else None, _area_zones(code, place))
            found[code] = (*found.get(code, ()), spot)
    return found


def _area_zones(code: str, place: str) -> frozenset[str]:
    if code in BEYOND:
        return frozenset([BEYOND[code]])
    zones = (_PART_ZONES.get(place) or _COUNTRY_ZONES[place]).split()
    return frozenset(zones if code in _ACROSS else zones[:1])


_AREAS: Final = _area_spots()
