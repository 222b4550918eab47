"""Text-Em-All: OAuth vectors, what goes over the wire, paging, look-ups, errors."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from concord.domain.errors import OptedOutAtCarrierError, PermanentError
from concord.domain.events import (
    DeliveryReceipt,
    Failure,
    InboundText,
    RawRequest,
    UnparseableError,
)
from concord.domain.outbound import ConsentPush, Endpoint, HandedOver
from concord.platforms.text_em_all.client import TextEmAllClient
from concord.platforms.text_em_all.codes import FAILURES
from concord.platforms.text_em_all.oauth import OAuth1, base_string, signature
from concord.platforms.text_em_all.webhook import WEBHOOK
from sandbox.platforms.text_em_all import oauth as receiving_side
from tests.unit.platforms.kit import NOW, PUSH, TEXT, Answer, answering, guarded
from tests.unit.platforms.text_em_all.case import client

SENT = {"ConversationID": 500001, "LastMessage": {"TextMessageID": 500002}}


class Recorder:
    """Answers from a list, the last one for ever, and keeps the requests."""

    def __init__(self, *answers: tuple[int, Any]) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return httpx.Response(status, json=body)

    @property
    def body(self) -> Any:
        return json.loads(self.requests[-1].content)

    @property
    def target(self) -> str:
        return self.requests[-1].url.raw_path.decode()


# --- OAuth -----------------------------------------------------------------------------------


def test_the_base_string_of_rfc_5849() -> None:
    """Section 3.4.1.1: repeated names, empty values, reserved characters, a form's parameters."""
    url = httpx.URL("http://example.com/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b")
    parameters = [
        ("oauth_consumer_key", "9djdj82h48djs9d2"),
        ("oauth_token", "kkk9d7dh3k39sjv7"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "137131201"),
        ("oauth_nonce", "7d8f3e4a"),
        ("c2", ""),
        ("a3", "2 q"),
    ]
    assert base_string("post", url, parameters) == (
        "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D"
        "%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3"
        "e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk"
        "9d7dh3k39sjv7"
    )


def test_the_signature_of_rfc_5849() -> None:
    """Section 1.2, the photo request."""
    url = httpx.URL("http://photos.example.net/photos?file=vacation.jpg&size=original")
    parameters = [
        ("oauth_consumer_key", "dpf43f3p2l4k3l03"),
        ("oauth_token", "nnch734d00sl2jdk"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "137131202"),
        ("oauth_nonce", "chapoH"),
    ]
    base = base_string("GET", url, parameters)
    assert signature(base, "kd94hf93k423kf44", "pfkkdhi9sl3r4s00") == "MdpQcU8iPSUjWoN/UDMsK2sui9I="


@pytest.mark.parametrize(
    "url",
    [
        "https://rest.text-em-all.com/v1/textnumbers?page=1&pagesize=100",
        "https://REST.text-em-all.com:443/v1/conversations?IntegrationData~eq~a.b~c%2Bd",
        "http://127.0.0.1:8000/v1/contacts/%2B1555?x=a+b&x=%C3%B6",
        "https://rest.text-em-all.com",
    ],
)
def test_an_independent_receiver_accepts_the_signature(url: str) -> None:
    """The sandbox verifies from the RFC alone, with code of its own."""
    auth = OAuth1("key ö", "secret&%", "token", clock=lambda: 1_772_359_201.9)
    request = next(auth.auth_flow(httpx.Request("PUT", url)))
    header = receiving_side.parse_header(request.headers["authorization"])
    receiving_side.verify(header, "PUT", str(request.url), "secret&%")
    assert header.parameters["oauth_timestamp"] == "1772359201"


def test_every_request_has_its_own_nonce() -> None:
    recorder = Recorder((200, SENT))
    sender = client(guarded(recorder))
    sender.send(TEXT)
    sender.send(TEXT)
    nonces = {
        receiving_side.parse_header(request.headers["authorization"]).parameters["oauth_nonce"]
        for request in recorder.requests
    }
    assert len(nonces) == 2


