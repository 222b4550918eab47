"""`concord broadcasts`: one text to groups of shoppers, from the draft to the report."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cli.api import Patience, segment
from cli.broadcast_report import show_preview, show_report, watch
from cli.commands.connections import ConnectionId, Limit
from cli.commands.inbox import instant
from cli.errors import FAILED, usage_error
from cli.screen import coloured, moment
from cli.session import session_of
from cli.waiting import finished

app = typer.Typer(no_args_is_help=True, help="Broadcasts: draft, preview, send, pause, report.")

BroadcastId = Annotated[
    str, typer.Argument(metavar="BROADCAST", help="CONNECTION/BROADCAST, as `create` prints it.")
]
Follow = Annotated[bool, typer.Option("--follow", help="Stay and show the progress.")]
_OUTCOMES: Final = ("pending", "sent", "skipped", "uncertain")


@app.command()
def create(
    ctx: typer.Context,
    connection: ConnectionId,
    name: Annotated[str, typer.Option(help="What you call it; shoppers never see it.")],
    group: Annotated[list[str], typer.Option(help="A group id; give it once for each group.")],
    text: Annotated[str | None, typer.Option(help="The text.")] = None,
    text_file: Annotated[Path | None, typer.Option(help="A file that holds the text.")] = None,
    rate: Annotated[float | None, typer.Option(help="Texts a second, if slower.")] = None,
) -> None:
    """Draft a broadcast. Nothing is sent before `broadcasts send` or `schedule`."""
    session = session_of(ctx)
    body: dict[str, Any] = {
        "name": name,
        "group_ids": group,
        "text": _text(text, text_file),
        **({"rate": rate} if rate is not None else {}),
    }
    made = session.api.post(
        f"/connections/{segment(connection)}/broadcasts",
        body,
        idempotency_key=str(uuid.uuid4()),
        patience=Patience(),
    )
    if not session.screen.result(made):
        full = f"{connection}/{made.get('broadcast_id')}"
        session.screen.line(full)
        session.screen.next_steps(
            (f"concord broadcasts preview {full}", f"concord broadcasts send {full} --follow")
        )


@app.command("list")
def list_broadcasts(ctx: typer.Context, connection: ConnectionId, limit: Limit = 20) -> None:
    """List broadcasts, newest first."""
    session = session_of(ctx)
    path = f"/connections/{segment(connection)}/broadcasts"
    items = list(session.api.pages(path, limit, {}))
    session.screen.listing(
        items,
        ("broadcast", "name", "state", "recipients", "begins"),
        lambda item: (
            f"{connection}/{item.get('broadcast_id')}",
            item.get("name") or "-",
            coloured(item.get("state")),
            _count(item.get("audience")),
            moment(item.get("started_at") or item.get("send_at")),
        ),
        empty="There is no broadcast.",
    )


@app.command()
def show(ctx: typer.Context, broadcast: BroadcastId, follow: Follow = False) -> None:
    """Show a broadcast, how far it is, and its report once it is over."""
    session = session_of(ctx)
    path = path_of(broadcast)
    shown = watch(session, path) if follow else session.api.get(path)
    if not session.screen.result(shown):
        show_report(session, shown)


@app.command()
def preview(ctx: typer.Context, broadcast: BroadcastId) -> None:
    """Decide for every recipient as the send would, now or when it is due, and send nothing."""
    session = session_of(ctx)
    job = session.api.post(f"{path_of(broadcast)}/preview", patience=Patience())
    job = finished(session, str(job["job_id"]), "Previewing")
    if not session.screen.result(job):
        show_preview(session, job.get("result") or {})
    if job.get("state") == "failed":
        raise typer.Exit(FAILED)


@app.command()
def test(
    ctx: typer.Context,
    broadcast: BroadcastId,
    to: Annotated[list[str], typer.Option(help="An opted-in number of yours; at most 3.")],
) -> None:
    """Send the text to yourself first: to opted-in numbers only, in its real wording."""
    session = session_of(ctx)
    answer = session.api.post(
        f"{path_of(broadcast)}/test",
        {"to": to},
        idempotency_key=str(uuid.uuid4()),
        patience=Patience(),
    )
    if not session.screen.result(answer):
        session.screen.line(f"On its way to {len(to)} number{'s' if len(to) > 1 else ''}.")


@app.command()
def send(ctx: typer.Context, broadcast: BroadcastId, follow: Follow = False) -> None:
    """Send it now. Whoever opts out on the way is not texted any more."""
    _act(ctx, broadcast, "send", follow=follow)


@app.command()
def schedule(
    ctx: typer.Context,
    broadcast: BroadcastId,
    at: Annotated[str, typer.Option(help="RFC 3339, for example 2026-11-27T15:00:00Z.")],
) -> None:
    """Send it at a moment; the audience is whoever is in its groups then."""
    _act(ctx, broadcast, "schedule", {"send_at": instant(at)})


@app.command()
def pause(ctx: typer.Context, broadcast: BroadcastId) -> None:
    """Hold it: within seconds no further text is handed over."""
    _act(ctx, broadcast, "pause")


@app.command()
def resume(ctx: typer.Context, broadcast: BroadcastId, follow: Follow = False) -> None:
    """Go on where it was paused."""
    _act(ctx, broadcast, "resume", follow=follow)


@app.command()
def cancel(
    ctx: typer.Context,
    broadcast: BroadcastId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """End it for good: who was not texted yet is skipped. What was handed over stays sent."""
    session = session_of(ctx)
    if not yes and not session.screen.json_only:
        typer.confirm("Cancel this broadcast for good?", abort=True)
    _act(ctx, broadcast, "cancel")


@app.command()
def recipients(
    ctx: typer.Context,
    broadcast: BroadcastId,
    outcome: Annotated[str | None, typer.Option(help=f"One of: {', '.join(_OUTCOMES)}.")] = None,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show numbers: they are personal data.")
    ] = False,
    limit: Limit = 100,
) -> None:
    """List recipients, and what became of each."""
    session = session_of(ctx)
    if outcome is not None and outcome not in _OUTCOMES:
        raise usage_error(f"{outcome!r} is no outcome", f"use one of: {', '.join(_OUTCOMES)}")
    params = {"outcome": outcome} if outcome else {}
    items = list(session.api.pages(f"{path_of(broadcast)}/recipients", limit, params))
    if not reveal:
        items = [{name: each for name, each in i.items() if name != "point"} for i in items]
    session.screen.listing(
        items,
        (*(("number",) if reveal else ()), "outcome", "reason", "receipt", "evidence"),
        lambda item: (
            *((item.get("point") or "-",) if reveal else ()),
            coloured(item.get("outcome")),
            item.get("reason") or "-",
            (item.get("receipt") or {}).get("status") or "-",
            item.get("consent_event_id") or "-",
        ),
        empty="No recipients match.",
    )
    if items and not (reveal or session.screen.json_only):
        session.screen.say("--reveal shows the numbers.")


def path_of(broadcast: str) -> str:
    """Return the API's path of `CONNECTION/BROADCAST`. Raises CommandError."""
    connection, slash, name = broadcast.partition("/")
    if not (connection and slash and name) or "/" in name:
        raise usage_error(
            f"{broadcast!r} is no broadcast", "give CONNECTION/BROADCAST, as `create` prints it"
        )
    return f"/connections/{segment(connection)}/broadcasts/{segment(name)}"


def _act(
    ctx: typer.Context,
    broadcast: str,
    act: str,
    body: dict[str, Any] | None = None,
    *,
    follow: bool = False,
) -> None:
    session = session_of(ctx)
    path = path_of(broadcast)
    answer = session.api.post(f"{path}/{act}", body)
    if follow:
        answer = watch(session, path)
    if session.screen.result(answer):
        return
    if follow:
        show_report(session, answer)
    else:
        session.screen.line(f"{broadcast} is {answer.get('state')}.")


def _text(text: str | None, file: Path | None) -> str:
    if (text is None) == (file is None):
        raise usage_error("give the text with --text, or in a file with --text-file")
    if text is not None:
        return text
    try:
        return Path(str(file)).read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError):
        raise usage_error(f"{file} cannot be read as UTF-8 text") from None


def _count(number: object) -> str:
    return f"{number:,}" if isinstance(number, int) else "-"
