"""What may go wrong for somebody at a terminal, as one clear line and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx

FAILED: Final = 1  # the answer is no: a broken dossier, refused rows, a request that failed
MISUSED: Final = 2  # the command line or a file cannot be used like this


class CommandError(Exception):
    """An expected failure. `fields` are (name, remedy) pairs, `hints` say what to do next."""

    def __init__(
        self,
        message: str,
        *,
        fields: Sequence[tuple[str, str]] = (),
        hints: Sequence[str] = (),
        code: str = "",
        status: int | None = None,
        exit_code: int = FAILED,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.fields = tuple(fields)
        self.hints = tuple(hints)
        self.code = code
        self.status = status
        self.exit_code = exit_code

    def as_json(self) -> dict[str, Any]:
        """Return the error for `--json`."""
        return {
            "error": self.message,
            "code": self.code or None,
            "status": self.status,
            "fields": [{"field": name, "message": text} for name, text in self.fields],
            "hints": list(self.hints),
        }


def usage_error(message: str, *hints: str) -> CommandError:
    """Return the error of a command line or file that cannot be used like this."""
    return CommandError(message, hints=hints, exit_code=MISUSED)


_HINTS: Final[Mapping[str, tuple[str, ...]]] = {
    "invalid_api_key": (
        "correct them with: concord connections set CONNECTION --ask source.api_key "
        "(name all credentials of that side: they are replaced as a whole)",
    ),
    "account_already_linked": (
        "if it is yours: concord connections show {connection_id}",
        "to end that link: concord connections state {connection_id} disconnected (it is final)",
    ),
    "not_found": ("what there is: concord connections list MERCHANT",),
    "stack_key_mismatch": (
        "the stack key is not the one this connection was made with: restore it from escrow",
    ),
}


def problem(response: httpx.Response) -> CommandError:
    """Read an error answer: RFC 9457 where it is ours, the gateway's own words where it is not."""
    try:
        body = response.json()
    except ValueError:
        body = None
    told = body if isinstance(body, dict) else {}
    code = str(told.get("code") or "")
    words = told.get("detail") or told.get("title") or told.get("message") or told.get("Message")
    message = str(words or f"the API answered {response.status_code} {response.reason_phrase}")
    named = {"connection_id": str(told.get("connection_id") or "OTHER")}
    hints = tuple(hint.format_map(named) for hint in _HINTS.get(code, ()))
    if response.status_code == 403 and not code:
        hints = (
            "the API did not accept who signed: check the profile, its rights and --region",
            "a local stack that was made anew has new keys: run make up again",
        )
    return CommandError(
        _with_members(message, told),
        fields=_fields(told.get("errors")),
        hints=hints,
        code=code,
        status=response.status_code,
    )


_STANDARD: Final = frozenset(
    {
        "type",
        "title",
        "status",
        "detail",
        "instance",
        "code",
        "errors",
        "message",
        "Message",
        "__type",
    }
)


def _with_members(message: str, told: Mapping[str, Any]) -> str:
    """Add what the problem says beyond the standard, such as the connection that is in the way."""
    extra = [
        f"{name} {value}"
        for name, value in told.items()
        if name not in _STANDARD
        and isinstance(value, str | int)
        and not isinstance(value, bool)
        and str(value) not in message
    ]
    return f"{message} ({', '.join(extra)})" if extra else message


def _fields(errors: object) -> list[tuple[str, str]]:
    if not isinstance(errors, list):
        return []
    return [
        (str(error.get("field") or "body"), str(error.get("message") or "is wrong"))
        for error in errors
        if isinstance(error, dict)
    ]
