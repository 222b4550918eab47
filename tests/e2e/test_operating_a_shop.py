"""What operators and intruders do to a connection on the running stack."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
import pytest

from sandbox.demo.clients import Admin, Connect, SigV4, Stack, client
from sandbox.demo.shop import Shop, connection_body, seed_accounts, toll_free_number, wire
from sandbox.demo.stage import Person, Stage, until
from sandbox.demo.told import Sides
from tests.e2e.conftest import silent


@pytest.fixture
def own(stack: Stack) -> Stage:
    """Return a shop that this one test may spoil."""
    return Stage(stack, silent())


def at(stage: Stage, path: str = "") -> str:
    """Return a path below the shop's connection."""
    return f"/connections/{stage.shop.connection_id}{path}"


def link(stage: Stage, source: str, account: str) -> dict[str, Any]:
    """Return a body that links two accounts, both open at the platforms."""
    credentials = seed_accounts(stage.sandbox, source, account, (toll_free_number(),))
    return connection_body(stage.sandbox.url, source, account, credentials)


def post_connection(stage: Stage, body: dict[str, Any], key: str | None = None) -> httpx.Response:
    """Ask for a connection of this stage's merchant."""
    headers = {"Idempotency-Key": key} if key else None
    path = f"/merchants/{stage.shop.merchant_id}/connections"
    return stage.admin.call("POST", path, body, headers=headers)


def inbound(url: str, body: bytes = b"{}", **options: Any) -> httpx.Response:
    """Call a webhook as anybody on the internet could."""
    with client("") as http:
        return http.post(url, content=body, **options)


def test_an_account_is_linked_once(own: Stage) -> None:
    """TEA-02: a second link from either side is refused and names the first."""
    shop, mark = own.shop, secrets.token_hex(4)
    for source, account in ((shop.source_account, f"tea-{mark}"), (f"cat-{mark}", shop.account)):
        answer = post_connection(own, link(own, source, account))
        assert (answer.status_code, answer.json()["code"]) == (409, "account_already_linked")
        assert shop.connection_id in answer.text


def test_many_at_once_make_one_link(own: Stage) -> None:
    """TEA-02: whoever is first wins, and only one is.

    Two at a time: the emulator starts one process per concurrent call. The race proper is run on
    DynamoDB Local.
    """
    body = link(own, f"cat-{secrets.token_hex(4)}", f"tea-{secrets.token_hex(4)}")
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: post_connection(own, body).status_code, range(10)))
    assert sorted(answers) == [201] + [409] * 9


def test_only_a_merchant_who_asked_links_a_second_messaging_account(own: Stage) -> None:
    """TEA-04: after allow-multi-link a second account joins; consent is kept per account."""
    body = link(own, own.shop.source_account, f"tea-{secrets.token_hex(4)}")
    assert post_connection(own, body).status_code == 409
    path = f"/merchants/{own.shop.merchant_id}/allow-multi-link"
    assert own.admin.ask("PUT", path, {"allowed": True})["allow_multi_link"] is True
    assert post_connection(own, body).status_code == 201


