"""Which stack is meant, and what a person reads when it cannot be reached."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from cli.errors import CommandError
from cli.target import Choice
from tests.unit.cli.fake_api import Cli, FakeApi, refusal

_HEALTHY = {"status": "ok", "stack_key_present": True, "public_key": None}


def test_a_running_local_stack_is_the_default(
    stack: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".local").mkdir()
    stack.rename(tmp_path / ".local" / "stack.json")
    monkeypatch.chdir(tmp_path)
    target = Choice().resolve()
    assert (target.local, target.region) == (True, "us-east-1")
    monkeypatch.setenv("CONCORD_LOCAL_DIR", "elsewhere")
    with pytest.raises(CommandError, match=r"elsewhere.stack\.json does not exist"):
        Choice().resolve()


def test_without_a_stack_it_says_how_to_start_one(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CONCORD_API_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    result = Cli(api, None)("health")
    assert result.exit_code == 2
    assert "make up" in result.stderr
    assert "CONCORD_API_URL" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("url", "region", "expected"),
    [
        ("https://abc.execute-api.eu-west-1.amazonaws.com/prod/", None, "eu-west-1"),
        ("https://abc.execute-api.eu-west-1.amazonaws.com/prod", "us-west-2", "us-west-2"),
        ("https://api.example.com", None, "eu-central-1"),
    ],
)
def test_an_address_in_aws_names_its_region(url: str, region: str | None, expected: str) -> None:
    target = Choice(api_url=url, region=region).resolve()
    assert (target.region, target.local) == (expected, False)
    assert not target.api_url.endswith("/")


def test_aws_options_never_fall_back_to_the_local_stack(
    stack: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".local").mkdir()
    stack.rename(tmp_path / ".local" / "stack.json")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError, match="need the address"):
        Choice(profile="prod").resolve()
    with pytest.raises(CommandError, match="two targets"):
        Choice(stack=stack, api_url="https://x.example").resolve()


def test_the_environment_names_an_api_and_a_flag_wins_over_it(
    concord: Cli, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.on("GET", "/health", _HEALTHY)
    monkeypatch.setenv("CONCORD_API_URL", "https://abc.execute-api.eu-west-1.amazonaws.com/prod")
    assert concord("health").exit_code == 0
    assert api.requests[0].url.host == "127.0.0.1"
    urls = []

    def remember(request: httpx.Request) -> httpx.Response:
        urls.append(str(request.url))
        return httpx.Response(200, json=_HEALTHY)

    assert Cli(remember, None)("health").exit_code == 0
    assert urls == ["https://abc.execute-api.eu-west-1.amazonaws.com/prod/v1/health"]


@pytest.mark.parametrize("content", ["{", "[]", '{"api_url": "http://x"}'])
def test_a_damaged_stack_file_is_named(concord: Cli, stack: Path, content: str) -> None:
    stack.write_text(content)
    result = concord("health")
    assert result.exit_code == 2
    assert "stack.json" in result.stderr


def test_an_unknown_profile_is_one_clear_line(concord: Cli) -> None:
    concord.stack = None
    result = concord("--api-url", "https://x.example", "--profile", "nobody", "health")
    assert result.exit_code == 2
    assert "AWS credentials cannot be used" in result.stderr
    assert "Traceback" not in result.output


def test_where_nobody_listens_it_says_make_up(stack: Path) -> None:
    tries = []

    def refuse(request: httpx.Request) -> httpx.Response:
        tries.append(request)
        raise httpx.ConnectError("connection refused", request=request)

    result = Cli(refuse, stack)("health")
    assert result.exit_code == 1
    assert "nothing answers at http://127.0.0.1:4566" in result.stderr
    assert "make up" in result.stderr
    assert len(tries) == 1


def test_problem_json_is_one_line_and_its_fields(concord: Cli, api: FakeApi) -> None:
    """R-27: the CLI says what the API says: code, detail, each field and its remedy."""
    errors = [{"field": "settings.join_keyword", "message": "choose another word"}]
    problem = refusal(422, "invalid_request", "the connection cannot be set up", errors=errors)
    api.on("PATCH", "/connections/m.x1", problem)
    result = concord("connections", "set", "m.x1", "join_keyword=STOP")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "Error: the connection cannot be set up [invalid_request]",
        "  settings.join_keyword: choose another word",
    ]
    as_json = json.loads(
        concord("connections", "set", "m.x1", "join_keyword=STOP", "--json").stderr
    )
    assert (as_json["code"], as_json["status"]) == ("invalid_request", 422)
    assert as_json["fields"] == errors


def test_a_conflict_names_what_is_in_the_way(concord: Cli, api: FakeApi) -> None:
    """TEA-02: the refusal names the existing link."""
    conflict = refusal(409, "account_already_linked", "linked already", connection_id="m.other")
    api.on("POST", "/connections/m.x1/state", conflict)
    result = concord("connections", "state", "m.x1", "pending")
    assert "linked already (connection_id m.other) [account_already_linked]" in result.stderr


def test_what_is_not_concord_is_told_apart(concord: Cli, api: FakeApi) -> None:
    api.on("GET", "/health", httpx.Response(200, text="<html>"))
    assert "is this the address of its API?" in concord("health").stderr
    api.on("GET", "/health", httpx.Response(403, json={"message": "Forbidden"}))
    result = concord("health")
    assert "Forbidden" in result.stderr
    assert "--region" in result.stderr


def test_reads_are_repeated_and_what_the_server_asks_for_is_waited(
    concord: Cli, api: FakeApi
) -> None:
    throttled = refusal(429, "throttled", headers={"Retry-After": "7"})
    api.on("GET", "/health", throttled, refusal(503, "storage_unavailable"), _HEALTHY)
    assert concord("health").exit_code == 0
    assert concord.slept[0] == 7
    assert 0 < concord.slept[1] <= 1


def test_a_change_of_state_is_never_repeated(concord: Cli, api: FakeApi) -> None:
    api.on("POST", "/connections/m.x1/state", refusal(503, "storage_unavailable", "try later"))
    assert concord("connections", "state", "m.x1", "paused").exit_code == 1
    assert len(api.requests) == 1


def test_an_answer_cannot_steer_the_terminal(concord: Cli, api: FakeApi) -> None:
    api.on("GET", "/health", refusal(422, "x", "\x1b[2Jall is well"))
    assert "\x1b" not in concord("health").output


def test_json_may_stand_anywhere_but_after_two_dashes(concord: Cli, api: FakeApi) -> None:
    api.on("GET", "/health", _HEALTHY)
    for words in (["--json", "health"], ["health", "--json"]):
        assert json.loads(concord(*words).stdout) == _HEALTHY
    assert concord("health", "--", "--json").exit_code == 2
