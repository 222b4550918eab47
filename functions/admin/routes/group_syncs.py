"""Full reads of a shop's groups and shoppers."""

from concord.bootstrap import services
from concord.entrypoint.admin.call import Call
from concord.entrypoint.admin.jobs import JobStarted
from concord.entrypoint.admin.operations import Operations
from concord.entrypoint.observability import TELEMETRY

operations = Operations("groups", lambda: services(TELEMETRY).admin.idempotent)


@operations.on("POST", "/v1/connections/{connection_id}/group-syncs", status=202, idempotent=True)
def start_group_sync(call: Call, connection_id: str) -> JobStarted:
    """Read all groups and shoppers of the shop now, as a job; a read that runs is answered with."""
    return JobStarted(job_id=services(TELEMETRY).admin.start_sync.on_demand(connection_id))
