"""What people do, when, and in which order: all of it drawn before the first of it happens."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from concord.domain.times import to_rfc3339
from tests.simulation.house import House
from tests.simulation.rules import CANCELLED, COMPLETED, OPEN, OrderTold
from tests.simulation.shop import PROGRAMME, Customer, Shop

_HOUR = 3600.0
_DAY = 24 * _HOUR
type Word = Callable[[Callable[[], None]], None]


@dataclass
class Told:
    """What a shop was told by us, or told us, and got a good answer for."""

    orders: dict[str, OrderTold] = field(default_factory=dict)
    adjusted: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    # Since when a customer is known to us, by her shop's id of her.
    saved: dict[str, datetime] = field(default_factory=dict)
    # The PINs that a customer was saved with, each time it was another.
    pins: dict[str, list[str]] = field(default_factory=dict)
    # What people said of mail: when, and whether they want it.
    wishes: dict[str, list[tuple[datetime, bool]]] = field(default_factory=dict)


class Acts:
    """Puts the acts of one shop on the calendar."""

    def __init__(self, house: House, shop: Shop, dice: random.Random, days: int) -> None:
        self.house = house
        self.shop = shop
        self.dice = dice
        self.days = days
        self.told = Told()
        self._rushes: list[tuple[float, Customer]] = []
        self.ends = house.virtual.now() + timedelta(days=days)

    def plan(self) -> None:
        """Draw everything."""
        self._rushes = [
            (self.dice.uniform(0, self.days * _DAY), self.dice.choice(self.shop.customers))
            for _ in range(self.dice.randint(1, 3))
        ]
        for customer in self.shop.customers:
            self._lives(customer)
        for number in range(self.dice.randint(self.days // 2, self.days)):
            self._order(f"o{number}")
        for number in range(self.dice.randint(3, 10)):
            self._adjusts(number)
        for number in range(self.dice.choice([0, 1, 2])):
            self._exports(number)

    def _when(self) -> tuple[float, Customer]:
        """Return when something happens, and to whom: now and then to one of them at once."""
        if self.dice.random() < 0.4:
            at, customer = self.dice.choice(self._rushes)
            return at + self.dice.choice([0.0, 0.1, 0.5]), customer
        return self.dice.uniform(0, self.days * _DAY), self.dice.choice(self.shop.customers)

    # --- customers ---------------------------------------------------------------------------

    def _lives(self, customer: Customer) -> None:
        """A customer is saved, changes, signs up and leaves: one after the other."""
        at = self.dice.uniform(0, 2 * _DAY)
        words: list[Word] = [partial(self._save, customer)]
        for _ in range(self.dice.randint(1, 6)):
            words.append(self.dice.choice(self._words_of(customer)))
        if self.dice.random() < 0.3:  # she signs up before her shop knows her
            words.insert(0, partial(self._form, customer, "subscribe"))
        self._one_by_one(words, at)

    def _words_of(self, customer: Customer) -> list[Word]:
        return [
            partial(self._form, customer, "subscribe"),
            partial(self._form, customer, "subscribe"),
            partial(self._form, customer, "unsubscribe"),
            partial(self._opts_out, customer),
            partial(self._change, customer, "pin"),
            partial(self._change, customer, "name"),
            partial(self._change, customer, "email"),
        ]

    def _one_by_one(self, words: list[Word], seconds: float) -> None:
        """Let each begin some time after the answer to the one before, a second or days later."""
        if not words or self.house.virtual.now() > self.ends:
            return
        gap = self.dice.choice([1.0, 60.0, 4 * _HOUR, self.dice.uniform(0, self.days * _DAY / 4)])
        rest = words[1:]
        self.house.virtual.after(seconds, lambda: words[0](lambda: self._one_by_one(rest, gap)))

    def _change(self, customer: Customer, what: str, then: Callable[[], None]) -> None:
        number = self.dice.randint(1001, 9999)
        if what == "email":
            customer.former.append(customer.email)
            customer.email = f"n{number}.{customer.email}"
        elif what == "pin":
            customer.pin = str(number)
        else:
            customer.name = f"Ana {number}"
        self._save(customer, then)

    def _save(self, customer: Customer, then: Callable[[], None]) -> None:
        body: dict[str, Any] = {
            "first_name": customer.name,
            "email": customer.email,
            "attributes": {"pin": customer.pin},
        }

        def done(status: int, _: dict[str, Any]) -> None:
            assert status < 300, status
            customer.known = True
            pins = self.told.pins.setdefault(customer.own_id, [])
            if pins[-1:] != [body["attributes"]["pin"]]:
                pins.append(body["attributes"]["pin"])
            self.told.saved.setdefault(customer.own_id, self.house.virtual.now())
            self.house.trace.count("customers saved")
            then()

        call = partial(self.shop.connect, "PUT", f"/shoppers/{customer.own_id}", body)
        self.shop.tells(f"{self.shop.merchant_id} saves {customer.own_id}", call, done)

    def _form(self, customer: Customer, action: str, then: Callable[[], None]) -> None:
        def work() -> None:
            joins, email = action == "subscribe", customer.email
            if joins or email in self.shop.contacts:
                self.house.trace.step(f"{email} {action}s at Ecomail")
                self.house.trace.count("sign-ups" if joins else "leavings")
                self._wishes(email, wants=joins)
                self.shop.form(email, action)
            then()

        self.house.spawn(0, "a person", work, spared=True)

    def _opts_out(self, customer: Customer, then: Callable[[], None]) -> None:
        email = customer.email
        body = {
            "event_id": f"e-{self.dice.randrange(10**9)}",
            "action": "opt_out",
            "channel": "email",
            "point": email,
            "via": "account",
        }

        def done(status: int, _: dict[str, Any]) -> None:
            assert status < 300, status
            self.house.trace.count("opt-outs")
            self._wishes(email, wants=False)
            then()

        call = partial(self.shop.connect, "POST", "/consents", body)
        self.shop.tells(f"{email} opts out", call, done)

    def _wishes(self, email: str, *, wants: bool) -> None:
        self.told.wishes.setdefault(email, []).append((self.house.virtual.now(), wants))

    # --- orders ------------------------------------------------------------------------------

    def _order(self, order_id: str) -> None:
        """The life of an order: told open, completed, changed, refunded, cancelled; a refund may
        come first."""
        dice = self.dice
        told = self.told.orders[order_id] = OrderTold(order_id, self.shop.rules)
        at, who = self._when()
        customer = who.own_id if dice.random() < 0.95 else None
        subtotal = dice.randint(100, 60_000)
        say = partial(self._say, told)
        words: list[Word] = []
        if dice.random() < 0.15:
            words.append(partial(self._refund, told, "r0", dice.randint(1, subtotal)))
        if dice.random() < 0.3:
            words.append(partial(say, OPEN, subtotal, customer))
        words.append(partial(say, COMPLETED, subtotal, customer))
        for number in range(dice.choice([0, 0, 1, 2, 3])):
            match dice.choice(["refund", "refund", "change", "again", "late", "other", "falls"]):
                case "refund":
                    amount = dice.randint(1, subtotal)
                    words.append(partial(self._refund, told, f"r{number + 1}", amount))
                case "change":
                    subtotal = dice.randint(100, 60_000)
                    words.append(partial(say, COMPLETED, subtotal, customer))
                case "again":
                    words.append(partial(say, COMPLETED, subtotal, customer))
                case "late":
                    words.append(partial(say, OPEN, subtotal + 500, customer))
                case "falls":  # and rises again, when she has spent what it earned
                    words.append(partial(self._spends, customer))
                    words.append(partial(say, COMPLETED, dice.randint(0, subtotal), customer))
                    words.append(partial(say, COMPLETED, subtotal, customer))
                case "other":
                    customer = dice.choice(self.shop.customers).own_id
                    words.append(partial(say, COMPLETED, subtotal, customer))
        if dice.random() < 0.1:
            words.append(partial(say, CANCELLED, subtotal, customer))
        self._one_by_one(words, at)

    def _say(
        self,
        told: OrderTold,
        status: str,
        cents: int,
        customer: str | None,
        then: Callable[[], None],
    ) -> None:
        now = self.house.virtual.now()
        at = now - timedelta(hours=self.dice.choice([0, 0, 0, 3, 30]))
        body: dict[str, Any] = {
            "order_id": told.order_id,
            "status": status,
            "subtotal_ex_tax": f"{cents // 100}.{cents % 100:02}",
            "currency": "CZK",
            "completed_at": to_rfc3339(at),
        }
        if customer is not None:
            body["customer"] = {"id": customer}

        def done(answer: int, _: dict[str, Any]) -> None:
            assert answer == 202, answer
            told.said(body, self.shop.today(at))
            self.house.trace.count("words of orders")
            then()

        call = partial(self.shop.connect, "POST", "/orders", body)
        self.shop.tells(f"{self.shop.merchant_id} says {told.order_id} {status}", call, done)

    def _refund(
        self, told: OrderTold, refund_id: str, cents: int, then: Callable[[], None]
    ) -> None:
        amount = f"{cents // 100}.{cents % 100:02}"

        def done(answer: int, _: dict[str, Any]) -> None:
            assert answer == 202, answer
            told.refunds[refund_id] = amount
            self.house.trace.count("refunds")
            then()

        body = {"refund_id": refund_id, "amount_ex_tax": amount}
        call = partial(self.shop.connect, "POST", f"/orders/{told.order_id}/refunds", body)
        self.shop.tells(f"{self.shop.merchant_id} refunds {told.order_id}", call, done)

    # --- operators ---------------------------------------------------------------------------

    def _adjusts(self, number: int) -> None:
        dice = self.dice
        seconds, who = self._when()
        amount = dice.choice([5, 40, 200, -1, -15, -60])
        self._adjust(f"adjust-{number}", who.own_id, amount, seconds)

    def _spends(self, customer: str | None, then: Callable[[], None]) -> None:
        """Take all that she has: the shop's till is played by an operator."""
        points = 0
        if customer is not None:
            account = self.house.quiet.ledger.account(self.shop.key(customer))
            points = account.usable(self.shop.today())
        if customer is None or points <= 0:
            then()
            return
        name = f"spend-{self.dice.randint(0, 10**9)}"
        self._adjust(name, customer, -points, then=then)

    def _adjust(
        self,
        name: str,
        customer: str,
        amount: int,
        seconds: float = 0.0,
        then: Callable[[], None] = lambda: None,
    ) -> None:
        merchant, reason = self.shop.merchant_id, f"reason {name}"
        body = {"amount": amount, "reason": reason, "actor": "Eva"}
        where = f"/v1/merchants/{merchant}/programmes/{PROGRAMME}/accounts/{customer}/adjustments"

        def done(status: int, answer: dict[str, Any]) -> None:
            if status < 300:
                self.told.adjusted.setdefault(customer, []).append((reason, amount))
                self.house.trace.count("adjustments")
            else:
                assert amount < 0, answer
                assert answer["code"] == "insufficient_points", answer
                self.house.trace.count("adjustments refused")
            then()

        key = f"{merchant}-{name}"
        call = partial(self.house.admin, "POST", where, body, Idempotency_Key=key)
        self.shop.tells(f"{merchant} adjusts {customer} by {amount}", call, done, seconds)

    def _exports(self, number: int) -> None:
        def done(status: int, _: dict[str, Any]) -> None:
            self.house.trace.count("exports" if status == 202 else "exports refused")

        where = f"/v1/connections/{self.shop.connection_id}/exports"
        key = f"{self.shop.merchant_id}-export-{number}"
        call = partial(self.house.admin, "POST", where, None, Idempotency_Key=key)
        seconds = self.dice.uniform(0, self.days * _DAY)
        self.shop.tells(f"{self.shop.merchant_id} exports", call, done, seconds)


def hours(house: House, dice: random.Random, days: int) -> None:
    """Run the hourly schedule: some hours are missed, now and then for days, some come twice."""
    missed_until = 0
    for day in range(days):
        if dice.random() < 0.08:
            missed_until = day + dice.randint(1, 3)
        if day < missed_until:
            house.trace.count("days without a night")
            continue
        for hour in sorted(dice.sample(range(24), 3)):
            for _ in range(2 if dice.random() < 0.2 else 1):
                house.virtual.after(
                    day * _DAY + hour * _HOUR + dice.uniform(0, 30), partial(_hour, house)
                )


def _hour(house: House) -> None:
    def work() -> None:
        house.trace.count("hours")
        house.hour(house.virtual.now())

    house.spawn(0, "hour", work)
