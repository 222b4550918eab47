"""Whether work moves."""

from concord.bootstrap import services
from concord.domain.times import to_rfc3339
from concord.entrypoint.admin.call import Call
from concord.entrypoint.admin.health import HealthAnswer, HeldAnswer
from concord.entrypoint.admin.operations import Operations
from concord.entrypoint.observability import TELEMETRY

operations = Operations("health")


@operations.on("GET", "/v1/health")
def get_health(call: Call) -> HealthAnswer:
    """Show the oldest un-synced opt-out, depths and ages of queues, held work, and keys."""
    health = services(TELEMETRY).admin.read_health()
    return HealthAnswer(
        status="ok" if health.healthy else "attention",
        oldest_unsynced_opt_out_seconds=health.backlog.oldest_opt_out,
        overdue_tasks=health.backlog.overdue,
        oldest_overdue_task_seconds=health.backlog.oldest_overdue,
        complete=health.backlog.complete,
        queues={name: dict(figures) for name, figures in health.queues.items()},
        held_connections=[
            HeldAnswer(
                connection_id=held.connection_id,
                state=held.state,
                waiting_since=to_rfc3339(held.waiting_since),
            )
            for held in health.held
        ],
        stack_key_present=health.stack_key_present,
        public_key=health.public_key,
    )
