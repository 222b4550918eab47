"""Send a broadcast's text to a few numbers first: never past anybody's consent (TEA-09, R-11)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from concord.domain.broadcast import Broadcast
from concord.domain.broadcast_body import whole_body
from concord.domain.canonical import canonical, sha256_hex
from concord.domain.connection import Connection
from concord.domain.errors import FieldError, ForbiddenError, InvalidInputError
from concord.domain.evidence import ConsentKey
from concord.domain.hand_over import Purpose, refusal_to_send
from concord.domain.identity import Channel
from concord.domain.tasks import TaskKind, TaskSpec
from concord.ports import Broadcasts, Clock, ConsentStore
from concord.services.change_connection import audit_entry
from concord.services.look_up_consent import LookUpConsent
from concord.services.make_secrets import RandomBytes
from concord.services.manage_broadcasts import ManageBroadcasts

MOST: Final = 3
_PURPOSE: Final = Purpose.MARKETING


class TryBroadcast:
    """Test sends go the way of every text: the consent is read again at the hand-over."""

    def __init__(
        self,
        *,
        broadcasts: ManageBroadcasts,
        stored: Broadcasts,
        consents: LookUpConsent,
        store: ConsentStore,
        clock: Clock,
        random_bytes: RandomBytes,
    ) -> None:
        self._broadcasts = broadcasts
        self._stored = stored
        self._consents = consents
        self._store = store
        self._clock = clock
        self._random_bytes = random_bytes

    def __call__(
        self, connection_id: str, broadcast_id: str, to: Sequence[str], made_by: str, actor: str
    ) -> tuple[str, ...]:
        """Queue the text for each number, once per keyed request (`made_by`); returns the
        references of the texts.

        Raises NotFoundError; ConflictError `connection_not_connected`; InvalidInputError for what
        is no number, or for too many; ForbiddenError `not_opted_in` naming the place of each number
        that has not opted in on this account, of whom none is texted then.
        """
        connection, broadcast = self._broadcasts.connected(connection_id, broadcast_id)
        keys = self._opted_in(connection, to)
        now = self._clock.now()
        name, country = connection.merchant_name, connection.country
        body = (
            broadcast.frozen.body
            if broadcast.frozen
            else whole_body(broadcast.text, country, name, now.date())
        )
        once = made_by or self._random_bytes(16).hex()
        specs = [_text(broadcast, key, body, once) for key in keys]
        references = [spec.task_id for spec in specs]
        details = {"broadcast_id": broadcast_id, "texts": references}
        entry = audit_entry(connection, now, actor, "broadcast_tested", details)
        self._stored.add_tasks(connection.merchant_id, specs, now, entry)
        return tuple(references)

    def _opted_in(self, connection: Connection, to: Sequence[str]) -> list[ConsentKey]:
        """Return the consent keys of the numbers, each once, if all of them may be texted."""
        if not 1 <= len(to) <= MOST:
            error = FieldError("to", f"give 1 to {MOST} numbers")
            raise InvalidInputError("a test is for a few", errors=(error,))
        keys: dict[ConsentKey, None] = {}
        for place, number in enumerate(to):
            field = f"to.{place}"
            key, _ = self._consents.key(connection.connection_id, Channel.SMS, number, field)
            record = self._store.load(key)
            if record is None or refusal_to_send(_PURPOSE, record.marks):
                raise ForbiddenError(
                    f"{field} has not opted in here; a test texts nobody who has not",
                    code="not_opted_in",
                    extra={"field": field},
                )
            keys[key] = None
        return list(keys)


def _text(broadcast: Broadcast, key: ConsentKey, body: str, once: str) -> TaskSpec:
    """Return the task of one text; its id is the reference that receipts bring back."""
    name = sha256_hex(canonical([broadcast.broadcast_id, once, key.point_id]))[:24]
    return TaskSpec(
        TaskKind.SEND_TEXT,
        broadcast.connection_id,
        task_id=f"{name}-{_PURPOSE.value}",
        payload={
            "channel": key.channel.value,
            "account": key.account,
            "point_id": key.point_id,
            "purpose": _PURPOSE.value,
            "text": body,
            "broadcast_id": broadcast.broadcast_id,
        },
    )
