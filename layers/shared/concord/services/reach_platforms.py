"""Reach the platforms of a connection: endpoint, credentials and adapter in one place."""

from __future__ import annotations

from concord.domain.connection import Connection
from concord.domain.outbound import Endpoint
from concord.ports import (
    AccountChecker,
    BulkSender,
    ConsentPeer,
    ContactPeer,
    Platforms,
    ShopperSource,
    TextSender,
)
from concord.services.authenticate import Authenticator


class ReachPlatforms:
    """Builds adapters for the sides of a connection."""

    def __init__(self, platforms: Platforms, authenticator: Authenticator) -> None:
        self._platforms = platforms
        self._authenticator = authenticator

    def consent_peer(self, connection: Connection, platform: str) -> ConsentPeer | None:
        """Return the adapter that keeps a consent flag there, if that side has the capability."""
        endpoint = self._endpoint(connection, platform)
        return self._platforms.consent_peer(platform, endpoint) if endpoint else None

    def sender(self, connection: Connection, platform: str = "") -> TextSender | None:
        """Return the adapter that carries this connection's texts, or did: by its name then."""
        platform = platform or connection.sender_platform
        endpoint = self._endpoint(connection, platform)
        return self._platforms.sender(platform, endpoint) if endpoint else None

    def shopper_source(self, connection: Connection) -> ShopperSource | None:
        """Return the adapter that lists the shop's groups and shoppers, if it can."""
        platform = connection.source.platform
        endpoint = self._endpoint(connection, platform)
        return self._platforms.shopper_source(platform, endpoint) if endpoint else None

    def bulk_sender(self, connection: Connection) -> BulkSender | None:
        """Return the adapter that carries one text to many at once, if the sender has that."""
        platform = connection.sender_platform
        endpoint = self._endpoint(connection, platform)
        return self._platforms.bulk_sender(platform, endpoint) if endpoint else None

    def contact_peer(self, connection: Connection, platform: str) -> ContactPeer | None:
        """Return the adapter that keeps contacts there, if that side has the capability."""
        endpoint = self._endpoint(connection, platform)
        return self._platforms.contact_peer(platform, endpoint) if endpoint else None

    def checker(self, connection: Connection, platform: str) -> AccountChecker | None:
        """Return the adapter that can prove its credentials."""
        endpoint = self._endpoint(connection, platform)
        return self._platforms.checker(platform, endpoint) if endpoint else None

    def _endpoint(self, connection: Connection, platform: str) -> Endpoint | None:
        side = connection.side(platform)
        if side is None:
            return None
        secrets = self._authenticator.with_secrets(connection).secrets
        return Endpoint(
            account_id=side.account_id,
            base_url=side.base_url,
            settings=side.settings,
            credentials=secrets.credentials(connection, platform),
        )
