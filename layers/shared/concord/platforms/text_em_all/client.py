"""Text-Em-All's REST API: texts, opt state, text numbers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from concord.domain.errors import OptedOutAtCarrierError, PermanentError, PlatformError
from concord.domain.outbound import AccountFacts, ConsentPush, Endpoint, HandedOver, OutboundText
from concord.platforms.base import Http
from concord.platforms.calls import exchange, read, words
from concord.platforms.checked import digits_to_e164, e164_to_digits, name_map
from concord.platforms.text_em_all.oauth import OAuth1
from concord.platforms.text_em_all.payloads import (
    Conversation,
    ConversationFeed,
    TextNumber,
    TextNumberFeed,
)

# Theirs -> ours. Only numbers that somebody has seen; the rest is refused with their words.
ERRORS: Final[Mapping[int, type[PermanentError]]] = {
    3005: OptedOutAtCarrierError,  # NoValidBroadcastContacts: every recipient opted out
}
OPT_STATE_PATH: Final = "/contacts/optstate"
# With a 404 these say that no contact carries the number. Ours, as the call is: a setting.
UNMATCHED_CODES: Final = (1003,)  # ContactNotFound
_PAGE_SIZE: Final = 100
_MAX_PAGES: Final = 50


class TextEmAllClient:
    """TextSender, ConsentPeer and AccountChecker of one Text-Em-All account."""

    def __init__(
        self, endpoint: Endpoint, http: Http, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._client = http.client(endpoint.base_url)
        self._auth = _auth(endpoint, clock)
        path = name_map(endpoint.settings, "paths").get("opt_state")
        self._opt_state_path = path if isinstance(path, str) and path else OPT_STATE_PATH
        codes = endpoint.settings.get("unmatched_codes")
        self._unmatched_codes = codes if isinstance(codes, list) else UNMATCHED_CODES

    def send(self, text: OutboundText) -> HandedOver:
        """Send a text as a conversation; our reference travels as IntegrationData."""
        if not (text.sends_from_id.isascii() and text.sends_from_id.isdecimal()):
            raise PermanentError("the sending number has no TextNumberID", reason="no_text_number")
        body = {
            "TextNumberID": int(text.sends_from_id),
            "LastMessage": {
                "Message": text.body,
                "TruncateIfExceedsLimit": False,
                "Contact": {"PrimaryPhone": e164_to_digits(text.to)},
            },
            "IntegrationData": text.reference,
        }
        answer = exchange(
            self._client,
            "POST",
            "/conversations",
            sends=True,
            refusal=_refusal,
            auth=self._auth,
            json=body,
        )
        return HandedOver(read(answer, Conversation, sends=True).message_id)

    def find(self, text: OutboundText) -> HandedOver | None:
        """Look a text up by IntegrationData."""
        # The operator is part of the name and has no value: httpx's params would add a '='.
        path = f"/conversations?IntegrationData~eq~{quote(text.reference, safe='~')}"
        try:
            answer = exchange(self._client, "GET", path, refusal=_refusal, auth=self._auth)
        except PermanentError:
            raise _cannot_look_up() from None
        found = read(answer, ConversationFeed).items
        for conversation in found:
            if conversation.integration_data == text.reference:
                return HandedOver(conversation.message_id)
        if found:  # the filter was not applied, so absence proves nothing
            raise _cannot_look_up()
        return None

    def set_consent(self, push: ConsentPush) -> bool:
        """Set the opt state of a number; False when Text-Em-All says it has no such contact.

        A 404 that does not say so is a wrong path, and would lose every opt-out if it passed for
        an answer: PermanentError `not_found`.
        """
        if push.channel != "sms":
            raise PermanentError("only sms has an opt state here", reason="unsupported_channel")
        phone = e164_to_digits(push.point)
        body = {
            "PrimaryPhone": phone,
            "OptedIn": push.opted_in,
            "IntegrationData": push.idempotency_key,
        }
        path = self._opt_state_path.replace("{phone}", quote(phone, safe=""))
        try:
            exchange(
                self._client, "PUT", path, refusal=self._consent_refusal, auth=self._auth, json=body
            )
        except PermanentError as error:
            if error.reason == "unmatched":
                return False
            raise
        return True

    def _consent_refusal(self, status: int, body: Mapping[str, Any]) -> PlatformError | None:
        if status == 404:
            known = body.get("ErrorCode") in self._unmatched_codes
            return PermanentError(words(body), reason="unmatched" if known else "not_found")
        return _refusal(status, body)

    def check(self) -> AccountFacts:
        """Read the account's text numbers, oldest first."""
        numbers: dict[int, TextNumber] = {}
        for page in range(1, _MAX_PAGES + 1):
            path = f"/textnumbers?page={page}&pagesize={_PAGE_SIZE}"
            answer = exchange(self._client, "GET", path, refusal=_refusal, auth=self._auth)
            feed = read(answer, TextNumberFeed)
            numbers |= {number.text_number_id: number for number in feed.items}
            if not feed.items or len(numbers) >= feed.size:
                break
        return AccountFacts(
            tuple(
                (digits_to_e164(number.text_phone_number), str(number_id))
                for number_id, number in sorted(numbers.items())
            )
        )


def _auth(endpoint: Endpoint, clock: Callable[[], float]) -> OAuth1:
    given, settings = endpoint.credentials, endpoint.settings
    key, secret = given.get("consumer_key", ""), given.get("consumer_secret", "")
    if settings.get("lowercase_credentials") is True:
        # Their .NET client signs with both in lower case; keys are GUIDs, so it rarely matters.
        key, secret = key.lower(), secret.lower()
    token, token_secret = given.get("access_token", ""), given.get("token_secret", "")
    return OAuth1(key, secret, token, token_secret, clock=clock)


def _refusal(status: int, body: Mapping[str, Any]) -> PlatformError | None:
    """Read `{ErrorCode, ErrorName, ErrorType, Message}`."""
    code = body.get("ErrorCode")
    known = ERRORS.get(code) if isinstance(code, int) else None
    return known(words(body)) if known else None


def _cannot_look_up() -> PermanentError:
    return PermanentError("texts cannot be looked up here", reason="lookup_unsupported")
