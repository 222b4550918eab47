"""Mails by SES: what is handed over, and what its answers mean. The service is botocore's stub."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from email.header import decode_header, make_header
from email.utils import getaddresses
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.stub import ANY, Stubber

from concord.adapters.ses import SesMailer
from concord.domain.contacts import pin_changed
from concord.domain.errors import (
    OutcomeUnknownError,
    PermanentError,
    PlatformError,
    RetryableError,
    ThrottledError,
)
from concord.domain.mails import Mail, mail_of

TO, SENDER, REPLY_TO = "ana@home.example", "points@mails.example", "hello+us@shop.example"
PIN = "83629"
MAIL = mail_of(pin_changed(TO), PIN, "Kavárna „U Řeky“", SENDER, REPLY_TO)


@pytest.fixture(name="stub")
def _stub() -> Iterator[Stubber]:
    client = boto3.client(
        "sesv2",
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with Stubber(client) as stub:
        yield stub


def _sent(stub: Stubber, mail: Mail) -> dict[str, Any]:
    """Send a mail to a service that takes it; return what it was asked."""
    seen: list[dict[str, Any]] = []
    stub.client.meta.events.register(
        "provide-client-params.sesv2.SendEmail", lambda params, **_: seen.append(params)
    )
    stub.add_response("send_email", {"MessageId": "0100"}, {"FromEmailAddress": ANY, **_ANY})
    SesMailer(stub.client).send(mail)
    stub.assert_no_pending_responses()
    return seen[0]


_ANY = dict.fromkeys(("Destination", "ReplyToAddresses", "Content"), ANY)


def test_a_mail_is_handed_over_with_a_way_out(stub: Stubber) -> None:
    """ECO-19: plain text, to one address, with the merchant's name and List-Unsubscribe."""
    asked = _sent(stub, MAIL)
    assert asked["Destination"] == {"ToAddresses": [TO]}
    assert asked["ReplyToAddresses"] == [REPLY_TO]
    content = asked["Content"]["Simple"]
    assert content["Body"] == {"Text": {"Data": MAIL.text, "Charset": "UTF-8"}}
    assert content["Headers"] == [
        {
            "Name": "List-Unsubscribe",
            "Value": "<mailto:hello%2Bus@shop.example?subject=unsubscribe>",
        }
    ]
    assert PIN in content["Body"]["Text"]["Data"]
    assert PIN not in str({**content, "Body": ""})


@pytest.mark.parametrize(
    "shop",
    [
        "Kavarna",
        'Bar "X", Brno <b@x.example>',
        "Kavárna „U Řeky“",
        "Ж" * 100,
        "A\r\nBcc: eve@x.example",
    ],
)
def test_a_shops_name_stays_a_name(stub: Stubber, shop: str) -> None:
    """ECO-19: whatever it is called, one header of ASCII with one address, ours."""
    mail = mail_of(pin_changed(TO), PIN, shop, SENDER, REPLY_TO)
    asked = _sent(stub, mail)
    header = asked["FromEmailAddress"]
    assert header.isascii()
    assert header.isprintable()
    [(name, address)] = getaddresses([header])
    assert address == SENDER
    assert str(make_header(decode_header(name))) == " ".join(shop.split())
    assert "\n" not in asked["Content"]["Simple"]["Subject"]["Data"]


@pytest.mark.parametrize(
    ("status", "code", "words", "expected", "reason"),
    [
        (429, "TooManyRequestsException", "", ThrottledError, None),
        (400, "Throttling", "Maximum sending rate exceeded.", ThrottledError, None),
        (400, "LimitExceededException", "", ThrottledError, None),
        (503, "ServiceUnavailable", "", RetryableError, None),
        (400, "AccountSuspendedException", "", PermanentError, "mail_account_suspended"),
        (400, "SendingPausedException", "", PermanentError, "mail_sending_paused"),
        (
            400,
            "MailFromDomainNotVerifiedException",
            "",
            PermanentError,
            "mail_from_domain_not_verified",
        ),
        (
            400,
            "MessageRejected",
            f"Email address is not verified. The following identities failed: {TO}",
            PermanentError,
            "mail_identity_not_verified",
        ),
        (400, "MessageRejected", f"{TO} is blocked", PermanentError, "mail_rejected"),
        (404, "NotFoundException", f"{SENDER} is not there", PermanentError, None),
        (400, "BadRequestException", f"bad address {TO}", PermanentError, "mail_not_accepted"),
        (403, "AccessDeniedException", f"not on {SENDER}", PermanentError, "mail_not_allowed"),
        (403, "SignatureDoesNotMatch", "", PermanentError, "mail_not_allowed"),
        (418, "SomethingNew", TO, PermanentError, "mail_refused"),
        (500, "InternalFailure", TO, OutcomeUnknownError, None),
        (503, "503", "", OutcomeUnknownError, None),
    ],
)
def test_what_its_refusals_mean(
    stub: Stubber,
    status: int,
    code: str,
    words: str,
    expected: type[PlatformError],
    reason: str | None,
) -> None:
    """ECO-19: what passes is tried again, what is to be mended has a code, and none quotes her."""
    stub.add_client_error("send_email", code, words, status)
    with pytest.raises(PlatformError) as caught:
        SesMailer(stub.client).send(MAIL)
    assert type(caught.value) is expected
    if reason:
        assert getattr(caught.value, "reason", None) == reason
    assert "@" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (EndpointConnectionError(endpoint_url="https://x"), RetryableError),
        (ConnectTimeoutError(endpoint_url="https://x"), RetryableError),
        (ReadTimeoutError(endpoint_url="https://x"), OutcomeUnknownError),
        (NoCredentialsError(), PermanentError),
    ],
)
def test_what_may_have_arrived_is_told_from_what_did_not(
    stub: Stubber, problem: Exception, expected: type[PlatformError]
) -> None:
    """ECO-19: SES has no idempotency key, so a lost answer is never a reason to try again."""

    def fail(**_: object) -> None:
        raise problem

    stub.deactivate()
    stub.client.meta.events.register_first("before-call.sesv2.SendEmail", fail)
    with pytest.raises(PlatformError) as caught:
        SesMailer(stub.client).send(MAIL)
    assert type(caught.value) is expected


def test_an_answer_without_an_id_counts_as_lost(stub: Stubber) -> None:
    stub.add_response("send_email", {}, None)
    with pytest.raises(OutcomeUnknownError):
        SesMailer(stub.client).send(MAIL)


def test_what_botocore_refuses_is_never_sent_and_never_quoted(stub: Stubber) -> None:
    stub.deactivate()
    broken = dataclasses.replace(MAIL, text=None)  # type: ignore[arg-type]
    with pytest.raises(PermanentError) as caught:
        SesMailer(stub.client).send(broken)
    assert str(caught.value) == "ParamValidationError"


def test_botocore_never_repeats_a_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    """ECO-19: one attempt, with timeouts that end before the function does."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    tries: list[str] = []
    mailer = SesMailer()
    events = mailer._client.meta.events  # type: ignore[attr-defined]

    def fail(**_: object) -> None:
        tries.append("try")
        raise ReadTimeoutError(endpoint_url="https://x")

    events.register("before-send.sesv2.SendEmail", fail)
    with pytest.raises(OutcomeUnknownError):
        mailer.send(MAIL)
    assert tries == ["try"]
    config = mailer._client.meta.config  # type: ignore[attr-defined]
    assert config.connect_timeout + config.read_timeout < 20


def test_a_repr_shows_nobody() -> None:
    """What is logged by mistake names no address and no PIN."""
    assert TO not in repr(MAIL)
    assert PIN not in repr(MAIL)
