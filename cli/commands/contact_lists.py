"""`concord connections lists|make-list`: the contact lists that customers can be exported to."""

from __future__ import annotations

import uuid
from typing import Annotated

import typer

from cli.api import segment
from cli.commands.connections import ConnectionId
from cli.session import session_of


def lists(ctx: typer.Context, connection: ConnectionId) -> None:
    """List the contact lists of the account; choose one with `set`."""
    session = session_of(ctx)
    answer = session.api.get(f"/connections/{segment(connection)}/lists")
    if session.screen.result(answer):
        return
    chosen = answer.get("chosen")
    session.screen.table(
        ("list", "name", "chosen"),
        [
            (i.get("list_id"), i.get("name"), "yes" if i.get("list_id") == chosen else "")
            for i in answer.get("items") or ()
        ],
        empty="The account has no lists: concord connections make-list",
    )


def make_list(
    ctx: typer.Context,
    connection: ConnectionId,
    name: Annotated[str, typer.Option(help="Name of the list.")],
    from_name: Annotated[str, typer.Option(help="Whom its mails come from.")],
    from_email: Annotated[str, typer.Option(help="The address that they come from.")],
    reply_to: Annotated[str, typer.Option(help="Where answers go, if elsewhere.")] = "",
) -> None:
    """Make a contact list, and say how to choose it."""
    session = session_of(ctx)
    body = {"name": name, "from_name": from_name, "from_email": from_email}
    body |= {"reply_to": reply_to} if reply_to else {}
    path = f"/connections/{segment(connection)}/lists"
    made = session.api.post(path, body, idempotency_key=str(uuid.uuid4()))
    if session.screen.result(made):
        return
    list_id = made.get("list_id")
    session.screen.facts([("list", list_id), ("name", made.get("name"))])
    chosen = f"destination.settings.list_id='\"{list_id}\"'"
    session.screen.say(f"Choose it: concord connections set {connection} {chosen}")
