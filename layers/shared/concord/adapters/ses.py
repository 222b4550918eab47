"""Mails by Amazon SES (API version 2): one call per mail, never repeated by itself."""

from __future__ import annotations

from email.header import Header
from email.utils import formataddr
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProxyConnectionError,
    SSLError,
)

from concord.adapters.clients import client
from concord.domain.errors import (
    OutcomeUnknownError,
    PermanentError,
    PlatformError,
    RetryableError,
    ThrottledError,
)
from concord.domain.mails import Mail

if TYPE_CHECKING:
    from concord.adapters.clients import MailClient

_CONNECT: Final = 3.0
_READ: Final = 10.0
_NOT_SENT: Final = (
    ConnectTimeoutError,
    EndpointConnectionError,
    ProxyConnectionError,
    SSLError,
)
_BAD_REQUEST: Final = (ParamValidationError, NoRegionError)
_NO_CREDENTIALS: Final = (NoCredentialsError, PartialCredentialsError)
# The rate of a second, and the quota of a day: both pass.
_THROTTLED: Final = frozenset(
    {"LimitExceededException", "Throttling", "ThrottlingException", "TooManyRequestsException"}
)
# What an operator has to mend; our own words, for theirs name addresses (docs/runbook.md).
_REASONS: Final = {
    "AccountSuspendedException": "mail_account_suspended",
    "SendingPausedException": "mail_sending_paused",
    "MailFromDomainNotVerifiedException": "mail_from_domain_not_verified",
    "NotFoundException": "mail_identity_not_found",
    "BadRequestException": "mail_not_accepted",
    "AccessDenied": "mail_not_allowed",
    "AccessDeniedException": "mail_not_allowed",
}
_UNVERIFIED: Final = "not verified"


class SesMailer:
    """Mailer over the function's own role; the identity is what the role may send from."""

    def __init__(self, given: MailClient | None = None) -> None:
        self._given = given

    @cached_property
    def _client(self) -> MailClient:
        return self._given or client("sesv2", connect=_CONNECT, read=_READ)

    def send(self, mail: Mail) -> None:
        """Hand one mail over. Raises PlatformErrors; none of them holds an address."""
        try:
            answer = self._client.send_email(**_request(mail))
        except ClientError as error:
            raise _failure(error.response) from None
        except _NOT_SENT as error:
            raise RetryableError(f"not connected ({type(error).__name__})") from None
        except _NO_CREDENTIALS:
            raise PermanentError(
                "the function has no credentials", reason="mail_not_allowed"
            ) from None
        except _BAD_REQUEST as error:
            # The message is dropped: it quotes the parameters.
            raise PermanentError(type(error).__name__, reason="mail_not_accepted") from None
        except BotoCoreError as error:
            raise OutcomeUnknownError(f"no answer ({type(error).__name__})") from None
        if not answer.get("MessageId"):
            raise OutcomeUnknownError("the answer holds no MessageId")


def _request(mail: Mail) -> dict[str, Any]:
    def text(data: str) -> dict[str, str]:
        return {"Data": data, "Charset": "UTF-8"}

    unsubscribe = f"<mailto:{quote(mail.reply_to, safe='@')}?subject=unsubscribe>"
    return {
        "FromEmailAddress": _mailbox(mail.shop, mail.sender),
        "Destination": {"ToAddresses": [mail.to]},
        "ReplyToAddresses": [mail.reply_to],
        "Content": {
            "Simple": {
                "Subject": text(mail.subject),
                "Body": {"Text": text(mail.text)},
                "Headers": [{"Name": "List-Unsubscribe", "Value": unsubscribe}],
            }
        },
    }


def _mailbox(name: str, address: str) -> str:
    """Return `Name <address>`; a name beyond ASCII as encoded words (RFC 2047), each short enough
    for a header."""
    if name.isascii():
        return formataddr((name, address))
    return f"{Header(name, 'utf-8').encode(linesep='')} <{address}>"


def _failure(response: Any) -> PlatformError:
    error, status = response.get("Error", {}), response.get("ResponseMetadata", {})
    code, status = str(error.get("Code", "")), int(status.get("HTTPStatusCode", 0))
    if code in _THROTTLED or status == 429:
        return ThrottledError("too many mails")
    if code == "MessageRejected":
        unverified = _UNVERIFIED in str(error.get("Message", "")).lower()
        reason = "mail_identity_not_verified" if unverified else "mail_rejected"
        return PermanentError("SES rejected the mail", reason=reason)
    if code in _REASONS:
        return PermanentError(f"SES refused it ({code})", reason=_REASONS[code])
    # A 503 that names an exception is the service itself saying no; a bare one is a proxy's.
    if status == 503 and not code.isdecimal():
        return RetryableError("503")
    if status >= 500 or not status:
        return OutcomeUnknownError(f"status {status} after the mail was handed over")
    if status in (401, 403):
        return PermanentError(f"the role was refused ({status})", reason="mail_not_allowed")
    return PermanentError(f"status {status}", reason="mail_refused")
