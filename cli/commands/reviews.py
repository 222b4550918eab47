"""`concord reviews`: what a person has to look at."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from cli.api import segment
from cli.commands.connections import ConnectionId, Limit
from cli.screen import moment
from cli.session import session_of
from concord.domain.review import ReviewKind

app = typer.Typer(no_args_is_help=True, help="Reviews: likely opt-outs, numbers nobody carries.")

_PERSONAL: Final = frozenset({"point", "text"})
Actor = Annotated[
    str | None, typer.Option(help="Who decides, where your AWS identity does not say.")
]
ReviewId = Annotated[str, typer.Argument(metavar="REVIEW", help="Review id.")]


@app.command("list")
def list_reviews(
    ctx: typer.Context,
    connection: ConnectionId,
    kind: Annotated[
        ReviewKind,
        typer.Option(help="fuzzy = texts like an opt-out; unmatched = no shopper has it."),
    ] = ReviewKind.FUZZY,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show numbers and texts: they are personal data.")
    ] = False,
    limit: Limit = 100,
) -> None:
    """List what waits for a person."""
    session = session_of(ctx)
    path = f"/connections/{segment(connection)}/reviews"
    items = list(session.api.pages(path, limit, {"kind": kind.value}))
    if not reveal:
        items = [{n: v for n, v in item.items() if n not in _PERSONAL} for item in items]
    shown = ("point", "text") if reveal else ("consent_event_id",)
    session.screen.listing(
        items,
        ("review", "since", "channel", *("evidence" if n not in _PERSONAL else n for n in shown)),
        lambda item: (
            item.get("review_id"),
            moment(item.get("created_at")),
            item.get("channel", "-"),
            *(item.get(name) or "-" for name in shown),
        ),
        empty=f"Nothing waits for review ({kind.value}).",
    )
    if items and not (reveal or session.screen.json_only):
        session.screen.say("--reveal shows the numbers and texts.")


@app.command()
def confirm(
    ctx: typer.Context, connection: ConnectionId, review: ReviewId, actor: Actor = None
) -> None:
    """It was an opt-out: it becomes explicit."""
    _decide(ctx, connection, review, actor, "confirm", "confirmed: it is an explicit opt-out now")


@app.command()
def dismiss(
    ctx: typer.Context, connection: ConnectionId, review: ReviewId, actor: Actor = None
) -> None:
    """It was none: what held before holds again, recorded in your name."""
    _decide(ctx, connection, review, actor, "dismiss", "dismissed: what held before holds again")


def _decide(
    ctx: typer.Context, connection: str, review: str, actor: str | None, decision: str, words: str
) -> None:
    session = session_of(ctx)
    path = f"/connections/{segment(connection)}/reviews/{segment(review)}/{decision}"
    answer = session.api.post(path, {"actor": actor} if actor else {})
    if not session.screen.result(answer):
        session.screen.line(f"Review {review} {words}.")
