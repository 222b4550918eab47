"""What Ecomail shows and was told at the end, against what the accounts say."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any, Final

from concord.adapters.dynamodb.ledger_keys import notice
from concord.domain.evidence import ConsentKey
from concord.domain.identity import Channel, point_id
from concord.domain.marks import State
from sandbox.platforms.ecomail.store import SUBSCRIBED
from tests.simulation.acts import Told
from tests.simulation.shop import Customer, Shop
from tests.simulation.watch import Member, Watch, must

_APART: Final = timedelta(hours=1)
_IN_TIME: Final = timedelta(hours=12)


class Contacts:
    """One shop's list."""

    def __init__(self, shop: Shop, told: Told, watch: Watch) -> None:
        self.shop = shop
        self.told = told
        self.watch = watch

    def check(self) -> None:
        """See all of it."""
        for customer in self.shop.customers:
            member = self.watch.members.get(self.shop.key(customer.own_id))
            if customer.known:
                self._shown(customer, member)
                self._events(customer, member)
                self._pins(customer)
            if member is not None:
                self._notices(customer, member)
            for email in (customer.email, *customer.former):
                self._wanted(email)

    # --- fields ------------------------------------------------------------------------------

    def _shown(self, customer: Customer, member: Member | None) -> None:
        """ECO-01, ECO-17: the fields are those of her account, if she is in the list."""
        contact = self.shop.contacts.get(customer.email)
        if contact is None:
            must(self._state(customer.email) is State.OPTED_OUT, "not in the list", customer)
            return
        fields = contact["custom_fields"]
        expected = [
            {
                "ellity_credit_num": member.account.balance if member else 0,
                "ellity_pin": customer.pin,
                "ellity_next_expiration_date": last_day,
                "ellity_next_expiration_value_num": points,
            }
            for last_day, points in self._next_expiries(member)
        ]
        shown = {name: fields.get(name) for name in expected[0]}
        spelled = {name: "" if value is None else str(value) for name, value in shown.items()}
        wanted = [{name: str(value) for name, value in each.items()} for each in expected]
        must(spelled in wanted, customer, shown, expected)
        must(contact.get("name") == customer.name, "another name", contact, customer)

    def _next_expiries(self, member: Member | None) -> list[tuple[str, int]]:
        """Return what may be shown of the next expiry. What is over and still there (it came over,
        or in a night that was caught up) is not shown, or was when it was not over yet."""
        lots = member.account.lots if member else ()
        ends = sorted((lot.expires_on, lot.points) for lot in lots if lot.expires_on)
        over = [each for each in ends if each[0] < self.shop.today()]
        to_come = [each for each in ends if each not in over][:1]
        shown = [(day.isoformat(), points) for day, points in over + to_come]
        return shown if to_come else [*shown, ("", 0)]

    # --- events ------------------------------------------------------------------------------

    def _events(self, customer: Customer, member: Member | None) -> None:
        """ECO-07, ECO-10: each posting is told once; one whose answer was lost waits for a person.
        Only of who was in the list all the time is it known that all of it was told."""
        heard = self._heard(customer, "credit")
        moves = [m for m in member.moves if m.points] if member else []
        due = Counter((m.balance, m.points) for m in moves)
        parked = Counter(
            (p["balance"], p["points"]) for p in self._parked(member) if p.get("label") == "credit"
        )
        must(not heard - due, "told too often", customer.own_id, heard - due)
        if self._always_in(customer) and member is not None:
            since = self.told.saved[customer.own_id]
            sure = Counter((m.balance, m.points) for m in moves if m.at > since)
            must(not sure - heard - parked, "never told", customer.own_id, sure - heard - parked)

    def _pins(self, customer: Customer) -> None:
        """ECO-09: each change of a PIN is told once."""
        heard = self._heard(customer, "pin").total()
        due = len(self.told.pins[customer.own_id])
        must(heard <= due, "PINs told too often", customer, heard, due)
        if self._always_in(customer):
            parked = [p for p in self._failures if p.get("label") == "pin"]
            must(heard + len(parked) >= due, "a PIN was never told", customer, heard, due)

    def _heard(self, customer: Customer, label: str) -> Counter[tuple[Any, ...]]:
        mine = (self.shop.merchant_id, customer.own_id, label)
        return Counter(
            tuple(each.value.values())
            for each in self.watch.heard
            if (each.merchant_id, each.customer, each.label) == mine
        )

    def _parked(self, member: Member | None) -> list[dict[str, Any]]:
        key = member.account.key.member_key if member else ""
        return [p for p in self._failures if p.get("member_key") == key]

    @cached_property
    def _failures(self) -> list[dict[str, Any]]:
        tasks = self.shop.house.quiet.tasks
        found = tasks.parked(self.shop.merchant_id, self.shop.connection_id)
        return [dict(each.payload) for each in found]

    def _always_in(self, customer: Customer) -> bool:
        """Whether she never left, opted out or changed her address."""
        wishes = self.told.wishes.get(customer.email, [])
        return not customer.former and all(wants for _, wants in wishes)

    # --- notices -----------------------------------------------------------------------------

    def _notices(self, customer: Customer, member: Member) -> None:
        """ECO-15, ECO-16: one notice per member and date; who had points to lose on that day, from
        its notice to its end, was told in time."""
        heard = self._heard(customer, "expiry")
        days = Counter(day for _, day in heard.elements())
        must(all(count == 1 for count in days.values()), "told twice", customer.own_id, days)
        ahead = self.shop.rules.notice_days
        for day in member.lots:
            row = self.shop.house.quiet.table.get(notice(member.account.key, day))
            if ahead is None:
                must(row is None, "told though nobody is to be", customer.own_id, day)
            elif day != date.max and self._was_due(member, day, day - timedelta(days=ahead)):
                must(row is not None, "no notice", customer.own_id, day, member.lots[day])
                if self._always_in(customer) and self._saved_by(customer, day, ahead):
                    parked = [p.get("on") for p in self._parked(member)]
                    got = day.isoformat() in days or day.isoformat() in parked
                    must(got, "a notice was never told", customer.own_id, day)

    def _saved_by(self, customer: Customer, day: date, ahead: int) -> bool:
        saved = self.told.saved.get(customer.own_id)
        return saved is not None and saved < self._midnight(day - timedelta(days=ahead))

    def _was_due(self, member: Member, day: date, night: date) -> bool:
        """Whether she held points of that last day from the night's midnight to the end of the day,
        and the night was over well ahead of that."""
        begins, ends = self._midnight(night), self._midnight(day + timedelta(days=1))
        done = self.watch.nights.get((self.shop.merchant_id, night))
        if done is None or done > ends - _IN_TIME or ends > self.shop.house.virtual.now():
            return False
        history = member.lots[day]
        before = [points for at, points in history if at < begins][-1:]
        within = [points for at, points in history if begins <= at < ends]
        return bool(before) and min(before + within) > 0

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(0), self.shop.zone).astimezone(UTC)

    # --- who wants mail ----------------------------------------------------------------------

    def _wanted(self, email: str) -> None:
        """An opt-out always wins: nobody is subscribed at the end whose last word was to be out.
        Who came back stands in the list, and is in by our record.

        Where she changed her mind within an hour it is not sure which word was heard first.
        """
        contact = self.shop.contacts.get(email)
        subscribed = contact is not None and contact["status"] == SUBSCRIBED
        out = self._state(email) is State.OPTED_OUT
        wishes = self.told.wishes.get(email, [])
        back = bool(wishes) and wishes[-1][1]
        must(back or not (subscribed and out), "subscribed though out", email, wishes)
        if len(wishes) == 1 or (wishes and wishes[-1][0] - wishes[-2][0] >= _APART):
            must(back or not subscribed, "not as she wished", email, wishes)
            if back:
                must(subscribed and not out, "a sign-up was undone", email, wishes)
                self.shop.house.trace.count("came back" if len(wishes) > 1 else "signed up")

    def _state(self, email: str) -> State | None:
        quiet = self.shop.house.quiet
        connection = quiet.connections.get(self.shop.connection_id)
        assert connection is not None
        stack_key = quiet.secrets.stack_key()
        point = point_id(stack_key, self.shop.merchant_id, Channel.EMAIL, email)
        account = connection.account
        record = quiet.store.load(ConsentKey(self.shop.merchant_id, account, Channel.EMAIL, point))
        return record.marks.standing[0] if record else None
