"""Show what is known of one number or address, and every event that made it so."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from concord.domain.consent import Basis, State
from concord.domain.evidence import ConsentKey, Evidence
from concord.domain.identity import Channel, point_id
from concord.ports import Connections, ConsentStore
from concord.services.authenticate import Authenticator
from concord.services.change_connection import find_connection
from concord.services.record_consent import normalised


@dataclass(frozen=True, slots=True)
class ConsentView:
    """State and history of one consent key."""

    key: ConsentKey
    point: str = field(repr=False)
    state: State
    basis: Basis | None
    updated_at: datetime | None
    events: tuple[Evidence, ...]


class LookUpConsent:
    """Looks points up; a point never seen is `unknown`, not an error."""

    def __init__(
        self, connections: Connections, authenticator: Authenticator, store: ConsentStore
    ) -> None:
        self._connections = connections
        self._authenticator = authenticator
        self._store = store

    def key(self, connection_id: str, channel: Channel, point: str) -> tuple[ConsentKey, str]:
        """Return the consent key of a point, and the point in its one form."""
        connection = find_connection(self._connections, connection_id)
        opened = self._authenticator.with_secrets(connection)
        normal = normalised(channel, point, connection)
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
        return ConsentView(key, normal, state, basis, record.updated_at, events)
