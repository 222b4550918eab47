"""Programmes over the admin API: answer and stored row."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from concord.domain.points.programme import (
    MonthEnd,
    NewsletterReward,
    Programme,
    RefundPolicy,
    Rounding,
    Validity,
)
from tests.integration.admin.calls import MERCHANT, call, ok, refused
from tests.world.world import World

PATH = "/v1/merchants/m1/programmes/club"
LEAST = {"name": "Club", "currency": "USD"}
WHOLE: dict[str, Any] = {
    "name": "Club",
    "currency": "USD",
    "points_per_unit": "1.25",
    "rounding": "half_up",
    "valid_for": {"months": 12, "month_end": "last_day"},
    "refund_policy": "negative",
    "pending_days": 14,
    "notice_days": 30,
    "newsletter_reward": {"points": 50, "take_back": True},
}


@pytest.fixture
def house(house: World) -> World:
    ok(house, "PUT", "/v1/merchants/m1", MERCHANT)
    return house


def _stored(house: World) -> Programme | None:
    return house.parts.programmes.get("m1", "club")


def _audited(house: World) -> list[dict[str, Any]]:
    rows = [row for row in house.rows("A#m1#-") if row["action"] == "programme_put"]
    return [json.loads(row["details"]) for row in sorted(rows, key=lambda row: row["sk"])]


def test_a_programme_is_put_stored_and_shown(house: World) -> None:
    """R-18, ECO-14: what was sent is what is stored, to the last decimal, and what is shown."""
    put = ok(house, "PUT", PATH, WHOLE)
    assert put == {**WHOLE, "merchant_id": "m1", "programme_id": "club"} | {
        "valid_for": {"days": None, "months": 12, "month_end": "last_day"}
    }
    assert put == ok(house, "GET", PATH)
    assert _stored(house) == Programme(
        merchant_id="m1",
        programme_id="club",
        name="Club",
        currency="USD",
        points_per_unit=Decimal("1.25"),
        rounding=Rounding.HALF_UP,
        valid_for=Validity(months=12, month_end=MonthEnd.LAST_DAY),
        refund_policy=RefundPolicy.NEGATIVE,
        pending_days=14,
        notice_days=30,
        newsletter_reward=NewsletterReward(50, take_back=True),
    )


def test_what_is_left_out_has_its_default_again(house: World) -> None:
    """ECO-14: PUT replaces; "don't send" is a null that holds."""
    ok(house, "PUT", PATH, WHOLE)
    shown = ok(house, "PUT", PATH, LEAST)
    assert shown["notice_days"] is None
    assert shown["points_per_unit"] == "1"
    assert _stored(house) == Programme("m1", "club", "Club", "USD", version=2)


def test_each_change_is_audited_and_a_repeat_is_none(house: World) -> None:
    """R-32: who changed what, from what to what; the same again writes nothing."""
    for body in (LEAST, LEAST, {**LEAST, "notice_days": 7}):
        ok(house, "PUT", PATH, body)
    first, second = _audited(house)
    assert (first["is"]["notice_days"], "was" in first) == (None, False)
    assert (second["was"]["notice_days"], second["is"]["notice_days"]) == (None, 7)
    stored = _stored(house)
    assert stored is not None
    assert stored.version == 2


@pytest.mark.parametrize(
    ("sent", "stored"),
    [("0.1", "0.1"), (0.1, "0.1"), (2, "2"), ("10000", "10000"), ("0", "0"), ("1.50", "1.50")],
)
def test_the_factor_is_exact(house: World, sent: object, stored: str) -> None:
    """SPB-07: no binary fraction comes between what was sent and what is multiplied."""
    assert ok(house, "PUT", PATH, {**LEAST, "points_per_unit": sent})["points_per_unit"] == stored
    programme = _stored(house)
    assert programme is not None
    assert programme.points_per_unit == Decimal(stored)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"nmae": "x"}, "nmae"),
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"currency": "usd"}, "currency"),
        ({"currency": "EURO"}, "currency"),
        ({"points_per_unit": "-1"}, "points_per_unit"),
        ({"points_per_unit": "1e3"}, "points_per_unit"),
        ({"points_per_unit": "10000.5"}, "points_per_unit"),
        ({"points_per_unit": "0.123456789"}, "points_per_unit"),
        ({"points_per_unit": " 1"}, "points_per_unit"),
        ({"points_per_unit": "NaN"}, "points_per_unit"),
        ({"points_per_unit": True}, "points_per_unit"),
        ({"points_per_unit": None}, "points_per_unit"),
        ({"points_per_unit": 1e300}, "points_per_unit"),
        ({"rounding": "nearest"}, "rounding"),
        ({"refund_policy": "none"}, "refund_policy"),
        ({"valid_for": {}}, "valid_for"),
        ({"valid_for": {"days": 5, "months": 1}}, "valid_for"),
        ({"valid_for": {"days": 5, "month_end": "last_day"}}, "valid_for"),
        ({"valid_for": {"days": 0}}, "valid_for.days"),
        ({"valid_for": {"days": 3661}}, "valid_for.days"),
        ({"valid_for": {"months": 121}}, "valid_for.months"),
        ({"valid_for": {"years": 1}}, "valid_for.years"),
        ({"pending_days": -1}, "pending_days"),
        ({"pending_days": 366}, "pending_days"),
        ({"notice_days": 0}, "notice_days"),
        ({"notice_days": 366}, "notice_days"),
        ({"notice_days": 1.5}, "notice_days"),
        ({"notice_days": "7"}, "notice_days"),
        ({"newsletter_reward": {"points": 0}}, "newsletter_reward.points"),
        ({"newsletter_reward": {"points": 5, "list": "x"}}, "newsletter_reward.list"),
    ],
)
def test_a_wrong_field_is_named(house: World, change: dict[str, object], field: str) -> None:
    """R-27, ECO-14: each field has its bounds, N is a whole number from 1 to 365."""
    status, code, fields = refused(house, "PUT", PATH, {**LEAST, **change})
    assert (status, code, set(fields)) == (422, "invalid_request", {field})
    assert _stored(house) is None


@pytest.mark.parametrize("days", [1, 365])
def test_the_ends_of_the_notice_are_inside(house: World, days: int) -> None:
    """ECO-14: 1 and 365 are days."""
    assert ok(house, "PUT", PATH, {**LEAST, "notice_days": days})["notice_days"] == days


def test_who_is_not_there_is_not_found(house: World) -> None:
    """R-32: ids become parts of keys; what is nobody's is 404."""
    assert refused(house, "PUT", "/v1/merchants/nobody/programmes/club", LEAST)[0] == 404
    assert refused(house, "GET", "/v1/merchants/nobody/programmes")[0] == 404
    assert refused(house, "GET", PATH)[:2] == (404, "not_found")
    wrong = refused(house, "PUT", "/v1/merchants/m1/programmes/a%23b", LEAST)
    assert wrong[::2] == (422, ["programme_id"])


