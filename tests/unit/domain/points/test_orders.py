"""Orders: whatever is said of one, and in whatever order, its postings come to what is left."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.domain.errors import ConflictError
from concord.domain.points.orders import (
    MAX_REFUNDS,
    Member,
    Order,
    OrderKey,
    OrderPosting,
    Said,
    Standing,
    Terms,
    standing_of,
    with_refund,
    with_said,
)
from concord.domain.points.programme import Programme, Rounding, Validity

ANA, BEN = Member("m-ana", "c-1"), Member("m-ben", "c-2")
KEY = OrderKey.of("shop", "catapult:acc", "1001")
NEW = Order(KEY, "1001")
OPEN, COMPLETED, CANCELLED = Standing


def programme(rate: str = "1", rounding: Rounding = Rounding.DOWN) -> Programme:
    return Programme("shop", "main", "Main", "USD", Decimal(rate), rounding)


TERMS = Terms.of(programme(), date(2026, 11, 20))


def says(
    order: Order,
    subtotal: str = "43.99",
    standing: Standing = COMPLETED,
    member: Member | None = ANA,
    terms: Terms = TERMS,
) -> Order:
    return with_said(order, Said(standing, Decimal(subtotal), None, member), terms)


def refunds(order: Order, *given: tuple[str, str]) -> Order:
    for refund_id, amount in given:
        order = with_refund(order, refund_id, Decimal(amount))
    return order


def moved(order: Order) -> list[tuple[str, int]]:
    """Return (kind of posting, points), oldest first."""
    return [(each.posting_id.replace(KEY.name, ""), each.points) for each in order.postings]


# --- cases ---------------------------------------------------------------------------------------


def test_a_completed_order_earns_once() -> None:
    """R-21, SPB-07: $43.99 is 43 points; the same word again says nothing."""
    order = says(NEW)
    assert moved(order) == [("order:", 43)]
    assert says(order, "43.990") is order
    assert (order.points, order.holder, order.version) == (43, ANA, 1)


@pytest.mark.parametrize(
    ("status", "standing"),
    [
        ("completed", COMPLETED),
        (" Completed ", COMPLETED),
        ("cancelled", CANCELLED),
        ("CANCELED", CANCELLED),
        ("refunded", CANCELLED),
        ("paid", OPEN),
        ("fulfilled", OPEN),
        ("partially_refunded", OPEN),
        ("anything", OPEN),
    ],
)
def test_what_a_status_says(status: str, standing: Standing) -> None:
    """SPB-05: paid or fulfilled is not completed."""
    assert standing_of(status) is standing


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (says(NEW, standing=OPEN), "not_completed"),
        (says(NEW, standing=CANCELLED), "cancelled"),
        (says(NEW, member=None), "no_member"),
        (refunds(NEW, ("r-1", "10")), "order_unknown"),
    ],
)
def test_what_earns_nothing_says_why(order: Order, reason: str) -> None:
    """R-21: it is kept, and nothing is booked of it."""
    assert (order.reason, order.postings, order.points, order.version) == (reason, (), 0, 1)


def test_partial_refunds_are_proportional() -> None:
    """R-18: each takes what is no longer earned, by what all of them together come to."""
    order = refunds(says(NEW), ("r-1", "10.50"), ("r-2", "0.49"), ("r-3", "33.00"))
    assert moved(order) == [("order:", 43), ("refund::r-1", -10), ("refund::r-3", -33)]
    assert order.points == 0


def test_more_than_was_paid_takes_no_more_than_was_earned() -> None:
    """R-18: the sum of reversals is at most what was earned."""
    order = refunds(says(NEW), ("r-1", "40"), ("r-2", "40"), ("r-3", "40"))
    assert moved(order) == [("order:", 43), ("refund::r-1", -40), ("refund::r-2", -3)]


def test_a_refund_that_comes_first_waits_for_its_order() -> None:
    """R-18, R-21."""
    assert moved(says(refunds(NEW, ("r-1", "10")))) == [("order:", 43), ("refund::r-1", -10)]


def test_a_refund_again_is_one_and_another_amount_is_refused() -> None:
    """R-18: its id is the shop's promise."""
    order = refunds(says(NEW), ("r-1", "10"))
    assert with_refund(order, "r-1", Decimal("10.00")) is order
    with pytest.raises(ConflictError) as refused:
        with_refund(order, "r-1", Decimal(11))
    assert refused.value.code == "event_id_reused"


def test_an_order_has_so_many_refunds() -> None:
    """R-18: its row stays small."""
    order = refunds(says(NEW), *((f"r-{n}", "0.01") for n in range(MAX_REFUNDS)))
    with pytest.raises(ConflictError) as refused:
        with_refund(order, "one more", Decimal(1))
    assert refused.value.code == "too_many_refunds"


def test_a_changed_order_books_the_difference() -> None:
    """R-21: up and down, refunds counted."""
    order = says(refunds(says(NEW), ("r-1", "10")), "50")
    order = says(order, "20")
    assert moved(order)[2:] == [("change::1", 7), ("change::2", -30)]
    assert order.points == 10


def test_a_cancelled_order_gives_back_all_that_is_left_and_stays_so() -> None:
    """R-18, R-21: a word that was late does not bring it back."""
    order = says(refunds(says(NEW), ("r-1", "10")), standing=CANCELLED)
    assert moved(order)[2:] == [("change::1", -33)]
    assert says(order) is order
    assert refunds(order, ("r-2", "5")).points == 0


