"""The inbox: what is kept, what is a repeat, and what a replay brings back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from concord.domain.times import from_rfc3339
from concord.platforms.neutral import NeutralWebhook
from tests.world.emf import emitted
from tests.world.faults import settle
from tests.world.person import Person
from tests.world.shop import Shop, new_number
from tests.world.signing import signed
from tests.world.world import World

LIMIT = 256 * 1024


def _post(shop: Shop, payload: dict[str, Any] | bytes, event_id: str = "e-1") -> dict[str, Any]:
    """Send a body with a signature of this very moment; returns the gateway response."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    at = shop.world.clock.now()
    headers = signed(shop.webhook_secret, body.decode(), event_id, at)
    return shop.world.receive(shop.webhooks["text_em_all"].split("/test", 1)[1], body, headers)


def _inbound(shop: Shop, number: str, text: str, event_id: str = "e-1") -> dict[str, Any]:
    return {
        "type": "inbound_text",
        "id": event_id,
        "from": number,
        "to": shop.text_number,
        "text": text,
        "at": shop.world.clock.now().isoformat(),
    }


def _inbox(house: World) -> list[dict[str, Any]]:
    return house.rows("I#")


def _evidence(house: World) -> int:
    return len([row for row in house.rows("C#") if row["sk"].startswith("E#")])


# --- repeats ---------------------------------------------------------------------------------

AGAIN_AFTER = [timedelta(seconds=1), timedelta(minutes=6), timedelta(days=1), timedelta(days=4)]


def test_an_id_is_known_for_days(shop: Shop) -> None:
    """Reliability 4, R-24: after 1 s, 6 min, 1 day, 4 days, freshly signed: one effect."""
    house, number = shop.world, new_number()
    stop = _inbound(shop, number, "STOP")
    quiet = {"type": "inbound_text", "id": "e-2", "from": number, "to": shop.text_number}
    quiet |= {"text": "what time do you close?", "at": house.clock.now().isoformat()}
    till = {"event_id": "e-3", "action": "opt_in", "channel": "sms", "via": "pos"}
    till["point"] = new_number()
    first = shop.connect("POST", "/consents", till)
    assert [_post(shop, stop)["statusCode"], _post(shop, quiet, "e-2")["statusCode"]] == [204, 204]
    settle(house)
    bodies, events = len(_inbox(house)), _evidence(house)

    began = house.clock.now()
    for age in AGAIN_AFTER:
        house.clock.advance(began + age - house.clock.now())
        house.cold()
        assert _post(shop, stop)["statusCode"] == 204
        assert _post(shop, quiet, "e-2")["statusCode"] == 204
        again = shop.connect("POST", "/consents", till)
        assert (again["statusCode"], again["body"]) == (first["statusCode"], first["body"])
        settle(house)
    assert (len(_inbox(house)), _evidence(house)) == (bodies, events)
    assert len(shop.inbox_of(number)) == 1
    assert len(shop.inbox_of(str(till["point"]))) == 1


def test_an_id_that_comes_with_another_body(shop: Shop) -> None:
    """R-24: an opt-out counts under id and hash; anything else is 409 `event_id_reused`."""
    house, number = shop.world, new_number()
    assert _post(shop, _inbound(shop, number, "JOIN"))["statusCode"] == 204
    other = _post(shop, _inbound(shop, number, "UNSTOP"))
    assert (other["statusCode"], house.body(other)["code"]) == (409, "event_id_reused")
    assert shop.consent(number) == "opted_in"
    assert _post(shop, _inbound(shop, number, "STOP"))["statusCode"] == 204
    assert shop.consent(number) == "opted_out"


# --- what is kept ----------------------------------------------------------------------------


def _of_size(shop: Shop, number: str, size: int) -> bytes:
    payload = _inbound(shop, number, "STOP")
    payload["padding"] = ""
    missing = size - len(json.dumps(payload).encode())
    payload["padding"] = "x" * missing
    return json.dumps(payload).encode()


