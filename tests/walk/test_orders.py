"""Orders and refunds of a shop, from the Connect API's door to the member's account."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from concord.domain.identity import member_key
from concord.domain.points.account import Account, AccountKey
from concord.domain.points.posting import Entry, EntryKind
from concord.domain.points.programme import Programme, RefundPolicy, Rounding, Validity
from concord.domain.times import to_rfc3339
from tests.world.crashes import Scene, dies_everywhere
from tests.world.faults import Wire, away, open_tasks, settle
from tests.world.shop import Shop
from tests.world.world import World

EVENTS = Path(__file__).resolve().parents[2] / "events" / "connect"
MAIN = Programme("m1", "main", "Main", "USD")
NEW_YORK = ZoneInfo("America/New_York")


@dataclass
class Till:
    """A shop whose orders earn points, and what its members have."""

    shop: Shop
    programme: Programme = MAIN

    def __post_init__(self) -> None:
        assert self.shop.world.parts.programmes.save(self.programme)
        assert self.set(self.programme.programme_id)["statusCode"] == 200

    def set(self, programme: str | None) -> dict[str, Any]:
        answer = self.shop.admin("PATCH", "", {"settings": {"programme": programme}})
        self.shop.world.cold()
        return answer

    def rules(self, **changes: Any) -> None:
        """Change the programme."""
        self.programme = replace(self.programme, version=self.programme.version + 1, **changes)
        assert self.shop.world.parts.programmes.save(self.programme)

    def order(self, subtotal: str = "43.99", **more: Any) -> dict[str, Any]:
        """Send an order, changed by `more`, and let it be booked; returns the answer's body."""
        body = order(subtotal, at=self.shop.world.clock.now()) | more
        return self._sent("/orders", body)

    def refund(self, refund_id: str, amount: str, order_id: str = "1001") -> dict[str, Any]:
        body = {"refund_id": refund_id, "amount_ex_tax": amount}
        return self._sent(f"/orders/{order_id}/refunds", body)

    def replay(self, event: str) -> tuple[int, dict[str, Any]]:
        """Send a recorded event and let it be booked; returns status and body of the answer."""
        recorded = json.loads((EVENTS / f"{event}.json").read_text())
        answer = self.shop.connect(recorded["method"], recorded["path"], recorded["body"])
        settle(self.shop.world)
        return int(answer["statusCode"]), self.shop.world.body(answer)

    def _sent(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.shop.connect("POST", path, body)
        assert answer["statusCode"] == 202, answer
        settle(self.shop.world)
        return self.shop.world.body(answer)

    def key(self, customer: str = "c-7") -> AccountKey:
        stack_key = self.shop.world.parts.secrets.stack_key()
        merchant, programme = self.shop.merchant_id, self.programme.programme_id
        return AccountKey(merchant, programme, member_key(stack_key, merchant, programme, customer))

    def account(self, customer: str = "c-7") -> Account:
        return self.shop.world.parts.ledger.account(self.key(customer))

    def entries(self, customer: str = "c-7") -> list[Entry]:
        return self.shop.world.parts.ledger.entries(self.key(customer))

    def moved(self, customer: str = "c-7") -> list[tuple[EntryKind, int]]:
        return [(entry.kind, entry.points) for entry in self.entries(customer)]

    @property
    def today(self) -> date:
        return self.shop.world.clock.now().astimezone(NEW_YORK).date()


def order(subtotal: str, at: datetime, order_id: str = "1001") -> dict[str, Any]:
    return {
        "order_id": order_id,
        "status": "completed",
        "completed_at": to_rfc3339(at),
        "customer": {"id": "c-7", "email": "ana@example.com"},
        "subtotal_ex_tax": subtotal,
        "currency": "USD",
    }


@pytest.fixture
def till(shop: Shop) -> Till:
    return Till(shop)


ACCRUE, REVERSE, PEND = EntryKind.ACCRUE, EntryKind.REVERSE, EntryKind.PEND


# --- recorded events -----------------------------------------------------------------------------

# What is sent, and then: the points and the reason of each answer, and the entries of her account.
WALKS: dict[str, tuple[list[str], list[tuple[int, str | None]], list[tuple[EntryKind, int]]]] = {
    "completed": (["order__completed"], [(43, None)], [(ACCRUE, 43)]),
    "twice": (["order__completed"] * 2, [(43, None)] * 2, [(ACCRUE, 43)]),
    "paid": (["order__paid"], [(0, "not_completed")], []),
    "paid_then_completed": (
        ["order__paid", "order__completed", "order__paid"],
        [(0, "not_completed"), (43, None), (43, None)],
        [(ACCRUE, 43)],
    ),
    "guest": (["order__guest"], [(0, "no_member")], []),
    "refunded": (
        ["order__completed", "refund__part", "refund__part", "refund__rest"],
        [(43, None), (33, None), (33, None), (0, None)],
        [(ACCRUE, 43), (REVERSE, -10), (REVERSE, -33)],
    ),
    "refund_first": (
        ["refund__part", "order__completed"],
        [(0, "order_unknown"), (33, None)],
        [(ACCRUE, 43), (REVERSE, -10)],
    ),
    "changed": (
        ["order__completed", "order__changed", "order__completed"],
        [(43, None), (50, None), (43, None)],
        [(ACCRUE, 43), (ACCRUE, 7), (REVERSE, -7)],
    ),
    "cancelled": (
        ["order__completed", "refund__part", "order__cancelled", "order__completed"],
        [(43, None), (33, None), (0, "cancelled"), (0, "cancelled")],
        [(ACCRUE, 43), (REVERSE, -10), (REVERSE, -33)],
    ),
}


@pytest.mark.parametrize("name", WALKS)
def test_recorded_orders(till: Till, name: str) -> None:
    """R-18, R-21, SPB-05, SPB-07: what each event of events/connect is answered, and comes to."""
    events, answers, entries = WALKS[name]
    replied = [till.replay(event) for event in events]
    assert [status for status, _ in replied] == [202] * len(events)
    assert [(body["points"], body["reason"]) for _, body in replied] == answers
    assert till.moved() == entries
    account = till.account()
    assert account.balance == sum(points for _, points in entries) == answers[-1][0]
    assert account.member == ("c-7" if entries else "")
    assert till.shop.world.rows("TB#") == []


REFUSED = {
    "order__euro": "currency",
    "order__number": "subtotal_ex_tax",
    "refund__negative": "amount_ex_tax",
}


@pytest.mark.parametrize("name", REFUSED)
def test_recorded_events_that_are_refused(till: Till, name: str) -> None:
    """R-18: 422 names the field and the remedy, and nothing is kept."""
    status, body = till.replay(name)
    assert (status, [error["field"] for error in body["errors"]]) == (422, [REFUSED[name]])
    assert till.shop.world.rows("O#") == []


def test_every_recorded_event_is_played() -> None:
    played = {event for events, _, _ in WALKS.values() for event in events} | REFUSED.keys()
    assert played == {path.stem for path in EVENTS.glob("*.json")}


# --- once, and by what rules ---------------------------------------------------------------------


def test_the_same_order_again_writes_nothing(till: Till) -> None:
    """R-21: not even the row."""
    first = till.replay("order__completed")[1]
    rows = till.shop.world.rows()
    again = till.replay("order__completed")[1]
    assert (first["changed"], again["changed"]) == (True, False)
    assert till.shop.world.rows() == rows


def test_what_the_answer_costs(till: Till) -> None:
    """R-21: warm, one read for what is known; three and one transaction for a new one."""
    till.order("7", order_id="1000")
    wire = Wire(till.shop.world)
    till.order("7", order_id="999")  # the process is warm now
    seen = []
    for _ in range(2):
        wire.calm()
        till.shop.connect("POST", "/orders", GOOD)
        seen.append([name.removeprefix("dynamodb.") for name in wire.names])
    assert seen == [["GetItem"] * 3 + ["TransactWriteItems"], ["GetItem"]]


def test_two_connections_of_one_shop_account_have_one_order(house: World) -> None:
    """R-21: per merchant, source and order id: a shop that is connected anew sends all again."""
    till = Till(house.shop())
    till.order()
    till.shop.move("disconnected")
    after = house.shop(messaging="another", programme="main")
    answer = after.connect("POST", "/orders", order("43.99", at=house.clock.now()))
    settle(house)
    assert house.body(answer)["points"] == 43
    assert till.moved() == [(ACCRUE, 43)]


def test_each_order_earns_for_itself(till: Till) -> None:
    """R-21: two orders, two accounts."""
    till.order()
    till.order("10", order_id="1002")
    till.order("7", order_id="1003", customer={"id": "c-8"})
    assert (till.account().balance, till.account("c-8").balance) == (53, 7)


def test_an_order_goes_to_another_customer(till: Till) -> None:
    """R-21: who has it no more gives it back."""
    till.order()
    till.order(customer={"id": "c-8"})
    assert (till.moved(), till.moved("c-8")) == ([(ACCRUE, 43), (REVERSE, -43)], [(ACCRUE, 43)])


def test_rounding_is_the_programmes(till: Till) -> None:
    """R-18: and a refund goes by the rules of the order's day."""
    till.rules(rounding=Rounding.UP, points_per_unit=Decimal(2))
    till.order("10.10")
    till.rules(rounding=Rounding.DOWN, points_per_unit=Decimal(5))
    till.refund("r-1", "0.30")
    assert till.moved() == [(ACCRUE, 21), (REVERSE, -1)]


def test_points_last_from_the_local_day_of_the_order(till: Till) -> None:
    """R-19: 2 a.m. in London is still the day before in New York."""
    till.rules(valid_for=Validity(days=3650))
    till.order(completed_at="2026-03-02T02:00:00Z")
    [lot] = till.account().lots
    assert lot.expires_on == date(2026, 3, 1) + timedelta(days=3650)
    assert till.entries()[0].details == {"order": "1001"}


def test_an_order_is_booked_on_the_local_day(till: Till) -> None:
    """L-03, R-20: in the evening of New York it is tomorrow in UTC, and not yet the day on which
    points count."""
    clock = till.shop.world.clock
    till.rules(pending_days=1)
    clock.advance(
        datetime.combine(till.today, time(22), NEW_YORK) + timedelta(days=1) - clock.now()
    )
    assert clock.now().astimezone(UTC).date() == till.today + timedelta(days=1)
    till.order()
    assert [(entry.kind, entry.on) for entry in till.entries()] == [(PEND, till.today)]


def test_a_refund_takes_the_points_of_its_order_first(till: Till) -> None:
    """R-18, R-19: also where they have no last day, and others would end sooner."""
    till.rules(valid_for=Validity(days=30))
    till.order("10", order_id="1000")
    till.rules(valid_for=None)
    till.order("43")
    till.refund("r-1", "20")
    assert [lot.points for lot in till.account().lots] == [10, 23]


def test_points_that_waited_name_their_order_when_they_count(till: Till) -> None:
    """R-20, promise 4: the statement says which order they are of, on both days."""
    till.rules(pending_days=1)
    till.order(order_id="A-17")
    house = till.shop.world
    house.clock.advance(timedelta(days=2))
    house.hourly()
    settle(house)
    assert till.moved() == [(PEND, 0), (ACCRUE, 43)]
    assert [entry.details for entry in till.entries()] == [{"order": "A-17"}] * 2


def test_a_clock_that_is_ahead_lengthens_nothing(till: Till) -> None:
    """R-19: no order was completed after we heard of it."""
    till.rules(valid_for=Validity(days=30))
    ahead = till.shop.world.clock.now().astimezone(UTC) + timedelta(days=300)
    till.order(completed_at=to_rfc3339(ahead))
    [lot] = till.account().lots
    assert lot.expires_on == till.today + timedelta(days=30)


def test_points_wait_while_the_order_can_be_returned(till: Till) -> None:
    """R-20: shown, not spendable; a refund takes from those that wait."""
    till.rules(pending_days=14, valid_for=Validity(days=30))
    till.order()
    till.refund("r-1", "10")
    account = till.account()
    assert (account.balance, account.pending_points) == (0, 33)
    [pending] = account.pending
    assert pending.active_on == till.today + timedelta(days=14)
    assert pending.expires_on == till.today + timedelta(days=44)
    assert till.moved() == [(PEND, 0), (REVERSE, 0)]


def test_an_order_whose_window_is_over_counts_at_once(till: Till) -> None:
    """R-20."""
    till.rules(pending_days=14)
    till.order(completed_at=to_rfc3339(till.shop.world.clock.now() - timedelta(days=20)))
    assert (till.account().balance, till.account().pending) == (43, ())


@pytest.mark.parametrize(
    ("policy", "balance"), [(RefundPolicy.CLAMP, 0), (RefundPolicy.NEGATIVE, -43)]
)
def test_points_that_were_spent_go_by_the_policy(
    till: Till, policy: RefundPolicy, balance: int
) -> None:
    """R-18: by the programme's policy of the day on which the refund is booked."""
    till.order()
    _spend(till, 43)
    till.rules(refund_policy=policy)
    till.refund("r-1", "43.99")
    assert till.account().balance == balance


def test_a_refund_takes_from_the_lot_of_its_order(till: Till) -> None:
    """R-18, R-19: though another one expires first."""
    till.rules(valid_for=Validity(days=300))
    early = till.shop.world.clock.now() - timedelta(days=100)
    till.order("20", order_id="1000", completed_at=to_rfc3339(early))
    till.order()
    till.refund("r-1", "10")
    assert [lot.points for lot in till.account().lots] == [20, 33]


def _spend(till: Till, points: int) -> None:
    from concord.domain.points.posting import Occasion, hold

    parts = till.shop.world.parts
    why = Occasion("hold:1", till.shop.world.clock.now(), till.today)
    posting = hold(till.account(), points, why)
    assert posting is not None
    parts.ledger.post(posting, now=why.at)


# --- refusals ------------------------------------------------------------------------------------

GOOD_AT = datetime(2026, 3, 1, 15, 30, tzinfo=UTC)
GOOD = order("43.00", GOOD_AT)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"order_id": ""}, "order_id"),
        ({"order_id": 7}, "order_id"),
        ({"order_id": "x" * 201}, "order_id"),
        ({"order_id": "a\ud83d"}, "order_id"),
        ({"status": None}, "status"),
        ({"completed_at": None}, "completed_at"),
        ({"completed_at": "yesterday"}, "completed_at"),
        ({"completed_at": "2026-03-01T10:00:00"}, "completed_at"),
        ({"completed_at": "0001-01-01T00:00:00Z"}, "completed_at"),
        ({"completed_at": "1970-01-01T00:00:00Z"}, "completed_at"),
        ({"customer": "c-7"}, "customer"),
        ({"customer": {"id": 7}}, "customer.id"),
        ({"customer": {"id": "x" * 129}}, "customer.id"),
        ({"customer": {"id": "a\nb"}}, "customer.id"),
        ({"subtotal_ex_tax": None}, "subtotal_ex_tax"),
        ({"subtotal_ex_tax": 43}, "subtotal_ex_tax"),
        ({"subtotal_ex_tax": "-1"}, "subtotal_ex_tax"),
        ({"subtotal_ex_tax": "1e3"}, "subtotal_ex_tax"),
        ({"subtotal_ex_tax": "NaN"}, "subtotal_ex_tax"),
        ({"subtotal_ex_tax": "1,00"}, "subtotal_ex_tax"),
        ({"subtotal_ex_tax": "٤٣"}, "subtotal_ex_tax"),
        ({"subtotal_ex_tax": "1.00001"}, "subtotal_ex_tax"),
        ({"subtotal_ex_tax": "1234567890123"}, "subtotal_ex_tax"),
        ({"currency": "usd"}, "currency"),
        ({"currency": "EUR"}, "currency"),
    ],
)
def test_a_wrong_field_is_named(till: Till, change: dict[str, Any], field: str) -> None:
    """R-21: with its remedy, and nothing is kept."""
    answer = till.shop.connect("POST", "/orders", GOOD | change)
    assert answer["statusCode"] == 422
    errors = till.shop.world.body(answer)["errors"]
    assert [error["field"] for error in errors] == [field]
    assert all(error["message"] for error in errors)
    assert till.shop.world.rows("O#") == []


