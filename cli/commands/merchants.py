"""`concord merchants`: a merchant's hours and frequency cap for broadcasts, and who it is."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from cli.api import Patience, segment
from cli.commands.connections import read_value
from cli.connection_file import put
from cli.errors import usage_error
from cli.screen import flat
from cli.session import Session, session_of

app = typer.Typer(no_args_is_help=True, help="Merchants: hours for texts, frequency cap.")

MerchantId = Annotated[str, typer.Argument(metavar="MERCHANT", help="Merchant id.")]
_SETTABLE: Final = ("name", "time_zone", "country", "quiet_hours", "frequency_cap")


@app.command()
def show(ctx: typer.Context, merchant: MerchantId) -> None:
    """Show a merchant."""
    session = session_of(ctx)
    _show(session, session.api.get(f"/merchants/{segment(merchant)}"))


@app.command("set")
def set_values(
    ctx: typer.Context,
    merchant: MerchantId,
    values: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME=VALUE...",
            help="quiet_hours.from=09:00 quiet_hours.to=20:00 frequency_cap.texts=4 "
            "frequency_cap.days=7; quiet_hours=null = the law's alone.",
        ),
    ],
) -> None:
    """Change what is named, and keep the rest. A cap counts the texts from when it is set."""
    session = session_of(ctx)
    changes: dict[str, Any] = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not equals or name.split(".")[0] not in _SETTABLE:
            raise usage_error(
                f"{text!r} is nothing to set", f"name=value; names: {', '.join(_SETTABLE)}"
            )
        changes[name] = read_value(name, value)
    path = f"/merchants/{segment(merchant)}"
    now = session.api.get(path)
    body = {name: now[name] for name in _SETTABLE if now.get(name)}
    for name, value in changes.items():
        put(body, name, value)
    _show(session, session.api.call("PUT", path, body, patience=Patience()))


def _show(session: Session, merchant: dict[str, Any]) -> None:
    if not session.screen.result(merchant):
        session.screen.facts(flat(merchant))
