"""Answer what we know of one point."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from concord.domain.evidence import ConsentKey
from concord.domain.identity import Channel, point_id, token_hash
from concord.domain.limits import TABLE_BUDGET
from concord.domain.marks import Basis, State
from concord.ports import Clock, ConsentStore
from concord.services.authenticate import Authenticated, Authenticator
from concord.services.record_consent import normalised


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a point; `updated_at` (UTC) is None where it was never seen."""

    state: State
    basis: Basis | None
    point: str = field(repr=False)
    updated_at: datetime | None


class ReadConsent:
    """`GET /connect/{cid}/consents/{channel}/{point}`."""

    def __init__(self, authenticator: Authenticator, store: ConsentStore, clock: Clock) -> None:
        self._authenticator = authenticator
        self._store = store
        self._clock = clock

    def __call__(
        self, connection_id: str, connect_key: str, channel: Channel, point: str
    ) -> Standing:
        """Return what is known; a point never seen is `unknown`.

        Raises UnauthorizedError, InvalidInputError `invalid_phone`, StorageError.
        """
        hashed = token_hash(connect_key)
        with self._store.within(TABLE_BUDGET):
            opened = self._authenticator.open(
                connection_id, lambda c, at: c.accepts_connect_key(hashed, at), self._clock.now()
            )
            return self._read(opened, channel, point)

    def _read(self, opened: Authenticated, channel: Channel, point: str) -> Standing:
        connection = opened.connection
        clean = normalised(channel, point, connection)
        identity = point_id(opened.secrets.stack_key, connection.merchant_id, channel, clean)
        record = self._store.load(
            ConsentKey(connection.merchant_id, connection.account, channel, identity)
        )
        if record is None:
            return Standing(State.UNKNOWN, None, clean, None)
        state, basis = record.marks.standing
        return Standing(state, basis, clean, record.updated_at)
