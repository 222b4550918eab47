"""What a broadcast would come to: decided recipient by recipient, as a send does (R-11, L-04)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from concord.domain.broadcast import Frozen
from concord.domain.chunks import Decided, Outcome
from concord.domain.connection import SegmentPrice
from concord.domain.pacing import last_start
from concord.domain.segments import Character, count_segments
from concord.domain.times import from_rfc3339, to_rfc3339


@dataclass(slots=True)
class Reckoning:
    """Recipients so far: `now` may be texted at once, `waiting` from a moment (RFC 3339) on, by
    that moment and her possible local times then; `excluded` by reason. All of them are
    `recipients`."""

    now: int = 0
    waiting: Counter[tuple[str, str]] = field(default_factory=Counter)
    excluded: Counter[str] = field(default_factory=Counter)

    @property
    def recipients(self) -> int:
        """Return everybody who was looked at."""
        return self.texts + self.excluded.total()

    @property
    def texts(self) -> int:
        """Return who would be texted, at once or later."""
        return self.now + self.waiting.total()

    def add(self, decided: Iterable[Decided]) -> None:
        """Count what was decided for some recipients."""
        for each in decided:
            if each.outcome is Outcome.PENDING:
                self.now += 1
            elif each.until is not None:
                self.waiting[to_rfc3339(each.until), _local_start(each.until, each.local)] += 1
            else:
                self.excluded[each.reason] += 1

    def finish_at(self, start: datetime, rate: float) -> datetime:
        """Return when the last text starts, at `rate` a second."""
        later = ((from_rfc3339(until), count) for (until, _), count in self.waiting.items())
        return last_start(start, self.now, later, rate)

    def to_json(self) -> dict[str, Any]:
        """Return it as something that JSON can hold."""
        waiting = [[*place, count] for place, count in sorted(self.waiting.items())]
        return {
            "now": self.now,
            "waiting": waiting,
            "excluded": dict(sorted(self.excluded.items())),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Reckoning:
        """Return what `to_json` returned."""
        waiting = Counter({(until, local): n for until, local, n in stored["waiting"]})
        return cls(stored["now"], waiting, Counter(stored["excluded"]))


def preview_of(
    reckoning: Reckoning, frozen: Frozen, start: datetime, price: SegmentPrice | None
) -> dict[str, Any]:
    """Return the preview of a broadcast that starts at `start`, as the API answers it.

    `cost` is null where nobody said what a segment costs, `second_segment` where there is none.
    """
    segments = count_segments(frozen.body)
    return {
        "recipients": reckoning.recipients,
        "texts": reckoning.texts,
        "texts_at_once": reckoning.now,
        "waiting": [
            {"until": until, "local_start": local, "recipients": count}
            for (until, local), count in sorted(reckoning.waiting.items())
        ],
        "excluded": dict(sorted(reckoning.excluded.items())),
        "body": frozen.body,
        "segments": segments.segments,
        "encoding": segments.encoding.value,
        "units": segments.units,
        "remaining_units": segments.remaining,
        "second_segment": _character(segments.second),
        "forces_ucs_2": _character(segments.forcing),
        "cost": _cost(reckoning.texts * segments.segments, price),
        "rate": frozen.rate,
        "starts_at": to_rfc3339(start),
        "expected_finish": to_rfc3339(reckoning.finish_at(start, frozen.rate)),
    }


def _cost(segments: int, price: SegmentPrice | None) -> dict[str, str] | None:
    if price is None:
        return None
    return {"amount": f"{segments * Decimal(price.amount):f}", "currency": price.currency}


def _character(found: Character | None) -> dict[str, object] | None:
    if found is None:
        return None
    return {"character": found.char, "code_point": found.code_point, "index": found.index}


def _local_start(until: datetime, local: Iterable[str]) -> str:
    """Return a moment in each zone that she may be in: `08:00 America/New_York`."""
    zones = dict.fromkeys(each.partition(" ")[0] for each in local)
    return ", ".join(f"{until.astimezone(ZoneInfo(zone)):%H:%M} {zone}" for zone in sorted(zones))
