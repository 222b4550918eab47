"""Who is told that points moved: the connections that export the contacts of that programme."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from concord.domain.connection import Connection
from concord.domain.points.account import Account
from concord.domain.points.posting import Posting
from concord.domain.tasks import TaskSpec
from concord.ports import Clock, Connections
from concord.services.contact_tasks import credit_event

# Each leaves its event in the transaction of a posting, and the night's have no room for more.
MOST_TOLD: Final = 3
# As long as a connection itself may be remembered: settings hold everywhere within five seconds.
_REMEMBERED: Final = timedelta(seconds=5)


def telling(connections: Iterable[Connection], programme_id: str) -> tuple[Connection, ...]:
    """Return the connections that export the members of a programme. Of more than MOST_TOLD, which
    is refused where it is set, always the same: points move whatever stands there."""
    found = (c for c in connections if c.exports_contacts and c.settings.programme == programme_id)
    return tuple(sorted(found, key=lambda each: each.connection_id)[:MOST_TOLD])


class TellOfPoints:
    """Finds whom a posting concerns. A merchant has few connections; they are read once in five
    seconds, so that a night of postings does not ask for them ten thousand times."""

    def __init__(self, connections: Connections, clock: Clock) -> None:
        self._connections = connections
        self._clock = clock
        self._known: dict[str, tuple[datetime, tuple[Connection, ...]]] = {}

    def __call__(self, posting: Posting) -> Sequence[TaskSpec]:
        """Return the tasks that the transaction of a posting inserts."""
        specs = (credit_event(c.connection_id, posting) for c in self.told(posting.account))
        return [spec for spec in specs if spec is not None]

    def told(self, account: Account) -> Sequence[Connection]:
        """Return the connections that export this member's contact."""
        if not account.member:
            return ()
        return telling(self._exporting(account.key.merchant_id), account.key.programme_id)

    def _exporting(self, merchant_id: str) -> tuple[Connection, ...]:
        now = self._clock.now()
        until, known = self._known.get(merchant_id, (now, ()))
        if now >= until:
            found = self._connections.of_merchant(merchant_id)
            known = tuple(each for each in found if each.exports_contacts and each.listens)
            self._known[merchant_id] = (now + _REMEMBERED, known)
        return known
