"""The workers of groups, and what leaves them work, die at every request: groups end up right."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from concord.domain.tasks import RowKey
from tests.support.group_rows import assert_agrees
from tests.world.crashes import Scene, dies_everywhere
from tests.world.faults import VISIBILITY, Wire, open_tasks
from tests.world.person import Deliver, Person
from tests.world.shop import Shop


class Member(Person):
    """A person with a group of her own; `body` is what her shop saves her with."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop)
        self.group = f"g{self.number[-6:]}"
        self.body = {"phones": [self.number], "groups": [self.group]}

    def saved(self, **more: Any) -> Member:
        answer = self.shop.connect("PUT", f"/shoppers/{self.id}", {**self.body, **more})
        assert answer["statusCode"] in (200, 201)
        self.shop.world.pump()
        return self

    def task(self, what: str) -> Deliver:
        """Return the delivery of her open task about groups."""
        house = self.shop.world
        (row,) = (r for r in open_tasks(house) if r["task_id"].startswith(f"{what}#"))
        return lambda receives: house.run_task({"pk": row["pk"], "sk": row["sk"]}, receives)

    def figures(self) -> tuple[int, int, int]:
        """Return her group's figures, once all rows agree with the contributions."""
        house = self.shop.world
        assert_agrees(house.rows())
        counts = house.parts.group_audience.counts(self.shop.merchant_id, self.shop.connection_id)
        for each in counts:
            if each.group_id == self.group:
                return each.total_shoppers, each.opted_in_shoppers, each.textable_numbers
        return 0, 0, 0


def _opts_out(her: Member) -> Deliver:
    her.saved().texts("JOIN").text("STOP")(1)
    return her.task("point")


def _joins_a_group(her: Member) -> Deliver:
    her.saved(groups=[]).texts("JOIN")
    her.shop.connect("PUT", f"/shoppers/{her.id}", her.body)
    return her.task("shopper")


def _moves(her: Member) -> Deliver:
    """More than one transaction: groups left and joined, with a number that is shared."""
    friend = Member(her.shop)
    old = [f"{her.group}-{n}" for n in range(2)]
    her.saved(groups=old).texts("JOIN")
    friend.body["phones"] = [her.number]
    friend.saved(groups=old)
    new = [her.group, f"{her.group}-9"]
    her.shop.connect("PUT", f"/shoppers/{her.id}", {**her.body, "groups": new})
    return her.task("shopper")


def _is_saved(her: Member) -> Deliver:
    her.texts("JOIN")
    return lambda _: her.shop.connect("PUT", f"/shoppers/{her.id}", her.body)


def _leaves(her: Member) -> Deliver:
    her.saved().texts("JOIN")
    return lambda _: her.shop.connect("DELETE", f"/shoppers/{her.id}")


def _is_listed(her: Member) -> Deliver:
    her.saved(groups=[]).texts("JOIN")
    body = {"name": "VIPs", "shopper_ids": [her.id]}
    return lambda _: her.shop.connect("PUT", f"/groups/{her.group}", body)


def _list_is_worked_off(her: Member) -> Deliver:
    her.saved(groups=[]).texts("JOIN")
    _listed_with(her, her.id, "somebody nobody knows")
    return her.task("group")


def _list_makes_her_leave(her: Member) -> Deliver:
    her.saved().texts("JOIN")
    her.shop.world.clock.advance(timedelta(seconds=2))
    _listed_with(her)
    her.task("group")(1)  # nobody joins
    return her.task("group")


def _is_awaited(her: Member) -> Deliver:
    her.texts("JOIN")
    _listed_with(her, her.id)
    her.task("group")(1)
    her.shop.connect("PUT", f"/shoppers/{her.id}", {"phones": [her.number]})
    return her.task("shopper")


def _listed_with(her: Member, *ids: str) -> None:
    body = {"name": "VIPs", "shopper_ids": list(ids)}
    answer = her.shop.connect("PUT", f"/groups/{her.group}", body)
    assert answer["statusCode"] == 202


def _is_repaired(her: Member) -> Deliver:
    table = her.shop.world.parts.table
    for row in her.shop.world.rows():  # groups of scenes before: each would be looked at too
        if row["pk"].startswith("G") or row["sk"] == "CONTRIBUTION":
            table.delete(RowKey(row["pk"], row["sk"]))
    her.saved().texts("JOIN")
    for row in her.shop.world.rows("GN#"):
        table.delete(RowKey(row["pk"], row["sk"]))
    her.shop.admin("POST", "/groups/repair")
    return her.task("repair")


IN, OUT = (1, 1, 1), (1, 0, 0)
CASES: dict[str, tuple[Callable[[Member], Deliver], tuple[int, int, int]]] = {
    "opts_out": (_opts_out, OUT),
    "joins_a_group": (_joins_a_group, IN),
    "moves": (_moves, IN),
    "is_saved": (_is_saved, IN),
    "leaves": (_leaves, (0, 0, 0)),
    "is_listed": (_is_listed, IN),
    "list_is_worked_off": (_list_is_worked_off, IN),
    "list_makes_her_leave": (_list_makes_her_leave, (0, 0, 0)),
    "is_awaited": (_is_awaited, IN),
    "is_repaired": (_is_repaired, IN),
}


@pytest.mark.parametrize("name", CASES)
def test_killed_at_every_request_groups_end_up_right(shop: Shop, name: str) -> None:
    """Reliability 12, TEA-06, TEA-07: whatever request dies, counters, rows and shoppers agree."""
    arrange, expected = CASES[name]
    wire = Wire(shop.world)

    def stage() -> Scene:
        her = Member(shop)
        return Scene(arrange(her), her.figures)

    dies_everywhere(wire, shop.world, stage, expected, VISIBILITY)
