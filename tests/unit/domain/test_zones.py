"""Where a recipient may be: area codes, calling codes, addresses, and the tables behind them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from phonenumbers.geodata import GEOCODE_DATA
from phonenumbers.phonenumberutil import region_code_for_number
from phonenumbers.tzdata import TIMEZONE_DATA

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
from concord.domain.places.regions import LAW_OF, ZONES_OF_PART
from concord.domain.zones import ANYWHERE, place_of
from scripts.requirements import REQUIREMENTS
from tests.support.places import jurisdictions_of, zones_of

ET, CT, MT, PT = "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"
PHOENIX, HAWAII = "America/Phoenix", "Pacific/Honolulu"
US_WIDE, CANADA_WIDE = frozenset(UNITED_STATES.split()), frozenset(CANADA.split())
DAYS = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(2 * 365)]


@cache
def _clock(zone: str) -> tuple[timedelta | None, ...]:
    """Return a zone's offsets of two years: zones that agree in them keep the same time."""
    return tuple(day.astimezone(ZoneInfo(zone)).utcoffset() for day in DAYS)


@pytest.mark.parametrize(
    ("number", "region", "jurisdictions", "zones"),
    [
        ("+12125550123", None, ("US", "US-NY"), {ET}),
        ("+13055550123", None, ("US", "US-FL"), {ET}),
        ("+18505550123", None, ("US", "US-FL"), {ET, CT}),
        ("+16025550123", None, ("US", "US-AZ"), {PHOENIX}),
        ("+19285550123", None, ("US", "US-AZ"), {PHOENIX, MT}),
        ("+19155550123", None, ("US", "US-TX"), {MT}),
        ("+18655550123", None, ("US", "US-TN"), {ET}),
        ("+18085550123", None, ("US", "US-HI"), {HAWAII}),
        ("+17875550123", None, ("US", "US-PR"), {"America/Puerto_Rico"}),
        ("+14165550123", None, ("CA", "CA-ON"), {"America/Toronto"}),
        ("+19025550123", None, ("CA", "CA-NS", "CA-PE"), {"America/Halifax"}),
        ("+18765550123", None, ("JM",), {"America/Jamaica"}),
        # Toll-free, personal, and a code that nobody has assigned yet: anywhere in the country.
        ("+18005550123", None, ("US",), US_WIDE),
        ("+15005550123", None, ("US",), US_WIDE),
        ("+19995550123", None, ("US",), US_WIDE),
        ("+16225550123", None, ("CA",), CANADA_WIDE),
        ("+420777123456", None, ("CZ",), {"Europe/Prague"}),
        ("+33612345678", None, ("FR",), {"Europe/Paris"}),
        # French law, Caribbean time.
        ("+596696123456", None, ("FR",), {"America/Martinique"}),
        ("+34612345678", None, ("ES",), {"Europe/Madrid", "Atlantic/Canary"}),
        # No country at all: nobody can be woken by a text that is never sent.
        ("+80012345678", None, (), ANYWHERE),
        ("+999123456789", None, (), ANYWHERE),
        ("", None, (), ANYWHERE),
        # The address narrows what the number leaves open.
        ("+18005550123", "US-CA", ("US", "US-CA"), {PT}),
        ("+34612345678", "ES-CN", ("ES", "ES-CN"), {"Atlantic/Canary"}),
        ("+447911123456", "GB", ("GB",), {"Europe/London"}),
        ("+19025550123", "CA-NS", ("CA", "CA-NS"), {"America/Halifax"}),
        ("+17875550123", "PR", ("US", "US-PR"), {"America/Puerto_Rico"}),
        ("", "us-fl", ("US", "US-FL"), {ET, CT}),
        # The number narrows what the address leaves open.
        ("+13055550123", "US-FL", ("US", "US-FL"), {ET}),
        ("+13055550123", "US", ("US", "US-FL"), {ET}),
        # A part we have no zones of: its country's.
        ("+4915123456789", "DE-BY", ("DE", "DE-BY"), {"Europe/Berlin"}),
        # They contradict each other: both count.
        ("+13055550123", "US-CA", ("US", "US-FL", "US-CA"), {ET, PT}),
        ("+14165550123", "US-NY", ("CA", "CA-ON", "US", "US-NY"), {"America/Toronto", ET}),
        ("+33612345678", "CZ", ("FR", "CZ"), {"Europe/Paris", "Europe/Prague"}),
        # An address that says nothing.
        ("+13055550123", "Florida", ("US", "US-FL"), {ET}),
        ("+13055550123", "ZZ", ("US", "US-FL"), {ET}),
        ("+13055550123", "US-XX", ("US", "US-FL"), {ET}),
        ("+13055550123", "", ("US", "US-FL"), {ET}),
    ],
)
def test_where_a_recipient_may_be(
    number: str, region: str | None, jurisdictions: tuple[str, ...], zones: set[str]
) -> None:
    """R-01: from number and address; where they disagree, the strictest of both."""
    assert jurisdictions_of(number, region) == jurisdictions
    assert zones_of(number, region) == zones


