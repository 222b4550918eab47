"""Prove a connection's credentials live, on every side that can be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from concord.domain.connection import Connection
from concord.domain.errors import (
    CredentialsRejectedError,
    FieldError,
    InvalidInputError,
    PermanentError,
)
from concord.domain.outbound import AccountFacts
from concord.ports import Connections
from concord.services.change_connection import find_connection
from concord.services.keep_numbers import KeepNumbers
from concord.services.reach_platforms import ReachPlatforms

_UNASKABLE: Final = "not_checkable"


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found: the connection with its numbers, and `ok` per platform."""

    connection: Connection
    platforms: Mapping[str, str]


class CheckConnection:
    """Calls each platform once with the stored credentials."""

    def __init__(
        self,
        *,
        connections: Connections,
        reach: ReachPlatforms,
        numbers: KeepNumbers,
    ) -> None:
        self._connections = connections
        self._reach = reach
        self._numbers = numbers

    def __call__(self, connection_id: str) -> Checked:
        """Check all sides and keep the numbers that the destination has.

        Raises InvalidInputError `invalid_api_key` naming every side whose credentials were refused,
        RetryableError when a platform cannot be reached: that says nothing about credentials.
        A paused connection stays paused: to resume is an operator's decision.
        """
        connection = find_connection(self._connections, connection_id)
        found: dict[str, str] = {}
        wrong: list[FieldError] = []
        facts = AccountFacts()
        for name, platform in _sides(connection):
            try:
                checker = self._reach.checker(connection, platform)
                answer = checker.check() if checker else None
            except CredentialsRejectedError:
                hint = f"{platform} refused these credentials; give the connection good ones"
                wrong.append(FieldError(f"{name}.credentials", hint))
                continue
            except PermanentError as refusal:
                raise _refused(name, platform, refusal) from refusal
            found[platform] = "ok" if answer else _UNASKABLE
            if answer and platform == connection.destination.platform:
                facts = answer
        if wrong:
            sides = ", ".join(error.field for error in wrong)
            raise InvalidInputError(
                f"refused: {sides}", code="invalid_api_key", errors=tuple(wrong)
            )
        return Checked(self._numbers.store(connection, facts), found)


def _sides(connection: Connection) -> list[tuple[str, str]]:
    sides = [
        ("source", connection.source.platform),
        ("destination", connection.destination.platform),
    ]
    sender = connection.settings.sender
    if sender is not None and sender.platform != connection.destination.platform:
        sides.append(("settings.sender", sender.platform))
    return sides


def _refused(name: str, platform: str, refusal: PermanentError) -> InvalidInputError:
    message = f"{platform} does not know this account, or base_url is not where it lives"
    return InvalidInputError(
        f"{platform} refused the check: {refusal.reason}",
        code="account_not_found",
        errors=(FieldError(f"{name}.account_id", message),),
    )
