"""Twilio: the published signature vectors, forms, sends, look-ups, error numbers."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from datetime import timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest

from concord.domain.errors import (
    CredentialsRejectedError,
    OptedOutAtCarrierError,
    PermanentError,
    PlatformError,
    ThrottledError,
)
from concord.domain.events import (
    DeliveryStatus,
    Failure,
    RawRequest,
    SecretValue,
    UnparseableError,
)
from concord.domain.outbound import HandedOver
from concord.platforms.twilio.codes import FAILURES
from concord.platforms.twilio.signature import HEADER, sign, verify
from concord.platforms.twilio.webhook import STATUSES, WEBHOOK
from tests.unit.platforms.kit import NOW, TEXT, guarded
from tests.unit.platforms.twilio.case import SID, client

# github.com/twilio/twilio-python, tests/unit/test_request_validator.py
TOKEN = "12345"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FORM = {
    "CallSid": "CA1234567890ABCDE",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
    "Caller": "+14158675309",
}
JSON_BODY = b'{"property": "value", "boolean": true}'
JSON_HASH = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
FORM_TYPE = "application/x-www-form-urlencoded"


def called(
    url: str, signature: str, body: bytes, content_type: str = FORM_TYPE, method: str = "POST"
) -> RawRequest:
    headers = {HEADER: signature, "content-type": content_type}
    return RawRequest(method, headers, body, NOW, url)


VECTORS = {
    "plain": (URL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    "port removed, https": (URL.replace(".com", ".com:1234"), "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    "port kept, http": (
        URL.replace(".com", ".com:1234").replace("https", "http"),
        "Zmvh+3yNM1Phv2jhDCwEM3q5ebU=",
    ),
    "port added, https": (URL, "kvajT1Ptam85bY51eRf/AJRuM3w="),
    "port added, http": (URL.replace("https", "http"), "0ZXoZLH/DfblKGATFgpif+LLRf4="),
}


@pytest.mark.parametrize(("url", "signature"), VECTORS.values(), ids=VECTORS)
def test_the_published_vectors(url: str, signature: str) -> None:
    """Reliability 1: Twilio's own table."""
    assert verify(called(url, signature, urlencode(FORM).encode()), [TOKEN])
    assert not verify(called(url, signature, urlencode(FORM).encode()), ["54321"])


def test_the_published_vector_of_repeated_parameters() -> None:
    body = b"Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234"
    repeated = body + b"&Digits=1234"
    for form in (body, repeated):
        assert verify(called(URL, "IK+Dwps556ElfBT0I3Rgjkr1wJU=", form), [TOKEN])


def test_the_published_vector_of_a_json_body() -> None:
    url = f"{URL}&bodySHA256={JSON_HASH}"
    good = called(url, "a9nBmqA0ju/hNViExpshrM61xv4=", JSON_BODY, "application/json")
    assert verify(good, [TOKEN])
    assert not verify(dataclasses.replace(good, body=JSON_BODY + b" "), [TOKEN])


def test_a_body_that_nobody_signed_is_refused() -> None:
    """The URL's signature says nothing about a JSON body unless the URL holds its hash."""
    assert not verify(called(URL, sign(TOKEN, URL), JSON_BODY, "application/json"), [TOKEN])


def test_a_get_is_signed_by_its_url() -> None:
    assert verify(called(URL, sign(TOKEN, URL), b"", "", "GET"), [TOKEN])


def test_a_query_beside_the_url_is_part_of_it() -> None:
    bare, _, query = URL.partition("?")
    request = called(bare, sign(TOKEN, URL, FORM.items()), urlencode(FORM).encode())
    request = dataclasses.replace(request, query=tuple(parse_qsl(query)))
    assert verify(request, [TOKEN])


@pytest.mark.parametrize("url", ["", "https://[", "https://h:port/", "::::", "https://h\ud800/"])
def test_a_broken_url_is_refused(url: str) -> None:
    """Reliability 2: the verifier is total."""
    for content_type in (FORM_TYPE, "application/json"):
        assert not verify(called(url, "x", b"a=b", content_type), [TOKEN])


def test_no_token_opens_nothing() -> None:
    request = called(URL, sign("", URL, FORM.items()), urlencode(FORM).encode())
    assert not verify(request, [""])
    assert not verify(request, [])


