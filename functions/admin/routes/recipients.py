"""Recipients of a broadcast: what became of each, and why one number was texted or not."""

from concord.bootstrap import services
from concord.domain.chunks import Outcome
from concord.entrypoint.admin.call import Call
from concord.entrypoint.admin.operations import Operations
from concord.entrypoint.admin.recipients import (
    RecipientPage,
    RecipientQuery,
    WhyAnswer,
    WhyPost,
    recipient_answer,
    why_answer,
)
from concord.entrypoint.observability import TELEMETRY

operations = Operations("recipients")
_ONE = "/v1/connections/{connection_id}/broadcasts/{broadcast_id}"


@operations.on("GET", f"{_ONE}/recipients")
def list_recipients(
    call: Call, connection_id: str, broadcast_id: str, query: RecipientQuery
) -> RecipientPage:
    """List recipients with what was decided for each: consent event, rules, local time (L-02)."""
    outcome = Outcome(query.outcome) if query.outcome else None
    page = services(TELEMETRY).admin.recipients.page(
        connection_id, broadcast_id, outcome, query.limit, query.cursor
    )
    items = [
        recipient_answer(each.placed, each.point, each.consent_event_id, each.told)
        for each in page.items
    ]
    return RecipientPage(items=items, cursor=page.cursor)


@operations.on("POST", f"{_ONE}/why")
def explain_recipient(
    call: Call, connection_id: str, broadcast_id: str, body: WhyPost
) -> WhyAnswer:
    """Say which consent event and which rules allowed or stopped one number's text (L-02, L-09)."""
    why = services(TELEMETRY).admin.explain_recipient(connection_id, broadcast_id, body.point)
    event_id = why.evidence.evidence_id if why.evidence else None
    return why_answer(why.outcome, why.placed, event_id, why.explanation)
