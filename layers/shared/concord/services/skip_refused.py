"""Skip whom a platform refuses; what it calls opted out may be news to us (ADR 16)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from concord.domain.chunks import Decided, Outcome, Slice, slice_reference
from concord.domain.consent_record import ConsentRecord
from concord.domain.errors import OptedOutAtCarrierError, StorageUnavailableError
from concord.domain.put_off import again_at
from concord.ports import Clock
from concord.services.chunk_run import Run, decide
from concord.services.judge_refusal import JudgeRefusal

_OPTED_OUT: Final = OptedOutAtCarrierError().reason
_REFUSED: Final = "refused_"


class SkipRefused:
    """Turns a platform's refusals into outcomes."""

    def __init__(self, judge: JudgeRefusal, clock: Clock) -> None:
        self._judge = judge
        self._clock = clock

    def __call__(
        self,
        run: Run,
        part: Slice,
        records: Mapping[str, ConsentRecord],
        refused: Mapping[int, str],
    ) -> Slice:
        """Return the slice with those places skipped, each with its reason; `opted_out_at_carrier`
        is applied here too, or tried again where it may be our own word."""
        decisions: dict[int, Decided] = {}
        for place, reason in refused.items():
            was = part.decided[place]
            if reason != _OPTED_OUT:
                decisions[place] = skipped(was, f"{_REFUSED}{reason}")
                continue
            record = records[run.point(part, place)]
            if self._known(run, record, slice_reference(part.key, part.number, place)):
                decisions[place] = skipped(was, reason)
            else:
                until = again_at(run.chunk.key.chunk, self._clock.now())
                decisions[place] = replace(was, outcome=Outcome.AGAIN, until=until)
        return decide(part, decisions)

    def _known(self, run: Run, record: ConsentRecord, reference: str) -> bool:
        """Whether she is skipped for good. What cannot be stored now is heard once more: what
        became of the others is not to be forgotten over it."""
        try:
            return self._judge(run, record, reference)
        except StorageUnavailableError:
            return False


def skipped(was: Decided, reason: str) -> Decided:
    """Return a recipient who is not texted after all."""
    return replace(was, outcome=Outcome.SKIPPED, reason=reason)
