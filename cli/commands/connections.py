"""`concord connections`: look at them, change them, move them through their life."""

from __future__ import annotations

import json
import re
import uuid
from enum import StrEnum
from typing import Annotated, Any

import typer

from cli.api import Patience, segment
from cli.connection_file import put
from cli.errors import usage_error
from cli.screen import coloured, flat, moment
from cli.session import Session, session_of

app = typer.Typer(no_args_is_help=True, help="Connections: show, check, move on, rotate, set.")

ConnectionId = Annotated[str, typer.Argument(metavar="CONNECTION", help="Connection id.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Limit = Annotated[int, typer.Option(min=1, help="Show at most this many.")]


class State(StrEnum):
    """Where a connection can be moved to."""

    PENDING = "pending"
    CONNECTED = "connected"
    PAUSED = "paused"
    DISCONNECTED = "disconnected"


class What(StrEnum):
    """What can be made anew."""

    TOKEN = "token"
    CONNECT_KEY = "connect_key"
    WEBHOOK_SECRET = "webhook_secret"


@app.command("list")
def list_connections(
    ctx: typer.Context,
    merchant: Annotated[str, typer.Argument(metavar="MERCHANT", help="Merchant id.")],
    limit: Limit = 100,
) -> None:
    """List a merchant's connections."""
    session = session_of(ctx)
    path = f"/merchants/{segment(merchant)}/connections"
    items = list(session.api.pages(path, limit, {}))
    session.screen.listing(
        items,
        ("connection", "state", "source", "destination"),
        lambda i: (
            i.get("connection_id"),
            coloured(i.get("state")),
            _account(i, "source"),
            _account(i, "destination"),
        ),
        empty=f"Merchant {merchant} has no connections yet: concord connect --merchant {merchant}",
    )


@app.command()
def show(ctx: typer.Context, connection: ConnectionId) -> None:
    """Show a connection; its credentials are never shown."""
    session = session_of(ctx)
    _show(session, session.api.get(f"/connections/{segment(connection)}"))


@app.command()
def check(ctx: typer.Context, connection: ConnectionId) -> None:
    """Prove the credentials of both sides with a live call."""
    session = session_of(ctx)
    path = f"/connections/{segment(connection)}/check"
    answer = session.api.post(path, patience=Patience())
    if session.screen.result(answer):
        return
    platforms = answer.get("platforms")
    found = platforms if isinstance(platforms, dict) else {}
    session.screen.facts(
        [
            *((name, coloured(state)) for name, state in found.items()),
            ("text numbers", ", ".join(answer.get("text_numbers") or ())),
            ("fallback number", answer.get("fallback_number")),
        ]
    )
    session.screen.line("The credentials work.", style="green")


@app.command()
def state(
    ctx: typer.Context,
    connection: ConnectionId,
    to: Annotated[State, typer.Argument(metavar="STATE", help="Where it goes.")],
    yes: Yes = False,
) -> None:
    """Move on: requested > pending > connected <> paused, and any > disconnected (final)."""
    session = session_of(ctx)
    if to is State.DISCONNECTED:
        question = f"Disconnect {connection}? It is final and frees both accounts."
        session.confirm(question, yes=yes)
    answer = session.api.post(f"/connections/{segment(connection)}/state", {"state": to.value})
    if session.screen.result(answer):
        return
    session.screen.line(f"Connection {connection} is {answer.get('state', to.value)}.")
    if to is State.CONNECTED:
        session.screen.say(
            "Its text numbers are read now. Refused credentials would pause it: look again with\n"
            f"  concord connections show {connection}"
        )


@app.command()
def failures(
    ctx: typer.Context,
    connection: ConnectionId,
    retry: Annotated[
        bool, typer.Option("--retry", help="Queue the pushes again. Texts are never sent again.")
    ] = False,
    limit: Limit = 100,
) -> None:
    """List what a platform refused for good; once the cause is mended, --retry it."""
    session = session_of(ctx)
    path = f"/connections/{segment(connection)}/failures"
    items = list(session.api.pages(path, limit, {}))
    if retry:
        again = [i for i in items if i.get("kind") != "send_text"]
        for item in again:
            session.api.post(f"{path}/{segment(str(item['failure_id']))}/retry")
        if not session.screen.result({"queued": len(again)}):
            session.screen.line(f"{len(again)} queued again.")
        return
    session.screen.listing(
        items,
        ("when", "what", "platform", "reason", "their words"),
        lambda i: (
            moment(i.get("at")),
            i.get("kind"),
            i.get("platform") or "-",
            i.get("reason"),
            i.get("words") or "-",
        ),
        empty="Nothing was refused in the last 30 days.",
    )


@app.command()
def rotate(
    ctx: typer.Context,
    connection: ConnectionId,
    what: Annotated[What, typer.Option(help="What to make anew.")],
    grace: Annotated[
        str, typer.Option(help="How long the old one goes on working: 0, 90s, 15m, 24h, 7d.")
    ] = "24h",
) -> None:
    """Make a new webhook token, connect key or webhook secret, and show it this once."""
    session = session_of(ctx)
    body = {"what": what.value, "grace_seconds": seconds(grace)}
    path = f"/connections/{segment(connection)}/rotate"
    answer = session.api.post(path, body, idempotency_key=str(uuid.uuid4()))
    if session.screen.result(answer):
        return
    session.screen.facts(
        (name, value) for name, value in flat(answer) if name not in ("connection_id", "what")
    )
    session.screen.say("Keep it now: it is shown this once.", style="yellow")


@app.command("set")
def set_values(
    ctx: typer.Context,
    connection: ConnectionId,
    values: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=VALUE]...", help="join_keyword=DEALS ...; null = default."),
    ] = None,
    ask: Annotated[
        list[str] | None,
        typer.Option(help="Ask for a credential without echo, e.g. source.api_key. Repeatable."),
    ] = None,
) -> None:
    """Change settings (null = default), addresses (source.base_url=...) or credentials.

    Credentials of a side are replaced as a whole: --ask for each of them.
    """
    session = session_of(ctx)
    if not values and not ask:
        raise usage_error("nothing to set", "for example: join_keyword=DEALS fallback_number=null")
    body: dict[str, Any] = {}
    for text in values or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise usage_error(f"{name or text!r} is not of the form name=value")
        if ".credentials." in name:
            raise usage_error("credentials are never given on the command line", "use --ask")
        put(body, setting_path(name), read_value(name, value))
    for name in ask or ():
        put(
            body,
            credential_path(name),
            _secret(session, name),
        )
    path = f"/connections/{segment(connection)}"
    _show(session, session.api.call("PATCH", path, body))


