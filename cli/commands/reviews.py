"""`concord reviews`: what a person has to look at."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from cli.api import segment
from cli.commands.connections import ConnectionId, Limit
from cli.screen import moment
from cli.session import session_of

app = typer.Typer(no_args_is_help=True, help="Reviews: likely opt-outs, numbers nobody carries.")

ReviewId = Annotated[str, typer.Argument(metavar="REVIEW", help="Review id.")]


class Kind(StrEnum):
    """Why something waits for a person."""

    FUZZY = "fuzzy"
    UNMATCHED = "unmatched"


@app.command("list")
def list_reviews(
    ctx: typer.Context,
    connection: ConnectionId,
    kind: Annotated[
        Kind, typer.Option(help="fuzzy = texts like an opt-out; unmatched = no shopper has it.")
    ] = Kind.FUZZY,
    limit: Limit = 100,
) -> None:
    """List what waits. Numbers are named by their keyed id only."""
    session = session_of(ctx)
    path = f"/connections/{segment(connection)}/reviews"
    items = list(session.api.pages(path, limit, {"kind": kind.value}))
    if session.screen.result({"items": items}):
        return
    session.screen.table(
        ("review", "since", "channel", "evidence"),
        [
            (
                item.get("review_id"),
                moment(item.get("created_at")),
                item.get("channel", "-"),
                item.get("evidence_id") or "-",
            )
            for item in items
        ],
        empty=f"Nothing waits for review ({kind.value}).",
    )


@app.command()
def confirm(ctx: typer.Context, connection: ConnectionId, review: ReviewId) -> None:
    """It was an opt-out: it becomes explicit."""
    _decide(ctx, connection, review, "confirm", "confirmed: it is an explicit opt-out now")


@app.command()
def dismiss(ctx: typer.Context, connection: ConnectionId, review: ReviewId) -> None:
    """It was none: what held before holds again, recorded in your name."""
    _decide(ctx, connection, review, "dismiss", "dismissed: what held before holds again")


def _decide(ctx: typer.Context, connection: str, review: str, decision: str, words: str) -> None:
    session = session_of(ctx)
    path = f"/connections/{segment(connection)}/reviews/{segment(review)}/{decision}"
    answer = session.api.post(path)
    if not session.screen.result(answer):
        session.screen.line(f"Review {review} {words}.")
