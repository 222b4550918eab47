"""Book what an order comes to: each posting once, however often the worker dies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from concord.domain.errors import NotFoundError, RetryableError, StorageUnavailableError
from concord.domain.points.account import NEVER, Account, AccountKey, Pending
from concord.domain.points.orders import (
    Order,
    OrderKey,
    OrderPosting,
    Terms,
    due_of,
    with_booked,
)
from concord.domain.points.posting import Occasion, Posting, accrue, pend, reverse
from concord.domain.points.programme import RefundPolicy
from concord.domain.task_rows import Finish
from concord.domain.tasks import Task
from concord.ports import Clock, Merchants, Tasks
from concord.ports.orders import Orders
from concord.ports.points import Programmes
from concord.services.defer_tasks import DeferTasks
from concord.services.post_points import PostPoints

_ROUNDS: Final = 5
_AT_ONCE: Final = timedelta(0)


@dataclass(frozen=True, slots=True)
class _Booking:
    """One posting of an order, and what it is decided by."""

    order: Order
    terms: Terms
    posting: OrderPosting
    policy: RefundPolicy
    at: datetime
    today: date

    def __call__(self, account: Account) -> Posting | None:
        """Return what it comes to on her account. Points wait while the order can be returned."""
        points, terms = due_of(self.order, self.posting), self.terms
        if points < 0:
            return reverse(
                account,
                -points,
                self.policy,
                self._why,
                ref=self.order.ref,
                lot_of=terms.expires_on or NEVER,
            )
        asked = self.posting.points if points < self.posting.points else None
        if terms.active_on > self.today:
            days = terms.active_on, terms.expires_on
            waiting = Pending(self.order.ref, *days, points, self.order.order_id)
            return pend(account, waiting, self._why, asked)
        return accrue(account, points, terms.expires_on, self._why, asked=asked)

    @property
    def _why(self) -> Occasion:
        details = {"order": self.order.order_id}
        if self.posting.refund_id is not None:
            details["refund"] = self.posting.refund_id
        return Occasion(self.posting.posting_id, self.at, self.today, details)


class SettleOrder:
    """The worker of `settle_order` rows. What it is to book stands in the order; the ledger knows
    what it has, so that a repeat books nothing twice (R-21)."""

    def __init__(
        self,
        *,
        orders: Orders,
        programmes: Programmes,
        merchants: Merchants,
        post: PostPoints,
        tasks: Tasks,
        defer: DeferTasks,
        clock: Clock,
    ) -> None:
        self._orders = orders
        self._programmes = programmes
        self._merchants = merchants
        self._post = post
        self._tasks = tasks
        self._defer = defer
        self._clock = clock

    def __call__(self, task: Task) -> None:
        """Book the postings in their order, note that they are booked, and end the row.

        Raises RetryableError while the ledger or the table is too busy.
        """
        key = OrderKey(task.merchant_id, str(task.payload["source"]), task.task_id)
        try:
            for _ in range(_ROUNDS):
                order = self._orders.get(key)
                if order is None:
                    raise NotFoundError("no such order")
                order = self._book(order)
                # Said more of meanwhile: its postings are all there still, and known the next time.
                if order.postings and not self._orders.booked(order):
                    continue
                if self._tasks.finish_push(task, order.version) is not Finish.NEWER:
                    return
        except StorageUnavailableError as problem:
            raise RetryableError(problem.detail) from None
        self._defer.wait(task, _AT_ONCE, "order_kept_changing")

    def _book(self, order: Order) -> Order:
        """Book its postings; return it with what was let go, or taken into account, of them. That
        is read off the entries, so that a repeat comes to the same."""
        terms = order.terms
        if terms is None or not order.postings:
            return order
        merchant_id = order.key.merchant_id
        programme = self._programmes.get(merchant_id, terms.programme_id)
        merchant = self._merchants.get(merchant_id)
        if programme is None or merchant is None:
            raise NotFoundError("no such programme")
        now = self._clock.now()
        today = merchant.day(now)
        for posting in order.postings:
            posted = self._post(
                AccountKey(merchant_id, terms.programme_id, posting.member.key),
                posting.posting_id,
                _Booking(order, terms, posting, programme.refund_policy, now, today),
                member=posting.member.own_id,
            )
            order = with_booked(order, posting, posted.entry.undone if posted.entry else 0)
        return order
