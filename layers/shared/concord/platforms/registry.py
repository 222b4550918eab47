"""The one list of platforms, and the capabilities of each by name."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Sequence
from typing import Final

from concord.domain.outbound import Endpoint
from concord.platforms.base import Http, Platform
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

# Platform as URLs and settings name it -> its folder here. One line each; a folder is imported
# when its platform is first used, because a cold webhook pays for every import.
PLATFORMS: Final = {
    "aws": "aws_messaging",
    "catapult": "catapult",
    "ecomail": "ecomail",
    "ellity": "ellity",
    "text_em_all": "text_em_all",
    "twilio": "twilio",
}


def platform_named(name: str) -> Platform | None:
    """Return the platform, None when nobody registered it."""
    return _load(name) if name in PLATFORMS else None


@functools.cache
def _load(name: str) -> Platform:
    folder = PLATFORMS[name]
    found = importlib.import_module(f"concord.platforms.{folder}").PLATFORM
    if not isinstance(found, Platform) or found.name != name:
        raise TypeError(f"platform folder {folder} declares no PLATFORM named {name}")
    return found


class PlatformRegistry:
    """Implements ports.Platforms.

    The guarded HTTP client is made when the first capability that calls out is asked for, so a
    function that only parses webhooks never loads httpx.
    """

    def __init__(
        self,
        allowed_hosts: Sequence[str] = (),
        *,
        allow_private: bool = False,
        http: Http | None = None,
    ) -> None:
        self._allowed_hosts = tuple(allowed_hosts)
        self._allow_private = allow_private
        self._given_http = http

    @functools.cached_property
    def _http(self) -> Http:
        if self._given_http is not None:
            return self._given_http
        from concord.platforms.http import GuardedHttp

        return GuardedHttp(self._allowed_hosts, allow_private=self._allow_private)

    def webhook(self, platform: str) -> WebhookAdapter | None:
        """Return the adapter for webhooks of this platform."""
        found = platform_named(platform)
        return found.webhook() if found and found.webhook else None

    def topic(self, platform: str) -> TopicAdapter | None:
        """Return the adapter for what a queue of our own brings from this platform."""
        found = platform_named(platform)
        return found.topic() if found and found.topic else None

    def sender(self, platform: str, endpoint: Endpoint) -> TextSender | None:
        """Return what carries texts there. Raises PermanentError `host_not_allowed`."""
        found = platform_named(platform)
        return found.sender(endpoint, self._http) if found and found.sender else None

    def bulk_sender(self, platform: str, endpoint: Endpoint) -> BulkSender | None:
        """Return what carries a text to many. Raises PermanentError `host_not_allowed`."""
        found = platform_named(platform)
        return found.bulk_sender(endpoint, self._http) if found and found.bulk_sender else None

    def takes_bulk(self, platform: str) -> bool:
        """Whether one call there can carry a text to many."""
        found = platform_named(platform)
        return found is not None and found.bulk_sender is not None

    def rate(self, platform: str, segments: int = 1) -> float:
        """Return how many texts of so many segments an ordinary account may send in a second."""
        found = platform_named(platform)
        if found is None:
            return 1.0
        return found.rate / max(segments, 1) if found.paced_by_segments else found.rate

    def consent_peer(self, platform: str, endpoint: Endpoint) -> ConsentPeer | None:
        """Return what keeps a consent flag there. Raises PermanentError `host_not_allowed`."""
        found = platform_named(platform)
        return found.consent_peer(endpoint, self._http) if found and found.consent_peer else None

    def shopper_source(self, platform: str, endpoint: Endpoint) -> ShopperSource | None:
        """Return what lists groups and shoppers. Raises PermanentError `host_not_allowed`."""
        found = platform_named(platform)
        source = found.shopper_source if found else None
        return source(endpoint, self._http) if source else None

    def contact_peer(self, platform: str, endpoint: Endpoint) -> ContactPeer | None:
        """Return what keeps contacts there. Raises PermanentError `host_not_allowed`."""
        found = platform_named(platform)
        return found.contact_peer(endpoint, self._http) if found and found.contact_peer else None

    def checker(self, platform: str, endpoint: Endpoint) -> AccountChecker | None:
        """Return what can prove credentials there. Raises PermanentError `host_not_allowed`."""
        found = platform_named(platform)
        return found.checker(endpoint, self._http) if found and found.checker else None
