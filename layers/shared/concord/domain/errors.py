"""What can go wrong, in the product's words. The edge maps each class to one HTTP status.

No message here ever holds a number, an address, a name or a token: messages are logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


class ConcordError(Exception):
    """Base of every expected failure: a stable `code`, a sentence, and safe extra members."""

    code = "internal_error"

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail or self.code)
        self.detail = detail
        if code is not None:
            self.code = code
        self.extra: Mapping[str, object] = extra or {}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that is wrong, and what to do about it."""

    field: str
    message: str


class InvalidInputError(ConcordError):
    """The caller can repair the request; `errors` names each field and the remedy."""

    code = "invalid_request"

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        errors: tuple[FieldError, ...] = (),
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail, code=code, extra=extra)
        self.errors = errors


class NotFoundError(ConcordError):
    """Nothing by that id is visible to this caller."""

    code = "not_found"


class ConflictError(ConcordError):
    """The request contradicts what is already true (`code` says in which way)."""

    code = "conflict"


class UnauthorizedError(ConcordError):
    """Wrong token, key or signature; the answer never says which."""

    code = "unauthorized"


class ForbiddenError(ConcordError):
    """The caller is known and may not do this."""

    code = "forbidden"


class TooLargeError(ConcordError):
    """The body is over the limit."""

    code = "body_too_large"


class StorageError(ConcordError):
    """Base of what the table, a queue or the parameter store may do to us."""

    code = "storage_unavailable"


class StorageUnavailableError(StorageError):
    """Not reachable within the budget. Nothing may be assumed about the last write."""


class ReceiptQueueError(StorageError):
    """A receipt could not be queued: its platform is to deliver it again."""


class StackKeyError(StorageError):
    """The stack key is not the one this connection was made with: refuse rather than guess."""

    code = "stack_key_mismatch"


@dataclass(frozen=True, slots=True)
class Fallback:
    """Another way out for who waits: the words to show to `audience` (shopper or operator), and
    the number that they name; None = they name none."""

    audience: str
    message: str
    number: str | None


class NotConfirmedError(ConcordError):
    """A Connect call could not be stored in time: `fallback` says how to opt out by text."""

    code = "opt_out_not_confirmed"

    def __init__(self, detail: str = "", *, fallback: Fallback) -> None:
        super().__init__(detail)
        self.fallback = fallback


class PlatformError(ConcordError):
    """Base of what a platform answered, by what the caller must do (style.md, F)."""

    code = "platform_error"


class RetryableError(PlatformError):
    """Nothing happened there, or it is safe to do again: back off and repeat."""

    code = "platform_unavailable"


class ThrottledError(RetryableError):
    """As RetryableError, and the platform said when: `retry_after` in seconds, if it did."""

    code = "platform_throttled"

    def __init__(self, detail: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


# The reason of a send that was refused because no text can ever reach this number.
INVALID_NUMBER: Final = "invalid_number"


class PermanentError(PlatformError):
    """It will never work like this. `reason` is ours (a stable word), `detail` theirs."""

    code = "platform_refused"

    def __init__(self, detail: str = "", *, reason: str = "refused") -> None:
        super().__init__(detail)
        self.reason = reason


class OptedOutAtCarrierError(PermanentError):
    """The platform says this number opted out (Twilio 21610, AWS ..._OPTED_OUT)."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, reason="opted_out_at_carrier")


class CredentialsRejectedError(PlatformError):
    """401 or 403: the connection is paused and an operator told."""

    code = "invalid_api_key"


class OutcomeUnknownError(PlatformError):
    """The request left us and no answer came back: it may have happened. Never blindly resend."""

    code = "outcome_unknown"
