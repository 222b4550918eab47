"""Whatever happens to members' points, in whatever order: the ledger and a tally by hand agree.

The real service and the real adapter over DynamoDB in memory; answers get lost, rivals come in
between, events come again, nights are missed or die halfway.
"""

from __future__ import annotations

import os
from datetime import date, timedelta
from functools import partial

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from concord.adapters.dynamodb import ledger_keys
from concord.adapters.dynamodb.ledger_keys import read_hint
from concord.domain.points.account import Account, Pending
from concord.domain.points.night import NIGHT_SHARDS, posting_of
from concord.domain.points.posting import (
    EntryKind,
    Occasion,
    Posting,
    accrue,
    commit,
    ending_id,
    give_back,
    hold,
    pend,
    reverse,
)
from concord.domain.points.programme import RefundPolicy
from concord.domain.tasks import RowKey
from concord.ports.points import Hint
from tests.support.points_members import NEVER_ENDS, Held, Members, folded, key_of
from tests.support.points_oracle import FOREVER

# Reliability 18: steps per change, and each night.
THOROUGH = os.environ.get("CONCORD_FUZZ") == "thorough"
STEPS = 50_000 if THOROUGH else 2_000
_A_RUN = 50
members = st.sampled_from(["ana", "bea"])
points = st.integers(1, 40)
# Days from today: over already, the last day, soon, later.
ends = st.sampled_from([-2, -1, 0, 0, 1, 2, 3, 7, NEVER_ENDS])
refs = st.sampled_from(["o1", "o2", "o3"])


