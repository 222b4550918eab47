"""Every feature id of the open issue has a test that carries it."""

import pytest

from scripts.features import WANTED, ids_in, proofs

PROVED = {feature for feature, _, _ in proofs()}


@pytest.mark.parametrize("feature", WANTED)
def test_the_issue_is_covered(feature: str) -> None:
    assert feature in PROVED


def test_a_range_names_all_of_it() -> None:
    assert ids_in("TEA-20..22, R-05") == {"TEA-20", "TEA-21", "TEA-22", "R-05"}
