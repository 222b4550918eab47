"""The sandbox's CATAPULT: the text-marketing flag, and what people at its tills read."""

import json
from typing import Any

import httpx
import pytest

from tests.sandbox.harness import Sandbox

ONE, TWO = "+15551230001", "+15551230002"
KEY = {"X-Api-Key": "secret-key"}


@pytest.fixture(autouse=True)
def account(sandbox: Sandbox) -> None:
    sandbox.seed(
        "catapult",
        "cat-1",
        credentials={"api_key": "secret-key"},
        api_url="http://concord.test/local/",
        connection_id="c1",
        connect_key="ck_1",
        shoppers=[
            {"id": "s1", "first_name": "A", "phones": [ONE, TWO], "groups": ["g1"]},
            {"id": "s2", "phones": [{"number": "(555) 123-0002"}]},
        ],
    )


def set_consent(
    sandbox: Sandbox, headers: dict[str, str] | None = None, **changes: Any
) -> httpx.Response:
    body = {"phone": ONE, "opted_in": True, "changed_at": "2026-11-21T10:00:00Z"} | changes
    return sandbox.put(
        "/catapult/accounts/cat-1/text-consents", json=body, headers=KEY | (headers or {})
    )


def flags(sandbox: Sandbox, shopper: str) -> dict[str, bool]:
    shown = sandbox.get(f"/catapult/_shoppers/cat-1/{shopper}").json()
    return {phone["number"]: phone["opted_in"] for phone in shown["phones"]}


def test_only_the_named_number_flips(sandbox: Sandbox) -> None:
    """TEA-12: the shopper's other numbers keep their flag."""
    assert flags(sandbox, "s1") == {ONE: False, TWO: False}

    assert set_consent(sandbox).json() == {"updated": 1}

    assert flags(sandbox, "s1") == {ONE: True, TWO: False}


def test_a_shared_number_flips_for_everyone_who_carries_it(sandbox: Sandbox) -> None:
    assert set_consent(sandbox, phone=TWO).json() == {"updated": 2}
    assert flags(sandbox, "s1")[TWO] is flags(sandbox, "s2")[TWO] is True

    assert set_consent(sandbox, phone=TWO, opted_in=False, shopper_id="s2").json() == {"updated": 1}
    assert (flags(sandbox, "s1")[TWO], flags(sandbox, "s2")[TWO]) == (True, False)


def test_a_number_that_nobody_carries_is_404(sandbox: Sandbox) -> None:
    """TEA-12: an unknown number makes no shopper."""
    response = set_consent(sandbox, phone="+15559999999")

    assert (response.status_code, response.json()["code"]) == (404, 2)
    assert set(response.json()) == {"code", "description"}


def test_a_wrong_key_is_401_and_changes_nothing(sandbox: Sandbox) -> None:
    for headers in ({"X-Api-Key": "other"}, {"X-Api-Key": ""}):
        response = set_consent(sandbox, headers)
        assert (response.status_code, response.json()["code"]) == (401, 1)
    assert sandbox.get("/catapult/accounts/nobody", headers=KEY).status_code == 401
    assert flags(sandbox, "s1")[ONE] is False


@pytest.mark.parametrize(
    "changes",
    [{"surprise": 1}, {"opted_in": "yes"}, {"changed_at": "2026-11-21"}, {"phone": "5551230001"}],
)
def test_a_body_outside_the_contract_is_400(sandbox: Sandbox, changes: dict[str, Any]) -> None:
    assert set_consent(sandbox, **changes).status_code == 400
    assert flags(sandbox, "s1")[ONE] is False


def test_an_unknown_path_is_404(sandbox: Sandbox) -> None:
    assert sandbox.get("/catapult/accounts/cat-1/orders", headers=KEY).status_code == 404


def test_a_repeated_key_has_one_effect_and_another_body_is_refused(sandbox: Sandbox) -> None:
    first = {"Idempotency-Key": "k1"}
    set_consent(sandbox, first)
    set_consent(sandbox, {"Idempotency-Key": "k2"}, opted_in=False)

    assert set_consent(sandbox, first).json() == {"updated": 1}
    assert flags(sandbox, "s1")[ONE] is False
    refused = set_consent(sandbox, first, opted_in=False)
    assert (refused.status_code, refused.json()["code"]) == (409, 7)


