"""The sandbox's AWS End User Messaging, driven by requests that botocore itself signed."""

import json
from typing import Any

import boto3
import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto import mock_aws

from sandbox.platforms.aws import api
from tests.sandbox.harness import BASE, Sandbox

OWN, SHOPPER = "+18885550100", "+15551230000"


@pytest.fixture(autouse=True)
def account(sandbox: Sandbox) -> None:
    sandbox.seed(
        "aws",
        "123456789012",
        text_numbers=[OWN],
        credentials={"access_key_id": "AKIDEXAMPLE", "secret_access_key": "secret"},
    )


def call(
    sandbox: Sandbox,
    body: dict[str, Any],
    *,
    secret: str = "secret",
    service: str = "sms-voice",
    operation: str = "SendTextMessage",
    path: str = "/aws/",
) -> httpx.Response:
    content = json.dumps(body).encode()
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"PinpointSMSVoiceV2.{operation}",
    }
    request = AWSRequest("POST", f"{BASE}{path}", headers=headers, data=content)
    SigV4Auth(Credentials("AKIDEXAMPLE", secret), service, "us-east-1").add_auth(request)
    return sandbox.post(path, content=content, headers=dict(request.headers))


def text(**changes: Any) -> dict[str, Any]:
    body = {"DestinationPhoneNumber": SHOPPER, "OriginationIdentity": OWN, "MessageBody": "Hi"}
    return body | {"MessageType": "PROMOTIONAL", "Context": {"ref": "b.1.2.3"}} | changes


def texts(sandbox: Sandbox) -> list[str]:
    return [found["text"] for found in sandbox.get(f"/aws/_handset/{SHOPPER}").json()]


@pytest.mark.parametrize("path", ["/aws/", "/aws"])
def test_a_signed_text_reaches_the_handset(sandbox: Sandbox, path: str) -> None:
    response = call(sandbox, text(), path=path)

    assert response.status_code == 200
    assert set(response.json()) == {"MessageId"}
    assert texts(sandbox) == ["Hi"]


def test_a_dry_run_sends_nothing(sandbox: Sandbox) -> None:
    assert call(sandbox, text(DryRun=True)).status_code == 200
    assert texts(sandbox) == []


def test_wrong_signatures_are_403(sandbox: Sandbox) -> None:
    assert call(sandbox, text(), secret="other").status_code == 403
    assert call(sandbox, text(), service="sns").status_code == 403
    assert sandbox.post("/aws/", json=text()).status_code == 403
    assert texts(sandbox) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"Surprise": "x"},
        {"DestinationPhoneNumber": "none"},
        {"MessageBody": ""},
        {"MessageType": "FUN"},
        {"TimeToLive": "soon"},
    ],
)
def test_a_body_outside_the_model_is_a_validation_error(
    sandbox: Sandbox, changes: dict[str, Any]
) -> None:
    response = call(sandbox, text(**changes))

    assert response.status_code == 400
    assert response.json()["__type"] == "ValidationException"
    assert texts(sandbox) == []


def test_unknown_operations_and_origins_are_refused(sandbox: Sandbox) -> None:
    unknown = call(sandbox, text(), operation="SendVoiceMessage").json()
    stranger = call(sandbox, text(OriginationIdentity="+18005550000")).json()

    assert unknown["__type"] == "UnknownOperationException"
    assert stranger["__type"] == "ResourceNotFoundException"


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> list[dict[str, Any]]:
    """Take the place of SNS."""
    messages: list[dict[str, Any]] = []

    def publish(_: object, message: str) -> str:
        messages.append(json.loads(message))
        return "sns-1"

    monkeypatch.setattr(api, "publish", publish)
    sandbox.seed("aws", "123456789012", topic_arn="arn:aws:sns:us-east-1:123456789012:inbound")
    return messages


def receive(sandbox: Sandbox, words: str) -> httpx.Response:
    return sandbox.post("/aws/_handset", json={"from": SHOPPER, "to": OWN, "text": words})


