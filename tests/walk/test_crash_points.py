"""What operators do to points dies at each of its requests, and their client repeats it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.integration.admin.calls import MERCHANT, ok
from tests.walk.test_crash_operators import CLIENT_WAITS
from tests.world.crashes import Scene, dies_everywhere
from tests.world.faults import Wire
from tests.world.world import World

CLUB = "/v1/merchants/m1/programmes/club"
ACCOUNT = f"{CLUB}/accounts/s-1"
_keys = itertools.count(1)


def _audits(house: World, action: str) -> int:
    return sum(row["action"] == action for row in house.rows("A#m1#-"))


@pytest.mark.parametrize("amount", [40, -40])
def test_an_adjustment_that_died_is_booked_once(house: World, amount: int) -> None:
    """R-21, R-22, reliability 12: one entry, one audit entry, one answer; also where the repeat
    would find too few points left."""
    ok(house, "PUT", "/v1/merchants/m1", MERCHANT)
    ok(house, "PUT", CLUB, {"name": "Club", "currency": "USD", "valid_for": {"days": 9}})
    given = {"amount": 50, "reason": "welcome", "actor": "dana"}
    ok(house, "POST", f"{ACCOUNT}/adjustments", given)

    def stage() -> Scene:
        headers = {"Idempotency-Key": f"key-{next(_keys)}"}
        answers: list[dict[str, Any]] = []

        def deliver(times: int) -> None:
            body = {**given, "amount": amount}
            answers.append(ok(house, "POST", f"{ACCOUNT}/adjustments", body, headers=headers))

        def outcome() -> dict[str, Any]:
            items = ok(house, "GET", f"{ACCOUNT}/entries")["items"]
            return {
                "points": [item["points"] for item in items],
                "balance": ok(house, "GET", ACCOUNT)["balance"],
                "answered": answers[-1] == items[0],
                "audited": _audits(house, "points_adjusted"),
            }

        return Scene(deliver, outcome)

    expected = {"points": [amount, 50], "balance": 50 + amount, "answered": True, "audited": 2}
    assert dies_everywhere(Wire(house), house, stage, expected, CLIENT_WAITS) >= 5


def test_a_programme_whose_put_died_is_put_once(house: World) -> None:
    """R-32, reliability 12: the same again finds it done: one change, one audit entry."""
    ok(house, "PUT", "/v1/merchants/m1", MERCHANT)

    def stage() -> Scene:
        body = {"name": "Club", "currency": "USD", "notice_days": 14}

        def outcome() -> dict[str, Any]:
            stored = house.parts.programmes.get("m1", "club")
            assert stored is not None
            made = (stored.version, stored.notice_days)
            return {"stored": made, "audited": _audits(house, "programme_put")}

        return Scene(lambda times: ok(house, "PUT", CLUB, body), outcome)

    expected = {"stored": (1, 14), "audited": 1}
    assert dies_everywhere(Wire(house), house, stage, expected, CLIENT_WAITS) >= 3
