"""Planted bugs: each can still be planted, and the tests that are to catch it are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.bugs_of_points import BUGS, Bug
from scripts.planted_bugs import ROOT, occurrences


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_each_bug_can_be_planted(bug: Bug) -> None:
    """Reliability 24: `make planted` proves nothing of a bug whose place has gone."""
    assert occurrences(bug) == 1
    assert bug.text != bug.instead
    file, _, name = bug.tests.partition("::")
    assert f"def {name}" in Path(ROOT, file).read_text()


def test_no_two_bugs_are_one() -> None:
    names = [bug.name for bug in BUGS]
    assert len(names) == len(set(names)) >= 15


def test_the_ledgers_page_names_each_bug_and_what_catches_it() -> None:
    """docs/ledger.md shows what `make planted` plants, and nothing that it does not."""
    page = Path(ROOT, "docs", "ledger.md").read_text().split("### Planted bugs")[1]
    told = [line for line in page.split("\n## ")[0].splitlines() if line.startswith("| ")][1:]
    for bug, row in zip(BUGS, told, strict=True):
        assert row.startswith(f"| {bug.name} | `{Path(bug.tests).name}")
        file, _, name = row.rstrip("` |").rpartition("`")[2].partition("::")
        tests = Path(ROOT, bug.tests.partition("::")[0]).with_name(file).read_text()
        assert f"def {name}(" in tests
