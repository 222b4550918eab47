"""AWS End User Messaging: what is sent, what its exceptions mean, what its topic brings."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError

from concord.domain.errors import (
    CredentialsRejectedError,
    OptedOutAtCarrierError,
    OutcomeUnknownError,
    PermanentError,
    PlatformError,
    RetryableError,
    ThrottledError,
)
from concord.domain.events import DeliveryReceipt, DeliveryStatus, Failure, UnparseableError
from concord.domain.outbound import Endpoint
from concord.platforms.aws_messaging import client as module
from concord.platforms.aws_messaging.client import AwsTextSender
from concord.platforms.aws_messaging.codes import FAILURES
from concord.platforms.aws_messaging.topic import AwsTopic
from concord.platforms.aws_messaging.webhook import IGNORED, STATUSES, parse, parse_sms
from concord.platforms.checked import Fields
from tests.unit.platforms.aws_messaging.case import CASE, sender
from tests.unit.platforms.kit import TEXT, Answer


def test_a_send_carries_our_reference_in_its_context() -> None:
    """R-15: Context comes back with each delivery event."""
    seen: list[Mapping[str, Any]] = []
    sender(Answer(200, CASE.accepted), seen).send(TEXT)
    assert seen == [
        {
            "DestinationPhoneNumber": "+15551230000",
            "OriginationIdentity": "+15558880100",
            "MessageBody": TEXT.body,
            "MessageType": "PROMOTIONAL",
            "Context": {"reference": "confirmation-0001"},
        }
    ]


def test_options_come_from_the_settings() -> None:
    seen: list[Mapping[str, Any]] = []
    answer = Answer(200, CASE.accepted)
    options = {"configuration_set": "receipts", "message_type": "TRANSACTIONAL"}
    sender(answer, seen, **options).send(TEXT)
    assert seen[0]["ConfigurationSetName"] == "receipts"
    assert seen[0]["MessageType"] == "TRANSACTIONAL"


@pytest.mark.parametrize(
    ("status", "code", "reason", "expected", "ours"),
    [
        (
            400,
            "ConflictException",
            "DESTINATION_PHONE_NUMBER_OPTED_OUT",
            OptedOutAtCarrierError,
            "opted_out_at_carrier",
        ),
        (
            400,
            "ConflictException",
            "DESTINATION_PHONE_NUMBER_NOT_VERIFIED",
            PermanentError,
            "destination_phone_number_not_verified",
        ),
        (
            400,
            "ServiceQuotaExceededException",
            "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT",
            PermanentError,
            "monthly_spend_limit_reached_for_text",
        ),
        (400, "ResourceNotFoundException", None, PermanentError, "resourcenotfoundexception"),
        (400, "ThrottlingException", None, ThrottledError, None),
        (400, "AccessDeniedException", "ACCOUNT_DISABLED", CredentialsRejectedError, None),
        (403, "ExpiredTokenException", None, CredentialsRejectedError, None),
        (500, "InternalServerException", None, OutcomeUnknownError, None),
        (503, "ServiceUnavailableException", None, RetryableError, None),
    ],
)
def test_exceptions(
    status: int, code: str, reason: str | None, expected: type[PlatformError], ours: str | None
) -> None:
    """R-07: provider codes are mapped in one table."""
    body = {"__type": code, "Message": "for +15551230000", **({"Reason": reason} if reason else {})}
    with pytest.raises(PlatformError) as caught:
        sender(Answer(status, json.dumps(body).encode())).send(TEXT)
    assert type(caught.value) is expected
    assert getattr(caught.value, "reason", None) == ours
    assert "555" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (["DestinationPhoneNumber"], "invalid_number"),
        (["DestinationPhoneNumber", "MessageBody"], "field_validation_failed"),
        (["MessageBody"], "field_validation_failed"),
    ],
)
def test_a_number_that_is_none_is_told_from_other_bad_fields(
    fields: list[str], reason: str
) -> None:
    """R-07: only a complaint about the number alone says something of the number."""
    body = {
        "__type": "ValidationException",
        "Message": "No.",
        "Reason": "FIELD_VALIDATION_FAILED",
        "Fields": [{"Name": name, "Message": "Invalid"} for name in fields],
    }
    with pytest.raises(PermanentError) as caught:
        sender(Answer(400, json.dumps(body).encode())).send(TEXT)
    assert caught.value.reason == reason


def test_what_botocore_refuses_is_never_sent_and_never_quoted() -> None:
    seen: list[Mapping[str, Any]] = []
    broken = dataclasses.replace(TEXT, to=5551230000)  # type: ignore[arg-type]
    with pytest.raises(PermanentError) as caught:
        sender(Answer(200, CASE.accepted), seen).send(broken)
    assert (caught.value.reason, str(caught.value)) == ("invalid_request", "ParamValidationError")
    assert seen == []


def test_a_lost_answer_cannot_be_looked_up() -> None:
    """R-10: it stays uncertain until a receipt comes."""
    with pytest.raises(PermanentError) as caught:
        sender(Answer(200)).find(TEXT)
    assert caught.value.reason == "lookup_unsupported"


def test_botocore_never_repeats_a_send(monkeypatch: pytest.MonkeyPatch) -> None:
    """R-10: a send is not idempotent, and botocore would retry a 500 by default."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    module._client_for.cache_clear()
    client = module._client_for("us-east-1")
    module._client_for.cache_clear()
    assert client.meta.config.retries["total_max_attempts"] == 1
    assert (client.meta.config.connect_timeout, client.meta.config.read_timeout) == (3, 10)
    tries = []

    def fail(**_: object) -> None:
        tries.append(1)
        raise ConnectTimeoutError(endpoint_url="https://sms.example.com")

    client.meta.events.register("before-send.*.*", fail)
    with pytest.raises(ConnectTimeoutError):
        client.send_text_message(DestinationPhoneNumber="+15551230000")
    assert len(tries) == 1


