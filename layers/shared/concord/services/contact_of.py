"""What a shopper's contact is to say in the list, from her own item and her points."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import Final

from concord.domain.canonical import canonical, sha256_hex
from concord.domain.connection import Connection
from concord.domain.contact_fields import credit_fields, shopper_fields, told_fields
from concord.domain.contacts import Contact, spelled
from concord.domain.exports import Credit, Export
from concord.domain.identity import member_key, shopper_key
from concord.domain.points.account import Account, AccountKey
from concord.domain.shopper import Shopper
from concord.ports import Clock, Merchants, Shoppers
from concord.ports.contacts import Credits
from concord.ports.points import Ledger
from concord.services.authenticate import Authenticator

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
