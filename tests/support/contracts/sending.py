"""The contracts of Chunks, Pace and Caps: what sending relies on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

from concord.adapters.dynamodb.broadcasts import DynamoDbBroadcasts
from concord.adapters.dynamodb.caps import DynamoDbCaps
from concord.adapters.dynamodb.chunks import DynamoDbChunks
from concord.adapters.dynamodb.pace import DynamoDbPace
from concord.adapters.dynamodb.table import Table
from concord.adapters.dynamodb.tasks import DynamoDbTasks
from concord.domain.broadcast import Broadcast, BroadcastState
from concord.domain.caps import Cap
from concord.domain.chunks import Chunk, ChunkKey, Decided, Outcome, Slice, SliceState, Tally
from concord.domain.pacing import (
    BREAKER_THRESHOLD,
    COOL_DOWN,
    HORIZON,
    Booked,
    NoTurn,
    SenderAccount,
    Turn,
    Wanted,
)
from concord.domain.put_off import put_off
from concord.domain.tallies import tally_of
from concord.domain.tasks import RowKey
from tests.support.builders import CONNECTION, MERCHANT, NOW, at, audit
from tests.support.contracts.consent import refaulted

BROADCAST = "20261121t083000-00000001"
KEY = ChunkKey(MERCHANT, CONNECTION, BROADCAST, "000001")
ROW = RowKey("TS#shop#send_chunk#shop.abc123#x", "TASK")
SENDER = SenderAccount(MERCHANT, "twilio:1")
OK = Decided(Outcome.PENDING, "", 3, ("us-1",), ("America/New_York 12:00",))
SENT = replace(OK, outcome=Outcome.SENT, message_id="SM1")
MORNING = at(12 * 3600)
ASLEEP = replace(OK, outcome=Outcome.DEFERRED, reason="quiet_hours", until=MORNING)
UNCERTAIN = replace(OK, outcome=Outcome.UNCERTAIN)


def point(number: int) -> str:
    return f"v1.{sha256(str(number).encode()).hexdigest()}"


POINTS = tuple(sorted(point(n) for n in range(5)))


def planned(table: Table) -> DynamoDbChunks:
    """Return chunks of a broadcast with one chunk of five."""
    broadcast = Broadcast(
        BROADCAST, MERCHANT, CONNECTION, "n", ("g",), "t", BroadcastState.PLANNING, NOW
    )
    broadcasts = DynamoDbBroadcasts(table)
    broadcasts.create(broadcast, audit())
    assert broadcasts.add_chunk(broadcast, Chunk(KEY, POINTS, {1: "US-FL"}), NOW)
    return DynamoDbChunks(table)


def part(*decided: Decided, number: int = 0, state: SliceState = SliceState.CLAIMED) -> Slice:
    return Slice(KEY, number, number * 5, state, NOW, decided, "w:1", "", "twilio:1")


def done(claimed: Slice, *decided: Decided) -> Slice:
    return replace(claimed, decided=decided, state=SliceState.DONE)


def open_chunks(table: Table) -> int:
    found = DynamoDbBroadcasts(table).get(CONNECTION, BROADCAST)
    assert found is not None
    return found.open_chunks


class ChunksContract:
    """What every Chunks does."""

    def test_every_decision_survives_storage(self, table: Table) -> None:
        """L-02: consent evidence, rules and local times of each recipient."""
        chunks = planned(table)
        refused = Decided(Outcome.SKIPPED, "opted_out_after_queue", 7)
        first = replace(part(OK, ASLEEP, refused, SENT, UNCERTAIN), message_id="B1")
        assert chunks.advance(None, first, (), NOW)
        assert chunks.slices(KEY) == [first]
        assert chunks.slice(KEY, 0) == first
        assert chunks.slice(KEY, 1) is None

    def test_a_slice_is_claimed_once(self, table: Table) -> None:
        """R-09: whoever is second hands nothing over, and nothing of its write is kept."""
        chunks = planned(table)
        first, second = part(OK), part(OK, number=1)
        assert chunks.advance(None, first, (), NOW)
        assert not chunks.advance(None, replace(first, owner="w:2"), (), NOW)
        assert chunks.advance(done(first, SENT), second, (), NOW)
        third = part(OK, number=2)
        assert chunks.advance(None, third, (), NOW)
        assert not chunks.advance(done(second, SENT), replace(third, owner="w:2"), (), NOW)
        assert chunks.slices(KEY) == [done(first, SENT), second, third]

    def test_a_slice_in_doubt_says_when_it_was_asked(self, table: Table) -> None:
        """R-10: its look-up counts from there; it stays claimed."""
        chunks = planned(table)
        first = part(OK)
        assert chunks.advance(None, first, (), NOW)
        assert chunks.advance(asked := replace(first, asked_at=at(25)), None, (), NOW)
        assert chunks.slice(KEY, 0) == asked

    def test_what_became_of_a_slice_is_final(self, table: Table) -> None:
        """R-10: a late worker does not overwrite what was found out meanwhile."""
        chunks = planned(table)
        first = part(OK)
        assert chunks.advance(None, first, (), NOW)
        assert chunks.advance(done(first, SENT), None, (), NOW)
        assert not chunks.advance(done(first, UNCERTAIN), None, (), NOW)
        assert chunks.slices(KEY) == [done(first, SENT)]

    def test_a_claim_whose_answer_was_lost_is_ours(self, table: Table) -> None:
        """Reliability 13: or its recipients would be in doubt for nothing."""
        planned(table)
        faulty, _ = refaulted(table, lambda _, n: "lost" if n == 1 else None)
        first, second = part(OK), part(OK, number=1)
        assert DynamoDbChunks(faulty).advance(None, first, (), NOW)
        faulty, _ = refaulted(table, lambda _, n: "lost" if n == 1 else None)
        assert DynamoDbChunks(faulty).advance(done(first, SENT), second, (), NOW)

    def test_who_was_put_off_gets_a_chunk_of_her_own_once(self, table: Table) -> None:
        """R-01: deferred, never dropped; and a repeat finds the chunk there."""
        chunks = planned(table)
        first = part(SENT, ASLEEP, SENT, ASLEEP, SENT)
        assert chunks.advance(None, first, (), NOW)
        children = put_off(Chunk(KEY, POINTS, {1: "US-FL"}), first)
        (child,) = children
        assert child.due_at == MORNING
        for _ in range(2):
            chunks.advance(done(first, *first.decided), None, children, NOW)
        assert chunks.get(child.chunk.key) == child.chunk
        assert child.chunk.points == (POINTS[1], POINTS[3])
        assert child.chunk.regions == {0: "US-FL"}
        assert open_chunks(table) == 2
        tallies = {
            tally.key.chunk: tally for tally in chunks.tallies(MERCHANT, CONNECTION, BROADCAST)
        }
        assert tallies[child.chunk.key.chunk].parent == "000001"
        due = [row for row in DynamoDbTasks(table).due(MORNING + timedelta(seconds=1)) if row.waits]
        assert [row.due_at for row in due] == [MORNING]

    def test_a_chunk_is_closed_once(self, table: Table) -> None:
        """R-09: finished only when everybody is counted."""
        chunks = planned(table)
        counted = _tally(chunks, [part(SENT, SENT, SENT, SENT, SENT)])
        assert chunks.put_tally(counted)
        for _ in range(2):
            assert chunks.finish(replace(counted, done=True))
        assert chunks.put_tally(replace(counted, counts={}))
        assert open_chunks(table) == 0
        stored = chunks.tally(KEY)
        assert stored == replace(counted, done=True)

    def test_a_close_whose_answer_was_lost_is_done_once(self, table: Table) -> None:
        """Reliability 13."""
        chunks = planned(table)
        counted = replace(_tally(chunks, [part(SENT)]), done=True)
        faulty, _ = refaulted(table, lambda _, n: "lost" if n == 1 else None)
        assert DynamoDbChunks(faulty).finish(counted)
        assert open_chunks(table) == 0

    def test_who_turns_out_to_have_been_texted_is_counted_anew(self, table: Table) -> None:
        """R-10: an uncertain recipient is resolved by her receipt, also after the end."""
        chunks = planned(table)
        first = part(SENT, UNCERTAIN, UNCERTAIN, SENT, SENT)
        chunks.advance(None, done(first, *first.decided), (), NOW)
        counted = replace(_tally(chunks, [first]), done=True)
        assert chunks.finish(counted)
        before = done(first, *first.decided)
        after = replace(before, decided=(SENT, SENT, UNCERTAIN, SENT, SENT))
        assert chunks.settle(before, after)
        assert not chunks.settle(before, after)
        assert chunks.slice(KEY, 0) == after
        stored = chunks.tally(KEY)
        assert stored is not None
        assert stored.counts == {"sent": 4, "uncertain": 1}

    def test_a_count_made_before_somebody_was_settled_is_not_written(self, table: Table) -> None:
        chunks = planned(table)
        first = part(SENT, UNCERTAIN)
        before = done(first, *first.decided)
        chunks.advance(None, before, (), NOW)
        counted = _tally(chunks, [before])
        assert chunks.settle(before, replace(before, decided=(SENT, SENT)))
        assert not chunks.put_tally(counted)
        assert not chunks.finish(replace(counted, done=True))
        assert open_chunks(table) == 1
        assert chunks.finish(replace(_tally(chunks, chunks.slices(KEY)), done=True))
        assert open_chunks(table) == 0


def _tally(chunks: DynamoDbChunks, slices: Sequence[Slice]) -> Tally:
    stored = chunks.tally(KEY)
    assert stored is not None
    return tally_of(stored, slices)


def wanted(count: int = 10, rate: float = 10.0, *, again: bool = False) -> Wanted:
    return Wanted(count, rate, ROW, again)


def start(booked: Booked | NoTurn) -> datetime:
    assert isinstance(booked, Booked)
    return booked.start


class PaceContract:
    """What every Pace does."""

    def test_each_booking_moves_the_clock_on(self, table: Table) -> None:
        """R-08: by what it takes at the rate, for all processes."""
        here, there = DynamoDbPace(table), DynamoDbPace(table)
        assert start(here.book(SENDER, wanted(), NOW)) == NOW
        assert start(there.book(SENDER, wanted(5), NOW)) == at(1)
        assert start(here.book(SENDER, wanted(), at(0.2))) == at(1.5)
        assert start(here.book(SENDER, wanted(), at(9))) == at(9)
        other = SenderAccount(MERCHANT, "twilio:2")
        assert start(here.book(other, wanted(), NOW)) == NOW

    def test_a_turn_that_is_far_away_is_not_booked(self, table: Table) -> None:
        pace = DynamoDbPace(table)
        assert start(pace.book(SENDER, wanted(60), NOW)) == NOW
        refused = pace.book(SENDER, wanted(60), NOW)
        assert isinstance(refused, NoTurn)
        assert refused.turn is Turn.LATER
        assert NOW < refused.at <= at(6)
        near = at(6) - HORIZON
        assert start(DynamoDbPace(table).book(SENDER, wanted(60), near)) == at(6)

    def test_one_request_while_the_guess_is_right(self, table: Table) -> None:
        """Reliability 29."""
        counting, faults = refaulted(table, lambda *_: None)
        pace = DynamoDbPace(counting)
        pace.book(SENDER, wanted(20), NOW)
        assert faults.calls == ["update_item"]
        pace.book(SENDER, wanted(20), NOW)
        assert faults.calls == ["update_item"] * 2

    def test_retries_have_a_fifth_of_the_rate(self, table: Table) -> None:
        """Reliability 32: retries <= 20 % of calls."""
        pace = DynamoDbPace(table)
        assert start(pace.book(SENDER, wanted(again=True), NOW)) == NOW
        refused = pace.book(SENDER, wanted(again=True), at(1))
        assert isinstance(refused, NoTurn)
        assert refused.at == at(5)
        assert start(pace.book(SENDER, wanted(), at(1))) == at(1)
        assert start(pace.book(SENDER, wanted(again=True), at(5))) == at(5)

    def test_failures_in_a_row_stop_everybody_then_one_tries(self, table: Table) -> None:
        """Reliability 32: half open."""
        pace, other = DynamoDbPace(table), DynamoDbPace(table)
        booked = pace.book(SENDER, wanted(1), NOW)
        assert isinstance(booked, Booked)
        opened = [pace.failed(SENDER, booked, NOW) for _ in range(BREAKER_THRESHOLD)]
        assert opened == [False] * (BREAKER_THRESHOLD - 1) + [True]
        for each in (pace, other):
            refused = each.book(SENDER, wanted(1), at(1))
            assert isinstance(refused, NoTurn)
            assert (refused.turn, refused.at) == (Turn.DOWN, NOW + COOL_DOWN)
        probe = pace.book(SENDER, wanted(1), NOW + COOL_DOWN)
        assert isinstance(probe, Booked)
        assert probe.probe
        assert isinstance(other.book(SENDER, wanted(1), NOW + COOL_DOWN), NoTurn)
        assert pace.failed(SENDER, probe, at(6))
        refused = other.book(SENDER, wanted(1), at(7))
        assert isinstance(refused, NoTurn)
        assert refused.at == at(6) + 2 * COOL_DOWN
        probe = other.book(SENDER, wanted(1), refused.at)
        assert isinstance(probe, Booked)
        other.succeeded(SENDER, probe)
        assert not getattr(pace.book(SENDER, wanted(1), at(17)), "probe", True)

    def test_a_success_forgets_the_failures_before_it(self, table: Table) -> None:
        pace = DynamoDbPace(table)
        booked = pace.book(SENDER, wanted(1), NOW)
        assert isinstance(booked, Booked)
        for _ in range(BREAKER_THRESHOLD - 1):
            assert not pace.failed(SENDER, booked, NOW)
        troubled = pace.book(SENDER, wanted(1), NOW)
        assert isinstance(troubled, Booked)
        assert troubled.troubled
        pace.succeeded(SENDER, troubled)
        assert not pace.failed(SENDER, booked, NOW)

    def test_a_sender_that_asks_for_a_pause_gets_it(self, table: Table) -> None:
        pace = DynamoDbPace(table)
        pace.hold(SENDER, at(4))
        pace.hold(SENDER, at(2))
        assert start(pace.book(SENDER, wanted(), NOW)) == at(4)

    def test_those_who_wait_are_told_one_by_one(self, table: Table) -> None:
        pace = DynamoDbPace(table)
        assert pace.wait(SENDER, ROW, at(60))
        rows = [RowKey(f"TS#{n:02d}", "TASK") for n in range(5)]
        for row in rows:
            assert not pace.wait(SENDER, row, at(60))
        assert pace.wait(SENDER, ROW, at(120))
        booked = pace.book(SENDER, wanted(), NOW)
        assert getattr(booked, "slack", False)
        assert not getattr(pace.book(SENDER, wanted(), NOW), "slack", True)
        told = [row for _ in range(4) for row in pace.next_waiting(SENDER, NOW)[0]]
        told += pace.next_waiting(SENDER, NOW, 2)[0]
        assert told == rows
        assert pace.next_waiting(SENDER, NOW)[0] == []

    def test_who_has_a_turn_waits_no_more_and_who_comes_back_needs_no_other(
        self, table: Table
    ) -> None:
        pace = DynamoDbPace(table)
        other = RowKey("TS#b", "TASK")
        assert pace.wait(SENDER, ROW, at(1))
        assert not pace.wait(SENDER, ROW, at(1))
        pace.book(SENDER, Wanted(600, 10.0, ROW, first=True, more=True), NOW)
        assert pace.next_waiting(SENDER, NOW)[0] == []
        assert not pace.wait(SENDER, other, at(60))
        assert pace.next_waiting(SENDER, NOW)[0] == [other]

    def test_those_who_are_told_come_when_the_time_is_free(self, table: Table) -> None:
        pace = DynamoDbPace(table)
        pace.book(SENDER, wanted(600), NOW)
        assert pace.wait(SENDER, RowKey("TS#a", "TASK"), at(60))
        assert not pace.wait(SENDER, ROW, at(60))
        assert pace.next_waiting(SENDER, NOW) == ([ROW], at(57))


type Wants = Mapping[str, tuple[Cap, ...]]

FOUR_A_WEEK = (Cap(4, 7),)
ONE_A_DAY = (Cap(1, 1),)


class CapsContract:
    """What every Caps does."""

    def test_a_number_is_texted_so_often_and_no_more(self, table: Table) -> None:
        """R-02: across broadcasts."""
        caps = DynamoDbCaps(table)
        everybody = dict.fromkeys(POINTS, ONE_A_DAY)
        some = dict.fromkeys(POINTS[:2], ONE_A_DAY)
        assert caps.book(MERCHANT, some, "b1", NOW) == frozenset()
        assert caps.book(MERCHANT, everybody, "b2", NOW) == frozenset(POINTS[:2])
        assert caps.book("other", everybody, "b3", NOW) == frozenset()
        late = NOW + timedelta(days=1, minutes=2)
        assert caps.book(MERCHANT, everybody, "b4", late) == frozenset()

    def test_who_is_booked_for_a_broadcast_counts_once(self, table: Table) -> None:
        """R-02: a slice that is done again after a crash finds what it booked."""
        caps = DynamoDbCaps(table)
        one = {POINTS[0]: (Cap(2, 7),)}
        for _ in range(3):
            assert caps.book(MERCHANT, one, "b1", NOW) == frozenset()
        assert caps.book(MERCHANT, one, "b2", NOW) == frozenset()
        assert caps.book(MERCHANT, one, "b3", NOW) == frozenset(one)

    def test_a_booking_whose_answer_was_lost_counts_once(self, table: Table) -> None:
        """Reliability 13."""
        faulty, _ = refaulted(table, lambda name, n: "lost" if n == 2 else None)
        one = {POINTS[0]: (Cap(2, 7),)}
        assert DynamoDbCaps(faulty).book(MERCHANT, one, "b1", NOW) == frozenset()
        caps = DynamoDbCaps(table)
        assert caps.book(MERCHANT, one, "b2", NOW) == frozenset()
        assert caps.book(MERCHANT, one, "b3", NOW) == frozenset(one)

    def test_many_buckets_take_few_requests(self, table: Table) -> None:
        counting, faults = refaulted(table, lambda *_: None)
        many = {point(n): FOUR_A_WEEK for n in range(60)}
        assert DynamoDbCaps(counting).book(MERCHANT, many, "b1", NOW) == frozenset()
        assert faults.calls == ["batch_get_item"] + ["transact_write_items"] * 6

    def test_a_booking_in_between_is_seen(self, table: Table) -> None:
        """R-02: two broadcasts at once, in a bucket that is new, and in one that is there."""
        caps = DynamoDbCaps(table)
        for place, texts in ((0, 1), (1, 2)):
            one = {POINTS[place]: (Cap(texts, 1),)}
            for earlier in range(texts - 1):
                assert caps.book(MERCHANT, one, f"e{earlier}", NOW) == frozenset()

            def plan(operation: str, number: int, wanted: Wants = one) -> None:
                if operation == "put_item" and number == 2:
                    assert caps.book(MERCHANT, wanted, "b2", NOW) == frozenset()

            racing, _ = refaulted(table, plan)
            assert DynamoDbCaps(racing).book(MERCHANT, one, "b1", NOW) == frozenset(one)
