"""Hand a claimed slice over: one call where the sender takes many, otherwise text by text."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from concord.domain.chunks import Outcome, Slice
from concord.domain.errors import (
    CredentialsRejectedError,
    OptedOutAtCarrierError,
    OutcomeUnknownError,
    PermanentError,
    RetryableError,
    ThrottledError,
)
from concord.domain.metrics import Metric
from concord.domain.outbound import BulkHandedOver
from concord.domain.put_off import again_at
from concord.ports import BulkSender, Clock, Telemetry, TextSender
from concord.services.chunk_run import CALLS, Claimed, Ending, Run, decide, known_at
from concord.services.claim_slice import FRESH, ClaimSlice, again
from concord.services.skip_refused import SkipRefused, skipped

# After which number of equal refusals in a row it is not the numbers that are wrong.
_EQUAL_REFUSALS: Final = 10
_OF_THE_NUMBER: Final = "invalid_number"
_PAUSE: Final = 1.0


class HandOverSlice:
    """Makes the calls. What it returns is what is known then; it is the caller who stores it."""

    def __init__(
        self,
        *,
        claim: ClaimSlice,
        skip: SkipRefused,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._claim = claim
        self._skip = skip
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, run: Run, claimed: Claimed) -> tuple[Slice, Ending | None]:
        """Hand over whoever is pending, and return the slice with outcomes; with an ending if the
        pass should go no further. Whose answer was lost stays pending: she is looked up."""
        if not claimed.part.places(Outcome.PENDING):
            return claimed.part, None
        if run.carrier.bulk is not None:
            return self._bulk(run, claimed, run.carrier.bulk)
        if run.carrier.single is not None:
            return self._one_by_one(run, claimed, run.carrier.single)
        raise AssertionError("a carrier carries")

    # --- many in one call --------------------------------------------------------------------

    def _bulk(self, run: Run, claimed: Claimed, sender: BulkSender) -> tuple[Slice, Ending | None]:
        now = self._clock.now()
        if now - claimed.read_at > FRESH:
            claimed = self._claim.recheck(run, claimed, claimed.part.places(Outcome.PENDING))
            now = self._clock.now()
        part, places = claimed.part, claimed.part.places(Outcome.PENDING)
        if not places:
            return part, None
        if now > run.started + CALLS or now - claimed.read_at > FRESH:
            return again(part, places, now), None  # held up: too late for this worker
        to = tuple((at, claimed.records[run.point(part, at)].point) for at in places)
        run.pace.take(len(to))
        try:
            answer = sender.send_bulk(run.carrier.bulk_text(part, to))
        except OptedOutAtCarrierError as problem:
            run.pace.answered(self._seconds_since(now))
            refused = dict.fromkeys(places, problem.reason)
            return self._skip(run, part, claimed.records, refused), None
        except PermanentError as problem:
            # Nobody was texted, and nobody will be by the same call: a person has to look.
            until = again_at(run.chunk.key.chunk, self._clock.now())
            held = Ending("held", until, held=problem.reason)
            return again(part, places, until), held
        except _NOT_TAKEN as problem:
            return self._not_taken(run, part, places, problem)
        run.pace.answered(self._seconds_since(now))
        return self._sent_in_bulk(run, claimed, answer), None

    def _sent_in_bulk(self, run: Run, claimed: Claimed, answer: BulkHandedOver) -> Slice:
        """Note one message for all of a call, but for those whom the platform named."""
        part = claimed.part
        pending = part.places(Outcome.PENDING)
        sent = {
            at: replace(part.decided[at], outcome=Outcome.SENT)
            for at in pending
            if at not in answer.refused
        }
        noted = replace(decide(part, sent), message_id=answer.message_id)
        refused = {at: reason for at, reason in answer.refused.items() if at in pending}
        return self._skip(run, noted, claimed.records, refused)

    # --- text by text ------------------------------------------------------------------------

    def _one_by_one(
        self, run: Run, claimed: Claimed, sender: TextSender
    ) -> tuple[Slice, Ending | None]:
        ends = run.started + CALLS
        while places := claimed.part.places(Outcome.PENDING):
            ready = run.pace.await_slot(before=ends)
            if ready and self._clock.now() - claimed.read_at > FRESH:
                claimed = self._claim.recheck(run, claimed, places)
            part, place = claimed.part, places[0]
            if part.decided[place].outcome is not Outcome.PENDING:
                continue  # she opted out a moment ago, or her night began
            now, places = self._clock.now(), part.places(Outcome.PENDING)
            if not ready or now > ends or now - claimed.read_at > FRESH:
                return again(part, places, now), None
            part, ending = self._one(run, claimed, place, sender)
            claimed = replace(claimed, part=part)
            if ending is not None or part.places(Outcome.PENDING) != places[1:]:
                return part, ending  # the rest was put off
        return claimed.part, None

    def _one(
        self, run: Run, claimed: Claimed, place: int, sender: TextSender
    ) -> tuple[Slice, Ending | None]:
        """Hand one text over; the rest of the slice is put off if the sender cannot take it."""
        part, now = claimed.part, self._clock.now()
        record = claimed.records[run.point(part, place)]
        try:
            answer = sender.send(run.carrier.text(part, place, record.point, now))
        except OptedOutAtCarrierError as problem:
            run.pace.answered(self._seconds_since(now))
            return self._skip(run, part, claimed.records, {place: problem.reason}), None
        except PermanentError as problem:
            run.pace.answered(self._seconds_since(now))
            return self._refused(run, part, place, problem.reason)
        except _NOT_TAKEN as problem:
            return self._not_taken(run, part, part.places(Outcome.PENDING), problem)
        run.pace.answered(self._seconds_since(now))
        run.refusals = ("", 0)
        sent = replace(part.decided[place], outcome=Outcome.SENT, message_id=answer.message_id)
        return decide(part, {place: sent}), None

    def _refused(
        self, run: Run, part: Slice, place: int, reason: str
    ) -> tuple[Slice, Ending | None]:
        """Skip a number that is refused for good; many alike in a row say it is not the numbers."""
        word, count = run.refusals
        if reason != _OF_THE_NUMBER:
            run.refusals = (reason, count + 1 if word == reason else 1)
        part = decide(part, {place: skipped(part.decided[place], f"refused_{reason}")})
        if reason == _OF_THE_NUMBER or run.refusals[1] < _EQUAL_REFUSALS:
            return part, None
        now = self._clock.now()
        return again(part, part.places(Outcome.PENDING), now), Ending("held", now, held=reason)

    # --- what platforms may do to us ---------------------------------------------------------

    def _not_taken(
        self, run: Run, part: Slice, places: tuple[int, ...], problem: Exception
    ) -> tuple[Slice, Ending | None]:
        """Nothing was taken of those places, or nobody knows: then the first, or all, are looked up
        once the call has come to its end."""
        now = self._clock.now()
        until = again_at(run.chunk.key.chunk, now)
        if isinstance(problem, ThrottledError):
            run.pace.hold(timedelta(seconds=problem.retry_after or _PAUSE))
            return again(part, places, until), None
        if isinstance(problem, CredentialsRejectedError):
            return again(part, places, until), Ending("invalid_api_key", until, credentials=True)
        if run.pace.unanswered():
            self._telemetry.count(Metric.SENDER_DOWN)
        if isinstance(problem, OutcomeUnknownError):
            rest = () if run.carrier.bulk else places[1:]
            asked = replace(again(part, rest, until), asked_at=now)
            return asked, Ending("outcome_unknown", known_at(asked))
        return again(part, places, until), None

    def _seconds_since(self, began: datetime) -> float:
        return (self._clock.now() - began).total_seconds()


_NOT_TAKEN: Final = (RetryableError, CredentialsRejectedError, OutcomeUnknownError)
