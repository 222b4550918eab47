"""Ellity: a loyalty system that keeps the points itself and tells us what changes."""

from __future__ import annotations

from concord.platforms.base import Platform
from concord.ports import WebhookAdapter


def _webhook() -> WebhookAdapter:
    from concord.platforms.ellity.webhook import WEBHOOK

    return WEBHOOK


PLATFORM = Platform(name="ellity", webhook=_webhook)
