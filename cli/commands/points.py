"""`concord points`: what a member has, how it came, and what is put right by hand."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from cli.api import Patience, segment
from cli.commands.connections import Limit
from cli.commands.programmes import path_of
from cli.errors import CommandError
from cli.screen import moment
from cli.session import session_of

app = typer.Typer(no_args_is_help=True, help="Points of a member: show, explain, adjust.")

Member = Annotated[
    str, typer.Argument(metavar="MEMBER", help="The merchant's own id of the member.")
]
Programme = Annotated[str, typer.Option("--programme", help="MERCHANT/PROGRAMME.")]
# Of the details what says most: it stands first, and without its name.
_WHY: Final = ("reason", "actor")


@app.command()
def show(ctx: typer.Context, member: Member, programme: Programme) -> None:
    """Show what a member has today, and when it expires."""
    session = session_of(ctx)
    account = session.api.get(_account(programme, member))
    if session.screen.result(account):
        return
    coming = account.get("next_expiry") or {}
    session.screen.facts(
        [
            ("balance", _count(account.get("balance"))),
            ("available", _count(account.get("available"))),
            ("pending", _count(account.get("pending"))),
            ("owed", _count(account["owed"]) if account.get("owed") else None),
            ("expires next", _lot(coming) if coming else None),
            ("today", account.get("today")),
        ]
    )
    lots = [(item.get("expires_on") or "never", item, "-") for item in account.get("lots") or ()]
    waits = [
        (item.get("expires_on") or "never", item, item.get("active_on"))
        for item in account.get("pending_lots") or ()
    ]
    session.screen.table(
        ("last day", "points", "pending until"),
        [(last, _count(item.get("points")), until) for last, item, until in (*lots, *waits)],
        empty="There are no points.",
    )


@app.command()
def statement(ctx: typer.Context, member: Member, programme: Programme, limit: Limit = 50) -> None:
    """Explain every point: what moved it, when, by which event, and what was left."""
    session = session_of(ctx)
    path = f"{_account(programme, member)}/entries"
    items = list(session.api.pages(path, limit, {}))
    session.screen.listing(
        items,
        ("when", "what", "points", "balance", "last day", "why"),
        lambda item: (
            moment(item.get("at")),
            item.get("kind"),
            _signed(item),
            _count(item.get("balance")),
            ", ".join(map(_lot, item.get("lots") or ())) or "-",
            _why(item),
        ),
        empty="No points have moved.",
    )


@app.command()
def adjust(
    ctx: typer.Context,
    member: Member,
    programme: Programme,
    amount: Annotated[int, typer.Option(help="Points to give; negative = to take away.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the statement.")],
    actor: Annotated[str, typer.Option(help="Who decided it.")],
) -> None:
    """Give a member points, or take some away. A balance never goes below nothing by it."""
    session = session_of(ctx)
    body = {"amount": amount, "reason": reason, "actor": actor}
    path = f"{_account(programme, member)}/adjustments"
    try:
        entry = session.api.post(path, body, idempotency_key=str(uuid.uuid4()), patience=Patience())
    except CommandError as error:
        if error.code == "insufficient_points":
            look = f"what there is: concord points show MEMBER --programme {programme}"
            error.hints = (*error.hints, look)
        raise
    if not session.screen.result(entry):
        lots = ", ".join(map(_lot, entry.get("lots") or ()))
        session.screen.line(f"{_signed(entry)} points ({lots or 'of what is owed'}).")
        session.screen.line(f"The balance is {_count(entry.get('balance'))}.")


def _account(programme: str, member: str) -> str:
    return f"{path_of(programme)}/accounts/{segment(member)}"


def _lot(lot: Mapping[str, Any]) -> str:
    last = lot.get("expires_on")
    return f"{_count(lot.get('points'))} until {last}" if last else f"{_count(lot.get('points'))}"


def _signed(item: Mapping[str, Any]) -> str:
    """Return by how much points moved: those that are pending apart."""
    points, pending = item.get("points") or 0, item.get("pending") or 0
    told = f"{points:+,}" if points else "0"
    return f"{told} (pending {pending:+,})" if pending else told


def _why(item: Mapping[str, Any]) -> str:
    """Return what is known of the cause: reason and who, order, refund, what was asked for."""
    details = item.get("details") or {}
    told = [str(details[name]) for name in _WHY if details.get(name)]
    told += [f"{name} {value}" for name, value in details.items() if name not in _WHY and value]
    if item.get("asked") is not None:
        told.append(f"of {_count(item['asked'])} asked for")
    return ", ".join(told) or "-"


def _count(number: object) -> str:
    return f"{number:,}" if isinstance(number, int) else "-"
