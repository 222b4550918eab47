"""One figure: what it is called, what was measured, what it is measured against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """`baseline` is the rival's value in the same run, `ratio` ours over it; `goal` is a ceiling,
    or a floor (`at_least`).

    `note` is for people: what the figure is made of.
    """

    name: str
    value: float
    unit: str
    baseline: float | None = None
    ratio: float | None = None
    goal: float | None = None
    note: str = ""
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    def as_json(self) -> dict[str, Any]:
        """Return the figure as .local/bench.json holds it."""
        shown: dict[str, Any] = {"name": self.name, "value": _short(self.value), "unit": self.unit}
        if self.baseline is not None:
            shown["baseline"] = _short(self.baseline)
        if self.ratio is not None:
            shown["ratio"] = _short(self.ratio)
        return shown


def missed(figures: Sequence[Figure]) -> list[Figure]:
    """Return the figures that are on the wrong side of their goal."""
    return [figure for figure in figures if figure.met is False]


def _short(number: float) -> float:
    return round(number, 3)
