"""`concord inbox`: bodies that were kept, and doing them again."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from cli.api import Patience, segment
from cli.commands.connections import Limit
from cli.errors import FAILED, usage_error
from cli.screen import coloured
from cli.session import Session, session_of
from cli.waiting import finished
from concord.domain.times import from_rfc3339, to_rfc3339

app = typer.Typer(no_args_is_help=True, help="Inbox: what was received, and doing it again.")

MerchantId = Annotated[str, typer.Argument(metavar="MERCHANT", help="Merchant id.")]


class BodyState(StrEnum):
    """What became of a body."""

    PROCESSED = "processed"
    IGNORED = "ignored"
    UNKNOWN = "unknown"
    KEPT = "kept"
    FAILED = "failed"


@app.command("list")
def list_bodies(
    ctx: typer.Context,
    merchant: MerchantId,
    state: Annotated[BodyState | None, typer.Option(help="Only these.")] = None,
    limit: Limit = 100,
) -> None:
    """List received bodies, without their content."""
    session = session_of(ctx)
    params = {"state": state.value} if state else {}
    path = f"/merchants/{segment(merchant)}/inbox"
    items = list(session.api.pages(path, limit, params))
    session.screen.listing(
        items,
        ("id (time first)", "platform", "state", "error"),
        lambda item: (
            item.get("inbox_id"),
            item.get("platform") or item.get("kind") or "-",
            coloured(item.get("state")),
            item.get("error") or "-",
        ),
        empty="No bodies match.",
    )


@app.command()
def replay(
    ctx: typer.Context,
    merchant: MerchantId,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Inbox ids.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="RFC 3339, or a UTC day.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Default: now.")] = None,
    connection: Annotated[str | None, typer.Option(help="Only this connection's.")] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the job.")] = True,
) -> None:
    """Do failed, kept and unknown bodies again: by id, or all of a time. Effects happen once."""
    session = session_of(ctx)
    if bool(ids) == bool(since):
        raise usage_error("name the bodies by id, or a time with --from (and --to)")
    path = f"/merchants/{segment(merchant)}/inbox"
    if ids:
        _by_id(session, path, ids)
        return
    body = {"from": instant(str(since)), "to": instant(until) if until else _now()}
    if connection:
        body["connection_id"] = connection
    job = session.api.post(
        f"{path}/replays", body, idempotency_key=str(uuid.uuid4()), patience=Patience()
    )
    if wait and job.get("job_id"):
        job = finished(session, str(job["job_id"]), "Replaying")
    _report(session, job)


def _by_id(session: Session, path: str, ids: list[str]) -> None:
    answers = []
    for one in ids:
        answer = session.api.post(f"{path}/{segment(one)}/replay", patience=Patience())
        answers.append({"inbox_id": one, **answer})
    if not session.screen.result({"items": answers}):
        rows = [(a["inbox_id"], coloured(a.get("state")), a.get("error") or "-") for a in answers]
        session.screen.table(("id", "state now", "error"), rows, empty="Nothing was replayed.")
    if any(answer.get("state") == BodyState.FAILED for answer in answers):
        raise typer.Exit(FAILED)


def _report(session: Session, job: dict[str, Any]) -> None:
    skipped = job.get("skipped") or {}
    if not session.screen.result(job):
        if "state" not in job:
            session.screen.line(f"Job {job.get('job_id')} has begun.")
            return
        session.screen.facts(
            [
                ("job", job.get("job_id")),
                ("state", coloured(job.get("state"))),
                ("looked at", job.get("done")),
                ("done again", job.get("created", 0) + job.get("updated", 0)),
                ("new consent events", job.get("created", 0)),
                *((reason.replace("_", " "), count) for reason, count in skipped.items()),
            ]
        )
    if job.get("state") == "failed" or skipped.get("failed"):
        raise typer.Exit(FAILED)


def instant(text: str) -> str:
    """Return a moment in UTC; a bare day is its first moment. Raises CommandError."""
    is_day = re.fullmatch(r"\d{4}-\d{2}-\d{2}", text)
    try:
        return to_rfc3339(from_rfc3339(f"{text}T00:00:00Z" if is_day else text))
    except ValueError:
        raise usage_error(
            f"{text!r} is no time", "for example: 2026-11-21T08:30:00Z, 2026-11-21"
        ) from None


def _now() -> str:
    return to_rfc3339(datetime.now(UTC))
