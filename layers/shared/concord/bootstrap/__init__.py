"""The one place that builds services: every port gets its adapter here, lazily and once.

A service is built when a function first asks for it, so a cold webhook pays for what a webhook
needs and nothing else. That is why the imports stand inside the properties.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from concord.bootstrap.parts import Parts
from concord.bootstrap.services import Services
from concord.config import in_lambda, settings
from concord.ports import Telemetry

__all__ = [
    "Parts",
    "Services",
    "fallback_number",
    "forget",
    "public_base_url",
    "services",
    "warm_up",
]

_built: dict[str, Any] = {}


def services(telemetry: Telemetry) -> Services:
    """Return the services of this process; built once."""
    if "services" not in _built:
        _built["services"] = Services(Parts(settings(), telemetry))
    built: Services = _built["services"]
    return built


def warm_up(telemetry: Telemetry, build: Callable[[Parts], object]) -> None:
    """Build what a function will need in Lambda's init phase, where the CPU is whole.

    Outside of Lambda importing a function touches nothing. What fails here will fail again at the
    first request, and there the edge has an answer to it.
    """
    if in_lambda():
        with suppress(Exception):
            build(services(telemetry).parts)


def public_base_url() -> str:
    """Return the base of our own URLs; may hold `{api_id}` and `{stage}`; empty = unknown."""
    return settings().public_base_url


def fallback_number() -> str | None:
    """Return the stack's own number to text STOP to, if it has one."""
    return settings().fallback_number


def forget() -> None:
    """Drop what was built: tests start each function cold."""
    _built.clear()
    settings.cache_clear()
