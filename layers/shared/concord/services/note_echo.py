"""Note that we subscribe somebody, before we do: the list tells us of it as of a sign-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from concord.domain.connection import Connection
from concord.domain.errors import RetryableError
from concord.domain.exports import Subscription
from concord.ports import Clock
from concord.ports.contacts import Subscriptions

_ROUNDS: Final = 10


class NoteEcho:
    """Keeps when we last subscribed an address ourselves: only a sign-up of hers earns a reward,
    and what a webhook tells of our own write is none (ECO-11, `domain/sign_ups.py`)."""

    def __init__(self, subscriptions: Subscriptions, clock: Clock) -> None:
        self._subscriptions = subscriptions
        self._clock = clock

    def read(self, connection: Connection, point_ids: Sequence[str]) -> Mapping[str, Subscription]:
        """Read what is known of many, for `adds` and `may_fire`."""
        where = (connection.merchant_id, connection.connection_id, connection.contact_list or "")
        return self._subscriptions.get_many(*where, point_ids)

    def adds(self, connection: Connection, point_id: str, read: Subscription | None = None) -> None:
        """Note that a customer is about to be added to the list: she did not sign up herself.
        `read` = what was read of her a moment ago. Raises RetryableError."""
        self._note(connection, point_id, subscribed=True, writes=True, read=read)

    def added_nobody(self, connection: Connection, point_id: str) -> None:
        """Note that she was in the list already, and is not subscribed to it."""
        self._note(connection, point_id, subscribed=False, writes=False)

    def may_fire(
        self, connection: Connection, point_id: str, read: Subscription | None = None
    ) -> None:
        """Note that a call about her is about to be made that may fire the list's webhook."""
        self._note(connection, point_id, subscribed=None, writes=True, read=read)

    def _note(
        self,
        connection: Connection,
        point_id: str,
        *,
        subscribed: bool | None,
        writes: bool,
        read: Subscription | None = None,
    ) -> None:
        where = (connection.merchant_id, connection.connection_id, connection.contact_list or "")
        for _ in range(_ROUNDS):
            known = read or self._subscriptions.get(*where, point_id)
            read = None
            wanted = replace(known, wrote_at=self._clock.now()) if writes else known
            # Her own sign-up or leaving stays what it is until it is settled.
            if subscribed is not None and known.settled == known.changes:
                wanted = replace(wanted, subscribed=subscribed)
            if wanted == known:
                return
            if self._subscriptions.save(replace(wanted, version=known.version + 1)):
                return
        raise RetryableError("this subscription kept changing")
