"""`concord broadcasts`: what is sent to the API, and what a person gets to see."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cli.broadcast_report import progress_of
from concord.entrypoint.admin.recipients import RecipientOutcome
from tests.unit.cli.fake_api import Cli, FakeApi

CONNECTION, BROADCAST = "m1.abc", "20261122t100000-0a1b2c3d"
ONE = f"{CONNECTION}/{BROADCAST}"
PATH = f"/connections/{CONNECTION}/broadcasts/{BROADCAST}"


def shown(state: str, **changed: Any) -> dict[str, Any]:
    return {
        "broadcast_id": BROADCAST,
        "name": "Sale",
        "state": state,
        "group_ids": ["vip"],
        "text": "Two for one.",
        "body": "Two for one.\nReply STOP to opt out",
        "segments": 1,
        "rate": 10.0,
        "held": None,
        "created_at": "2026-11-22T10:00:00Z",
        "send_at": None,
        "started_at": "2026-11-22T10:01:00Z",
        "finished_at": None,
        "expected_finish": None,
        "audience": 1200,
        "sent": 0,
        "skipped": {},
        "uncertain": 0,
        "waiting": 1200,
        **changed,
    }


def test_a_draft_is_made_once_and_named_for_copying(concord: Cli, api: FakeApi) -> None:
    """TEA-05, R-27: every call that creates carries an Idempotency-Key of its own."""
    api.on("POST", f"/connections/{CONNECTION}/broadcasts", shown("draft"))
    words = ("--name", "Sale", "--group", "vip", "--group", "new", "--text", "Two for one.")
    ran = concord("broadcasts", "create", CONNECTION, *words)
    assert ran.exit_code == 0
    assert ran.stdout.strip() == ONE
    assert api.bodies() == [{"name": "Sale", "group_ids": ["vip", "new"], "text": "Two for one."}]
    assert api.requests[0].headers["Idempotency-Key"]


@pytest.mark.parametrize(
    "words", [("--text", "a", "--text-file", "b"), (), ("--text-file", "/no/such/file")]
)
def test_the_text_comes_from_one_place(concord: Cli, api: FakeApi, words: tuple[str, ...]) -> None:
    """R-27: neither, both, or a file that is not there: exit code 2, nothing asked."""
    ran = concord("broadcasts", "create", CONNECTION, "--name", "x", "--group", "vip", *words)
    assert ran.exit_code == 2
    assert not api.requests


def test_progress_ends_in_a_report_that_adds_up(concord: Cli, api: FakeApi) -> None:
    """R-09: `send --follow` asks until it is over; the report's lines sum to the audience."""
    api.on("POST", f"{PATH}/send", shown("planning", audience=None, waiting=None))
    over = shown(
        "finished",
        sent=1190,
        skipped={"opted_out_after_queue": 7, "capped": 2},
        uncertain=1,
        waiting=0,
        finished_at="2026-11-22T10:03:00Z",
    )
    api.on(
        "GET",
        PATH,
        shown("planning", audience=None, waiting=None),
        shown("sending", sent=600, waiting=600),
        over,
    )
    ran = concord("broadcasts", "send", ONE, "--follow")
    assert ran.exit_code == 0
    lines = ran.stdout.replace(",", "").splitlines()
    rows = [line.rsplit(None, 1) for line in lines if len(line.split()) > 1]
    counts = {what.strip(): int(n) for what, n in rows if n.isdigit()}
    assert counts["sent"] + 7 + 2 + 1 == counts["audience"] == 1200
    assert counts["skipped: opted out after queue"] == 7
    assert len(concord.slept) == 2


def test_who_waits_for_morning_is_told_apart(concord: Cli, api: FakeApi) -> None:
    """R-01, R-09: nothing moves for hours, and nothing is wrong: until when, in report and bar."""
    night = [{"until": "2026-11-23T13:00:00Z", "recipients": 300}]
    api.on("GET", PATH, shown("sending", sent=800, waiting=400, waits_until=night))
    lines = concord("broadcasts", "show", ONE).stdout.splitlines()
    rows = [" ".join(line.replace("\u2502", " ").split()) for line in lines]
    assert "waiting 100" in rows
    assert "waiting until 2026-11-23 13:00:00Z 300" in rows
    assert "audience 1,200" in rows
    assert progress_of(shown("sending", sent=800, waiting=400, waits_until=night)) == (
        "800 of 1,200 (300 until 2026-11-23 13:00:00Z)"
    )


def test_a_held_one_is_not_waited_for(concord: Cli, api: FakeApi) -> None:
    """R-09: following ends when a broadcast is paused, with the reason on the screen."""
    api.on("GET", PATH, shown("paused", held="text_refused"))
    ran = concord("broadcasts", "show", ONE, "--follow")
    assert "text_refused" in ran.stdout
    assert concord.slept == []


