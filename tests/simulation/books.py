"""What the ledger says at the end, against what the shop told: played once more, entry by entry, on
a tally that is kept by hand."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from functools import cached_property

from concord.adapters.dynamodb.ledger_keys import read_hint
from concord.adapters.dynamodb.nights import DynamoDbNights, DynamoDbReports
from concord.domain.points.account import Account, AccountKey
from concord.domain.points.orders import Order, OrderKey
from concord.domain.points.posting import OWED, Entry, EntryKind
from concord.domain.tasks import RowKey
from tests.simulation.acts import Told
from tests.simulation.shop import PROGRAMME, Shop
from tests.simulation.watch import Member, must
from tests.support.points_members import COLUMNS
from tests.support.points_oracle import FOREVER, Oracle

_ONE_DAY = timedelta(days=1)
_SETTLES = timedelta(minutes=10)


class Books:
    """One shop's books."""

    def __init__(self, shop: Shop, told: Told, members: list[Member], opened: date) -> None:
        self.shop = shop
        self.told = told
        self.members = members
        self.opened = opened
        self.ledger = shop.house.quiet.ledger
        source = f"ellity:ell-{shop.merchant_id}"
        self.refs = {
            Order(OrderKey.of(shop.merchant_id, source, order_id), order_id).ref: order_id
            for order_id in told.orders
        }

    @property
    def through(self) -> date:
        """Return the last local day whose night is done."""
        nights = DynamoDbNights(self.shop.house.quiet.table)
        found = nights.through(self.shop.merchant_id, self.shop.zone.key)
        assert found is not None
        return found

    def check(self, last_hour: datetime) -> None:
        """See all of it."""
        due = self.shop.today(last_hour - _SETTLES)
        must(self.through == due, "the nights came to", self.through, "not to", due)
        entries: dict[str, list[Entry]] = {}
        for member in self.members:
            found = sorted(self.ledger.entries(member.account.key), key=lambda e: e.seq)
            entries[member.own_id] = found
            account = self.ledger.account(member.account.key)
            must(account == member.account, "the account is not what was written", account)
            self._replayed(account, found)
            self._nothing_due(account, found)
            self._hinted(account)
            self._adjusted(member, found)
            self._rewarded(member, found)
        self._orders(entries)
        self._reports([entry for found in entries.values() for entry in found])

    # --- one account -------------------------------------------------------------------------

    def _replayed(self, account: Account, entries: list[Entry]) -> None:
        """R-18..R-20: each entry moved what it had to, from the lots it had to; each expiry exactly
        what was due."""
        oracle, rests = Oracle(), {}
        for entry in entries:
            if entry.entry_id.startswith(OWED):
                rests[entry.entry_id.removeprefix(OWED)] = entry
        for entry in entries:
            if entry.entry_id.startswith(OWED):
                must(oracle.balance == entry.balance, "the tally has", oracle.balance, entry)
                continue
            rest = rests.get(entry.entry_id)
            owed = rest.points if rest else 0
            moved = self._play(oracle, entry, owed)
            must(moved == entry.points + owed, "the tally moved", moved, "by", entry)
            if rest is None:
                must(oracle.balance == entry.balance, "the tally has", oracle.balance, entry)
        lots = {lot.expires_on or FOREVER: lot.points for lot in account.lots}
        must(oracle.by_day() == lots, "the tally's lots", oracle.by_day(), account)
        must(oracle.debt == account.owed, "the tally owes", oracle.debt, account)
        must(oracle.pending == account.pending_points, "the tally waits", oracle.pending, account)

    def _play(self, oracle: Oracle, entry: Entry, owed: int) -> int:
        """Do on the tally what the entry is about; return by how much that moves it."""
        rules, today = self.shop.rules, self.shop.today(entry.at)
        must(entry.on == today, "booked on another day", entry)
        order = self._order_of(entry)
        counts = self.told.orders[order].counts_from if order else None
        last_day = rules.last_day(counts or today)
        if entry.kind is EntryKind.EXPIRE:
            night = date.fromisoformat(entry.entry_id.removeprefix("expire:"))
            must(night <= today, "expired ahead of its time", entry)
            return -oracle.expire(night)
        if entry.entry_id.startswith("activate:"):
            return oracle.activate(order or "", today)
        if entry.kind is EntryKind.PEND:
            must(counts is not None and counts > today, "waits though its day has come", entry)
            oracle.wait(order or "", counts or today, last_day, entry.pending, today)
            return 0
        if entry.points > 0 or entry.kind is EntryKind.ACCRUE:
            must(counts is None or counts <= today, "counts before its day", entry)
            oracle.give(entry.points, last_day, today)
            return entry.points
        asked = entry.asked or -entry.points - entry.pending - owed
        owes = order is not None and rules.policy == "negative"
        first = last_day if order is not None else None
        return oracle.take_back(asked, owes=owes, ref=order, first=first)

    def _order_of(self, entry: Entry) -> str | None:
        if entry.entry_id.startswith("activate:"):
            ref = entry.entry_id.removeprefix("activate:").rpartition(":")[0]
            return self.refs[ref]
        return entry.details.get("order")

    def _nothing_due(self, account: Account, entries: list[Entry]) -> None:
        """R-19, R-20: what was over is gone, and what waited counts. What came that day already
        over, or in a night that was caught up, goes in the next."""
        came = {entry.on for entry in entries if entry.points > 0}
        if account.due_on(self.through):
            must(self.through in came, "left over by its night", account)
            due = self._hints.get(account.key, set())
            must(self.through + _ONE_DAY in due, "no hint of what is over", account)

    def _hinted(self, account: Account) -> None:
        """What will be due stands in a hint of a night to come."""
        days = self._hints.get(account.key, set())
        must(all(day > self.through for day in days), "a hint of a night that is over", days)
        for lot in account.lots:
            if lot.expires_on is not None:
                due = max(lot.expires_on + _ONE_DAY, self.through + _ONE_DAY)
                must(any(day >= due for day in days), "no hint", lot, account.key, days)
                must(due in days or lot.expires_on <= self.through, "no hint", lot, days)
        for each in account.pending:
            must(any(day >= each.active_on for day in days), "no hint", each, days)

    @cached_property
    def _hints(self) -> dict[AccountKey, set[date]]:
        found: dict[AccountKey, set[date]] = defaultdict(set)
        for row in self.shop.house.memory.rows(f"LH#{self.shop.merchant_id}#"):
            key = read_hint(RowKey(row["pk"], row["sk"]))
            must(self.ledger.account(key).seq, "a hint without an account", row)
            found[key].add(date.fromisoformat(row["pk"].split("#")[2]))
        return found

    def _adjusted(self, member: Member, entries: list[Entry]) -> None:
        """R-21, R-22: each adjustment that was answered is booked once, and no other."""
        booked = [
            (entry.details["reason"], -entry.asked if entry.asked else entry.points)
            for entry in entries
            if entry.kind is EntryKind.ADJUST
        ]
        told = self.told.adjusted.get(member.own_id, [])
        must(Counter(booked) == Counter(told), "adjusted", booked, "told", told)

    def _rewarded(self, member: Member, entries: list[Entry]) -> None:
        """ECO-11, ECO-12: whatever she does, at most one reward, and no less than none."""
        net, most = 0, self.shop.rules.reward or 0
        for entry in entries:
            if "newsletter" in entry.details:
                net += entry.points
                must(0 <= net <= most, "rewarded", net, member.own_id)

    # --- all of them -------------------------------------------------------------------------

    def _orders(self, entries: dict[str, list[Entry]]) -> None:
        """R-18, R-21: each order comes to what is left of it, at who has it, however often its shop
        and its refunds came."""
        found: Counter[tuple[str, str]] = Counter()
        real: Counter[tuple[str, str]] = Counter()
        for own_id, booked in entries.items():
            for entry in booked:
                if (order := self._order_of(entry)) is not None:
                    self._kept_once(entry, own_id, order, found, real)
        for told in self.told.orders.values():
            for own_id in sorted(told.members):
                due = told.points if own_id == told.customer else 0
                got = found.pop((own_id, told.order_id), 0)
                must(got == due, told, "came to", got, "and not to", due, "at", own_id)
        must(not any(found.values()), "booked for nobody", found)

    def _kept_once(
        self,
        entry: Entry,
        own_id: str,
        order: str,
        said: Counter[tuple[str, str]],
        real: Counter[tuple[str, str]],
    ) -> None:
        """R-18: who was let keep points of an order gets, as it rises again, what exceeds them."""
        her, moved = (own_id, order), entry.points + entry.pending
        asked = abs(moved) if entry.asked is None else entry.asked
        if entry.kind is EntryKind.REVERSE:
            said[her] -= asked
            real[her] += moved
            must(real[her] >= said[her], "took more than it came to", entry)
            self.shop.house.trace.count("points let go", int(asked > -moved))
            return
        said[her] += 0 if entry.entry_id.startswith("activate:") else asked
        due = max(real[her], said[her])
        real[her] += moved
        must(real[her] == due, "of an order she has", real[her], "and not", due, entry)
        self.shop.house.trace.count("raises that gave less", int(asked > moved))

    def _reports(self, entries: list[Entry]) -> None:
        """L-03: every day is reported, and adds up to what the accounts' entries say."""
        reports = DynamoDbReports(self.shop.house.quiet.table)
        moved: dict[date, Counter[str]] = defaultdict(Counter)
        for entry in entries:
            if entry.points:
                moved[entry.on][COLUMNS[entry.kind]] += entry.points
        closing, day = 0, self.opened
        while day < self.through:
            report = reports.get(self.shop.merchant_id, PROGRAMME, day)
            assert report is not None, f"no report of {day}"
            must(report.adds_up, "a report that does not add up", report)
            must(report.opening == closing, "a report that opens with another sum", report)
            shown = {name: points for name, points in report.moved.items() if points}
            true = {name: points for name, points in moved[day].items() if points}
            must(shown == true, "the report moved", shown, "the entries", true, day)
            closing, day = report.closing, day + _ONE_DAY
