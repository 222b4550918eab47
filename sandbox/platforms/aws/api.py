"""AWS End User Messaging SMS (pinpoint-sms-voice-v2) and its two-way channel."""

import asyncio
import functools
import json
import re
import secrets
import uuid
from typing import Any

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import OperationModel
from botocore.validate import ParamValidator
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.accounts import Account
from sandbox.phones import to_e164
from sandbox.platforms.aws import sigv4
from sandbox.platforms.aws.events import Sent
from sandbox.platforms.base import ALL_METHODS, HandsetText, Platform
from sandbox.receipts import Post
from sandbox.web import Outbound, UnreachableError, control_error, json_body

_TARGET = "PinpointSMSVoiceV2.SendTextMessage"
_SIGNING_NAME = "sms-voice"
_FAULT_NAMES = {
    400: "ThrottlingException",
    403: "AccessDeniedException",
    429: "ThrottlingException",
    500: "InternalServerException",
}
# docs.aws.amazon.com/sms-voice/latest/userguide/keywords-required.html
_OPT_OUT_WORDS = frozenset(
    ["ARRET", "CANCEL", "END", "OPT-OUT", "OPTOUT", "QUIT", "REMOVE", "STOP", "TD", "UNSUBSCRIBE"]
)
_OPT_IN_WORDS = frozenset({"START", "UNSTOP"})
_STOP_REPLY = "You are unsubscribed and will receive no further messages."
_HELP_REPLY = "Reply STOP to unsubscribe. Message and data rates may apply."


class AwsError(Exception):
    """An error of the JSON protocol: `fields` hold Reason, ResourceType and the like."""

    def __init__(self, name: str, message: str, status: int = 400, **fields: Any) -> None:
        super().__init__(name)
        self.name = name
        self.status = status
        self.body = {"__type": name, "Message": message, **fields}


class Aws(Platform):
    """The sandbox's AWS End User Messaging."""

    name = "aws"

    def __init__(self, outbound: Outbound) -> None:
        super().__init__(outbound)
        self._opted_out: set[tuple[str, str]] = set()
        self._last_sent: dict[tuple[str, str], str] = {}

    def routes(self) -> list[Route]:
        return [
            *self.control_routes(),
            Route(f"/{self.name}/_handset", self._handset, methods=["POST"]),
            Route(f"/{self.name}/", self._call, methods=["POST"]),
            Route(f"/{self.name}", self._call, methods=["POST"]),
            Route(f"/{self.name}/{{path:path}}", self._unknown, methods=ALL_METHODS),
        ]

    def fault_answer(self, status: int, code: str | int | None) -> Response:
        default = "InternalServerException" if status >= 500 else "ValidationException"
        name = code if isinstance(code, str) else _FAULT_NAMES.get(status, default)
        return _refuse(AwsError(name, "The request was not processed", status))

    def forget(self, *, accounts: bool) -> None:
        super().forget(accounts=accounts)
        self._last_sent.clear()
        if accounts:
            self._opted_out.clear()

    # --- the contract ---------------------------------------------------------------------------

    async def _call(self, request: Request) -> Response:
        try:
            body = await request.body()
            self._authenticate(request, body)
            if request.headers.get("x-amz-target") != _TARGET:
                raise AwsError("UnknownOperationException", "Unknown operation")
            return _amz_json(self._send(_validated(body)), 200)
        except AwsError as error:
            return _refuse(error)

    def _authenticate(self, request: Request, body: bytes) -> None:
        """Require SigV4 for this service; where an account's secret is known, check it.

        Functions sign with the emulator's role keys, whose secrets nobody can seed.
        """
        given = sigv4.parse(request.headers.get("authorization", ""))
        if given is None:
            raise AwsError("MissingAuthenticationTokenException", "Missing token", 403)
        if given.service != _SIGNING_NAME:
            raise AwsError("SignatureDoesNotMatchException", "Wrong credential scope", 403)
        for account in self.accounts:
            known = account.secret
            if known.get("access_key_id") != given.access_key:
                continue
            secret, headers = known.get("secret_access_key", ""), dict(request.headers)
            path = request.url.path
            if not sigv4.verify(given, secret, request.method, path, headers, body):
                raise AwsError("SignatureDoesNotMatchException", "Wrong signature", 403)
            return

    def _send(self, params: dict[str, Any]) -> dict[str, Any]:
        to = to_e164("+" + params["DestinationPhoneNumber"].removeprefix("+"))
        account, own = self._origin(params.get("OriginationIdentity"))
        if (account.account_id, to) in self._opted_out:
            raise AwsError(
                "ConflictException",
                "The destination phone number is opted out",
                Reason="DESTINATION_PHONE_NUMBER_OPTED_OUT",
            )
        if not self.pace.takes(account):
            raise AwsError("ThrottlingException", "Rate exceeded")
        message_id = str(uuid.uuid4())
        if not params.get("DryRun"):
            self._last_sent[account.account_id, to] = message_id
            [at] = self.pace.slots(account, 1)
            text = self.handsets.deliver(to, own, params["MessageBody"], at)
            self._report(account, Sent(message_id, own, to, params, text))
        return {"MessageId": message_id}

    def _report(self, account: Account, sent: Sent) -> None:
        """Have the topic told, if the text named a set of events and the account tells any."""
        options = account.receipts
        if options is None or not account.topic_arn or sent.to in options.silent_numbers:
            return
        if "ConfigurationSetName" not in sent.params:
            return

        def story() -> list[Post]:
            return [functools.partial(_publish, account, e) for e in sent.events(options)]

        self.receipts.add(options, sent.text.at, story)

    def _origin(self, identity: str | None) -> tuple[Account, str]:
        """Find who sends; without an identity the only number there is."""
        owned = [(account, number) for account in self.accounts for number in account.text_numbers]
        if identity is None:
            if len(owned) == 1:
                return owned[0]
            raise AwsError(
                "ConflictException",
                "No origination identity was found",
                Reason="NO_ORIGINATION_IDENTITIES_FOUND",
            )
        account = self.accounts.by_number(identity)
        if account is None:
            raise AwsError(
                "ResourceNotFoundException",
                "The origination identity does not exist",
                ResourceType="phone-number",
                ResourceId=identity,
            )
        return account, to_e164(identity)

    async def _unknown(self, request: Request) -> Response:
        return _refuse(AwsError("UnknownOperationException", "Unknown path", 404))

    # --- the controls ---------------------------------------------------------------------------

    async def _handset(self, request: Request) -> Response:
        text = await json_body(request, HandsetText)
        account = self.accounts.by_number(text.to)
        if account is None:
            return control_error(404, "unknown_number", "no account has this text number")
        own, shopper = to_e164(text.to), to_e164(text.sender)
        if not account.self_managed_opt_outs:
            self._answer_keyword(account, own, shopper, text.text)
        if not account.topic_arn:
            return control_error(409, "not_wired", "the account has no topic_arn")
        message = {
            "originationNumber": shopper,
            "destinationNumber": own,
            "messageKeyword": _keyword(text.text, own),
            "messageBody": text.text,
            "inboundMessageId": text.id or str(uuid.uuid4()),
            "previousPublishedMessageId": self._last_sent.get((account.account_id, shopper), ""),
        }
        try:
            published = await asyncio.to_thread(publish, account, json.dumps(message))
        except (BotoCoreError, ClientError) as error:
            return control_error(502, "topic_unreachable", type(error).__name__)
        return JSONResponse({"message_id": published, "published": message})

    def _answer_keyword(self, account: Account, own: str, shopper: str, text: str) -> None:
        word, key = text.strip().upper(), (account.account_id, shopper)
        if word in _OPT_OUT_WORDS and key not in self._opted_out:
            self._opted_out.add(key)
            self.handsets.withdraw(shopper, account.text_numbers)
            self.handsets.deliver(shopper, own, _STOP_REPLY)
        elif word in _OPT_IN_WORDS:
            self._opted_out.discard(key)
        elif word == "HELP":
            self.handsets.deliver(shopper, own, _HELP_REPLY)