@pytest.mark.parametrize(
    ("settings", "more", "secret", "token_secret"),
    [
        ({}, {}, "Consumer-Secret", ""),
        ({}, {"token_secret": "Token-Secret"}, "Consumer-Secret", "Token-Secret"),
        # Settings are shown by our API: no secret is taken from there.
        ({"token_secret": "Token-Secret"}, {}, "Consumer-Secret", ""),
        ({"lowercase_credentials": True}, {}, "consumer-secret", ""),
    ],
)
def test_what_the_signature_is_made_with(
    settings: Mapping[str, Any], more: Mapping[str, str], secret: str, token_secret: str
) -> None:
    """Platform page: the token secret is empty, and keys keep their case, unless said otherwise."""
    recorder = Recorder((200, SENT))
    given = {"consumer_key": "K", "consumer_secret": "Consumer-Secret", "access_token": "T", **more}
    endpoint = Endpoint("tea-1", "https://api.example.com/v1", settings, given)
    TextEmAllClient(endpoint, guarded(recorder)).send(TEXT)
    request = recorder.requests[-1]
    header = receiving_side.parse_header(request.headers["authorization"])
    signed = [(n, v) for n, v in header.parameters.items() if n != "oauth_signature"]
    # The network was reached by address; what is signed is the name.
    url = request.url.copy_with(host="api.example.com")
    expected = signature(base_string("POST", url, signed), secret, token_secret)
    assert header.parameters["oauth_signature"] == expected


# --- sending ---------------------------------------------------------------------------------


def test_a_text_is_a_conversation_with_our_reference() -> None:
    """R-10: the reference travels with the text, so a lost answer can be looked up."""
    recorder = Recorder((200, SENT))
    assert client(guarded(recorder)).send(TEXT) == HandedOver("500002")
    assert recorder.target == "/v1/conversations"
    assert recorder.body == {
        "TextNumberID": 1001,
        "LastMessage": {
            "Message": TEXT.body,
            "TruncateIfExceedsLimit": False,
            "Contact": {"PrimaryPhone": "5551230000"},
        },
        "IntegrationData": "confirmation-0001",
    }


def test_a_conversation_without_a_text_id_is_named_by_itself() -> None:
    sender = client(guarded(Recorder((200, {"ConversationID": 7}))))
    assert sender.send(TEXT) == HandedOver("7")


@pytest.mark.parametrize("number_id", ["", "abc", "\uff11\uff10"])
def test_a_number_without_an_id_sends_nothing(number_id: str) -> None:
    recorder = Recorder((200, SENT))
    with pytest.raises(PermanentError) as caught:
        client(guarded(recorder)).send(dataclasses.replace(TEXT, sends_from_id=number_id))
    assert caught.value.reason == "no_text_number"
    assert recorder.requests == []


def test_error_3005_is_an_opt_out() -> None:
    """R-07: every recipient opted out there, so the consent follows and nobody retries."""
    body = {"ErrorCode": 3005, "ErrorName": "NoValidBroadcastContacts", "Message": "No contacts"}
    with pytest.raises(OptedOutAtCarrierError) as caught:
        client(guarded(Recorder((400, body)))).send(TEXT)
    assert caught.value.reason == "opted_out_at_carrier"


def test_their_words_come_without_numbers() -> None:
    body = {"ErrorCode": 1, "Message": "Contact 555-123-0000 (jo@example.com) is not valid"}
    with pytest.raises(PermanentError) as caught:
        client(guarded(Recorder((400, body)))).send(TEXT)
    assert str(caught.value) == "status 400: Contact [number] [address] is not valid"


class TestFind:
    """R-10: `uncertain` is resolved by look-up."""

    def test_by_reference(self) -> None:
        item = {**SENT, "IntegrationData": TEXT.reference}
        recorder = Recorder((200, {"Size": 1, "Items": [item]}))
        assert client(guarded(recorder)).find(TEXT) == HandedOver("500002")
        assert recorder.target == "/v1/conversations?IntegrationData~eq~confirmation-0001"

    def test_not_there(self) -> None:
        assert client(guarded(Recorder((200, {"Size": 0, "Items": []})))).find(TEXT) is None

    @pytest.mark.parametrize(
        "answer",
        [
            (200, {"Size": 9, "Items": [{**SENT, "IntegrationData": "another"}]}),
            (400, {"ErrorCode": 1001, "Message": "Unknown parameter"}),
            (404, {}),
        ],
    )
    def test_a_filter_that_is_not_applied_proves_nothing(self, answer: tuple[int, Any]) -> None:
        with pytest.raises(PermanentError) as caught:
            client(guarded(Recorder(answer))).find(TEXT)
        assert caught.value.reason == "lookup_unsupported"


