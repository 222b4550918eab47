"""Quiet hours: the rules of each place, clocks that change, and the next moment that is allowed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from concord.domain import quiet_hours
from concord.domain.holidays import easter, is_holiday
from concord.domain.law import quiet_rules
from concord.domain.merchant_window import parse_quiet_hours
from concord.domain.quiet_hours import LOOK_AHEAD, HoursDecision, QuietHours
from concord.domain.rule_packs.shapes import Holidays, QuietRule, Week, every_day, hours
from concord.domain.zones import Place, place_of
from tests.support.places import decide_hours

NEW_YORK, CALIFORNIA, FLORIDA = "+12125550123", "+12135550123", "+13055550123"
CONNECTICUT, RHODE_ISLAND, TEXAS = "+18605550123", "+14015550123", "+12145550123"
ARIZONA, TOLL_FREE = "+16025550123", "+18005550123"
PARIS, LONDON, SYDNEY, LORD_HOWE = "+33612345678", "+442079460123", "+61412345678", "AU-NSW"
MERCHANT = parse_quiet_hours({"from": "10:00", "to": "18:00"})
ALL_DAY = parse_quiet_hours({"from": "00:00", "to": "24:00"})


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _may(text: str, number: str, region: str | None = None) -> bool:
    return decide_hours(_at(text), number, region).allowed


@pytest.mark.parametrize(
    ("number", "opens", "last"),
    [
        # Offsets are those of the place on that day; 2026-06-10 is a Wednesday.
        (NEW_YORK, "2026-06-10T08:00-04:00", "2026-06-10T20:59-04:00"),
        (CALIFORNIA, "2026-06-10T08:00-07:00", "2026-06-10T20:59-07:00"),
        (ARIZONA, "2026-06-10T08:00-07:00", "2026-06-10T20:59-07:00"),
        (FLORIDA, "2026-06-10T08:00-04:00", "2026-06-10T19:59-04:00"),
        ("+13015550123", "2026-06-10T08:00-04:00", "2026-06-10T19:59-04:00"),  # Maryland
        ("+16015550123", "2026-06-10T08:00-05:00", "2026-06-10T19:59-05:00"),  # Mississippi
        ("+12015550123", "2026-06-10T08:00-04:00", "2026-06-10T19:59-04:00"),  # New Jersey
        ("+14055550123", "2026-06-10T08:00-05:00", "2026-06-10T19:59-05:00"),  # Oklahoma
        ("+12065550123", "2026-06-10T08:00-07:00", "2026-06-10T19:59-07:00"),  # Washington
        (CONNECTICUT, "2026-06-10T09:00-04:00", "2026-06-10T19:59-04:00"),
        (RHODE_ISLAND, "2026-06-12T09:00-04:00", "2026-06-12T17:59-04:00"),
        (RHODE_ISLAND, "2026-06-13T10:00-04:00", "2026-06-13T16:59-04:00"),
        (RHODE_ISLAND, "2026-06-14T10:00-04:00", "2026-06-14T16:59-04:00"),
        (TEXAS, "2026-06-13T09:00-05:00", "2026-06-13T20:59-05:00"),
        (TEXAS, "2026-06-14T12:00-05:00", "2026-06-14T20:59-05:00"),
        (PARIS, "2026-06-13T08:00+02:00", "2026-06-13T21:59+02:00"),
        # No pack has hours for these: the house's.
        (LONDON, "2026-06-14T08:00+01:00", "2026-06-14T20:59+01:00"),
        ("+420777123456", "2026-06-14T08:00+02:00", "2026-06-14T20:59+02:00"),
        # Two zones: 8 in the later, until 8 in the earlier one.
        ("+18505550123", "2026-06-10T08:00-05:00", "2026-06-10T19:59-04:00"),
        # Anywhere in the country: from 8 in Hawaii until 9 in New York.
        (TOLL_FREE, "2026-06-10T08:00-10:00", "2026-06-10T20:59-04:00"),
    ],
)
def test_the_hours_of_a_place(number: str, opens: str, last: str) -> None:
    """R-01: strictest rule in every zone the recipient may be in; the end is exclusive."""
    minute = timedelta(minutes=1)
    assert decide_hours(_at(opens), number).allowed
    assert decide_hours(_at(last), number).allowed
    assert decide_hours(_at(last) + timedelta(seconds=59), number).allowed
    early, late = (
        decide_hours(_at(opens) - minute, number),
        decide_hours(_at(last) + minute, number),
    )
    assert (early.allowed, early.next_at) == (False, _at(opens))
    assert not late.allowed
    assert late.next_at is not None
    assert late.next_at > _at(last)


def test_a_florida_number_at_half_past_eight() -> None:
    """R-01: what decided is named, with her local time; she is deferred to the morning."""
    assert decide_hours(_at("2026-06-10T20:30-04:00"), FLORIDA, None, MERCHANT) == HoursDecision(
        allowed=False,
        next_at=_at("2026-06-11T10:00-04:00"),
        rules=("us-fl-hours-2021", "merchant-hours"),
        local_times=(("America/New_York", "20:30"),),
    )
    assert decide_hours(_at("2026-06-10T20:30-04:00"), FLORIDA) == HoursDecision(
        allowed=False,
        next_at=_at("2026-06-11T08:00-04:00"),
        rules=("us-fl-hours-2021",),
        local_times=(("America/New_York", "20:30"),),
    )


def test_a_text_that_may_go_names_all_rules_that_were_asked() -> None:
    """R-01, L-02: the decision is stored with the send."""
    decision = decide_hours(_at("2026-06-10T12:00-04:00"), FLORIDA, None, MERCHANT)
    assert decision.allowed
    assert decision.next_at is None
    assert decision.rules == ("us-federal-hours", "us-fl-hours-2021", "merchant-hours")


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-05-13T22:00+02:00", "2026-05-15T08:00+02:00"),  # Ascension is on the 14th
        ("2026-04-05T12:00+02:00", "2026-04-07T08:00+02:00"),  # Easter Sunday and Monday
        ("2026-05-25T12:00+02:00", "2026-05-26T08:00+02:00"),  # Whit Monday
        ("2026-07-14T12:00+02:00", "2026-07-15T08:00+02:00"),
        ("2026-08-15T12:00+02:00", "2026-08-17T08:00+02:00"),  # a Saturday, then a Sunday
        ("2026-06-13T22:00+02:00", "2026-06-15T08:00+02:00"),  # Saturday night
        ("2026-12-31T23:00+01:00", "2027-01-02T08:00+01:00"),
    ],
)
def test_france_is_closed_on_sundays_and_holidays(now: str, opens: str) -> None:
    """R-01: Monday to Saturday, never on a public holiday."""
    decision = decide_hours(_at(now), PARIS)
    assert (decision.allowed, decision.next_at) == (False, _at(opens))
    assert decision.rules == ("fr-hours",)


def test_easter() -> None:
    """R-01: known dates, the earliest and the latest possible among them."""
    known = (
        "1818-03-22 1943-04-25 1981-04-19 2000-04-23 2024-03-31 2025-04-20 2038-04-25 2076-04-19"
    )
    for text in known.split():
        assert easter(int(text[:4])) == date.fromisoformat(text)


def test_french_holidays_are_eleven_a_year() -> None:
    """R-01: Code du travail, L3133-1."""
    days = (date(2026, 1, 1) + timedelta(n) for n in range(365))
    found = [f"{day:%m-%d}" for day in days if is_holiday(Holidays.FRANCE, day)]
    fixed = ["01-01", "05-01", "05-08", "07-14", "08-15", "11-01", "11-11", "12-25"]
    assert found == sorted([*fixed, "04-06", "05-14", "05-25"])


@pytest.mark.parametrize(
    ("number", "region", "now", "opens"),
    [
        # New York springs forward in the night to 8 March 2026 and falls back on 1 November.
        (NEW_YORK, None, "2026-03-07T21:00-05:00", "2026-03-08T08:00-04:00"),
        (NEW_YORK, None, "2026-03-08T01:59-05:00", "2026-03-08T08:00-04:00"),
        (NEW_YORK, None, "2026-10-31T21:00-04:00", "2026-11-01T08:00-05:00"),
        (NEW_YORK, None, "2026-11-01T01:30-04:00", "2026-11-01T08:00-05:00"),
        (NEW_YORK, None, "2026-11-01T01:30-05:00", "2026-11-01T08:00-05:00"),
        # Phoenix never changes.
        (ARIZONA, None, "2026-03-07T21:00-07:00", "2026-03-08T08:00-07:00"),
        (ARIZONA, None, "2026-10-31T21:00-07:00", "2026-11-01T08:00-07:00"),
        # London changes at 1 and 2 in the night.
        (LONDON, None, "2026-03-28T21:00+00:00", "2026-03-29T08:00+01:00"),
        (LONDON, None, "2026-10-24T21:00+01:00", "2026-10-25T08:00+00:00"),
        # Lord Howe by half an hour; New South Wales' mainland is half an hour behind it in winter.
        (SYDNEY, LORD_HOWE, "2026-04-04T21:00+10:30", "2026-04-05T08:00+09:30"),
        (SYDNEY, LORD_HOWE, "2026-10-03T21:00+10:00", "2026-10-04T08:00+10:30"),
        # Arizona's 928 is partly Navajo country, which changes: 8 in the later of both.
        ("+19285550123", None, "2026-06-10T21:00-06:00", "2026-06-11T08:00-07:00"),
        ("+19285550123", None, "2026-12-10T21:00-07:00", "2026-12-11T08:00-07:00"),
    ],
)
def test_nights_in_which_clocks_change(
    number: str, region: str | None, now: str, opens: str
) -> None:
    """R-01: by the clock on the recipient's wall, in both directions."""
    decision = decide_hours(_at(now), number, region)
    assert (decision.allowed, decision.next_at) == (False, _at(opens))


