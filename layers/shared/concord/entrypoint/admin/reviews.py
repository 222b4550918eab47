"""What a person should look at, and what she decides."""

from __future__ import annotations

from pydantic import AwareDatetime

from concord.domain.identity import Channel
from concord.domain.marks import Basis, State
from concord.domain.review import ReviewKind
from concord.entrypoint.admin.base import Actor, Answer, PageQuery, Sent


class DecisionPost(Sent):
    """Who decides, where the caller's own identity does not say."""

    actor: Actor | None = None


class ReviewQuery(PageQuery):
    """Which reviews: likely opt-outs, or numbers that no shopper carries."""

    kind: ReviewKind = ReviewKind.FUZZY


class ReviewAnswer(Answer):
    """Something that a person should look at."""

    review_id: str
    kind: str
    channel: Channel
    point: str | None
    text: str | None
    consent_event_id: str | None
    created_at: AwareDatetime


class ReviewPage(Answer):
    """Open reviews."""

    items: list[ReviewAnswer]
    cursor: str | None


class Decided(Answer):
    """What a decision came to; null where no consent was concerned."""

    review_id: str
    decision: str
    state: State | None
    basis: Basis | None
    consent_event_id: str | None
