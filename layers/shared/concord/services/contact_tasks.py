"""The tasks that keep a list of contacts as the shop knows its shoppers, and tell events."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Final

from concord.domain.connection import Connection
from concord.domain.contact_fields import pin_of
from concord.domain.exports import Credit
from concord.domain.identity import event_key
from concord.domain.points.account import Account, AccountKey
from concord.domain.points.posting import Posting
from concord.domain.shopper import Shopper
from concord.domain.tasks import Task, TaskKind, TaskSpec
from concord.domain.times import to_rfc3339

CREDIT: Final = "credit"
EXPIRY: Final = "expiry"
PIN: Final = "pin"
# Two of three postings may move nothing, as the commit of a reward or a pending order.
_LOOKS_BACK: Final = 3


def push_contact(connection_id: str, shopper_key: str) -> TaskSpec:
    """Return the push of a contact's newest state: one row, however many changes ask for it."""
    return TaskSpec(TaskKind.PUSH_CONTACT, connection_id, task_id=shopper_key, want=0)


def credit_event(connection_id: str, posting: Posting) -> TaskSpec | None:
    """Return the event of a posting, told once its fields are there; None = nothing moved. Where
    as much came as went it moves no balance: her fields are written, and nobody is told."""
    if not any(entry.points for entry in posting.entries):
        return None
    delta = sum(entry.points for entry in posting.entries)
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


def earlier_credits(task: Task) -> Iterator[TaskSpec]:
    """Yield the events that may have been booked just before the one of `task`, newest first."""
    payload = task.payload
    if payload["label"] != CREDIT:
        return
    programme, seq = payload.get("programme"), int(payload["seq"])
    whose = str(payload.get("member_key") or payload["shopper_key"])
    for number in range(seq - 1, max(0, seq - 1 - _LOOKS_BACK), -1):
        name = f"{programme}.{number}" if programme else str(number)
        yield _event(task.connection_id, CREDIT, whose, name)


def expiry_event(connection_id: str, account: Account, on: date) -> TaskSpec:
    """Return the notice that points of a member expire at the end of `on`."""
    day = on.isoformat()
    return _of_member(connection_id, EXPIRY, account.key, day, on=day, seq=account.seq)


def sync_subscriber(
    connection_id: str, point_id: str, *, heard_at: datetime | None = None
) -> TaskSpec:
    """Return the look at whether an address is subscribed: coalesced, as nothing names an event.

    `heard_at` = when a webhook said something of it; its address is about to be stored.
    """
    payload = {} if heard_at is None else {"heard": to_rfc3339(heard_at)}
    return TaskSpec(TaskKind.SYNC_SUBSCRIBER, connection_id, point_id, payload, want=0)


def await_confirmation(connection_id: str, point_id: str, asked_at: datetime) -> TaskSpec:
    """Return the looks at whether an address confirmed its registration of `asked_at`: one row,
    however often it is ensured."""
    asked = to_rfc3339(asked_at)
    return TaskSpec(
        TaskKind.AWAIT_CONFIRMATION,
        connection_id,
        task_id=f"{point_id}.{event_key(asked)[:16]}",
        payload={"point_id": point_id, "asked": asked},
    )


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
