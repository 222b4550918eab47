"""Ellity for the conformance suite."""

from __future__ import annotations

from typing import Final

from tests.unit.platforms.kit import PlatformCase, WebhookCase

CASE: Final = PlatformCase(name="ellity", webhook=WebhookCase(unsigned=True))
