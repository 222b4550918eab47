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
    REFUSED,
    UNCHANGED,
    UPDATED,
    WRITTEN,
)
from concord.domain.contacts import Subscriber, SubscriberStatus
from concord.domain.errors import PermanentError, RetryableError
from concord.domain.evidence import ConsentKey
from concord.domain.exports import Export
from concord.domain.identity import Channel
from concord.domain.marks import State
from concord.ports import ConsentStore, ContactPeer
from concord.ports.contacts import Exports
from concord.services.contact_of import ContactOf, Wanted
from concord.services.note_echo import NoteEcho

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
        self,
        connection: Connection,
        peer: ContactPeer,
        list_id: str,
        plan: Mapping[str, str],
        *,
        waits: bool = True,
    ) -> dict[str, str]:
        """Write those whom the plan names as written, as they are now; safe to repeat.

        Returns the plan as it came out: who lost her address or opted out since is left out of it.
        A platform may pass over somebody and not say so. As long as `waits`, the list may only be
        slow (RetryableError); after that she is `refused`, if others of the call stand there.
        Raises the PlatformErrors, and RetryableError if somebody has to be written once more.
        """
        wanted = [name for name, outcome in plan.items() if outcome in WRITTEN]
        judged = self._judge(connection, wanted)
        left = {n: j.outcome for n, j in judged.items() if j.outcome in (NO_EMAIL, OPTED_OUT)}
        rest = {name: each for name, each in judged.items() if name not in left}
        passed_over = self._call(connection, peer, list_id, rest, waits=waits) if rest else ()
        return {**plan, **left, **dict.fromkeys(passed_over, REFUSED)}

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
        judged: Mapping[str, _Judged],
        *,
        waits: bool,
    ) -> Collection[str]:
        """Write them and note it; return those whom the platform passed over."""
        rows = {n: (j.wanted, j.before) for n, j in judged.items() if j.wanted is not None}
        found = list(rows.values())
        new = {name: wanted for name, (wanted, before) in rows.items() if before is None}
        self._note_ours(connection, found)
        try:
            inserted = peer.upsert_many(list_id, [wanted.contact for wanted, _ in found])
        except PermanentError:
            if len(found) == 1:
                self._were_there(connection, new, dict.fromkeys(new))
            raise
        # The last, for all were written with her; and the new ones, if not all of them are new.
        looks = {*list(rows)[-1:], *(new if inserted < len(new) else ())}
        shown = {name: peer.subscriber(list_id, rows[name][0].contact.email) for name in looks}
        if not all(_stands(shown[name], rows[name][0]) for name in looks):
            if waits:
                raise RetryableError("the list does not show the fields yet")
            rest = [name for name in rows if name not in looks]
            shown |= {n: peer.subscriber(list_id, rows[n][0].contact.email) for n in rest}
        self._were_there(connection, new, shown)
        over = frozenset(name for name, she in shown.items() if not _stands(she, rows[name][0]))
        if len(over) == len(rows):
            raise PermanentError("the list shows nobody of those written", reason=REFUSED)
        written = [row for name, row in rows.items() if name not in over]
        noted = _side_by_side(lambda row: self._exports.put(row[0].export, row[1]), written)
        if not all(noted):
            raise RetryableError("a contact was written by somebody else meanwhile")
        return over

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
        self,
        connection: Connection,
        new: Mapping[str, Wanted],
        shown: Mapping[str, Subscriber | None],
    ) -> None:
        """Take the mark back from who is not subscribed to the list: she was in it already, or was
        not taken. `shown` = who was looked at."""
        for name in new.keys() & shown.keys():
            she = shown[name]
            if she is None or she.status is not SubscriberStatus.SUBSCRIBED:
                self._note_echo.added_nobody(connection, new[name].point_id)


def _judged(wanted: Wanted | None, before: Export | None, opted_out: Collection[str]) -> _Judged:
    if wanted is None:
        return _Judged(NO_EMAIL)
    if wanted.point_id in opted_out:
        return _Judged(OPTED_OUT)
    if before is None:
        return _Judged(CREATED, wanted)
    same = before.digest == wanted.export.digest
    return _Judged(UNCHANGED if same else UPDATED, wanted, before)


def _stands(shown: Subscriber | None, wanted: Wanted) -> bool:
    """Whether the list shows her as she was written."""
    return shown is not None and shown.shows(wanted.contact.fields)


def _side_by_side[T, R](write: Callable[[T], R], rows: Sequence[T]) -> list[R]:
    """Write rows that have nothing to do with one another; the first failure is raised."""
    with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
        return list(pool.map(write, rows))
