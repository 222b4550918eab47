"""Write many customers to the list with one call, beside pushes that write one of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

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
from concord.domain.errors import PermanentError, RetryableError
from concord.domain.evidence import ConsentKey
from concord.domain.exports import Export
from concord.domain.identity import Channel
from concord.domain.marks import State
from concord.ports import ConsentStore, ContactPeer
from concord.ports.contacts import Exports
from concord.services.note_echo import NoteEcho
from concord.services.push_contact import ContactOf, Wanted

# Rows written side by side; the SDK keeps ten connections open.
_WORKERS: Final = 8


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
        note_echo: NoteEcho,
    ) -> None:
        self._store = store
        self._contact_of = contact_of
        self._exports = exports
        self._note_echo = note_echo

    def plan(self, connection: Connection, names: Iterable[str]) -> dict[str, str]:
        """Return what becomes of each: `created`, `updated`, or the reason to leave her out."""
        judged = self._judge(connection, list(names))
        return {name: each.outcome for name, each in judged.items()}

    def write(
        self, connection: Connection, peer: ContactPeer, list_id: str, plan: Mapping[str, str]
    ) -> dict[str, str]:
        """Write those whom the plan names as written, as they are now; safe to repeat.

        Returns the plan as it came out: who lost her address or opted out since is left out of it.
        Raises the PlatformErrors, and RetryableError if somebody has to be written once more.
        """
        wanted = [name for name, outcome in plan.items() if outcome in WRITTEN]
        judged = self._judge(connection, wanted)
        left = {n: j.outcome for n, j in judged.items() if j.outcome in (NO_EMAIL, OPTED_OUT)}
        rest = [each for name, each in judged.items() if name not in left]
        if rest:
            self._call(connection, peer, list_id, rest)
        return {**plan, **left}

    def _judge(self, connection: Connection, names: Sequence[str]) -> dict[str, _Judged]:
        """Say what becomes of each, with a few requests: their rows are read ahead of them."""
        where = (connection.merchant_id, connection.connection_id)
        before = self._exports.get_many(*where, names)
        wanted = self._contact_of.many(connection, names)
        out = self._opted_out(connection, wanted.values())
        return {name: _judged(wanted.get(name), before.get(name), out) for name in names}

    def _opted_out(self, connection: Connection, wanted: Iterable[Wanted]) -> set[str]:
        """Return the point ids of those who opted out of e-mail: nobody adds them to a list."""
        owner = (connection.merchant_id, connection.account, Channel.EMAIL)
        found = self._store.load_many([ConsentKey(*owner, each.point_id) for each in wanted])
        return {
            key.point_id
            for key, record in found.items()
            if record.marks.standing[0] is State.OPTED_OUT
        }

    def _call(
        self,
        connection: Connection,
        peer: ContactPeer,
        list_id: str,
        judged: Sequence[_Judged],
    ) -> None:
        found = [(each.wanted, each.before) for each in judged if each.wanted is not None]
        new = [wanted for wanted, before in found if before is None]
        self._note_ours(connection, found)
        try:
            inserted = peer.upsert_many(list_id, [wanted.contact for wanted, _ in found])
        except PermanentError:
            if len(found) == 1:
                self._were_there(connection, peer, list_id, new)
            raise
        last = found[-1][0].contact
        shown = peer.subscriber(list_id, last.email)
        if shown is None or not shown.shows(last.fields):
            raise RetryableError("the list does not show the fields yet")
        if inserted < len(new):
            self._were_there(connection, peer, list_id, new)
        noted = _side_by_side(lambda row: self._exports.put(row[0].export, row[1]), found)
        if not all(noted):
            raise RetryableError("a contact was written by somebody else meanwhile")

    def _note_ours(
        self, connection: Connection, found: Sequence[tuple[Wanted, Export | None]]
    ) -> None:
        """Note of each, before she is written, that it is us who do."""
        read = self._note_echo.read(connection, [wanted.point_id for wanted, _ in found])

        def note(each: tuple[Wanted, Export | None]) -> None:
            wanted, before = each
            known = read[wanted.point_id]
            if before is None:
                self._note_echo.adds(connection, wanted.point_id, known)
            else:
                self._note_echo.may_fire(connection, wanted.point_id, known)

        _side_by_side(note, found)

    def _were_there(
        self, connection: Connection, peer: ContactPeer, list_id: str, new: Sequence[Wanted]
    ) -> None:
        """Take the mark back from who is not subscribed to the list: she was in it already, or is
        refused."""
        for each in new:
            if _status(peer, list_id, each) is not SubscriberStatus.SUBSCRIBED:
                self._note_echo.added_nobody(connection, each.point_id)


def _judged(wanted: Wanted | None, before: Export | None, opted_out: Collection[str]) -> _Judged:
    if wanted is None:
        return _Judged(NO_EMAIL)
    if wanted.point_id in opted_out:
        return _Judged(OPTED_OUT)
    if before is None:
        return _Judged(CREATED, wanted)
    same = before.digest == wanted.export.digest
    return _Judged(UNCHANGED if same else UPDATED, wanted, before)


def _status(peer: ContactPeer, list_id: str, wanted: Wanted) -> SubscriberStatus | None:
    """Return how she stands in the list; None = she does not, and may not even be asked for."""
    try:
        shown = peer.subscriber(list_id, wanted.contact.email)
    except PermanentError:
        return None
    return shown.status if shown is not None else None


def _side_by_side[T, R](write: Callable[[T], R], rows: Sequence[T]) -> list[R]:
    """Write rows that have nothing to do with one another; the first failure is raised."""
    with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
        return list(pool.map(write, rows))
