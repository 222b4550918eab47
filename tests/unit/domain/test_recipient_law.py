"""The law and the merchant's own rules, as the one decision per recipient asks for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from concord.domain.caps import Cap
from concord.domain.marks import Basis
from concord.domain.merchant import Merchant
from concord.domain.recipient_law import MerchantLaw
from tests.support.places import decide_hours

NEW_YORK, SEATTLE, PARIS = "+12125550101", "+12065550101", "+33612345678"
# Nine in the evening in New York, six in Seattle.
EVENING = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


def law(**settings: Any) -> MerchantLaw:
    return MerchantLaw(Merchant("shop", "Green Grocer", "America/New_York", "US", **settings))


def test_a_number_at_night_waits_for_its_own_morning() -> None:
    """R-01: the ruling is the one of domain/quiet_hours.py, in words that can be stored."""
    ruling = law().hours(NEW_YORK, "", EVENING)
    decision = decide_hours(EVENING, NEW_YORK)
    assert not ruling.allowed
    assert (ruling.rules, ruling.until) == (decision.rules, decision.next_at)
    assert ruling.local == ("America/New_York 21:00",)
    assert law().hours(SEATTLE, "US-WA", EVENING).allowed


def test_shoppers_in_two_places_share_the_hours_of_both() -> None:
    """R-01: nobody knows which of them holds the phone; both must be awake."""
    ours = law()
    both = ours.hours(SEATTLE, "US-NY+US-WA", EVENING)
    ny, wa = (ours.hours(SEATTLE, state, EVENING) for state in ("US-NY", "US-WA"))
    assert (ny.allowed, wa.allowed, both.allowed) == (False, True, False)
    assert both.until is not None
    assert both.until > EVENING
    for state in ("US-NY", "US-WA"):
        assert ours.hours(SEATTLE, state, both.until).allowed
        assert not ours.hours(SEATTLE, "US-NY+US-WA", both.until - timedelta(minutes=1)).allowed
    assert set(both.local) == {*ny.local, *wa.local}


def test_the_merchants_own_hours_count_as_well() -> None:
    """R-01: the strictest of both; where they never meet there is no moment to wait for."""
    noon = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
    assert law().hours(NEW_YORK, "", noon).allowed
    early = law(quiet_hours={"from": "05:00", "to": "06:00"}).hours(NEW_YORK, "", noon)
    assert (early.allowed, early.until) == (False, None)


@pytest.mark.parametrize(
    ("number", "region", "basis", "forbidden"),
    [
        (SEATTLE, "", Basis.ASSUMED, ("us-wa-assumed-basis",)),
        (SEATTLE, "US-WA", Basis.EXPLICIT, ()),
        (NEW_YORK, "", Basis.ASSUMED, ()),  # the rule there only warns
        (NEW_YORK, "US-NY+US-WA", Basis.ASSUMED, ("us-wa-assumed-basis",)),
    ],
)
def test_a_basis_is_judged_where_she_may_be(
    number: str, region: str, basis: Basis, forbidden: tuple[str, ...]
) -> None:
    """L-09: and the rule that forbids is named."""
    given = EVENING - timedelta(days=10)
    assert law().forbidden_basis(number, region, basis, given, EVENING) == forbidden


def test_every_cap_that_binds_her_is_named_once() -> None:
    """R-02: the merchant's own, and the law's where she is."""
    own = law(frequency_cap={"texts": 4, "days": 7})
    assert own.caps_of(PARIS, "", EVENING) == (Cap(4, 7),)
    florida = own.caps_of("+13055550101", "US-FL", EVENING)
    assert florida[0] == Cap(4, 7)
    assert len(florida) > 1
    assert own.caps_of("+13055550101", "US-FL+US-FL", EVENING) == florida
    assert law().caps_of(PARIS, "", EVENING) == ()
