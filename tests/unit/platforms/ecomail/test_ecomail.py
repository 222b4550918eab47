"""Ecomail: the exact request of each call, fields, bulk, statuses, events, and what is refused."""

from __future__ import annotations

import dataclasses
import json
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from concord.domain.contacts import (
    ELLITY_FIELDS,
    Contact,
    ContactList,
    FieldKind,
    SubscriberStatus,
    credit_changed,
    credits_expire,
    pin_changed,
)
from concord.domain.errors import (
    CredentialsRejectedError,
    OutcomeUnknownError,
    PermanentError,
    RetryableError,
    ThrottledError,
)
from concord.domain.outbound import AccountFacts
from concord.platforms.ecomail.client import FIELD_CONTACT, MAX_BULK
from tests.unit.platforms.ecomail.case import KEY, OUT, client
from tests.unit.platforms.kit import CONTACT, EVENT, NEW_LIST, Answer, answering, guarded

GOLDEN = Path(__file__).parent / "golden"


class Recorder:
    """Keeps the requests and answers them from a list, or all alike."""

    def __init__(self, *answers: object) -> None:
        self.requests: list[httpx.Request] = []
        self._answers = list(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return httpx.Response(200, json=answer)

    @property
    def lines(self) -> list[str]:
        return [f"{r.method} {r.url.raw_path.decode()}" for r in self.requests]

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(r.content) if r.content else None for r in self.requests]


def the_list(*keys: str) -> dict[str, Any]:
    fields = {key: {"type": "string", "name": key} for key in keys}
    return {"list": {"id": 7, "name": "L", "custom_fields": fields or []}, "subscribers": {}}


# --- the key and the lists -----------------------------------------------------------------------


def test_a_key_is_proved_by_asking_for_the_lists() -> None:
    """ECO-03, ECO-04: one call, the key in their header, and every list with its id as text."""
    recorder = Recorder([{"id": 7, "name": "Customers", "more": 1}, {"id": "8", "name": None}])
    peer = client(guarded(recorder))
    assert peer.check() == AccountFacts()
    assert peer.lists() == (ContactList("7", "Customers"), ContactList("8", "8"))
    assert recorder.lines == ["GET /lists"] * 2
    assert {request.headers["key"] for request in recorder.requests} == {KEY}


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_says_where_the_key_is(status: int) -> None:
    """ECO-20: `invalid_api_key` with the hint."""
    with pytest.raises(CredentialsRejectedError, match="check it under Manage account") as caught:
        client(answering(Answer(status, b"Unauthorized"))).check()
    assert caught.value.code == "invalid_api_key"


@pytest.mark.parametrize("lost", ["refused", "read_timeout"])
def test_a_network_error_is_no_refused_key(lost: str) -> None:
    """ECO-20: another code, so that nobody changes a key that is good."""
    with pytest.raises(RetryableError) as caught:
        client(answering(Answer(lost=lost))).check()
    assert caught.value.code == "platform_unavailable"


def test_a_list_is_made_and_named() -> None:
    """ECO-04: a missing list is made in Ecomail."""
    recorder = Recorder({"id": 9})
    assert client(guarded(recorder)).make_list(NEW_LIST) == ContactList("9", "Customers")
    assert recorder.lines == ["POST /lists"]
    assert recorder.bodies == [
        {
            "name": "Customers",
            "from_name": "Shop",
            "from_email": "shop@shop.example",
            "reply_to": "reply@shop.example",
        }
    ]


def test_a_list_whose_answer_was_lost_is_not_made_again() -> None:
    """ECO-04: two lists of one name would be the harm."""
    with pytest.raises(OutcomeUnknownError):
        client(answering(Answer(200, b'{"ok":true}'))).make_list(NEW_LIST)


# --- fields --------------------------------------------------------------------------------------


