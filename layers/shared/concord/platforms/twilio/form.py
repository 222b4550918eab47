"""Twilio's webhooks are forms."""

from __future__ import annotations

from urllib.parse import parse_qsl

from concord.domain.events import RawRequest

_FORM = "application/x-www-form-urlencoded"


def is_form(request: RawRequest) -> bool:
    """Whether the request says that its body is a form."""
    kind = request.headers.get("content-type", "").partition(";")[0]
    return kind.strip().lower() == _FORM


def read_form(body: bytes) -> list[tuple[str, str]]:
    """Return the parameters in order, empty values included. Never raises."""
    return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
