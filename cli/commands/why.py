"""`concord why`: which consent and which rules allowed or stopped one text."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.api import Patience
from cli.commands.broadcasts import BroadcastId, path_of
from cli.screen import coloured, moment
from cli.session import session_of


def why(
    ctx: typer.Context,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The number, in E.164.")],
    broadcast: BroadcastId,
) -> None:
    """Say what was known of a number when a broadcast came to it, and what that decided."""
    session = session_of(ctx)
    answer = session.api.post(f"{path_of(broadcast)}/why", {"point": number}, patience=Patience())
    if session.screen.result(answer):
        return
    session.screen.facts(
        [
            ("outcome", coloured(answer.get("outcome"))),
            ("reason", (answer.get("reason") or "").replace("_", " ")),
            ("decided", moment(answer.get("decided_at")) if answer.get("decided_at") else None),
            ("consent", answer.get("consent_event_id")),
            ("her time", ", ".join(answer.get("local") or ())),
            ("message", answer.get("message_id")),
        ]
    )
    for sentence in answer.get("explanation") or ():
        session.screen.line(f"- {sentence}")
