"""ECO-12 as a property: whatever she does with the newsletter, her reward keeps its bounds."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from concord.domain.identity import member_key
from concord.domain.points.account import AccountKey
from tests.world.exporting import Exporting, exporting, new_email
from tests.world.faults import settle
from tests.world.world import World

REWARD: Final = 50
_customers = itertools.count(1)

JOIN, LEAVE, APPEAR, SPEND, SETTLE = "join", "leave", "appear", "spend", "settle"
# She is there before she joins, while her webhook waits, or after it was worked off.
beginnings = st.sampled_from(
    [(JOIN, SETTLE, APPEAR, SETTLE), (JOIN, APPEAR, SETTLE), (JOIN,), (LEAVE, JOIN, SETTLE)]
)
# Most acts are worked off before the next; some run into one another.
later = st.lists(
    st.tuples(st.sampled_from([JOIN, LEAVE, SPEND]), st.sampled_from([SETTLE] * 3 + [APPEAR])),
    min_size=1,
    max_size=6,
)
acts = st.tuples(beginnings, later).map(lambda each: [*each[0], *itertools.chain(*each[1])])


def _entries(shop: Exporting, customer: str) -> list[tuple[str, int]]:
    """Return kind and points of all that was booked."""
    parts = shop.world.parts
    key = member_key(parts.secrets.stack_key(), shop.merchant_id, "beans", customer)
    found = parts.ledger.entries(AccountKey(shop.merchant_id, "beans", key))
    return [(entry.kind.value, entry.points) for entry in found]


def _spends(shop: Exporting, customer: str) -> bool:
    """Take some points by hand; whether there were any."""
    path = f"/v1/merchants/{shop.merchant_id}/programmes/beans/accounts/{customer}/adjustments"
    body = {"amount": -20, "reason": "spent", "actor": "Eva"}
    return bool(shop.world.admin("POST", path, body)["statusCode"] < 300)


def _plays(shop: Exporting, what: Sequence[str]) -> tuple[int, bool]:
    """Let one customer do all of it; return the net of her rewards and whether she spent any."""
    email, customer, spent = new_email(), f"c-{next(_customers)}", False
    for act in what:
        match act:
            case "join":
                shop.form(email, joins=True)
            case "leave" if shop.subscriber(email):
                shop.form(email, joins=False)
            case "appear":
                shop.customer(customer, email)
            case "spend":
                spent = _spends(shop, customer) or spent
            case "settle":
                settle(shop.world)
    shop.customer(customer, email)
    settle(shop.world)
    moved = [points for kind, points in _entries(shop, customer) if kind != "adjust"]
    return sum(moved), spent


def test_the_reward_stays_within_its_bounds(house: World) -> None:
    """ECO-12: after any sequence the net reward is within 0..R, and 0 or R if nothing was spent."""
    shop = exporting(house, newsletter_reward={"points": REWARD, "take_back": True})
    kept = house.kept()
    seen: set[int] = set()

    @settings(
        max_examples=25,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @example([JOIN, SETTLE, APPEAR, SETTLE, SPEND, SETTLE, LEAVE, SETTLE, JOIN, SETTLE])
    @given(acts)
    def any_sequence(what: list[str]) -> None:
        house.back_to(kept)
        net, spent = _plays(shop, what)
        assert 0 <= net <= REWARD
        assert spent or net in (0, REWARD), (what, net)
        seen.add(net)

    any_sequence()
    assert {0, REWARD} <= seen, "nobody was rewarded, or nobody was not"
