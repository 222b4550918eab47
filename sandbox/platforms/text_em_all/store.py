"""What a Text-Em-All account keeps: conversations and the opt state of its contacts."""

import itertools
from dataclasses import dataclass, field
from typing import Any

from pydantic import Field, StrictBool, field_validator

from sandbox.accounts import Account, Seed
from sandbox.phones import is_digits, to_digits


class ApiError(Exception):
    """An error in the platform's own shape."""

    def __init__(self, status: int, code: int, name: str, message: str) -> None:
        super().__init__(name)
        self.status = status
        self.code = code
        self.name = name
        self.message = message

    def body(self) -> dict[str, Any]:
        return {
            "ErrorCode": self.code,
            "ErrorName": self.name,
            "ErrorType": "Validation" if self.status == 400 else self.name,
            "Message": self.message,
        }


def require_digits(number: str) -> str:
    if not is_digits(number):
        raise ValueError("digits only")
    return number


class Contact(Seed):
    PrimaryPhone: str

    _digits = field_validator("PrimaryPhone")(require_digits)


class LastMessage(Seed):
    Message: str = Field(min_length=1)
    TruncateIfExceedsLimit: StrictBool = False
    Contact: Contact


class NewConversation(Seed):
    """Body of `POST /conversations`: one text to one number."""

    TextNumberID: int
    LastMessage: LastMessage
    IntegrationData: str | None = Field(default=None, max_length=255)


class OptState(Seed):
    """Body of `PUT /contacts/optstate` (ours: there is no public contract)."""

    PrimaryPhone: str
    OptedIn: StrictBool
    IntegrationData: str | None = Field(default=None, max_length=255)

    _digits = field_validator("PrimaryPhone")(require_digits)


class Receipt(Seed):
    """Body of `POST /text_em_all/_receipt`: a text sent earlier was delivered, or was not."""

    reference: str
    status: str = Field(pattern="^(accepted|sent|delivered|failed)$")
    code: str | int | None = None
    to: str | None = None  # which of a broadcast's contacts
    id: str | None = None
    at: str | None = None


# Only UNSTOP lifts what these did (support article 307).
_STOP_WORDS = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"})


@dataclass(slots=True)
class Ledger:
    """The conversations and contacts of one account."""

    conversations: list[dict[str, Any]] = field(default_factory=list)
    contacts: dict[str, bool] = field(default_factory=dict)
    # Who texted STOP; the opt state of the contacts is what Concord said.
    stopped: set[str] = field(default_factory=set)

    def blocks(self, number: str) -> bool:
        """Whether a broadcast leaves this number out."""
        return number in self.stopped or self.contacts.get(number) is False

    def hear(self, number: str, text: str) -> bool:
        """Apply an inbound text, and tell whether it was a STOP."""
        word = text.strip().upper()
        if word == "UNSTOP":
            self.stopped.discard(number)
        if word in _STOP_WORDS:
            self.stopped.add(number)
        return word in _STOP_WORDS


class Conversations:
    """Conversations and opt states by account."""

    def __init__(self) -> None:
        self._ledgers: dict[str, Ledger] = {}
        self._ids = itertools.count(500001)

    def of(self, account: Account) -> Ledger:
        return self._ledgers.setdefault(account.account_id, Ledger())

    def open(self, account: Account, text: NewConversation, base: str) -> dict[str, Any]:
        """Record one text as a conversation and return it as the platform shows it."""
        conversation_id = next(self._ids)
        conversation = {
            "ConversationID": conversation_id,
            "Uri": f"{base}/conversations/{conversation_id}",
            "TextNumberID": text.TextNumberID,
            "IntegrationData": text.IntegrationData,
            "LastMessage": {
                "TextMessageID": next(self._ids),
                "Message": text.LastMessage.Message,
                "Contact": {"PrimaryPhone": text.LastMessage.Contact.PrimaryPhone},
            },
        }
        self.of(account).conversations.append(conversation)
        return conversation

    def find_reference(self, reference: str) -> tuple[str, dict[str, Any]] | None:
        """Find the newest text sent with a reference, and the id of its account."""
        for account_id, ledger in self._ledgers.items():
            for conversation in reversed(ledger.conversations):
                if conversation["IntegrationData"] == reference:
                    return account_id, conversation
        return None

    def forget(self, *, accounts: bool) -> None:
        if accounts:
            self._ledgers.clear()
        for ledger in self._ledgers.values():
            ledger.conversations.clear()


def text_numbers(account: Account) -> list[dict[str, Any]]:
    """Return an account's text numbers as the platform shows them, oldest first."""
    ordered = sorted(account.text_numbers, key=lambda number: account.number_ids[number])
    return [
        {
            "TextNumberID": account.number_ids[number],
            "TextPhoneNumber": to_digits(number),
            "Name": f"Text number {position}",
            "Description": "",
            "IsDefault": position == 1,
        }
        for position, number in enumerate(ordered, start=1)
    ]
