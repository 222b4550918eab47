"""Says which tests prove which feature id: rewrites the table in docs/PLAN.md."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PLAN: Final = ROOT / "docs" / "PLAN.md"
BEGIN, END = "<!-- proofs: python -m scripts.features -->\n", "<!-- end of proofs -->\n"
# What the issues so far ask for (features.md has each behaviour and its acceptance criterion).
WANTED: Final = (
    *(f"TEA-{n:02d}" for n in range(1, 24)),
    *("R-01", "R-02", "R-03", "R-05", "R-06", "R-07", "R-08", "R-09", "R-10", "R-11", "R-15"),
    *("R-16", "R-18", "R-19", "R-20", "R-21", "R-22", "R-24", "R-26", "R-31", "R-32"),
    *(f"ECO-{n:02d}" for n in range(1, 21)),
    *("L-01", "L-02", "L-03", "L-04", "L-07", "L-08", "L-09"),
)
_ID: Final = re.compile(r"\b(?:TEA|ECO|R|L)-\d\d\b")
_RANGE: Final = re.compile(r"\b(TEA|ECO|R|L)-(\d\d)\.\.(\d\d)\b")


def ids_in(text: str) -> set[str]:
    """Return the feature ids that a docstring names; `TEA-20..22` names three."""
    found = set(_ID.findall(text))
    for family, first, last in _RANGE.findall(text):
        found |= {f"{family}-{n:02d}" for n in range(int(first), int(last) + 1)}
    return found


def proofs() -> Iterator[tuple[str, str, str]]:
    """Yield (feature id, file, test) for every test function whose docstring names the id."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for feature in ids_in(ast.get_docstring(node) or ""):
                    yield feature, path.relative_to(ROOT).as_posix(), node.name


def table() -> str:
    """Return the Markdown table: each id, how many tests carry it, and three of them."""
    by_id: dict[str, list[str]] = {feature: [] for feature in WANTED}
    for feature, path, name in proofs():
        if feature in by_id:
            by_id[feature].append(f"`{path.removeprefix('tests/')}::{name}`")
    lines = ["| id | tests | among them | state |", "|---|---|---|---|"]
    for feature, tests in by_id.items():
        state = "proved" if tests else "open"
        lines.append(f"| {feature} | {len(tests)} | {', '.join(_spread(tests))} | {state} |")
    return "\n".join(lines) + "\n"


def _spread(tests: list[str]) -> list[str]:
    """Return up to three tests, of different files where there are some."""
    of_files = {test.split("::")[0]: test for test in reversed(tests)}
    return list(of_files.values())[::-1][:3]


def main() -> int:
    """Write the table between its marks; 1 when an id has no test."""
    text = PLAN.read_text()
    head, rest = text.split(BEGIN)
    _, tail = rest.split(END)
    written = table()
    PLAN.write_text(head + BEGIN + written + END + tail)
    return 1 if "| open |" in written else 0


if __name__ == "__main__":
    sys.exit(main())
