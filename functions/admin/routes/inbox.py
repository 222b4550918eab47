"""The inbox of raw bodies, and the jobs that replay it."""

from concord.bootstrap import services
from concord.entrypoint.admin.call import Call
from concord.entrypoint.admin.inbox import (
    InboxAnswer,
    InboxPage,
    InboxQuery,
    Replayed,
    ReplaysPost,
)
from concord.entrypoint.admin.jobs import JobAnswer, JobStarted
from concord.entrypoint.admin.operations import Operations
from concord.entrypoint.observability import TELEMETRY

operations = Operations("inbox", lambda: services(TELEMETRY).admin.idempotent)


@operations.on("GET", "/v1/merchants/{merchant_id}/inbox")
def list_inbox(call: Call, merchant_id: str, query: InboxQuery) -> InboxPage:
    """List kept bodies, oldest first."""
    page = services(TELEMETRY).admin.inbox.list(
        merchant_id,
        state=query.state,
        start=query.start,
        end=query.end,
        limit=query.limit,
        cursor=query.cursor,
    )
    items = [
        InboxAnswer(
            inbox_id=each.inbox_id,
            connection_id=each.connection_id,
            platform=each.platform,
            topic=each.topic,
            kind=each.kind,
            state=each.state.value,
            received_at=each.request.received_at,
            error=each.error or None,
            replays=each.replays,
        )
        for each in page.items
    ]
    return InboxPage(items=items, cursor=page.cursor)


@operations.on("POST", "/v1/merchants/{merchant_id}/inbox/{inbox_id}/replay")
def replay_body(call: Call, merchant_id: str, inbox_id: str) -> Replayed:
    """Apply a body again; what is done stays done."""
    state = services(TELEMETRY).admin.inbox.replay(merchant_id, inbox_id)
    return Replayed(inbox_id=inbox_id, state=state.value)


@operations.on("POST", "/v1/merchants/{merchant_id}/inbox/replays", status=202, idempotent=True)
def replay_span(call: Call, merchant_id: str, body: ReplaysPost) -> JobStarted:
    """Apply the bodies of a span of time again, as a job."""
    job_id = services(TELEMETRY).admin.inbox.replay_between(
        merchant_id, body.start, body.end, body.connection_id
    )
    return JobStarted(job_id=job_id)


@operations.on("GET", "/v1/jobs/{job_id}")
def get_job(call: Call, job_id: str) -> JobAnswer:
    """Show how far a job is."""
    return JobAnswer.of(services(TELEMETRY).admin.read_jobs(job_id))