def test_all_wrong_fields_are_named_at_once(till: Till) -> None:
    answer = till.shop.connect("POST", "/orders", {"status": "completed"})
    named = {error["field"] for error in till.shop.world.body(answer)["errors"]}
    assert named == {"order_id", "completed_at", "subtotal_ex_tax", "currency"}


@pytest.mark.parametrize(
    ("order_id", "body", "field"),
    [
        ("1001", {"amount_ex_tax": "1"}, "refund_id"),
        ("1001", {"refund_id": "r-1", "amount_ex_tax": 1}, "amount_ex_tax"),
        ("x" * 201, {"refund_id": "r-1", "amount_ex_tax": "1"}, "order_id"),
        ("%FF", {"refund_id": "r-1", "amount_ex_tax": "1"}, "order_id"),
    ],
)
def test_a_wrong_refund_is_named(till: Till, order_id: str, body: Any, field: str) -> None:
    """R-18."""
    answer = till.shop.connect("POST", f"/orders/{order_id}/refunds", body)
    assert answer["statusCode"] == 422
    assert [e["field"] for e in till.shop.world.body(answer)["errors"]] == [field]


def test_a_refund_id_that_was_used_is_refused(till: Till) -> None:
    """R-18: 409 `event_id_reused`, and nothing is booked."""
    till.order()
    till.refund("r-1", "10")
    answer = till.shop.connect(
        "POST", "/orders/1001/refunds", {"refund_id": "r-1", "amount_ex_tax": "11"}
    )
    assert answer["statusCode"] == 409
    assert till.shop.world.body(answer)["code"] == "event_id_reused"
    assert till.account().balance == 33


