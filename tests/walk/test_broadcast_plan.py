"""Planning: the frozen audience becomes chunks, whatever happens to the planner meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from concord.adapters.dynamodb.broadcasts import DynamoDbBroadcasts
from concord.adapters.dynamodb.groups import DynamoDbContributions
from concord.domain.broadcast import Broadcast, BroadcastState
from concord.domain.regroup import Shares, changes
from concord.services import plan_broadcast
from tests.world.campaign import Campaign, point_id
from tests.world.events import LambdaContext
from tests.world.faults import VISIBILITY, Killed, Wire, kill_at
from tests.world.shop import Shop
from tests.world.world import World

PEOPLE = sorted(point_id(n) for n in range(11))
EAST, WEST = PEOPLE[:7], PEOPLE[4:]


@pytest.fixture(name="campaign")
def _campaign(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Campaign:
    """Return a shop with two groups that overlap, and chunks of three."""
    monkeypatch.setattr(plan_broadcast, "CHUNK_SIZE", 3)
    campaign = Campaign(shop)
    campaign.joins("east", EAST, "US-NY")
    campaign.joins("west", WEST)
    return campaign


def _outcome(campaign: Campaign, broadcast: Broadcast) -> Any:
    """Return all that a plan leaves behind, but for the ids of the broadcast itself."""
    now = campaign.now(broadcast)
    tasks = [r for r in campaign.house.rows("TS#") if broadcast.broadcast_id in r["pk"]]
    return {
        "state": now.state,
        "audience": now.audience,
        "planned": now.planned,
        "open": now.open_chunks,
        "chunks": [(c.key.chunk, c.points, dict(c.regions)) for c in campaign.chunks(broadcast)],
        "tallies": [(t.key.chunk, t.size, t.first, t.last) for t in campaign.tallies(broadcast)],
        "tasks": sorted(row["payload"]["chunk"] for row in tasks),
    }


def test_the_audience_is_cut_into_chunks_in_order(campaign: Campaign) -> None:
    """TEA-08, TEA-10, R-09: everybody of both groups once, in order, for good."""
    broadcast = campaign.start("east", "west", "east")
    campaign.plans()
    chunks = [(f"00000{n + 1}", tuple(PEOPLE[3 * n : 3 * n + 3])) for n in range(4)]
    found = _outcome(campaign, broadcast)
    assert [(name, points) for name, points, _ in found["chunks"]] == chunks
    assert found["chunks"][0][2] == dict.fromkeys(range(3), "US-NY")
    assert found["tasks"] == [name for name, _ in chunks]
    assert (found["state"], found["audience"], found["planned"]) == ("sending", 11, True)
    assert found["open"] == 4


def test_what_was_fixed_is_kept(campaign: Campaign) -> None:
    """TEA-10: a snapshot id, the text with what the law adds, the pace of the sender."""
    before = campaign.house.clock.now()
    broadcast = campaign.start("east")
    campaign.plans()
    now = campaign.now(broadcast)
    frozen = now.frozen
    assert frozen is not None
    assert frozen.snapshot_id.startswith(broadcast.broadcast_id)
    assert before <= frozen.taken_at == now.started_at
    assert frozen.body == "Sale today!\nReply STOP to opt out"
    assert frozen.segments == 1
    assert (frozen.bulk, frozen.rate) == (True, 10.0)
    assert frozen.slice_size == 600, "a minute of the sender's time"


def test_an_empty_audience_ends_at_once(campaign: Campaign) -> None:
    """R-09: everybody left before the start: finished, with nobody in the report."""
    broadcast = campaign.start("nobody")
    campaign.plans()
    now = campaign.now(broadcast)
    assert (now.state, now.audience, dict(now.report)) == (BroadcastState.FINISHED, 0, {})
    assert now.finished_at is not None


def test_killed_at_any_request_and_delivered_again(campaign: Campaign) -> None:
    """Reliability 33, R-09: the same chunks under the same names; nobody twice, nobody missing."""
    house, wire = campaign.house, Wire(campaign.house)
    whole = campaign.start("east", "west")
    campaign.plans()
    expected = _outcome(campaign, whole)
    assert expected["audience"] == len(PEOPLE)

    for nth_call in (1, 2):  # the one that starts it, and the one that plans
        steps = _steps(campaign, wire, nth_call)
        assert len(steps) >= 4
        for side, number in [("before", 1), *(("after", k) for k in range(1, len(steps) + 1))]:
            broadcast = campaign.start("east", "west")
            row = _called(campaign, nth_call)
            house.cold()
            with wire.failing(**{side: kill_at(number)}), pytest.raises(Killed) as killed:
                house.run_task(row)
            house.clock.advance(VISIBILITY)
            house.cold()
            house.run_task(row, 2)
            campaign.plans()
            assert _outcome(campaign, broadcast) == expected, f"{side} {number}, {killed.value}"


def _steps(campaign: Campaign, wire: Wire, nth_call: int) -> list[str]:
    campaign.start("east", "west")
    row = _called(campaign, nth_call)
    campaign.house.cold()
    wire.calm()
    campaign.house.run_task(row)
    steps = wire.names
    wire.calm()
    campaign.plans()
    return steps


def _called(campaign: Campaign, nth_call: int) -> dict[str, str]:
    """Return the row of the n-th call of a planner for the only broadcast that is open."""
    for _ in range(nth_call - 1):
        (row,) = campaign.calls()
        campaign.house.run_task(row)
    (row,) = campaign.calls()
    return row


def test_a_planner_passes_on_what_it_has_no_time_for(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reliability 33: before its function's timeout, under a lease that it renews."""
    whole = campaign.start("east", "west")
    campaign.plans()
    broadcast = campaign.start("east", "west")
    row = _called(campaign, 2)
    _each_chunk_takes(monkeypatch, campaign, timedelta(seconds=25))
    campaign.house.run_task(row)
    assert len(campaign.chunks(broadcast)) == 2, "40 s are over with the second"
    assert campaign.calls() == [row]
    campaign.plans()
    assert _outcome(campaign, broadcast) == _outcome(campaign, whole)
    campaign.house.relay()
    called = [row["pk"] for row in campaign.queued("send")]
    assert len(called) == len(set(called)), "a chunk is called once, by the stream"


