"""The sandbox's Ecomail: fields by use, who stands in a list, its webhook, events, the limit."""

import json
from typing import Any

import httpx
import pytest

from tests.sandbox.harness import Sandbox

KEY = {"key": "secret-key"}
ANA = "ana@shop.example"
HOOK = "http://concord.test/hook/token"


@pytest.fixture(autouse=True)
def account(sandbox: Sandbox) -> None:
    sandbox.seed("ecomail", "eco-1", credentials={"api_key": "secret-key"})
    settings(sandbox, name="Customers", webhook_url=HOOK)


def settings(sandbox: Sandbox, list_id: int = 7, **fields: Any) -> None:
    answer = sandbox.put(f"/ecomail/_lists/eco-1/{list_id}", json=fields)
    assert answer.status_code == 200, answer.text


def call(sandbox: Sandbox, method: str, path: str, body: Any = None) -> httpx.Response:
    return sandbox.call(method, f"/ecomail{path}", json=body, headers=KEY)


def subscribe(sandbox: Sandbox, email: str = ANA, *, list_id: int = 7, **more: Any) -> Any:
    options = {name: more.pop(name) for name in list(more) if name in OPTIONS}
    body = {"subscriber_data": {"email": email, **more}, **options}
    answer = call(sandbox, "POST", f"/lists/{list_id}/subscribe", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


OPTIONS = {"update_existing", "skip_confirmation", "resubscribe"}


def shown(sandbox: Sandbox, email: str = ANA, list_id: int = 7) -> Any:
    answer = call(sandbox, "GET", f"/lists/{list_id}/subscriber/{email}")
    return answer.json()["subscriber"]


def told(sandbox: Sandbox) -> list[Any]:
    return [json.loads(request.content)["payload"] for request in sandbox.received]


# --- the key and the lists -----------------------------------------------------------------------


def test_a_wrong_key_opens_nothing(sandbox: Sandbox) -> None:
    """ECO-03: 401 for a wrong key, for none, and for an account that has none."""
    sandbox.seed("ecomail", "eco-2")
    for headers in ({}, {"key": ""}, {"key": "other"}, {"key": "ä".encode()}):
        assert sandbox.get("/ecomail/lists", headers=headers).status_code == 401
    assert call(sandbox, "GET", "/lists").status_code == 200


def test_the_key_is_not_kept_in_the_record_of_calls(sandbox: Sandbox) -> None:
    call(sandbox, "GET", "/lists")
    assert "secret-key" not in json.dumps(sandbox.calls("ecomail"))


def test_a_list_is_made_and_seen(sandbox: Sandbox) -> None:
    """ECO-04: a refresh shows the new list."""
    body = {"name": "New", "from_name": "S", "from_email": "s@s.cz", "reply_to": "s@s.cz"}
    made = call(sandbox, "POST", "/lists", body).json()
    assert [each["id"] for each in call(sandbox, "GET", "/lists").json()] == [7, made["id"]]
    assert call(sandbox, "POST", "/lists", {"name": "x"}).status_code == 422
    assert call(sandbox, "GET", "/lists/99").status_code == 404


# --- fields --------------------------------------------------------------------------------------


def test_fields_come_into_being_with_their_type(sandbox: Sandbox) -> None:
    """ECO-05: by use; keys trimmed and lower-case; the first type stays; an empty map is []."""
    assert call(sandbox, "GET", "/lists/7").json()["list"]["custom_fields"] == []
    subscribe(sandbox, custom_fields={" Points ": {"value": 3, "type": "int"}, "note": "x"})
    subscribe(sandbox, update_existing=True, custom_fields={"points": {"value": 4}})
    fields = call(sandbox, "GET", "/lists/7").json()["list"]["custom_fields"]
    assert {key: field["type"] for key, field in fields.items()} == {
        "points": "int",
        "note": "string",
    }
    assert shown(sandbox)["custom_fields"] == {"points": 4, "note": "x"}


@pytest.mark.parametrize(
    "fields",
    [
        {"A": "1", "a": "2"},
        {"long": "x" * 5001},
        {"day": {"value": "1.4.2026", "type": "date"}},
        {"sum": {"value": "many", "type": "int"}},
        {"sum": {"value": 1, "type": "money"}},
    ],
)
def test_fields_that_do_not_fit_are_refused(sandbox: Sandbox, fields: dict[str, Any]) -> None:
    """Platform page: duplicates by case, 5,000 characters, types."""
    body = {"subscriber_data": {"email": ANA, "custom_fields": fields}}
    assert call(sandbox, "POST", "/lists/7/subscribe", body).status_code == 422
    assert call(sandbox, "GET", "/lists/7").json()["list"]["custom_fields"] == []


# --- who stands in a list ------------------------------------------------------------------------


def test_a_known_contact_changes_only_if_asked(sandbox: Sandbox) -> None:
    assert "already_subscribed" not in subscribe(sandbox, name="Ana")
    assert subscribe(sandbox, name="Bea")["already_subscribed"] is True
    assert shown(sandbox)["name"] == "Ana"
    subscribe(sandbox, name="Bea", update_existing=True)
    assert shown(sandbox)["name"] == "Bea"


def test_who_left_stays_away_unless_asked_back(sandbox: Sandbox) -> None:
    """Platform page: resubscribe works, and a status that is given wins."""
    subscribe(sandbox)
    left = call(sandbox, "DELETE", "/lists/7/unsubscribe", {"email": ANA}).json()
    assert (left["status"], left["source"]) == (2, "api")
    subscribe(sandbox, update_existing=True)
    assert shown(sandbox)["status"] == 2
    subscribe(sandbox, update_existing=True, resubscribe=True)
    assert shown(sandbox)["status"] == 1
    subscribe(sandbox, update_existing=True, resubscribe=True, status=4)
    assert shown(sandbox)["status"] == 4


def test_double_opt_in_waits_for_a_click_that_nobody_is_told_of(sandbox: Sandbox) -> None:
    """ECO-13: the webhook fires at registration and not at confirmation."""
    settings(sandbox, double_optin=True)
    subscribe(sandbox)
    subscribe(sandbox, "bea@shop.example", skip_confirmation=True)
    assert (shown(sandbox)["status"], shown(sandbox, "bea@shop.example")["status"]) == (6, 1)
    before = len(sandbox.received)
    form(sandbox, "confirm")
    assert shown(sandbox)["status"] == 1
    assert len(sandbox.received) == before == 2


def test_a_bulk_ignores_what_is_too_much(sandbox: Sandbox) -> None:
    """ECO-18: the 3,001st is gone, and nothing says so."""
    settings(sandbox, webhook_url=None)
    people = [{"email": f"c{n}@shop.example"} for n in range(3001)]
    body = {"subscriber_data": people}
    answer = call(sandbox, "POST", "/lists/7/subscribe-bulk", body)
    assert answer.json() == {"inserts": 3000}
    assert call(sandbox, "GET", "/lists/7").json()["subscribers"]["subscribed"] == 3000
    page = call(sandbox, "GET", "/lists/7/subscribers?page=30&per_page=100").json()
    assert (page["total"], page["last_page"], page["to"]) == (3000, 30, 3000)
    assert call(sandbox, "GET", "/lists/7/subscriber/c3000@shop.example").status_code == 404


def test_a_contact_is_changed_and_deleted(sandbox: Sandbox) -> None:
    subscribe(sandbox)
    change = {"email": ANA, "subscriber_data": {"surname": "N"}}
    assert call(sandbox, "PUT", "/lists/7/update-subscriber", change).json()["surname"] == "N"
    assert call(sandbox, "DELETE", f"/subscribers/{ANA}/delete").status_code == 200
    assert call(sandbox, "DELETE", f"/subscribers/{ANA}/delete").status_code == 404
    assert call(sandbox, "PUT", "/lists/7/update-subscriber", change).status_code == 404
    assert sandbox.get(f"/ecomail/_subscribers/eco-1/{ANA}").json() == {}


# --- the list webhook ----------------------------------------------------------------------------


def form(sandbox: Sandbox, action: str, **more: Any) -> httpx.Response:
    body = {"account_id": "eco-1", "list_id": 7, "email": ANA, "action": action, **more}
    return sandbox.post("/ecomail/_form", json=body)


def test_our_own_writes_come_back_at_us(sandbox: Sandbox) -> None:
    """ECO-13: LOOP HAZARD: every API subscribe fires, an API unsubscribe does not."""
    subscribe(sandbox)
    subscribe(sandbox, update_existing=True)
    bulk = {"subscriber_data": [{"email": ANA}, {"email": "bea@shop.example"}]}
    call(sandbox, "POST", "/lists/7/subscribe-bulk", bulk)
    call(sandbox, "DELETE", "/lists/7/unsubscribe", {"email": ANA})
    subscribe(sandbox, update_existing=True)
    assert [(each["email"], each["status"]) for each in told(sandbox)] == [
        (ANA, "SUBSCRIBED"),
        (ANA, "SUBSCRIBED"),
        ("bea@shop.example", "SUBSCRIBED"),
    ]


def test_a_person_signs_up_and_leaves(sandbox: Sandbox) -> None:
    """ECO-13: the body is that of their page; it may come twice, and names a campaign."""
    assert form(sandbox, "subscribe").json() == {"statuses": [204]}
    assert form(sandbox, "unsubscribe", times=2, campaign_id=9).json() == {"statuses": [204] * 2}
    assert told(sandbox) == [
        {"email": ANA, "status": "SUBSCRIBED", "listId": 7, "campaignId": None},
        *[{"email": ANA, "status": "UNSUBSCRIBED", "listId": 7, "campaignId": 9}] * 2,
    ]
    assert str(sandbox.received[0].url) == HOOK
    assert form(sandbox, "unsubscribe", email="x@y.cz").status_code == 404
    assert form(sandbox, "subscribe", list_id=99).status_code == 404


def test_what_the_webhook_was_answered_is_shown(sandbox: Sandbox) -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("away", request=request)

    subscribe(sandbox)
    sandbox.answer = away
    form(sandbox, "subscribe")
    [there] = sandbox.get("/ecomail/_lists/eco-1").json()
    assert (there["hooks"], there["wired"]) == ([204, 0], True)
    assert "token" not in json.dumps(there)


# --- events and the limit ------------------------------------------------------------------------

EVENT = {"email": ANA, "category": "ellity", "action": "change", "label": "credit"}


def test_an_event_needs_a_contact_and_is_never_recognised_again(sandbox: Sandbox) -> None:
    """ECO-06: no id of ours: the same event twice is two events."""
    body = {"event": {**EVENT, "value": {"credits": 5}}}
    assert call(sandbox, "POST", "/tracker/events", body).status_code == 404
    subscribe(sandbox)
    for _ in range(2):
        answer = call(sandbox, "POST", "/tracker/events", body)
        assert json.loads(answer.json()["value"]) == {"credits": 5}
    assert len(sandbox.get("/ecomail/_events/eco-1").json()) == 2
    assert call(sandbox, "GET", f"/subscribers/{ANA}/events").json()["total"] == 2
    long = {"event": {**EVENT, "value": "x" * 20_001}}
    assert call(sandbox, "POST", "/tracker/events", long).status_code == 422


def test_too_many_calls_in_a_minute_are_told_when(sandbox: Sandbox) -> None:
    """Platform page: 1,000 a minute by default; the clock is the test's."""
    sandbox.seed("ecomail", "eco-1", calls_per_minute=3)
    assert [call(sandbox, "GET", "/lists").status_code for _ in range(4)] == [200] * 3 + [429]
    wait = int(call(sandbox, "GET", "/lists").headers["retry-after"])
    assert 1 <= wait <= 60
    sandbox.post("/ecomail/_wait", json={"seconds": wait})
    assert call(sandbox, "GET", "/lists").status_code == 200


def test_a_reset_forgets_lists_only_with_their_accounts(sandbox: Sandbox) -> None:
    subscribe(sandbox)
    call(sandbox, "POST", "/tracker/events", {"event": EVENT})
    sandbox.post("/_reset")
    assert sandbox.get("/ecomail/_events/eco-1").json() == []
    assert shown(sandbox)["email"] == ANA
    sandbox.post("/_reset", json={"accounts": True})
    assert sandbox.get("/ecomail/_lists/eco-1").json() == []
    assert call(sandbox, "GET", "/lists").status_code == 401


def test_faults_and_unknown_paths(sandbox: Sandbox) -> None:
    sandbox.fault(platform="ecomail", status=500, times=1)
    assert call(sandbox, "GET", "/lists").status_code == 500
    assert call(sandbox, "GET", "/nothing").status_code == 404