def test_programmes_are_listed_in_pages(house: World) -> None:
    """R-27: by id, `limit` and `cursor`; no other merchant's."""
    ok(house, "PUT", "/v1/merchants/m2", MERCHANT)
    ok(house, "PUT", "/v1/merchants/m2/programmes/other", LEAST)
    for name in ("club", "vip", "alpha"):
        ok(house, "PUT", f"/v1/merchants/m1/programmes/{name}", LEAST)
    first = ok(house, "GET", "/v1/merchants/m1/programmes?limit=2")
    rest = ok(house, "GET", f"/v1/merchants/m1/programmes?cursor={first['cursor']}")
    names = [[item["programme_id"] for item in page["items"]] for page in (first, rest)]
    assert names == [["alpha", "club"], ["vip"]]
    assert rest["cursor"] is None


def test_two_who_change_it_at_once_both_count(house: World) -> None:
    """R-32: a put that lost the race reads again and puts upon what it finds."""
    ok(house, "PUT", PATH, LEAST)
    programmes = house.parts.programmes
    read, raced = programmes.get, list[bool]()

    def read_then_lose(merchant_id: str, programme_id: str) -> Programme | None:
        found = read(merchant_id, programme_id)
        if not raced:
            raced.append(True)
            assert call(house, "PUT", PATH, {**LEAST, "pending_days": 3})[0] == 200
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(programmes, "get", read_then_lose)
        ok(house, "PUT", PATH, {**LEAST, "notice_days": 9})
    stored = _stored(house)
    assert stored is not None
    assert (stored.version, stored.notice_days, stored.pending_days) == (3, 9, 0)
    assert len(_audited(house)) == 3
