"""Find out what became of a slice whose worker died, or whose answer was lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from concord.domain.chunks import Outcome, Slice
from concord.domain.connection import ConnectionState
from concord.domain.consent_record import ConsentRecord
from concord.domain.errors import CredentialsRejectedError, PermanentError, RetryableError
from concord.domain.metrics import Metric
from concord.ports import BulkSender, Clock, Receipts, Telemetry
from concord.ports.broadcasts import HandOverReads
from concord.services.chunk_run import WORKS, Ending, Run, decide, known_at
from concord.services.skip_refused import SkipRefused


class ResolveSlice:
    """Looks up by reference, never hands over: who is not there is put off, to go through all
    checks again; of whom nobody can know, the text is uncertain (R-10). Whom a receipt is about was
    texted, whatever a look-up says."""

    def __init__(
        self,
        *,
        reads: HandOverReads,
        receipts: Receipts,
        skip: SkipRefused,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._reads = reads
        self._receipts = receipts
        self._skip = skip
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, run: Run, part: Slice) -> Slice | Ending:
        """Return the slice with everybody settled, or with as many as there was time to look up; or
        when to look, if it is too early. Raises what a look-up may (RetryableError;
        CredentialsRejectedError while somebody may renew them)."""
        if not part.places(Outcome.PENDING):
            return part
        now = self._clock.now()
        if now < known_at(part):
            return Ending("outcome_unknown", known_at(part))
        part, told = self._told(part)
        pending = part.places(Outcome.PENDING)
        if not pending:
            return part
        points = {place: run.point(part, place) for place in pending}
        keys = [run.consent_key(point) for point in points.values()]
        facts = self._reads.facts(run.chunk.key, run.carrier.account, keys, now)
        records = {at: r for at, point in points.items() if (r := facts.records.get(point))}
        if part.via != run.carrier.account.account:
            return self.uncertain(part)  # nobody is left to be asked
        try:
            if run.carrier.bulk is not None:
                return self._call(run, part, records, run.carrier.bulk, told=told)
            found = self._texts(run, part, records)
        except PermanentError:
            return self.uncertain(part)
        except CredentialsRejectedError:
            if run.connection.state is not ConnectionState.DISCONNECTED:
                raise
            return self.uncertain(part)  # nobody will ever renew them
        if found.keys() < records.keys():
            return self._found(part, found)  # the next pass goes on from here
        return self._settled(part, found)

    def _told(self, part: Slice) -> tuple[Slice, bool]:
        """Return the slice with whom a receipt is about as sent, and whether there is any: before
        a slice is done, receipts leave it alone."""
        receipts = self._receipts.get(part.key, part.number)
        told = receipts.told if receipts else {}
        sent = {
            at: replace(part.decided[at], outcome=Outcome.SENT)
            for at in part.places(Outcome.PENDING)
            if at in told
        }
        return decide(part, sent), bool(told)

    def _call(
        self,
        run: Run,
        part: Slice,
        records: Mapping[int, ConsentRecord],
        sender: BulkSender,
        *,
        told: bool,
    ) -> Slice:
        """Look the one call of a slice up. A receipt of anybody says that it was taken."""
        to = tuple((at, record.point) for at, record in records.items())
        call = sender.find_bulk(run.carrier.bulk_text(part, to))
        if call is None and told:
            return self.uncertain(part)
        if call is None:
            return self._settled(part, dict.fromkeys(records))
        refused = {at: reason for at, reason in call.refused.items() if at in records}
        by_point = {run.point(part, at): record for at, record in records.items()}
        part = self._skip(run, replace(part, message_id=call.message_id), by_point, refused)
        return self._settled(part, {at: "" for at in records if at not in refused})

    def _texts(
        self, run: Run, part: Slice, records: Mapping[int, ConsentRecord]
    ) -> Mapping[int, str | None]:
        """Look up each text of a slice, while there is time for a pass to work and the sender lets
        us: its message, None = it never arrived."""
        assert run.carrier.single is not None
        found: dict[int, str | None] = {}
        for at, record in records.items():
            if found and self._clock.now() > run.started + WORKS:
                break
            text = run.carrier.text(part, at, record.point, part.claimed_at)
            try:
                answer = run.carrier.single.find(text)
            except RetryableError:
                if not found:
                    raise
                break
            found[at] = answer.message_id if answer else None
        return found

    def _settled(self, part: Slice, found: Mapping[int, str | None]) -> Slice:
        """Return the slice with what was found out; of anybody else nobody can know."""
        return self.uncertain(self._found(part, found))

    def _found(self, part: Slice, found: Mapping[int, str | None]) -> Slice:
        now = self._clock.now()
        decisions = {}
        for at, message_id in found.items():
            outcome = Outcome.AGAIN if message_id is None else Outcome.SENT
            until = now if message_id is None else None
            decisions[at] = replace(
                part.decided[at], outcome=outcome, until=until, message_id=message_id or ""
            )
        return decide(part, decisions)

    def uncertain(self, part: Slice) -> Slice:
        """Return the slice with everybody uncertain whose outcome is not known."""
        places = part.places(Outcome.PENDING)
        if places:
            self._telemetry.count(Metric.SEND_UNCERTAIN, len(places))
        return decide(
            part,
            {at: replace(part.decided[at], outcome=Outcome.UNCERTAIN) for at in places},
        )
