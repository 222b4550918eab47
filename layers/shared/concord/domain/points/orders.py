"""An order of a shop: what was said of it, and the postings that follow from that.

Pure: a word of the shop in, the order out. Each posting's id and points are fixed when the word
comes in, so that booking can be repeated; what they come to is always what is left of the order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from enum import IntEnum
from typing import Final

from concord.domain.errors import ConflictError
from concord.domain.identity import event_key
from concord.domain.points.programme import Programme, Rounding, points_for

# Far more than anybody gives back piece by piece; the row has to stay small.
MAX_REFUNDS: Final = 100
_COMPLETED: Final = frozenset({"completed", "complete"})
_CANCELLED: Final = frozenset({"cancelled", "canceled", "refunded", "voided"})


class Standing(IntEnum):
    """What a shop's status comes to. It only ever rises: an order that was completed does not
    become open by a word that was late, and one that was cancelled earns no more."""

    OPEN = 0
    COMPLETED = 1
    CANCELLED = 2


def standing_of(status: str) -> Standing:
    """Return what a shop's word means; any word that is not known says "not yet" (SPB-05)."""
    word = status.strip().lower()
    if word in _COMPLETED:
        return Standing.COMPLETED
    return Standing.CANCELLED if word in _CANCELLED else Standing.OPEN


@dataclass(frozen=True, slots=True)
class OrderKey:
    """An order of one shop account, `source` = `<platform>:<account>`: the same order, whichever
    connection tells of it (R-21). `name` is the hash of both; the shop's own id may be anything."""

    merchant_id: str
    source: str
    name: str

    @classmethod
    def of(cls, merchant_id: str, source: str, order_id: str) -> OrderKey:
        """Return the key of the shop's order `order_id`."""
        return cls(merchant_id, source, event_key(f"{source}|{order_id}"))


@dataclass(frozen=True, slots=True)
class Member:
    """Who earns: our keyed name for her, and the merchant's own id of her."""

    key: str
    own_id: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Said:
    """What a shop said of an order. `subtotal` is before tax; `member` None = a guest."""

    standing: Standing
    subtotal: Decimal
    completed_at: datetime | None
    member: Member | None


@dataclass(frozen=True, slots=True)
class Terms:
    """By which rules an order earns: those of its programme when it first counted. A programme that
    changes later changes no order, or a refund would take what was never given.

    From `active_on` its points can be used, through `expires_on` (None = for ever).
    """

    programme_id: str
    currency: str
    points_per_unit: Decimal
    rounding: Rounding
    active_on: date
    expires_on: date | None

    @classmethod
    def of(cls, programme: Programme, completed_on: date) -> Terms:
        """Return the terms of an order completed on this day (merchant's time zone)."""
        active_on = programme.usable_from(completed_on)
        return cls(
            programme_id=programme.programme_id,
            currency=programme.currency,
            points_per_unit=programme.points_per_unit,
            rounding=programme.rounding,
            active_on=active_on,
            expires_on=programme.expires_on(active_on),
        )

    def earned(self, amount: Decimal) -> int:
        """Return the points that `amount` earns; none for less than nothing."""
        return points_for(amount, self.points_per_unit, self.rounding)


