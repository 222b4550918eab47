"""The inbox, replays, jobs and health over the admin API."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest

from concord.domain.audit import AuditEntry
from concord.domain.connection import ConnectionState
from tests.integration.admin.calls import ok, refused
from tests.world.shop import Shop, new_number
from tests.world.world import PREFIX, World


def bodies(house: World, query: str = "") -> list[dict[str, Any]]:
    return list(ok(house, "GET", f"/v1/merchants/m1/inbox{query}")["items"])


def state_of(house: World, shop: Shop, number: str) -> str:
    path = f"/v1/connections/{shop.connection_id}/consents/lookup"
    return str(ok(house, "POST", path, {"point": number})["state"])


def kept_join(house: World, shop: Shop) -> str:
    """Return a number whose JOIN was kept without effect, because its connection was over."""
    number = new_number()
    connection = house.parts.connections.get(shop.connection_id, fresh=True)
    assert connection is not None

    def put(state: ConnectionState) -> None:
        now = house.parts.connections.get(shop.connection_id, fresh=True)
        assert now is not None
        changed = replace(now, state=state, version=now.version + 1)
        audit = AuditEntry("m1", shop.connection_id, house.clock.now(), "test", "test")
        assert house.parts.connections.update(changed, audit)

    put(ConnectionState.PENDING)
    shop.texts(number, "JOIN")
    put(ConnectionState.CONNECTED)
    return number


def test_every_body_is_listed_by_state_and_never_shown(house: World, shop: Shop) -> None:
    """R-24: raw bodies are kept; the list names them without what they say."""
    number = new_number()
    shop.texts(number, "STOP")
    kept_join(house, shop)
    everything = bodies(house)
    assert [b["state"] for b in everything] == ["processed", "kept"]
    assert [b["state"] for b in bodies(house, "?state=kept")] == ["kept"]
    assert number not in json.dumps(everything)
    first = ok(house, "GET", "/v1/merchants/m1/inbox?limit=1")
    rest = ok(house, "GET", f"/v1/merchants/m1/inbox?limit=1&cursor={first['cursor']}")
    assert first["items"] + rest["items"] == everything
    assert rest["cursor"] is None
    tomorrow = (house.clock.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert bodies(house, f"?from={tomorrow}") == []
    # A misspelt merchant is no merchant without failures.
    assert refused(house, "GET", "/v1/merchants/m2/inbox") == (404, "not_found", [])


def test_a_body_is_replayed_by_id_and_only_once(house: World, shop: Shop) -> None:
    """R-24: replay by id applies what was kept; what is done stays done."""
    number = kept_join(house, shop)
    assert state_of(house, shop, number) == "unknown"
    (body,) = bodies(house, "?state=kept")
    path = f"/v1/merchants/m1/inbox/{body['inbox_id']}/replay"
    assert ok(house, "POST", path) == {"inbox_id": body["inbox_id"], "state": "processed"}
    assert state_of(house, shop, number) == "opted_in"
    shop.texts(number, "STOP")
    ok(house, "POST", path)
    assert state_of(house, shop, number) == "opted_out"
    assert [b["replays"] for b in bodies(house)] == [2, 0]


@pytest.mark.parametrize("inbox_id", ["nothing", "20261121T203438996361-eadcef52ab0b", "a%23b"])
def test_an_unknown_body_is_not_found(house: World, shop: Shop, inbox_id: str) -> None:
    """R-24, R-32: nor is another merchant's."""
    assert refused(house, "POST", f"/v1/merchants/m1/inbox/{inbox_id}/replay")[0] == 404


def test_another_merchants_body_cannot_be_replayed(house: World, shop: Shop) -> None:
    """R-32: an id is only good under its own merchant."""
    shop.texts(new_number(), "STOP")
    house.shop("m2")
    (body,) = bodies(house)
    path = f"/v1/merchants/m2/inbox/{body['inbox_id']}/replay"
    assert refused(house, "POST", path)[:2] == (404, "not_found")


def test_a_span_is_replayed_as_a_job(house: World, shop: Shop) -> None:
    """R-24: replay by time and connection; the job says how far it is."""
    numbers = [kept_join(house, shop) for _ in range(3)]
    now = house.clock.now()
    span = {
        "from": (now - timedelta(hours=1)).isoformat(),
        "to": (now + timedelta(minutes=1)).isoformat(),
        "connection_id": shop.connection_id,
    }
    started = house.admin("POST", "/v1/merchants/m1/inbox/replays", span)
    assert started["statusCode"] == 202
    job_id = house.body(started)["job_id"]
    waiting = ok(house, "GET", f"/v1/jobs/{job_id}")
    assert (waiting["state"], waiting["done"]) == ("queued", 0)
    house.pump()
    done = ok(house, "GET", f"/v1/jobs/{job_id}")
    assert (done["state"], done["done"], done["total"]) == ("done", 3, 3)
    assert (done["created"], done["updated"], done["skipped"]) == (3, 0, {})
    assert [state_of(house, shop, n) for n in numbers] == ["opted_in"] * 3


