"""Text-Em-All's broadcasts: what goes over the wire, who is left out, how they are found again."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import httpx
import pytest

from concord.domain.errors import PermanentError
from concord.domain.outbound import BulkHandedOver
from tests.unit.platforms.kit import BULK, Answer, answering, guarded
from tests.unit.platforms.text_em_all.case import bulk


class Recorder:
    """Answers everything alike and keeps the requests."""

    def __init__(self, body: Any) -> None:
        self.body = body
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(200, json=self.body)


def test_a_broadcast_as_it_goes_over_the_wire() -> None:
    """TEA-09, R-10: the contact list in one call, our name on it twice, nothing held back there."""
    recorder = Recorder({"BroadcastID": 700001})
    assert bulk(guarded(recorder)).send_bulk(BULK) == BulkHandedOver("700001")
    (request,) = recorder.requests
    assert (request.method, request.url.path) == ("POST", "/v1/broadcasts")
    assert request.headers["authorization"].startswith("OAuth ")
    assert json.loads(request.content) == {
        "BroadcastName": BULK.reference,
        "BroadcastType": "SMS",
        "TextMessage": BULK.body,
        "TextNumberID": 1001,
        "PrimaryPhoneNumbersOnly": True,
        "CheckCallingWindow": False,
        "Contacts": [
            {"PrimaryPhone": "5551230000"},
            {"PrimaryPhone": "5551230001"},
            {"PrimaryPhone": "5551230002"},
        ],
        "IntegrationData": BULK.reference,
    }


def test_a_look_up_as_it_goes_over_the_wire() -> None:
    """R-10: one question, by the whole name."""
    recorder = Recorder({"Size": 0, "Items": []})
    assert bulk(guarded(recorder)).find_bulk(BULK) is None
    (request,) = recorder.requests
    expected = f"/v1/broadcasts?BroadcastName~eq~{BULK.reference}"
    assert (request.method, request.url.raw_path.decode()) == ("GET", expected)


def _failed(code: object, phone: object) -> dict[str, object]:
    return {"ErrorCode": code, "ErrorMessage": "No.", "Contact": {"PrimaryPhone": phone}}


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (3005, "opted_out_at_carrier"),
        ("opted_out", "opted_out_at_carrier"),
        ("reassigned", "invalid_number"),
        (77, "invalid_number"),
        (1, "refused"),
        (None, "refused"),
    ],
)
def test_who_was_left_out_is_known_by_place(code: object, word: str) -> None:
    """R-07: the others are sent; only a word that says so suppresses a number."""
    body = {"BroadcastID": 700001, "FailedContacts": [_failed(code, "5551230001")]}
    sender = bulk(guarded(Recorder(body)), words={"code": {"77": "disconnected"}})
    assert sender.send_bulk(BULK) == BulkHandedOver("700001", {3: word})


@pytest.mark.parametrize(
    "failed",
    [
        None,
        [],
        [_failed(1, "5559999999")],
        [_failed(1, None)],
        [{"ErrorCode": 1, "Contact": None}],
        [{}],
    ],
)
def test_what_names_nobody_leaves_nobody_out(failed: object) -> None:
    """R-10: an odd detail never makes a slice uncertain that was taken."""
    body = {"BroadcastID": 700001, "BroadcastName": None, "FailedContacts": failed}
    assert bulk(guarded(Recorder(body))).send_bulk(BULK) == BulkHandedOver("700001")


def test_a_found_broadcast_tells_who_was_left_out_too() -> None:
    """R-10: the same is known whether the answer came at once or by look-up."""
    left_out = {"FailedContacts": [_failed(3005, "5551230000")]}
    found = {"BroadcastID": 700002, "BroadcastName": BULK.reference, **left_out}
    feed = {"Size": 2, "Items": [{"BroadcastID": 1, "BroadcastName": "other"}, found]}
    handed_over = bulk(guarded(Recorder(feed))).find_bulk(BULK)
    assert handed_over == BulkHandedOver("700002", {0: "opted_out_at_carrier"})


@pytest.mark.parametrize("number_id", ["", "+15558880100", "MG1", "\u0661"])
def test_a_number_without_an_id_sends_nothing(number_id: str) -> None:
    recorder = Recorder({"BroadcastID": 700001})
    broken = dataclasses.replace(BULK, sends_from_id=number_id)
    with pytest.raises(PermanentError) as caught:
        bulk(guarded(recorder)).send_bulk(broken)
    assert (caught.value.reason, recorder.requests) == ("no_text_number", [])


def test_their_words_come_without_numbers() -> None:
    """R-10: the operator reads why, and no log learns a number."""
    body = b'{"ErrorCode":1000,"Message":"Contact 555-123-0000 cannot be texted"}'
    with pytest.raises(PermanentError) as caught:
        bulk(answering(Answer(400, body))).send_bulk(BULK)
    assert "Contact [number] cannot be texted" in str(caught.value)
