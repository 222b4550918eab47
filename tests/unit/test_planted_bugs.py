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
