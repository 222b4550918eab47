"""Claim a slice: look once more, decide for each recipient, and write that before anything else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from concord.domain.broadcast import BroadcastState
from concord.domain.chunks import Outcome, Slice, SliceState
from concord.domain.connection import ConnectionState
from concord.domain.consent_record import ConsentRecord
from concord.domain.decide_recipient import Recipient, decide_recipient, decide_slice
from concord.domain.errors import StorageUnavailableError
from concord.domain.put_off import put_off
from concord.domain.tasks import LONGEST_WAIT
from concord.ports import Clock, Connections
from concord.ports.broadcasts import Caps, Chunks, HandOverFacts, HandOverReads, SafetyDepth
from concord.services.chunk_run import PAUSED, TAKEN, Claimed, Ending, Run, decide

# No text starts upon a consent that was read longer ago (reliability 31).
FRESH: Final = timedelta(seconds=1)
_LOOK_AGAIN: Final = timedelta(seconds=2)
_HOLD: Final = timedelta(seconds=60)
_SAFETY_WAIT: Final = timedelta(seconds=10)


class ClaimSlice:
    """Nothing is handed over that was not claimed, and a slice is claimed once (R-09, R-10)."""

    def __init__(
        self,
        *,
        reads: HandOverReads,
        connections: Connections,
        chunks: Chunks,
        caps: Caps,
        safety: SafetyDepth,
        clock: Clock,
    ) -> None:
        self._reads = reads
        self._connections = connections
        self._chunks = chunks
        self._caps = caps
        self._safety = safety
        self._clock = clock

    def __call__(self, run: Run, number: int) -> Claimed | Ending:
        """Claim slice `number`, with every decision (L-02), or say why not."""
        if not self._connected(run):
            return held(run.connection.state, self._clock.now())
        if self._safety.holds():
            return Ending("safety_queue", self._clock.now() + _SAFETY_WAIT)
        points = run.points(number)
        read_at = self._clock.now()
        facts = self._reads.facts(
            run.chunk.key, run.carrier.account, [run.consent_key(p) for p in points], read_at
        )
        run.broadcast = facts.broadcast or run.broadcast
        if not run.broadcast.runs:
            return stopped(run.broadcast.state, read_at)
        if facts.sender_down and not run.pace.probing:
            return Ending("sender_down", read_at + _LOOK_AGAIN)
        records = dict(facts.records)
        part = self._decided(run, number, records, read_at)
        unwritten = run.unwritten
        children = put_off(run.chunk, unwritten) if unwritten else ()
        if not self._chunks.advance(unwritten, part, children, read_at):
            return Ending(TAKEN, read_at + LONGEST_WAIT)
        run.unwritten = None
        run.slices[number] = part
        run.claimed += 1
        return Claimed(part, records, read_at)

    def recheck(self, run: Run, claimed: Claimed, places: Iterable[int]) -> Claimed:
        """Look and decide again for those places, whose consent was read too long ago. If nobody
        may be texted any more just now, or nobody can look, all of them are put off."""
        part, read_at = claimed.part, self._clock.now()
        points = {place: run.point(part, place) for place in places}
        facts = self._facts_again(run, points.values(), read_at)
        if facts is None:
            return replace(claimed, part=again(part, points, read_at))
        decisions = {
            place: decide_recipient(
                facts.records.get(point),
                region=run.chunk.regions.get(part.first + place, ""),
                at=read_at,
                lasts=run.frozen.lasts(len(points)),
                law=run.law,
                has_room=True,
            )
            for place, point in points.items()
        }
        return Claimed(decide(part, decisions), claimed.records | dict(facts.records), read_at)

    def _facts_again(self, run: Run, points: Iterable[str], at: datetime) -> HandOverFacts | None:
        """Return what is true now; None = nobody may be texted, or it cannot be known: what was
        handed over of the slice is not to be forgotten over that."""
        keys = [run.consent_key(point) for point in points]
        try:
            connected = self._connected(run)
            facts = self._reads.facts(run.chunk.key, run.carrier.account, keys, at)
        except StorageUnavailableError:
            return None
        run.broadcast = facts.broadcast or run.broadcast
        may_text = connected and run.broadcast.runs and not self._safety.holds()
        return facts if may_text else None

    def _connected(self, run: Run) -> bool:
        """Whether the connection lets texts out; what is known of it is five seconds old at most,
        however long the pass is."""
        run.connection = self._connections.get(run.chunk.key.connection_id) or run.connection
        return run.connection.state is ConnectionState.CONNECTED

    def _decided(
        self, run: Run, number: int, records: dict[str, ConsentRecord], at: datetime
    ) -> Slice:
        """Return the slice with a decision for each recipient, caps booked for who is texted."""
        first, key = number * run.frozen.slice_size, run.chunk.key
        # Who was booked by this broadcast before, on a try that came to nothing, still is.
        decided = decide_slice(
            [
                Recipient(point, run.chunk.regions.get(place, ""), records.get(point))
                for place, point in enumerate(run.points(number), first)
            ],
            at=at,
            lasts=run.frozen.lasts(len(run.points(number))),
            law=run.law,
            full=lambda wanted: self._caps.book(key.merchant_id, wanted, key.broadcast_id, at),
        )
        waits = any(each.outcome in (Outcome.PENDING, Outcome.DEFERRED) for each in decided)
        return Slice(
            key=key,
            number=number,
            first=first,
            state=SliceState.CLAIMED if waits else SliceState.DONE,
            claimed_at=at,
            decided=tuple(decided),
            owner=run.task.lease_owner,
            via=run.carrier.account.account,
        )


def stopped(state: BroadcastState, now: datetime) -> Ending:
    """Return the end of a pass over a broadcast that does not run: the rest is skipped for good, or
    waits until it is resumed."""
    if state is BroadcastState.CANCELLED:
        return Ending("cancelled")
    return Ending(PAUSED, now + LONGEST_WAIT)


def held(state: ConnectionState, now: datetime) -> Ending:
    """Return the end of a pass whose connection lets no text out: the rest is skipped for good, or
    waits until it is connected."""
    if state is ConnectionState.DISCONNECTED:
        return Ending("gone")
    return Ending(f"connection_{state.value}", now + _HOLD)


def again(part: Slice, places: Iterable[int], until: datetime) -> Slice:
    """Return a slice with those places to be tried again: nothing was taken of them."""
    return decide(
        part,
        {
            place: replace(part.decided[place], outcome=Outcome.AGAIN, until=until)
            for place in places
        },
    )