def test_a_window_that_opens_in_an_hour_that_is_skipped_or_repeated() -> None:
    """R-01: in the night of the change too the clock on the wall decides."""
    night = parse_quiet_hours({"from": "02:30", "to": "03:30"})
    rule = QuietRule(rule_id="x", jurisdiction="*", source="", week=night or ())
    place = Place((), frozenset(["America/New_York"]))

    def next_after(text: str) -> datetime | None:
        return quiet_hours._decide(_at(text), place, (rule,)).next_at

    # 02:30 is skipped: 03:00 is the first minute that is past it.
    assert next_after("2026-03-08T00:00-05:00") == _at("2026-03-08T03:00-04:00")
    assert next_after("2026-11-01T00:00-04:00") == _at("2026-11-01T02:30-05:00")
    one = parse_quiet_hours({"from": "01:15", "to": "01:45"})
    rule = QuietRule(rule_id="x", jurisdiction="*", source="", week=one or ())
    # 01:15 comes twice, and each time half an hour is allowed.
    assert next_after("2026-11-01T00:00-04:00") == _at("2026-11-01T01:15-04:00")
    assert next_after("2026-11-01T01:45-04:00") == _at("2026-11-01T01:15-05:00")
    assert next_after("2026-11-01T01:45-05:00") == _at("2026-11-02T01:15-05:00")


