"""Ask what is known of an address's consent to e-mail: an opt-out always wins."""

from __future__ import annotations

from concord.domain.connection import Connection
from concord.domain.consent_record import ConsentRecord
from concord.domain.evidence import ConsentKey
from concord.domain.identity import Channel
from concord.domain.marks import State
from concord.ports import ConsentStore


def email_record(
    store: ConsentStore, connection: Connection, point_id: str
) -> ConsentRecord | None:
    """Return an address's consent at this connection's account; None = nobody ever asked."""
    return store.load(
        ConsentKey(connection.merchant_id, connection.account, Channel.EMAIL, point_id)
    )


def opted_out(store: ConsentStore, connection: Connection, point_id: str) -> bool:
    """Whether this address opted out of e-mail: nobody adds it to a list, or mails it."""
    record = email_record(store, connection, point_id)
    return record is not None and record.marks.standing[0] is State.OPTED_OUT
