"""What people see: results on stdout, everything said on the way on stderr, JSON for scripts."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from cli.errors import CommandError

_IN_PIPES: Final = 500
_COLOURS: Final = {
    "opted_in": "green",
    "opted_out": "red",
    "pending": "yellow",
    "connected": "green",
    "paused": "yellow",
    "requested": "cyan",
    "disconnected": "red",
    "failed": "red",
    "processed": "green",
    "kept": "yellow",
    "ok": "green",
    "accepted": "green",
    "must_text_unstop": "yellow",
}


def clean(text: object) -> str:
    """Return text without control characters: a file or an answer must not steer a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in str(text))


def coloured(word: object) -> Text:
    """Return a state in its colour; the word says the same without colours."""
    text = "-" if word in (None, "") else clean(word)
    return Text(text, style=_COLOURS.get(text, ""))


def moment(text: object) -> str:
    """Return an RFC 3339 time to the second, in UTC; anything else as it is."""
    if not isinstance(text, str) or not text:
        return "-"
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ") if at.tzinfo else text


@dataclass(slots=True)
class Screen:
    """Where a command writes. With `json_only`, stdout holds one JSON document and nothing else."""

    json_only: bool = False

    @property
    def out(self) -> Console:
        """Return stdout as it is now (tests and pipes replace it)."""
        # In a pipe nothing is broken to fit a terminal: what is found with grep has to be whole.
        fits = sys.stdout.isatty() or "COLUMNS" in os.environ
        return Console(file=sys.stdout, highlight=False, width=None if fits else _IN_PIPES)

    @property
    def err(self) -> Console:
        """Return stderr as it is now."""
        return Console(file=sys.stderr, highlight=False)

    def result(self, document: Any) -> bool:
        """Print `document` if JSON is wanted; tells whether it did."""
        if self.json_only:
            sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        return self.json_only

    def line(self, text: str = "", style: str = "") -> None:
        """Print one line of the result. Long ones are not broken, so that they can be copied."""
        self.out.print(Text(clean(text), style=style), soft_wrap=True)

    def say(self, text: str, style: str = "") -> None:
        """Tell what happens, beside the result."""
        self.err.print(Text(clean(text), style=style))

    def facts(self, pairs: Iterable[tuple[str, object]]) -> None:
        """Print names and values in two columns; values stay whole."""
        known = [(name, value) for name, value in pairs if value not in (None, "", {}, [])]
        width = max((len(name) for name, _ in known), default=0)
        for name, value in known:
            shown = value if isinstance(value, Text) else Text(clean(value))
            self.out.print(Text(f"{name:<{width}}  ", style="dim") + shown, soft_wrap=True)

    def listing(
        self,
        items: Sequence[dict[str, Any]],
        columns: Sequence[str],
        row: Callable[[dict[str, Any]], Sequence[object]],
        *,
        empty: str,
    ) -> None:
        """Print a table with one row for each item; as JSON, the items as they are."""
        if not self.result({"items": items}):
            self.table(columns, map(row, items), empty=empty)

    def table(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[object]],
        empty: str,
        whole: Sequence[int] = (0,),
    ) -> None:
        """Print a table, or `empty`. The columns `whole` (ids to copy) are never cut or broken."""
        made = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
        for number, name in enumerate(columns):
            made.add_column(name, no_wrap=number in whole, overflow="fold")
        for row in rows:
            made.add_row(*(cell if isinstance(cell, Text) else Text(clean(cell)) for cell in row))
        if made.row_count:
            self.out.print(made)
        else:
            self.line(empty)

    def next_steps(self, steps: Sequence[str]) -> None:
        """Say what to do now."""
        for number, step in enumerate(steps, 1):
            self.err.print(Text(f"  {number}. {clean(step)}"), soft_wrap=True)

    def error(self, error: CommandError) -> None:
        """Print an expected failure: one line, the fields that are wrong, what to do."""
        if self.json_only:
            sys.stderr.write(json.dumps(error.as_json(), ensure_ascii=False) + "\n")
            return
        code = f" [dim]\\[{escape(clean(error.code))}][/dim]" if error.code else ""
        self.err.print(
            f"[bold red]Error:[/bold red] {escape(clean(error.message))}{code}", soft_wrap=True
        )
        for name, text in error.fields:
            self.err.print(
                f"  [yellow]{escape(clean(name))}[/yellow]: {escape(clean(text))}", soft_wrap=True
            )
        for hint in error.hints:
            self.err.print(f"  [dim]->[/dim] {escape(clean(hint))}", soft_wrap=True)


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, object]]:
    """Yield nested settings as `a.b`, value."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
