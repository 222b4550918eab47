"""`concord audit` and `concord health`: who changed what, and how the stack is."""

from __future__ import annotations

import json
from typing import Any, Final

import typer

from cli.api import segment
from cli.commands.connections import ConnectionId, Limit
from cli.errors import FAILED
from cli.screen import Screen, coloured, flat, moment
from cli.session import session_of


def audit(ctx: typer.Context, connection: ConnectionId, limit: Limit = 50) -> None:
    """Show who changed what on a connection, newest first."""
    session = session_of(ctx)
    path = f"/connections/{segment(connection)}/audit"
    items = list(session.api.pages(path, limit, {}))
    session.screen.listing(
        items,
        ("when", "action", "who", "details"),
        lambda item: (
            moment(item.get("at")),
            item.get("action", "-"),
            # An ARN's last part is who it is; --json has all of it.
            str(item.get("actor") or "-").rpartition(":")[2],
            ", ".join(f"{name} {_short(value)}" for name, value in _details(item)) or "-",
        ),
        empty="Nothing was changed yet.",
    )


def health(ctx: typer.Context) -> None:
    """Show the stack's health; the exit code is 1 if something needs a person."""
    session = session_of(ctx)
    answer = session.api.get("/health")
    ill = answer.get("status") not in (None, "ok") or answer.get("stack_key_present") is False
    if not session.screen.result(answer):
        _show_health(session.screen, answer)
    if ill:
        raise typer.Exit(FAILED)


_DEPTHS: Final = ("waiting", "in_flight", "delayed", "oldest_seconds")
_DEAD: Final = ("dead_letters", "oldest_dead_letter_seconds")


def _show_health(screen: Screen, answer: dict[str, Any]) -> None:
    lists = ("queues", "held_connections")
    rest = {name: value for name, value in answer.items() if name not in lists}
    screen.facts((name, _reading(name, value)) for name, value in flat(rest))
    queues = answer.get("queues") or {}
    screen.table(
        ("queue", "waiting", "in flight", "delayed", "oldest", "dead letters", "oldest dead"),
        [
            (name, *(_reading(figure, found.get(figure)) for figure in (*_DEPTHS, *_DEAD)))
            for name, found in queues.items()
        ],
        empty="No queue could be asked.",
    )
    for held in answer.get("held_connections") or ():
        since = moment(held.get("waiting_since"))
        screen.line(
            f"{held.get('connection_id')} is {held.get('state')}; its work waits since {since}",
            style="yellow",
        )


def _details(item: dict[str, Any]) -> list[tuple[str, object]]:
    details = item.get("details") or {}
    return list(details.items()) if isinstance(details, dict) else []


def _short(value: object) -> str:
    """Return a change as `old > new`, anything else as compact JSON."""
    if isinstance(value, dict) and set(value) == {"from", "to"}:
        return f"{_short(value['from'])} > {_short(value['to'])}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _reading(name: str, value: object) -> object:
    if name.endswith("_seconds") and isinstance(value, int | float):
        return duration(float(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return coloured(value) if name == "status" else "-" if value is None else value


def duration(seconds: float) -> str:
    """Return a span in its two largest units."""
    left, parts = int(seconds), []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"
