"""`concord reviews`, `inbox`, `audit`, `health`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.cli.fake_api import Cli, FakeApi, pages, refusal

_REVIEW = {
    "review_id": "rv1",
    "kind": "fuzzy",
    "channel": "sms",
    "point": "+15551230000",
    "text": "please leave me alone",
    "consent_event_id": "ev_0123456789abcdef01234567",
    "created_at": "2026-11-21T08:30:00Z",
}
_BODY = {
    "inbox_id": "20261121T083000-ab12",
    "connection_id": "shop.x1",
    "platform": "text_em_all",
    "state": "failed",
    "received_at": "2026-11-21T08:30:00Z",
    "error": "unparseable",
}
_JOB = {"job_id": "shop.j1", "done": 7, "total": 7, "created": 0, "updated": 5}


def test_reviews_show_personal_data_only_when_asked(concord: Cli, api: FakeApi) -> None:
    api.on("GET", "/connections/shop.x1/reviews", {"items": [_REVIEW], "cursor": None})
    for words in ((), ("--json",)):
        plain = concord("reviews", "list", "shop.x1", *words)
        assert plain.exit_code == 0, plain.output
        assert "rv1" in plain.stdout
        assert "+1555" not in plain.output
        assert "alone" not in plain.output
    revealed = concord("reviews", "list", "shop.x1", "--reveal").stdout
    assert "+15551230000" in revealed
    assert "please leave me alone" in " ".join(revealed.split())


@pytest.mark.parametrize("decision", ["confirm", "dismiss"])
def test_a_review_is_decided_by_somebody(concord: Cli, api: FakeApi, decision: str) -> None:
    api.on("POST", f"/connections/shop.x1/reviews/rv1/{decision}", {"review_id": "rv1"})
    result = concord("reviews", decision, "shop.x1", "rv1", "--actor", "Kim")
    assert result.exit_code == 0, result.output
    assert api.bodies() == [{"actor": "Kim"}]


def test_an_empty_list_says_so(concord: Cli, api: FakeApi) -> None:
    api.on("GET", "/connections/shop.x1/reviews", {"items": [], "cursor": None})
    out = concord("reviews", "list", "shop.x1", "--kind", "unmatched").stdout
    assert "Nothing waits for review (unmatched)." in out
    assert api.requests[0].url.params["kind"] == "unmatched"


def test_an_empty_page_is_not_the_last(concord: Cli, api: FakeApi) -> None:
    api.on(
        "GET",
        "/merchants/shop/inbox",
        {"items": [], "cursor": "c1"},
        {"items": [_BODY], "cursor": None},
    )
    result = concord("inbox", "list", "shop", "--state", "failed")
    assert "20261121T083000-ab12" in result.stdout
    assert [r.url.params["state"] for r in api.requests] == ["failed", "failed"]


def test_bodies_are_replayed_by_id(concord: Cli, api: FakeApi) -> None:
    api.on("POST", "/merchants/shop/inbox/a%2Fb/replay", {"inbox_id": "a/b", "state": "processed"})
    api.on("POST", "/merchants/shop/inbox/c/replay", {"inbox_id": "c", "state": "failed"})
    assert concord("inbox", "replay", "shop", "a/b").exit_code == 0
    both = concord("inbox", "replay", "shop", "a/b", "c")
    assert both.exit_code == 1
    assert "processed" in both.stdout


def test_a_span_is_replayed_as_a_job_that_is_waited_for(concord: Cli, api: FakeApi) -> None:
    api.on("POST", "/merchants/shop/inbox/replays", {"job_id": "shop.j1"})
    running = {**_JOB, "state": "running", "skipped": {}}
    done = {**_JOB, "state": "done", "skipped": {"not_needed": 2}}
    api.on("GET", "/jobs/shop.j1", running, running, done)
    words = ["--from", "2026-11-20", "--to", "2026-11-21T10:30:00+02:00", "--connection", "shop.x1"]
    result = concord("inbox", "replay", "shop", *words)
    assert result.exit_code == 0, result.output
    assert api.bodies() == [
        {
            "from": "2026-11-20T00:00:00.000000Z",
            "to": "2026-11-21T08:30:00.000000Z",
            "connection_id": "shop.x1",
        }
    ]
    assert len(concord.slept) == 2
    assert "not needed" in result.stdout


def test_a_replay_that_failed_for_some_fails(concord: Cli, api: FakeApi) -> None:
    api.on("POST", "/merchants/shop/inbox/replays", {"job_id": "shop.j1"})
    api.on("GET", "/jobs/shop.j1", {**_JOB, "state": "done", "skipped": {"failed": 1}})
    assert concord("inbox", "replay", "shop", "--from", "2026-11-20").exit_code == 1
    not_waited = concord("inbox", "replay", "shop", "--from", "2026-11-20", "--no-wait")
    assert (not_waited.exit_code, "has begun" in not_waited.stdout) == (0, True)


@pytest.mark.parametrize(
    "words",
    [[], ["id1", "--from", "2026-11-20"], ["--from", "today"], ["--from", "2026-11-20T08:00"]],
)
def test_a_replay_of_nothing_in_particular_is_refused(
    concord: Cli, api: FakeApi, words: list[str]
) -> None:
    assert concord("inbox", "replay", "shop", *words).exit_code == 2
    assert api.requests == []


def test_the_audit_tells_who_changed_what(concord: Cli, api: FakeApi) -> None:
    """TEA-01: each transition is audited, and an operator can read it."""
    entry: dict[str, Any] = {
        "at": "2026-11-21T08:30:00Z",
        "actor": "arn:aws:iam::1:user/kim",
        "action": "state_changed",
        "details": {"state": {"from": "pending", "to": "connected"}},
    }
    api.on("GET", "/connections/shop.x1/audit", *pages([entry, entry], 1))
    out = " ".join(concord("audit", "shop.x1").stdout.split())
    assert out.count("state_changed") == 2
    assert "pending > connected" in out


@pytest.mark.parametrize(
    ("status", "present", "code"), [("ok", True, 0), ("attention", True, 1), ("ok", False, 1)]
)
def test_health_tells_scripts_too(
    concord: Cli, api: FakeApi, status: str, present: bool, code: int
) -> None:
    """R-31: the oldest un-synced opt-out in words, and an exit code for monitors."""
    answer = {
        "status": status,
        "oldest_unsynced_opt_out_seconds": 3725,
        "queues": {"urgent": {"waiting": 3, "oldest_seconds": 61, "dead_letters": None}},
        "held_connections": [
            {
                "connection_id": "shop.x1",
                "state": "paused",
                "waiting_since": "2026-11-21T08:30:00Z",
            }
        ],
        "stack_key_present": present,
        "public_key": "k" * 44,
    }
    api.on("GET", "/health", answer)
    result = concord("health")
    assert result.exit_code == code
    assert "1 h 2 min" in result.stdout
    (row,) = [line.split() for line in result.stdout.splitlines() if "urgent" in line]
    assert row == ["urgent", "3", "-", "-", "1", "min", "1", "s", "-", "-"]
    assert "shop.x1 is paused; its work waits since 2026-11-21 08:30:00Z" in result.stdout
    assert json.loads(concord("health", "--json").stdout) == answer


def test_no_command_shows_a_traceback(concord: Cli, api: FakeApi) -> None:
    api.on("GET", "/connections/x/audit", refusal(500, "internal_error", "our fault"))
    result = concord("audit", "x")
    assert result.exit_code == 1
    assert "our fault [internal_error]" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("width", [80, 120])
def test_tables_fit_the_terminal(
    concord: Cli, api: FakeApi, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    items = [{**_BODY, "inbox_id": "i" * 30, "error": "a long explanation " * 8}]
    api.on("GET", "/merchants/shop/inbox", {"items": items, "cursor": None})
    out = concord("inbox", "list", "shop").stdout
    assert max(map(len, out.splitlines())) <= width
    assert "i" * 30 in out
