"""Guard: the layer ships what uv.lock says."""

from scripts.requirements import REQUIREMENTS, export


def test_layer_requirements_are_those_of_the_lock_file() -> None:
    """`make requirements` was run after the last change of the dependencies."""
    assert REQUIREMENTS.read_text() == export()
