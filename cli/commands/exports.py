"""`concord exports`: all customers of a shop to the contact list that was chosen, once."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.api import Patience, segment
from cli.commands.connections import ConnectionId
from cli.errors import FAILED
from cli.screen import coloured
from cli.session import Session, session_of
from cli.waiting import finished

app = typer.Typer(no_args_is_help=True, help="One-off exports of all customers.")


@app.callback()
def exports() -> None:
    """One-off exports of all customers."""


@app.command()
def start(
    ctx: typer.Context,
    connection: ConnectionId,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the job.")] = True,
) -> None:
    """Export all customers now; one that runs is joined. Safe to repeat."""
    session = session_of(ctx)
    path = f"/connections/{segment(connection)}/exports"
    job = session.api.post(path, patience=Patience())
    if wait and job.get("job_id"):
        job = finished(session, str(job["job_id"]), "Exporting")
    _report(session, job)


def _report(session: Session, job: dict[str, Any]) -> None:
    if not session.screen.result(job):
        if "state" not in job:
            session.screen.line(f"Job {job.get('job_id')} has begun.")
            return
        skipped = job.get("skipped") or {}
        session.screen.facts(
            [
                ("job", job.get("job_id")),
                ("state", coloured(job.get("state"))),
                ("customers", job.get("done")),
                ("created", job.get("created")),
                ("updated", job.get("updated")),
                *((reason.replace("_", " "), count) for reason, count in skipped.items()),
                *(("reason", why) for why in _reasons(job)),
            ]
        )
    if job.get("state") == "failed":
        raise typer.Exit(FAILED)


def _reasons(job: dict[str, Any]) -> list[str]:
    result = job.get("result") or {}
    return [str(result["reason"])] if result.get("reason") else []
