"""BroadcastSend, killed at each of its requests in turn and delivered again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest

from concord.domain.broadcast import Broadcast, BroadcastState
from tests.world.carried import CARRIAGES, Carried, share_clock
from tests.world.faults import Killed, Wire, kill_at, settle
from tests.world.sending import TEXT, header, morning, opted_in, planned, task_of
from tests.world.shop import new_number
from tests.world.world import World

# As the template has it for the send queue, and a second more.
_VISIBILITY = timedelta(seconds=361)
_SLICE = 2
_WILLING = 3


@dataclass(frozen=True)
class _Send:
    """A broadcast in two slices to three who want it, and one who never said so."""

    carried: Carried
    broadcast: Broadcast
    numbers: Sequence[str]

    def deliver(self, receive_count: int) -> None:
        """Deliver the chunk's message to a process of its own."""
        self.carried.house.cold()
        self.carried.house.run_task(task_of(self.broadcast), receive_count)

    def texts(self) -> Counter[str]:
        """Return how often each handset got the text."""
        return Counter({n: self.carried.got(n).count(TEXT) for n in self.numbers})

    def check(self, hint: str) -> int:
        """Hold what came of it against the promise; return of how many nobody knows."""
        ended, texts = header(self.carried.shop, self.broadcast), self.texts()
        report = Counter(ended.report)
        assert ended.state is BroadcastState.FINISHED, hint
        assert max(texts.values()) == 1, f"somebody was texted twice: {hint}"
        assert texts[self.numbers[-1]] == 0, f"without consent: {hint}"
        assert report["skipped:not_opted_in"] == 1, hint
        assert report["sent"] + report["uncertain"] == _WILLING, f"somebody was lost: {hint}"
        assert report.total() == ended.audience == len(self.numbers), hint
        assert report["uncertain"] <= _SLICE, hint
        assert report["sent"] <= texts.total() <= report["sent"] + report["uncertain"], hint
        return report["uncertain"]


def _send(carried: Carried) -> _Send:
    morning(carried.house)
    numbers = [*opted_in(carried.shop, _WILLING), new_number()]
    bulk = carried.platform == "text_em_all"
    broadcast = planned(carried.shop, numbers, bulk=bulk, slice_size=_SLICE)
    return _Send(carried, broadcast, numbers)


@pytest.mark.parametrize("sender", ["text_em_all", "twilio"])
def test_killed_at_any_request_and_delivered_again(
    house: World, monkeypatch: pytest.MonkeyPatch, sender: str
) -> None:
    """R-09, R-10, reliability 33: ahead of and behind every request to AWS and to the sender:
    nobody twice, nobody lost, the report adds up, at most a slice is uncertain."""
    share_clock(house, monkeypatch)
    carried = CARRIAGES[sender](house, monkeypatch)
    wire = Wire(house)
    whole = _send(carried)
    wire.calm()
    whole.deliver(1)
    steps = wire.names
    wire.calm()
    settle(house)
    assert whole.check("nothing was killed") == 0
    calls = [name for name in steps if name.startswith(f"POST /{sender}")]
    assert len(calls) == (2 if sender == "text_em_all" else _WILLING)

    # Dying behind request k and ahead of request k + 1 leave the same world behind.
    for side, number in [("before", 1), *(("after", k) for k in range(1, len(steps) + 1))]:
        send = _send(carried)
        with wire.failing(**{side: kill_at(number)}), pytest.raises(Killed) as killed:
            send.deliver(1)
        house.clock.advance(_VISIBILITY)
        send.deliver(2)
        settle(house)
        # Both can be asked what they took: of nobody is it unknown in the end.
        assert send.check(f"{side} request {number}, {killed.value}") == 0