@pytest.mark.parametrize(
    ("span", "field"),
    [
        ({"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "to"),
        ({"from": "2026-01-02T00:00:00", "to": "2026-01-03T00:00:00Z"}, "from"),
        ({"to": "2026-01-01T00:00:00Z"}, "from"),
    ],
)
def test_a_span_that_cannot_be_is_refused(
    house: World, shop: Shop, span: dict[str, str], field: str
) -> None:
    """R-24: an empty span, a time without an offset, or none at all."""
    refusal = refused(house, "POST", "/v1/merchants/m1/inbox/replays", span)
    assert refusal == (422, "invalid_request", [field])


def test_a_span_of_another_merchants_connection_is_not_found(house: World, shop: Shop) -> None:
    """R-32: a merchant's replay touches no other merchant."""
    other = house.shop("m2")
    now = house.clock.now()
    span = {
        "from": (now - timedelta(hours=1)).isoformat(),
        "to": now.isoformat(),
        "connection_id": other.connection_id,
    }
    assert refused(house, "POST", "/v1/merchants/m1/inbox/replays", span)[0] == 404


@pytest.mark.parametrize("job_id", ["nothing", "m1.zzzz", "a%23.b"])
def test_an_unknown_job_is_not_found(house: World, job_id: str) -> None:
    """R-32: a forged id reads no row."""
    assert refused(house, "GET", f"/v1/jobs/{job_id}")[:2] == (404, "not_found")


QUEUES = {"urgent", "bulk", "plan", "send", "night", "receipt", "safety", "aws_inbound", "stream"}


def with_dead_letters(house: World) -> dict[str, str]:
    """Give every queue its dead-letter queue, as the template does; returns their URLs."""
    sqs, urls = boto3.client("sqs"), {"stream": house.urls["stream_failures"]}
    for name, url in house.urls.items():
        if name == "stream_failures":
            continue
        urls[name] = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=urls[name], AttributeNames=["QueueArn"])
        policy = {"deadLetterTargetArn": found["Attributes"]["QueueArn"], "maxReceiveCount": 5}
        attributes = {"RedrivePolicy": json.dumps(policy)}
        sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    return urls


def test_health_tells_of_an_opt_out_that_nobody_heard(house: World, shop: Shop) -> None:
    """R-31: the oldest un-synced opt-out counts from when it was said, also between two tries."""
    with_dead_letters(house)
    assert ok(house, "GET", "/v1/health")["status"] == "ok"
    house.sandbox.fault(platform="catapult", status=503)
    shop.texts(new_number(), "STOP")
    house.pump(rounds=1)
    house.clock.advance(timedelta(minutes=10))
    ill = ok(house, "GET", "/v1/health")
    assert ill["status"] == "attention"
    assert 595 <= ill["oldest_unsynced_opt_out_seconds"] <= 660
    assert ill["overdue_tasks"] >= 1
    assert 120 <= ill["oldest_overdue_task_seconds"] <= 600
    house.sandbox.post("/_reset")
    house.sweep()
    house.pump()
    assert ok(house, "GET", "/v1/health")["oldest_unsynced_opt_out_seconds"] == 0


@pytest.mark.parametrize("name", sorted(QUEUES))
def test_health_sees_the_dead_letters_of_every_queue(house: World, name: str) -> None:
    """R-31: what ended there waits for a person, wherever it came from."""
    dead = with_dead_letters(house)
    assert ok(house, "GET", "/v1/health")["status"] == "ok"
    boto3.client("sqs").send_message(QueueUrl=dead[name], MessageBody="x")
    ill = ok(house, "GET", "/v1/health")
    assert (ill["status"], ill["queues"][name]["dead_letters"]) == ("attention", 1)


def test_health_shows_queues_dead_letters_and_keys(house: World) -> None:
    """R-31: depths per queue and of its dead letters; the stack key and the public key."""
    sqs = boto3.client("sqs")
    assert ok(house, "GET", "/v1/health")["status"] == "attention"  # unknown is no good news
    dead = with_dead_letters(house)["urgent"]
    name = f"{PREFIX}/dossier-public-key"
    boto3.client("ssm").put_parameter(Name=name, Value="cHVibGlj", Type="String")
    well = ok(house, "GET", "/v1/health")
    assert (well["status"], well["stack_key_present"], well["public_key"]) == (
        "ok",
        True,
        "cHVibGlj",
    )
    sqs.send_message(QueueUrl=dead, MessageBody="x")
    sqs.send_message(QueueUrl=house.urls["bulk"], MessageBody="x")
    ill = ok(house, "GET", "/v1/health")
    assert ill["status"] == "attention"
    assert ill["queues"]["urgent"]["dead_letters"] == 1
    assert ill["queues"]["bulk"]["waiting"] == 1
    assert set(ill["queues"]) == QUEUES
    boto3.client("ssm").delete_parameter(Name=f"{PREFIX}/stack-key")
    house.cold()
    assert ok(house, "GET", "/v1/health")["stack_key_present"] is False
    assert base64.b64decode(well["public_key"]) == b"public"
