"""Reward a newsletter sign-up once per customer and list, and take back what was given (ECO-11)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

from concord.domain.connection import Connection
from concord.domain.errors import StorageUnavailableError
from concord.domain.exports import Subscription
from concord.domain.identity import member_key
from concord.domain.points.account import AccountKey
from concord.domain.points.posting import EntryKind, Occasion, accrue, reverse
from concord.domain.points.programme import NewsletterReward, Programme, RefundPolicy
from concord.ports import Clock, Merchants, Shoppers
from concord.ports.contacts import Subscriptions
from concord.ports.points import Programmes
from concord.services.authenticate import Authenticator
from concord.services.post_points import PostPoints


class RewardNewsletter:
    """Settles the newest change of a subscription. Net of all changes a customer has 0..R points of
    it: a sign-up gives what is missing to R, leaving takes what was given and is still there."""

    def __init__(
        self,
        *,
        merchants: Merchants,
        programmes: Programmes,
        shoppers: Shoppers,
        subscriptions: Subscriptions,
        authenticator: Authenticator,
        post: PostPoints,
        clock: Clock,
    ) -> None:
        self._merchants = merchants
        self._programmes = programmes
        self._shoppers = shoppers
        self._subscriptions = subscriptions
        self._authenticator = authenticator
        self._post = post
        self._clock = clock

    def __call__(self, connection: Connection, known: Subscription) -> None:
        """Book what the newest change is worth, once; a crash anywhere is healed by a repeat.

        Nobody carries the address yet: it is parked, and settled when that customer appears.
        """
        if known.settled == known.changes:
            return
        programme = self._programme(connection)
        reward = programme.newsletter_reward if programme else None
        if programme is None or reward is None:
            self._settle(known, known.awarded)
            return
        member = self._member(known)
        if member is None:
            if not known.parked:
                self._save(replace(known, parked=True))
            return
        self._settle(known, self._book(connection, programme, reward, known, member))

    def _book(
        self,
        connection: Connection,
        programme: Programme,
        reward: NewsletterReward,
        known: Subscription,
        member: str,
    ) -> int:
        """Return what is awarded now, net."""
        stack_key = self._authenticator.with_secrets(connection).secrets.stack_key
        merchant = connection.merchant_id
        name = member_key(stack_key, merchant, programme.programme_id, member)
        key = AccountKey(merchant, programme.programme_id, name)
        # By list, not by address: a second address of hers is no second sign-up.
        entry_id = f"newsletter:{connection.contact_list}:{known.changes}"
        today = self._today(connection)
        why = Occasion(
            entry_id,
            self._clock.now(),
            today,
            {"newsletter": "joined" if known.subscribed else "left"},
        )
        if known.subscribed:
            missing = reward.points - known.awarded
            if missing <= 0:
                return known.awarded
            expires_on = programme.expires_on(today)
            posted = self._post(
                key,
                entry_id,
                lambda account: accrue(account, missing, expires_on, why, EntryKind.REWARD),
                member=member,
            )
        elif reward.take_back and known.awarded:
            posted = self._post(
                key,
                entry_id,
                lambda account: reverse(account, known.awarded, RefundPolicy.CLAMP, why),
                member=member,
            )
        else:
            return known.awarded
        return known.awarded + (posted.entry.points if posted.entry else 0)

    def _settle(self, known: Subscription, awarded: int) -> None:
        self._save(replace(known, settled=known.changes, awarded=awarded, parked=False))

    def _save(self, wanted: Subscription) -> None:
        """Save it; whoever changed it meanwhile asked for another look, which settles."""
        self._subscriptions.save(replace(wanted, version=wanted.version + 1))

    def _programme(self, connection: Connection) -> Programme | None:
        programme = connection.settings.programme
        return self._programmes.get(connection.merchant_id, programme) if programme else None

    def _member(self, known: Subscription) -> str | None:
        """Return the merchant's own id of who carries the address; of several the first."""
        found = self._shoppers.carrying(
            known.merchant_id, known.connection_id, known.point_id
        ).shopper_ids
        return min(found) if found else None

    def _today(self, connection: Connection) -> date:
        merchant = self._merchants.get(connection.merchant_id)
        if merchant is None:
            raise StorageUnavailableError("the merchant of a connection is not there")
        return self._clock.now().astimezone(ZoneInfo(merchant.time_zone)).date()
