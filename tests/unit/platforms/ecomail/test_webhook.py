"""Ecomail's list webhook: the published sample, what is known and dropped, what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from concord.domain.events import OptedOut, ParsedWebhook, RawRequest, UnparseableError
from concord.domain.identity import Channel
from concord.platforms.ecomail.webhook import WEBHOOK
from tests.unit.platforms.kit import NOW

HOOK = {"email": "some@email.cz", "status": "UNSUBSCRIBED", "listId": 1, "campaignId": None}


def parse(body: Any, **headers: str) -> ParsedWebhook:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WEBHOOK.parse(RawRequest("POST", headers, raw, NOW), {})


def test_the_published_sample_is_an_opt_out_of_its_list() -> None:
    """ECO-13: no id and no time of theirs; the list is told."""
    (event,) = parse({"payload": HOOK}).events
    assert event == OptedOut(None, Channel.EMAIL, "some@email.cz", via="list", list_id="1")
    assert "some@" not in repr(event)


def test_deliveries_and_automations_are_known_and_dropped() -> None:
    """Platform page: other streams may be pointed at the same URL."""
    batch = [{"msys": {"message_event": {"type": "open", "rcpt_meta": {}}}}, {"msys": {}}]
    found = parse(batch, **{"x-messagesystems-batch-id": "b-1"})
    assert found == ParsedWebhook(event_id="b-1")
    automation = {"account": "a", "pipeline": 1, "action": 2, "email": "a@b.cz", "subscriber": {}}
    assert parse(automation) == ParsedWebhook()


def test_a_status_nobody_knows_is_kept_as_unknown() -> None:
    """ECO-13: three states of every type: handled, known and dropped, unknown."""
    assert parse({"payload": {**HOOK, "status": "CONFIRMED"}}).unknown_type == "CONFIRMED"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[",
        b"[" * 100_000,
        [],
        [1],
        [{"msys": 1}],
        [{"msys": {}}, {}],
        {},
        {"payload": []},
        {"payload": {**HOOK, "status": None}},
        {"payload": {**HOOK, "email": ""}},
        {"payload": {**HOOK, "email": "a" * 400}},
        {"payload": {**HOOK, "listId": None}},
        {"payload": {**HOOK, "listId": [1]}},
        {"payload": {**HOOK, "status": ["SUBSCRIBED"]}},
    ],
)
def test_any_other_body_is_unparseable(body: Any) -> None:
    """Reliability 2: and nothing of it stands in the message."""
    with pytest.raises(UnparseableError) as caught:
        parse(body)
    assert "@" not in str(caught.value)
