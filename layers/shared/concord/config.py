"""The environment of a function, read once; a missing variable is one clear error naming it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

# All that is read; template.yaml sets no other of ours, and tests start without them.
VARIABLES: Final = frozenset(
    {
        "ALLOWED_HOSTS",
        "ALLOW_PRIVATE_HOSTS",
        "AWS_INBOUND_QUEUE_URL",
        "BULK_QUEUE_URL",
        "FALLBACK_NUMBER",
        "MAIL_IDENTITY",
        "NIGHT_QUEUE_URL",
        "OPERATOR_ARNS",
        "PARAMETER_PREFIX",
        "PLAN_QUEUE_URL",
        "PUBLIC_BASE_URL",
        "RECEIPT_QUEUE_URL",
        "RESCUE_FIRST_WAIT",
        "SAFETY_QUEUE_URL",
        "SEND_QUEUE_URL",
        "STAGE",
        "STREAM_FAILURES_QUEUE_URL",
        "TABLE_NAME",
        "URGENT_QUEUE_URL",
    }
)
_TRUE_OR_FALSE: Final = {"": False, "false": False, "true": True}


class ConfigurationError(RuntimeError):
    """A variable is missing or malformed. The text names the variable and never its value."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Typed view of the environment.

    A function gets only the variables that it uses, so what is required is asked for at first use
    and not at start. A plain class, because functions that parse no JSON of others should not pay
    for importing pydantic (about a third of such a cold start).
    """

    environment: Mapping[str, str] = field(repr=False)

    @property
    def table_name(self) -> str:
        return self._required("TABLE_NAME")

    @property
    def urgent_queue_url(self) -> str:
        return self._required("URGENT_QUEUE_URL")

    @property
    def bulk_queue_url(self) -> str:
        return self._required("BULK_QUEUE_URL")

    @property
    def plan_queue_url(self) -> str:
        return self._required("PLAN_QUEUE_URL")

    @property
    def send_queue_url(self) -> str:
        return self._required("SEND_QUEUE_URL")

    @property
    def night_queue_url(self) -> str:
        return self._required("NIGHT_QUEUE_URL")

    @property
    def receipt_queue_url(self) -> str:
        return self._required("RECEIPT_QUEUE_URL")

    @property
    def safety_queue_url(self) -> str:
        return self._required("SAFETY_QUEUE_URL")

    @property
    def aws_inbound_queue_url(self) -> str:
        return self._required("AWS_INBOUND_QUEUE_URL")

    @property
    def stream_failures_queue_url(self) -> str:
        """Return the queue of stream records that no try could relay: dead letters all of them."""
        return self._required("STREAM_FAILURES_QUEUE_URL")

    @property
    def stage(self) -> str:
        """Return the name of the stage, which is a dimension of our metrics."""
        return self._required("STAGE")

    @property
    def parameter_prefix(self) -> str:
        """Return `/concord/<stage>`, without a slash at its end."""
        return self._required("PARAMETER_PREFIX").rstrip("/")

    @property
    def public_base_url(self) -> str:
        """Return the base of our own URLs; may hold `{api_id}` and `{stage}`; empty = unknown."""
        return self._optional("PUBLIC_BASE_URL").rstrip("/")

    @property
    def fallback_number(self) -> str | None:
        """Return the number to text STOP to when nothing better is known."""
        return self._optional("FALLBACK_NUMBER") or None

    @property
    def mail_identity(self) -> str:
        """Return the domain or address that our own mails may come from; empty = none are sent."""
        return self._optional("MAIL_IDENTITY")

    @property
    def rescue_first_wait(self) -> int:
        """Return the seconds before a request in the safety queue is tried a second time."""
        value = self._optional("RESCUE_FIRST_WAIT") or "30"
        if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= 1800:
            raise ConfigurationError("RESCUE_FIRST_WAIT must be 1 to 1800 seconds")
        return int(value)

    @property
    def allowed_hosts(self) -> tuple[str, ...]:
        """Return the host names that Concord may call, in lower case; `*.example.com` allowed."""
        return tuple(host.lower() for host in self._list("ALLOWED_HOSTS"))

    @property
    def allow_private_hosts(self) -> bool:
        """Return whether loopback addresses and http are allowed: on a developer's machine only."""
        try:
            return _TRUE_OR_FALSE[self._optional("ALLOW_PRIVATE_HOSTS").lower()]
        except KeyError:
            raise ConfigurationError("ALLOW_PRIVATE_HOSTS must be true or false") from None

    @property
    def operator_arns(self) -> tuple[str, ...]:
        """Return the ARN patterns of callers that may set allow-multi-link."""
        return self._list("OPERATOR_ARNS")

    def _required(self, name: str) -> str:
        value = self._optional(name)
        if not value:
            raise ConfigurationError(f"the environment variable {name} is not set")
        return value

    def _optional(self, name: str) -> str:
        return self.environment.get(name, "").strip()

    def _list(self, name: str) -> tuple[str, ...]:
        return tuple(part for raw in self._optional(name).split(",") if (part := raw.strip()))


def in_lambda() -> bool:
    """Return whether this process is a function, and not a test or a tool; keeps no snapshot."""
    return "AWS_LAMBDA_FUNCTION_NAME" in os.environ


@cache
def settings() -> Settings:
    """Return the settings of this process: a snapshot, so that nothing changes between requests."""
    return Settings(dict(os.environ))
