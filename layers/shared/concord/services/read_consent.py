"""Answer what we know of one point."""

from __future__ import annotations

from concord.domain.events import ApiAnswer
from concord.domain.evidence import ConsentKey
from concord.domain.identity import Channel, point_id, token_hash
from concord.domain.times import to_rfc3339
from concord.ports import Clock, ConsentStore
from concord.services.authenticate import Authenticated, Authenticator
from concord.services.ingest_webhook import TABLE_BUDGET
from concord.services.record_consent import normalised


class ReadConsent:
    """`GET /connect/{cid}/consents/{channel}/{point}`."""

    def __init__(self, authenticator: Authenticator, store: ConsentStore, clock: Clock) -> None:
        self._authenticator = authenticator
        self._store = store
        self._clock = clock

    def __call__(
        self, connection_id: str, connect_key: str, channel: Channel, point: str
    ) -> ApiAnswer:
        """Return 200 with the state; a point never seen is `unknown`. Raises UnauthorizedError."""
        hashed = token_hash(connect_key)
        with self._store.within(TABLE_BUDGET):
            opened = self._authenticator.open(
                connection_id, lambda c, at: c.accepts_connect_key(hashed, at), self._clock.now()
            )
            return self._read(opened, channel, point)

    def _read(self, opened: Authenticated, channel: Channel, point: str) -> ApiAnswer:
        connection = opened.connection
        clean = normalised(channel, point, connection)
        identity = point_id(opened.secrets.stack_key, connection.merchant_id, channel, clean)
        record = self._store.load(
            ConsentKey(connection.merchant_id, connection.account, channel, identity)
        )
        if record is None:
            return ApiAnswer(200, {"state": "unknown", "basis": None, "point": clean})
        state, basis = record.marks.standing
        return ApiAnswer(
            200,
            {
                "state": state.value,
                "basis": basis.value if basis else None,
                "point": clean,
                "updated_at": to_rfc3339(record.updated_at),
            },
        )