@pytest.mark.parametrize("path", ["/orders", "/orders/1001/refunds"])
def test_without_a_programme_nothing_is_taken(shop: Shop, path: str) -> None:
    """R-21: 409 `no_programme` says what to do."""
    body = GOOD | {"refund_id": "r-1", "amount_ex_tax": "1"}
    answer = shop.connect("POST", path, body)
    problem = shop.world.body(answer)
    assert (answer["statusCode"], problem["code"]) == (409, "no_programme")
    assert "programme" in problem["detail"]
    assert shop.world.rows("O#") == []


def test_a_refund_is_heard_after_the_programme_was_taken_off(till: Till) -> None:
    """R-18: what was earned is known by the order itself."""
    till.order()
    till.set(None)
    assert till.refund("r-1", "10")["points"] == 33
    assert till.account().balance == 33


def test_only_a_connection_that_listens_takes_orders(till: Till) -> None:
    """TEA-01: 409, and no side effect."""
    till.shop.move("disconnected")
    till.shop.world.cold()
    for path, body in (("/orders", GOOD), ("/orders/1001/refunds", {})):
        answer = till.shop.connect("POST", path, body)
        assert answer["statusCode"] == 409
        assert till.shop.world.body(answer)["code"] == "connection_not_connected"
    assert till.shop.world.rows("O#") == []