# --- consent ---------------------------------------------------------------------------------


def test_the_opt_state_is_set_by_number() -> None:
    """TEA-17: both sides show the opt-out."""
    recorder = Recorder((200, {"PrimaryPhone": "5551230000", "OptedIn": False}))
    assert client(guarded(recorder)).set_consent(PUSH) is True
    assert recorder.requests[-1].method == "PUT"
    assert recorder.target == "/v1/contacts/optstate"
    assert recorder.body == {
        "PrimaryPhone": "5551230000",
        "OptedIn": False,
        "IntegrationData": "push-0001",
    }


def test_the_path_of_the_opt_state_is_a_setting() -> None:
    recorder = Recorder((204, None))
    abroad = dataclasses.replace(PUSH, point="+445551230000")
    paths = {"opt_state": "/phones/{phone}/state"}
    assert client(guarded(recorder), paths=paths).set_consent(abroad)
    assert recorder.target == "/v1/phones/445551230000/state"


def test_an_unknown_contact_is_unmatched() -> None:
    body = b'{"ErrorCode":1003,"ErrorName":"ContactNotFound","Message":"No such contact"}'
    assert client(answering(Answer(404, body))).set_consent(PUSH) is False


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"<h1>Not Found</h1>", b'{"ErrorCode":404,"Message":"No such resource"}']
)
def test_a_wrong_path_is_not_taken_for_unmatched(body: bytes) -> None:
    """Promise 2: the path is a guess; were its 404 an answer, every opt-out would pass for told."""
    with pytest.raises(PermanentError) as caught:
        client(answering(Answer(404, body))).set_consent(PUSH)
    assert caught.value.reason == "not_found"


def test_their_real_code_is_a_setting() -> None:
    """Platform page: the opt state is unknown, so its codes are settings like its path."""
    settings = {"unmatched_codes": [77]}
    unknown = answering(Answer(404, b'{"ErrorCode":77}'))
    assert client(unknown, **settings).set_consent(PUSH) is False
    with pytest.raises(PermanentError):
        client(answering(Answer(404, b'{"ErrorCode":1003}')), **settings).set_consent(PUSH)


def test_email_has_no_opt_state() -> None:
    push = ConsentPush("shopper@example.com", "email", False, NOW, "push-0002")
    with pytest.raises(PermanentError) as caught:
        client(answering(Answer(200))).set_consent(push)
    assert caught.value.reason == "unsupported_channel"


# --- check -----------------------------------------------------------------------------------


def test_text_numbers_come_oldest_first_over_all_pages() -> None:
    """TEA-23: the first text number of the account is the one with the lowest TextNumberID."""

    def numbers(*ids: int) -> list[dict[str, Any]]:
        return [{"TextNumberID": i, "TextPhoneNumber": f"555888{i:04}"} for i in ids]

    recorder = Recorder(
        (200, {"Size": 5, "Items": numbers(7, 3), "Next": "https://evil.com"}),
        (200, {"Size": 5, "Items": numbers(9, 1)}),
        (200, {"Size": 5, "Items": numbers(2)}),
    )
    facts = client(guarded(recorder)).check()
    assert facts.text_numbers == (
        ("+15558880001", "1"),
        ("+15558880002", "2"),
        ("+15558880003", "3"),
        ("+15558880007", "7"),
        ("+15558880009", "9"),
    )
    pages = [request.url.raw_path.decode() for request in recorder.requests]
    assert pages == [f"/v1/textnumbers?page={page}&pagesize=100" for page in (1, 2, 3)]


def test_paging_ends_when_their_count_is_wrong() -> None:
    recorder = Recorder((200, {"Size": 99, "Items": []}))
    assert client(guarded(recorder)).check().text_numbers == ()
    assert len(recorder.requests) == 1


# --- webhook ---------------------------------------------------------------------------------


def parse(body: object, settings: Mapping[str, Any] | None = None) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WEBHOOK.parse(RawRequest("POST", {}, raw, NOW), settings or {})