def test_the_stricter_of_merchant_and_law_wins() -> None:
    """R-01: neither widens the other."""
    assert not decide_hours(_at("2026-06-10T09:00-04:00"), NEW_YORK, None, MERCHANT).allowed
    early = decide_hours(_at("2026-06-10T09:00-04:00"), NEW_YORK, None, MERCHANT)
    assert (early.rules, early.next_at) == (("merchant-hours",), _at("2026-06-10T10:00-04:00"))
    late = decide_hours(_at("2026-06-10T22:00-04:00"), NEW_YORK, None, ALL_DAY)
    assert (late.rules, late.next_at) == (("us-federal-hours",), _at("2026-06-11T08:00-04:00"))


def test_a_merchants_day_off() -> None:
    """R-01: hours may differ by day; the recipient's day counts."""
    week = parse_quiet_hours(
        {
            "from": "09:00",
            "to": "20:00",
            "days": {"sat": {"from": "12:00", "to": "14:00"}, "sun": None},
        }
    )
    saturday = decide_hours(_at("2026-06-13T10:00-04:00"), NEW_YORK, None, week)
    assert saturday.next_at == _at("2026-06-13T12:00-04:00")
    sunday = decide_hours(_at("2026-06-13T14:00-04:00"), NEW_YORK, None, week)
    assert sunday.next_at == _at("2026-06-15T09:00-04:00")


