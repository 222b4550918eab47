"""Accounts of points: what a member has, her statement, and what is adjusted by hand."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from concord.domain.points.account import Account, Lot
from concord.domain.points.posting import Entry, EntryKind
from concord.domain.points.programme import MOST_POINTS
from concord.entrypoint.admin.base import Answer, Sent


def _not_zero(amount: int) -> int:
    if not 0 < abs(amount) <= MOST_POINTS:
        raise PydanticCustomError(
            "amount", f"use a whole number, not 0, from -{MOST_POINTS:,} to {MOST_POINTS:,}"
        )
    return amount


def _not_blank(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("blank", "say it in words")
    return text


type Amount = Annotated[
    int,
    AfterValidator(_not_zero),
    WithJsonSchema(
        {
            "type": "integer",
            "minimum": -MOST_POINTS,
            "maximum": MOST_POINTS,
            "not": {"const": 0},
        }
    ),
]


class AdjustmentPost(Sent):
    """Points to give, or (negative) to take away: why, and who decided it (R-22)."""

    amount: Amount
    reason: Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_not_blank)]
    actor: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_not_blank)]


class LotAnswer(Answer):
    """Points, and the last day on which they can be used, in the merchant's time zone; null =
    for ever."""

    expires_on: date | None
    points: int


class PendingAnswer(Answer):
    """Points in their return window: they count from `active_on`."""

    ref: str
    points: int
    active_on: date
    expires_on: date | None


class AccountAnswer(Answer):
    """What a member has. `balance` = sum of lots - owed; `available` is what she can spend on
    `today`, the merchant's; `pending` comes on top once its window is over."""

    balance: int
    available: int
    pending: int
    owed: int
    today: date
    lots: list[LotAnswer]
    pending_lots: list[PendingAnswer]
    next_expiry: LotAnswer | None


class EntryAnswer(Answer):
    """One movement. `points` is signed, `balance` is the one after it, `on` the merchant's day.

    `lots` took or gave the points; where they come to less, the rest paid or raised what is owed.
    `pending` is by how much pending points moved. `asked` is what was asked for, where less was
    there, or where she was let keep some of it before. `details` say why: order, refund, reason,
    actor.
    """

    entry_id: str
    kind: EntryKind
    points: int
    balance: int
    pending: int
    at: AwareDatetime
    on: date
    lots: list[LotAnswer]
    asked: int | None
    details: dict[str, Any]

    @classmethod
    def of(cls, entry: Entry) -> EntryAnswer:
        """Return the answer about `entry`."""
        return cls(
            entry_id=entry.entry_id,
            kind=entry.kind,
            points=entry.points,
            balance=entry.balance,
            pending=entry.pending,
            at=entry.at,
            on=entry.on,
            lots=[_lot(lot) for lot in entry.lots],
            asked=entry.asked,
            details=dict(entry.details),
        )


class EntryPage(Answer):
    """A statement, newest first."""

    items: list[EntryAnswer]
    cursor: str | None


def account_answer(
    account: Account, today: date, available: int, next_expiry: Lot | None
) -> AccountAnswer:
    """Return what a member has today."""
    return AccountAnswer(
        balance=account.balance,
        available=available,
        pending=account.pending_points,
        owed=account.owed,
        today=today,
        lots=[_lot(lot) for lot in account.lots],
        pending_lots=[
            PendingAnswer(
                ref=each.ref,
                points=each.points,
                active_on=each.active_on,
                expires_on=each.expires_on,
            )
            for each in account.pending
        ],
        next_expiry=_lot(next_expiry) if next_expiry else None,
    )


def _lot(lot: Lot) -> LotAnswer:
    return LotAnswer(expires_on=lot.expires_on, points=lot.points)
