"""A merchant of the stage, with one connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from concord.domain.connection import Connection, ConnectionSettings, ConnectionState, Side
from concord.domain.identity import key_fingerprint
from tests.sending.stand_ins import STACK_KEY
from tests.support.virtual import START


@dataclass
class Shop:
    """A merchant with a connection, and her numbers in the order of their ids."""

    connection: Connection
    numbers: Mapping[str, str]

    @property
    def points(self) -> list[str]:
        return sorted(self.numbers)


def connection_of(name: str) -> Connection:
    """Return a connected connection of a merchant."""
    connection_id = f"{name}.c1"
    return Connection(
        connection_id=connection_id,
        merchant_id=name,
        merchant_name="Shop",
        country="US",
        integration="catapult-text_em_all",
        state=ConnectionState.CONNECTED,
        source=Side("catapult", f"cat-{name}", "https://pos.example.com"),
        destination=Side("text_em_all", f"tea-{name}", "https://tea.example.com"),
        settings=ConnectionSettings(),
        key_fingerprint=key_fingerprint(STACK_KEY, connection_id),
        tokens=(),
        connect_keys=(),
        created_at=START,
        text_numbers=(("+18885550100", "1"),),
        first_number="+18885550100",
    )
