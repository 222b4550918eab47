"""What platforms refused for good: look at it, have it done again."""

from concord.bootstrap import services
from concord.entrypoint.admin.base import PageQuery
from concord.entrypoint.admin.call import Call
from concord.entrypoint.admin.failures import FailureAnswer, FailurePage, Retried
from concord.entrypoint.admin.operations import Operations
from concord.entrypoint.observability import TELEMETRY

operations = Operations("failures")


@operations.on("GET", "/v1/connections/{connection_id}/failures")
def list_failures(call: Call, connection_id: str, query: PageQuery) -> FailurePage:
    """List what a platform refused for good in the last 30 days, newest first."""
    failures = services(TELEMETRY).admin.failures
    page = failures.list(connection_id, query.limit, query.cursor)
    items = [
        FailureAnswer(
            failure_id=each.failure_id,
            kind=each.kind.value,
            platform=each.payload.get("platform"),
            at=each.at,
            reason=each.reason,
            words=each.words,
            attempts=each.attempts,
        )
        for each in page.items
    ]
    return FailurePage(items=items, cursor=page.cursor)


@operations.on("POST", "/v1/connections/{connection_id}/failures/{failure_id}/retry")
def retry_failure(call: Call, connection_id: str, failure_id: str) -> Retried:
    """Push the state of now again, once the cause is mended. A text is never sent again."""
    retried = services(TELEMETRY).admin.failures.retry(connection_id, failure_id)
    return Retried(failure_id=failure_id, kind=retried.kind.value, state="queued")
