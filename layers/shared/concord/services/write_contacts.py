"""Write many customers to the list with one call, beside pushes that write one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from concord.domain.connection import Connection
from concord.domain.contact_export import (
    CREATED,
    NO_EMAIL,
    OPTED_OUT,
    UNCHANGED,
    UPDATED,
    WRITTEN,
)
from concord.domain.contacts import SubscriberStatus
from concord.domain.errors import RetryableError
from concord.domain.exports import Export
from concord.ports import ConsentStore, ContactPeer
from concord.ports.contacts import Exports, Subscriptions
from concord.services.push_contact import ContactOf, Wanted, note_ours, opted_out


@dataclass(frozen=True, slots=True)
class _Judged:
    """What becomes of a customer. `wanted` is there if she has an address, and `before` what her
    row said ahead of that."""

    outcome: str
    wanted: Wanted | None = None
    before: Export | None = None


class WriteContacts:
    """Decides about customers, and writes those who are to be written.

    A push of one of them may run at the same time, and the older of the two states may reach the
    list last. So whoever writes has read her row before (a push: her state) and notes his write on
    the row that he read. Where two calls overlapped, the second note is refused, and its writer
    reads and writes her once more, now the newest state. For that the row is read ahead of the
    state: a push that ended in between changed the row, so our note is refused. What a killed
    worker may have written is not known, so whoever was planned is written again, unchanged or not.
    """

    def __init__(
        self,
        *,
        store: ConsentStore,
        contact_of: ContactOf,
        exports: Exports,
        subscriptions: Subscriptions,
    ) -> None:
        self._store = store
        self._contact_of = contact_of
        self._exports = exports
        self._subscriptions = subscriptions

    def plan(self, connection: Connection, names: Iterable[str]) -> dict[str, str]:
        """Return what becomes of each: `created`, `updated`, or the reason to leave her out."""
        return {name: self._judge(connection, name).outcome for name in names}

    def write(
        self, connection: Connection, peer: ContactPeer, list_id: str, plan: Mapping[str, str]
    ) -> dict[str, str]:
        """Write those whom the plan names as written, as they are now; safe to repeat.

        Returns the plan as it came out: who lost her address or opted out since is left out of it.
        Raises the PlatformErrors, and RetryableError if somebody has to be written once more.
        """
        wanted = [name for name, outcome in plan.items() if outcome in WRITTEN]
        judged = {name: self._judge(connection, name) for name in wanted}
        left = {n: j.outcome for n, j in judged.items() if j.outcome in (NO_EMAIL, OPTED_OUT)}
        rest = [each for name, each in judged.items() if name not in left]
        if rest:
            self._call(connection, peer, list_id, rest)
        return {**plan, **left}

    def _judge(self, connection: Connection, name: str) -> _Judged:
        before = self._exports.get(connection.merchant_id, connection.connection_id, name)
        wanted = self._contact_of(connection, name)
        if wanted is None:
            return _Judged(NO_EMAIL)
        if opted_out(self._store, connection, wanted.point_id):
            return _Judged(OPTED_OUT)
        if before is None:
            return _Judged(CREATED, wanted)
        same = before.digest == wanted.export.digest
        return _Judged(UNCHANGED if same else UPDATED, wanted, before)

    def _call(
        self,
        connection: Connection,
        peer: ContactPeer,
        list_id: str,
        judged: Sequence[_Judged],
    ) -> None:
        found = [(each.wanted, each.before) for each in judged if each.wanted is not None]
        new = [wanted for wanted, before in found if before is None]
        for each in new:
            note_ours(self._subscriptions, connection, each, subscribed=True)
        inserted = peer.upsert_many(list_id, [wanted.contact for wanted, _ in found])
        last = found[-1][0].contact
        shown = peer.subscriber(list_id, last.email)
        if shown is None or not shown.shows(last.fields):
            raise RetryableError("the list does not show the fields yet")
        if inserted < len(new):
            self._were_there(connection, peer, list_id, new)
        noted = [self._exports.put(wanted.export, before) for wanted, before in found]
        if not all(noted):
            raise RetryableError("a contact was written by somebody else meanwhile")

    def _were_there(
        self, connection: Connection, peer: ContactPeer, list_id: str, new: Sequence[Wanted]
    ) -> None:
        """Take the mark back from who was in the list already, and is not subscribed to it."""
        for each in new:
            shown = peer.subscriber(list_id, each.contact.email)
            if shown is None or shown.status is not SubscriberStatus.SUBSCRIBED:
                note_ours(self._subscriptions, connection, each, subscribed=False)
