"""Take what a shop's own loyalty system says of a customer's points: kept once, and told on."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from concord.domain.connection import Connection
from concord.domain.errors import ConflictError, InvalidInputError, StorageUnavailableError
from concord.domain.events import CreditChanged
from concord.domain.identity import Channel, normalise_email, point_id, shopper_key
from concord.domain.inbox import InboxEntry, InboxState, Marker, marker_of
from concord.ports import AlreadySeen, Clock, Committed, Merchants, Shoppers, Telemetry
from concord.ports.contacts import Credits
from concord.services.authenticate import Authenticated
from concord.services.contact_tasks import told_event

_ATTEMPTS: Final = 8
# As long as the body: so long it may be replayed. Whatever comes later is older than what is known.
_MARKER_LIFE: Final = timedelta(days=30)


class TakeCredit:
    """Applies a CreditChanged: the customer's row and the task of its event in one transaction.

    It needs no ids: the same credit again writes nothing, and of two words the one received last
    wins. Where an event has an id, a repeat of it is none even after others.
    """

    def __init__(
        self,
        *,
        merchants: Merchants,
        shoppers: Shoppers,
        credits: Credits,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._merchants = merchants
        self._shoppers = shoppers
        self._credits = credits
        self._clock = clock
        self._telemetry = telemetry

    def __call__(
        self, opened: Authenticated, event: CreditChanged, entry: InboxEntry, *, replayed: bool
    ) -> InboxState:
        """Return what became of it; all but PROCESSED leaves the body to be kept by the caller.

        KEPT = for a replay: nobody known has the address, or nothing is exported (yet). IGNORED =
        the points of this connection are ours. Raises ConflictError `event_id_reused`,
        InvalidInputError for an address that is none, StorageUnavailableError.
        """
        connection = opened.connection
        if not connection.exports_contacts or not connection.listens:
            return InboxState.KEPT
        if connection.settings.programme:
            self._telemetry.info("credit_ignored", connection_id=connection.connection_id)
            return InboxState.IGNORED
        name = self._customer(opened, event)
        if name is None:
            return InboxState.KEPT
        self._keep(connection, name, event, entry, replayed=replayed)
        return InboxState.PROCESSED

    def _keep(
        self,
        connection: Connection,
        name: str,
        event: CreditChanged,
        entry: InboxEntry,
        *,
        replayed: bool,
    ) -> None:
        """Write the change with its task; decide again where somebody else was first."""
        received_at = entry.request.received_at
        on = self._day(connection, received_at)
        for _ in range(_ATTEMPTS):
            known = self._credits.get(connection.merchant_id, connection.connection_id, name)
            credit = known.told(event, received_at, on)
            if credit is None:
                return
            marker = self._marker(event, entry)
            result = self._credits.save(
                credit,
                told_event(credit),
                self._clock.now(),
                inbox=None if replayed else entry,
                marker=marker,
            )
            if isinstance(result, Committed):
                self._telemetry.info("credit_taken", connection_id=connection.connection_id)
                return
            if isinstance(result, AlreadySeen):
                if marker is not None and result.marker.body_hash != marker.body_hash:
                    raise ConflictError("this event id was used before", code="event_id_reused")
                return
        raise StorageUnavailableError("a credit kept changing while it was decided")

    def _customer(self, opened: Authenticated, event: CreditChanged) -> str | None:
        """Return our name of the customer: by the shop's id of her, else by her address.

        Who is known by neither keeps the name that her id will have: she may be saved later.
        """
        connection, stack_key = opened.connection, opened.secrets.stack_key
        where = (connection.merchant_id, connection.connection_id)
        name = None
        if event.customer_id is not None:
            name = shopper_key(stack_key, connection.connection_id, event.customer_id)
            if event.email is None or self._shoppers.get(*where, name) is not None:
                return name
        address = _address(event)
        if address is None:
            return name
        point = point_id(stack_key, connection.merchant_id, Channel.EMAIL, address)
        carriers = self._shoppers.carrying(*where, point).shopper_ids
        if not carriers:
            return name
        return shopper_key(stack_key, connection.connection_id, min(carriers))

    def _day(self, connection: Connection, at: datetime) -> date:
        merchant = self._merchants.get(connection.merchant_id)
        if merchant is None:
            raise StorageUnavailableError("the merchant of a connection is not there")
        return at.astimezone(ZoneInfo(merchant.time_zone)).date()

    def _marker(self, event: CreditChanged, entry: InboxEntry) -> Marker | None:
        if event.event_id is None:
            return None
        return marker_of(entry, event.event_id, expires_at=self._clock.now() + _MARKER_LIFE)


def _address(event: CreditChanged) -> str | None:
    """Return her address, if one was told. Raises InvalidInputError if it is none, and all."""
    if event.email is None:
        return None
    try:
        return normalise_email(event.email)
    except InvalidInputError:
        if event.customer_id is None:
            raise
        return None
