"""`concord exports`: all customers of a shop to the contact list that was chosen, once."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from cli.api import segment
from cli.commands.connections import ConnectionId
from cli.session import session_of
from cli.waiting import Words, run_job

app = typer.Typer(no_args_is_help=True, help="One-off exports of all customers.")

_WORDS: Final = Words("Exporting", done="customers", created="created", updated="updated")


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
    path = f"/connections/{segment(connection)}/exports"
    run_job(session_of(ctx), path, _WORDS, wait=wait)
