"""`concord programmes` and `concord points`: what is sent, and what a person gets to see."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.cli.fake_api import Cli, FakeApi, pages, refusal

ONE = "/merchants/m1/programmes/club"
ACCOUNT = f"{ONE}/accounts/s%2F1%20%C5%BE"
MEMBER = "s/1 ž"
CLUB: dict[str, Any] = {
    "merchant_id": "m1",
    "programme_id": "club",
    "name": "Club",
    "currency": "USD",
    "points_per_unit": "1.5",
    "rounding": "half_up",
    "valid_for": {"days": None, "months": 12, "month_end": "last_day"},
    "refund_policy": "clamp",
    "pending_days": 14,
    "notice_days": 30,
    "newsletter_reward": {"points": 50, "take_back": True},
}
PUT = {name: value for name, value in CLUB.items() if not name.endswith("_id")}


def entry(points: int, balance: int, **more: Any) -> dict[str, Any]:
    return {
        "entry_id": f"e-{balance}",
        "kind": "adjust",
        "points": points,
        "balance": balance,
        "pending": 0,
        "at": "2026-11-22T10:00:00Z",
        "on": "2026-11-22",
        "lots": [{"expires_on": "2026-12-02", "points": abs(points)}],
        "asked": None,
        "details": {"reason": "lost parcel", "actor": "dana"},
        **more,
    }


def test_a_new_programme_is_put_as_it_is_named(concord: Cli, api: FakeApi) -> None:
    """ECO-14: what is not named is left to the API's defaults."""
    api.on("PUT", ONE, CLUB)
    words = ("--name", "Club", "--currency", "USD", "--points-per-unit", "1.5")
    more = ("--valid-for", "12m", "--month-end", "last_day", "--notice-days", "30")
    rest = ("--newsletter-reward", "50", "--take-back", "--rounding", "half_up")
    ran = concord("programmes", "put", "m1/club", *words, *more, *rest)
    assert ran.exit_code == 0, ran.output
    assert api.bodies("PUT") == [
        {
            "name": "Club",
            "currency": "USD",
            "points_per_unit": "1.5",
            "rounding": "half_up",
            "valid_for": {"months": 12, "month_end": "last_day"},
            "notice_days": 30,
            "newsletter_reward": {"points": 50, "take_back": True},
        }
    ]
    for words_shown in ("m1/club", "1.5 per USD", "12 months to their last day", "30 days"):
        assert words_shown in ran.stdout
    assert "50 points, taken back" in ran.stdout


@pytest.mark.parametrize(
    ("words", "change"),
    [
        (("--notice-days", "none"), {"notice_days": None}),
        (("--valid-for", "90d"), {"valid_for": {"days": 90}}),
        (("--valid-for", "none"), {"valid_for": None}),
        (
            ("--month-end", "same_day"),
            {"valid_for": {"days": None, "months": 12, "month_end": "same_day"}},
        ),
        (("--newsletter-reward", "none"), {"newsletter_reward": None}),
        (("--keep",), {"newsletter_reward": {"points": 50, "take_back": False}}),
        (("--pending-days", "0"), {"pending_days": 0}),
        (("--refund-policy", "negative"), {"refund_policy": "negative"}),
    ],
)
def test_what_is_not_named_stays(
    concord: Cli, api: FakeApi, words: tuple[str, ...], change: dict[str, Any]
) -> None:
    """ECO-14: changing one rule resets no other."""
    api.on("GET", ONE, CLUB)
    api.on("PUT", ONE, CLUB)
    assert concord("programmes", "put", "m1/club", *words).exit_code == 0
    assert api.bodies("PUT") == [{**PUT, **change}]


@pytest.mark.parametrize(
    "words",
    [
        ("--name", "Club"),
        ("--name", "C", "--currency", "USD", "--valid-for", "12 months"),
        ("--name", "C", "--currency", "USD", "--valid-for", "90d", "--month-end", "last_day"),
        ("--name", "C", "--currency", "USD", "--valid-for", "none", "--month-end", "last_day"),
        ("--name", "C", "--currency", "USD", "--notice-days", "soon"),
        ("--name", "C", "--currency", "USD", "--take-back"),
        ("--rounding", "nearest"),
    ],
)
def test_what_cannot_be_meant_is_not_sent(
    concord: Cli, api: FakeApi, words: tuple[str, ...]
) -> None:
    """R-27: exit code 2, and nothing was changed."""
    assert concord("programmes", "put", "m1/club", *words).exit_code == 2
    assert not api.bodies("PUT")


@pytest.mark.parametrize("named", ["club", "m1/", "/club", "m1/a/b"])
def test_a_programme_is_named_with_its_merchant(concord: Cli, api: FakeApi, named: str) -> None:
    """R-27: exit code 2 with the form to give."""
    ran = concord("programmes", "show", named)
    assert ran.exit_code == 2
    assert "MERCHANT/PROGRAMME" in ran.stderr
    assert not api.requests


def test_programmes_are_listed_for_copying(concord: Cli, api: FakeApi) -> None:
    """R-27: the first column is what other commands take."""
    api.on("GET", "/merchants/m1/programmes", *pages([CLUB, {**CLUB, "programme_id": "vip"}], 1))
    ran = concord("programmes", "list", "m1")
    assert [line.split()[0] for line in ran.stdout.splitlines()[-3:-1]] == ["m1/club", "m1/vip"]
    told = concord("--json", "programmes", "list", "m1")
    assert json.loads(told.stdout)["items"][0]["programme_id"]


