"""ECO-11, ECO-12 as a property: whatever she does with the newsletter, and whatever becomes of the
webhooks, her reward keeps its bounds, and who did nothing has none."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import pytest
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


# --- with echoes, webhooks that come late or twice, and double opt-in ----------------------------

CONFIRM, CHANGE, ECHO, HOURS = "confirm", "change", "echo", "hours"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
heard_late = st.lists(
    st.sampled_from([JOIN, LEAVE, CONFIRM, CONFIRM, CHANGE, ECHO, ECHO, HOURS, SETTLE, SETTLE]),
    min_size=1,
    max_size=9,
)


@dataclass
class _Exported:
    """A customer whom we added to the list ourselves, and what she did there by her own will."""

    shop: Exporting
    double: bool
    email: str = field(default_factory=new_email)
    customer: str = field(default_factory=lambda: f"c-{next(_customers)}")
    stands: str = "added"  # "asked", "joined", "left"
    joined_ever: bool = False
    ago: timedelta = HOUR
    pins: int = 4710

    def goes(self, act: str) -> None:
        shop = self.shop
        match act:
            case "join":
                shop.form(self.email, joins=True)
                asks = self.double and self.stands in ("left", "asked")
                self.stands, self.joined_ever = "asked" if asks else "joined", True
            case "leave":
                shop.form(self.email, joins=False)
                self.stands = "left"
            case "confirm" if self.stands == "asked":
                shop.confirms(self.email)
                self.stands = "joined"
            case "change":
                self.pins += 1
                shop.customer(self.customer, self.email, attributes={"pin": str(self.pins)})
            case "echo" if self.ago < 23 * HOUR:
                shop.hears(self.email, times=2)
            case "hours":
                self.waits(5 * HOUR)
            case "settle":
                settle(shop.world)

    def waits(self, by: timedelta) -> None:
        self.ago += by
        self.shop.world.clock.advance(by)
        self.shop.world.sweep()
        settle(self.shop.world)


def _plays_late(shop: Exporting, what: Sequence[str], *, double: bool, dated: bool) -> _Exported:
    shop.has_list(double_optin=double, dated=dated)
    she = _Exported(shop, double)
    shop.customer(she.customer, she.email)
    settle(shop.world)
    shop.world.clock.advance(HOUR)
    for act in what:
        she.goes(act)
    settle(shop.world)
    for _ in range(2):  # the looks whether she confirmed
        she.waits(4 * DAY)
    return she


def test_only_what_she_did_herself_is_rewarded(
    house: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ECO-11, ECO-12, ECO-13: whatever is told late, twice, or not at all, a customer whom we added
    has nothing; who joined and stays has the whole reward, where the list says since when."""
    monkeypatch.setattr("sandbox.clock.now", house.clock.now)  # Ecomail lives in the same time
    shop = exporting(house, newsletter_reward={"points": REWARD, "take_back": True})
    kept = house.kept()
    seen: set[int] = set()

    @settings(
        max_examples=20,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @example(what=[ECHO, HOURS, ECHO], double=False, dated=False)
    @example(what=[HOURS, JOIN, SETTLE, ECHO], double=False, dated=True)
    @example(what=[LEAVE, SETTLE, JOIN, SETTLE, HOURS, CONFIRM], double=True, dated=True)
    @given(what=heard_late, double=st.booleans(), dated=st.booleans())
    def any_sequence(what: list[str], double: bool, dated: bool) -> None:
        house.back_to(kept)
        she = _plays_late(shop, what, double=double, dated=dated)
        moved = [points for _, points in _entries(shop, she.customer)]
        net = sum(moved)
        assert net in (0, REWARD), (what, moved)
        if not she.joined_ever or she.stands != "joined":
            assert net == 0, (what, moved)
        elif dated:
            assert net == REWARD, (what, moved)
        seen.add(net)

    any_sequence()
    assert seen == {0, REWARD}
