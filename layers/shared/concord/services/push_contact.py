"""Push a shopper's newest fields to the list: never two at a time, and never an old one last."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, timedelta
from typing import Final

from concord.domain.canonical import canonical, sha256_hex
from concord.domain.connection import Connection
from concord.domain.consent_record import ConsentRecord
from concord.domain.contact_fields import credit_fields, shopper_fields, told_fields
from concord.domain.contacts import Contact, SubscriberStatus, spelled
from concord.domain.errors import RetryableError
from concord.domain.evidence import ConsentKey
from concord.domain.exports import Credit, Export
from concord.domain.identity import Channel, member_key, shopper_key
from concord.domain.marks import State
from concord.domain.points.account import Account, AccountKey
from concord.domain.shopper import Shopper
from concord.domain.task_rows import Finish
from concord.domain.tasks import Task
from concord.ports import (
    Clock,
    Connections,
    ConsentStore,
    ContactPeer,
    Merchants,
    Shoppers,
    Tasks,
    Telemetry,
)
from concord.ports.contacts import Credits, Exports
from concord.ports.points import Ledger
from concord.services.authenticate import Authenticator
from concord.services.consent_tasks import push_task
from concord.services.contact_tasks import push_contact, sync_subscriber
from concord.services.defer_tasks import DeferTasks
from concord.services.note_echo import NoteEcho
from concord.services.reach_platforms import ReachPlatforms

_ROUNDS: Final = 10
_ONE_DAY: Final = timedelta(days=1)

type _Fields = dict[str, str | int | date | None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A contact as it is to stand in the list, and what of ours it shows."""

    contact: Contact
    export: Export
    point_id: str


class ContactOf:
    """What a shopper's contact is to say, from her own item and her points: those of her account,
    or those that her shop's own loyalty system told of."""

    def __init__(
        self,
        shoppers: Shoppers,
        ledger: Ledger,
        credits: Credits,
        authenticator: Authenticator,
        merchants: Merchants,
        clock: Clock,
    ) -> None:
        self._shoppers = shoppers
        self._ledger = ledger
        self._credits = credits
        self._authenticator = authenticator
        self._merchants = merchants
        self._clock = clock

    def __call__(self, connection: Connection, name: str) -> Wanted | None:
        """Return the contact; None = she has no address, is gone, or was never known."""
        shopper = self._shoppers.get(connection.merchant_id, connection.connection_id, name)
        if shopper is None or not _has_address(shopper):
            return None
        where = (connection.merchant_id, connection.connection_id, name)
        account = self.account(connection, shopper)
        today = self._day(connection, [] if account is None else [account])
        points = _points_of(account if account is not None else self._credits.get(*where), today)
        return self._wanted(connection, shopper, *points)

    def many(self, connection: Connection, names: Sequence[str]) -> dict[str, Wanted]:
        """Return the contacts of several, with a few requests; who has none is left out."""
        where = (connection.merchant_id, connection.connection_id)
        found = self._shoppers.get_many(*where, names)
        shoppers = {name: each for name, each in found.items() if _has_address(each)}
        keys = {name: self._account_key(connection, each) for name, each in shoppers.items()}
        accounts = self._ledger.accounts([key for key in keys.values() if key is not None])
        told = self._credits.get_many(*where, [name for name, key in keys.items() if key is None])
        points = {name: told[name] if key is None else accounts[key] for name, key in keys.items()}
        today = self._day(connection, accounts.values())
        return {
            name: self._wanted(connection, each, *_points_of(points[name], today))
            for name, each in shoppers.items()
        }

    def _day(self, connection: Connection, accounts: Iterable[Account]) -> date:
        """Return the merchant's day, or the last one that it can be anywhere: who has nothing that
        could be over by then looks the same on both, and costs no look at the merchant."""
        now = self._clock.now()
        latest = now.astimezone(UTC).date() + _ONE_DAY
        if not any(lot.is_over(latest) for account in accounts for lot in account.lots):
            return latest
        merchant = self._merchants.get(connection.merchant_id)
        return merchant.day(now) if merchant else latest

    def _wanted(
        self, connection: Connection, shopper: Shopper, points: _Fields, seq: int
    ) -> Wanted:
        """Return the contact with these fields of points, which had changed so often by then."""
        fields = {**shopper_fields(shopper), **points}
        profile = shopper.profile
        point_id, email = next(iter(shopper.emails.items()))
        contact = Contact(
            email=email,
            first_name=str(profile.get("first_name") or ""),
            last_name=str(profile.get("last_name") or ""),
            phone=next(iter(shopper.phones.values()), ""),
            fields=fields,
        )
        export = Export(
            connection.merchant_id,
            connection.connection_id,
            shopper.shopper_key,
            digest=_digest(connection, contact),
            version=shopper.version,
            seq=seq,
            place=place_of(connection, shopper),
            programme=connection.settings.programme or "",
        )
        return Wanted(contact, export, point_id)

    def name(self, connection: Connection, programme_id: str, member: str) -> str:
        """Return what the connection knows the member of an account by (our keyed name of her)."""
        account = self._ledger.account(AccountKey(connection.merchant_id, programme_id, member))
        stack_key = self._authenticator.with_secrets(connection).secrets.stack_key
        return shopper_key(stack_key, connection.connection_id, account.member)

    def account(self, connection: Connection, shopper: Shopper) -> Account | None:
        """Return her account in the programme of this connection; None = it has none."""
        key = self._account_key(connection, shopper)
        return None if key is None else self._ledger.account(key)

    def _account_key(self, connection: Connection, shopper: Shopper) -> AccountKey | None:
        programme = connection.settings.programme
        if not programme:
            return None
        stack_key = self._authenticator.with_secrets(connection).secrets.stack_key
        merchant = connection.merchant_id
        member = member_key(stack_key, merchant, programme, shopper.shopper_id)
        return AccountKey(merchant, programme, member)


