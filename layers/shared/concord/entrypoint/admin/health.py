"""How the stack is."""

from __future__ import annotations

from typing import Literal

from concord.domain.connection import ConnectionState
from concord.entrypoint.admin.base import Answer


class HeldAnswer(Answer):
    """A connection that is not connected and holds work; since when the oldest of it waits.

    At most 20, the longest wait first; a connection that holds nothing is not among them.
    """

    connection_id: str
    state: ConnectionState
    waiting_since: str


class HealthAnswer(Answer):
    """Whether work moves. `complete` false: more is due than could be looked at, so at least this.

    Queue figures are depths, and ages in seconds as CloudWatch had them some minutes ago; null =
    could not be asked. An age leaves out messages that were received three times, except in the
    queues `safety` and `aws_inbound`, whose functions report what they fail over.
    """

    status: Literal["ok", "attention"]
    oldest_unsynced_opt_out_seconds: int
    overdue_tasks: int
    oldest_overdue_task_seconds: int
    complete: bool
    queues: dict[str, dict[str, int | None]]
    held_connections: list[HeldAnswer]
    stack_key_present: bool
    public_key: str | None
