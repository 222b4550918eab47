"""Sentences that ask to be left alone, per language: the data of the fuzzy opt-out.

Each rule is a regular expression over one folded clause (lower case, no accents, words separated
by one space); `<name>` stands for that language's vocabulary of that name. Precision comes first:
a verb of ending counts only next to a word for *messages* (or at the end of the clause), so that
"stop by", "cancel my order" and "when do you stop serving" stay conversation; a veto then looks at
what stands before the hit ("don't ...", "when ..."). No rule holds a wildcard for free words, so
what it matched can be shown and logged without carrying anything personal.
"""

from collections.abc import Mapping
from typing import Final

from concord.domain.keywords_phrases.cs import CZECH
from concord.domain.keywords_phrases.de import GERMAN
from concord.domain.keywords_phrases.en import ENGLISH
from concord.domain.keywords_phrases.es import SPANISH
from concord.domain.keywords_phrases.fr import FRENCH
from concord.domain.keywords_phrases.rules import Rules

PHRASES: Final[Mapping[str, Rules]] = {
    "en": ENGLISH,
    "es": SPANISH,
    "fr": FRENCH,
    "de": GERMAN,
    "cs": CZECH,
}
