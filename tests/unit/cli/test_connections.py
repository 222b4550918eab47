"""`concord connect` and `concord connections`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.session import Session
from concord.entrypoint.admin.connections import ConnectionPatch
from tests.unit.cli.fake_api import Cli, FakeApi, pages, refusal

_CREATED = {
    "connection_id": "shop.x1",
    "state": "requested",
    "webhooks": {
        "catapult": "https://api.example.com/webhooks/catapult/shop.x1/" + "t" * 43,
        "text_em_all": "https://api.example.com/webhooks/text_em_all/shop.x1/" + "t" * 43,
    },
    "webhook_secret": "whsec_" + "s" * 44,
    "connect_key": "ck_" + "k" * 43,
}
_YAML = """\
merchant: {id: shop, name: Green Shop, time_zone: America/Chicago, country: US}
source:
  account_id: store-7
  base_url: https://pos.example.com
  credentials: {api_key: file-key}
destination:
  account_id: "4711"
  base_url: https://rest.example.com/v1
  credentials: {consumer_key: ck, consumer_secret: cs, access_token: at}
settings: {join_keyword: JOIN}
"""
_CONNECTION: dict[str, Any] = {
    "connection_id": "shop.x1",
    "state": "connected",
    "source": {"platform": "catapult", "account_id": "store-7", "base_url": "https://p.example"},
    "destination": {"platform": "text_em_all", "account_id": "4711", "base_url": "https://r"},
    "settings": {"join_keyword": "JOIN", "fallback_number": None, "texts": {}},
    "text_numbers": ["+15550100000"],
    "created_at": "2026-11-21T08:30:00.123456Z",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "connection.yaml"
    made.write_text(_YAML)
    return made


@pytest.fixture
def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "interactive", True)


def test_a_file_makes_a_connection_and_shows_its_secrets_whole(
    concord: Cli, api: FakeApi, file: Path
) -> None:
    """URLs and secrets are longer than the terminal is wide, and have to be copied."""
    api.on("POST", "/merchants/shop/connections", _CREATED)
    result = concord("connect", "--file", file)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    for value in (_CREATED["webhook_secret"], _CREATED["connect_key"]):
        assert any(line.endswith(str(value)) for line in lines)
    for url in _CREATED["webhooks"].values():  # type: ignore[attr-defined]
        assert any(line.endswith(url) for line in lines)
    assert "concord connections check shop.x1" in result.stderr
    assert "file-key" not in result.output
    body = api.bodies()[0]
    assert body["integration"] == "catapult-text_em_all"
    assert body["source"]["credentials"] == {"api_key": "file-key"}
    assert len(api.requests) == 1
    assert api.requests[0].headers["Idempotency-Key"]


def test_an_unknown_merchant_is_made_first(concord: Cli, api: FakeApi, file: Path) -> None:
    missing = refusal(404, "not_found", "no such merchant")
    api.on("POST", "/merchants/shop/connections", missing, _CREATED)
    api.on("PUT", "/merchants/shop", {"merchant_id": "shop"})
    assert concord("connect", "-f", file).exit_code == 0
    assert [r.method for r in api.requests] == ["POST", "PUT", "POST"]
    assert api.bodies("PUT") == [
        {"name": "Green Shop", "time_zone": "America/Chicago", "country": "US"}
    ]
    first, _, second = (r.headers.get("Idempotency-Key") for r in api.requests)
    assert first != second


@pytest.mark.usefixtures("at_a_terminal")
def test_flags_and_questions_are_enough(concord: Cli, api: FakeApi) -> None:
    api.on("GET", "/merchants/shop/connections", {"items": [], "cursor": None})
    api.on("POST", "/merchants/shop/connections", _CREATED)
    flags = ["--merchant", "shop", "--source-account", "s7", "--source-url", "https://p.example"]
    flags += ["--destination-account", "4711", "--destination-url", "https://r.example"]
    answers = "typed-key\nconsumer\ntyped-secret\ntyped-token\n"
    result = concord("connect", *flags, answers=answers)
    assert result.exit_code == 0, result.output
    body = api.bodies()[0]
    assert body["source"]["credentials"] == {"api_key": "typed-key"}
    assert body["destination"]["credentials"] == {
        "consumer_key": "consumer",
        "consumer_secret": "typed-secret",
        "access_token": "typed-token",
    }
    assert "catapult: api_key" in result.stderr
    assert "typed-" not in result.output  # not echoed


@pytest.mark.usefixtures("at_a_terminal")
def test_a_new_merchant_is_checked_before_secrets_are_typed(concord: Cli, api: FakeApi) -> None:
    wrong = {"field": "country", "message": "use two capital letters"}
    api.on("GET", "/merchants/shop/connections", refusal(404, "not_found", "no such merchant"))
    api.on("PUT", "/merchants/shop", refusal(422, "invalid", errors=[wrong]))
    result = concord("connect", "--merchant", "shop", answers="Shop\nAmerica/Chicago\nUS\n")
    assert result.exit_code == 1
    assert "country: use two capital letters" in result.stderr
    assert "api_key" not in result.stderr
    assert [r.method for r in api.requests] == ["GET", "PUT"]


def test_a_null_credential_is_asked_for_and_nobody_there_is_an_error(
    concord: Cli, api: FakeApi, file: Path
) -> None:
    file.write_text(_YAML.replace("api_key: file-key", "api_key: null"))
    result = concord("connect", "-f", file)
    assert result.exit_code == 2
    assert "catapult: api_key is missing" in result.stderr
    assert api.requests == []


def test_when_the_answer_with_the_secrets_got_lost_it_says_to_rotate(
    concord: Cli, api: FakeApi, file: Path
) -> None:
    again = {**_CREATED, "connect_key": None, "webhook_secret": None}
    api.on("POST", "/merchants/shop/connections", refusal(503, "storage_unavailable"), again)
    result = concord("connect", "-f", file)
    assert result.exit_code == 0
    keys = {r.headers["Idempotency-Key"] for r in api.requests}
    assert len(keys) == 1
    assert "concord connections rotate shop.x1" in result.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("merchant: [a", "it is not valid YAML in line 1"),
        ("{not json", "cannot be read"),
        ("sauce: {}", "unknown member sauce"),
        ("source: hello", "source is not a mapping"),
        ("- a", "holds no mapping"),
        ("integration: x-y", "which merchant?"),
    ],
)
def test_a_wrong_file_is_explained_without_quoting_it(
    concord: Cli, api: FakeApi, file: Path, text: str, words: str
) -> None:
    file.write_text(text)
    result = concord("connect", "--file", file)
    assert result.exit_code == 2
    assert words in result.stderr.replace("\n", " ")
    assert api.requests == []


def test_a_yaml_error_shows_no_secret(concord: Cli, file: Path) -> None:
    file.write_text("source:\n  credentials: {api_key: hush-hush]\n")
    result = concord("connect", "--file", file)
    assert result.exit_code == 2
    assert "line 2" in result.stderr
    assert "hush" not in result.output


def test_the_list_follows_pages_and_shows_no_secret(concord: Cli, api: FakeApi) -> None:
    many = [{**_CONNECTION, "connection_id": f"shop.{n:032d}"} for n in range(5)]
    api.on("GET", "/merchants/shop/connections", *pages(many, 2))
    result = concord("connections", "list", "shop")
    assert result.exit_code == 0, result.output
    for item in many:
        assert str(item["connection_id"]) in result.stdout
    for words in ("catapult", "store-7", "text_em_all", "4711"):
        assert words in result.stdout
    cursors = [r.url.params.get("cursor") for r in api.requests]
    assert cursors == [None, "c0", "c2"]


def test_show_and_check(concord: Cli, api: FakeApi) -> None:
    api.on("GET", "/connections/shop.x1", _CONNECTION)
    api.on("POST", "/connections/shop.x1/check", {"platforms": {"catapult": "ok"}})
    shown = concord("connections", "show", "shop.x1").stdout
    assert "2026-11-21 08:30:00Z" in shown
    assert "settings.join_keyword" in shown
    assert "The credentials work." in concord("connections", "check", "shop.x1").stdout


def test_refused_credentials_fail_the_check_with_a_hint(concord: Cli, api: FakeApi) -> None:
    errors = [{"field": "source.credentials", "message": "catapult refused these"}]
    refused = refusal(422, "invalid_api_key", "refused: source.credentials", errors=errors)
    api.on("POST", "/connections/shop.x1/check", refused)
    result = concord("connections", "check", "shop.x1")
    assert result.exit_code == 1
    assert "source.credentials: catapult refused these" in result.stderr
    assert "concord connections set" in result.stderr


def test_disconnecting_is_final_and_needs_a_yes(concord: Cli, api: FakeApi) -> None:
    api.on("POST", "/connections/shop.x1/state", {**_CONNECTION, "state": "disconnected"})
    assert concord("connections", "state", "shop.x1", "disconnected").exit_code == 2
    assert api.requests == []
    done = concord("connections", "state", "shop.x1", "disconnected", "--yes")
    assert "is disconnected" in done.stdout
    assert concord("connections", "state", "shop.x1", "requested").exit_code == 2


@pytest.mark.parametrize(
    ("grace", "seconds"), [("0", 0), ("90s", 90), ("24h", 86400), ("7d", 604800)]
)
def test_rotate_shows_only_what_is_new(
    concord: Cli, api: FakeApi, grace: str, seconds: int
) -> None:
    answer = {
        "connection_id": "shop.x1",
        "what": "connect_key",
        "webhooks": None,
        "webhook_secret": None,
        "connect_key": "ck_new",
        "old_accepted_until": "2026-11-22T08:30:00Z",
    }
    api.on("POST", "/connections/shop.x1/rotate", answer)
    words = ["connections", "rotate", "shop.x1", "--what", "connect_key", "--grace", grace]
    result = concord(*words)
    assert result.exit_code == 0, result.output
    assert api.bodies() == [{"what": "connect_key", "grace_seconds": seconds}]
    assert "ck_new" in result.stdout
    assert "None" not in result.stdout


def test_failures_are_listed_and_pushes_queued_again(concord: Cli, api: FakeApi) -> None:
    """R-31: the pushes alone: a text is never sent again."""
    push = {"failure_id": "f1", "kind": "push_consent", "platform": "catapult", "reason": "6"}
    text = {"failure_id": "f2", "kind": "send_text", "platform": None, "reason": "refused"}
    found = [{**each, "at": "2026-11-21T08:30:00Z", "words": "No."} for each in (push, text)]
    api.on("GET", "/connections/shop.x1/failures", {"items": found, "cursor": None})
    listed = concord("connections", "failures", "shop.x1")
    assert ("catapult" in listed.stdout, "refused" in listed.stdout) == (True, True)
    answer = {"failure_id": "f1", "kind": "push_consent", "state": "queued"}
    api.on("POST", "/connections/shop.x1/failures/f1/retry", answer)
    again = concord("connections", "failures", "shop.x1", "--retry")
    assert (again.exit_code, "1 queued again" in again.stdout) == (0, True)
    assert [r.method for r in api.requests] == ["GET", "GET", "POST"]


@pytest.mark.usefixtures("at_a_terminal")
def test_set_changes_settings_addresses_and_credentials(concord: Cli, api: FakeApi) -> None:
    api.on("PATCH", "/connections/shop.x1", _CONNECTION)
    words = ["join_keyword=YES", "fallback_number=null", "texts.help_reply=Call us = now"]
    words += ["source.base_url=https://new.example", "require_signature=true"]
    result = concord(
        "connections", "set", "shop.x1", *words, "--ask", "source.api_key", answers="fresh-key\n"
    )
    assert result.exit_code == 0, result.output
    assert api.bodies("PATCH") == [
        {
            "settings": {
                "join_keyword": "YES",
                "fallback_number": None,
                "texts": {"help_reply": "Call us = now"},
                "require_signature": True,
            },
            "source": {
                "base_url": "https://new.example",
                "credentials": {"api_key": "fresh-key"},
            },
        }
    ]
    assert "fresh-key" not in result.output


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["join_keyword"],
        ["=x"],
        ["source.credentials.api_key=shown-in-ps"],
        ['texts={"a":'],
        ["--ask", "api_key"],
    ],
)
def test_set_refuses_what_it_cannot_mean(concord: Cli, api: FakeApi, words: list[str]) -> None:
    result = concord("connections", "set", "shop.x1", *words)
    assert result.exit_code == 2
    assert api.requests == []
    assert "shown-in-ps" not in result.output


@pytest.mark.parametrize(
    ("word", "sent"),
    [
        ("rate=12.5", {"rate": 12.5}),
        ("depth_seconds=2", {"depth_seconds": 2}),
        ("sync_hours=12", {"sync_hours": 12}),
        ("settings.sync_hours=null", {"sync_hours": None}),
        ("join_keyword=2024", {"join_keyword": "2024"}),
    ],
)
def test_a_number_is_sent_as_one_where_the_api_takes_one(
    concord: Cli, api: FakeApi, word: str, sent: dict[str, Any]
) -> None:
    """R-08, R-27: pace and reading hours are numbers, and a join keyword of digits is text."""
    api.on("PATCH", "/connections/shop.x1", _CONNECTION)
    assert concord("connections", "set", "shop.x1", word).exit_code == 0
    [body] = api.bodies("PATCH")
    assert body == {"settings": sent}
    ConnectionPatch.model_validate(body)


def test_json_is_the_apis_answer(concord: Cli, api: FakeApi, file: Path) -> None:
    """R-27: the CLI has the API's powers, for scripts too."""
    api.on("POST", "/merchants/shop/connections", _CREATED)
    assert json.loads(concord("connect", "-f", file, "--json").stdout) == _CREATED
