"""CATAPULT: paths, fields and header from the settings; unmatched; its error codes."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import httpx
import pytest

from concord.domain.errors import (
    CredentialsRejectedError,
    PermanentError,
    PlatformError,
    RetryableError,
)
from concord.domain.events import RawRequest, UnparseableError
from concord.platforms.catapult.client import ERRORS
from concord.platforms.catapult.webhook import WEBHOOK
from tests.unit.platforms.catapult.case import client
from tests.unit.platforms.kit import NOW, PUSH, Answer, answering, guarded


class Recorder:
    """Answers by shopper id, 200 for everybody else; `code` is that of an error that is no 404."""

    def __init__(self, *, code: int = 2, **statuses: int) -> None:
        self.code = code
        self.statuses = statuses
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        named = request.content.decode() + request.url.raw_path.decode()
        for shopper, status in self.statuses.items():
            if shopper.replace("_", "-") in named:
                code = 2 if status == 404 else self.code
                return httpx.Response(status, json={"code": code, "description": "No"})
        return httpx.Response(200, json={"updated": 1})

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.requests]


def test_the_flag_is_set_per_number() -> None:
    """TEA-17: the shop shows the opt-out on the number, for every shopper who carries it."""
    recorder = Recorder()
    assert client(guarded(recorder)).set_consent(PUSH) is True
    (request,) = recorder.requests
    assert (request.method, request.url.raw_path) == ("PUT", b"/accounts/cat-1/text-consents")
    assert request.headers["x-api-key"] == "catapult-key"
    assert request.headers["idempotency-key"] == "push-0001"
    assert recorder.bodies == [
        {"phone": "+15551230000", "opted_in": False, "changed_at": "2026-03-01T10:00:01.000000Z"}
    ]


def test_their_real_names_are_settings() -> None:
    """Platform page: host, paths, header and field names are not public."""
    recorder = Recorder()
    renamed = client(
        guarded(recorder),
        auth_header="X-Passport-Key",
        paths={"set_consent": "/passport/{account_id}/phones/{phone}"},
        fields={"opted_in": "TextMarketing", "changed_at": "Changed"},
    )
    assert renamed.set_consent(PUSH)
    (request,) = recorder.requests
    assert request.url.raw_path == b"/passport/cat-1/phones/%2B15551230000"
    assert request.headers["x-passport-key"] == "catapult-key"
    assert "x-api-key" not in request.headers
    assert recorder.bodies == [
        {"phone": "+15551230000", "TextMarketing": False, "Changed": "2026-03-01T10:00:01.000000Z"}
    ]


@pytest.mark.parametrize(
    "settings",
    [{"fields": {"shopper_id": "customer"}}, {"paths": {"set_consent": "/customers/{shopper_id}"}}],
)
def test_one_call_per_shopper_where_they_want_one(settings: dict[str, Any]) -> None:
    recorder = Recorder()
    assert client(guarded(recorder), **settings).set_consent(PUSH)
    assert len(recorder.requests) == 2
    if "fields" in settings:
        assert [body["customer"] for body in recorder.bodies] == ["s-1", "s-2"]
    else:
        targets = [request.url.raw_path for request in recorder.requests]
        assert targets == [b"/customers/s-1", b"/customers/s-2"]
    keys = {request.headers["idempotency-key"] for request in recorder.requests}
    assert len(keys) == 2, "the second call must not be taken for a repeat of the first"
    assert not any("s-1" in key for key in keys)


@pytest.mark.parametrize(
    ("statuses", "matched"),
    [({"s_1": 404}, True), ({"s_2": 404}, True), ({"s_1": 404, "s_2": 404}, False)],
)
def test_matched_when_any_shopper_was_reached(statuses: dict[str, int], matched: bool) -> None:
    recorder = Recorder(**statuses)
    peer = client(guarded(recorder), fields={"shopper_id": "customer"})
    assert peer.set_consent(PUSH) is matched
    assert len(recorder.requests) == 2, "nobody is left out after the first success"


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ({"s_1": 409}, PermanentError),
        ({"s_2": 409}, PermanentError),
        ({"s_1": 409, "s_2": 503}, RetryableError),
        ({"s_1": 503, "s_2": 409}, RetryableError),
        ({"s_1": 409, "s_2": 401}, CredentialsRejectedError),
        ({"s_1": 404, "s_2": 409}, PermanentError),
    ],
)
def test_one_shoppers_refusal_keeps_no_other_from_being_told(
    statuses: dict[str, int], expected: type[PlatformError]
) -> None:
    """Promise 2: both carry the number, so both show the opt-out; what may heal is repeated."""
    recorder = Recorder(code=9, **statuses)
    peer = client(guarded(recorder), fields={"shopper_id": "customer"})
    with pytest.raises(expected) as caught:
        peer.set_consent(PUSH)
    assert type(caught.value) is expected
    assert [body["customer"] for body in recorder.bodies] == ["s-1", "s-2"]


def test_nobody_to_name_is_unmatched_without_a_call() -> None:
    recorder = Recorder()
    peer = client(guarded(recorder), fields={"shopper_id": "customer"})
    assert peer.set_consent(dataclasses.replace(PUSH, shopper_ids=())) is False
    assert recorder.requests == []


@pytest.mark.parametrize(
    ("status", "body", "matched"),
    [
        (200, b'{"updated":2}', True),
        (200, b'{"updated":0}', False),
        (200, b"OK", True),
        (204, b"", True),
        (404, b'{"code":2,"description":"No shopper"}', False),
    ],
)
def test_matched_or_not(status: int, body: bytes, matched: bool) -> None:
    """Walk 2: a number that no shopper carries waits as unmatched."""
    assert client(answering(Answer(status, body))).set_consent(PUSH) is matched


@pytest.mark.parametrize(
    "body",
    [b'{"code":4,"description":"No path"}', b"", b'{"message":"Not Found"}', b"<h1>404</h1>"],
)
def test_a_wrong_path_is_not_taken_for_unmatched(body: bytes) -> None:
    """Promise 2: a web server says 404 without a code, and it says nothing about a shopper."""
    with pytest.raises(PermanentError) as caught:
        client(answering(Answer(404, body))).set_consent(PUSH)
    assert caught.value.reason == "not_found"


OUTCOMES: dict[int, tuple[type[PlatformError], str | None]] = {
    1: (CredentialsRejectedError, None),
    3: (PermanentError, "invalid_program"),
    4: (RetryableError, None),
    5: (PermanentError, "insufficient_balance"),
    6: (PermanentError, "already_complete"),
    7: (PermanentError, "idempotency_reused"),
    8: (PermanentError, "idempotency_reused"),
    9: (PermanentError, "zero_points"),
    10: (PermanentError, "no_preauthorization"),
    11: (PermanentError, "refused"),
}


@pytest.mark.parametrize(("code", "expected"), OUTCOMES.items())
def test_error_codes(code: int, expected: tuple[type[PlatformError], str | None]) -> None:
    """R-07: provider codes are mapped in one table."""
    body = json.dumps({"code": code, "description": "Not for 555 123 0000"}).encode()
    with pytest.raises(PlatformError) as caught:
        client(answering(Answer(400, body))).set_consent(PUSH)
    assert (type(caught.value), getattr(caught.value, "reason", None)) == expected
    assert "123" not in str(caught.value)


def test_the_table_is_complete() -> None:
    assert set(ERRORS) == set(range(1, 11))


def test_code_2_under_any_status_is_unmatched() -> None:
    assert client(answering(Answer(400, b'{"code":2}'))).set_consent(PUSH) is False


def test_the_check_reads_the_account() -> None:
    body = b'{"account_id":"cat-1","name":"Shop"}'
    assert client(answering(Answer(200, body))).check().text_numbers == ()


def test_a_key_of_another_account_is_noticed() -> None:
    with pytest.raises(PermanentError) as caught:
        client(answering(Answer(200, b'{"account_id":"cat-2"}'))).check()
    assert caught.value.reason == "wrong_account"


CONSENT = {"type": "consent", "id": "c1", "action": "opt_out", "channel": "sms", "point": "+1555"}


@pytest.mark.parametrize("change", [{"channel": "fax"}, {"point": ""}, {"action": 7.5}])
def test_a_consent_needs_its_fields(change: dict[str, Any]) -> None:
    request = RawRequest("POST", {}, json.dumps({**CONSENT, **change}).encode(), NOW)
    with pytest.raises(UnparseableError):
        WEBHOOK.parse(request, {})


def test_an_unknown_action_is_unknown() -> None:
    body = json.dumps({**CONSENT, "action": "pause"}).encode()
    parsed = WEBHOOK.parse(RawRequest("POST", {}, body, NOW), {})
    assert (parsed.events, parsed.unknown_type) == ((), "consent")
