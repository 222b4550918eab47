"""Groups after any acts, in any order, with workers that die: what a plain oracle says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from concord.domain.identity import Channel, point_id, shopper_key
from tests.support.group_rows import Shares, assert_agrees
from tests.world.faults import Killed, Wire, kill_at, open_tasks, settle
from tests.world.shop import new_number
from tests.world.signing import signed_inbound
from tests.world.world import world

_SHOPPERS = [f"s-{n}" for n in range(3)]
_GROUPS = ["vip", "news", "a#b"]
_NUMBERS = [new_number() for _ in range(4)]
_REGIONS = ["", "US-FL", "US-CA"]

shoppers = st.sampled_from(_SHOPPERS)
groups = st.lists(st.sampled_from(_GROUPS), max_size=3, unique=True)
numbers = st.lists(st.sampled_from(_NUMBERS), max_size=2, unique=True)


@dataclass
class Known:
    """A shopper as the oracle knows her."""

    phones: list[str]
    groups: list[str]
    region: str
    active: bool = True


@dataclass
class Oracle:
    """What was said, and nothing of how it is kept."""

    shoppers: dict[str, Known] = field(default_factory=dict)
    opted_in: set[str] = field(default_factory=set)
    lists: dict[str, list[str]] = field(default_factory=dict)

    def saves(self, who: str, phones: list[str], told: list[str] | None, region: str) -> None:
        before = self.shoppers.get(who)
        kept = before.groups if before else []
        now = list(kept if told is None else told)
        if before is None:  # who was awaited joins
            now += [group for group, named in self.lists.items() if who in named]
        self.shoppers[who] = Known(phones, now, region)

    def lists_members(self, group: str, named: list[str]) -> None:
        self.lists[group] = named
        for who, her in self.shoppers.items():
            her.groups = [each for each in her.groups if each != group]
            if who in named:
                her.groups.append(group)

    def leaves(self, who: str) -> None:
        her = self.shoppers[who]
        her.active = False
        self.opted_in -= set(her.phones)


class Groups(RuleBasedStateMachine):
    """Acts of a shop and its shoppers; tasks run, run twice, or die, whenever it comes to it."""

    @initialize()
    def opens(self) -> None:
        self._world = world()
        self.house = self._world.__enter__()
        self.shop = self.house.shop()
        self.wire = Wire(self.house)
        self.oracle = Oracle()
        self.acts = 0

    def teardown(self) -> None:
        try:
            settle(self.house)
            assert_agrees(self.house.rows(), self._expected())
        finally:
            self._world.__exit__(None, None, None)

    # --- what is said --------------------------------------------------------------------------

    @rule(
        who=shoppers,
        phones=numbers,
        told=st.one_of(st.none(), groups),
        region=st.sampled_from(_REGIONS),
        dies=st.integers(0, 9),
    )
    def saves(
        self, who: str, phones: list[str], told: list[str] | None, region: str, dies: int
    ) -> None:
        """Save a shopper; a call that dies is made again, as a shop does."""
        body = {
            "first_name": f"Ana {self._act()}",
            "phones": phones,
            **({} if told is None else {"groups": told}),
            **({"attributes": {"region": region}} if region else {}),
        }
        self._call("PUT", f"/shoppers/{who}", body, dies)
        self.oracle.saves(who, phones, told, region)

    @rule(who=shoppers, dies=st.integers(0, 20))
    def leaves(self, who: str, dies: int) -> None:
        if who in self.oracle.shoppers:
            self._act()
            self._call("DELETE", f"/shoppers/{who}", None, dies)
            self.oracle.leaves(who)

    @rule(group=st.sampled_from(_GROUPS), named=st.lists(shoppers, max_size=3, unique=True))
    def lists_members(self, group: str, named: list[str]) -> None:
        self._act()
        path = f"/groups/{group.replace('#', '%23')}"
        self._call("PUT", path, {"name": group, "shopper_ids": named}, 0)
        self.oracle.lists_members(group, named)

    @rule(group=st.sampled_from(_GROUPS))
    def deletes(self, group: str) -> None:
        self._act()
        self._call("DELETE", f"/groups/{group.replace('#', '%23')}", None, 0)
        self.oracle.lists_members(group, [])

    @rule(number=st.sampled_from(_NUMBERS), comes=st.booleans())
    def texts(self, number: str, comes: bool) -> None:
        self._act()
        path = self.shop.webhooks["text_em_all"].split("/test", 1)[1]
        body, headers = signed_inbound(
            self.shop.webhook_secret,
            number,
            self.shop.text_number,
            "UNSTOP" if comes else "STOP",
            at=self.house.clock.now(),
        )
        assert self.house.receive(path, body, headers)["statusCode"] == 204
        if comes:
            self.oracle.opted_in.add(number)
        else:
            self.oracle.opted_in.discard(number)

    # --- what is done about it -------------------------------------------------------------------

    @rule(which=st.integers(0, 30), dies=st.integers(0, 25))
    def works(self, which: int, dies: int) -> None:
        """Run any task about groups, in any order; it may die at any request."""
        rows = [row for row in open_tasks(self.house) if row["kind"] == "regroup"]
        if rows:
            row = sorted(rows, key=lambda each: each["pk"])[which % len(rows)]
            with self._dying(dies):
                self.house.run_task({"pk": row["pk"], "sk": row["sk"]}, 1 + which % 2)

    @rule(seconds=st.sampled_from([1, 61, 200]))
    def time_goes_by(self, seconds: int) -> None:
        self.house.clock.advance(timedelta(seconds=seconds))

    @rule()
    def all_settles(self) -> None:
        settle(self.house)
        assert_agrees(self.house.rows(), self._expected())

    @invariant()
    def figures_agree(self) -> None:
        """At every moment, whatever died: no counter and no row is ahead or behind."""
        if hasattr(self, "house"):
            assert_agrees(self.house.rows())

    # --- how -------------------------------------------------------------------------------------

    def _act(self) -> int:
        self.house.clock.advance(timedelta(seconds=2))
        self.acts += 1
        return self.acts

    def _call(self, method: str, path: str, body: Any, dies: int) -> None:
        with self._dying(dies):
            assert self.shop.connect(method, path, body)["statusCode"] < 300
            return
        assert self.shop.connect(method, path, body)["statusCode"] < 300

    @contextmanager
    def _dying(self, at: int) -> Iterator[None]:
        """End the process at request `at`, if it comes to that; 0 = it lives."""
        try:
            with self.wire.failing(after=kill_at(at)):
                yield
        except Killed:
            self.house.cold()

    def _expected(self) -> Shares:
        stack_key = self.house.parts.secrets.stack_key()
        merchant_id, connection_id = self.shop.merchant_id, self.shop.connection_id
        found: Shares = {}
        for who, her in self.oracle.shoppers.items():
            mine = {
                point_id(stack_key, merchant_id, Channel.SMS, number): her.region
                for number in her.phones
                if number in self.oracle.opted_in
            }
            if her.active:
                key = shopper_key(stack_key, connection_id, who)
                found[key] = {group: dict(mine) for group in her.groups}
        return found


@pytest.mark.parametrize("depth", [25])
def test_groups_are_what_was_said_last_whatever_died(depth: int) -> None:
    """TEA-06, TEA-07, TEA-08, reliability 12: saves, lists, departures, opt-ins and opt-outs in any
    order; tasks repeated, out of order, and ended at any request."""
    run_state_machine_as_test(
        Groups,
        settings=settings(
            max_examples=100,
            stateful_step_count=depth,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
