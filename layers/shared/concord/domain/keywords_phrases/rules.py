"""The shape of one language's phrase rules."""

from collections.abc import Mapping
from typing import NamedTuple


class Rules(NamedTuple):
    """One language's phrasings: cheap triggers, vocabularies, vetoes on what stands before."""

    triggers: tuple[str, ...]  # without one of these in the text, no pattern is even compiled
    vocabulary: Mapping[str, str]
    veto: str  # searched in the words before a hit: negations and questions
    phrases: Mapping[str, str]  # rule name -> pattern
