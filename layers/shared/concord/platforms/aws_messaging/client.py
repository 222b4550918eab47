"""AWS End User Messaging SMS: send_text_message, and what its errors mean."""

from __future__ import annotations

import functools
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProxyConnectionError,
    SSLError,
)

from concord.domain.errors import (
    INVALID_NUMBER,
    CredentialsRejectedError,
    OptedOutAtCarrierError,
    OutcomeUnknownError,
    PermanentError,
    PlatformError,
    RetryableError,
    ThrottledError,
)
from concord.domain.outbound import Endpoint, HandedOver, OutboundText
from concord.platforms.aws_messaging.payloads import ErrorBody
from concord.platforms.aws_messaging.webhook import REFERENCE
from concord.platforms.calls import retry_after, scrub

SERVICE: Final = "pinpoint-sms-voice-v2"
THROTTLED: Final = frozenset({"ThrottlingException", "TooManyRequestsException", "429"})
REJECTED: Final = frozenset(
    {
        "AccessDeniedException",
        "ExpiredTokenException",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatchException",
        "UnrecognizedClientException",
    }
)
OPTED_OUT: Final = "DESTINATION_PHONE_NUMBER_OPTED_OUT"
_NOT_SENT: Final = (
    ConnectTimeoutError,
    EndpointConnectionError,
    ProxyConnectionError,
    SSLError,
)
_NO_CREDENTIALS: Final = (NoCredentialsError, PartialCredentialsError)
_BAD_REQUEST: Final = (ParamValidationError, NoRegionError, InvalidRegionError)


@functools.cache
def _client_for(region: str | None) -> Any:
    # One attempt: a send is not idempotent, so botocore must never repeat one by itself.
    config = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 1})
    return boto3.client(SERVICE, region_name=region, config=config)


class AwsTextSender:
    """TextSender over the function's own role; region and options come from the settings."""

    def __init__(self, endpoint: Endpoint, client: Any = None) -> None:
        self._settings = endpoint.settings
        self._given_client = client

    @property
    def _client(self) -> Any:
        return self._given_client or _client_for(self._option("region"))

    def send(self, text: OutboundText) -> HandedOver:
        """Send a text; our reference travels in Context and comes back with delivery events."""
        params: dict[str, Any] = {
            "DestinationPhoneNumber": text.to,
            "OriginationIdentity": text.sends_from,
            "MessageBody": text.body,
            "MessageType": self._option("message_type") or "PROMOTIONAL",
            "Context": {REFERENCE: text.reference},
        }
        if configuration_set := self._option("configuration_set"):
            params["ConfigurationSetName"] = configuration_set
        try:
            message_id = self._client.send_text_message(**params).get("MessageId")
        except ClientError as error:
            raise _failure(ErrorBody.model_validate(error.response)) from None
        except _NOT_SENT as error:
            raise RetryableError(f"not connected ({type(error).__name__})") from None
        except _NO_CREDENTIALS:
            raise CredentialsRejectedError("the function has no credentials") from None
        except _BAD_REQUEST as error:
            # The message is dropped: it quotes the parameters.
            raise PermanentError(type(error).__name__, reason="invalid_request") from None
        except BotoCoreError as error:
            raise OutcomeUnknownError(f"no answer ({type(error).__name__})") from None
        if not message_id:
            raise OutcomeUnknownError("the answer holds no MessageId")
        return HandedOver(str(message_id))

    def find(self, text: OutboundText) -> HandedOver | None:
        """Say that it cannot be known: the service has no list of sent texts, only events."""
        raise PermanentError("texts cannot be looked up here", reason="lookup_unsupported")

    def _option(self, name: str) -> str | None:
        value = self._settings.get(name)
        return value if isinstance(value, str) and value else None


def _failure(body: ErrorBody) -> PlatformError:
    code, status, detail = body.error.code, body.metadata.status, scrub(body.error.message)
    if code in THROTTLED or status == 429:
        return ThrottledError("too many requests", retry_after=retry_after(body.metadata.headers))
    if code in REJECTED or status in (401, 403):
        return CredentialsRejectedError(f"the role was refused ({scrub(code)})")
    if code == "ConflictException" and body.reason == OPTED_OUT:
        return OptedOutAtCarrierError(detail)
    if [field.name for field in body.fields] == ["DestinationPhoneNumber"]:
        return PermanentError(detail, reason=INVALID_NUMBER)
    # A 503 that names an exception is the service itself saying no; a bare one is a proxy's.
    if status == 503 and not code.isdecimal():
        return RetryableError("503")
    if status >= 500:
        return OutcomeUnknownError(f"status {status} after the request was sent")
    return PermanentError(detail, reason=(body.reason or code).lower() or "refused")
