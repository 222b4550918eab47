"""Twilio's Messages API: send, look up, check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

import httpx

from concord.domain.errors import (
    INVALID_NUMBER,
    CredentialsRejectedError,
    OptedOutAtCarrierError,
    PermanentError,
    PlatformError,
    ThrottledError,
)
from concord.domain.events import Failure
from concord.domain.outbound import AccountFacts, Endpoint, HandedOver, OutboundText
from concord.platforms.base import Http
from concord.platforms.calls import exchange, read, words
from concord.platforms.twilio.codes import FAILURES
from concord.platforms.twilio.payloads import Message, MessagePage
from concord.platforms.twilio.webhook import REFERENCE

API_VERSION: Final = "2010-04-01"
_PAGE_SIZE: Final = 200
# Their clock has whole seconds and is not ours.
_CLOCK_SLACK: Final = timedelta(seconds=10)


def _permanent(reason: str) -> Callable[[str], PlatformError]:
    return lambda detail: PermanentError(detail, reason=reason)


# Theirs -> ours: twilio.com/docs/api/errors. What is about the number stands in codes.py.
ERRORS: Final[Mapping[int, Callable[[str], PlatformError]]] = {
    20003: CredentialsRejectedError,
    20429: ThrottledError,
    21606: _permanent("invalid_sender"),
    21611: ThrottledError,  # the sending number's queue is full
    21617: _permanent("text_too_long"),
}
_OF_NUMBER: Final[Mapping[Failure, Callable[[str], PlatformError]]] = {
    Failure.HARD: _permanent(INVALID_NUMBER),
    Failure.OPTED_OUT: OptedOutAtCarrierError,
}


class TwilioClient:
    """TextSender and AccountChecker of one Twilio account."""

    def __init__(self, endpoint: Endpoint, http: Http) -> None:
        given = endpoint.credentials
        self._client = http.client(endpoint.base_url)
        sid = given.get("account_sid") or endpoint.account_id
        self._path = f"/{API_VERSION}/Accounts/{quote(sid, safe='')}/Messages.json"
        # An API key may stand in for the auth token; webhooks are signed with the token regardless.
        if given.get("api_key_sid"):
            user, password = given["api_key_sid"], given.get("api_key_secret", "")
        else:
            user, password = sid, given.get("auth_token", "")
        self._auth = httpx.BasicAuth(user, password)

    def send(self, text: OutboundText) -> HandedOver:
        """Send a text; our reference comes back in the query of the status callback."""
        form = {"To": text.to, "Body": text.body, **_sender(text)}
        if text.receipt_url:
            form["StatusCallback"] = _with_reference(text.receipt_url, text.reference)
        answer = exchange(
            self._client,
            "POST",
            self._path,
            sends=True,
            refusal=_refusal,
            auth=self._auth,
            data=form,
        )
        return HandedOver(read(answer, Message, sends=True).sid)

    def find(self, text: OutboundText) -> HandedOver | None:
        """Look a text up by To, From, body and the time of the attempt.

        The list is not narrowed by DateSent: a text that is still queued has none, and taking it
        for absent would send it twice. Its creation is compared here instead.
        """
        if text.attempted_at is None:
            raise PermanentError("the attempt has no time", reason="lookup_unsupported")
        sender = _sender(text)
        query = {"To": text.to, "PageSize": str(_PAGE_SIZE)}
        if "From" in sender:
            query["From"] = sender["From"]
        answer = exchange(
            self._client, "GET", self._path, refusal=_refusal, auth=self._auth, params=query
        )
        earliest = text.attempted_at - _CLOCK_SLACK
        candidates = [
            message
            for message in read(answer, MessagePage).messages
            if message.body == text.body
            and message.direction.startswith("outbound")
            and message.messaging_service_sid in (None, sender.get("MessagingServiceSid"))
            and message.date_created is not None
            and message.date_created.astimezone(UTC) >= earliest
        ]
        # The same words may have gone out again later: ours is the first since the attempt.
        return HandedOver(candidates[-1].sid) if candidates else None

    def check(self) -> AccountFacts:
        """Prove the credentials by listing one message: API keys may do that, unlike accounts."""
        exchange(
            self._client,
            "GET",
            self._path,
            refusal=_refusal,
            auth=self._auth,
            params={"PageSize": "1"},
        )
        return AccountFacts()


def _sender(text: OutboundText) -> dict[str, str]:
    is_service = text.sends_from.startswith("MG")
    return {"MessagingServiceSid" if is_service else "From": text.sends_from}


def _with_reference(url: str, reference: str) -> str:
    query = urlsplit(url).query
    if any(name == REFERENCE for name, _ in parse_qsl(query)):
        return url
    return f"{url}{'&' if query else '?'}{REFERENCE}={quote(reference, safe='')}"


def _refusal(status: int, body: Mapping[str, Any]) -> PlatformError | None:
    """Read `{code, message, more_info, status}`."""
    code = body.get("code")
    if not isinstance(code, int):
        return None
    known = ERRORS.get(code) or _OF_NUMBER.get(FAILURES.get(str(code), Failure.SOFT))
    return known(words(body)) if known else None
