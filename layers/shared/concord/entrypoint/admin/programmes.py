"""Programmes, as they are sent and shown."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from concord.domain.points.programme import (
    LONGEST_DAYS,
    LONGEST_MONTHS,
    LONGEST_WINDOW,
    MOST_PER_UNIT,
    MOST_POINTS,
    MonthEnd,
    NewsletterReward,
    Programme,
    RefundPolicy,
    Rounding,
    Validity,
)
from concord.entrypoint.admin.base import Answer, Name, Sent

_CURRENCY: Final = re.compile("[A-Z]{3}")
_FACTOR: Final = r"[0-9]{1,5}(\.[0-9]{1,8})?"


def _currency(text: str) -> str:
    if not _CURRENCY.fullmatch(text):
        raise PydanticCustomError(
            "currency", "use three capital letters (ISO 4217), for example USD"
        )
    return text


def _factor(sent: Any) -> Decimal:
    """Return an exact number: of text as it is, of a JSON number as it is written shortest."""
    if isinstance(sent, str):
        text = sent
    elif isinstance(sent, int | float) and not isinstance(sent, bool):
        text = format(Decimal(repr(sent)), "f")
    else:
        text = ""
    if not re.fullmatch(_FACTOR, text) or Decimal(text) > MOST_PER_UNIT:
        raise PydanticCustomError(
            "points_per_unit",
            f'use a number from 0 to {MOST_PER_UNIT:,} with at most 8 decimals, for example "1.5"',
        )
    return Decimal(text)


type Currency = Annotated[
    str, AfterValidator(_currency), WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$"})
]
type Factor = Annotated[
    Decimal,
    PlainValidator(_factor),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": f"^{_FACTOR}$"},
                {"type": "number", "minimum": 0, "maximum": MOST_PER_UNIT},
            ]
        }
    ),
]


class ValidForPut(Sent):
    """How long points can be used, from the day on which they count: so many days, or months.

    `month_end` (of months): `same_day` of the month, its last where it has no such day, or always
    its `last_day`.
    """

    days: Annotated[int, Field(ge=1, le=LONGEST_DAYS)] | None = None
    months: Annotated[int, Field(ge=1, le=LONGEST_MONTHS)] | None = None
    month_end: MonthEnd | None = None

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.days is None) == (self.months is None):
            raise PydanticCustomError("valid_for", "give days or months, one of the two")
        if self.days is not None and self.month_end is not None:
            raise PydanticCustomError("valid_for", "month_end goes with months; leave it out")
        return self


class RewardPut(Sent):
    """What signing up for the newsletter brings, and whether leaving takes it back."""

    points: Annotated[int, Field(ge=1, le=MOST_POINTS)]
    take_back: bool = False


class ProgrammePut(Sent):
    """The rules of a programme. What is left out has its default; null = none.

    `points_per_unit`: points for a unit of `currency`, before tax. `pending_days`: the return
    window. `notice_days`: how many days before points expire their owner is told.
    """

    name: Name
    currency: Currency
    points_per_unit: Factor = Decimal(1)
    rounding: Rounding = Rounding.DOWN
    valid_for: ValidForPut | None = None
    refund_policy: RefundPolicy = RefundPolicy.CLAMP
    pending_days: Annotated[int, Field(ge=0, le=LONGEST_WINDOW)] = 0
    notice_days: Annotated[int, Field(ge=1, le=LONGEST_WINDOW)] | None = None
    newsletter_reward: RewardPut | None = None

    def to_programme(self, merchant_id: str, programme_id: str) -> Programme:
        """Return it as the domain has it."""
        valid, reward = self.valid_for, self.newsletter_reward
        return Programme(
            merchant_id=merchant_id,
            programme_id=programme_id,
            name=self.name,
            currency=self.currency,
            points_per_unit=self.points_per_unit,
            rounding=self.rounding,
            valid_for=Validity(valid.days, valid.months, valid.month_end or MonthEnd.SAME_DAY)
            if valid
            else None,
            refund_policy=self.refund_policy,
            pending_days=self.pending_days,
            notice_days=self.notice_days,
            newsletter_reward=NewsletterReward(reward.points, reward.take_back) if reward else None,
        )


class ValidForAnswer(Answer):
    """How long points can be used: days or months, the other is null."""

    days: int | None
    months: int | None
    month_end: MonthEnd | None


class RewardAnswer(Answer):
    """What signing up for the newsletter brings."""

    points: int
    take_back: bool


class ProgrammeAnswer(Answer):
    """A programme. `points_per_unit` is decimal text, exact."""

    merchant_id: str
    programme_id: str
    name: str
    currency: str
    points_per_unit: str
    rounding: Rounding
    valid_for: ValidForAnswer | None
    refund_policy: RefundPolicy
    pending_days: int
    notice_days: int | None
    newsletter_reward: RewardAnswer | None

    @classmethod
    def of(cls, programme: Programme) -> ProgrammeAnswer:
        """Return the answer about `programme`."""
        valid, reward = programme.valid_for, programme.newsletter_reward
        return cls(
            merchant_id=programme.merchant_id,
            programme_id=programme.programme_id,
            name=programme.name,
            currency=programme.currency,
            points_per_unit=format(programme.points_per_unit, "f"),
            rounding=programme.rounding,
            valid_for=_valid_for(valid) if valid else None,
            refund_policy=programme.refund_policy,
            pending_days=programme.pending_days,
            notice_days=programme.notice_days,
            newsletter_reward=RewardAnswer(points=reward.points, take_back=reward.take_back)
            if reward
            else None,
        )


def _valid_for(valid: Validity) -> ValidForAnswer:
    month_end = valid.month_end if valid.months is not None else None
    return ValidForAnswer(days=valid.days, months=valid.months, month_end=month_end)


class ProgrammePage(Answer):
    """Programmes of a merchant, by id."""

    items: list[ProgrammeAnswer]
    cursor: str | None
