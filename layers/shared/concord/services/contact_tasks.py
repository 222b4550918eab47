"""The tasks that keep a list of contacts as the shop knows its shoppers, and tell events."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from concord.domain.connection import Connection
from concord.domain.contact_fields import pin_of
from concord.domain.exports import Credit
from concord.domain.identity import event_key
from concord.domain.points.account import Account, AccountKey
from concord.domain.points.posting import Posting
from concord.domain.shopper import Shopper
from concord.domain.tasks import TaskKind, TaskSpec

CREDIT: Final = "credit"
EXPIRY: Final = "expiry"
PIN: Final = "pin"


def push_contact(connection_id: str, shopper_key: str) -> TaskSpec:
    """Return the push of a contact's newest state: one row, however many changes ask for it."""
    return TaskSpec(TaskKind.PUSH_CONTACT, connection_id, task_id=shopper_key, want=0)


def credit_event(connection_id: str, posting: Posting) -> TaskSpec | None:
    """Return the event of a posting, told once its fields are there; None = nothing moved."""
    delta = sum(entry.points for entry in posting.entries)
    if not delta:
        return None
    account = posting.account
    payload = {"seq": account.seq, "points": delta, "balance": account.balance}
    return _of_member(connection_id, CREDIT, account.key, str(account.seq), **payload)


def told_event(credit: Credit) -> TaskSpec:
    """Return the event of a credit that the shop's own loyalty system told."""
    return _event(
        credit.connection_id,
        CREDIT,
        credit.shopper_key,
        str(credit.seq),
        shopper_key=credit.shopper_key,
        seq=credit.seq,
        points=credit.delta,
        balance=credit.credit,
    )


def expiry_event(connection_id: str, account: Account, on: date) -> TaskSpec:
    """Return the notice that points of a member expire at the end of `on`."""
    day = on.isoformat()
    return _of_member(connection_id, EXPIRY, account.key, day, on=day, seq=account.seq)


def sync_subscriber(connection_id: str, point_id: str, *, heard: bool = False) -> TaskSpec:
    """Return the look at whether an address is subscribed: coalesced, as nothing names an event.

    `heard` = a webhook said something of it, and its address is about to be stored.
    """
    payload = {"heard": True} if heard else {}
    return TaskSpec(TaskKind.SYNC_SUBSCRIBER, connection_id, point_id, payload, want=0)


def shopper_tasks(
    connection: Connection, shopper: Shopper, before: Shopper | None
) -> Iterator[TaskSpec]:
    """Yield what a save of a shopper causes at the platform that contacts are exported to (ECO-17):
    a push, and a look for the reward that may wait for a new address (ECO-11)."""
    if not connection.exports_contacts:
        return
    yield push_contact(connection.connection_id, shopper.shopper_key)
    for point in shopper.emails:
        if before is None or point not in before.emails:
            yield sync_subscriber(connection.connection_id, point)


def pin_event(connection: Connection, shopper: Shopper, before: Shopper | None) -> TaskSpec | None:
    """Return the event of a PIN that is another than the stored one; None = it is not (ECO-09)."""
    pin = pin_of(shopper)
    if not connection.exports_contacts or pin is None or pin == pin_of(before):
        return None
    return _event(
        connection.connection_id,
        PIN,
        shopper.shopper_key,
        str(shopper.version),
        shopper_key=shopper.shopper_key,
        version=shopper.version,
    )


def _of_member(
    connection_id: str, label: str, key: AccountKey, name: str, **payload: int | str
) -> TaskSpec:
    """Return the event of an account. What the connection knows its member by is found out by the
    worker: whoever posts needs no secret for that."""
    whose = {"programme": key.programme_id, "member_key": key.member_key}
    named = f"{key.programme_id}.{name}"
    return _event(connection_id, label, key.member_key, named, **whose, **payload)


def _event(connection_id: str, label: str, whose: str, name: str, **payload: int | str) -> TaskSpec:
    return TaskSpec(
        TaskKind.EMIT_EVENT,
        connection_id,
        task_id=f"{label}.{whose}.{event_key(name)[:16]}",
        payload={"label": label, **payload},
    )