def test_a_late_word_does_not_open_a_completed_order() -> None:
    """R-21: under reorder."""
    order = says(NEW)
    assert says(order, "1", standing=OPEN) is order


def test_a_guests_order_that_gets_a_customer_and_then_another() -> None:
    """R-21: what was the one's is taken from her, and given to the other."""
    order = says(says(says(NEW, member=None)), member=BEN)
    assert [(p.member, p.points) for p in order.postings] == [(ANA, 43), (ANA, -43), (BEN, 43)]
    assert says(order, member=None).points == 0


def test_a_programme_that_changes_changes_no_order() -> None:
    """R-18: a refund takes what was given, by the rules of that day."""
    doubled = Terms.of(programme("2"), date(2026, 12, 1))
    order = refunds(says(says(NEW), "43.99", terms=doubled), ("r-1", "10"))
    assert order.points == 33
    assert order.terms == TERMS


def test_terms_say_when_points_count_and_when_they_end() -> None:
    """R-20: validity runs from the day on which they can be used."""
    rules = replace(programme(), pending_days=14, valid_for=Validity(days=30))
    terms = Terms.of(rules, date(2026, 11, 20))
    assert (terms.active_on, terms.expires_on) == (date(2026, 12, 4), date(2027, 1, 3))


def test_the_same_id_at_two_shops_is_two_orders() -> None:
    """R-21: per merchant, source and order id."""
    keys = {
        OrderKey.of("shop", source, order_id).name
        for source in ("catapult:a", "catapult:b")
        for order_id in ("1001", "1002")
    }
    assert len(keys) == 4
    assert "1001" not in "".join(keys)


# --- properties ----------------------------------------------------------------------------------

amounts = st.decimals(0, 200, places=2).map(str) | st.sampled_from(["0", "43", "43.9999"])
orders = st.tuples(
    st.just("order"),
    st.fixed_dictionaries(
        {
            "subtotal": amounts,
            "standing": st.sampled_from([COMPLETED, COMPLETED, COMPLETED, OPEN, CANCELLED]),
            "member": st.sampled_from([ANA, ANA, ANA, BEN, None]),
        }
    ),
)
returns = st.tuples(st.just("refund"), st.integers(0, 5))
histories = st.lists(orders | returns, max_size=12)
rules = st.builds(
    programme,
    st.sampled_from(["1", "0.1", "2.5", "0.3333", "7"]),
    st.sampled_from(list(Rounding)),
)


def play(
    words: list[tuple[str, Any]], prices: list[str], terms: Terms
) -> tuple[Order, list[OrderPosting]]:
    """Return the order after these words, and all postings; some are booked in between."""
    order, booked = NEW, list[OrderPosting]()
    for number, (kind, word) in enumerate(words):
        if kind == "order":
            order = says(order, terms=terms, **word)
        else:
            order = with_refund(order, f"r-{word}", Decimal(prices[word]))
        if number % 3 == 2:
            booked += order.postings
            order = replace(order, postings=())
    return order, booked + list(order.postings)


def due(words: list[tuple[str, Any]], prices: list[str], rules: Programme) -> dict[Member, int]:
    """Return what each should have, reckoned from the words alone: the last of the highest
    standing counts, less each refund once."""
    said = [word for kind, word in words if kind == "order"]
    if not said:
        return {}
    last = [w for w in said if w["standing"] == max(each["standing"] for each in said)][-1]
    if last["standing"] is not COMPLETED or last["member"] is None:
        return {}
    refunded = sum(Decimal(prices[n]) for n in {word for kind, word in words if kind == "refund"})
    points = rules.earned(Decimal(last["subtotal"]) - refunded)
    return {last["member"]: points} if points else {}


@given(histories, st.lists(amounts, min_size=6, max_size=6), rules)
def test_whatever_is_said_what_is_booked_is_what_is_left(
    words: list[tuple[str, Any]], prices: list[str], rules: Programme
) -> None:
    """R-18, R-21, L-03: any order and repetition of orders, changes and refunds."""
    terms = Terms.of(rules, date(2026, 11, 20))
    order, postings = play(words, prices, terms)
    totals: defaultdict[Member, int] = defaultdict(int)
    for posting in postings:
        totals[posting.member] += posting.points
        assert totals[posting.member] >= 0, "more reversed than was earned"
    assert {m: points for m, points in totals.items() if points} == due(words, prices, rules)
    assert order.points == sum(totals.values())
    assert len({posting.posting_id for posting in postings}) == len(postings)
    assert all(posting.points for posting in postings)


@given(st.data(), st.lists(amounts, min_size=6, max_size=6), amounts, rules)
def test_one_order_and_its_refunds_come_to_the_same_in_any_order(
    data: st.DataObject, prices: list[str], subtotal: str, rules: Programme
) -> None:
    """R-18: order of arrival and repetition change no sum, of what is earned nor of what is
    reversed."""
    order = ("order", {"subtotal": subtotal, "standing": COMPLETED, "member": ANA})
    words = [order, *(("refund", n) for n in range(6))]
    shuffled = data.draw(st.permutations(words + data.draw(st.lists(st.sampled_from(words)))))
    terms = Terms.of(rules, date(2026, 11, 20))
    sums = []
    for each in (words, list(shuffled)):
        points = [posting.points for posting in play(each, prices, terms)[1]]
        sums.append((sum(p for p in points if p > 0), sum(p for p in points if p < 0)))
    assert sums[0] == sums[1]
    assert sums[0][0] == rules.earned(Decimal(subtotal))
