"""Contact lists of the platform that shoppers are exported to: choose one, and get it ready."""

from __future__ import annotations

from concord.domain.connection import Connection
from concord.domain.contacts import ELLITY_FIELDS, ContactList, NewList
from concord.domain.credentials import ConnectionSecrets
from concord.domain.errors import (
    ConflictError,
    CredentialsRejectedError,
    FieldError,
    InvalidInputError,
)
from concord.domain.outbound import Endpoint
from concord.ports import Connections, ContactPeer, Platforms
from concord.services.change_connection import find_connection
from concord.services.reach_platforms import ReachPlatforms


class ContactLists:
    """What an operator does between giving the API key and connecting (ECO-03..05, ECO-20)."""

    def __init__(
        self, connections: Connections, reach: ReachPlatforms, platforms: Platforms
    ) -> None:
        self._connections = connections
        self._reach = reach
        self._platforms = platforms

    def prove(self, connection: Connection, secrets: ConnectionSecrets) -> None:
        """Ask the platform whether the key is good, before anything is stored (ECO-03).

        Raises InvalidInputError `invalid_api_key` with the platform's hint; RetryableError where it
        cannot be reached, which says nothing of the key (ECO-20).
        """
        side = connection.destination
        if not connection.exports_contacts:
            return
        endpoint = Endpoint(
            account_id=side.account_id,
            base_url=side.base_url,
            settings=side.settings,
            credentials=secrets.credentials(connection, side.platform),
        )
        checker = self._platforms.checker(side.platform, endpoint)
        if checker is None:
            return
        try:
            checker.check()
        except CredentialsRejectedError as refused:
            raise _bad_key(refused) from None

    def lists(self, connection_id: str) -> tuple[ContactList, ...]:
        """Return the lists of the account as they are now (ECO-04)."""
        peer = self._peer(connection_id)
        try:
            return peer.lists()
        except CredentialsRejectedError as refused:
            raise _bad_key(refused) from None

    def make(self, connection_id: str, wanted: NewList) -> ContactList:
        """Make a list there. OutcomeUnknownError: look at the lists before another try."""
        peer = self._peer(connection_id)
        try:
            return peer.make_list(wanted)
        except CredentialsRejectedError as refused:
            raise _bad_key(refused) from None

    def activate(self, connection: Connection) -> None:
        """Make the fields that the chosen list lacks (ECO-05): the second time none.

        Raises ConflictError `no_list`, InvalidInputError `invalid_api_key`, RetryableError.
        """
        if not connection.exports_contacts:
            return
        if connection.contact_list is None:
            raise ConflictError(
                "no contact list is chosen: see GET .../lists, then PATCH the connection with "
                "destination.settings.list_id",
                code="no_list",
            )
        peer = self._reach.contact_peer(connection, connection.destination.platform)
        if peer is None:
            return
        try:
            peer.ensure_fields(connection.contact_list, ELLITY_FIELDS)
        except CredentialsRejectedError as refused:
            raise _bad_key(refused) from None

    def _peer(self, connection_id: str) -> ContactPeer:
        connection = find_connection(self._connections, connection_id)
        peer = self._reach.contact_peer(connection, connection.destination.platform)
        if peer is None:
            raise ConflictError(
                f"{connection.destination.platform} keeps no contact lists", code="no_lists"
            )
        return peer


def _bad_key(refused: CredentialsRejectedError) -> InvalidInputError:
    hint = refused.detail or "the platform refused the API key: check it"
    return InvalidInputError(
        "refused: destination.credentials",
        code="invalid_api_key",
        errors=(FieldError("destination.credentials", hint),),
    )