def test_a_repeated_post_is_answered_without_its_secrets(own: Stage) -> None:
    """Same key and body: the same answer, secrets blank; another body: 409."""
    body = link(own, f"cat-{secrets.token_hex(4)}", f"tea-{secrets.token_hex(4)}")
    key = secrets.token_hex(16)
    first, again = post_connection(own, body, key), post_connection(own, body, key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["connect_key"]
    assert again.json()["connect_key"] is None
    assert again.json()["connection_id"] == first.json()["connection_id"]
    body["settings"] = {"join_keyword": "FRESH"}
    other = post_connection(own, body, key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


def test_before_it_is_connected_only_opt_outs_count(own: Stage) -> None:
    """TEA-01: requested and pending take opt-outs; opt-ins are 409 and have no effect."""
    source, account = f"cat-{secrets.token_hex(4)}", f"tea-{secrets.token_hex(4)}"
    made = post_connection(own, link(own, source, account)).json()
    connect = Connect(own.stack, made["connection_id"], made["connect_key"])
    number = own.shoppers("Wes")[0].number
    for state in ("requested", "pending"):
        if state == "pending":
            path = f"/connections/{made['connection_id']}/state"
            own.admin.ask("POST", path, {"state": state})
        asked = {"event_id": f"{state}-in", "channel": "sms", "point": number, "via": "pos"}
        refused = connect.call("POST", "/consents", {**asked, "action": "opt_in"})
        assert (refused.status_code, refused.json()["code"]) == (409, "connection_not_connected")
        asked["event_id"] = f"{state}-out"
        out = connect.call("POST", "/consents", {**asked, "action": "opt_out"})
        assert (out.status_code, out.json()["state"]) == (200, "opted_out")


def test_states_move_one_way_and_are_audited(own: Stage) -> None:
    """TEA-01: what may follow what; every transition is in the audit trail."""
    back = own.admin.call("POST", at(own, "/state"), {"state": "pending"})
    assert (back.status_code, back.json()["code"]) == (409, "invalid_transition")
    for state in ("paused", "connected", "disconnected"):
        assert own.admin.ask("POST", at(own, "/state"), {"state": state})["state"] == state
    trail = own.admin.ask("GET", at(own, "/audit"), params={"limit": "100"})["items"]
    moves = [item["details"]["to"] for item in reversed(trail) if "to" in item["details"]]
    assert moves == ["pending", "connected", "paused", "connected", "disconnected"]


def test_a_webhook_refuses_strangers_alike(own: Stage) -> None:
    """401 whatever was wrong: token, signature or connection; 405 for GET; 413 over 256 KB."""
    url = own.shop.webhook_url
    base, _, token = url.rpartition("/")
    strangers = [
        inbound(f"{base}/{token[:-1]}x"),
        inbound(url),
        inbound(url.replace(own.shop.connection_id, f"{own.shop.merchant_id}.unknown1")),
    ]
    assert {answer.status_code for answer in strangers} == {401}
    assert len({answer.text for answer in strangers}) == 1
    with client("") as http:
        assert http.get(url).status_code == 405
    assert inbound(url, b"x" * (256 * 1024 + 1)).status_code == 413


def test_a_connect_key_opens_its_own_door_only(own: Stage, another_shop: Stage) -> None:
    """R-32: a wrong key, another merchant's key and no key at all are 401."""
    cid = own.shop.connection_id
    for key in ("wrong", another_shop.shop.connect_key):
        answer = Connect(own.stack, cid, key).call("GET", "/consents/sms/+14155550100")
        assert answer.status_code == 401
    with client(f"{own.stack.api_url}/connect/{cid}") as http:
        assert http.get("/consents/sms/+14155550100").status_code == 401


def test_the_admin_api_wants_an_operators_signature(stack: Stack) -> None:
    """Without SigV4, or signed with a wrong secret, nothing is answered but 403."""
    wrong = replace(stack, secret_access_key="not-the-secret")
    for admin in (Admin(stack, auth=None), Admin(stack, auth=SigV4(wrong))):
        assert admin.call("GET", "/health").status_code == 403
    assert Admin(stack).ask("GET", "/health")["stack_key_present"] is True


def test_a_rotated_token_closes_the_old_door(own: Stage) -> None:
    """A new token at once, with a grace for the old one if asked for."""
    (xena,) = own.joined("Xena")
    old = own.shop.webhook_url
    graceful = {"what": "token", "grace_seconds": 600}
    kept = own.admin.ask("POST", at(own, "/rotate"), graceful)["webhooks"]["text_em_all"]
    assert kept != old
    own.text(xena, "STOP")
    own.settled(xena, opted_in=False, texts=2)
    new = own.admin.ask("POST", at(own, "/rotate"), {"what": "token", "grace_seconds": 0})
    until(
        "the old URL is closed everywhere within 5 s",
        lambda: own.sandbox.text(xena.number, own.shop.number, "UNSTOP").status_code,
        lambda status: status == 401,
    )
    rewire(own, webhook_url=new["webhooks"]["text_em_all"])
    own.text(xena, "UNSTOP")
    own.expect_state(xena, "opted_in")


def test_a_rotated_connect_key_and_webhook_secret(own: Stage) -> None:
    """During the grace both work; without one only the new."""
    path = "/consents/sms/+14155550100"
    key = own.admin.ask("POST", at(own, "/rotate"), {"what": "connect_key"})["connect_key"]
    for each in (key, own.shop.connect_key):
        assert Connect(own.stack, own.shop.connection_id, each).call("GET", path).status_code == 200
    (yara,) = own.joined("Yara")
    asked = {"what": "webhook_secret", "grace_seconds": 600}
    secret = own.admin.ask("POST", at(own, "/rotate"), asked)["webhook_secret"]
    own.text(yara, "STOP")
    rewire(own, webhook_secret=secret)
    own.text(yara, "UNSTOP")
    own.expect_state(yara, "opted_in")


def test_wrong_credentials_pause_the_connection_and_lose_nothing(own: Stage) -> None:
    """TEA-22: paused takes every signal and holds what goes out, until the check is good again."""
    (zoe,) = own.joined("Zoe")
    good = own.shop.credentials["destination"]
    own.sandbox.put_account(
        "text_em_all", own.shop.account, credentials={**good, "access_token": "x"}
    )
    own.text(zoe, "STOP")
    own.expect_state(zoe, "opted_out")
    until(
        "the connection is paused",
        lambda: own.admin.ask("GET", at(own))["state"],
        lambda state: state == "paused",
    )
    checked = own.admin.call("POST", at(own, "/check"))
    assert (checked.status_code, checked.json()["code"]) == (422, "invalid_api_key")
    assert own.at_shop(zoe, "pos", "opt_out", status=200).body["state"] == "opted_out"

    own.sandbox.put_account("text_em_all", own.shop.account, credentials=good)
    assert own.admin.ask("POST", at(own, "/check"))["platforms"]["text_em_all"] == "ok"
    own.admin.ask("POST", at(own, "/state"), {"state": "connected"})
    until(
        "both sides show Zoe out, with no sweep and no minute to the next try",
        lambda: own.sides(zoe),
        lambda seen: seen == Sides(False, (False,)),
        20,
    )
    own.settled(zoe, opted_in=False, texts=2)


def test_a_burst_of_stops_is_confirmed_one_by_one(own: Stage) -> None:
    """TEA-17: a dozen people within a second; each is out at once and confirmed once.

    A sender repeats what was not answered (a busy machine starts a second worker slowly): the same
    id again is the same text.
    """
    people = own.shoppers(*(f"P{number}" for number in range(12)))

    def stop(person: Person) -> None:
        until(
            "the webhook is answered 204",
            lambda: (
                own.sandbox.text(
                    person.number, own.shop.number, "STOP", id=f"in_{person.shopper_id}", at=moment
                ).status_code
            ),
            lambda status: status == 204,
            60,
        )

    moment = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(stop, people))
    for person in people:
        own.expect_state(person, "opted_out")
    for person in people:
        until(
            "the burst is worked off, however many workers the emulator has to start",
            partial(own.sides, person),
            lambda seen: seen == Sides(False, (False,)),
            60,
        )
        own.settled(person, opted_in=False, texts=1)


def rewire(stage: Stage, **changed: str) -> None:
    """Tell the platforms of a new URL or secret."""
    shop: Shop = replace(stage.shop, **changed)  # type: ignore[arg-type]
    wire(stage.stack, stage.sandbox, shop)
