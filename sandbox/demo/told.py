"""How the demo talks: a heading per step, one line per thing that happened."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

_WIDE: Final = 116  # from here on everything about one thing fits on one line
_WIDEST: Final = 140
_COLUMNS: Final = ("Text-Em-All", "CATAPULT", "in all", "evidence")


@dataclass(frozen=True, slots=True)
class Sides:
    """What the two platforms show of a shopper: one flag, and a flag for each of her numbers."""

    text_em_all: bool | None
    catapult: tuple[bool, ...]

    def words(self) -> tuple[str, str]:
        """Return both as words; of a contact that Text-Em-All was told nothing of, `no flag`."""
        return _word(self.text_em_all), ",".join(_word(flag) for flag in self.catapult)


def _word(flag: bool | None) -> str:
    return "no flag" if flag is None else "in" if flag else "out"


def seconds(took: float) -> str:
    """Spell a duration so that it stays short."""
    return f"{took * 1000:.0f} ms" if took < 1 else f"{took:.1f} s"


class Told:
    """Prints for people: no colour and no cursor tricks when nobody watches a terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        utf8 = self._console.encoding.lower().startswith("utf")
        self._tick, self._cross, self._dot = ("✓", "✗", " · ") if utf8 else ("ok", "FAILED", ", ")
        self._wide = self._console.width >= _WIDE

    def headline(self, text: str) -> None:
        """Say what is played at all."""
        self._console.print(f"[bold]{escape(text)}[/bold]")

    def note(self, text: str) -> None:
        """Say something beside the steps."""
        self._console.print(Text(f"  {text}", style="dim"), soft_wrap=True)

    def step(self, number: int, text: str) -> None:
        """Begin a step."""
        self._console.print()
        heading = Text.assemble((f"{number}  ", "bold cyan"), (text, "bold"))
        if self._wide:
            self._console.print(self._row(heading, [Text(name, "dim") for name in _COLUMNS]))
        else:
            self._console.print(heading)

    def part(
        self,
        what: str,
        *,
        sides: Sides | None = None,
        took: float | None = None,
        evidence: str | None = None,
    ) -> None:
        """Tell one thing that happened and was checked."""
        shown = sides.words() if sides else ("", "")
        duration = "" if took is None else seconds(took)
        said = Text(what)
        mark = Text(f"{self._tick} ", "green")
        if self._wide:
            cells = [*shown, duration, evidence or ""]
            styles = ("", "", "", "dim")
            texts = [Text(c, s) for c, s in zip(cells, styles, strict=True)]
            self._console.print(self._row(mark + said, texts))
            return
        line = self._grid()
        line.add_column(ratio=1)
        line.add_column(justify="right", no_wrap=True)
        line.add_row(mark + said, duration)
        self._console.print(line, width=min(self._console.width, 80))
        told = [f"{name} {word}" for name, word in zip(_COLUMNS, shown, strict=False) if word]
        detail = self._dot.join([*told, *([evidence] if evidence else [])])
        if detail:
            self._console.print(Text(f"  {detail}", "dim"))

    def miss(self, text: str) -> None:
        """Say what was not as it should be."""
        self._console.print()
        self._console.print(Text(f"{self._cross} {text}", "bold red"), soft_wrap=True)

    def end(self, text: str, pairs: Sequence[tuple[str, str]]) -> None:
        """Say that all is well, and where to look next; commands stay whole for copying."""
        self._console.print()
        self._console.print(Text(text, "bold green"))
        self._console.print()
        width = max(len(name) for name, _ in pairs)
        for name, value in pairs:
            line = Text.assemble((f"  {name:<{width}}  ", "dim"), value)
            self._console.print(line, soft_wrap=True)

    def _grid(self) -> Table:
        return Table.grid(padding=(0, 2), expand=True)

    def _row(self, what: Text, cells: Sequence[Text]) -> Table:
        line = self._grid()
        line.width = min(self._console.width, _WIDEST)
        line.add_column(ratio=1)
        for width in (11, 10):
            line.add_column(width=width, no_wrap=True)
        line.add_column(width=7, justify="right", no_wrap=True)
        line.add_column(width=27, no_wrap=True)
        line.add_row(what, *cells)
        return line
