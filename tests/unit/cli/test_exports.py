"""`concord exports`, and the contact lists that customers are exported to."""

from __future__ import annotations

import json

from tests.unit.cli.fake_api import Cli, FakeApi

_DONE = {"state": "done", "done": 5, "total": 5, "created": 2, "updated": 1}
_PATH = "/connections/shop.x1/exports"


def test_an_export_is_waited_for_and_reported(concord: Cli, api: FakeApi) -> None:
    """ECO-18: what became of everybody, by reason; a failed job is exit code 1."""
    api.on("POST", _PATH, {"job_id": "shop.j"})
    running = {"state": "running", "done": 1, "total": 0}
    api.on("GET", "/jobs/shop.j", running, {**_DONE, "skipped": {"no_email": 2}, "result": None})
    result = concord("exports", "start", "shop.x1")
    assert result.exit_code == 0, result.output
    shown = [line.split() for line in result.stdout.splitlines()]
    assert ["created", "2"] in shown
    assert ["no", "email", "2"] in shown
    failed = {**_DONE, "state": "failed", "skipped": {}, "result": {"reason": "refused"}}
    api.on("POST", _PATH, {"job_id": "shop.k"})
    api.on("GET", "/jobs/shop.k", failed)
    result = concord("exports", "start", "shop.x1")
    assert result.exit_code == 1
    assert "refused" in result.stdout


def test_how_far_it_is_grows_line_by_line_in_a_pipe(concord: Cli, api: FakeApi) -> None:
    """ECO-18: percentage, done of all, and what became of them; once for each step, on stderr."""
    api.on("POST", _PATH, {"job_id": "shop.j"})
    queued = {"state": "queued", "done": 0, "total": 0, "created": 0, "updated": 0, "skipped": {}}
    counted = {**queued, "state": "running", "total": 2_000}
    half = {**counted, "done": 900, "created": 850, "skipped": {"no_email": 50}}
    done = {**half, "state": "done", "done": 2_000, "created": 1_950, "result": None}
    api.on("GET", "/jobs/shop.j", queued, counted, half, half, done)
    result = concord("exports", "start", "shop.x1")
    assert result.exit_code == 0, result.output
    assert [line for line in result.stderr.splitlines() if line] == [
        "Exporting: 0 %, 0 of 2,000",
        "Exporting: 45 %, 900 of 2,000, created 850, no email 50",
        "Exporting: 100 %, 2,000 of 2,000, created 1,950, no email 50",
    ]


def test_a_script_is_told_the_end_alone(concord: Cli, api: FakeApi) -> None:
    """With --json, stdout is one document and stderr is empty."""
    api.on("POST", _PATH, {"job_id": "shop.j"})
    api.on("GET", "/jobs/shop.j", {"state": "running", "done": 1, "total": 5}, {**_DONE})
    result = concord("--json", "exports", "start", "shop.x1")
    assert json.loads(result.stdout) == {"job_id": "shop.j", **_DONE}
    assert result.stderr == ""


def test_lists_are_shown_and_made(concord: Cli, api: FakeApi) -> None:
    """ECO-04: which is chosen, and how to choose a new one."""
    path = "/connections/shop.x1/lists"
    items = [{"list_id": "7", "name": "Customers"}, {"list_id": "8", "name": "Staff"}]
    api.on("GET", path, {"items": items, "chosen": "7"})
    lines = concord("connections", "lists", "shop.x1").stdout.splitlines()
    assert [("yes" in line) for line in lines if "Customers" in line or "Staff" in line] == [
        True,
        False,
    ]
    api.on("POST", path, {"list_id": "9", "name": "New"})
    given = ["--name", "New", "--from-name", "Shop", "--from-email", "shop@shop.example"]
    made = concord("--json", "connections", "make-list", "shop.x1", *given)
    assert json.loads(made.stdout) == {"list_id": "9", "name": "New"}
    assert api.bodies() == [{"name": "New", "from_name": "Shop", "from_email": "shop@shop.example"}]