def test_an_adjustment_is_sent_once_with_reason_and_actor(concord: Cli, api: FakeApi) -> None:
    """R-22: a lost answer is asked for again under the same key."""
    api.on("POST", f"{ACCOUNT}/adjustments", refusal(503, "storage_unavailable"), entry(-1200, 40))
    words = ("--amount", "-1200", "--reason", "lost parcel", "--actor", "dana")
    ran = concord("points", "adjust", MEMBER, "--programme", "m1/club", *words)
    assert ran.exit_code == 0, ran.output
    sent = {"amount": -1200, "reason": "lost parcel", "actor": "dana"}
    assert api.bodies() == [sent, sent]
    assert len({request.headers["Idempotency-Key"] for request in api.requests}) == 1
    assert "-1,200 points (1,200 until 2026-12-02)." in ran.stdout
    assert "The balance is 40." in ran.stdout


@pytest.mark.parametrize("left_out", ["--amount", "--reason", "--actor", "--programme"])
def test_nothing_of_it_may_be_left_out(concord: Cli, api: FakeApi, left_out: str) -> None:
    """R-22: reason and actor mandatory."""
    said = {"--amount": "5", "--reason": "r", "--actor": "dana", "--programme": "m1/club"}
    words = [word for name, value in said.items() if name != left_out for word in (name, value)]
    assert concord("points", "adjust", MEMBER, *words).exit_code == 2
    assert not api.requests


def test_too_few_points_are_told_with_a_remedy(concord: Cli, api: FakeApi) -> None:
    """R-22: how many there are, and where to look; her id is not repeated."""
    answer = refusal(409, "insufficient_points", "there are fewer points than that", balance=30)
    api.on("POST", f"{ACCOUNT}/adjustments", answer)
    words = ("--amount", "-31", "--reason", "r", "--actor", "dana")
    ran = concord("points", "adjust", MEMBER, "--programme", "m1/club", *words)
    assert ran.exit_code == 1
    assert "(balance 30)" in ran.stderr
    assert "concord points show MEMBER --programme m1/club" in ran.stderr
    assert MEMBER not in ran.output


def test_what_a_member_has_is_shown_with_its_days(concord: Cli, api: FakeApi) -> None:
    """R-20: lots by last day; pending ones say until when they wait."""
    account = {
        "balance": 1300,
        "available": 1250,
        "pending": 12,
        "owed": 0,
        "today": "2026-11-22",
        "lots": [
            {"expires_on": "2026-11-21", "points": 50},
            {"expires_on": None, "points": 1250},
        ],
        "pending_lots": [
            {"ref": "o-1", "points": 12, "active_on": "2026-12-06", "expires_on": "2027-12-06"}
        ],
        "next_expiry": None,
    }
    api.on("GET", ACCOUNT, account)
    ran = concord("points", "show", MEMBER, "--programme", "m1/club")
    lines = [line.split() for line in ran.stdout.splitlines()]
    assert ["balance", "1,300"] in lines
    assert ["available", "1,250"] in lines
    assert ["2026-11-21", "50", "-"] in lines
    assert ["never", "1,250", "-"] in lines
    assert ["2027-12-06", "12", "2026-12-06"] in lines
    assert "owed" not in ran.stdout


def test_a_statement_explains_every_point(
    concord: Cli, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-22: what, how many, what was left, and why; newest first, page by page."""
    monkeypatch.setenv("COLUMNS", "200")
    pended = {"kind": "pend", "lots": [], "pending": 12, "details": {"order": "o-2"}}
    clamped = {"kind": "reverse", "asked": 99, "details": {"order": "o-1", "refund": "r-1"}}
    items = [entry(0, 30, **pended), entry(-10, 30, **clamped), entry(40, 40)]
    api.on("GET", f"{ACCOUNT}/entries", *pages(items, 2))
    ran = concord("points", "statement", MEMBER, "--programme", "m1/club")
    first, second, third = ran.stdout.splitlines()[-4:-1]
    assert "0 (pending +12)" in first
    assert "order o-2" in first
    assert "-10" in second
    assert "order o-1, refund r-1, of 99 asked for" in second
    assert "+40" in third
    assert "40 until 2026-12-02" in third
    assert "lost parcel, dana" in third


def test_an_empty_statement_says_so(concord: Cli, api: FakeApi) -> None:
    """R-27: nothing is something to say, too."""
    api.on("GET", f"{ACCOUNT}/entries", {"items": [], "cursor": None})
    ran = concord("points", "statement", MEMBER, "--programme", "m1/club")
    assert ran.stdout.strip() == "No points have moved."


@pytest.mark.parametrize(("adds_up", "code"), [(True, 0), (False, 1)])
def test_a_report_shows_each_column_and_whether_it_adds_up(
    concord: Cli, api: FakeApi, adds_up: bool, code: int
) -> None:
    """L-03: signed columns from opening to closing; exit code 1 where they do not add up."""
    columns = {"earned": 1500, "reversed": -20, "redeemed": -300, "reimbursed": 5}
    whole = {**columns, "expired": -70, "adjusted": 0, "opening": 1000, "closing": 2115}
    told = {**whole, "date": "2026-11-21", "pending": 12, "entries": 9, "adds_up": adds_up}
    api.on("GET", f"{ONE}/reports/2026-11-21", {**told, "gaps": 0 if adds_up else 2})
    ran = concord("programmes", "report", "m1/club", "2026-11-21")
    assert ran.exit_code == code
    lines = [line.split() for line in ran.stdout.splitlines()]
    assert lines[1:4] == [["opening", "1,000"], ["earned", "1,500"], ["reversed", "-20"]]
    assert ["closing", "2,115"] in lines
    assert [*("adds", "up"), *(("yes",) if adds_up else ("no,", "gaps:", "2"))] in lines
