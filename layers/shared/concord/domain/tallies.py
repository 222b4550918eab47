"""What became of recipients, counted: of a slice, of a chunk, of a whole broadcast (R-09)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from concord.domain.chunks import Decided, Outcome, Slice, Tally
from concord.domain.pacing import last_start
from concord.domain.put_off import waits_until

CANCELLED: Final = "cancelled"
_FINAL: Final = (Outcome.SENT.value, Outcome.UNCERTAIN.value, f"{Outcome.SKIPPED.value}:")


def count_key(decided: Decided) -> str:
    """Return under which name a recipient is counted: `sent`, `skipped:<reason>`, `uncertain`,
    `deferred`, `again`, or `pending` while her slice is in doubt."""
    if decided.outcome is Outcome.SKIPPED:
        return f"{decided.outcome}:{decided.reason}"
    return decided.outcome.value


def tally_of(tally: Tally, slices: Iterable[Slice]) -> Tally:
    """Return a chunk's tally as its slices have it; nothing that was counted before is added to."""
    counts = Counter(count_key(each) for part in slices for each in part.decided)
    return replace(tally, counts=dict(counts))


def is_whole(tally: Tally) -> bool:
    """Whether everybody in the chunk has an outcome, or is in another chunk now."""
    pending = tally.counts.get(Outcome.PENDING, 0)
    return not pending and sum(tally.counts.values()) == tally.size


def report_of(tallies: Iterable[Tally]) -> Mapping[str, int]:
    """Return what became of a broadcast's audience: `sent`, `skipped:<reason>` and `uncertain`.

    Who was put off is counted where she is now. When all chunks are done, the sum is the audience.
    """
    total: Counter[str] = Counter()
    for tally in tallies:
        total.update({k: n for k, n in tally.counts.items() if k.startswith(_FINAL) and n})
    return dict(sorted(total.items()))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a broadcast is at the moment `at`: what is known of its recipients, as its report
    counts them, and how many wait for a legal hour, by that hour."""

    at: datetime
    report: Mapping[str, int]
    later: Mapping[datetime, int]

    def finish_at(self, waiting: int, rate: float) -> datetime | None:
        """Return when the last of all who are `waiting` would be texted; None = nobody waits."""
        if not waiting:
            return None
        soon = max(0, waiting - sum(self.later.values()))
        return last_start(self.at, soon, self.later.items(), rate)


def progress_of(tallies: Iterable[Tally], at: datetime) -> Progress:
    """Return how far a broadcast is."""
    every = list(tallies)
    later: Counter[datetime] = Counter()
    for tally in every:
        until = waits_until(tally.key.chunk)
        if until is not None and until > at and not tally.done:
            later[until] += tally.size - sum(tally.counts.values())
    return Progress(at, report_of(every), dict(sorted(later.items())))