class Ledger(Members):
    """What happens to two members of one programme."""

    steps = 0

    # --- points come -------------------------------------------------------------------------

    @rule(
        who=members,
        count=st.integers(0, 40),
        last=ends,
        kind=st.sampled_from(["accrue", "reward", "reissue", "adjust"]),
        loses=st.booleans(),
        meets=st.booleans(),
    )
    def earns(self, who: str, count: int, last: int, kind: str, loses: bool, meets: bool) -> None:
        expires_on, told = self.day(last)
        self.loses, self.rival = loses, who if meets else ""
        self.book(who, kind, lambda a, why: accrue(a, count, expires_on, why, EntryKind(kind)))
        self.note(kind, count)
        self.oracles[who].give(count, told, self.today)

    @rule(who=members, count=points, ref=refs, window=st.integers(-1, 4), last=ends)
    def orders_with_a_return_window(
        self, who: str, count: int, ref: str, window: int, last: int
    ) -> None:
        """What is added to an order that waits has its terms: they are fixed at first."""
        expires_on, told = self.day(last)
        active = self.today + timedelta(days=window)
        if known := [each for each in self.oracles[who].waiting if each.ref == ref]:
            active, told = known[0].active, known[0].ends
            expires_on = None if told == FOREVER else told
        self.book(who, "pend", lambda a, why: pend(a, Pending(ref, active, expires_on, count), why))
        self.oracles[who].wait(ref, active, told, count, self.today)

    @rule(who=members, window=st.integers(1, 2))
    def orders_thrice(self, who: str, window: int) -> None:
        """More than a night books in one posting."""
        for ref in ("o1", "o2", "o3"):
            self.orders_with_a_return_window(who, 5, ref, window, 3)

    # --- points go ---------------------------------------------------------------------------

    @rule(who=members, count=points, loses=st.booleans(), meets=st.booleans())
    def redeems(self, who: str, count: int, loses: bool, meets: bool) -> None:
        self.loses, self.rival = loses, who if meets else ""
        posted = self.book(who, "hold", lambda a, why: hold(a, count, why))
        her = self.oracles[who]
        if posted.entry is None:
            assert her.spendable(self.today) < count
            return
        assert her.spendable(self.today) >= count
        taken = her.take(count, since=self.today)
        self.note("hold", -count)
        self.holds.append(Held(who, posted.entry.entry_id, posted.entry, taken))

    @precondition(lambda self: self.holds)
    @rule(which=st.integers(0, 20), releases=st.booleans())
    def a_hold_ends(self, which: int, releases: bool) -> None:
        """Once: whoever ends it again, either way, changes nothing."""
        held = self.holds[which % len(self.holds)]
        kind = EntryKind.RELEASE if releases else EntryKind.COMMIT

        def end(account: Account, why: Occasion) -> Posting:
            if releases:
                return give_back(account, held.entry.lots, kind, why)
            return commit(account, why)

        posted = self.book(held.who, kind, end, ending_id(held.hold_id))
        assert posted.known is (held.ended is not None)
        if held.ended is None:
            held.ended = kind
            if releases:
                self.note(kind, len(held.taken))
                self.oracles[held.who].give_back(held.taken, self.today)
        assert posted.entry is not None
        assert posted.entry.kind is held.ended

    @precondition(lambda self: any(h.ended is EntryKind.COMMIT for h in self.holds))
    @rule(which=st.integers(0, 20))
    def a_reward_is_returned(self, which: int) -> None:
        spent = [held for held in self.holds if held.ended is EntryKind.COMMIT]
        held = spent[which % len(spent)]
        kind, lots = EntryKind.REIMBURSE, held.entry.lots
        posted = self.book(
            held.who, kind, lambda a, why: give_back(a, lots, kind, why), f"back:{held.hold_id}"
        )
        assert posted.known is held.given_back
        if not held.given_back:
            held.given_back = True
            self.note(kind, len(held.taken))
            self.oracles[held.who].give_back(held.taken, self.today)

    @rule(
        who=members,
        count=points,
        policy=st.sampled_from(RefundPolicy),
        ref=st.none() | refs,
        last=st.none() | ends,
        kind=st.sampled_from(["reverse", "adjust"]),
        loses=st.booleans(),
    )
    def is_refunded(
        self,
        who: str,
        count: int,
        policy: RefundPolicy,
        ref: str | None,
        last: int | None,
        kind: str,
        loses: bool,
    ) -> None:
        self.loses = loses
        first = None if last is None else self.day(last)[1]
        take = partial(reverse, points=count, policy=policy, ref=ref, lot_of=first)
        self.book(who, kind, lambda a, why: take(a, why=why, kind=EntryKind(kind)))
        owes = policy is RefundPolicy.NEGATIVE
        moved = self.oracles[who].take_back(count, owes=owes, ref=ref, first=first)
        self.note(kind, moved)

    # --- time --------------------------------------------------------------------------------

    @rule(days=st.sampled_from([1, 1, 1, 2, 5]))
    def days_go_by(self, days: int) -> None:
        self.opening = self.report().closing
        self.moved.clear()
        self.today += timedelta(days=days)

    @rule(dies=st.integers(0, 12))
    def nights_come(self, dies: int) -> None:
        """Work off every night that was missed; die before posting number `dies`, if at all."""
        left = dies or 1_000
        while self.nights < self.today:
            night = self.nights + timedelta(days=1)
            for shard in range(NIGHT_SHARDS):
                for hint in list(self.ledger.hints("shop", night, shard)):
                    left = self._look(hint, left)
                    if not left:
                        return
            self.nights = night

    def _look(self, hint: Hint, left: int) -> int:
        """Answer a hint as RunNight does, a posting at a time, and tell how many are left."""
        her, lets_go = self.oracles[hint.key.member_key], True
        while left := left - 1:
            decide = partial(
                posting_of, night=hint.on, at=self.now(), today=self.today, lets_go=lets_go
            )
            posted = self.post(hint.key, f"expire:{hint.on}", decide, seen=hint)
            if posted.known and lets_go:
                lets_go = False
                continue
            if posted.known or posted.entry is None:
                assert not her.due(hint.on) or not lets_go
                self.ledger.forget(hint)
                her.hints.discard(hint.on)
                return left
            due = dict.fromkeys(e.ref for e in her.waiting if e.active <= hint.on)
            for ref in list(due)[:2]:
                self.note("accrue", her.activate(ref, self.today))
            if lets_go:
                self.note("expire", -her.expire(hint.on))
            her.looked_at(hint.on)
            assert self._is_hinted(hint) is (hint.on in her.hints)
            if not her.due(hint.on):
                return left
        return 0

    def _is_hinted(self, hint: Hint) -> bool:
        row = ledger_keys.hint(hint.key, hint.on)
        return self.memory.find({"pk": {"S": row.pk}, "sk": {"S": row.sk}}) is not None

    @precondition(lambda self: self.booked)
    @rule(which=st.integers(0, 200))
    def an_event_comes_again(self, which: int) -> None:
        """R-21: whenever it does, nothing moves, and what it booked is told."""
        who, entry, again = self.booked[which % len(self.booked)]
        before = self.memory.rows()
        posted = again()
        assert (posted.known, posted.entry) == (True, entry)
        assert posted.account == self.ledger.account(key_of(who))
        assert self.memory.rows() == before

    # --- what always holds -------------------------------------------------------------------

    @invariant()
    def every_account_agrees(self) -> None:
        """Promise 3, L-03."""
        Ledger.steps += 1
        for who, her in self.oracles.items():
            account, entries = self.ledger.account(key_of(who)), self.ledger.entries(key_of(who))
            lots = {lot.expires_on or FOREVER: lot.points for lot in account.lots}
            assert lots == her.by_day()
            assert list(lots) == sorted(lots)
            assert len(lots) == len(account.lots)
            assert all(0 < left <= her.granted[ends] for ends, left in lots.items())
            assert (account.owed, account.pending_points) == (her.debt, her.pending)
            assert not (account.owed and account.lots)
            assert account.balance == her.balance == sum(entry.points for entry in entries)
            assert [entry.seq for entry in entries] == list(range(1, account.seq + 1))
            assert len({entry.entry_id for entry in entries}) == len(entries)
            assert folded(entries) == (lots, account.owed, account.pending_points)

    @invariant()
    def the_night_is_told_all_it_must_know(self) -> None:
        hints: dict[str, set[date]] = {who: set() for who in self.oracles}
        for row in self.memory.rows("LH#"):
            key = read_hint(RowKey(row["pk"], row["sk"]))
            hints[key.member_key].add(date.fromisoformat(row["pk"].split("#")[2]))
        assert hints == {who: her.hints for who, her in self.oracles.items()}
        next_night = self.nights + timedelta(days=1)
        for who, her in self.oracles.items():
            last_days = [ends for ends in her.by_day() if ends != FOREVER]
            wanted = [ends + timedelta(days=1) for ends in last_days]
            for on in wanted + [each.active for each in her.waiting]:
                latest = max(on, self.today + timedelta(days=1))
                assert any(max(on, next_night) <= hint <= latest for hint in hints[who])

    @invariant()
    def the_day_adds_up(self) -> None:
        """Reliability 21."""
        report = self.report()
        assert report.adds_up
        assert report.closing == sum(her.balance for her in self.oracles.values())
        assert {name: n for name, n in report.moved.items() if n} == {
            name: n for name, n in self.moved.items() if n
        }

    def rival_earns(self, who: str) -> None:
        self.earns(who, 3, 2, "accrue", loses=False, meets=False)


def test_the_ledger_and_a_tally_by_hand_agree_after_every_step() -> None:
    """L-03, R-18, R-19, R-20, R-21, reliability 18: at least 2,000 steps, nightly 50,000."""
    Ledger.steps = 0
    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=STEPS // _A_RUN * 2,
            stateful_step_count=_A_RUN,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
    assert Ledger.steps >= STEPS