# A client made by another spelling (boto3.client, a session, botocore) is one of these as well.
_IMPORTED = """
import botocore.client, botocore.session
made = []
real = botocore.client.ClientCreator.create_client
def create(*given, **named):
    made.append(named["service_name"])
    return real(*given, **named)
botocore.client.ClientCreator.create_client = create
from concord.platforms.aws_messaging.client import AwsTextSender, _client_for
from concord.domain.outbound import Endpoint
AwsTextSender(Endpoint("aws-1", "", {}, {}))
assert made == [], made
_client_for("us-east-1")
assert made == ["pinpoint-sms-voice-v2"], made  # so it would have been noticed
"""


def test_importing_makes_no_client() -> None:
    """A fresh process imports the adapter and makes a sender: a client comes with its first use."""
    run = subprocess.run(
        [sys.executable, "-c", _IMPORTED], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


# --- what the topic brings -------------------------------------------------------------------

TWO_WAY = {
    "originationNumber": "+15551230000",
    "destinationNumber": "+15558880100",
    "messageKeyword": "JOIN",
    "messageBody": "EXAMPLE",
    "inboundMessageId": "cae173d2",
    "previousPublishedMessageId": "862a8790",
}


def test_the_documented_two_way_message() -> None:
    """AW1: the body counts, not the registered keyword that the service matched."""
    event = parse_sms(Fields(TWO_WAY))
    assert (event.sender, event.to, event.text) == ("+15551230000", "+15558880100", "EXAMPLE")
    assert (event.event_id, event.carrier_keyword) == ("cae173d2", None)


@pytest.mark.parametrize("missing", ["originationNumber", "destinationNumber", "inboundMessageId"])
def test_a_two_way_message_needs_its_fields(missing: str) -> None:
    with pytest.raises(UnparseableError):
        parse({name: value for name, value in TWO_WAY.items() if name != missing}, {})


@pytest.mark.parametrize(("kind", "status"), STATUSES.items())
def test_delivery_events(kind: str, status: DeliveryStatus) -> None:
    """R-07, R-15: every TEXT_ type has a status; failures keep their type as code."""
    parsed = parse({"eventType": kind, "messageId": "m1", "context": {"reference": "r-1"}}, {})
    (event,) = parsed.events
    assert isinstance(event, DeliveryReceipt)
    assert event.event_id == parsed.event_id == f"m1:{kind}"
    assert (event.status, event.reference) == (status, "r-1")
    assert event.code == (kind if status is DeliveryStatus.FAILED else None)
    failed = status is DeliveryStatus.FAILED
    assert event.failure == (FAILURES.get(kind, Failure.SOFT) if failed else None)
    assert event.hard is (kind == "TEXT_INVALID")


def test_other_names_of_the_fields_are_a_setting() -> None:
    """R-15: what a delivery event calls its fields was never captured, only documented."""
    names = {"eventType": "kind", "messageId": "m.id", "context.reference": "m.ours"}
    message = {"kind": "TEXT_INVALID", "m": {"id": "m1", "ours": "r-1"}}
    (event,) = parse(message, {"fields": names}).events
    assert isinstance(event, DeliveryReceipt)
    assert (event.reference, event.message_id, event.hard) == ("r-1", "m1", True)


def test_every_text_event_of_the_service_is_known() -> None:
    """botocore's model lists the event types: a new one shows up here."""
    model = boto3.session.Session()._session.get_service_model(module.SERVICE)
    listed = set(model.shape_for("EventType").enum)
    types = {name for name in listed if name.startswith("TEXT_")} - {"TEXT_ALL"}
    assert types <= STATUSES.keys() | IGNORED


def test_types_without_a_status() -> None:
    unknown, voice = (
        parse({"eventType": kind, "messageId": "m1"}, {}).unknown_type
        for kind in ("TEXT_UNKNOWN", "VOICE_RINGING")
    )
    assert (unknown, voice) == (None, "VOICE_RINGING")


@pytest.mark.parametrize(
    ("message", "number"),
    [
        (TWO_WAY, TWO_WAY["destinationNumber"]),
        ({"eventType": "TEXT_SENT", "originationPhoneNumber": "+15558880100"}, "+15558880100"),
        ({"destinationNumber": None}, ""),
        ({}, ""),
    ],
)
def test_whose_a_message_is(message: dict[str, Any], number: str) -> None:
    """R-05: by the number of ours that it names; no path says so."""
    assert AwsTopic().our_number(message) == number


@pytest.mark.parametrize("region", ["evil.example/", "us east", "a" * 99])
def test_a_region_that_is_none_sends_nothing(region: str) -> None:
    """R-07: refused before anything is sent, so it is no unknown outcome."""
    with pytest.raises(PermanentError) as caught:
        AwsTextSender(Endpoint("", "", {"region": region}, {})).send(TEXT)
    assert caught.value.reason == "invalid_request"
