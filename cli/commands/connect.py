"""`concord connect`: link two accounts, and show this once what the platforms must be told."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.api import Patience, segment
from cli.connection_file import (
    fill,
    fill_merchant,
    read_connection_file,
    split_merchant,
    with_flags,
)
from cli.errors import CommandError
from cli.session import Session, session_of


def connect(
    ctx: typer.Context,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="YAML or JSON; - reads stdin. Flags win over it."),
    ] = None,
    merchant: Annotated[str | None, typer.Option(help="Merchant id.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of a new merchant.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="Its IANA time zone.")] = None,
    country: Annotated[str | None, typer.Option(help="Its country, for example US.")] = None,
    integration: Annotated[str | None, typer.Option(help="Default: catapult-text_em_all.")] = None,
    source_account: Annotated[str | None, typer.Option(help="Account at the POS or shop.")] = None,
    source_url: Annotated[str | None, typer.Option(help="Base URL of its API.")] = None,
    destination_account: Annotated[
        str | None, typer.Option(help="Account at the messaging platform.")
    ] = None,
    destination_url: Annotated[str | None, typer.Option(help="Base URL of its API.")] = None,
    join_keyword: Annotated[str | None, typer.Option(help="Default: JOIN.")] = None,
    fallback_number: Annotated[
        str | None, typer.Option(help="Number that shoppers can text STOP to.")
    ] = None,
) -> None:
    """Make a connection, and the merchant if there is none yet.

    Credentials come from the file, or are asked for without echo; never from flags, which other
    users of the machine can see.
    """
    session = session_of(ctx)
    content = with_flags(
        read_connection_file(file) if file else {},
        {
            "merchant.id": merchant,
            "merchant.name": name,
            "merchant.time_zone": time_zone,
            "merchant.country": country,
            "integration": integration,
            "source.account_id": source_account,
            "source.base_url": source_url,
            "destination.account_id": destination_account,
            "destination.base_url": destination_url,
            "settings.join_keyword": join_keyword,
            "settings.fallback_number": fallback_number,
        },
    )
    merchant_id, details, body = split_merchant(content)
    if session.interactive and not _is_known(session, merchant_id):
        # Asked and checked before the secrets: nobody types those again for a wrong time zone.
        _make_merchant(session, merchant_id, details)
    fill(body, lambda question, secret: session.ask(question, secret=secret))
    made = _create(session, merchant_id, details, body)
    if not session.screen.result(made):
        _show(session, made)


def _create(
    session: Session, merchant_id: str, details: dict[str, Any], body: dict[str, Any]
) -> dict[str, Any]:
    """Make the connection; where the API knows no such merchant, make that first.

    An existing merchant is left as it is: somebody may have set its quiet hours since.
    """
    path = f"/merchants/{segment(merchant_id)}"
    try:
        return _post(session, path, body)
    except CommandError as error:
        if error.code != "not_found":
            raise
    _make_merchant(session, merchant_id, details)
    return _post(session, path, body)


def _is_known(session: Session, merchant_id: str) -> bool:
    path = f"/merchants/{segment(merchant_id)}/connections"
    try:
        session.api.get(path, params={"limit": "1"})
    except CommandError as error:
        if error.code != "not_found":
            raise
        return False
    return True


def _make_merchant(session: Session, merchant_id: str, details: dict[str, Any]) -> None:
    fill_merchant(details, lambda question, default: session.ask(question, default=default))
    path = f"/merchants/{segment(merchant_id)}"
    session.api.call("PUT", path, details, patience=Patience())
    session.screen.say(
        f"Merchant {merchant_id} made. Should the connection be refused, correct it and run this "
        "again: the merchant stays."
    )


def _post(session: Session, path: str, body: dict[str, Any]) -> dict[str, Any]:
    # One key per run: should the first answer get lost, the repeat makes no second connection.
    return session.api.post(
        f"{path}/connections", body, idempotency_key=str(uuid.uuid4()), patience=Patience()
    )


def _show(session: Session, made: dict[str, Any]) -> None:
    screen, connection_id = session.screen, str(made["connection_id"])
    screen.line(f"Connection {connection_id} is {made['state']}.", style="bold green")
    screen.line()
    screen.facts(
        [
            *((f"Webhook URL, {platform}", url) for platform, url in made["webhooks"].items()),
            ("Webhook secret", made.get("webhook_secret")),
            ("Connect key", made.get("connect_key")),
        ]
    )
    screen.line()
    if made.get("connect_key"):
        screen.say("Keep these now: they are shown this once.", style="yellow")
    else:
        screen.say(
            "The first answer got lost, and its secrets with it: make new ones with\n"
            f"  concord connections rotate {connection_id} --what connect_key|webhook_secret|token",
            style="yellow",
        )
    screen.say("Next:")
    screen.next_steps(
        (
            "give each platform its webhook URL and the secret, and the shop the connect key",
            f"concord connections check {connection_id}",
            f"concord connections state {connection_id} pending, and once both sides agree: "
            "connected",
        )
    )