def test_only_missing_fields_are_made_and_with_their_type() -> None:
    """ECO-05: by a technical contact that gets no mail, and is removed."""
    mine = ("ellity_credit", "ellity_pin")
    after = the_list("shoe_size", *ELLITY_FIELDS)
    recorder = Recorder(the_list("Shoe_Size", *mine), {"id": 1}, {}, after)
    made = client(guarded(recorder)).ensure_fields("7", ELLITY_FIELDS)
    assert made == len(ELLITY_FIELDS) - 2
    assert recorder.lines == [
        "GET /lists/7",
        "POST /lists/7/subscribe",
        "DELETE /subscribers/concord-fields%40example.com/delete",
        "GET /lists/7",
    ]
    data = recorder.bodies[1]["subscriber_data"]
    assert (data["email"], data["status"]) == (FIELD_CONTACT, 2)
    assert data["custom_fields"].keys() == ELLITY_FIELDS.keys() - set(mine)
    assert {key: f["type"] for key, f in data["custom_fields"].items()} == {
        key: kind.value for key, kind in ELLITY_FIELDS.items() if key not in mine
    }


def test_a_second_activation_makes_none() -> None:
    """ECO-05: one look, no write; their keys are lower case whatever ours are."""
    recorder = Recorder(the_list("ellity_credit"))
    assert client(guarded(recorder)).ensure_fields("7", {"Ellity_Credit ": FieldKind.STRING}) == 0
    assert recorder.lines == ["GET /lists/7"]


def test_fields_that_did_not_come_into_being_are_an_error() -> None:
    """ECO-05: that they do is inferred, so it is looked at and never assumed."""
    recorder = Recorder(the_list(), {"id": 1}, {}, the_list("ellity_credit"))
    with pytest.raises(PermanentError) as caught:
        client(guarded(recorder)).ensure_fields("7", ELLITY_FIELDS)
    assert caught.value.reason == "fields_not_made"