class PushContact:
    """The worker of `push_contact` rows. The state is read after the row is leased; the row goes
    only if nobody asked for another push meanwhile."""

    def __init__(
        self,
        *,
        tasks: Tasks,
        connections: Connections,
        store: ConsentStore,
        contact_of: ContactOf,
        exports: Exports,
        note_echo: NoteEcho,
        reach: ReachPlatforms,
        defer: DeferTasks,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._tasks = tasks
        self._connections = connections
        self._store = store
        self._contact_of = contact_of
        self._exports = exports
        self._note_echo = note_echo
        self._reach = reach
        self._defer = defer
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, task: Task) -> None:
        """Push until the list shows our newest state. Raises the PlatformErrors to put it off."""
        connection = self._connections.get(task.connection_id)
        if connection is None:
            self._tasks.fail(task, "no_connection", "", self._clock.now())
            return
        if self._defer.held(task, connection):
            return
        peer = self._reach.contact_peer(connection, connection.destination.platform)
        if peer is None or connection.contact_list is None:
            reason = "no_capability" if peer is None else "no_list"
            self._tasks.fail(task, reason, "", self._clock.now())
            return
        for _ in range(_ROUNDS):
            self._push(connection, peer, connection.contact_list, task.task_id)
            finish = self._tasks.finish_push(task, task.want)
            if finish is Finish.DONE:
                return
            if finish is Finish.LOST or not self._tasks.extend(task, self._clock.now()):
                # Our lease ran out while we called: what we wrote may have arrived after newer
                # fields, and stands in the export row now. Somebody has to look once more.
                spec = push_contact(task.connection_id, task.task_id)
                self._tasks.ensure(task.merchant_id, spec, self._clock.now())
                return
        self._defer.back_off(task, "state_keeps_changing")

    def _push(
        self, connection: Connection, peer: ContactPeer, list_id: str, shopper_key: str
    ) -> None:
        """Write what is true now and see it there; an unchanged contact costs no call."""
        wanted = self._contact_of(connection, shopper_key)
        if wanted is None:
            return
        known = self._exports.get(connection.merchant_id, connection.connection_id, shopper_key)
        export = wanted.export
        if known is None or known.digest != export.digest:
            new = known is None or known.place != export.place
            if not self._write(connection, peer, list_id, wanted, new=new):
                export = replace(export, digest="", place="")
        if known != export and not self._exports.put(export, known):
            # An export of all may have written what she was before, after us: write her once more.
            raise RetryableError("this contact was written by somebody else meanwhile")

    def _write(
        self, connection: Connection, peer: ContactPeer, list_id: str, wanted: Wanted, *, new: bool
    ) -> bool:
        """Write a contact and see it there; False = she opted out and is not in the list, so she is
        not added. `new` = this address has not been written to this list before."""
        contact = wanted.contact
        there = not new or peer.subscriber(list_id, contact.email) is not None
        # Whoever is there is changed and not subscribed: that fires no webhook back at us.
        changed = there and peer.update(list_id, contact)
        if not changed:
            if opted_out(self._store, connection, wanted.point_id):
                return False
            self._note_ours(connection, wanted)
            peer.upsert(list_id, contact)
        shown = peer.subscriber(list_id, contact.email)
        if shown is not None and shown.status is SubscriberStatus.SUBSCRIBED:
            self._take_off(connection, wanted, ours=not changed)
        if shown is None or not shown.shows(contact.fields):
            raise RetryableError("the list does not show the fields yet")
        self._telemetry.info("contact_pushed", platform=connection.destination.platform)
        return True

    def _note_ours(self, connection: Connection, wanted: Wanted) -> None:
        """Note that she is subscribed by us, once it is known that she did not sign up herself."""
        waiting = self._tasks.find(
            connection.merchant_id, sync_subscriber(connection.connection_id, wanted.point_id)
        )
        if waiting is not None and waiting.payload.get("heard"):
            raise RetryableError("what a webhook told of this address is looked at first")
        self._note_echo.adds(connection, wanted.point_id)

    def _take_off(self, connection: Connection, wanted: Wanted, *, ours: bool) -> None:
        """Have who opted out taken off the list.

        `ours`: our write may have come after the list was told, and then it was us who subscribed
        her. Otherwise she may have done so herself, and the webhook is on its way: a look decides.
        """
        record = self._record(connection, wanted)
        if record is None or record.marks.standing[0] is not State.OPTED_OUT:
            return
        platform = connection.destination.platform
        spec = sync_subscriber(connection.connection_id, wanted.point_id)
        if ours:
            spec = push_task(connection, platform, record.key, record.version, State.OPTED_OUT)
        self._tasks.ensure(connection.merchant_id, spec, self._clock.now())

    def _record(self, connection: Connection, wanted: Wanted) -> ConsentRecord | None:
        return self._store.load(
            ConsentKey(connection.merchant_id, connection.account, Channel.EMAIL, wanted.point_id)
        )