@dataclass(frozen=True, slots=True)
class OrderPosting:
    """Points that an order moves: `points` > 0 are accrued, < 0 reversed. `posting_id` is the id of
    the entry, `refund_id` the refund behind it."""

    posting_id: str
    member: Member
    points: int
    refund_id: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it stands. `version` counts the words that changed it.

    `refunds` are amounts by the shop's id, in the order in which they came; one may come before the
    order itself (`said` None). `points` is what all postings so far come to: `holder` has them.
    `postings` are those that are not booked yet; `changes` numbers those that neither the order nor
    a refund has given its id. `let_go` is, by member key, what was to be taken back and was
    not there any more: she has had it, so what the order earns again gives what exceeds it.
    """

    key: OrderKey
    order_id: str = field(repr=False)
    version: int = 0
    said: Said | None = None
    refunds: Mapping[str, Decimal] = field(default_factory=dict)
    terms: Terms | None = None
    holder: Member | None = None
    points: int = 0
    changes: int = 0
    postings: tuple[OrderPosting, ...] = ()
    let_go: Mapping[str, int] = field(default_factory=dict)

    @property
    def ref(self) -> str:
        """Return what its pending points are found by, and the id of its first posting."""
        return f"order:{self.key.name}"

    @property
    def reason(self) -> str | None:
        """Return why it earns nothing; None = it earns."""
        if self.said is None:
            return "order_unknown"
        if self.said.standing is not Standing.COMPLETED:
            return "cancelled" if self.said.standing is Standing.CANCELLED else "not_completed"
        return None if self.said.member else "no_member"


# --- the words of a shop -------------------------------------------------------------------------


def with_said(order: Order, said: Said, terms: Terms | None) -> Order:
    """Return the order after the shop spoke of it; the same one if that says nothing new.

    `terms` are those that hold if it counts now for the first time.
    """
    before = order.said
    if before is not None and (said == before or said.standing < before.standing):
        return order
    after = replace(order, said=said, version=order.version + 1)
    if after.terms is not None:
        return _changed(after)
    if terms is None or after.reason is not None:
        return after
    return _counted(replace(after, terms=terms))


def with_refund(order: Order, refund_id: str, amount: Decimal) -> Order:
    """Return the order with a refund; the same one if it is known.

    Raises ConflictError `event_id_reused` for an id that was of another amount, `too_many_refunds`.
    """
    if refund_id in order.refunds:
        if order.refunds[refund_id] == amount:
            return order
        message = "this refund_id was used for another amount; a new refund needs its own"
        raise ConflictError(message, code="event_id_reused")
    if len(order.refunds) >= MAX_REFUNDS:
        message = f"an order may have {MAX_REFUNDS} refunds; send a smaller subtotal instead"
        raise ConflictError(message, code="too_many_refunds")
    refunds = {**order.refunds, refund_id: amount}
    after = replace(order, refunds=refunds, version=order.version + 1)
    if after.terms is None or after.reason is not None:
        return after
    return _refunded(after, refund_id, _left(after))


# --- what became of it --------------------------------------------------------------------------


def due_of(order: Order, posting: OrderPosting) -> int:
    """Return the points that a posting comes to: of those that are accrued, what she was let keep
    before is there already (R-18)."""
    if posting.points < 0:
        return posting.points
    return max(0, posting.points - order.let_go.get(posting.member.key, 0))


def with_booked(order: Order, posting: OrderPosting, undone: int) -> Order:
    """Return the order after a posting of it was booked, but for `undone` points: of a reversal
    they are let go, of an accrual they were."""
    if not undone:
        return order
    key = posting.member.key
    kept = order.let_go.get(key, 0) + (undone if posting.points < 0 else -undone)
    others = {each: points for each, points in order.let_go.items() if each != key}
    return replace(order, let_go={**others, key: kept} if kept > 0 else others)


# --- what follows --------------------------------------------------------------------------------


def _left(order: Order) -> int:
    """Return the points that are due for what is left of an order that counts."""
    said, terms = order.said, order.terms
    if said is None or terms is None or order.reason is not None:
        return 0
    return terms.earned(said.subtotal - sum(order.refunds.values()))


def _counted(order: Order) -> Order:
    """It counts for the first time: all of it is earned, then each refund takes its part."""
    said, terms = order.said, order.terms
    if said is None or terms is None:
        return order
    left = said.subtotal
    order = replace(order, holder=said.member)
    order = _moved(order, order.ref, terms.earned(left))
    for refund_id, amount in order.refunds.items():
        left -= amount
        order = _refunded(order, refund_id, terms.earned(left))
    return order


def _refunded(order: Order, refund_id: str, left: int) -> Order:
    """A refund takes what the order has beyond `left`. So all refunds together take the same in any
    order, and never more than was earned (R-18)."""
    return _moved(order, f"refund:{order.key.name}:{refund_id}", left - order.points, refund_id)


def _changed(order: Order) -> Order:
    """The order is not what it was: book the difference, from the one to the other member."""
    member = order.said.member if order.said and order.reason is None else None
    if member != order.holder:
        order = _change(order, -order.points)
        order = replace(order, holder=member)
    return _change(order, _left(order) - order.points)


def _change(order: Order, points: int) -> Order:
    if not points:
        return order
    number = order.changes + 1
    order = replace(order, changes=number)
    return _moved(order, f"change:{order.key.name}:{number}", points)


def _moved(order: Order, posting_id: str, points: int, refund_id: str | None = None) -> Order:
    if not points or order.holder is None:
        return order
    posting = OrderPosting(posting_id, order.holder, points, refund_id)
    return replace(order, points=order.points + points, postings=(*order.postings, posting))
