"""`concord consents`: what is known of a number, its dossier, the proof, and whole files."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.api import Patience, segment
from cli.commands.connections import ConnectionId
from cli.commands.imports import import_file
from cli.errors import FAILED, CommandError, usage_error
from cli.keys import read_public_key, signature_check
from cli.screen import Screen, coloured, moment
from cli.session import Session, session_of
from concord.domain.dossier import Finding, verify_dossier

app = typer.Typer(no_args_is_help=True, help="Consents: show, export, verify offline, import.")
app.command("import")(import_file)

Point = Annotated[str, typer.Argument(metavar="POINT", help="Phone number or e-mail address.")]


class ChannelName(StrEnum):
    """Where a point can be reached."""

    SMS = "sms"
    EMAIL = "email"


Channel = Annotated[
    ChannelName | None, typer.Option(help="Default: email for what holds an @, else sms.")
]


@app.command()
def show(
    ctx: typer.Context, connection: ConnectionId, point: Point, channel: Channel = None
) -> None:
    """Show the state of one number or address, and every event behind it."""
    session = session_of(ctx)
    answer = _ask(session, connection, "lookup", point, channel)
    if session.screen.result(answer):
        return
    dead = answer.get("suppressed")
    session.screen.facts(
        [
            ("point", answer.get("point", point)),
            ("state", coloured(answer.get("state"))),
            ("basis", answer.get("basis")),
            ("since", moment(answer.get("updated_at"))),
            *([("suppressed", _suppressed(dead))] if dead else []),
        ]
    )
    _events_table(session.screen, answer.get("events") or [], empty="No events: never seen.")


@app.command()
def export(
    ctx: typer.Context,
    connection: ConnectionId,
    point: Point,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")],
    channel: Channel = None,
) -> None:
    """Export the signed dossier of one number or address. It holds personal data."""
    session = session_of(ctx)
    document = _ask(session, connection, "dossier", point, channel)
    if "events" not in document or "signature" not in document:
        raise CommandError("the API's answer is not a dossier")
    _write_private(output, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    count = len(document["events"])
    if not session.screen.result({"file": str(output), "count": count}):
        session.screen.line(f"{output}: {_events(count)}, signed.")
        session.screen.say(f"Prove it offline: concord consents verify {output} --key KEY")


@app.command()
def verify(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A dossier.")],
    key: Annotated[
        str | None, typer.Option(help="The dossier public key in base64, or @FILE.")
    ] = None,
    stack: Annotated[
        bool, typer.Option("--ask-stack", help="Ask the stack for its public key (not offline).")
    ] = False,
) -> None:
    """Prove a dossier: every hash, every link, the count, the head and the signature.

    With --key nothing is called: it works without a network and without the stack.
    """
    session = session_of(ctx)
    if (key is None) == (not stack):
        raise usage_error(
            "give the public key with --key, or take the stack's with --ask-stack",
            "concord setup and concord health show the key",
        )
    document = read_dossier(file)
    findings = verify_dossier(document, signature_check(read_public_key(key or _asked(session))))
    events = document.get("events")
    count = len(events) if isinstance(events, list) else 0
    if session.screen.json_only:
        found = [{"event": f.event, "reason": f.reason} for f in findings]
        session.screen.result({"proven": not findings, "count": count, "findings": found})
    elif findings:
        _accuse(session.screen, file, findings)
    else:
        _praise(session.screen, file, document)
    if findings:
        raise typer.Exit(FAILED)


def read_dossier(file: Path) -> dict[str, Any]:
    """Return the file's JSON. Raises CommandError for what could be read in two ways."""
    try:
        document = json.loads(
            file.read_bytes(), object_pairs_hook=_members_once, parse_constant=_no_constant
        )
    except OSError as error:
        raise usage_error(f"{file} cannot be read: {error.strerror}") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise usage_error(f"{file} is not a dossier: it is not JSON") from error
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{file} is not a dossier: {error}") from error
    if not isinstance(document, dict):
        raise CommandError(f"{file} is not a dossier: it holds no JSON object")
    return document


def _members_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Of two members by one name a reader may see the first, and the verifier judges the last.
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object names a member twice")
    return members


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _praise(screen: Screen, file: Path, document: dict[str, Any]) -> None:
    key = document["consent_key"]
    screen.line(f"{file} proves {_events(len(document['events']))}.", style="bold green")
    # The file says whose it is by number only inside the events: here the key's own name will do.
    screen.facts(
        [
            ("merchant", key.get("merchant")),
            ("account", key.get("account")),
            ("channel", key.get("channel")),
            ("exported", moment(document.get("exported_at"))),
        ]
    )
    _events_table(screen, document["events"], empty="The file proves that nothing was recorded.")


def _accuse(screen: Screen, file: Path, findings: Sequence[Finding]) -> None:
    screen.line(f"{file} proves nothing:", style="bold red")
    for finding in findings:
        where = f"event {finding.event}" if finding.event is not None else "the file:"
        screen.line(f"  {where} {finding.reason}")


def _events_table(screen: Screen, events: Sequence[dict[str, Any]], empty: str) -> None:
    rows = []
    for number, event in enumerate(events, 1):
        record = event.get("record") or event
        what = str(record.get("kind", "?"))
        refused = record.get("rejection")
        rows.append(
            (
                record.get("seq", number),
                # On two lines: beside an id that must stay whole, 80 columns hold no more.
                f"{what} ({refused})\n{_id(event)}" if refused else f"{what}\n{_id(event)}",
                moment(record.get("effective_at") or record.get("at")),
                record.get("via") or "-",
                coloured(record.get("to") or record.get("state")),
            )
        )
    columns = ("#", "what, and its evidence", "when", "via", "state after")
    screen.table(columns, rows, empty, whole=(1, 2))


def _suppressed(dead: dict[str, Any]) -> str:
    why = dead.get("reason")
    return f"since {moment(dead.get('since'))} ({why}): any text from the handset lifts it"


def _id(event: dict[str, Any]) -> str:
    """Return an event's evidence id; in a dossier it is made of the event's hash, as in the API."""
    return str(event.get("consent_event_id") or f"ev_{str(event.get('hash') or '')[:24]}")


def _ask(
    session: Session, connection: str, what: str, point: str, channel: ChannelName | None
) -> dict[str, Any]:
    # A POST, so that the number stands in no URL and hence in no log; it changes nothing.
    named = channel or (ChannelName.EMAIL if "@" in point else ChannelName.SMS)
    path = f"/connections/{segment(connection)}/consents/{what}"
    return session.api.post(path, {"channel": named.value, "point": point}, patience=Patience())


def _asked(session: Session) -> str:
    health = session.api.get("/health")
    found = health.get("public_key")
    if not isinstance(found, str) or not found:
        raise CommandError("the stack has no dossier key yet", hints=("run: concord setup",))
    return found


def _write_private(file: Path, text: str) -> None:
    """Write for the owner's eyes only, and whole or not at all."""
    try:
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(name).replace(file)
    except OSError as error:
        raise usage_error(f"{file} cannot be written: {error.strerror}") from error


def _events(count: int) -> str:
    return f"{count} event" if count == 1 else f"{count} events"
