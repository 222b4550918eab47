"""Text-Em-All's broadcasts: one text to many contacts in one call."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final
from urllib.parse import quote

from concord.domain.errors import INVALID_NUMBER, OptedOutAtCarrierError, PermanentError
from concord.domain.events import Failure
from concord.domain.outbound import BulkHandedOver, BulkText, Endpoint
from concord.platforms.base import Http
from concord.platforms.calls import read
from concord.platforms.checked import e164_to_digits, name_map
from concord.platforms.text_em_all.account import (
    NOBODY_LEFT,
    Account,
    cannot_look_up,
    number_id,
)
from concord.platforms.text_em_all.codes import FAILURES
from concord.platforms.text_em_all.payloads import Broadcast, BroadcastFeed, FailedContact

# What a contact that was left out of a broadcast is called with us.
_REFUSED: Final = "refused"
_WORDS: Final[Mapping[Failure, str]] = {
    Failure.HARD: INVALID_NUMBER,
    Failure.OPTED_OUT: OptedOutAtCarrierError().reason,
}


class TextEmAllBulk:
    """BulkSender of one Text-Em-All account."""

    def __init__(
        self, endpoint: Endpoint, http: Http, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._account = Account(endpoint, http, clock=clock)
        self._codes = name_map(name_map(endpoint.settings, "words"), "code")

    def send_bulk(self, text: BulkText) -> BulkHandedOver:
        """Send a broadcast that is named by our reference, to be found by it."""
        answer = self._account.send("/broadcasts", _body(text))
        return self._handed_over(read(answer, Broadcast, sends=True), text)

    def find_bulk(self, text: BulkText) -> BulkHandedOver | None:
        """Look a broadcast up by its name, which is ours.

        Absence counts only where the filter was applied: were it taken from a feed of other
        broadcasts, everybody would be texted twice.
        """
        path = f"/broadcasts?BroadcastName~eq~{quote(text.reference, safe='~')}"
        try:
            answer = self._account.get(path)
        except PermanentError:
            raise cannot_look_up() from None
        feed = read(answer, BroadcastFeed)
        for broadcast in feed.items or ():
            if broadcast.name == text.reference:
                return self._handed_over(broadcast, text)
        if feed.items is None or feed.items or feed.size:
            raise cannot_look_up()
        return None

    def _handed_over(self, broadcast: Broadcast, text: BulkText) -> BulkHandedOver:
        refused = self._refused(broadcast.failed_contacts or (), text)
        return BulkHandedOver(broadcast.broadcast_id, refused)

    def _refused(self, failed: Iterable[FailedContact], text: BulkText) -> dict[int, str]:
        """Return the places of contacts that the answer names as failed, each with our word."""
        places = {e164_to_digits(number): place for place, number in text.recipients}
        found = {}
        for each in failed:
            phone = each.contact and each.contact.primary_phone
            place = places.get(e164_to_digits(phone)) if phone else None
            if place is not None:
                found[place] = self._word(each.error_code)
        return found

    def _word(self, code: str | None) -> str:
        if code == str(NOBODY_LEFT):
            return _WORDS[Failure.OPTED_OUT]
        ours = self._codes.get(code or "", code)
        failure = FAILURES.get(ours) if isinstance(ours, str) else None
        return _WORDS[failure] if failure else _REFUSED


def _body(text: BulkText) -> dict[str, object]:
    return {
        "BroadcastName": text.reference,
        "BroadcastType": "SMS",
        "TextMessage": text.body,
        "TextNumberID": number_id(text.sends_from_id),
        # Consent is of the numbers we name, not of others that their address book knows.
        "PrimaryPhoneNumbersOnly": True,
        # Whom it is too early or too late for was put off before; a text that they held back till
        # morning would go out past a STOP.
        "CheckCallingWindow": False,
        "Contacts": [{"PrimaryPhone": e164_to_digits(to)} for _, to in text.recipients],
        "IntegrationData": text.reference,
    }