INBOUND = {"type": "inbound_text", "id": "in_1", "from": "5551230000", "to": "292929", "text": "x"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b'"STOP"',
        b"[" * 100_000,
        {**INBOUND, "type": None},
        {**INBOUND, "id": {"a": 1}},
        {**INBOUND, "id": None},
        {**INBOUND, "id": "x" * 201},
        {**INBOUND, "from": True},
        {key: value for key, value in INBOUND.items() if key != "from"},
    ],
)
def test_what_is_not_the_contract_is_unparseable(body: object) -> None:
    """Walk 1: such a body is kept as failed and replayed later; no message quotes it."""
    with pytest.raises(UnparseableError) as caught:
        parse(body)
    assert "555" not in str(caught.value)


@pytest.mark.parametrize("at", ["yesterday", 5, "2026-03-01T10:00:00", None, {"a": 1}])
def test_a_broken_clock_does_not_hold_up_a_stop(at: object) -> None:
    """Promise 2: a STOP whose time cannot be read counts from when we received it."""
    (event,) = parse({**INBOUND, "text": "STOP", "at": at}).events
    assert isinstance(event, InboundText)
    assert (event.text, event.occurred_at) == ("STOP", None)


def test_a_short_code_stays_as_it_is() -> None:
    (event,) = parse(INBOUND).events
    assert (event.sender, event.to) == ("+15551230000", "292929")


def test_half_an_emoji_can_be_stored() -> None:
    (event,) = parse(
        b'{"type":"inbound_text","id":"1","from":"2","to":"3","text":"STOP \\ud83d"}'
    ).events
    assert event.text == "STOP ?"


@pytest.mark.parametrize(
    ("theirs", "shown"), [("call_started", "call_started"), ("for 5551230000", "unprintable")]
)
def test_an_unknown_type_is_named_without_its_numbers(theirs: str, shown: str) -> None:
    parsed = parse({**INBOUND, "type": theirs})
    assert parsed.events == ()
    assert parsed.unknown_type == shown


def test_an_unknown_delivery_status_is_unknown() -> None:
    parsed = parse({"type": "delivery", "id": "dl_1", "status": "pondering"})
    assert (parsed.events, parsed.unknown_type) == ((), "delivery")


def _delivery(settings: Mapping[str, Any], **changes: object) -> DeliveryReceipt:
    body = {"type": "delivery", "id": "dl_1", "status": "failed", "to": "5551230000", **changes}
    request = RawRequest("POST", {}, json.dumps(body).encode(), NOW)
    (event,) = WEBHOOK.parse(request, settings).events
    assert isinstance(event, DeliveryReceipt)
    return event


@pytest.mark.parametrize(
    ("code", "failure"),
    [*FAILURES.items(), ("E404", Failure.SOFT), (3005, Failure.SOFT), (None, Failure.SOFT)],
)
def test_what_a_code_says_of_the_number(code: object, failure: Failure) -> None:
    """R-07: only a word that is known to say so suppresses a number."""
    receipt = _delivery({}, code=code)
    assert (receipt.failure, receipt.hard) == (failure, failure is Failure.HARD)


def test_their_codes_are_a_setting_and_kept_as_they_came() -> None:
    """R-07, R-15: a report of a text to many tells by its number whose it is."""
    words = {"code": {"3005": "opted_out", "77": "landline"}}
    receipt = _delivery({"words": words}, code=77, reference="b.000001.0")
    assert (receipt.failure, receipt.code) == (Failure.HARD, "77")
    assert (receipt.to, receipt.reference) == ("+15551230000", "b.000001.0")
    assert _delivery({"words": words}, code=3005).failure is Failure.OPTED_OUT
    assert _delivery({"words": {"code": {"77": 5}}}, code=77).failure is Failure.SOFT


def test_a_delivery_without_a_status_is_unparseable() -> None:
    with pytest.raises(UnparseableError):
        _delivery({}, status=None)


def test_the_signed_header_names_a_body_without_an_id() -> None:
    body = json.dumps({key: value for key, value in INBOUND.items() if key != "id"}).encode()
    parsed = WEBHOOK.parse(RawRequest("POST", {"webhook-id": "msg_9"}, body, NOW), {})
    assert parsed.events[0].event_id == parsed.event_id == "msg_9"
