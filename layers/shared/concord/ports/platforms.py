"""The capabilities that a platform can have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from concord.domain.contacts import (
    Contact,
    ContactList,
    FieldKind,
    NewList,
    Subscriber,
    TrackerEvent,
)
from concord.domain.events import ParsedWebhook, RawRequest, SecretValue, WebhookAnswer
from concord.domain.outbound import (
    AccountFacts,
    BulkHandedOver,
    BulkText,
    ConsentPush,
    Endpoint,
    HandedOver,
    OutboundText,
)
from concord.domain.source import SourceGroup, SourcePage, SourceShopper


class TextSender(Protocol):
    """Can carry one text."""

    def send(self, text: OutboundText) -> HandedOver:
        """Hand one text over. Raises the PlatformErrors of domain/errors.py; a lost answer is
        OutcomeUnknownError, never RetryableError. PermanentError `invalid_number` and
        OptedOutAtCarrierError are about the number, every other error is not (R-07)."""

    def find(self, text: OutboundText) -> HandedOver | None:
        """Look a text up by its reference (or what the platform offers); None = not there.
        Raises PermanentError with reason `lookup_unsupported` where it cannot be known."""


class BulkSender(Protocol):
    """Can carry one text to many numbers in one call."""

    def send_bulk(self, text: BulkText) -> BulkHandedOver:
        """Hand a slice over. Raises as TextSender.send; OptedOutAtCarrierError = nobody is left."""

    def find_bulk(self, text: BulkText) -> BulkHandedOver | None:
        """Look a call up by its reference; None = it never arrived. Raises PermanentError with
        reason `lookup_unsupported` where it cannot be known."""


class ConsentPeer(Protocol):
    """Keeps a consent flag per point."""

    def set_consent(self, push: ConsentPush) -> bool:
        """Set the flag; False when nobody there carries this point (unmatched). Idempotent."""


class ShopperSource(Protocol):
    """Can be read for its groups and its shoppers, page by page.

    `cursor` None = the first page; any other came with the page before. Both raise the
    PlatformErrors of domain/errors.py; a page that cannot be read is RetryableError, one that can
    never be followed PermanentError. An entry that cannot be read spoils no page.
    """

    def groups(self, cursor: str | None) -> SourcePage[SourceGroup]:
        """Return the next groups."""

    def shoppers(self, cursor: str | None) -> SourcePage[SourceShopper]:
        """Return the next shoppers, guests too, each with all her numbers and groups."""


class ContactPeer(Protocol):
    """Keeps lists of contacts, with fields, and takes events about them.

    All raise the PlatformErrors of domain/errors.py; CredentialsRejectedError says where the key
    is found. All but `make_list` and `emit` may be repeated, so a lost answer is RetryableError;
    of those two it is OutcomeUnknownError, for a repeat may do it twice.
    """

    def lists(self) -> tuple[ContactList, ...]:
        """Return every list of the account."""

    def make_list(self, wanted: NewList) -> ContactList:
        """Make a list and return it with its id."""

    def ensure_fields(self, list_id: str, fields: Mapping[str, FieldKind]) -> int:
        """Make the fields that the list lacks and return how many those were; all others stay.
        Raises PermanentError `fields_not_made` if they are not there afterwards."""

    def upsert(self, list_id: str, contact: Contact) -> bool:
        """Add a contact or change it; whether it is new there. Nobody is subscribed again who
        left, and no mail or automation is set off."""

    def update(self, list_id: str, contact: Contact) -> bool:
        """Change a contact, and never its subscription; False = it is not there."""

    def upsert_many(self, list_id: str, contacts: Sequence[Contact]) -> int:
        """As `upsert`, in as few calls as the platform allows; return how many it counted as new.
        A call that fails ends it: those before are done, and all may be repeated."""

    def subscriber(self, list_id: str, email: str) -> Subscriber | None:
        """Return a contact as it stands in the list; None = it is not there."""

    def emit(self, event: TrackerEvent) -> None:
        """Tell an event. The contact has to be in a list: PermanentError `unknown_subscriber`."""


class AccountChecker(Protocol):
    """Can prove that its credentials work."""

    def check(self) -> AccountFacts:
        """Make one cheap live call. Raises CredentialsRejectedError or RetryableError."""


class WebhookAdapter(Protocol):
    """Turns their HTTP into our events. All methods are total: no input makes them raise anything
    but UnparseableError from `parse`."""

    @property
    def success(self) -> WebhookAnswer: ...

    @property
    def signs_url(self) -> bool:
        """Whether `verify` needs the URL that was called."""

    def unsigned(self, request: RawRequest) -> bool:
        """Whether it bears no signature and may come so, if the connection's settings allow it."""

    def verify(
        self,
        request: RawRequest,
        secrets: Sequence[SecretValue],
        credentials: Mapping[str, str],
    ) -> bool:
        """Whether the platform signed these bytes. `request.received_at` is the clock."""

    def parse(self, request: RawRequest, settings: Mapping[str, Any]) -> ParsedWebhook: ...


class TopicAdapter(WebhookAdapter, Protocol):
    """Reads what a queue of our own brings: the queue proves the sender, no path says whose."""

    def our_number(self, message: Mapping[str, object]) -> str:
        """Return the number (E.164) of ours that the message is about, "" if it names none."""


class Platforms(Protocol):
    """The capabilities of every platform, by name; None = it has no such capability."""

    def webhook(self, platform: str) -> WebhookAdapter | None: ...

    def topic(self, platform: str) -> TopicAdapter | None: ...

    def sender(self, platform: str, endpoint: Endpoint) -> TextSender | None: ...

    def bulk_sender(self, platform: str, endpoint: Endpoint) -> BulkSender | None: ...

    def takes_bulk(self, platform: str) -> bool:
        """Whether one call there can carry a text to many. No credentials are needed to know."""

    def rate(self, platform: str, segments: int = 1) -> float:
        """Return how many texts of so many segments a sender of this platform takes in a second,
        unless the connection's settings say (`settings.rate`)."""

    def consent_peer(self, platform: str, endpoint: Endpoint) -> ConsentPeer | None: ...

    def shopper_source(self, platform: str, endpoint: Endpoint) -> ShopperSource | None: ...

    def contact_peer(self, platform: str, endpoint: Endpoint) -> ContactPeer | None: ...

    def checker(self, platform: str, endpoint: Endpoint) -> AccountChecker | None: ...
