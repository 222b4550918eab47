"""The one decision per recipient, which preview and hand-over share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from concord.domain.caps import Cap
from concord.domain.chunks import Decided, Outcome
from concord.domain.consent_record import ConsentRecord
from concord.domain.decide_recipient import HoursRuling, Reason, decide_recipient
from concord.domain.marks import Basis, Marks, SoftMark
from tests.support.builders import CONNECTION, NOW, POINT, consent_key

MORNING = NOW + timedelta(hours=5)
GIVEN = NOW - timedelta(days=30)
IN = Marks(soft=SoftMark(GIVEN, opted_in=True, basis=Basis.EXPLICIT))
OUT = replace(IN, out_at=NOW)
RECORD = ConsentRecord(consent_key(), CONNECTION, POINT, 7, IN, "head", NOW)


@dataclass(frozen=True)
class Ruling:
    allowed: bool = True
    rules: tuple[str, ...] = ("us-tcpa-1",)
    local: tuple[str, ...] = ("America/New_York 12:00",)
    until: datetime | None = None


@dataclass(frozen=True)
class Law:
    ruling: Ruling = Ruling()
    unmet: tuple[str, ...] = ()
    later: Mapping[datetime, Ruling] = field(default_factory=dict)
    caps: tuple[Cap, ...] = ()

    def hours(self, point: str, region: str, at: datetime) -> HoursRuling:
        assert (point, region) == (POINT, "US-NY")
        if at != NOW:
            return self.later[at]
        return self.ruling

    def forbidden_basis(
        self, point: str, region: str, basis: Basis, given_at: datetime, at: datetime
    ) -> tuple[str, ...]:
        assert (point, region, basis) == (POINT, "US-NY", Basis.EXPLICIT)
        assert (given_at, at) == (GIVEN, NOW)
        return self.unmet

    def caps_of(self, point: str, region: str, at: datetime) -> tuple[Cap, ...]:
        assert (point, region, at) == (POINT, "US-NY", NOW)
        return self.caps


ASLEEP = Law(Ruling(allowed=False, until=MORNING))
NEVER = Law(Ruling(allowed=False))
UNMET = Law(unmet=("us-wa-cema",))
CAPS = ("merchant-cap-4-in-7-days", "us-fl-cap-2021")
CAPPED = Law(caps=(Cap(4, 7), Cap(3, 1, "us-fl-cap-2021")))


def decided(
    record: ConsentRecord | None = RECORD,
    law: Law = Law(),
    *,
    has_room: bool = True,
    lasts: timedelta = timedelta(),
) -> Decided:
    return decide_recipient(record, region="US-NY", at=NOW, lasts=lasts, law=law, has_room=has_room)


def test_who_may_be_texted_has_no_reason_and_her_evidence() -> None:
    """L-02: the decision names the evidence and the rules that it rests on."""
    assert decided() == Decided(Outcome.PENDING, "", 7, ("us-tcpa-1",), ("America/New_York 12:00",))


@pytest.mark.parametrize(
    ("marks", "reason"),
    [
        (OUT, Reason.OPTED_OUT),
        (Marks(asked_at=NOW), Reason.NOT_OPTED_IN),
        (replace(IN, dead_at=NOW), Reason.SUPPRESSED),
    ],
)
def test_consent_is_asked_first(marks: Marks, reason: Reason) -> None:
    """TEA-09, TEA-15, R-07: an opt-out or a dead number, whatever else would hold her back."""
    told = decided(replace(RECORD, marks=marks), ASLEEP, has_room=False)
    assert told == Decided(Outcome.SKIPPED, reason, 7)


def test_who_is_not_known_is_not_texted() -> None:
    """TEA-09: a row of a group without a consent behind it texts nobody."""
    assert decided(None) == Decided(Outcome.SKIPPED, Reason.NOT_OPTED_IN)


def test_the_basis_must_be_enough_where_she_lives() -> None:
    """L-09: and the rule that says so is named."""
    told = decided(law=UNMET)
    assert told == Decided(Outcome.SKIPPED, Reason.BASIS_NOT_ENOUGH, 7, ("us-wa-cema",))


def test_at_night_she_waits_for_morning() -> None:
    """R-01: deferred and not dropped; no room of the cap is asked for a text that waits."""
    told = decided(law=ASLEEP, has_room=False)
    assert (told.outcome, told.reason, told.until) == (
        Outcome.DEFERRED,
        Reason.QUIET_HOURS,
        MORNING,
    )
    assert told.rules == ("us-tcpa-1",)


def test_the_end_of_a_call_must_be_legal_too() -> None:
    """R-01: nobody stops a bulk call, so whose night begins before its last text waits for morning;
    what is kept is the time that it was, and the rules of the night."""
    minute = timedelta(minutes=1)
    night = Ruling(False, ("fl-ftsa",), ("America/New_York 20:00",), MORNING)
    law = Law(later={NOW + minute: night})
    told = decided(law=law, lasts=minute, has_room=False)
    assert told == Decided(
        Outcome.DEFERRED, Reason.QUIET_HOURS, 7, ("fl-ftsa",), Ruling().local, MORNING
    )
    assert decided(law=law) == decided(law=Law(later={NOW + minute: Ruling()}), lasts=minute)
    # Her night is not over: the end of the call, in the morning, makes it no more legal.
    asleep = replace(ASLEEP, later={NOW + minute: Ruling()})
    assert decided(law=asleep, lasts=minute) == decided(law=ASLEEP)


def test_without_any_legal_hour_she_is_skipped() -> None:
    """R-01: nobody waits for an hour that never comes."""
    told = decided(law=NEVER)
    assert (told.outcome, told.reason) == (Outcome.SKIPPED, Reason.NO_LEGAL_HOUR)


def test_the_cap_is_asked_last() -> None:
    """R-02, L-02: only who would be texted takes room; the caps that stopped her are named, not the
    hours that allowed her text."""
    told = decided(law=CAPPED, has_room=False)
    assert (told.outcome, told.reason, told.rules) == (Outcome.SKIPPED, Reason.CAPPED, CAPS)


def test_a_cap_that_had_room_is_a_rule_that_was_asked() -> None:
    """R-02, L-02: what allowed a text is remembered whole."""
    assert decided(law=CAPPED).rules == ("us-tcpa-1", *CAPS)
