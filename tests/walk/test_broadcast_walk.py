"""A broadcast's whole way, from the draft to its report, by each sender."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from concord.domain.identity import Channel, point_id
from tests.world.campaign import Campaign
from tests.world.carried import CARRIAGES, Carried, share_clock
from tests.world.sending import morning
from tests.world.world import World

_WORDS = "Peaches"
_numbers = itertools.count(3_000_000)


class _Market:
    """A shop with members who opted in, one broadcast to them, and everything that the sender was
    asked to send of it: `late` are the numbers that had opted out by then."""

    def __init__(self, carried: Carried, count: int) -> None:
        self.carried, self.shop, self.house = carried, carried.shop, carried.house
        self.numbers = self._joined(count)
        self.path = ""
        self.out: set[str] = set()
        self.asked: list[str] = []
        self.late: list[str] = []
        self.at_first_call: Callable[[], None] = lambda: None
        self._call = self.house.sandbox.call
        vars(self.house.sandbox)["call"] = self._watched

    def _joined(self, count: int) -> list[str]:
        """Return new members of a group, in the order in which a broadcast takes them."""
        numbers = [f"+1212{next(_numbers)}" for _ in range(count)]
        for number in numbers:
            body = {"phones": [number], "groups": ["vip"]}
            self.shop.connect("PUT", f"/shoppers/s{number[1:]}", body)
            self.carried.texts(number, "JOIN")
        self.house.pump()
        key = self.house.parts.secrets.stack_key()
        ids = {n: point_id(key, self.shop.merchant_id, Channel.SMS, n) for n in numbers}
        return sorted(numbers, key=lambda number: ids[number])

    def _watched(self, method: str, path: str, **options: Any) -> Any:
        """Note whom a call of the sender is about; once the first is answered, let something
        happen."""
        content = options.get("content") or b""
        text = content if isinstance(content, str) else bytes(content).decode()
        if method != "POST" or _WORDS not in text:
            return self._call(method, path, **options)
        asked = [number for number in self.numbers if number[2:] in text]
        assert asked, "a text to strangers"
        first = not self.asked
        self.asked += asked
        self.late += self.out.intersection(asked)
        answer = self._call(method, path, **options)
        if first:
            self.at_first_call()
        return answer

    # --- what people do ----------------------------------------------------------------------

    def stops(self, number: str) -> None:
        """Let a shopper opt out: it is stored when this returns, and nothing follows yet."""
        self.carried.texts(number, "STOP")
        self.out.add(number)

    def drafts(self) -> None:
        body = {"name": "Week 47", "group_ids": ["vip"], "text": f"{_WORDS} today."}
        made = self.shop.admin("POST", "/broadcasts", body)
        assert made["statusCode"] == 201, made
        self.path = f"/broadcasts/{self.house.body(made)['broadcast_id']}"

    def operator(self, act: str) -> None:
        answer = self.shop.admin("POST", f"{self.path}/{act}")
        assert answer["statusCode"] == 200, answer

    def goes_on(self, state: str) -> dict[str, Any]:
        """Let time go by until the broadcast has a state with nobody on the way."""
        for _ in range(8):
            self.house.pump()
            shown = self.shown()
            if shown["state"] == state and not self.house.rows("TS#"):
                return shown
            self.house.clock.advance(timedelta(minutes=6))
            self.house.sweep()
        raise AssertionError(f"it never ended: {shown}")

    def chunks(self) -> list[dict[str, str]]:
        """Plan the broadcast and nothing else; return the messages of its chunks."""
        Campaign(self.shop).plans()
        return Campaign(self.shop).queued("send")

    # --- what came of it ---------------------------------------------------------------------

    def shown(self) -> dict[str, Any]:
        return self.house.body(self.shop.admin("GET", self.path))

    def texts(self) -> dict[str, int]:
        """Return how often each handset got the text."""
        got = {n: sum(_WORDS in text for text in self.carried.got(n)) for n in self.numbers}
        return {number: count for number, count in got.items() if count}

    def reached(self, *numbers: str) -> None:
        """Assert that these got the text, once, and that nobody else was even tried."""
        assert self.texts() == dict.fromkeys(numbers, 1)
        assert sorted(self.asked) == sorted(numbers)
        assert self.late == []


def _report(shown: dict[str, Any]) -> dict[str, int]:
    """Return what a report counts; it adds up to the audience."""
    skipped = {f"skipped:{reason}": count for reason, count in shown["skipped"].items()}
    counts = {"sent": shown["sent"], "uncertain": shown["uncertain"], **skipped}
    assert sum(counts.values()) == shown["audience"] == 5
    assert shown["waiting"] == 0
    return {name: count for name, count in counts.items() if count}


@pytest.fixture(params=["text_em_all", "twilio", "aws"])
def market(
    request: pytest.FixtureRequest, house: World, monkeypatch: pytest.MonkeyPatch
) -> _Market:
    """Return a shop on a Monday at eleven, whose sender takes two texts at a time."""
    share_clock(house, monkeypatch)
    morning(house)
    carried = CARRIAGES[request.param](house, monkeypatch, rate=2.0, depth_seconds=1)
    return _Market(carried, 5)


def test_sent_stopped_paused_and_resumed(market: _Market) -> None:
    """TEA-05, TEA-09, R-09: who waits and texts STOP is left out, a pause hands nothing more over,
    and resumed it reaches everybody else once."""
    *willing, leaver = market.numbers
    market.drafts()
    assert market.shown()["state"] == "draft"

    def meanwhile() -> None:
        market.stops(leaver)
        market.operator("pause")

    market.at_first_call = meanwhile
    market.operator("send")
    market.house.pump()
    assert market.shown()["state"] == "paused"
    begun = list(market.asked)
    assert 1 <= len(begun) <= 2, "what was claimed before the pause, and no more"
    market.house.clock.advance(timedelta(minutes=6))
    market.house.sweep()
    market.house.pump()
    assert market.asked == begun

    market.operator("resume")
    shown = market.goes_on("finished")
    market.reached(*willing)
    assert _report(shown) == {"sent": 4, "skipped:opted_out_after_queue": 1}


def test_cancelled_half_way(market: _Market) -> None:
    """R-09: what was handed over stays, nobody else is texted, and the report adds up."""
    market.drafts()
    market.at_first_call = lambda: market.operator("cancel")
    market.operator("send")
    shown = market.goes_on("cancelled")
    sent = len(market.asked)
    assert 1 <= sent <= 2
    market.reached(*market.numbers[:sent])
    assert _report(shown) == {"sent": sent, "skipped:cancelled": 5 - sent}


def test_an_old_message_delivered_twice_texts_nobody_who_left(market: _Market) -> None:
    """TEA-09, R-09: she is in a planned chunk, and its message comes late, and again."""
    leaver, *willing = market.numbers
    market.drafts()
    market.operator("send")
    (message,) = market.chunks()
    assert market.shown()["audience"] == 5
    market.stops(leaver)
    market.house.clock.advance(timedelta(minutes=30))
    for receive_count in (1, 2):
        market.house.cold()
        market.house.run_task(message, receive_count)
    shown = market.goes_on("finished")
    market.house.run_task(message, 3)
    market.reached(*willing)
    assert _report(shown) == {"sent": 4, "skipped:opted_out_after_queue": 1}


def test_a_stale_group_texts_nobody_who_left(market: _Market) -> None:
    """TEA-09: her group was never told that she opted out; the audience has her, the send does
    not."""
    leaver, *willing = market.numbers
    market.stops(leaver)
    assert len(market.house.rows("GN#")) == 5
    market.drafts()
    market.operator("send")
    (message,) = market.chunks()
    assert len(market.house.rows("GN#")) == 5, "the group still has her"
    assert market.shown()["audience"] == 5
    market.house.run_task(message)
    shown = market.goes_on("finished")
    market.reached(*willing)
    assert _report(shown) == {"sent": 4, "skipped:opted_out_after_queue": 1}
