"""Looks at every write and every request to Ecomail, the moment it is in."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import httpx

from concord.adapters.dynamodb.ledger_items import account_from, entry_from
from concord.adapters.dynamodb.marshal import Item, from_item
from concord.domain.points.account import Account, AccountKey
from concord.domain.points.posting import Entry
from tests.simulation.acts import Acts
from tests.simulation.house import House
from tests.simulation.shop import Shop

_A_MOMENT = timedelta(minutes=1)


class BrokenError(BaseException):
    """An invariant does not hold. No `except Exception` of a handler may swallow this."""


def must(holds: object, *words: object) -> None:
    """Raise BrokenError unless it holds."""
    if not holds:
        raise BrokenError(" ".join(map(str, words)))


@dataclass(frozen=True)
class Move:
    """One posting as it was written: `seq` and `balance` are those after it."""

    seq: int
    points: int
    balance: int
    at: datetime


@dataclass
class Member:
    """What was seen of one account. `lots` = when which lot came to how much."""

    shop: Shop
    own_id: str
    account: Account
    moves: list[Move] = field(default_factory=list)
    lots: dict[date, list[tuple[datetime, int]]] = field(default_factory=dict)

    def came_to(self, balance: int) -> int:
        """Return the newest seq at which the balance was this; 0 = it never was but at first."""
        return max((m.seq for m in self.moves if m.balance == balance), default=0)


@dataclass(frozen=True)
class Heard:
    """An event that Ecomail took."""

    merchant_id: str
    customer: str
    label: str
    value: Mapping[str, Any]


class Watch:
    """Everything that was seen."""

    def __init__(self, house: House, acts: list[Acts]) -> None:
        self.house = house
        self.shops = {each.shop.merchant_id: each.shop for each in acts}
        self.members: dict[AccountKey, Member] = {}
        self.heard: list[Heard] = []
        self.shown: dict[str, int] = defaultdict(int)
        self.nights: dict[tuple[str, date], datetime] = {}
        house.client.written = self.written
        house.transport.seen = self.seen

    # --- the table ---------------------------------------------------------------------------

    def written(self, name: str, request: Mapping[str, Any]) -> None:
        """Look at a write that is in."""
        items = [from_item(item) for item in _puts(name, request)]
        accounts = [item for item in items if item["sk"] == "ACCOUNT"]
        for item in accounts:
            entries = [
                entry_from(each)
                for each in items
                if each["pk"] == item["pk"] and each["sk"].startswith("E#")
            ]
            self._posted(item, sorted(entries, key=lambda entry: entry.seq))
        if any(place.startswith("TZ#") for place in _places(name, request)):
            self._moved_on()

    def _posted(self, item: Item, entries: list[Entry]) -> None:
        """After every posting: balance = what it was and the entries = the lots - what is owed; no
        lot below 0, one for each day, earliest first; numbered without a gap."""
        _, merchant_id, programme_id, member_key = item["pk"].split("#")
        key = AccountKey(merchant_id, programme_id, member_key)
        after = account_from(key, item)
        member = self.members.setdefault(
            key, Member(self.shops[merchant_id], after.member, Account(key))
        )
        before, balance = member.account, member.account.balance
        for number, entry in enumerate(entries, before.seq + 1):
            must(entry.seq == number, "an entry is missing before", entry)
            balance += entry.points
            must(entry.balance == balance, "the balance is not the one before and", entry)
        must(after.seq == before.seq + len(entries), "seq without an entry", after)
        must(after.balance == balance, "balance is not the sum of the entries", after)
        must(all(lot.points > 0 for lot in after.lots), "a lot without points", after)
        days = [lot.expires_on or date.max for lot in after.lots]
        must(days == sorted(set(days)), "lots out of order", after)
        must(not (after.owed and after.lots), "she owes and has a lot", after)
        member.account, now = after, self.house.virtual.now()
        moved = sum(entry.points for entry in entries)
        member.moves.append(Move(after.seq, moved, after.balance, now))
        held = {lot.expires_on or date.max: lot.points for lot in after.lots}
        for day in sorted(held.keys() | member.lots.keys()):
            member.lots.setdefault(day, []).append((now, held.get(day, 0)))
        for entry in entries:
            self.house.trace.count(f"entries: {entry.kind.value}")

    def _moved_on(self) -> None:
        for row in self.house.memory.rows("TZ#"):
            if "through" in row:
                through = date.fromisoformat(row["through"])
                self.nights.setdefault((row["sk"], through), self.house.virtual.now())

    # --- Ecomail -----------------------------------------------------------------------------

    def seen(self, request: httpx.Request, lost: bool) -> None:
        """Look at a request that Ecomail took."""
        path, body = request.url.path, json.loads(request.read() or b"{}")
        if path.endswith(("/subscribe", "/subscribe-bulk")):
            data = body["subscriber_data"]
            for each in data if isinstance(data, list) else [data]:
                self._shows(each["email"])
        elif path.endswith("/update-subscriber"):
            self._shows(body["email"])
        elif path.endswith("/tracker/events"):
            self._hears(body["event"])

    def _shows(self, email: str) -> None:
        found = self._whose(email)
        if found is None:
            return
        shop, member = found
        contact = shop.contacts.get(email, {})
        credit = contact.get("custom_fields", {}).get("ellity_credit_num")
        if member is not None and credit is not None:
            self.shown[email] = max(self.shown[email], member.came_to(int(credit)))

    def _hears(self, event: Mapping[str, Any]) -> None:
        email, label = event["email"], event["label"]
        self.house.trace.step(f"EVENT {label} {email} {event['value']}")
        found = self._whose(email)
        must(found is not None, "an event about nobody", event)
        if found is None:
            return
        shop, member = found
        if email not in shop.contacts:
            return  # they refuse it
        customer = next(c.own_id for c in shop.customers if email in (c.email, *c.former))
        self.house.trace.count(f"events: {label}")
        self.heard.append(Heard(shop.merchant_id, customer, label, event.get("value") or {}))
        if label == "credit":
            self._fields_first(email, member, event["value"])
        elif label == "expiry":
            self._true_amount(member, event["value"])

    def _fields_first(self, email: str, member: Member | None, value: Mapping[str, Any]) -> None:
        """ECO-07: the field shows a balance before its event is told."""
        moves = member.moves if member else []
        asked = (value["credits"], value["change"])
        # What fell and rose again shows what it did before, and is written no second time.
        self._shows(email)
        seqs = [move.seq for move in moves if (move.balance, move.points) == asked]
        must(seqs, "an event of nothing that was booked", email, value)
        must(
            self.shown[email] >= min(seqs),
            "an event before its field",
            email,
            value,
            self.shown[email],
            seqs,
        )

    def _true_amount(self, member: Member | None, value: Mapping[str, Any]) -> None:
        """ECO-15: what a notice says expires that day did so a moment ago."""
        day = date.fromisoformat(value["expires_on"])
        history = member.lots.get(day, []) if member else []
        since = self.house.virtual.now() - _A_MOMENT
        before = [points for at, points in history if at <= since][-1:]
        true = {*before, *(points for at, points in history if at > since)}
        must(value["credits"] in true, "a notice of another amount", value, history)

    def _whose(self, email: str) -> tuple[Shop, Member | None] | None:
        for shop in self.shops.values():
            for customer in shop.customers:
                if email in (customer.email, *customer.former):
                    return shop, self.members.get(shop.key(customer.own_id))
        return None


def _puts(name: str, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if name == "transact_write_items":
        for action in request["TransactItems"]:
            if "Put" in action:
                yield action["Put"]["Item"]


def _places(name: str, request: Mapping[str, Any]) -> Iterator[str]:
    if name == "transact_write_items":
        bodies = [next(iter(each.values())) for each in request["TransactItems"]]
    else:
        bodies = [request]
    for body in bodies:
        key = body.get("Key") or body.get("Item") or {}
        if "pk" in key:
            yield key["pk"]["S"]