def test_an_order_that_could_not_be_kept_is_told(till: Till) -> None:
    """Promise 1: 503, nothing half-done; the repeat does it."""
    wire = Wire(till.shop.world)
    with wire.failing(away("dynamodb")):
        assert till.shop.connect("POST", "/orders", GOOD)["statusCode"] == 503
    assert till.shop.world.rows("O#") == []
    assert till.order()["points"] == 43


def test_nothing_personal_stands_in_a_key(till: Till) -> None:
    """Rules, Storage: neither her id nor the order's."""
    till.order(order_id="+15551230000", customer={"id": "+15559990000"})
    keys = "".join(f"{row['pk']}{row['sk']}" for row in till.shop.world.rows())
    assert "5551230000" not in keys
    assert "5559990000" not in keys


# --- the setting ---------------------------------------------------------------------------------


def test_a_programme_has_to_be_the_merchants(till: Till) -> None:
    """R-32: 422 names the field; nothing is set."""
    till.shop.world.parts.programmes.save(replace(MAIN, merchant_id="m2", programme_id="theirs"))
    answer = till.set("theirs")
    assert answer["statusCode"] == 422
    [error] = till.shop.world.body(answer)["errors"]
    assert error["field"] == "settings.programme"
    assert till.shop.world.body(till.shop.admin("GET"))["settings"]["programme"] == "main"


