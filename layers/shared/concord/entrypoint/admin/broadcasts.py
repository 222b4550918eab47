"""Broadcasts: what is written, what is asked of them, how far they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, model_validator

from concord.domain.broadcast import Broadcast, BroadcastState, Draft
from concord.domain.errors import ForbiddenError
from concord.domain.receipts import ReceiptCounts
from concord.domain.tallies import Progress
from concord.entrypoint.admin.base import Actor, Answer, Name, Sent

type GroupId = Annotated[str, Field(min_length=1, max_length=200)]

_SKIPPED = "skipped:"
_LISTS = frozenset(
    {
        "contacts",
        "msisdns",
        "numbers",
        "phone_numbers",
        "phones",
        "points",
        "recipients",
        "shopper_ids",
        "shoppers",
        "to",
    }
)


class BroadcastPost(Sent):
    """A draft. Its recipients are the textable numbers of its groups, and nobody else (TEA-09)."""

    name: Name
    group_ids: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=100)
    ]
    text: Annotated[str, Field(max_length=5000)]
    # Not strict: the validator below makes Python values of the JSON, in which times are text.
    send_at: Annotated[AwareDatetime, Field(strict=False)] | None = None
    rate: Annotated[float, Field(gt=0, le=1000)] | None = None
    actor: Actor | None = None

    @model_validator(mode="before")
    @classmethod
    def _goes_to_groups(cls, sent: Any) -> Any:
        """Refuse a list of numbers by a code of its own, however it is called: ForbiddenError
        `raw_numbers_not_allowed`."""
        if isinstance(sent, Mapping) and (found := sorted(_LISTS & sent.keys())):
            raise ForbiddenError(
                "a broadcast goes to groups: a list of numbers would bypass their consent; "
                f"leave out {', '.join(found)}",
                code="raw_numbers_not_allowed",
            )
        return sent

    def to_draft(self) -> Draft:
        """Return it as the domain has it."""
        return Draft(self.name, tuple(self.group_ids), self.text, self.rate, self.send_at)


class SchedulePost(Sent):
    """When it begins, absent = when the draft says; its audience is who is in its groups then."""

    send_at: AwareDatetime | None = None
    actor: Actor | None = None


class ActPost(Sent):
    """Who asks, where the caller's own identity does not say."""

    actor: Actor | None = None


class TestPost(Sent):
    """Up to three numbers that have opted in on this account."""

    __test__ = False

    to: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=40)]], Field(min_length=1, max_length=3)
    ]
    actor: Actor | None = None


class Tested(Answer):
    """The texts that are on their way, by their references."""

    broadcast_id: str
    texts: list[str]


class ReceiptsAnswer(Answer):
    """The carriers' newest word on each text: where it is, and of a failed one their code ("" where
    they gave none). A text without any receipt is in none of these."""

    accepted: int
    sent: int
    delivered: int
    failed: dict[str, int]


class WaitAnswer(Answer):
    """How many wait for a legal hour, and until when."""

    until: AwareDatetime
    recipients: int


class BroadcastAnswer(Answer):
    """A broadcast. `audience` is null until it is planned; from then on it is sent + all of skipped
    + uncertain + waiting. `waits_until` are those of `waiting` for whom it is night, by their legal
    hour; `expected_finish`, at the sender's rate, is behind the last of them. `receipts` is null
    unless one broadcast is asked for, and before it starts.
    """

    broadcast_id: str
    name: str
    state: BroadcastState
    group_ids: list[str]
    text: str
    body: str | None
    segments: int | None
    rate: float | None
    held: str | None
    created_at: AwareDatetime
    send_at: AwareDatetime | None
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    expected_finish: AwareDatetime | None
    audience: int | None
    sent: int
    skipped: dict[str, int]
    uncertain: int
    waiting: int | None
    waits_until: list[WaitAnswer]
    receipts: ReceiptsAnswer | None


class BroadcastPage(Answer):
    """Broadcasts, newest first."""

    items: list[BroadcastAnswer]
    cursor: str | None


def broadcast_answer(
    broadcast: Broadcast, progress: Progress, receipts: ReceiptCounts | None = None
) -> BroadcastAnswer:
    """Return a broadcast with what became of its recipients so far."""
    skipped: Counter[str] = Counter()
    counts = progress.report
    for name, count in counts.items():
        if name.startswith(_SKIPPED):
            skipped[name.removeprefix(_SKIPPED)] += count
    sent, uncertain = counts.get("sent", 0), counts.get("uncertain", 0)
    frozen, audience = broadcast.frozen, broadcast.audience
    waiting = None if audience is None else max(0, audience - sent - uncertain - skipped.total())
    finish = None
    if frozen is not None and waiting and broadcast.runs:
        finish = progress.finish_at(waiting, frozen.rate)
    waits = [WaitAnswer(until=at, recipients=count) for at, count in progress.later.items()]
    return BroadcastAnswer(
        broadcast_id=broadcast.broadcast_id,
        name=broadcast.name,
        state=broadcast.state,
        group_ids=list(broadcast.group_ids),
        text=broadcast.text,
        body=frozen.body if frozen else None,
        segments=frozen.segments if frozen else None,
        rate=frozen.rate if frozen else broadcast.rate,
        held=broadcast.held or None,
        created_at=broadcast.created_at,
        send_at=broadcast.send_at,
        started_at=broadcast.started_at,
        finished_at=broadcast.finished_at,
        expected_finish=finish,
        audience=audience,
        sent=sent,
        skipped=dict(skipped),
        uncertain=uncertain,
        waiting=waiting,
        waits_until=waits if broadcast.runs else [],
        receipts=_receipts(receipts) if receipts else None,
    )


def _receipts(counts: ReceiptCounts) -> ReceiptsAnswer:
    return ReceiptsAnswer(
        accepted=counts.accepted,
        sent=counts.sent,
        delivered=counts.delivered,
        failed=dict(counts.failed),
    )
