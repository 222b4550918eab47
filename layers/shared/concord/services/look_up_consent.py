"""Show what is known of one number or address, and every event that made it so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from concord.domain.evidence import ConsentKey, Evidence
from concord.domain.identity import Channel, point_id
from concord.domain.marks import Basis, Marks, State
from concord.domain.profiles import SignalKind
from concord.domain.times import to_rfc3339
from concord.ports import Connections, ConsentStore
from concord.services.authenticate import Authenticator
from concord.services.change_connection import find_connection
from concord.services.record_consent import normalised


@dataclass(frozen=True, slots=True)
class Suppression:
    """Nothing reaches this number (R-07). `since` is the newest report of a carrier, `reason` the
    carrier's code in it, `hard_failure` if it gave none."""

    since: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class ConsentView:
    """State and history of one consent key; `suppressed` None = it can be texted, consent aside."""

    key: ConsentKey
    point: str = field(repr=False)
    state: State
    basis: Basis | None
    updated_at: datetime | None
    events: tuple[Evidence, ...]
    suppressed: Suppression | None = None


class LookUpConsent:
    """Looks points up; a point never seen is `unknown`, not an error."""

    def __init__(
        self, connections: Connections, authenticator: Authenticator, store: ConsentStore
    ) -> None:
        self._connections = connections
        self._authenticator = authenticator
        self._store = store

    def key(
        self, connection_id: str, channel: Channel, point: str, field: str = "point"
    ) -> tuple[ConsentKey, str]:
        """Return the consent key of a point, and the point in its one form.

        Raises InvalidInputError `invalid_phone`, `invalid_email` naming the `field` it came in.
        """
        connection = find_connection(self._connections, connection_id)
        opened = self._authenticator.with_secrets(connection)
        normal = normalised(channel, point, connection, field)
        identity = point_id(opened.secrets.stack_key, connection.merchant_id, channel, normal)
        return ConsentKey(connection.merchant_id, connection.account, channel, identity), normal

    def __call__(self, connection_id: str, channel: Channel, point: str) -> ConsentView:
        """Return state and events. Raises InvalidInputError `invalid_phone`, `invalid_email`."""
        key, normal = self.key(connection_id, channel, point)
        record = self._store.load(key)
        if record is None:
            return ConsentView(key, normal, State.UNKNOWN, None, None, ())
        state, basis = record.marks.standing
        events = tuple(self._store.evidence(key))
        suppressed = _suppression(record.marks, events)
        return ConsentView(key, normal, state, basis, record.updated_at, events, suppressed)


def _suppression(marks: Marks, events: Sequence[Evidence]) -> Suppression | None:
    if marks.dead_at is None or not marks.suppressed:
        return None
    since = to_rfc3339(marks.dead_at)
    codes = [
        str(event.record["source"].get("code") or "")
        for event in events
        if event.record["kind"] == SignalKind.HARD_FAILURE and event.record["effective_at"] == since
    ]
    return Suppression(marks.dead_at, max(codes, default="") or SignalKind.HARD_FAILURE.value)