def test_a_programme_is_set_when_a_connection_is_made_and_taken_off(house: World) -> None:
    """R-21: at creation and by PATCH, noted in the audit trail; null = none."""
    assert house.parts.programmes.save(MAIN)
    shop = house.shop(programme="main")
    assert shop.connect("POST", "/orders", GOOD)["statusCode"] == 202
    shop.admin("PATCH", "", {"settings": {"programme": None}})
    house.cold()
    other = GOOD | {"order_id": "1002"}
    assert shop.connect("POST", "/orders", other)["statusCode"] == 409
    [change, *_] = house.body(shop.admin("GET", "/audit"))["items"]
    assert change["details"]["programme"] == {"from": "main", "to": None}


# --- dying everywhere ----------------------------------------------------------------------------


def _outcome(till: Till) -> Any:
    """Return her entries and balance, and what the order's row says."""
    [row] = till.shop.world.rows("O#")
    return till.moved(), till.account().balance, row["points"], row.get("postings")


def test_the_door_dies_at_every_request(till: Till) -> None:
    """Reliability 12, R-21: whatever request of the call dies, its repeat books once."""
    wire = Wire(till.shop.world)

    def stage() -> Scene:
        return Scene(lambda _: till.shop.connect("POST", "/orders", GOOD), lambda: _outcome(till))

    assert dies_everywhere(wire, till.shop.world, stage, ([(ACCRUE, 43)], 43, 43, None)) >= 4