def _secret(session: Session, name: str) -> str:
    return session.ask(name, secret=True, else_do="run it in a terminal")


def setting_path(name: str) -> str:
    """Return where a name stands in the request: settings, unless it names one of the sides."""
    return (
        name if name.split(".")[0] in ("settings", "source", "destination") else f"settings.{name}"
    )


def credential_path(name: str) -> str:
    """Return where a credential stands in the request. Raises CommandError."""
    side, dot, key = name.partition(".")
    where = {"source": "source", "destination": "destination", "sender": "settings.sender"}
    if side not in where or not dot or not key:
        raise usage_error(
            f"{name} is no credential: use source.NAME, destination.NAME, sender.NAME"
        )
    return f"{where[side]}.credentials.{key}"


def read_value(name: str, text: str) -> object:
    """Read null, true, false, quoted or structured JSON, and a number where `name` is of a setting
    that takes one; everything else is text (+1555...)."""
    if name.rpartition(".")[2] in _NUMBERS and _NUMBER.fullmatch(text):
        return json.loads(text)
    if text in ("null", "true", "false") or text[:1] in ('"', "{", "["):
        try:
            return json.loads(text)
        except ValueError as error:
            raise usage_error(f"a value looks like JSON and is not: {error}") from error
    return text


_NUMBERS = frozenset({"rate", "depth_seconds", "sync_hours", "texts", "days"})
_NUMBER = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str) -> int:
    """Read a duration. Raises CommandError, also for 24: whoever forgot the h would lose a day."""
    if text == "0":
        return 0
    found = re.fullmatch(r"([0-9]{1,7})([smhd])", text)
    if not found:
        missing = "has no unit" if text.isdecimal() else "is not a duration"
        raise usage_error(f"{text!r} {missing}", "for example: 0, 90s, 15m, 24h, 7d")
    return int(found[1]) * _UNITS[found[2]]


def _account(item: dict[str, Any], side: str) -> str:
    found = item.get(side) or {}
    # On two lines: beside an id that must stay whole, 80 columns hold no more.
    return f"{found.get('platform', '?')}\n{found.get('account_id', '?')}"


def _show(session: Session, connection: dict[str, Any]) -> None:
    if session.screen.result(connection):
        return
    shown = {name: value for name, value in connection.items() if name != "state"}
    session.screen.facts(
        [
            ("state", coloured(connection.get("state"))),
            *((n, moment(v) if n.endswith("_at") else _plain(v)) for n, v in flat(shown)),
        ]
    )


def _plain(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | bool) else value
