"""`concord groups`: the customer groups that can be texted, as "Add from CATAPULT" shows them."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.api import Patience, segment
from cli.commands.connections import ConnectionId, Limit
from cli.session import session_of
from cli.waiting import Words, run_job

app = typer.Typer(no_args_is_help=True, help="Groups of shoppers, and who of them can be texted.")

GroupIds = Annotated[list[str], typer.Argument(metavar="GROUP...", help="Group ids.")]


@app.command("list")
def list_groups(
    ctx: typer.Context,
    connection: ConnectionId,
    show_all: Annotated[
        bool, typer.Option("--all", help="Also groups without an opted-in shopper.")
    ] = False,
    limit: Limit = 200,
) -> None:
    """List the groups with at least one opted-in shopper, with their counts."""
    session = session_of(ctx)
    params = {"all": "true"} if show_all else {}
    path = f"/connections/{segment(connection)}/groups"
    items = list(session.api.pages(path, limit, params))
    if session.screen.result({"items": items}):
        return
    session.screen.table(
        ("group", "name", "shoppers", "opted in", "numbers to text"),
        [
            (
                item.get("group_id"),
                item.get("name") or "-",
                _count(item.get("total_shoppers")),
                _count(item.get("opted_in_shoppers")),
                _count(item.get("textable_numbers")),
            )
            for item in items
        ],
        empty="No group has an opted-in shopper.",
    )


@app.command()
def recap(ctx: typer.Context, connection: ConnectionId, groups: GroupIds) -> None:
    """Count the numbers that a broadcast to these groups would text, each once."""
    session = session_of(ctx)
    path = f"/connections/{segment(connection)}/groups/recap"
    answer = session.api.post(path, {"group_ids": groups}, patience=Patience())
    if not session.screen.result(answer):
        session.screen.line(f"{_count(answer.get('textable_numbers'))} numbers to text.")


@app.command()
def sync(
    ctx: typer.Context,
    connection: ConnectionId,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the job.")] = True,
) -> None:
    """Read all shoppers and groups from the shop's own system now."""
    _job(ctx, connection, "group-syncs", "Reading", wait=wait)


@app.command()
def repair(
    ctx: typer.Context,
    connection: ConnectionId,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the job.")] = True,
) -> None:
    """Count every group anew from its shoppers, and put right what differs."""
    _job(ctx, connection, "groups/repair", "Counting", wait=wait)


def _job(ctx: typer.Context, connection: str, what: str, doing: str, *, wait: bool) -> None:
    words = Words(doing, done="looked at", created="new", updated="changed")
    run_job(session_of(ctx), f"/connections/{segment(connection)}/{what}", words, wait=wait)


def _count(number: object) -> str:
    return f"{number:,}" if isinstance(number, int) else "-"
