"""One-off exports of all customers to the list that was chosen."""

from concord.bootstrap import services
from concord.entrypoint.admin.call import Call
from concord.entrypoint.admin.jobs import JobStarted
from concord.entrypoint.admin.operations import Operations
from concord.entrypoint.observability import TELEMETRY

operations = Operations("contacts", lambda: services(TELEMETRY).admin.idempotent)


@operations.on("POST", "/v1/connections/{connection_id}/exports", status=202, idempotent=True)
def start_export(call: Call, connection_id: str) -> JobStarted:
    """Export all customers once, as a job; an export that runs is answered with."""
    return JobStarted(job_id=services(TELEMETRY).admin.start_export(connection_id))
