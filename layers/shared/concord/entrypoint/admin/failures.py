"""What platforms refused for good."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from concord.entrypoint.admin.base import Answer


class FailureAnswer(Answer):
    """A refused task. `words` are the platform's own; no number stands in it."""

    failure_id: str
    kind: str
    platform: str | None
    at: AwareDatetime
    reason: str
    words: str
    attempts: int


class FailurePage(Answer):
    """Failures, newest first."""

    items: list[FailureAnswer]
    cursor: str | None


class Retried(Answer):
    """The task is queued again."""

    failure_id: str
    kind: str
    state: Literal["queued"]
