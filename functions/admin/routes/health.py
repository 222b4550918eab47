"""Whether work moves."""

from concord.bootstrap import services
from concord.entrypoint.admin.call import Call
from concord.entrypoint.admin.health import HealthAnswer
from concord.entrypoint.admin.operations import Operations
from concord.entrypoint.observability import TELEMETRY

operations = Operations("health")


@operations.on("GET", "/v1/health")
def get_health(call: Call) -> HealthAnswer:
    """Show the oldest un-synced opt-out, queue depths, dead letters, and whether keys are there."""
    health = services(TELEMETRY).admin.read_health()
    return HealthAnswer(
        status="ok" if health.healthy else "attention",
        oldest_unsynced_opt_out_seconds=health.backlog.oldest_opt_out,
        overdue_tasks=health.backlog.overdue,
        oldest_overdue_task_seconds=health.backlog.oldest_overdue,
        complete=health.backlog.complete,
        queues={name: dict(figures) for name, figures in health.queues.items()},
        stack_key_present=health.stack_key_present,
        public_key=health.public_key,
    )
