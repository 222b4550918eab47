"""Points of a member over the admin API: answer and stored rows."""

from __future__ import annotations

import base64
import json
import logging
import os
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from io import StringIO
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import boto3
import pytest

from concord.bootstrap.points import post_points
from concord.domain.identity import member_key
from concord.domain.points import posting
from concord.domain.points.account import Account, AccountKey, Lot, Pending
from concord.domain.points.posting import Occasion, Posting
from concord.domain.points.programme import RefundPolicy
from concord.entrypoint.observability import LOG
from tests.integration.admin.calls import MERCHANT, call, ok, refused
from tests.support.canaries import FIRST_NAME
from tests.world.world import PREFIX, World

MEMBER = f"{FIRST_NAME} / 47#11"
CLUB = {"name": "Club", "currency": "USD", "valid_for": {"days": 10}}
GIFT = {"amount": 40, "reason": "lost parcel", "actor": "dana"}


def path_of(member: str = MEMBER, merchant: str = "m1") -> str:
    return f"/v1/merchants/{merchant}/programmes/club/accounts/{quote(member, safe='')}"


def keyed(key: str) -> dict[str, Any]:
    return {"headers": {"Content-Type": "application/json", "Idempotency-Key": key}}


@pytest.fixture
def lines() -> Iterator[StringIO]:
    """Catch what our logger writes: its handler holds the stdout of the time of its import."""
    handler = LOG.registered_handler
    assert isinstance(handler, logging.StreamHandler)
    caught = StringIO()
    before = handler.setStream(caught)
    yield caught
    handler.setStream(before or sys.stdout)


@pytest.fixture
def house(house: World) -> World:
    ok(house, "PUT", "/v1/merchants/m1", MERCHANT)
    ok(house, "PUT", "/v1/merchants/m1/programmes/club", CLUB)
    return house


def adjust(house: World, amount: int, **more: Any) -> dict[str, Any]:
    return ok(house, "POST", f"{path_of()}/adjustments", {**GIFT, "amount": amount}, **more)


def stored(house: World, member: str = MEMBER) -> Account:
    key = member_key(house.parts.secrets.stack_key(), "m1", "club", member)
    return house.parts.ledger.account(AccountKey("m1", "club", key))


def book(house: World, decide: Any, name: str, today: date) -> None:
    """Book what an order or the night would, through the one way."""
    why = Occasion(name, house.clock.now(), today, {"order": "o-1"})
    posted = post_points(house.parts)(stored(house).key, name, lambda a: decide(a, why))
    assert posted.entry is not None


def adds_up(house: World) -> None:
    """R-19: lots, entries, account and answer tell the same."""
    account, entries = stored(house), house.parts.ledger.entries(stored(house).key)
    assert account.balance == sum(entry.points for entry in entries)
    assert account.balance == sum(lot.points for lot in account.lots) - account.owed
    assert [entry.seq for entry in entries] == list(range(1, account.seq + 1))
    shown = ok(house, "GET", path_of())
    assert shown["balance"] == account.balance
    assert sum(lot["points"] for lot in shown["lots"]) - shown["owed"] == account.balance


def test_whoever_was_never_given_a_point_has_none(house: World) -> None:
    """R-19: an empty account is no error, and asking for it stores nothing."""
    shown = ok(house, "GET", path_of())
    assert (shown["balance"], shown["available"], shown["pending"], shown["owed"]) == (0, 0, 0, 0)
    assert (shown["lots"], shown["pending_lots"], shown["next_expiry"]) == ([], [], None)
    assert ok(house, "GET", f"{path_of()}/entries") == {"items": [], "cursor": None}
    assert house.rows("L#") == []


