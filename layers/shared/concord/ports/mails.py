"""Who carries our own mails."""

from __future__ import annotations

from typing import Protocol

from concord.domain.mails import Mail


class Mailer(Protocol):
    """Can carry one mail."""

    def send(self, mail: Mail) -> None:
        """Hand one mail over. Raises the PlatformErrors of domain/errors.py; a lost answer is
        OutcomeUnknownError, never RetryableError: nobody recognises a mail that comes again."""
