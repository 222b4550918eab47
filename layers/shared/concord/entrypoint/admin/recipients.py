"""Recipients of a broadcast: what became of each, and why."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime

from concord.domain.receipts import Told
from concord.domain.recipients import Placed
from concord.entrypoint.admin.base import Answer, PageQuery, Point, Sent


class RecipientOutcome(StrEnum):
    """What can be asked for; `pending`: her turn has not come, or its outcome is not known yet."""

    PENDING = "pending"
    SENT = "sent"
    SKIPPED = "skipped"
    UNCERTAIN = "uncertain"


class RecipientQuery(PageQuery):
    """Which recipients, and which part of the list."""

    outcome: RecipientOutcome | None = None


class ReceiptAnswer(Answer):
    """The carrier's newest word on one text, and its code if it failed."""

    status: str
    code: str | None


class RecipientAnswer(Answer):
    """One recipient. `point` is null if nothing is stored of her any more; `consent_event_id` is
    the evidence that the decision rested on, `local` her possible local times at that moment."""

    point: str | None
    outcome: str
    reason: str | None
    rules: list[str]
    consent_event_id: str | None
    local: list[str]
    message_id: str | None
    decided_at: AwareDatetime | None
    receipt: ReceiptAnswer | None


class RecipientPage(Answer):
    """Recipients, in the order of the plan; who was put off stands with those of her chunk."""

    items: list[RecipientAnswer]
    cursor: str | None


class WhyPost(Sent):
    """The number that is asked about."""

    point: Point


class WhyAnswer(Answer):
    """Why one number was texted or not. `outcome` is `not_in_audience` for whoever is in no chunk;
    `explanation` has a sentence for each thing that decided it."""

    outcome: str
    reason: str | None
    rules: list[str]
    consent_event_id: str | None
    local: list[str]
    message_id: str | None
    decided_at: AwareDatetime | None
    explanation: list[str]


def recipient_answer(
    placed: Placed, point: str, event_id: str | None, told: Told | None
) -> RecipientAnswer:
    """Return one recipient."""
    return RecipientAnswer(
        point=point or None,
        outcome=placed.decided.outcome,
        consent_event_id=event_id,
        receipt=ReceiptAnswer(status=told.status, code=told.code or None) if told else None,
        **_decision(placed),
    )


def why_answer(
    outcome: str, placed: Placed | None, event_id: str | None, explanation: Sequence[str]
) -> WhyAnswer:
    """Return why a number was texted or not; `placed` None = it is in no chunk."""
    nothing = dict.fromkeys(("reason", "message_id", "decided_at"))
    decision = _decision(placed) if placed else {"rules": [], "local": [], **nothing}
    return WhyAnswer(
        outcome=outcome,
        consent_event_id=event_id,
        explanation=list(explanation),
        **decision,
    )


def _decision(placed: Placed) -> dict[str, Any]:
    decided = placed.decided
    return {
        "reason": decided.reason or None,
        "rules": list(decided.rules),
        "local": list(decided.local),
        "message_id": placed.message_id or None,
        "decided_at": placed.decided_at,
    }
