"""What `make latency` makes of the times that it took."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.figures import Figure
from bench.latency import percentile, summary
from bench.shown import VISIBLE, save


@pytest.mark.parametrize(
    ("count", "percent", "expected"),
    [(100, 50, 50), (100, 99, 99), (10, 50, 5), (10, 99, 10), (1, 99, 1), (200, 99, 198)],
)
def test_percentiles_are_values_that_were_measured(count: int, percent: int, expected: int) -> None:
    """Nearest rank: of 1, 2 ... count in any order, the one that so many percent do not exceed."""
    assert percentile([float(n) for n in range(count, 0, -1)], percent) == expected


def test_the_summary_has_the_goal_at_p99_alone() -> None:
    """5 s at p99; what was measured is in docs/bench.md, and no test asks for a time."""
    figures = {figure.name: figure for figure in summary([100.0] * 98 + [4_900.0, 5_100.0])}
    values = {name.removeprefix(f"{VISIBLE}."): each.value for name, each in figures.items()}
    assert values == {"p50": 100.0, "p99": 4_900.0, "max": 5_100.0}
    met = {name.removeprefix(f"{VISIBLE}."): each.met for name, each in figures.items()}
    assert met == {"p50": None, "p99": True, "max": None}


def test_two_commands_share_the_file(tmp_path: Path) -> None:
    """Each replaces what it measures, and leaves the other's figures where they are."""
    file = tmp_path / "new" / "bench.json"

    def latency(name: str) -> bool:
        return name.startswith(f"{VISIBLE}.")

    def names() -> dict[str, float]:
        return {each["name"]: each["value"] for each in json.loads(file.read_text())}

    save([Figure("a.requests", 2, "requests"), Figure("b.ratio", 1, "x")], file, lambda _: True)
    save([Figure(f"{VISIBLE}.p99", 7, "ms")], file, latency)
    assert names() == {"a.requests": 2, "b.ratio": 1, f"{VISIBLE}.p99": 7}
    save([Figure("a.requests", 3, "requests")], file, lambda name: not latency(name))
    assert names() == {"a.requests": 3, f"{VISIBLE}.p99": 7}