def test_a_technical_contact_that_stays_is_no_failure() -> None:
    """ECO-05: it is unsubscribed; the fields are what counts."""

    def handle(request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE":
            return httpx.Response(404)
        if request.method == "POST":
            done.append(json.loads(request.content)["subscriber_data"]["email"])
        return httpx.Response(200, json=the_list(*(["a"] if done else [])))

    done: list[str] = []
    peer = client(guarded(handle), field_contact="nobody@shop.example")
    assert peer.ensure_fields("7", {"a": FieldKind.INT}) == 1
    assert done == ["nobody@shop.example"]


# --- contacts ------------------------------------------------------------------------------------


def test_a_contact_is_written_without_setting_anything_off() -> None:
    """ECO-01, ECO-10: typed fields, no status, nobody is subscribed again."""
    recorder = Recorder({"id": 1, "email": CONTACT.email})
    assert client(guarded(recorder)).upsert("7", CONTACT) is True
    assert recorder.lines == ["POST /lists/7/subscribe"]
    assert recorder.bodies == [
        {
            "subscriber_data": {
                "email": "jan@novak.example",
                "name": "Jan",
                "surname": "Novak",
                "phone": "+420601123456",
                "custom_fields": {
                    "ellity_credit": {"value": "120", "type": "string"},
                    "ellity_credit_num": {"value": 120, "type": "int"},
                    "ellity_pin": {"value": "4711", "type": "string"},
                },
            },
            "update_existing": True,
            "resubscribe": False,
            "trigger_autoresponders": False,
            "trigger_notification": False,
            "skip_confirmation": True,
        }
    ]


def test_a_known_contact_is_not_new_and_what_we_do_not_know_stays() -> None:
    """ECO-17, ECO-18: created or updated is told apart; an empty name overwrites none."""
    recorder = Recorder({"id": 1, "already_subscribed": True})
    fields = {"Ellity_Next_Expiration_Date": date(2026, 4, 1), "ellity_credit_num": None}
    peer = client(guarded(recorder), skip_confirmation=False)
    assert peer.upsert("7", Contact("a@b.example", fields=fields)) is False
    (body,) = recorder.bodies
    assert body["skip_confirmation"] is False
    assert body["subscriber_data"] == {
        "email": "a@b.example",
        "custom_fields": {
            "ellity_next_expiration_date": {"value": "2026-04-01", "type": "date"},
            "ellity_credit_num": {"value": "", "type": "int"},
        },
    }


def test_keys_that_are_one_to_ecomail_are_refused_before_the_call() -> None:
    """Platform page: keys are case-insensitive, duplicates rejected."""
    recorder = Recorder({})
    with pytest.raises(PermanentError) as caught:
        client(guarded(recorder)).upsert("7", Contact("a@b.example", fields={"A": 1, "a ": 2}))
    assert caught.value.reason == "duplicate_field"
    assert recorder.requests == []


@pytest.mark.parametrize(
    ("count", "parts"), [(0, []), (1, [1]), (MAX_BULK, [3000]), (6001, [3000, 3000, 1])]
)
def test_bulk_is_cut_where_ecomail_would_drop_the_rest(count: int, parts: list[int]) -> None:
    """ECO-18: at most 3,000 with a call, everybody once and in order."""
    recorder = Recorder({"inserts": 2})
    contacts = [Contact(f"c{n}@shop.example") for n in range(count)]
    assert client(guarded(recorder)).upsert_many("7", contacts) == 2 * len(parts)
    assert recorder.lines == ["POST /lists/7/subscribe-bulk"] * len(parts)
    sent = [body["subscriber_data"] for body in recorder.bodies]
    assert [len(part) for part in sent] == parts
    assert [one["email"] for part in sent for one in part] == [each.email for each in contacts]
    for body in recorder.bodies:
        assert (body["update_existing"], body["resubscribe"]) == (True, False)


def test_a_bulk_that_fails_ends_there() -> None:
    """ECO-18: the caller repeats it: what was done is done again without harm."""
    calls: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        good = len(calls) == 1
        return httpx.Response(200, json={"inserts": 1}) if good else httpx.Response(429)

    with pytest.raises(ThrottledError):
        client(guarded(handle)).upsert_many("7", [CONTACT] * (3 * MAX_BULK))
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (1, SubscriberStatus.SUBSCRIBED),
        (2, SubscriberStatus.UNSUBSCRIBED),
        (3, SubscriberStatus.SOFT_BOUNCED),
        (4, SubscriberStatus.HARD_BOUNCED),
        (5, SubscriberStatus.COMPLAINED),
        (6, SubscriberStatus.UNCONFIRMED),
        (7, SubscriberStatus.UNKNOWN),
        (None, SubscriberStatus.UNKNOWN),
    ],
)
def test_a_contact_is_read_back(number: int | None, status: SubscriberStatus) -> None:
    """ECO-10: status by their table; fields as text whichever way they show them."""
    theirs = {
        "A": "x",
        "b": {"value": 12, "type": "int"},
        "c": None,
        "d": 3.0,
        "e": "2026-04-01 00:00:00",
    }
    shown = {"email": "a@b.example", "status": number, "custom_fields": theirs}
    recorder = Recorder({"subscriber": shown})
    found = client(guarded(recorder)).subscriber("7", "a+b/c@b.example")
    assert recorder.lines == ["GET /lists/7/subscriber/a%2Bb%2Fc%40b.example"]
    assert found is not None
    assert found.status is status
    assert found.fields == {"a": "x", "b": "12", "c": "", "d": "3", "e": "2026-04-01 00:00:00"}
    assert found.shows({"A ": "x", "b": 12, "c": None, "d": 3, "e": date(2026, 4, 1), "z": None})
    assert not found.shows({"b": 13})
    assert not found.shows({"z": "x"})
    assert not found.shows({"e": date(2026, 4, 2)})


def test_a_contact_without_fields_arrives_as_an_empty_list() -> None:
    """Platform page: PHP spells an empty map as []."""
    answer = Answer(body=b'{"subscriber":{"email":"a@b.example","status":1,"custom_fields":[]}}')
    found = client(answering(answer)).subscriber("7", "a@b.example")
    assert found is not None
    assert found.fields == {}


def test_who_is_not_in_the_list_is_none() -> None:
    assert client(answering(Answer(404, b"{}"))).subscriber("7", "a@b.example") is None


# --- consent -------------------------------------------------------------------------------------


def test_an_opt_out_takes_her_off_the_list() -> None:
    """Promise 2: what she said to us holds there too; by API this fires no webhook."""
    recorder = Recorder({"id": 1, "status": 2})
    assert client(guarded(recorder), list_id=7).set_consent(OUT) is True
    assert recorder.lines == ["DELETE /lists/7/unsubscribe"]
    assert recorder.bodies == [{"email": CONTACT.email}]