def _area_codes() -> dict[str, str]:
    """Return area code -> country by libphonenumber."""
    found = {}
    for area in range(200, 1000):
        country = region_code_for_number(phonenumbers.parse(f"+1{area}2345678"))
        if country is not None:
            found[str(area)] = country
    return found


TOLL_FREE = {"800", "833", "844", "855", "866", "877", "888"}
OURS = {
    code: [place for place, codes in AREA_CODES.items() if code in codes.split()]
    for codes in AREA_CODES.values()
    for code in codes.split()
}


def test_of_those_who_share_a_number_each_ones_region_counts() -> None:
    """R-01, TEA-08: any of them may hold the handset, so the strictest of all rules applies."""
    number = "+18005550100"  # toll-free: it says nothing of a state
    florida, california = place_of(number, "US-FL"), place_of(number, "US-CA")
    shared = place_of(number, "US-CA+US-FL")
    assert shared.zones == florida.zones | california.zones
    assert set(shared.jurisdictions) == {*florida.jurisdictions, *california.jurisdictions}
    assert shared != place_of(number, "")


def test_every_area_code_is_in_its_country() -> None:
    """R-01: beside libphonenumber, and the eight overlays that it does not have yet."""
    territories = {"AS", "GU", "MP", "PR", "VI"}
    theirs = _area_codes()
    for area, country in theirs.items():
        wanted = "US" if country in territories else country
        assert jurisdictions_of(f"+1{area}5550123")[0] == wanted, area
    # Toll-free, personal, premium: nowhere in particular.
    nowhere = {area for area in set(theirs) - set(OURS) if area not in CANADA_AT_LARGE}
    assert all(area[0] == "5" or area in TOLL_FREE or area == "900" for area in nowhere)
    assert set(OURS) - set(theirs) == {"436", "457", "471", "621", "679", "729", "861", "924"}