def test_the_largest_body_is_taken_and_one_byte_more_is_413(shop: Shop) -> None:
    """Reliability 10: 256 KB is stored and works; beyond that 413, never a 5xx, nothing written."""
    house, number = shop.world, new_number()
    too_much = _of_size(shop, number, LIMIT + 1)
    before = house.rows()
    answer = _post(shop, too_much)
    assert (answer["statusCode"], house.body(answer)["code"]) == (413, "body_too_large")
    assert house.rows() == before
    call = {"event_id": "e", "action": "opt_out", "channel": "sms", "via": "pos", "point": number}
    big = shop.connect("POST", "/consents", {**call, "padding": "x" * LIMIT})
    assert big["statusCode"] == 413

    most = _of_size(shop, number, LIMIT)
    assert len(most) == LIMIT
    assert _post(shop, most)["statusCode"] == 204
    assert shop.consent(number) == "opted_out"


def test_an_unknown_event_is_kept_and_counted(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """R-24: a type that nobody has seen: 204, a metric, and the body waits for its replay."""
    house = shop.world
    capsys.readouterr()
    answer = _post(shop, {"type": "poll_answer", "id": "e-9", "at": "2026-11-21T08:00:00Z"}, "e-9")
    assert answer["statusCode"] == 204
    assert emitted(capsys.readouterr().out, "UnknownEvent") == 1
    assert [row["state"] for row in _inbox(house)] == ["unknown"]
    assert _evidence(house) == 0


# --- replays ---------------------------------------------------------------------------------


@pytest.fixture
def broken() -> Iterator[pytest.MonkeyPatch]:
    """Plant a bug in the parser; `undo()` deploys the fix."""

    def parse(*_: Any) -> None:
        raise KeyError("sender")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NeutralWebhook, "parse", parse)
        yield patch


def test_a_bug_fixed_later_is_replayed_by_id(
    shop: Shop, broken: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """R-24, L-08: our own bug: 202 and kept as failed; after the fix one call brings it back."""
    house, number = shop.world, new_number()
    received = house.clock.now()
    answer = _post(shop, _inbound(shop, number, "STOP"))
    assert answer["statusCode"] == 202
    assert emitted(capsys.readouterr().out, "WebhookFailed") == 1
    [kept] = _items(shop, "failed")

    replay = f"/v1/merchants/m1/inbox/{kept['inbox_id']}/replay"
    assert house.body(house.admin("POST", replay))["state"] == "failed"
    assert emitted(capsys.readouterr().out, "ReplayFailed") == 1
    broken.undo()
    house.clock.advance(timedelta(hours=2))
    for _ in range(3):
        assert house.body(house.admin("POST", replay))["state"] == "processed"

    assert shop.consent(number) == "opted_out"
    assert _evidence(house) == 1
    state = next(row for row in house.rows("C#") if row["sk"] == "STATE")
    assert abs(from_rfc3339(state["marks"]["out_at"]) - received) < timedelta(seconds=2)
    assert _items(shop, "failed") == []
    # The sender that never saw a 2xx for it may come again as well.
    assert _post(shop, _inbound(shop, number, "STOP"))["statusCode"] == 204


def test_a_span_of_time_is_replayed_once(shop: Shop, broken: pytest.MonkeyPatch) -> None:
    """R-24: by time and connection: what failed in it, and no other, as a job that reports."""
    house = shop.world
    early = Person(shop)
    early.text("STOP")(1)
    house.clock.advance(timedelta(hours=1))
    start = house.clock.now()
    people = [Person(shop) for _ in range(3)]
    for person in people:
        assert person.text("STOP")(1)["statusCode"] == 202
    house.clock.advance(timedelta(minutes=1))
    end = house.clock.now()
    broken.undo()

    for _ in range(2):
        job = _replay_between(shop, start, end)
        assert job["state"] == "done"
    assert all(shop.consent(person.number) == "opted_out" for person in people)
    assert shop.consent(early.number) == "unknown"
    assert _evidence(house) == 3
    assert len(_items(shop, "failed")) == 1


def _items(shop: Shop, state: str) -> list[dict[str, Any]]:
    answer = shop.world.admin("GET", f"/v1/merchants/m1/inbox?state={state}")
    return list(shop.world.body(answer)["items"])


def _replay_between(shop: Shop, start: datetime, end: datetime) -> dict[str, Any]:
    house = shop.world
    span = {"from": start.isoformat(), "to": end.isoformat()}
    body = {**span, "connection_id": shop.connection_id}
    answer = house.admin("POST", "/v1/merchants/m1/inbox/replays", body)
    assert answer["statusCode"] == 202
    settle(house)
    return house.body(house.admin("GET", f"/v1/jobs/{house.body(answer)['job_id']}"))
