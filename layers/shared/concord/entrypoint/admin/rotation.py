"""A secret is replaced: what is asked, what is shown this once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from concord.entrypoint.admin.base import Actor, Answer, Sent


class RotatePost(Sent):
    """A secret to replace; the old one is accepted for `grace_seconds` more."""

    what: Literal["token", "connect_key", "webhook_secret"]
    grace_seconds: Annotated[int, Field(ge=0, le=30 * 86_400)] = 86_400
    actor: Actor | None = None


class SecretRotated(Answer):
    """A new secret, shown this once; the others are null."""

    connection_id: str
    what: str
    old_accepted_until: AwareDatetime
    webhooks: dict[str, str | None] | None
    webhook_secret: str | None
    connect_key: str | None

    @staticmethod
    def without_secrets(answer: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a repeat is answered with."""
        return {**answer, "webhooks": None, "webhook_secret": None, "connect_key": None}
