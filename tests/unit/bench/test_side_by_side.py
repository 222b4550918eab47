"""What is measured side by side does the same work on both sides, and no network."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bench.cold import cold_webhook
from bench.figures import Figure, missed
from bench.recording import recorded_stop
from bench.stub import Cassette
from bench.warm import side_by_side, warm_webhook, webhook_verify


def test_the_recording_is_a_cold_stop(tmp_path: Path) -> None:
    """Connection, parameters, consent, transaction; and it survives the way to a child process."""
    cassette = recorded_stop()
    operations = [operation for operation, *_ in cassette.data["answers"]]
    assert operations == ["GetItem", "GetParameters", "GetItem", "TransactWriteItems"]
    assert cassette.calls.keys() == {"GetItem", "GetParameters", "TransactWriteItems"}
    assert cassette.calls["GetItem"]["Key"]["sk"] == {"S": "STATE"}

    cassette.save(tmp_path / "c")
    assert Cassette.load(str(tmp_path / "c")).data == cassette.data


def test_cold_runs_serve_on_both_sides() -> None:
    """Reliability 35: both children must answer 204, or the figure means nothing."""
    cold = cold_webhook(runs=1)
    assert cold.ours > 0
    assert cold.ratio == pytest.approx(cold.ours / cold.bare)


def test_warm_rounds_serve_on_both_sides() -> None:
    """Reliability 36: the handler's answer is asserted in each call."""
    assert warm_webhook(rounds=1).ratio > 1


def test_the_verifier_is_measured_beside_hmac() -> None:
    """Reliability 3: what a verifier adds to one HMAC is more than nothing."""
    assert webhook_verify(rounds=1).ratio > 1


def test_ratios_are_of_rounds() -> None:
    def busy(microseconds: int) -> None:
        ends = time.process_time_ns() + microseconds * 1000
        while time.process_time_ns() < ends:
            pass

    pair = side_by_side(lambda: busy(3000), lambda: busy(1000), rounds=3, calls=2)
    assert 2 < pair.ratio < 4


def test_figures_as_json() -> None:
    """The file holds name, value, unit, and baseline and ratio where there are any."""
    plain = Figure("a.requests", 2, "requests", goal=2, note="for people")
    assert plain.as_json() == {"name": "a.requests", "value": 2, "unit": "requests"}
    beside = Figure("b.cpu", 3.14159, "us", 1.0, 3.14159, goal=3)
    assert beside.as_json() == {
        "name": "b.cpu",
        "value": 3.142,
        "unit": "us",
        "baseline": 1.0,
        "ratio": 3.142,
    }
    assert missed([plain, beside]) == [beside]