def test_an_opt_in_brings_back_who_left() -> None:
    """The one call that does, because she said so herself; nothing is set off by it."""
    recorder = Recorder({"id": 1})
    back = dataclasses.replace(OUT, opted_in=True)
    assert client(guarded(recorder), list_id="7").set_consent(back) is True
    assert recorder.lines == ["POST /lists/7/subscribe"]
    (body,) = recorder.bodies
    assert body["subscriber_data"] == {"email": CONTACT.email, "status": 1}
    assert (body["resubscribe"], body["trigger_autoresponders"]) == (True, False)


def test_who_is_not_in_the_list_is_unmatched() -> None:
    assert client(answering(Answer(404, b"{}")), list_id="7").set_consent(OUT) is False


def test_without_a_list_nothing_is_called() -> None:
    """ECO-04: no list is chosen yet."""
    recorder = Recorder({})
    with pytest.raises(PermanentError) as caught:
        client(guarded(recorder)).set_consent(OUT)
    assert caught.value.reason == "no_list"
    assert recorder.requests == []


# --- events --------------------------------------------------------------------------------------


def test_the_three_events_are_as_written_down() -> None:
    """ECO-06, ECO-07, ECO-08, ECO-09: the golden file; a PIN event has no PIN."""
    recorder = Recorder({"id": 1})
    peer = client(guarded(recorder))
    for event in (
        credit_changed("jan@novak.example", 120, -20),
        credits_expire("jan@novak.example", 45, date(2026, 4, 1)),
        pin_changed("jan@novak.example"),
    ):
        peer.emit(event)
    assert recorder.lines == ["POST /tracker/events"] * 3
    assert recorder.bodies == json.loads((GOLDEN / "tracker_events.json").read_text())


def test_an_event_of_nobody_says_so() -> None:
    """Platform page: the contact has to be in a list."""
    with pytest.raises(PermanentError) as caught:
        client(answering(Answer(404, b'{"errors":"jan@novak.example is unknown"}'))).emit(EVENT)
    assert caught.value.reason == "unknown_subscriber"
    assert "novak" not in str(caught.value)


def test_an_event_is_not_cut_short() -> None:
    """Platform page: a value has at most 20,000 characters."""
    recorder = Recorder({})
    long = dataclasses.replace(EVENT, value={"x": "y" * 20_000})
    with pytest.raises(PermanentError) as caught:
        client(guarded(recorder)).emit(long)
    assert caught.value.reason == "value_too_long"
    assert recorder.requests == []
    client(guarded(recorder)).emit(dataclasses.replace(EVENT, value="y" * 20_000))
    assert len(recorder.requests) == 1


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"errors": {"email": ["Novak"], "subscriber_data.name": ["x"]}}, "errors in email"),
        ({"errors": "the list is full"}, "the list is full"),
        ({"message": "no such thing as jan@novak.example"}, "no such thing as [address]"),
        ({"errors": {}}, "no words"),
        (["what", "ever"], "no words"),
    ],
)
def test_their_words_come_without_what_is_personal(body: object, said: str) -> None:
    """ECO-20: error bodies have no common shape."""
    answer = Answer(422, json.dumps(body).encode())
    with pytest.raises(PermanentError) as caught:
        client(answering(answer)).upsert("7", CONTACT)
    assert said in str(caught.value)
    assert "ovak" not in str(caught.value)


def test_nothing_personal_stands_in_a_repr() -> None:
    """ECO-09: a repr ends in a log sooner or later."""
    answer = {"email": CONTACT.email, "status": 1, "custom_fields": {"ellity_pin": "4711"}}
    body = json.dumps({"subscriber": answer}).encode()
    found = client(answering(Answer(body=body))).subscriber("7", "x")
    shown = repr([CONTACT, EVENT, found, NEW_LIST])
    for personal in ("novak", "Novak", "Jan", "420601", "4711", "shop@"):
        assert personal not in shown


def test_a_list_id_stays_in_its_place() -> None:
    """Reliability 2: an id from the settings cannot lead to another path."""
    recorder = Recorder(the_list("a"))
    client(guarded(recorder)).ensure_fields("7/../../x?y", {"a": FieldKind.INT})
    assert recorder.lines == ["GET /lists/7%2F..%2F..%2Fx%3Fy"]
