"""Hand a chunk of a broadcast over, slice by slice, at most once per number (walk 3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from concord.domain.broadcast import Broadcast, BroadcastState
from concord.domain.chunks import Slice, SliceState, Tally, chunk_of
from concord.domain.connection import Connection, ConnectionState
from concord.domain.errors import NotFoundError, PermanentError, StorageUnavailableError
from concord.domain.pacing import HORIZON, NoTurn, SenderAccount, Turn, sender_account
from concord.domain.put_off import PutOff, put_off
from concord.domain.tallies import CANCELLED
from concord.domain.tasks import LEASE, Task, TaskState
from concord.ports import Clock, Connections, Tasks
from concord.ports.broadcasts import Chunks, ChunkStart, HandOverReads, Sleeper
from concord.services.chunk_run import (
    TAKEN,
    WORKS,
    WORKS_BOOKED,
    Ending,
    Run,
    finished,
    is_settled,
    known_at,
)
from concord.services.claim_slice import ClaimSlice
from concord.services.close_chunk import CloseChunk
from concord.services.give_back_chunk import GiveBackChunk
from concord.services.hand_over_slice import HandOverSlice
from concord.services.resolve_slice import ResolveSlice
from concord.services.start_run import StartRun

# The table is given that much time once more before what became of a slice is forgotten.
_ONCE_MORE: Final = (timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=4))
# A write takes some seconds at worst, and the function has 60.
_LAST_WRITE: Final = LEASE - timedelta(seconds=5)


class SendChunk:
    """The worker of `send_chunk` rows.

    A pass takes about 30 s and then goes back to the queue. Of what it knows, nothing but the
    outcome of one slice is in memory alone: until the next claim, five seconds at most.
    """

    def __init__(
        self,
        *,
        tasks: Tasks,
        connections: Connections,
        reads: HandOverReads,
        chunks: Chunks,
        sleeper: Sleeper,
        start: StartRun,
        claim: ClaimSlice,
        hand_over: HandOverSlice,
        resolve: ResolveSlice,
        close: CloseChunk,
        give_back: GiveBackChunk,
        clock: Clock,
    ) -> None:
        self._tasks = tasks
        self._connections = connections
        self._reads = reads
        self._chunks = chunks
        self._sleeper = sleeper
        self._start = start
        self._claim = claim
        self._hand_over = hand_over
        self._resolve = resolve
        self._close = close
        self._give_back = give_back
        self._clock = clock

    def __call__(self, task: Task) -> None:
        """Work on the chunk for a while. Raises RetryableError and CredentialsRejectedError of a
        look-up (put off), NotFoundError (parked) if what the row names is not there."""
        began, key = self._clock.now(), chunk_of(task)
        connection = self._connections.get(key.connection_id)
        # The tally before the slices: what is settled after it is seen by who writes the next one.
        start = self._reads.start(key)
        if connection is None or start.broadcast is None:
            raise NotFoundError("the chunk's connection or broadcast is not there")
        run = self._opened(task, connection, start, start.broadcast, began)
        if run is None:
            return
        try:
            self._end(run, self._work(run))
        except StorageUnavailableError:
            self._write(run)  # a claim that failed is no reason to forget the slice before it
            raise

    # --- may it go on at all? ----------------------------------------------------------------

    def _opened(
        self,
        task: Task,
        connection: Connection,
        start: ChunkStart,
        broadcast: Broadcast,
        began: datetime,
    ) -> Run | None:
        """Return the pass; None = there is none, and the row was dealt with."""
        if connection.state is not ConnectionState.CONNECTED:
            # One that was held a moment ago may be over by now, and then nobody else ends this.
            connection = self._connections.get(task.connection_id, fresh=True) or connection
        gone = self._gone(connection, broadcast)
        if gone and self._settled_for_good(task, connection, start.tally, gone):
            return None
        if not gone and self._give_back.waits(task, connection, broadcast):
            return None
        try:
            return self._start(task, connection, start, began)
        except PermanentError as problem:
            if gone:
                self._given_up(task, connection, start, gone)
            else:
                self._give_back.held(task, connection, broadcast, problem.reason)
            return None

    def _gone(self, connection: Connection, broadcast: Broadcast) -> str:
        """Return why nobody will be texted any more, if that is so."""
        if broadcast.state is BroadcastState.CANCELLED:
            return CANCELLED
        if connection.state is ConnectionState.DISCONNECTED:
            return "connection_disconnected"
        return ""

    def _settled_for_good(
        self, task: Task, connection: Connection, tally: Tally | None, reason: str
    ) -> bool:
        """Close a chunk that nobody works on any more, unless a slice of it is in doubt."""
        slices = list(self._chunks.slices(chunk_of(task)))
        if tally is None or not all(part.state is SliceState.DONE for part in slices):
            return False
        self._closed(task, tally, slices, sender_account(connection), reason)
        return True

    def _given_up(self, task: Task, connection: Connection, start: ChunkStart, reason: str) -> None:
        """Close a chunk with slices in doubt that nobody can be asked about any more (R-10)."""
        if start.chunk is None or start.tally is None:
            raise NotFoundError("the chunk is not there")
        for part in self._chunks.slices(start.tally.key):
            if part.state is SliceState.DONE:
                continue
            known = finished(self._resolve.uncertain(part))
            children = put_off(start.chunk, known)
            if not self._chunks.advance(known, None, children, self._clock.now()):
                self._give_back.taken(task)
                return
        self._settled_for_good(task, connection, start.tally, reason)

    # --- the pass ----------------------------------------------------------------------------

    def _work(self, run: Run) -> Ending:
        """Settle what earlier workers left behind, then slice after slice."""
        if run.tally.done:
            return Ending("done")
        if ending := self._settle_old(run):
            return ending
        if self._gone(run.connection, run.broadcast):
            return Ending("gone")
        while (number := run.next_number()) is not None:
            ending = self._slice(run, number)
            if ending is not None:
                return ending
            self._show(run)
        doubtful = [part for part in run.slices.values() if not is_settled(part)]
        return self._soonest(doubtful) if doubtful else Ending("done")

    def _show(self, run: Run) -> None:
        """Count what is done so far, at doubling intervals: progress is read from tallies."""
        now = self._clock.now()
        if now - run.started >= run.shown_after:
            run.shown_after = 2 * (now - run.started)
            self._close.count(run.tally, list(run.slices.values()))

    def _settle_old(self, run: Run) -> Ending | None:
        """Find out what became of slices that were claimed and never done. None = all is known."""
        wait: Ending | None = None
        for part in [p for p in run.slices.values() if p.state is SliceState.CLAIMED]:
            found = self._resolve(run, part)
            if isinstance(found, Ending):
                wait = wait or found
            elif not self._keep(run, part, found) or not self._write(run):
                return Ending(TAKEN, self._clock.now())
            elif not is_settled(found):
                return Ending("passed_on", self._clock.now())
        return wait

    def _slice(self, run: Run, number: int) -> Ending | None:
        """Claim one slice and hand it over; an ending if the pass can go no further."""
        now, texts = self._clock.now(), len(run.points(number))
        late = now - run.started >= WORKS
        if late and (now - run.started >= WORKS_BOOKED or not run.pace.has(texts)):
            return Ending("passed_on", now)
        if ending := self._await_turn(run, texts):
            return ending
        claimed = self._claim(run, number)
        if isinstance(claimed, Ending):
            return claimed
        part, ending = self._hand_over(run, claimed)
        if part.state is SliceState.CLAIMED and not self._keep(run, claimed.part, part):
            return Ending(TAKEN, self._clock.now())
        return ending

    def _await_turn(self, run: Run, texts: int) -> Ending | None:
        """Wait until the sender has time for a slice; an ending if that is too far away."""
        newcomer = not run.slices
        turn = run.pace.turn(texts if run.frozen.bulk else 1, run.left(), newcomer=newcomer)
        now = self._clock.now()
        if isinstance(turn, NoTurn):
            clock = turn.clock if newcomer else None
            return Ending(turn.turn.value, turn.at, clock)
        wait = turn - now
        if wait > HORIZON:
            return Ending(Turn.LATER.value, turn)
        if wait > timedelta(0):
            self._sleeper.sleep(wait)
        return None

    # --- what is stored of a slice -----------------------------------------------------------

    def _keep(self, run: Run, stored: Slice, part: Slice) -> bool:
        """Keep what became of a slice: with the next claim, or at once if somebody is put off or in
        doubt. Whom a chunk is made of has to stand in the table before the chunk does."""
        run.slices[part.number] = part
        settled = is_settled(part)
        changed = not settled or put_off(run.chunk, stored) != put_off(run.chunk, part)
        if changed and not self._store(run, part, ()):
            return False
        if settled:
            run.unwritten = run.slices[part.number] = finished(part)
        return True

    def _write(self, run: Run) -> bool:
        """Store the outcome that is still in memory alone."""
        part, run.unwritten = run.unwritten, None
        return part is None or self._store(run, part, put_off(run.chunk, part))

    def _store(self, run: Run, part: Slice, children: Sequence[PutOff]) -> bool:
        """Store what became of a slice, also if the table is away for some seconds: nobody else
        knows it, and not every sender can be asked."""
        for wait in _ONCE_MORE:
            try:
                return self._chunks.advance(part, None, children, self._clock.now())
            except StorageUnavailableError:
                if self._clock.now() + wait > run.started + _LAST_WRITE:
                    raise
            self._sleeper.sleep(wait)
        return self._chunks.advance(part, None, children, self._clock.now())

    # --- the end of a pass -------------------------------------------------------------------

    def _end(self, run: Run, ending: Ending) -> None:
        """Close the chunk, or give it back with how far it is."""
        slices = list(run.slices.values())
        if not self._write(run) or ending.reason == TAKEN:
            self._give_back.taken(run.task)
            return
        gone = self._gone(run.connection, run.broadcast)
        settled = all(part.state is SliceState.DONE for part in run.slices.values())
        if settled and (ending.at is None or gone):
            self._closed(run.task, run.tally, slices, run.carrier.account, gone)
            return
        if run.claimed:
            self._close.count(run.tally, slices)
        self._give_back(run, ending)

    def _closed(
        self,
        task: Task,
        tally: Tally,
        slices: list[Slice],
        account: SenderAccount,
        skipped: str,
    ) -> None:
        """Close the chunk, and its row with it, unless another worker goes on with it."""
        if self._close(tally.key, tally, slices, account, skipped):
            self._tasks.mark(task, TaskState.DONE, self._clock.now())
        else:
            self._give_back.taken(task)

    def _soonest(self, doubtful: list[Slice]) -> Ending:
        return Ending("outcome_unknown", min(map(known_at, doubtful)))
