"""What a rule of law is: shapes of the packs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

VERIFY = "verify against the statute"


@dataclass(frozen=True, slots=True)
class Window:
    """Minutes after local midnight in which texts are allowed: from `start` until before `end`."""

    start: int
    end: int


# Monday to Sunday; None = a day without texts.
type Week = tuple[Window | None, ...]

ALWAYS = Window(0, 24 * 60)


def hours(start: int, end: int) -> Window:
    """Return the window between two full hours."""
    return Window(start * 60, end * 60)


def every_day(window: Window) -> Week:
    """Return a week of the same window."""
    return (window,) * 7


class Holidays(StrEnum):
    """Calendars of public holidays; `domain/holidays.py` computes them."""

    FRANCE = "france"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What every rule says of itself.

    rule_id          its stable name, stored with what it decided
    jurisdiction     ISO 3166 country or part (US, US-FL), or EU
    source           where it stands
    effective_from   the first local date on which it counts; None = in force for long, or the date
                     was not verified: it counts on every date
    effective_until  the first local date on which it counts no more; None = open
    secondary        taken from a secondary source
    note             what a reader of the rule must know
    """

    rule_id: str
    jurisdiction: str
    source: str
    effective_from: date | None = None
    effective_until: date | None = None
    secondary: bool = False
    note: str = ""

    def in_force(self, on: date) -> bool:
        """Tell whether it counts on the local date `on`."""
        started = self.effective_from is None or self.effective_from <= on
        return started and (self.effective_until is None or on < self.effective_until)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietRule(Rule):
    """When marketing texts are allowed, in the recipient's local time."""

    week: Week
    holidays: Holidays | None = None


class Verdict(StrEnum):
    """What becomes of a broadcast to somebody whose consent has a basis that is too weak."""

    BLOCK = "block"
    WARN = "warn"


@dataclass(frozen=True, slots=True, kw_only=True)
class BasisRule(Rule):
    """A basis of consent (domain/marks.Basis) that is not enough.

    months  the basis is enough for so long after it was given; None = it never is
    """

    basis: str
    verdict: Verdict = Verdict.BLOCK
    months: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FooterRule(Rule):
    """What a marketing text must carry.

    line      what is added to a text that lacks it; $merchant is the sender's name
    carried   a text that has one word of each group has it already. A word in capitals (STOP) only
              counts where the text says to answer with it; others in any case, $merchant too
    """

    line: str
    carried: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CapRule(Rule):
    """At most `texts` marketing texts to one number in any `days` times 24 hours."""

    texts: int
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePack:
    """The rules of one country. `version` changes with every change of a rule in it."""

    country: str
    version: str
    quiet: tuple[QuietRule, ...] = ()
    basis: tuple[BasisRule, ...] = ()
    footers: tuple[FooterRule, ...] = ()
    caps: tuple[CapRule, ...] = ()

    def rules(self) -> tuple[Rule, ...]:
        """Return every rule of the pack."""
        return (*self.quiet, *self.basis, *self.footers, *self.caps)