def test_a_preview_says_who_what_and_by_when(concord: Cli, api: FakeApi) -> None:
    """R-11: recipients, exclusions by reason, who waits for morning, segments, cost, finish."""
    result = {
        "recipients": 1200,
        "texts": 1190,
        "texts_at_once": 1180,
        "waiting": [
            {"until": "2026-11-23T13:00:00Z", "local_start": "08:00 America/New_York"}
            | {"recipients": 10}
        ],
        "excluded": {"capped": 10},
        "body": "Coffee \u2615",
        "segments": 2,
        "encoding": "UCS-2",
        "second_segment": {"character": "e", "code_point": "U+0065", "index": 153},
        "forces_ucs_2": {"character": "\u2615", "code_point": "U+2615", "index": 7},
        "cost": {"amount": "18.80", "currency": "USD"},
        "starts_at": "2026-11-22T15:00:00Z",
        "expected_finish": "2026-11-23T13:00:01Z",
    }
    api.on("POST", f"{PATH}/preview", {"job_id": "m1.j1"})
    done = {"state": "done", "done": 1200, "total": 1200, "result": result}
    api.on("GET", "/jobs/m1.j1", {"state": "running", "done": 500, "total": 1200}, done)
    ran = concord("broadcasts", "preview", ONE)
    assert ran.exit_code == 0
    for said in ("1,190", "18.80 USD", "U+2615", "excluded: capped", "08:00 America/New_York"):
        assert said in ran.stdout
    # Of an `e` one has to know which: people count from one.
    assert "e (U+0065), character 154" in ran.stdout
    assert "begins" in ran.stdout


def test_cancelling_asks_first(concord: Cli, api: FakeApi) -> None:
    """R-09: there is no way back, so a person is asked; scripts say --yes."""
    api.on("POST", f"{PATH}/cancel", shown("cancelled"))
    assert concord("broadcasts", "cancel", ONE, answers="n\n").exit_code == 1
    assert not api.requests
    assert concord("broadcasts", "cancel", ONE, "--yes").exit_code == 0


def test_numbers_are_shown_to_who_asks(concord: Cli, api: FakeApi) -> None:
    """R-32: recipients are listed without their numbers unless --reveal says so."""
    item = {"point": "+15551230000", "outcome": "sent", "reason": None, "consent_event_id": "ev_1"}
    api.on("GET", f"{PATH}/recipients", {"items": [item], "cursor": None})
    assert "+15551230000" not in concord("broadcasts", "recipients", ONE).output
    assert "+15551230000" not in concord("--json", "broadcasts", "recipients", ONE).output
    assert "+15551230000" in concord("broadcasts", "recipients", ONE, "--reveal").stdout


def test_what_can_be_asked_of_recipients_is_what_the_api_takes(concord: Cli, api: FakeApi) -> None:
    """R-27: an outcome that the API does not know is refused here, with those that it does."""
    api.on("GET", f"{PATH}/recipients", {"items": [], "cursor": None})
    for outcome in RecipientOutcome:
        assert concord("broadcasts", "recipients", ONE, "--outcome", outcome).exit_code == 0
    asked = len(api.requests)
    ran = concord("broadcasts", "recipients", ONE, "--outcome", "deferred")
    assert (ran.exit_code, len(api.requests)) == (2, asked)
    assert all(outcome in ran.stderr for outcome in RecipientOutcome)


def test_why_cites_the_rules(concord: Cli, api: FakeApi) -> None:
    """L-02, L-09: the outcome, the consent it rests on, and each rule in a sentence."""
    answer = {
        "outcome": "skipped",
        "reason": "opted_out_after_queue",
        "consent_event_id": "ev_1",
        "local": ["America/New_York 10:01"],
        "explanation": ["us-federal-hours (US): 08:00 to 21:00."],
    }
    api.on("POST", f"{PATH}/why", answer)
    ran = concord("why", "+15551230000", ONE)
    assert api.bodies() == [{"point": "+15551230000"}]
    for word in ("opted out after queue", "ev_1", "New_York 10:01", "us-federal-hours"):
        assert word in ran.stdout


@pytest.mark.parametrize("name", ["x", "m1.abc/", "/x", "a/b/c"])
def test_what_is_no_broadcast_is_said_before_any_call(
    concord: Cli, api: FakeApi, name: str
) -> None:
    """R-27: a broadcast is named CONNECTION/BROADCAST."""
    ran = concord("broadcasts", "show", name)
    assert (ran.exit_code, api.requests) == (2, [])


def test_scripts_get_the_answer_alone(concord: Cli, api: FakeApi) -> None:
    """R-27: --json prints what the API said, and nothing else, on stdout."""
    api.on("GET", PATH, shown("finished"))
    assert json.loads(concord("--json", "broadcasts", "show", ONE).stdout) == shown("finished")


def test_the_report_says_what_carriers_told(concord: Cli, api: FakeApi) -> None:
    """R-15: the newest word on each text, failures by the carrier's code; nothing before any."""
    told = {"accepted": 0, "sent": 3, "delivered": 1180, "failed": {"30003": 6, "": 1}}
    api.on("GET", PATH, shown("finished", sent=1200, waiting=0, receipts=told))
    lines = [
        " ".join(line.split()) for line in concord("broadcasts", "show", ONE).stdout.split("\n")
    ]
    start = next(n for n, line in enumerate(lines) if "what carriers told" in line)
    words = " | ".join(lines[start:])
    for expected in ("delivered 1,180", "sent 3", "failed: no code 1", "failed: 30003 6"):
        assert expected in words.replace("│ ", "")
    assert "accepted" not in words
    nothing = {"accepted": 0, "sent": 0, "delivered": 0, "failed": {}}
    for empty in (None, nothing):
        api.on("GET", PATH, shown("finished", receipts=empty))
        assert "carriers" not in concord("broadcasts", "show", ONE).stdout