def _each_chunk_takes(monkeypatch: pytest.MonkeyPatch, campaign: Campaign, time: timedelta) -> None:
    _after_chunk(monkeypatch, lambda _: campaign.house.clock.advance(time))


def _after_chunk(
    monkeypatch: pytest.MonkeyPatch, then: Callable[[int], object], at: int = 0
) -> None:
    """Have something happen once a chunk stands: the n-th that is added, or every one."""
    real = DynamoDbBroadcasts.add_chunk
    added = [0]

    def add(self: DynamoDbBroadcasts, *args: Any) -> Any:
        stands = real(self, *args)
        added[0] += 1
        if at in (0, added[0]):
            then(added[0])
        return stands

    monkeypatch.setattr(DynamoDbBroadcasts, "add_chunk", add)


def test_who_lost_the_lease_plans_no_further(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-09: a planner that hung for minutes finds that another took over; nothing is planned
    twice, and it leaves the row alone."""
    broadcast = campaign.start("east", "west")
    row = _called(campaign, 2)
    house = campaign.house

    def hangs(_: int) -> None:
        house.clock.advance(timedelta(seconds=61))
        house.run_task(row, 2)

    _after_chunk(monkeypatch, hangs, at=1)
    house.run_task(row)
    campaign.plans()
    assert campaign.audience(broadcast) == PEOPLE
    assert campaign.now(broadcast).audience == len(PEOPLE)


# --- who comes and goes ------------------------------------------------------------------------


def test_who_joins_after_the_start_is_not_in(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TEA-10: not even where the planner has not been yet."""
    late = max(point_id(f"late {n}") for n in range(50))
    assert late > PEOPLE[2]

    def join(_: int) -> None:
        campaign.joins("east", [late], since=campaign.house.clock.now() + timedelta(seconds=1))

    _after_chunk(monkeypatch, join, at=1)
    broadcast = campaign.start("east", "west")
    campaign.plans()
    assert campaign.audience(broadcast) == PEOPLE
    again = campaign.start("east", "west")
    campaign.house.clock.advance(timedelta(seconds=5))
    campaign.plans()
    assert late in campaign.audience(again)


def test_who_moves_between_its_groups_while_it_is_planned_is_in(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TEA-10: she was there at the start, and is no later joiner for having moved; whoever only
    joins one group more is."""
    late, other = sorted(point_id(f"late {n}") for n in range(50))[-2:]
    shop, house = campaign.shop, campaign.house
    store = DynamoDbContributions(house.parts.table)
    names = (shop.merchant_id, shop.connection_id, "0a" * 16)

    def move(want: Shares, ago: timedelta) -> None:
        have, _ = store.load(*names)
        assert store.step(have, changes(have.shares, want), house.clock.now() - ago)

    before = {"east": {late: ""}, "elsewhere": {other: ""}}
    after = {"west": {late: "", other: ""}, "elsewhere": {other: ""}}
    move(before, timedelta(hours=1))
    _after_chunk(monkeypatch, lambda _: move(after, -timedelta(seconds=1)), at=1)
    broadcast = campaign.start("east", "west")
    campaign.plans()
    assert campaign.audience(broadcast) == [*PEOPLE, late]


def test_who_leaves_while_it_is_planned_shifts_nobody(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-09: the planner dies after two chunks, one of their people leaves: the chunks stand, and
    everybody behind them is in once."""
    _after_chunk(monkeypatch, _dies, at=2)
    broadcast = campaign.start("east", "west")
    row = _called(campaign, 2)
    with pytest.raises(Killed):
        campaign.house.run_task(row)
    campaign.leaves("east", [PEOPLE[1]])
    campaign.house.clock.advance(VISIBILITY)
    campaign.house.run_task(row, 2)
    assert campaign.audience(broadcast) == PEOPLE


def _dies(_: int) -> None:
    raise Killed


# --- paused, resumed, cancelled ----------------------------------------------------------------


def test_a_pause_stops_the_plan_and_a_resume_goes_on(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-09: no chunk after the pause; resumed, the rest comes, and the open chunks are called."""
    broadcast = campaign.start("east", "west")
    row = _called(campaign, 2)
    pause = lambda _: campaign.move(broadcast, BroadcastState.PAUSED)  # noqa: E731
    _after_chunk(monkeypatch, pause, at=2)
    campaign.house.run_task(row)
    assert len(campaign.chunks(broadcast)) == 2
    assert campaign.calls() == []
    campaign.house.relay()
    assert len(campaign.queued("send")) == 2

    campaign.move(broadcast, BroadcastState.PLANNING, wakes=True)
    campaign.plans()
    assert campaign.audience(broadcast) == PEOPLE
    assert campaign.now(broadcast).state is BroadcastState.SENDING
    # The two that waited since the pause, and by the relay the two that are new.
    assert sorted(m["pk"].rpartition(".")[2] for m in campaign.queued("send")) == [
        "000001",
        "000002",
        "000003",
        "000004",
    ]


def test_a_resumed_broadcast_calls_its_open_chunks(campaign: Campaign) -> None:
    """R-09: planned already: they waited since the pause."""
    broadcast = campaign.start("east", "west")
    campaign.plans()
    campaign.move(broadcast, BroadcastState.PAUSED)
    campaign.queued("send")
    campaign.move(broadcast, BroadcastState.SENDING, wakes=True)
    campaign.plans()
    assert len(campaign.queued("send")) == 4
    assert campaign.now(broadcast).state is BroadcastState.SENDING


def test_a_cancelled_plan_has_the_audience_that_it_had(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-09: who was planned by then is the audience that the report has to add up to."""
    broadcast = campaign.start("east", "west")
    row = _called(campaign, 2)
    cancel = lambda _: campaign.move(broadcast, BroadcastState.CANCELLED, wakes=True)  # noqa: E731
    _after_chunk(monkeypatch, cancel, at=2)
    campaign.house.run_task(row)
    campaign.plans()
    now = campaign.now(broadcast)
    assert (now.state, now.audience, now.planned) == (BroadcastState.CANCELLED, 6, True)
    assert campaign.audience(broadcast) == PEOPLE[:6]


# --- scheduled ---------------------------------------------------------------------------------


def test_a_scheduled_start_is_punctual(campaign: Campaign) -> None:
    """R-09: nothing runs before its moment; the last sweep before it queues it with what is left,
    and what counts is the membership of then (TEA-10)."""
    house = campaign.house
    start = house.clock.now() + timedelta(hours=3)
    broadcast = campaign.draft("east")
    campaign.move(broadcast, BroadcastState.SCHEDULED, wakes=True, send_at=start)
    house.pump()
    assert campaign.now(broadcast).state is BroadcastState.SCHEDULED
    campaign.leaves("east", [PEOPLE[0]])

    house.clock.advance(timedelta(hours=2, minutes=56))
    house.sweep()
    assert _delays(campaign) == [pytest.approx(240, abs=3)]
    assert campaign.now(broadcast).state is BroadcastState.SCHEDULED
    house.clock.advance(timedelta(minutes=4))
    (row,) = campaign.calls()
    house.run_task(row)
    campaign.plans()
    now = campaign.now(broadcast)
    assert now.started_at is not None
    assert timedelta(0) <= now.started_at - start < timedelta(seconds=5)
    assert campaign.audience(broadcast) == EAST[1:]


def _delays(campaign: Campaign) -> list[float]:
    """Return in how many seconds each message of the plan queue is to be delivered."""
    from moto.core.utils import unix_time_millis
    from moto.sqs.models import sqs_backends

    from tests.world.world import ACCOUNT

    queue = sqs_backends[ACCOUNT]["us-east-1"].queues["plan"]
    return [(m.delayed_until - unix_time_millis()) / 1000 for m in queue._messages]


@pytest.mark.parametrize("state", ["paused", "disconnected"])
def test_a_start_needs_its_connection(campaign: Campaign, state: str) -> None:
    """TEA-01: paused, it waits; disconnected, it is cancelled and texts nobody."""
    broadcast = campaign.start("east")
    campaign.shop.move(state)
    (row,) = campaign.calls()
    campaign.house.run_task(row)
    now = campaign.now(broadcast)
    if state == "paused":
        assert (now.state, now.frozen) == (BroadcastState.PLANNING, None)
        assert campaign.calls() == [row]
    else:
        assert (now.state, now.audience) == (BroadcastState.CANCELLED, 0)
        assert now.held == "connection_disconnected"
        assert campaign.calls() == []
    assert campaign.chunks(broadcast) == []


# --- recorded messages -------------------------------------------------------------------------

EVENTS = Path(__file__).resolve().parents[2] / "events" / "broadcasts"


def _recorded(name: str, row: dict[str, str] | None = None) -> dict[str, Any]:
    """Return a recorded message of the plan queue, about another row if one is given."""
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    if row:
        event["Records"][0]["body"] = json.dumps(row)
    return event


@pytest.mark.parametrize("name", ["plan", "plan__redelivered", "preview"])
def test_a_message_about_a_row_that_is_gone_may_go(house: World, name: str) -> None:
    """R-09: somebody else did the work; events/broadcasts are what the queue really sends."""
    from functions.broadcasts.plan import lambda_handler

    assert lambda_handler(_recorded(name), LambdaContext()) == {"batchItemFailures": []}


def test_a_message_that_is_none_comes_back(house: World) -> None:
    """Reliability 15: it ends among the dead letters, where somebody sees it."""
    from functions.broadcasts.plan import lambda_handler

    answer = lambda_handler(_recorded("plan__malformed"), LambdaContext())
    assert len(answer["batchItemFailures"]) == 1


def test_a_recorded_message_plans(campaign: Campaign) -> None:
    """R-09: the first call starts it, the second cuts its audience into chunks."""
    from functions.broadcasts.plan import lambda_handler

    broadcast = campaign.start("east", "west")
    for nth_call in (1, 2):
        [row] = campaign.calls()
        answer = lambda_handler(_recorded("plan", row), LambdaContext())
        assert answer == {"batchItemFailures": []}, nth_call
    assert campaign.audience(broadcast) == PEOPLE