def test_the_account_can_be_checked(sandbox: Sandbox) -> None:
    shown = sandbox.get("/catapult/accounts/cat-1", headers=KEY).json()
    assert shown == {"account_id": "cat-1", "name": "cat-1"}


def test_seeding_again_changes_only_what_is_given(sandbox: Sandbox) -> None:
    set_consent(sandbox)

    shown = sandbox.seed("catapult", "cat-1", name="Shop", shoppers=[{"id": "s1", "phones": [ONE]}])

    assert flags(sandbox, "s1") == {ONE: True}
    assert flags(sandbox, "s2") == {TWO: False}
    assert shown["wired"] == ["connect_key", "credentials"]
    assert "secret-key" not in json.dumps(shown)
    assert "ck_1" not in json.dumps(shown)
    assert set_consent(sandbox).status_code == 200


def act(sandbox: Sandbox, **changes: Any) -> httpx.Response:
    action = {
        "account_id": "cat-1",
        "via": "pos",
        "action": "opt_out",
        "point": ONE,
        "actor": "cashier-7",
        "shopper_id": "s1",
    }
    return sandbox.post("/catapult/_pos", json=action | changes)


def test_a_cashier_asks_concord_and_reads_its_answer(sandbox: Sandbox) -> None:
    """TEA-19: the channel and the operator go along."""
    sandbox.answer = lambda _: httpx.Response(200, json={"state": "opted_out", "point": ONE})

    shown = act(sandbox)

    [asked] = sandbox.received
    body = json.loads(asked.content)
    assert str(asked.url) == "http://concord.test/local/connect/c1/consents"
    assert asked.headers["authorization"] == "Bearer ck_1"
    assert body.pop("event_id").startswith("pos_")
    assert body.pop("occurred_at").endswith("Z")
    assert body == {
        "via": "pos",
        "action": "opt_out",
        "channel": "sms",
        "point": ONE,
        "actor": "cashier-7",
        "shopper_id": "s1",
    }
    assert shown.status_code == shown.json()["status"] == 200
    assert "opted out" in shown.json()["message"]
    assert shown.json()["body"]["state"] == "opted_out"


def test_a_failed_opt_out_shows_the_fallback(sandbox: Sandbox) -> None:
    """TEA-20, TEA-21: the shopper or the operator reads what to do, number included."""
    fallback = {"audience": "shopper", "message": "Text STOP to us.", "number": "+18885550100"}
    problem = {"code": "opt_out_not_confirmed", "fallback": fallback}
    sandbox.answer = lambda _: httpx.Response(503, json=problem)

    shown = act(sandbox, via="web_cart")

    assert shown.status_code == 503
    assert shown.json()["message"] == "Text STOP to us. (+18885550100)"


def test_a_refused_opt_in_says_to_text_unstop(sandbox: Sandbox) -> None:
    """TEA-18: a till cannot lift an opt-out."""
    problem = {"code": "must_text_unstop", "text_to": "+18885550100"}
    sandbox.answer = lambda _: httpx.Response(409, json=problem)

    shown = act(sandbox, action="opt_in")

    assert shown.status_code == 409
    assert "UNSTOP to +18885550100" in shown.json()["message"]


@pytest.mark.parametrize("answer", [b"Internal Server Error", b"[]", b'{"fallback": 1}'])
def test_an_unusable_answer_still_shows_a_sentence(sandbox: Sandbox, answer: bytes) -> None:
    """TEA-20: never a bare 500 in front of a person."""
    for status in (500, 503):
        sandbox.answer = lambda _, status=status: httpx.Response(status, content=answer)  # type: ignore[misc]
        assert "STOP" in act(sandbox).json()["message"]


def test_nobody_answering_shows_a_sentence(sandbox: Sandbox) -> None:
    """TEA-20: a timeout is told, too."""

    def late(request: httpx.Request) -> httpx.Response:
        assert request.extensions["timeout"]["read"] == 6.0
        raise httpx.ReadTimeout("late", request=request)

    sandbox.answer = late

    shown = act(sandbox)

    assert shown.status_code == 504
    assert "STOP" in shown.json()["message"]