def test_the_auth_token_signs_and_its_successor_too() -> None:
    """Our own webhook secret opens nothing here: Twilio never had it."""
    request = called(URL, sign(TOKEN, URL, FORM.items()), urlencode(FORM).encode())
    assert WEBHOOK.verify(request, (), {"auth_token": TOKEN})
    assert WEBHOOK.verify(request, (), {"auth_token": "x", "secondary_auth_token": TOKEN})
    assert not WEBHOOK.verify(request, (SecretValue(TOKEN),), {"auth_token": "x"})


# --- webhook ---------------------------------------------------------------------------------


def parse(query: tuple[tuple[str, str], ...] = (), **form: str) -> Any:
    headers = {"content-type": FORM_TYPE}
    body = urlencode({"MessageSid": "SM1", **form}).encode()
    return WEBHOOK.parse(RawRequest("POST", headers, body, NOW, URL, query), {})


@pytest.mark.parametrize(("theirs", "ours"), STATUSES.items())
def test_statuses(theirs: str, ours: DeliveryStatus) -> None:
    """R-15: accepted, sent, delivered, failed; one id per message and status."""
    parsed = parse((("ref", "r-1"),), MessageStatus=theirs)
    (receipt,) = parsed.events
    assert (receipt.status, receipt.reference, receipt.message_id) == (ours, "r-1", "SM1")
    assert receipt.event_id == parsed.event_id == f"SM1:{theirs}"


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        *FAILURES.items(),
        ("30003", Failure.SOFT),
        ("30004", Failure.SOFT),
        ("30007", Failure.SOFT),
        ("30008", Failure.SOFT),
        ("", Failure.SOFT),
        ("99999", Failure.SOFT),
    ],
)
def test_what_a_code_says_of_the_number(code: str, failure: Failure) -> None:
    """R-07: a handset that is off is no dead number; the code is kept as it came."""
    (receipt,) = parse(MessageStatus="undelivered", ErrorCode=code, To="+15551230000").events
    assert (receipt.failure, receipt.hard) == (failure, failure is Failure.HARD)
    assert (receipt.code or "", receipt.to) == (code, "+15551230000")


def test_a_code_without_a_failure_says_nothing() -> None:
    """R-07: only a text that failed speaks of its number."""
    (receipt,) = parse(MessageStatus="delivered", ErrorCode="30005").events
    assert receipt.failure is None


def test_a_status_nobody_knows_is_unknown() -> None:
    parsed = parse(MessageStatus="teleported")
    assert (parsed.events, parsed.unknown_type) == ((), "status.teleported")


def test_a_form_that_is_neither_is_unknown() -> None:
    assert parse(CallStatus="ringing").unknown_type == "unnamed"


@pytest.mark.parametrize(
    ("opt_out_type", "keyword"), [("STOP", "stop"), ("help", "help"), ("OTHER", None)]
)
def test_what_the_carrier_made_of_it(opt_out_type: str, keyword: str | None) -> None:
    parsed = parse(From="+15551230000", To="+15558880100", Body="x", OptOutType=opt_out_type)
    assert parsed.events[0].carrier_keyword == keyword


@pytest.mark.parametrize("form", [{"MessageSid": ""}, {"Body": "STOP"}])
def test_a_form_without_its_fields_is_unparseable(form: dict[str, str]) -> None:
    with pytest.raises(UnparseableError):
        parse((), **form)


def test_success_is_an_empty_reply() -> None:
    """api.md: Twilio gets 200 and `<Response/>`."""
    assert (WEBHOOK.success.status, WEBHOOK.success.body) == (200, "<Response/>")
    assert WEBHOOK.success.content_type == "text/xml"


# --- client ----------------------------------------------------------------------------------


class Recorder:
    def __init__(self, status: int, body: Any) -> None:
        self.status, self.body = status, body
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(self.status, json=self.body)

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.requests[-1].content.decode(), keep_blank_values=True))


@pytest.mark.parametrize(
    ("receipt_url", "callback"),
    [
        (None, None),
        ("https://h/w", "https://h/w?ref=confirmation-0001"),
        ("https://h/w?a=1", "https://h/w?a=1&ref=confirmation-0001"),
        ("https://h/w?ref=mine", "https://h/w?ref=mine"),
    ],
)
def test_a_send(receipt_url: str | None, callback: str | None) -> None:
    """R-15: our reference travels in the callback's query and comes back with each receipt."""
    recorder = Recorder(201, {"sid": "SM9"})
    sent = client(guarded(recorder)).send(dataclasses.replace(TEXT, receipt_url=receipt_url))
    assert sent == HandedOver("SM9")
    (request,) = recorder.requests
    assert request.url.path == f"/2010-04-01/Accounts/{SID}/Messages.json"
    assert request.headers["authorization"] == httpx.BasicAuth(SID, "auth-token")._auth_header
    expected = {"To": TEXT.to, "From": TEXT.sends_from, "Body": TEXT.body}
    assert recorder.form == (expected | {"StatusCallback": callback} if callback else expected)


