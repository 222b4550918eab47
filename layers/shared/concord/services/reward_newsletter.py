"""Reward a newsletter sign-up once per customer and list, and take back what was given (ECO-11)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import count
from typing import Final

from concord.domain.connection import Connection
from concord.domain.errors import RetryableError, StorageUnavailableError
from concord.domain.exports import Subscription
from concord.domain.identity import event_key, member_key, shopper_key
from concord.domain.points.account import Account, AccountKey
from concord.domain.points.posting import EntryKind, Occasion, Posting, accrue, reverse
from concord.domain.points.programme import NewsletterReward, Programme, RefundPolicy
from concord.ports import Clock, Merchants, Shoppers
from concord.ports.contacts import Subscriptions
from concord.ports.points import Ledger, Programmes
from concord.services.authenticate import Authenticator
from concord.services.post_points import PostPoints

_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class _Given:
    """What the ledger says of a customer's rewards for one list: their net sum, the name of the
    next entry, and the changes that were answered by taking points."""

    points: int
    next_id: str
    taken_for: frozenset[str]


class RewardNewsletter:
    """Settles the newest change of a subscription. Net of all changes a customer has 0..R points of
    a list: a sign-up gives what is missing to R, leaving takes what was given and is still there.

    What was given is read from the ledger, never remembered beside it: its entries are numbered by
    customer and list, so neither a crash, nor another worker, nor a second address counts twice.
    """

    def __init__(
        self,
        *,
        merchants: Merchants,
        programmes: Programmes,
        shoppers: Shoppers,
        subscriptions: Subscriptions,
        ledger: Ledger,
        authenticator: Authenticator,
        post: PostPoints,
        clock: Clock,
    ) -> None:
        self._merchants = merchants
        self._programmes = programmes
        self._shoppers = shoppers
        self._subscriptions = subscriptions
        self._ledger = ledger
        self._authenticator = authenticator
        self._post = post
        self._clock = clock

    def __call__(self, connection: Connection, known: Subscription) -> None:
        """Book what the newest change is worth, once; a crash anywhere is healed by a repeat.

        Nobody carries the address yet: it is parked, and settled when that customer appears.
        Raises RetryableError where the subscription changed meanwhile.
        """
        if known.settled == known.changes:
            return
        known = self._bound(connection, known)
        if known.parked:
            return
        if known.member:
            programme = self._programmes.get(known.merchant_id, known.programme)
            reward = programme.newsletter_reward if programme else None
            if programme is not None and reward is not None:
                self._book(connection, programme, reward, known)
        self._save(replace(known, settled=known.changes))

    def _bound(self, connection: Connection, known: Subscription) -> Subscription:
        """Return it with whose sign-up it is, saved before anything is given: whoever carries the
        address later, and whatever programme is set then, is not given the same once more."""
        if not known.signed:
            return self._changed(known, replace(known, parked=False))
        name = connection.settings.programme
        programme = self._programmes.get(connection.merchant_id, name) if name else None
        if programme is None or programme.newsletter_reward is None:
            return self._changed(known, replace(known, parked=False))
        if known.member:
            if (
                known.programme != name
                and self._told(self._account(connection, known), known).points
            ):
                return known  # she has it already, of the programme before
            return self._changed(known, replace(known, programme=programme.programme_id))
        member = self._carrier(known)
        if member is None:
            return self._changed(known, replace(known, parked=True))
        bound = replace(known, member=member, programme=programme.programme_id, parked=False)
        return self._changed(known, bound)

    def _book(
        self,
        connection: Connection,
        programme: Programme,
        reward: NewsletterReward,
        known: Subscription,
    ) -> None:
        key, today = self._account(connection, known), self._today(connection)
        change = event_key(f"{known.point_id}|{known.changes}")[:16]
        expires_on = programme.expires_on(today)
        for _ in range(_ATTEMPTS):
            given = self._told(key, known)
            word = "joined" if known.signed else "left"
            details = {"newsletter": word, "change": change}
            why = Occasion(given.next_id, self._clock.now(), today, details)
            if known.signed:
                points = reward.points - given.points
            elif reward.take_back and not self._signed_elsewhere(connection, known):
                points = 0 if change in given.taken_for else -given.points
            else:
                points = 0
            if not points or (points > 0) is not known.signed:
                return

            def decide(
                account: Account, points: int = points, why: Occasion = why
            ) -> Posting | None:
                if points > 0:
                    return accrue(account, points, expires_on, why, EntryKind.REWARD)
                return reverse(account, -points, RefundPolicy.CLAMP, why)

            if not self._post(key, given.next_id, decide, member=known.member).known:
                return
        raise RetryableError("the rewards of this customer kept changing")

    def _told(self, key: AccountKey, known: Subscription) -> _Given:
        points, taken_for = 0, set[str]()
        for entry_id in _names(known.list_id):
            entry = self._ledger.entry(key, entry_id)
            if entry is None:
                return _Given(points, entry_id, frozenset(taken_for))
            points += entry.points
            if entry.details.get("newsletter") == "left":
                taken_for.add(str(entry.details.get("change")))
        raise AssertionError("names do not end")

    def _signed_elsewhere(self, connection: Connection, known: Subscription) -> bool:
        """Whether another address of hers is signed up: she has not left then."""
        name = shopper_key(self._key(connection), connection.connection_id, known.member)
        shopper = self._shoppers.get(known.merchant_id, known.connection_id, name)
        others = [point for point in shopper.emails if point != known.point_id] if shopper else []
        found = (
            self._subscriptions.get(known.merchant_id, known.connection_id, known.list_id, point)
            for point in others
        )
        return any(each.signed and each.member == known.member for each in found)

    def _account(self, connection: Connection, known: Subscription) -> AccountKey:
        merchant, programme = known.merchant_id, known.programme
        name = member_key(self._key(connection), merchant, programme, known.member)
        return AccountKey(merchant, programme, name)

    def _key(self, connection: Connection) -> bytes:
        return self._authenticator.with_secrets(connection).secrets.stack_key

    def _changed(self, known: Subscription, wanted: Subscription) -> Subscription:
        return known if wanted == known else self._save(wanted)

    def _save(self, wanted: Subscription) -> Subscription:
        """Save it. Where it changed meanwhile, what was just booked may be of a state that is over:
        its newest change is to be settled once more."""
        saved = replace(wanted, version=wanted.version + 1)
        if self._subscriptions.save(saved):
            return saved
        where = (wanted.merchant_id, wanted.connection_id, wanted.list_id, wanted.point_id)
        now = self._subscriptions.get(*where)
        if now.settled == now.changes and now.signed is not wanted.signed:
            self._subscriptions.save(replace(now, changes=now.changes + 1, version=now.version + 1))
        raise RetryableError("this subscription changed meanwhile")

    def _carrier(self, known: Subscription) -> str | None:
        """Return the merchant's own id of who carries the address; of several the first."""
        found = self._shoppers.carrying(
            known.merchant_id, known.connection_id, known.point_id
        ).shopper_ids
        return min(found) if found else None

    def _today(self, connection: Connection) -> date:
        merchant = self._merchants.get(connection.merchant_id)
        if merchant is None:
            raise StorageUnavailableError("the merchant of a connection is not there")
        return merchant.day(self._clock.now())


def _names(list_id: str) -> Iterator[str]:
    """Yield what the rewards of a customer are booked under, one after the other."""
    return (f"newsletter:{list_id}:{number}" for number in count(1))
