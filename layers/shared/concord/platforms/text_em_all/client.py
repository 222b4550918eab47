"""Text-Em-All's REST API: texts, opt state, text numbers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from concord.domain.errors import PermanentError, PlatformError
from concord.domain.outbound import AccountFacts, ConsentPush, Endpoint, HandedOver, OutboundText
from concord.platforms.base import Http
from concord.platforms.calls import read, words
from concord.platforms.checked import digits_to_e164, e164_to_digits, name_map
from concord.platforms.text_em_all.account import Account, cannot_look_up, number_id, refusal
from concord.platforms.text_em_all.payloads import (
    Conversation,
    ConversationFeed,
    TextNumber,
    TextNumberFeed,
)

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
        self._account = Account(endpoint, http, clock=clock)
        path = name_map(endpoint.settings, "paths").get("opt_state")
        self._opt_state_path = path if isinstance(path, str) and path else OPT_STATE_PATH
        codes = endpoint.settings.get("unmatched_codes")
        self._unmatched_codes = codes if isinstance(codes, list) else UNMATCHED_CODES

    def send(self, text: OutboundText) -> HandedOver:
        """Send a text as a conversation; our reference travels as IntegrationData."""
        body = {
            "TextNumberID": number_id(text.sends_from_id),
            "LastMessage": {
                "Message": text.body,
                "TruncateIfExceedsLimit": False,
                "Contact": {"PrimaryPhone": e164_to_digits(text.to)},
            },
            "IntegrationData": text.reference,
        }
        answer = self._account.send("/conversations", body)
        return HandedOver(read(answer, Conversation, sends=True).message_id)

    def find(self, text: OutboundText) -> HandedOver | None:
        """Look a text up by IntegrationData."""
        path = f"/conversations?IntegrationData~eq~{quote(text.reference, safe='~')}"
        try:
            answer = self._account.get(path)
        except PermanentError:
            raise cannot_look_up() from None
        feed = read(answer, ConversationFeed)
        for conversation in feed.items or ():
            if conversation.integration_data == text.reference:
                return HandedOver(conversation.message_id)
        if feed.items is None or feed.items or feed.size:
            raise cannot_look_up()  # the filter was not applied, so absence proves nothing
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
            self._account.put(path, body, self._consent_refusal)
        except PermanentError as error:
            if error.reason == "unmatched":
                return False
            raise
        return True

    def _consent_refusal(self, status: int, body: Mapping[str, Any]) -> PlatformError | None:
        if status == 404:
            known = body.get("ErrorCode") in self._unmatched_codes
            return PermanentError(words(body), reason="unmatched" if known else "not_found")
        return refusal(status, body)

    def check(self) -> AccountFacts:
        """Read the account's text numbers, oldest first."""
        numbers: dict[int, TextNumber] = {}
        for page in range(1, _MAX_PAGES + 1):
            path = f"/textnumbers?page={page}&pagesize={_PAGE_SIZE}"
            feed = read(self._account.get(path), TextNumberFeed)
            numbers |= {number.text_number_id: number for number in feed.items}
            if not feed.items or len(numbers) >= feed.size:
                break
        return AccountFacts(
            tuple(
                (digits_to_e164(number.text_phone_number), str(number_id))
                for number_id, number in sorted(numbers.items())
            )
        )