def test_every_area_code_is_in_its_state() -> None:
    """R-01: beside the places that libphonenumber knows behind each area code."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for key, text in GEOCODE_DATA.items():
        name = text.get("en", "")
        if len(key) > 4 and key.startswith("1") and name[-4:-2] == ", ":
            seen[key[1:4]][name[-2:]] += 1
    assert len(seen) > 250
    for area, parts in seen.items():
        # Single exchanges stand beyond their area's border; most tell where the area is.
        [(state, _)] = parts.most_common(1)
        assert state in {place[-2:] for place in OURS[area]}, area


def test_every_area_code_has_the_zones_that_libphonenumber_sees() -> None:
    """R-01: we may add a zone, never miss one."""
    seen: dict[str, set[str]] = defaultdict(set)
    for key, names in TIMEZONE_DATA.items():
        if key.startswith("1") and len(names) < 5:
            seen[key[1:4]] |= set(names)
    # Where their data has more it has too much: Saskatchewan and the Yukon never change their
    # clocks, Orlando is an hour ahead of Chicago, the Aleutians change theirs, Labrador too.
    known = {
        "474": {"America/Winnipeg"},
        "689": {CT},
        "867": {"America/Vancouver"},
        "879": {"America/Puerto_Rico"},
        "907": {HAWAII},
    }
    assert len(seen) > 300
    for area, zones in seen.items():
        if area not in OURS:
            continue
        ours = {_clock(zone) for zone in zones_of(f"+1{area}5550123")}
        theirs = {zone for zone in zones if _clock(zone) not in ours}
        assert theirs <= known.get(area, set()), area


def test_every_country_has_the_zones_of_the_time_zone_database() -> None:
    """R-01: no part of a country is asleep without our knowing."""
    table = (files("tzdata") / "zoneinfo" / "zone.tab").read_text().splitlines()
    seen: dict[str, set[str]] = defaultdict(set)
    for line in table:
        if not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            seen[country].add(zone)
    ours = {**ZONES_OF, "US": UNITED_STATES, "CA": CANADA}
    assert set(seen) - set(ours) == {"UM"}
    for country in ours.keys() & seen.keys():
        clocks = {_clock(zone) for zone in ours[country].split()}
        assert {_clock(zone) for zone in seen[country]} == clocks, country
    for parts in (ZONES_OF_PART, ZONES_OF_REGION):
        for part, zones in parts.items():
            country = part[:2]
            if part not in {"US-AS", "US-GU", "US-MP", "US-PR", "US-VI"}:
                clocks = {_clock(zone) for zone in ours[country].split()}
                assert {_clock(zone) for zone in zones.split()} <= clocks, part


def test_every_calling_code_has_its_countries() -> None:
    """R-01: beside libphonenumber."""
    theirs = {
        str(code): set(countries)
        for code, countries in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()
        if code != 1 and countries != ("001",)
    }
    assert {code: set(names.split()) for code, names in COUNTRIES_OF.items()} == theirs
    for code, names in COUNTRIES_OF.items():
        assert names.split()[0] == phonenumbers.region_code_for_country_code(int(code))
        place = place_of(f"+{code}00000")
        assert place.jurisdictions == tuple(dict.fromkeys(LAW_OF.get(n, n) for n in names.split()))


def test_the_tables_agree_with_one_another() -> None:
    """R-01: each exception is an exception to something."""
    assert set(ACROSS.split()) <= set(OURS)
    assert set(BEYOND) <= set(OURS)
    for area in ACROSS.split():
        assert any(len(ZONES_OF_REGION[p].split()) > 1 for p in OURS[area]) or area == "867", area
    assert {p for p in AREA_CODES if "-" in p} == set(ZONES_OF_REGION)


def test_a_number_is_placed_without_the_number_library() -> None:
    """R-01: a plan of a million recipients parses none of their numbers."""
    code = (
        "import sys; from concord.domain.zones import place_of;"
        "place_of('+420777123456', 'CZ'); sys.exit('phonenumbers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_zone_is_in_the_layer() -> None:
    """R-01: Lambda's image need not have a time zone database; the package tzdata ships one."""
    names = {*ANYWHERE, *US_WIDE, *CANADA_WIDE}
    for table in (ZONES_OF, ZONES_OF_PART, ZONES_OF_REGION, BEYOND):
        names.update(zone for zones in table.values() for zone in zones.split())
    code = (
        "import sys; from zoneinfo import ZoneInfo; [ZoneInfo(n) for n in sys.stdin.read().split()]"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=" ".join(names),
        text=True,
        env={**os.environ, "PYTHONTZPATH": ""},
        check=False,
    )
    assert done.returncode == 0
    assert "tzdata" in REQUIREMENTS.read_text()
