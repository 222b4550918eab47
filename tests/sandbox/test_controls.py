"""Calls, faults and resets: what the controls record, break and forget."""

import json
import time

import pytest

from sandbox.drop import ConnectionDroppedError
from tests.sandbox.harness import Sandbox

KEY = {"X-Api-Key": "secret-key", "Authorization": "Bearer secret-key"}
ACCOUNT = "/catapult/accounts/cat-1"
ONE = "+15551230001"


@pytest.fixture(autouse=True)
def account(sandbox: Sandbox) -> None:
    credentials = {"api_key": "secret-key"}
    shoppers = [{"id": "s1", "phones": [ONE]}]
    sandbox.seed("catapult", "cat-1", credentials=credentials, shoppers=shoppers)


def write(sandbox: Sandbox) -> int:
    body = {"phone": ONE, "opted_in": True, "changed_at": "2026-11-21T10:00:00Z"}
    return sandbox.put(f"{ACCOUNT}/text-consents", json=body, headers=KEY).status_code


def opted_in(sandbox: Sandbox) -> bool:
    shopper = sandbox.get("/catapult/_shoppers/cat-1/s1").json()
    return bool(shopper["phones"][0]["opted_in"])


def test_calls_are_recorded_without_secrets_and_controls_are_not(sandbox: Sandbox) -> None:
    write(sandbox)

    [call] = sandbox.calls("catapult")
    assert (call["method"], call["path"]) == ("PUT", f"{ACCOUNT}/text-consents")
    assert (call["platform"], call["status"]) == ("catapult", 200)
    assert call["body"]["phone"] == ONE
    assert call["headers"]["x-api-key"] == "[redacted]"
    assert "secret-key" not in json.dumps(call)
    assert sandbox.calls("twilio") == []
    assert len(sandbox.get("/_calls").json()) == 1


def test_a_status_fault_answers_as_the_platform_would(sandbox: Sandbox) -> None:
    sandbox.fault(platform="catapult", status=429, retry_after=7, times=2)

    answer = sandbox.get(ACCOUNT, headers=KEY)

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert set(answer.json()) == {"code", "description"}
    assert write(sandbox) == 429
    assert opted_in(sandbox) is False
    assert write(sandbox) == 200
    assert [call["status"] for call in sandbox.calls("catapult")] == [429, 429, 200]


@pytest.mark.parametrize(
    ("platform", "path", "shape"),
    [
        ("text_em_all", "/text_em_all/v1/account", "ErrorCode"),
        ("twilio", "/twilio/2010-04-01/Accounts/AC/Messages.json", "more_info"),
        ("aws", "/aws/", "__type"),
    ],
)
def test_every_platform_fails_in_its_own_words(
    sandbox: Sandbox, platform: str, path: str, shape: str
) -> None:
    sandbox.fault(platform=platform, status=500)

    answer = sandbox.post(path)

    assert answer.status_code == 500
    assert shape in answer.json()


@pytest.mark.parametrize(
    "path", ["/accounts/cat-1/text", f"{ACCOUNT}/text-consents", "/catapult/accounts"]
)
def test_faults_match_by_method_and_path_prefix(sandbox: Sandbox, path: str) -> None:
    sandbox.fault(platform="catapult", method="put", path=path, status=503)
    sandbox.fault(platform="catapult", method="DELETE", status=500)
    sandbox.fault(platform="twilio", status=500)

    assert write(sandbox) == 503
    assert sandbox.get(ACCOUNT, headers=KEY).status_code == 200


def test_a_version_prefix_need_not_be_named(sandbox: Sandbox) -> None:
    sandbox.fault(platform="text_em_all", path="/conversations", status=503)

    assert sandbox.post("/text_em_all/v1/conversations", json={}).status_code == 503
    assert sandbox.post("/text_em_all/conversations", json={}).status_code == 503
    assert sandbox.get("/text_em_all/v1/account").status_code == 401


def test_a_lost_answer_keeps_the_effect(sandbox: Sandbox) -> None:
    sandbox.fault(platform="catapult", lose_answer=True, times=1)

    with pytest.raises(ConnectionDroppedError):
        write(sandbox)

    assert opted_in(sandbox) is True
    [call] = sandbox.calls("catapult")
    assert (call["status"], call["answer_lost"]) == (200, True)


def test_a_dropped_connection_has_no_effect(sandbox: Sandbox) -> None:
    sandbox.fault(platform="catapult", status=0, times=1)

    with pytest.raises(ConnectionDroppedError):
        write(sandbox)

    assert opted_in(sandbox) is False


def test_a_delay_comes_before_the_answer(sandbox: Sandbox) -> None:
    sandbox.fault(platform="catapult", delay_ms=120, times=1)

    started = time.monotonic()
    assert write(sandbox) == 200

    assert time.monotonic() - started >= 0.12


def test_a_fault_nobody_understands_is_refused(sandbox: Sandbox) -> None:
    for fault in ({"platform": "nobody"}, {"platform": "aws", "colour": 1}, {"status": 500}):
        assert sandbox.post("/_faults", json=fault).status_code == 400
    assert sandbox.post("/_faults", content=b"{").status_code == 400
    assert sandbox.get("/_faults").json() == []


def test_reset_forgets_what_it_says(sandbox: Sandbox) -> None:
    write(sandbox)
    sandbox.fault(platform="catapult", status=500)

    assert sandbox.post("/_reset").status_code == 200
    assert sandbox.calls("catapult") == []
    assert opted_in(sandbox) is True
    assert write(sandbox) == 200

    sandbox.post("/_reset", json={"accounts": True})
    assert write(sandbox) == 401


def test_seeding_refuses_unknown_fields(sandbox: Sandbox) -> None:
    refused = sandbox.put("/catapult/_accounts/x", json={"colour": "red"})

    assert refused.status_code == 400
    assert "colour" in refused.json()["detail"]