def test_an_adjustment_is_booked_explained_and_audited(house: World) -> None:
    """R-22: reason and actor stand in answer, entry and audit trail; the points expire as the
    programme says."""
    caller = "arn:aws:sts::123456789012:assumed-role/Desk/ana"
    made = adjust(house, 40, user_arn=caller)
    on = date.fromisoformat(made["on"])
    lot = {"expires_on": (on + timedelta(days=10)).isoformat(), "points": 40}
    assert (made["kind"], made["points"], made["balance"], made["lots"]) == (
        "adjust",
        40,
        40,
        [lot],
    )
    assert made["details"] == {"reason": "lost parcel", "actor": f"{caller} for dana"}
    assert ok(house, "GET", f"{path_of()}/entries")["items"] == [made]
    account = stored(house)
    assert (account.seq, account.lots) == (1, (Lot(on + timedelta(days=10), 40),))
    assert account.member == MEMBER
    (audited,) = (row for row in house.rows("A#m1#-") if row["action"] == "points_adjusted")
    told = json.loads(audited["details"])
    assert audited["actor"] == f"{caller} for dana"
    assert (told["amount"], told["reason"], told["member_key"]) == (
        (40, "lost parcel", account.key.member_key)
    )
    adds_up(house)


def test_points_taken_away_are_those_that_expire_first(house: World) -> None:
    """R-19, R-22: earliest expiry first; the balance never goes below nothing."""
    adjust(house, 40)
    ok(house, "PUT", "/v1/merchants/m1/programmes/club", {**CLUB, "valid_for": {"days": 3}})
    adjust(house, 10)
    made = adjust(house, -25)
    assert [lot["points"] for lot in made["lots"]] == [10, 15]
    assert (made["points"], made["balance"]) == (-25, 25)
    assert [lot.points for lot in stored(house).lots] == [25]
    adds_up(house)


def test_more_than_the_balance_is_not_taken(house: World) -> None:
    """R-22: 409 `insufficient_points`; nothing is booked and nothing audited."""
    adjust(house, 40)
    before = house.rows()
    status, problem = call(house, "POST", f"{path_of()}/adjustments", {**GIFT, "amount": -41})
    assert (status, problem["code"], problem["balance"]) == (409, "insufficient_points", 40)
    assert house.rows() == before
    assert adjust(house, -40)["balance"] == 0
    adds_up(house)


@pytest.mark.parametrize("amount", [40, -40])
@pytest.mark.parametrize("answer_kept", [True, False])
def test_a_repeat_books_once_and_is_answered_alike(
    house: World, amount: int, answer_kept: bool
) -> None:
    """R-21, R-22: also where the first answer was never stored, and where the points are gone."""
    adjust(house, 60)
    first = adjust(house, amount, **keyed("k-1"))
    if not answer_kept:
        for row in house.rows("K#"):
            house.parts.table.client.delete_item(
                TableName=house.parts.table.name,
                Key={"pk": {"S": row["pk"]}, "sk": {"S": row["sk"]}},
            )
    adjust(house, -10)
    assert adjust(house, amount, **keyed("k-1")) == first
    assert stored(house).balance == 50 + amount
    assert stored(house).seq == 3
    assert len([r for r in house.rows("A#m1#-") if r["action"] == "points_adjusted"]) == 3
    adds_up(house)


def test_a_key_is_for_one_request(house: World) -> None:
    """R-27: another body under the same key is a mistake; without a key each call counts."""
    adjust(house, 40, **keyed("k-1"))
    again = refused(
        house, "POST", f"{path_of()}/adjustments", {**GIFT, "amount": 41}, **keyed("k-1")
    )
    assert again[:2] == (409, "idempotency_key_reused")
    for _ in range(2):
        adjust(house, 1)
    assert stored(house).balance == 42


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": 1.5}, "amount"),
        ({"amount": "5"}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": 10**9 + 1}, "amount"),
        ({"amount": -(10**9) - 1}, "amount"),
        ({"reason": ""}, "reason"),
        ({"reason": " \n"}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"actor": " "}, "actor"),
        ({"actor": None}, "actor"),
        ({"expires_on": "2030-01-01"}, "expires_on"),
    ],
)
def test_a_wrong_field_is_named(house: World, change: dict[str, object], field: str) -> None:
    """R-22: a whole number that is not 0, a reason, somebody who did it; nothing else."""
    path = f"{path_of()}/adjustments"
    assert refused(house, "POST", path, {**GIFT, **change}) == (422, "invalid_request", [field])
    assert house.rows("L#") == []


@pytest.mark.parametrize("field", ["amount", "reason", "actor"])
def test_all_three_are_needed(house: World, field: str) -> None:
    """R-22: reason and actor mandatory."""
    body = {name: value for name, value in GIFT.items() if name != field}
    assert refused(house, "POST", f"{path_of()}/adjustments", body)[::2] == (422, [field])