@functools.cache
def _operation() -> OperationModel:
    session = botocore.session.get_session()
    return session.get_service_model("pinpoint-sms-voice-v2").operation_model("SendTextMessage")


def _validated(body: bytes) -> dict[str, Any]:
    """Check a body against the service model: names, types, lengths, patterns, enums."""
    try:
        params = json.loads(body)
    except ValueError:
        raise AwsError("SerializationException", "The body is not JSON") from None
    shape = _operation().input_shape
    if not isinstance(params, dict) or shape is None:
        raise AwsError("SerializationException", "The body is not an object")
    unknown = sorted(set(params) - set(shape.members))
    report = ParamValidator().validate(params, shape)
    wrong = [
        name
        for name, member in shape.members.items()
        if isinstance(value := params.get(name), str) and not _fits(value, member.metadata)
    ]
    if unknown or report.has_errors() or wrong or "MessageBody" not in params:
        named = unknown or wrong or ["MessageBody" if "MessageBody" not in params else "body"]
        raise AwsError(
            "ValidationException",
            "The request is not valid",
            Reason="FIELD_VALIDATION_FAILED",
            Fields=[{"Name": name, "Message": "Invalid field"} for name in named],
        )
    return params


def _fits(value: str, limits: dict[str, Any]) -> bool:
    if "enum" in limits and value not in limits["enum"]:
        return False
    if len(value) > limits.get("max", len(value)):
        return False
    return "pattern" not in limits or re.fullmatch(limits["pattern"], value) is not None


def publish(account: Account, message: str) -> str:
    """Publish a two-way message to the account's topic and return SNS's id for it."""
    known = account.secret
    client = botocore.session.get_session().create_client(
        "sns",
        region_name=(account.topic_arn or "").split(":")[3],
        endpoint_url=account.endpoint_url,
        aws_access_key_id=known.get("access_key_id"),
        aws_secret_access_key=known.get("secret_access_key"),
        aws_session_token=known.get("session_token"),
    )
    try:
        return str(client.publish(TopicArn=account.topic_arn, Message=message)["MessageId"])
    finally:
        client.close()


async def _publish(account: Account, event: dict[str, Any]) -> int:
    """Publish a delivery event; 200 stands for SNS having taken it."""
    try:
        await asyncio.to_thread(publish, account, json.dumps(event))
    except (BotoCoreError, ClientError) as error:
        raise UnreachableError(type(error).__name__) from error
    return 200


def _keyword(text: str, own: str) -> str:
    """Return the registered keyword a text begins with, or the number's default one."""
    word = text.strip().upper()
    registered = _OPT_OUT_WORDS | _OPT_IN_WORDS | {"HELP"}
    return word if word in registered else f"KEYWORD_{own.removeprefix('+')}"


def _amz_json(body: dict[str, Any], status: int) -> JSONResponse:
    return JSONResponse(
        body,
        status_code=status,
        media_type="application/x-amz-json-1.0",
        headers={"x-amzn-RequestId": str(uuid.UUID(bytes=secrets.token_bytes(16)))},
    )


def _refuse(error: AwsError) -> JSONResponse:
    answer = _amz_json(error.body, error.status)
    answer.headers["x-amzn-ErrorType"] = error.name
    return answer
