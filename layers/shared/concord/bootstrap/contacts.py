"""Builds what keeps a list of contacts as the shop knows its shoppers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from concord.adapters.dynamodb.exports import (
    DynamoDbCredits,
    DynamoDbExports,
    DynamoDbSubscriptions,
)
from concord.adapters.dynamodb.merchants import DynamoDbMerchants
from concord.adapters.ses import SesMailer
from concord.bootstrap.jobs import run_job
from concord.bootstrap.points import post_points
from concord.domain.mails import MailedBy
from concord.domain.tasks import TaskKind
from concord.services.await_confirmation import AwaitConfirmation
from concord.services.contact_of import ContactOf
from concord.services.emit_event import EmitEvent
from concord.services.export_contacts import ExportContacts
from concord.services.keep_order import KeepOrder
from concord.services.note_echo import NoteEcho
from concord.services.push_contact import PushContact
from concord.services.reward_newsletter import RewardNewsletter
from concord.services.sync_subscriber import SyncSubscriber
from concord.services.tell_customers import TellByMail, TellPlatform
from concord.services.write_contacts import WriteContacts

if TYPE_CHECKING:
    from concord.bootstrap.parts import Parts
    from concord.services.run_task import TaskHandler


def contact_of(parts: Parts) -> ContactOf:
    """Return what knows how a shopper's contact is to stand in the list."""
    credits = DynamoDbCredits(parts.table)
    return ContactOf(
        parts.shoppers,
        parts.ledger,
        credits,
        parts.authenticator,
        DynamoDbMerchants(parts.table),
        parts.clock,
    )


def note_echo(parts: Parts) -> NoteEcho:
    """Return what notes that we subscribe somebody ourselves."""
    return NoteEcho(DynamoDbSubscriptions(parts.table), parts.clock)


def push_contact(parts: Parts) -> PushContact:
    """Return the worker of contact pushes."""
    return PushContact(
        tasks=parts.tasks,
        connections=parts.connections,
        store=parts.store,
        contact_of=contact_of(parts),
        exports=DynamoDbExports(parts.table),
        note_echo=note_echo(parts),
        reach=parts.reach,
        defer=parts.defer,
        clock=parts.clock,
        telemetry=parts.telemetry,
    )


def export_contacts(parts: Parts) -> ExportContacts:
    """Return the worker that exports all customers once."""
    return ExportContacts(
        run=run_job(parts),
        reach=parts.reach,
        shoppers=parts.shoppers,
        write=WriteContacts(
            store=parts.store,
            contact_of=contact_of(parts),
            exports=DynamoDbExports(parts.table),
            note_echo=note_echo(parts),
        ),
        tasks=parts.tasks,
        clock=parts.clock,
    )


def emit_event(parts: Parts) -> EmitEvent:
    """Return the worker that tells events."""
    return EmitEvent(
        tasks=parts.tasks,
        connections=parts.connections,
        shoppers=parts.shoppers,
        contact_of=contact_of(parts),
        exports=DynamoDbExports(parts.table),
        reach=parts.reach,
        tellers={
            MailedBy.PLATFORM: TellPlatform(),
            MailedBy.OWN: TellByMail(parts.store, SesMailer()),
        },
        order=KeepOrder(parts.tasks, parts.defer, parts.clock),
        defer=parts.defer,
        clock=parts.clock,
        telemetry=parts.telemetry,
    )


def sync_subscriber(parts: Parts) -> SyncSubscriber:
    """Return the worker that looks whether an address is subscribed."""
    subscriptions = DynamoDbSubscriptions(parts.table)
    return SyncSubscriber(
        tasks=parts.tasks,
        connections=parts.connections,
        store=parts.store,
        subscriptions=subscriptions,
        reach=parts.reach,
        apply_signal=parts.apply_signal,
        authenticator=parts.authenticator,
        reward=RewardNewsletter(
            merchants=DynamoDbMerchants(parts.table),
            programmes=parts.programmes,
            shoppers=parts.shoppers,
            subscriptions=subscriptions,
            ledger=parts.ledger,
            authenticator=parts.authenticator,
            post=post_points(parts),
            clock=parts.clock,
        ),
        defer=parts.defer,
        clock=parts.clock,
    )


def await_confirmation(parts: Parts) -> AwaitConfirmation:
    """Return the worker that has looked whether a sign-up was confirmed."""
    return AwaitConfirmation(
        tasks=parts.tasks,
        connections=parts.connections,
        subscriptions=DynamoDbSubscriptions(parts.table),
        defer=parts.defer,
        clock=parts.clock,
    )


WORKERS: Final[Mapping[TaskKind, Callable[[Parts], TaskHandler]]] = {
    TaskKind.PUSH_CONTACT: push_contact,
    TaskKind.EMIT_EVENT: emit_event,
    TaskKind.SYNC_SUBSCRIBER: sync_subscriber,
    TaskKind.AWAIT_CONFIRMATION: await_confirmation,
    TaskKind.EXPORT_CONTACTS: export_contacts,
}
"""What works on each kind of task about contact lists."""