def test_number_and_address_that_disagree() -> None:
    """R-01: the rules of both, in the zones of both."""
    # 08:30 in Los Angeles, 11:30 in Miami: fine. 17:30 there, 20:30 here: Florida forbids.
    assert _may("2026-06-10T08:30-07:00", FLORIDA, "US-CA")
    assert not _may("2026-06-10T07:30-07:00", FLORIDA, "US-CA")
    decision = decide_hours(_at("2026-06-10T17:30-07:00"), FLORIDA, "US-CA")
    assert decision.rules == ("us-fl-hours-2021",)
    assert decision.next_at == _at("2026-06-11T08:00-07:00")
    # A New York number whose address is in Florida is bound by Florida.
    assert not _may("2026-06-10T20:30-04:00", NEW_YORK, "US-FL")
    # France and Texas share 15:00 to 20:00 UTC on a Saturday, and no minute of a Sunday.
    assert _may("2026-06-13T15:00+00:00", TEXAS, "FR")
    assert not _may("2026-06-14T17:30+00:00", TEXAS, "FR")


def test_an_address_narrows_a_toll_free_number() -> None:
    """R-01: known to be in New York, she need not wait for Hawaii."""
    assert not _may("2026-06-10T08:00-04:00", TOLL_FREE)
    assert _may("2026-06-10T08:00-04:00", TOLL_FREE, "US-NY")


@pytest.mark.parametrize("number", ["", "+80012345678"])
def test_a_number_of_nowhere_is_never_texted(number: str) -> None:
    """R-01: the intersection of all zones on earth is empty; the search ends."""
    decision = decide_hours(_at("2026-06-10T12:00+00:00"), number, None, ALL_DAY)
    assert (decision.allowed, decision.next_at) == (False, None)


def test_rules_that_never_meet_mean_never() -> None:
    """R-01: an hour a day in Auckland that is night in Paris."""
    week = parse_quiet_hours({"from": "09:00", "to": "10:00"})
    decision = decide_hours(_at("2026-06-10T12:00+00:00"), "+6421123456", "FR", week)
    assert (decision.allowed, decision.next_at) == (False, None)


def test_a_rule_that_becomes_effective_tomorrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """L-09: the rules in force are those of the recipient's date, also while looking ahead."""
    old = QuietRule(
        rule_id="old",
        jurisdiction="US",
        source="s",
        week=every_day(hours(8, 21)),
        effective_until=date(2026, 6, 11),
    )
    new = QuietRule(
        rule_id="new",
        jurisdiction="US",
        source="s",
        week=every_day(hours(11, 15)),
        effective_from=date(2026, 6, 11),
    )
    monkeypatch.setattr(quiet_hours, "quiet_rules", lambda _: (old, new))
    assert _may("2026-06-10T08:00-04:00", NEW_YORK)
    assert _may("2026-06-10T20:59-04:00", NEW_YORK)
    tonight = decide_hours(_at("2026-06-10T21:00-04:00"), NEW_YORK)
    assert (tonight.rules, tonight.next_at) == (("old",), _at("2026-06-11T11:00-04:00"))
    tomorrow = decide_hours(_at("2026-06-11T15:00-04:00"), NEW_YORK)
    assert (tomorrow.rules, tomorrow.next_at) == (("new",), _at("2026-06-12T11:00-04:00"))
    # The old rule has ended at midnight: the new one alone forbids the small hours.
    assert decide_hours(_at("2026-06-11T00:00-04:00"), NEW_YORK).rules == ("new",)


def test_texas_before_its_law() -> None:
    """L-09: texts are solicitations there since 1 September 2025."""
    assert _may("2025-08-31T09:00-05:00", TEXAS)  # a Sunday morning
    assert not _may("2025-09-07T09:00-05:00", TEXAS)
    assert decide_hours(_at("2025-09-07T09:00-05:00"), TEXAS).rules == ("us-tx-hours-2025",)


