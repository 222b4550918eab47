"""What a platform is to the rest of the house: a name and the capabilities it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from concord.domain.outbound import Endpoint
from concord.ports import (
    AccountChecker,
    BulkSender,
    ConsentPeer,
    ContactPeer,
    ShopperSource,
    TextSender,
    TopicAdapter,
    WebhookAdapter,
)

if TYPE_CHECKING:  # httpx costs more to load than a webhook's whole answer
    import httpx


NO_URL: Final = ""


class Http(Protocol):
    """Gives adapters their guarded HTTP client (allowed hosts, https, no private addresses)."""

    def client(self, base_url: str) -> httpx.Client:
        """Return a client for this base URL. Raises PermanentError `host_not_allowed`."""


@dataclass(frozen=True, slots=True)
class Platform:
    """One platform. A capability that is None does not exist there.

    Factories are called lazily, so that importing the registry loads no client. `topic` reads
    what a queue of our own brings, which no signature has to prove.

    `default_url` is where its API is for everybody, NO_URL where an SDK finds it, None where each
    account has an address of its own. Of a sender: `answers_stop` says whether its carrier side
    confirms STOP and HELP itself, so that we stay silent; a merchant's setting overrides it. `rate`
    is how many texts a second an ordinary account may send, or, where `paced_by_segments`, segments
    of texts; a setting overrides it too.
    """

    name: str
    webhook: Callable[[], WebhookAdapter] | None = None
    topic: Callable[[], TopicAdapter] | None = None
    sender: Callable[[Endpoint, Http], TextSender] | None = None
    bulk_sender: Callable[[Endpoint, Http], BulkSender] | None = None
    consent_peer: Callable[[Endpoint, Http], ConsentPeer] | None = None
    shopper_source: Callable[[Endpoint, Http], ShopperSource] | None = None
    contact_peer: Callable[[Endpoint, Http], ContactPeer] | None = None
    checker: Callable[[Endpoint, Http], AccountChecker] | None = None
    default_url: str | None = None
    answers_stop: bool = False
    rate: float = 1.0
    paced_by_segments: bool = False
