"""How the stack is."""

from __future__ import annotations

from typing import Literal

from concord.entrypoint.admin.base import Answer


class HealthAnswer(Answer):
    """Whether work moves. `complete` false: more is due than could be looked at, so at least this.

    Queue figures are depths, null = could not be asked; the age of messages is on the dashboard.
    """

    status: Literal["ok", "attention"]
    oldest_unsynced_opt_out_seconds: int
    overdue_tasks: int
    oldest_overdue_task_seconds: int
    complete: bool
    queues: dict[str, dict[str, int | None]]
    stack_key_present: bool
    public_key: str | None