def test_the_worker_dies_at_every_request(till: Till) -> None:
    """Reliability 12, R-18, R-21: an order and two refunds in one run, each booked once."""
    house = till.shop.world
    wire = Wire(house)
    entries = [(ACCRUE, 43), (REVERSE, -10), (REVERSE, -33)]

    def stage() -> Scene:
        till.shop.connect("POST", "/orders", GOOD)
        for refund_id, amount in (("r-1", "10"), ("r-2", "33")):
            body = {"refund_id": refund_id, "amount_ex_tax": amount}
            till.shop.connect("POST", "/orders/1001/refunds", body)
        [row] = open_tasks(house)
        key = {"pk": row["pk"], "sk": row["sk"]}
        return Scene(lambda receives: house.run_task(key, receives), lambda: _outcome(till))

    assert dies_everywhere(wire, house, stage, (entries, 0, 0, None)) >= 10


def test_a_worker_dies_over_an_order_that_falls_and_rises(till: Till) -> None:
    """Reliability 12, R-18: what is let go and what comes again are read off the ledger, so a death
    between it and the order's row changes neither."""
    house = till.shop.world
    till.order()
    _spend(till, 33)
    wire, spent = Wire(house), (EntryKind.HOLD, -33)
    entries = [(ACCRUE, 43), spent, (REVERSE, -10), (ACCRUE, 0), (ACCRUE, 27)]

    def stage() -> Scene:
        for subtotal in ("0", "30", "60"):
            till.shop.connect("POST", "/orders", order(subtotal, GOOD_AT))
        [row] = open_tasks(house)
        key = {"pk": row["pk"], "sk": row["sk"]}
        return Scene(lambda receives: house.run_task(key, receives), lambda: _outcome(till))

    assert dies_everywhere(wire, house, stage, (entries, 27, 60, None)) >= 10


def test_a_refund_that_comes_while_its_order_is_booked(till: Till) -> None:
    """R-21: a refund that comes while its order is being booked is booked after it, and the order
    no second time."""
    house = till.shop.world
    till.shop.connect("POST", "/orders", GOOD)
    wire = Wire(house)
    said: list[int] = []

    def another(request: Any) -> None:
        if request.name == "dynamodb.TransactWriteItems" and not said:
            said.append(1)
            body = {"refund_id": "r-1", "amount_ex_tax": "10"}
            till.shop.connect("POST", "/orders/1001/refunds", body)

    with wire.failing(after=another):
        house.pump()
    settle(house)
    assert till.moved() == [(ACCRUE, 43), (REVERSE, -10)]
    assert open_tasks(house) == []