def test_an_inbound_text_has_the_documented_fields(
    sandbox: Sandbox, published: list[dict[str, Any]]
) -> None:
    sent = call(sandbox, text()).json()["MessageId"]

    assert receive(sandbox, "STOP").json()["message_id"] == "sns-1"

    [message] = published
    assert message.pop("inboundMessageId")
    assert message == {
        "originationNumber": SHOPPER,
        "destinationNumber": OWN,
        "messageKeyword": "STOP",
        "messageBody": "STOP",
        "previousPublishedMessageId": sent,
    }


def test_a_stopped_number_is_a_conflict(sandbox: Sandbox, published: list[dict[str, Any]]) -> None:
    receive(sandbox, "stop")

    refused = call(sandbox, text())
    assert refused.json()["__type"] == "ConflictException"
    assert refused.json()["Reason"] == "DESTINATION_PHONE_NUMBER_OPTED_OUT"

    receive(sandbox, "UNSTOP")
    assert call(sandbox, text()).status_code == 200


def test_self_managed_opt_outs_leave_stop_to_us(
    sandbox: Sandbox, published: list[dict[str, Any]]
) -> None:
    sandbox.seed("aws", "123456789012", self_managed_opt_outs=True)

    receive(sandbox, "STOP")

    assert call(sandbox, text()).status_code == 200
    assert texts(sandbox) == ["Hi"]


def test_delivery_events_carry_the_context(
    sandbox: Sandbox, published: list[dict[str, Any]]
) -> None:
    """R-15: for a text that names a set, and for an account that tells."""
    named = text(ConfigurationSetName="receipts")
    call(sandbox, named)
    assert published == []
    sandbox.seed("aws", "123456789012", receipts={})
    call(sandbox, text())
    assert published == []
    sent = call(sandbox, named).json()["MessageId"]
    assert [event["eventType"] for event in published] == ["TEXT_SUCCESSFUL", "TEXT_DELIVERED"]
    for event in published:
        assert (event["messageId"], event["context"]) == (sent, {"ref": "b.1.2.3"})
        assert event["destinationPhoneNumber"] == SHOPPER
        assert event["originationPhoneNumber"] == OWN
    assert [event["isFinal"] for event in published] == [False, True]


def test_a_failing_number_has_its_own_event(
    sandbox: Sandbox, published: list[dict[str, Any]]
) -> None:
    """R-07, R-15: one final event of the seeded type; twice if ordered so."""
    options = {"fail_numbers": {SHOPPER: "TEXT_INVALID"}, "duplicate": True, "hold": True}
    sandbox.seed("aws", "123456789012", receipts=options)
    call(sandbox, text(ConfigurationSetName="receipts"))
    assert published == []
    assert sandbox.post("/aws/_receipts").json() == {"statuses": [200, 200]}
    assert [event["eventType"] for event in published] == ["TEXT_INVALID", "TEXT_INVALID"]


def test_more_parts_than_the_account_may_send_are_throttled(sandbox: Sandbox) -> None:
    """R-08: the service throttles, it does not queue."""
    sandbox.seed("aws", "123456789012", calls_per_second=1)
    first, second = call(sandbox, text()), call(sandbox, text())
    assert (first.status_code, second.status_code) == (200, 400)
    assert second.json()["__type"] == "ThrottlingException"
    assert texts(sandbox) == ["Hi"]


def test_publishing_reaches_a_topic(sandbox: Sandbox) -> None:
    with mock_aws():
        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
        sns = boto3.client("sns", region_name="us-east-1", **keys)
        arn = sns.create_topic(Name="inbound")["TopicArn"]
        sandbox.seed("aws", "123456789012", topic_arn=arn)

        assert receive(sandbox, "JOIN").status_code == 200

        sns.delete_topic(TopicArn=arn)
        assert receive(sandbox, "JOIN").status_code == 502


def test_throttling_is_ordered_by_a_fault(sandbox: Sandbox) -> None:
    sandbox.fault(platform="aws", status=400, times=1)

    assert call(sandbox, text()).json()["__type"] == "ThrottlingException"
    assert call(sandbox, text()).status_code == 200