@pytest.mark.parametrize("member", ["a" * 129, "a\nb", "%ED%A0%80", "\u200b", "   ", "a\x00"])
def test_an_id_that_nobody_can_read_out_is_refused(house: World, member: str) -> None:
    """R-32: 1 to 128 printable characters, and what is not UTF-8 is nobody's id."""
    path = path_of("x").replace("/x", f"/{member if member[0] == '%' else quote(member, safe='')}")
    assert refused(house, "GET", path)[::2] == (422, ["member"])


@pytest.mark.parametrize("member", ["a" * 128, "a/b#c%20", "žofie@č 1", "+12125550100", "*"])
def test_any_id_of_the_merchants_is_hers(house: World, member: str) -> None:
    """R-32: it names an account of its own, and stands in no key."""
    ok(house, "POST", f"{path_of(member)}/adjustments", GIFT)
    assert ok(house, "GET", path_of(member))["balance"] == 40
    assert ok(house, "GET", path_of(f"{member[:-1]}x"))["balance"] == 0
    assert stored(house, member).member == member
    keys = json.dumps([(row["pk"], row["sk"], row.get("due_pk")) for row in house.rows()])
    assert json.dumps(member)[1:-1] not in keys.replace("*", "") or member == "*"


def test_ids_that_look_alike_are_two_members(house: World) -> None:
    """R-32: the merchant's own id is taken as it is; another spelling is somebody else."""
    alike = ["Ana", "ana", "Ana ", " Ana", "Anax", "An\u00e1", "Ana\u0301"]
    for amount, member in enumerate(alike, 1):
        ok(house, "POST", f"{path_of(member)}/adjustments", {**GIFT, "amount": amount})
    balances = [ok(house, "GET", path_of(member))["balance"] for member in alike]
    assert balances == list(range(1, len(alike) + 1))


