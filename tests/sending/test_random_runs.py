"""A thousand sends, each disturbed as its seed says."""

from __future__ import annotations

import pytest

from tests.sending.random_runs import check, play

_BATCH = 25


@pytest.mark.parametrize("first", range(0, 1000, _BATCH))
def test_whatever_happens_nobody_is_texted_twice_and_nobody_lost(first: int) -> None:
    """R-09, R-10, TEA-09, reliability 31: STOP, pause, resume, cancel, kills, repeated messages, a
    held safety queue, lost answers and refusals, at random times."""
    for seed in range(first, first + _BATCH):
        try:
            check(play(seed))
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise


def test_the_seeds_disturb_enough() -> None:
    """What never happens proves nothing."""
    runs = [play(seed) for seed in range(60)]
    reports = [run.stage.report(run.broadcast) for run in runs]
    assert sum(run.kills for run in runs) > 20
    assert sum(run.lost for run in runs) > 10
    assert sum(bool(run.stopped) for run in runs) > 20
    assert any("uncertain" in report for report in reports)
    assert any("skipped:opted_out_after_queue" in report for report in reports)
    assert any("skipped:cancelled" in report for report in reports)