def test_decisions_are_remembered_by_place_and_minute() -> None:
    """R-01: a million recipients cost as many look-ups; numbers are not remembered."""
    hours_of = QuietHours(MERCHANT)
    at = _at("2026-06-10T12:00-04:00")
    first = hours_of.decide(at, "+13055550123")
    assert hours_of.decide(at + timedelta(seconds=30), "+17865550199") is first
    assert hours_of.decide(at + timedelta(minutes=1), "+13055550123") is not first
    assert hours_of.decide(at, "+12125550123") is not first
    assert "5550" not in repr(hours_of._memo)


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """R-01: a planner that runs for days does not grow."""
    monkeypatch.setattr(quiet_hours, "_MEMO", 10)
    hours_of = QuietHours()
    at = _at("2026-06-10T12:00-04:00")
    for n in range(100):
        hours_of.decide(at + timedelta(minutes=n), NEW_YORK)
    assert len(hours_of._memo) <= 10


NUMBERS = [
    NEW_YORK,
    CALIFORNIA,
    FLORIDA,
    CONNECTICUT,
    RHODE_ISLAND,
    TEXAS,
    ARIZONA,
    TOLL_FREE,
    PARIS,
    LONDON,
    SYDNEY,
    "+18505550123",
    "+19285550123",
    "+17095550123",
    "+56912345678",
    "+9779841234567",
]
REGIONS = [None, "US-FL", "US-RI", "FR", "AU-NSW", "US-HI"]
MOMENTS = st.integers(0, 2 * 365 * 24 * 3600).map(
    lambda seconds: _at("2026-01-01T00:00+00:00") + timedelta(seconds=seconds)
)
WINDOWS = st.builds(
    lambda start, length, off: parse_quiet_hours(
        {
            "from": f"{start // 60:02}:{start % 60:02}",
            "to": f"{(start + length) // 60:02}:{(start + length) % 60:02}",
            "days": dict.fromkeys(off),
        }
    ),
    st.integers(0, 900),
    st.integers(60, 530),
    st.sets(st.sampled_from(["mon", "wed", "sat", "sun"])),
)


def _open(at: datetime, number: str, region: str | None, week: Week | None) -> bool:
    """Tell the same by looking at every clock, and nothing but that."""
    place = place_of(number, region)
    merchant = [(week, None, None)] if week else []
    rules = [(rule.week, rule.holidays, rule) for rule in quiet_rules(place.jurisdictions)]
    for zone in place.zones:
        local = at.astimezone(ZoneInfo(zone))
        for days, holidays, rule in (*rules, *merchant):
            if rule is not None and not rule.in_force(local.date()):
                continue
            window = days[local.weekday()]
            closed = holidays is not None and is_holiday(holidays, local.date())
            minute = local.hour * 60 + local.minute
            if window is None or closed or not window.start <= minute < window.end:
                return False
    return True


@settings(max_examples=100)
@given(MOMENTS, st.sampled_from(NUMBERS), st.sampled_from(REGIONS), WINDOWS | st.none())
@example(_at("2026-03-08T01:00-05:00"), NEW_YORK, None, None)
@example(_at("2026-11-01T01:00-04:00"), NEW_YORK, None, None)
def test_next_at_is_allowed_and_nothing_before_it_is(
    at: datetime, number: str, region: str | None, window: Week | None
) -> None:
    """R-01: deferred to the first moment that is allowed; never, if none of 14 days is."""
    decision = decide_hours(at, number, region, window)
    assert decision.allowed == _open(at, number, region, window)
    if decision.allowed:
        assert decision.next_at is None
        return
    end = decision.next_at or at + LOOK_AHEAD
    assert at < end <= at + LOOK_AHEAD
    if decision.next_at is not None:
        assert decision.next_at.second == decision.next_at.microsecond == 0
        assert _open(decision.next_at, number, region, window)
        before = decision.next_at - timedelta(minutes=1)
        assert before < at or not _open(before, number, region, window)
    quarter = at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)
    while (quarter := quarter + timedelta(minutes=15)) < end:
        assert not _open(quarter, number, region, window), quarter
