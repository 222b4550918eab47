"""Reviews: what a person should look at, and what that person decides."""

from typing import Literal

from concord.bootstrap import services
from concord.domain.identity import Channel
from concord.entrypoint.admin.call import Call
from concord.entrypoint.admin.operations import Operations
from concord.entrypoint.admin.reviews import (
    Decided,
    DecisionPost,
    ReviewAnswer,
    ReviewPage,
    ReviewQuery,
)
from concord.entrypoint.observability import TELEMETRY

operations = Operations("reviews")


@operations.on("GET", "/v1/connections/{connection_id}/reviews")
def list_reviews(call: Call, connection_id: str, query: ReviewQuery) -> ReviewPage:
    """List open reviews: likely opt-outs (fuzzy) or numbers that no shopper has (unmatched)."""
    page = services(TELEMETRY).admin.reviews.list(
        connection_id, query.kind, query.limit, query.cursor
    )
    items = [
        ReviewAnswer(
            review_id=each.review.review_id,
            kind=each.review.kind,
            channel=Channel(each.review.channel),
            point=each.point,
            text=each.text,
            consent_event_id=each.review.evidence_id or None,
            created_at=each.review.created_at,
        )
        for each in page.items
    ]
    return ReviewPage(items=items, cursor=page.cursor)


@operations.on("POST", "/v1/connections/{connection_id}/reviews/{review_id}/confirm")
def confirm_review(call: Call, connection_id: str, review_id: str, body: DecisionPost) -> Decided:
    """Confirm that a text was an opt-out: it is explicit from then on."""
    return _decide(call, connection_id, review_id, "confirm", body)


@operations.on("POST", "/v1/connections/{connection_id}/reviews/{review_id}/dismiss")
def dismiss_review(call: Call, connection_id: str, review_id: str, body: DecisionPost) -> Decided:
    """Dismiss a review: what was before the text holds again."""
    return _decide(call, connection_id, review_id, "dismiss", body)


def _decide(
    call: Call,
    connection_id: str,
    review_id: str,
    decision: Literal["confirm", "dismiss"],
    body: DecisionPost,
) -> Decided:
    applied = services(TELEMETRY).admin.reviews.decide(
        connection_id, review_id, decision, call.actor(body.actor)
    )
    return Decided(
        review_id=review_id,
        decision=decision,
        state=applied.state if applied else None,
        basis=applied.basis if applied else None,
        consent_event_id=applied.evidence_id if applied else None,
    )