def test_a_messaging_service_sends() -> None:
    recorder = Recorder(201, {"sid": "SM9"})
    service = "MG0123456789abcdef0123456789abcdef"
    client(guarded(recorder)).send(dataclasses.replace(TEXT, sends_from=service))
    assert recorder.form["MessagingServiceSid"] == service
    assert "From" not in recorder.form


def test_an_api_key_may_stand_in_for_the_token() -> None:
    recorder = Recorder(201, {"sid": "SM9"})
    client(guarded(recorder), api_key_sid="SK1", api_key_secret="s").send(TEXT)
    expected = httpx.BasicAuth("SK1", "s")._auth_header
    assert recorder.requests[0].headers["authorization"] == expected


@pytest.mark.parametrize(
    ("code", "expected", "reason"),
    [
        (20003, CredentialsRejectedError, None),
        (20429, ThrottledError, None),
        (21211, PermanentError, "invalid_number"),
        (21610, OptedOutAtCarrierError, "opted_out_at_carrier"),
        (21611, ThrottledError, None),
        (21614, PermanentError, "invalid_number"),
        (21635, PermanentError, "invalid_number"),
        (29999, PermanentError, "refused"),
    ],
)
def test_error_numbers(code: int, expected: type[PlatformError], reason: str | None) -> None:
    """R-07: provider codes are mapped in one table."""
    body = {"code": code, "message": "The number +15551230000 is not reachable", "status": 400}
    with pytest.raises(PlatformError) as caught:
        client(guarded(Recorder(400, body))).send(TEXT)
    assert type(caught.value) is expected
    assert getattr(caught.value, "reason", None) == reason
    assert "555" not in str(caught.value)


def message(sid: str, seconds: int, **changes: Any) -> dict[str, Any]:
    return {
        "sid": sid,
        "to": TEXT.to,
        "from": TEXT.sends_from,
        "body": TEXT.body,
        "direction": "outbound-api",
        "messaging_service_sid": None,
        "date_created": format_datetime(NOW + timedelta(seconds=seconds)),
        "date_sent": None,
        **changes,
    }


class TestFind:
    """R-10: `uncertain` is resolved by look-up, queued texts included."""

    @staticmethod
    def find(*messages: dict[str, Any]) -> HandedOver | None:
        return client(guarded(Recorder(200, {"messages": list(messages)}))).find(TEXT)

    def test_the_query(self) -> None:
        recorder = Recorder(200, {"messages": []})
        assert client(guarded(recorder)).find(TEXT) is None
        assert dict(recorder.requests[0].url.params) == {
            "To": TEXT.to,
            "From": TEXT.sends_from,
            "PageSize": "200",
        }

    def test_the_first_since_the_attempt(self) -> None:
        found = self.find(message("SM3", 90), message("SM2", 1), message("SM1", -11))
        assert found == HandedOver("SM2")

    @pytest.mark.parametrize(
        "changes",
        [
            {"body": "another text"},
            {"direction": "inbound"},
            {"date_created": None},
            {"messaging_service_sid": "MG1"},
        ],
    )
    def test_not_ours(self, changes: dict[str, Any]) -> None:
        assert self.find(message("SM1", 1, **changes)) is None

    def test_without_the_time_of_the_attempt_it_cannot_be_known(self) -> None:
        sender = client(guarded(Recorder(200, {"messages": []})))
        with pytest.raises(PermanentError) as caught:
            sender.find(dataclasses.replace(TEXT, attempted_at=None))
        assert caught.value.reason == "lookup_unsupported"


def test_the_check_lists_one_message() -> None:
    recorder = Recorder(200, {"messages": []})
    assert client(guarded(recorder)).check().text_numbers == ()
    assert recorder.requests[0].url.query == b"PageSize=1"


def test_the_json_hash_of_the_vector_is_sha256() -> None:
    assert hashlib.sha256(JSON_BODY).hexdigest() == JSON_HASH
    assert json.loads(JSON_BODY)["boolean"] is True
