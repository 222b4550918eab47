"""A night dies at each request of its start and of its workers, and is run again."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from concord.adapters.dynamodb.ledger_keys import shard_of
from concord.domain.tasks import RowKey
from tests.world.crashes import Scene, dies_everywhere
from tests.world.faults import Wire, settle
from tests.world.loyalty import ONE_DAY, Loyalty
from tests.world.world import World

MEMBERS = tuple(f"m{number}" for number in range(4))
_merchants = itertools.count(1)


@pytest.fixture(name="wire")
def _wire(house: World) -> Wire:
    return Wire(house)


def _scene(house: World) -> tuple[Loyalty, Any]:
    """Make a merchant whose next night has all there is to do: lots, waiting points, notices."""
    loyalty = Loyalty(house, f"m{next(_merchants)}", notice_days=3)
    loyalty.listens()
    today = loyalty.today
    for number, member in enumerate(MEMBERS):
        loyalty.earns(member, 50 + number, today)
        loyalty.earns(member, 5, today + timedelta(days=4), "o-2")
        loyalty.waits(member, 9, today + ONE_DAY, today + timedelta(days=60), "o-3")
    loyalty.becomes(today + ONE_DAY, 3)

    def outcome() -> Any:
        report = loyalty.report(today)
        return {
            "balances": [loyalty.account(member).balance for member in MEMBERS],
            "entries": [len(loyalty.entries(member)) for member in MEMBERS],
            "told": [len(loyalty.told(member)) for member in MEMBERS],
            "done": loyalty.through() == loyalty.today.isoformat(),
            "report": report and (report.opening, report.closing, report.adds_up),
            "hints": sorted(Counter(loyalty.hints()).values()),
        }

    return loyalty, outcome


EXPECTED = {
    "balances": [14] * 4,
    "entries": [2] * 4,
    "told": [1] * 4,
    "done": True,
    "report": (0, 226, True),
    "hints": [4, 4],
}


def test_the_start_dies_anywhere(house: World, wire: Wire) -> None:
    """Reliability 26: the next hour's run begins what was not begun."""

    def stage() -> Scene:
        _, outcome = _scene(house)
        return Scene(lambda _: house.hourly(), outcome)

    assert dies_everywhere(wire, house, stage, EXPECTED) > 3


def _parts(house: World, loyalty: Loyalty) -> Iterator[dict[str, str]]:
    house.hourly()
    for row in sorted(house.rows("TN#"), key=lambda row: str(row["pk"])):
        yield {"pk": row["pk"], "sk": row["sk"]}


@pytest.mark.parametrize("last", [False, True], ids=["a-part", "the-last-part"])
def test_a_worker_dies_anywhere(house: World, wire: Wire, last: bool) -> None:
    """Reliability 26, ECO-15, R-19, R-20: each lot once, each notice once, the report adds up."""

    def stage() -> Scene:
        loyalty, outcome = _scene(house)
        parts = list(_parts(house, loyalty))
        # The part of a member, or the last of all: what follows from it is done with it.
        shard = shard_of(loyalty.key(MEMBERS[0]).member_key)
        mine = next(row for row in parts if row["pk"].endswith(f".{shard}"))
        if last:
            for row in parts:
                if row != mine:
                    house.run_task(row)
        return Scene(lambda receives: house.run_task(mine, receives), outcome)

    assert dies_everywhere(wire, house, stage, EXPECTED) > 8


def test_nobody_is_left_behind_a_task_that_is_lost(house: World) -> None:
    """Reliability 26: a part whose task is purged is begun again by the next hour's run."""
    loyalty, outcome = _scene(house)
    parts = list(_parts(house, loyalty))
    for row in parts[:3]:
        house.parts.table.delete(RowKey(row["pk"], row["sk"]))
    settle(house)
    assert outcome()["done"] is False
    loyalty.night()
    assert outcome() == EXPECTED
