"""`concord`: the operator's command, against the local stack or AWS."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cli.commands import (
    broadcasts,
    connections,
    consents,
    exports,
    groups,
    inbox,
    merchants,
    operate,
    points,
    programmes,
    reviews,
)
from cli.commands.connect import connect
from cli.commands.contact_lists import lists, make_list
from cli.commands.setup import setup
from cli.commands.why import why
from cli.errors import CommandError
from cli.session import Session
from cli.target import Choice


class _Root(TyperGroup):
    """The main command: `--json` may stand anywhere, expected failures are one clear line."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        if "--json" in args[:end]:
            args = ["--json", *(a for n, a in enumerate(args) if n > end or a != "--json")]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except CommandError as error:
            ctx.obj.screen.error(error)
            raise typer.Exit(error.exit_code) from error


app = typer.Typer(
    name="concord",
    cls=_Root,
    no_args_is_help=True,
    add_completion=False,
    # A traceback of ours would print local variables, and those hold secrets.
    pretty_exceptions_enable=False,
    help="Consent in agreement: operate Concord on the local stack or in AWS.",
    epilog="Without --stack and --api-url the local stack of .local/stack.json is meant.",
)
app.command()(setup)
app.command()(connect)
app.add_typer(merchants.app, name="merchants")
connections.app.command("lists")(lists)
connections.app.command("make-list")(make_list)
app.add_typer(connections.app, name="connections")
app.add_typer(consents.app, name="consents")
app.add_typer(reviews.app, name="reviews")
app.add_typer(inbox.app, name="inbox")
app.add_typer(groups.app, name="groups")
app.add_typer(broadcasts.app, name="broadcasts")
app.add_typer(exports.app, name="exports")
app.add_typer(programmes.app, name="programmes")
app.add_typer(points.app, name="points")
app.command()(why)
app.command()(operate.audit)
app.command()(operate.health)


@app.callback()
def main(
    ctx: typer.Context,
    stack: Annotated[
        Path | None, typer.Option(help="A stack.json. Default: .local/stack.json.")
    ] = None,
    api_url: Annotated[
        str | None, typer.Option(envvar="CONCORD_API_URL", help="API in AWS (output ApiUrl).")
    ] = None,
    region: Annotated[str | None, typer.Option(help="AWS region, if the URL names none.")] = None,
    profile: Annotated[str | None, typer.Option(help="AWS profile.")] = None,
    json_only: Annotated[
        bool, typer.Option("--json", help="Print JSON for scripts; may stand anywhere.")
    ] = False,
) -> None:
    """Choose the stack; commands use it once they need it."""
    session = ctx.ensure_object(Session)
    # A stack named on the command line wins over an address in the environment.
    by_flag = ctx.get_parameter_source("api_url")
    address = None if stack and by_flag and by_flag.name == "ENVIRONMENT" else api_url
    session.choice = Choice(stack, address, region, profile)
    session.screen.json_only = json_only


def run() -> None:
    """Entry point of the `concord` script."""
    app(prog_name="concord")


if __name__ == "__main__":
    run()
