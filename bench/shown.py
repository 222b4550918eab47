"""How figures are shown to people, and kept for scripts."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from rich.markup import escape
from rich.table import Table

from bench.figures import Figure

WIDE: Final = 132  # a file has no width; figures are not to be cut off there
VISIBLE: Final = "opt_out_visible"  # the figures of `make latency`, in the same file


def save(figures: Sequence[Figure], file: Path, owns: Callable[[str], bool]) -> None:
    """Write figures; of those in the file, keep what another command measures (`owns` is False)."""
    before = json.loads(file.read_text()) if file.exists() else []
    kept = [figure for figure in before if not owns(figure["name"])]
    file.parent.mkdir(parents=True, exist_ok=True)
    content = [*kept, *(figure.as_json() for figure in figures)]
    file.write_text(json.dumps(content, indent=2) + "\n")


def table(figures: Sequence[Figure]) -> Table:
    """Return the figures as a table; a group of names has a gap before it."""
    shown = Table(box=None, pad_edge=False, header_style="dim")
    shown.add_column("figure", no_wrap=True)
    shown.add_column("value", justify="right", no_wrap=True)
    shown.add_column("")
    for name in ("beside", "ratio", "goal"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("made of", style="dim")
    group = ""
    for figure in figures:
        first = figure.name.partition(".")[0]
        if group and first != group:
            shown.add_row()
        group = first
        colour = {True: "green", False: "red", None: "default"}[figure.met]
        shown.add_row(
            figure.name,
            f"[{colour}]{_spelled(figure.value)}[/]",
            figure.unit,
            "" if figure.baseline is None else _spelled(figure.baseline),
            "" if figure.ratio is None else f"{figure.ratio:.2f}",
            "" if figure.goal is None else f"{_side(figure)} {figure.goal:g}",
            escape(figure.note),
        )
    return shown


def _side(figure: Figure) -> str:
    return ">=" if figure.at_least else "<="


def _spelled(number: float) -> str:
    """Return three digits that count, and whole numbers whole."""
    if number == int(number) or abs(number) >= 1000:
        return f"{number:,.0f}"
    return f"{number:.3g}"