def place_of(connection: Connection, shopper: Shopper) -> str:
    """Return where a shopper with an address is written to: which address, in which list."""
    return f"{connection.contact_list}#{next(iter(shopper.emails))}"


def _has_address(shopper: Shopper) -> bool:
    return shopper.active and bool(shopper.emails)


def _points_of(kept: Account | Credit, today: date) -> tuple[_Fields, int]:
    """Return what the fields say of her points, and how often those had changed by then."""
    if isinstance(kept, Account):
        return credit_fields(kept, today), kept.seq
    return (told_fields(kept) if kept.seq else {}), kept.seq


def opted_out(store: ConsentStore, connection: Connection, point_id: str) -> bool:
    """Whether this address opted out of e-mail: nobody adds it to a list, or mails it."""
    record = store.load(
        ConsentKey(connection.merchant_id, connection.account, Channel.EMAIL, point_id)
    )
    return record is not None and record.marks.standing[0] is State.OPTED_OUT


def _digest(connection: Connection, contact: Contact) -> str:
    """Return what tells this contact in this list from any other."""
    return sha256_hex(
        canonical(
            {
                "list": connection.contact_list,
                "contact": [contact.email, contact.first_name, contact.last_name, contact.phone],
                "fields": {name: spelled(value) for name, value in contact.fields.items()},
            }
        )
    )