def test_it_is_never_logged(house: World, lines: StringIO) -> None:
    """R-32: neither hers nor why, when it goes well, is refused, or breaks."""
    words = {**GIFT, "reason": f"for {MEMBER}", "actor": MEMBER}
    ok(house, "POST", f"{path_of()}/adjustments", words, **keyed("k-1"))
    refused(house, "POST", f"{path_of()}/adjustments", {**words, "amount": -(10**6)})
    refused(house, "GET", path_of(f"{MEMBER}\n"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(house.parts.ledger, "account", lambda key: 1 / 0)
        assert refused(house, "GET", path_of())[0] == 500
    said = lines.getvalue()
    assert "ZeroDivisionError" in said
    assert FIRST_NAME not in said
    assert quote(MEMBER, safe="") not in said


def test_the_day_is_the_merchants(house: World) -> None:
    """ECO-15: 25 hours lie between the two, so it is never the same day at both."""
    days = {}
    for merchant, zone in (("east", "Pacific/Kiritimati"), ("west", "Pacific/Pago_Pago")):
        ok(house, "PUT", f"/v1/merchants/{merchant}", {**MERCHANT, "time_zone": zone})
        ok(house, "PUT", f"/v1/merchants/{merchant}/programmes/club", CLUB)
        made = ok(house, "POST", f"{path_of(merchant=merchant)}/adjustments", GIFT)
        at = datetime.fromisoformat(made["at"])
        days[merchant] = date.fromisoformat(made["on"])
        assert days[merchant] == at.astimezone(ZoneInfo(zone)).date()
        last = days[merchant] + timedelta(days=10)
        assert made["lots"] == [{"expires_on": last.isoformat(), "points": 40}]
    assert days["west"] < days["east"]


def test_what_is_over_is_not_available_before_the_night_booked_it(house: World) -> None:
    """R-19: a lot counts through the end of its last day; the balance is what is booked."""
    adjust(house, 40)
    ok(house, "PUT", "/v1/merchants/m1/programmes/club", {**CLUB, "valid_for": {"days": 30}})
    adjust(house, 5)
    house.clock.advance(timedelta(days=10))
    last = ok(house, "GET", path_of())
    assert (last["available"], last["next_expiry"]["points"]) == (45, 40)
    assert last["next_expiry"]["expires_on"] == last["today"]
    house.clock.advance(timedelta(days=1))
    over = ok(house, "GET", path_of())
    assert (over["balance"], over["available"], over["next_expiry"]["points"]) == (45, 5, 5)


def test_pending_and_owed_points_are_shown_apart(house: World) -> None:
    """R-18, R-20: pending cannot be spent; what is owed is negative and never expires."""
    adjust(house, 30)
    today = date.fromisoformat(ok(house, "GET", path_of())["today"])
    waits = Pending("o-2", today + timedelta(days=14), today + timedelta(days=24), 12)
    book(house, lambda a, why: posting.pend(a, waits, why), "order:o-2", today)
    shown = ok(house, "GET", path_of())
    assert (shown["balance"], shown["available"], shown["pending"]) == (30, 30, 12)
    (pending,) = shown["pending_lots"]
    assert (pending["ref"], pending["active_on"]) == ("o-2", waits.active_on.isoformat())

    def refunded(account: Account, why: Occasion) -> Posting | None:
        return posting.reverse(account, 50, RefundPolicy.NEGATIVE, why)

    book(house, refunded, "refund:r-1", today)
    shown = ok(house, "GET", path_of())
    assert (shown["balance"], shown["available"], shown["owed"]) == (-20, 0, 20)
    adds_up(house)
    made = adjust(house, 25)
    assert (made["balance"], [lot["points"] for lot in made["lots"]]) == (5, [5])
    adds_up(house)


def test_the_statement_explains_every_point_newest_first(house: World) -> None:
    """R-22, L-03: in pages, each entry once; the balances follow from one another."""
    for amount in (40, -10, 7, -30, 3):
        adjust(house, amount)
    today = date.fromisoformat(ok(house, "GET", path_of())["today"])
    book(house, lambda a, why: posting.reverse(a, 99, RefundPolicy.CLAMP, why), "refund:r", today)
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        at = f"&cursor={cursor}" if cursor else ""
        page = ok(house, "GET", f"{path_of()}/entries?limit=4{at}")
        items += page["items"]
        if (cursor := page["cursor"]) is None:
            break
    assert [item["points"] for item in items] == [-10, 3, -30, 7, -10, 40]
    assert [item["balance"] for item in items] == [0, 10, 7, 37, 30, 40]
    assert (items[0]["asked"], items[0]["details"]) == (99, {"order": "o-1"})
    for item in items:
        moved = sum(lot["points"] for lot in item["lots"])
        assert moved == abs(item["points"])
    assert len({item["entry_id"] for item in items}) == 6


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "cursor=%21", "page=2"])
def test_a_page_that_cannot_be_is_refused(house: World, query: str) -> None:
    """R-27: `limit` is 1 to 100, a cursor is one of ours."""
    assert refused(house, "GET", f"{path_of()}/entries?{query}")[0] == 422


@pytest.mark.parametrize(
    ("method", "tail"), [("GET", ""), ("GET", "/entries"), ("POST", "/adjustments")]
)
def test_a_programme_has_to_be_there(house: World, method: str, tail: str) -> None:
    """R-32: 404 for what is not the merchant's, and nothing begins."""
    ok(house, "PUT", "/v1/merchants/m2", MERCHANT)
    body = GIFT if method == "POST" else None
    for merchant in ("m2", "nobody"):
        answer = refused(house, method, path_of(merchant=merchant) + tail, body)
        assert answer[:2] == (404, "not_found")
    assert house.rows("L#") == []


def test_under_another_stack_key_nothing_is_shown_or_booked(house: World) -> None:
    """L-08: every account would look empty, and points would be given twice."""
    house.shop("m1")
    adjust(house, 40)
    before = house.rows("L#")
    boto3.client("ssm").put_parameter(
        Name=f"{PREFIX}/stack-key",
        Value=base64.b64encode(os.urandom(32)).decode(),
        Type="SecureString",
        Overwrite=True,
    )
    house.cold()
    assert refused(house, "GET", path_of())[:2] == (503, "stack_key_mismatch")
    answer = refused(house, "POST", f"{path_of()}/adjustments", GIFT)
    assert answer[:2] == (503, "stack_key_mismatch")
    assert house.rows("L#") == before
