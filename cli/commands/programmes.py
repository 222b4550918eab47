"""`concord programmes`: by which rules a merchant's members earn points and lose them."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

import typer

from cli.api import Patience, segment
from cli.commands.connections import Limit
from cli.errors import FAILED, CommandError, usage_error
from cli.session import Session, session_of
from concord.domain.points.programme import MonthEnd, RefundPolicy, Rounding
from concord.domain.points.report import COLUMNS

app = typer.Typer(no_args_is_help=True, help="Programmes: the rules of a merchant's points.")

ProgrammeId = Annotated[
    str, typer.Argument(metavar="PROGRAMME", help="MERCHANT/PROGRAMME, as `list` prints it.")
]
_NONE: Final = "none"
_SPAN: Final = re.compile(r"([0-9]{1,5})([dm])")
_IDS: Final = ("merchant_id", "programme_id")


@app.command("list")
def list_programmes(
    ctx: typer.Context,
    merchant: Annotated[str, typer.Argument(metavar="MERCHANT", help="Merchant id.")],
    limit: Limit = 100,
) -> None:
    """List a merchant's programmes."""
    session = session_of(ctx)
    items = list(session.api.pages(f"/merchants/{segment(merchant)}/programmes", limit, {}))
    session.screen.listing(
        items,
        ("programme", "name", "points", "valid for", "notice"),
        lambda item: (
            f"{merchant}/{item.get('programme_id')}",
            item.get("name") or "-",
            f"{item.get('points_per_unit')} per {item.get('currency')}",
            _span(item.get("valid_for")),
            _days(item.get("notice_days")) or "-",
        ),
        empty=f"Merchant {merchant} has no programme: concord programmes put {merchant}/NAME",
    )


@app.command()
def show(ctx: typer.Context, programme: ProgrammeId) -> None:
    """Show a programme."""
    session = session_of(ctx)
    _show(session, session.api.get(path_of(programme)))


@app.command()
def put(
    ctx: typer.Context,
    programme: ProgrammeId,
    name: Annotated[str | None, typer.Option(help="What members call it.")] = None,
    currency: Annotated[str | None, typer.Option(help="ISO 4217, for example USD.")] = None,
    points_per_unit: Annotated[
        str | None, typer.Option(help="Points for a unit of the currency, before tax; exact.")
    ] = None,
    rounding: Annotated[Rounding | None, typer.Option(help="Of parts of a point.")] = None,
    valid_for: Annotated[
        str | None, typer.Option(help="How long points can be used: 365d, 12m or none.")
    ] = None,
    month_end: Annotated[
        MonthEnd | None, typer.Option(help="On which day months end; goes with --valid-for.")
    ] = None,
    refund_policy: Annotated[
        RefundPolicy | None, typer.Option(help="Where a refund takes more than there is.")
    ] = None,
    pending_days: Annotated[int | None, typer.Option(help="The return window, in days.")] = None,
    notice_days: Annotated[
        str | None, typer.Option(help="Tell so many days before points expire, or none.")
    ] = None,
    newsletter_reward: Annotated[
        str | None, typer.Option(help="Points for a newsletter sign-up, or none.")
    ] = None,
    take_back: Annotated[
        bool | None,
        typer.Option("--take-back/--keep", help="Whether leaving the newsletter takes them back."),
    ] = None,
) -> None:
    """Make a programme, or change what is named of it; the rest stays as it is."""
    session = session_of(ctx)
    named: dict[str, Any] = {
        "name": name,
        "currency": currency,
        "points_per_unit": points_per_unit,
        "rounding": rounding and rounding.value,
        "refund_policy": refund_policy and refund_policy.value,
        "pending_days": pending_days,
    }
    body = _stored(session, programme) | {n: v for n, v in named.items() if v is not None}
    if not {"name", "currency"} <= body.keys():
        raise usage_error("a new programme needs --name and --currency")
    if valid_for is not None or month_end is not None:
        body["valid_for"] = _valid_for(valid_for, month_end, body.get("valid_for"))
    if notice_days is not None:
        body["notice_days"] = _number("--notice-days", notice_days)
    if newsletter_reward is not None or take_back is not None:
        body["newsletter_reward"] = _reward(
            newsletter_reward, take_back, body.get("newsletter_reward")
        )
    _show(session, session.api.call("PUT", path_of(programme), body, patience=Patience()))


@app.command()
def report(
    ctx: typer.Context,
    programme: ProgrammeId,
    day: Annotated[str, typer.Argument(metavar="DATE", help="A day of the merchant's.")],
) -> None:
    """Show what a day did to all points; exit code 1 if it does not add up."""
    session = session_of(ctx)
    found = session.api.get(f"{path_of(programme)}/reports/{segment(day)}")
    if not session.screen.result(found):
        columns = ("opening", *COLUMNS, "closing")
        session.screen.facts(
            [
                ("date", found.get("date")),
                *((name, f"{found[name]:,}") for name in columns if name in found),
                ("pending, apart", f"{found['pending']:+,}" if found.get("pending") else None),
                ("entries", f"{found.get('entries') or 0:,}"),
                ("adds up", "yes" if found.get("adds_up") else f"no, gaps: {found.get('gaps')}"),
            ]
        )
    if not found.get("adds_up"):
        raise typer.Exit(FAILED)


def path_of(programme: str) -> str:
    """Return the API's path of `MERCHANT/PROGRAMME`. Raises CommandError."""
    merchant, slash, name = programme.partition("/")
    if not (merchant and slash and name) or "/" in name:
        raise usage_error(
            f"{programme!r} is no programme", "give MERCHANT/PROGRAMME, as `list` prints it"
        )
    return f"/merchants/{segment(merchant)}/programmes/{segment(name)}"


def _stored(session: Session, programme: str) -> dict[str, Any]:
    """Return what a programme is now, as it is put; nothing of a new one."""
    try:
        found = session.api.get(path_of(programme))
    except CommandError as error:
        if error.code != "not_found":
            raise
        return {}
    return {name: value for name, value in found.items() if name not in _IDS}


def _valid_for(span: str | None, month_end: MonthEnd | None, now: Any) -> dict[str, Any] | None:
    if span == _NONE:
        if month_end is not None:
            raise usage_error("--month-end says when months end: give --valid-for in months")
        return None
    made = dict(now or {})
    if span is not None:
        found = _SPAN.fullmatch(span)
        if found is None:
            raise usage_error(f"{span!r} is no span", "write 365d, 12m or none")
        made = {"days" if found[2] == "d" else "months": int(found[1])}
    if month_end is not None:
        if not made.get("months"):
            raise usage_error("--month-end says when months end: give --valid-for in months")
        made["month_end"] = month_end.value
    return made


def _reward(points: str | None, take_back: bool | None, now: Any) -> dict[str, Any] | None:
    number = _number("--newsletter-reward", points) if points is not None else None
    if points is not None and number is None:
        return None
    made = {**(now or {}), **({"points": number} if number is not None else {})}
    if "points" not in made:
        raise usage_error("say how many points with --newsletter-reward")
    return {**made, **({"take_back": take_back} if take_back is not None else {})}


def _number(option: str, text: str) -> int | None:
    if text == _NONE:
        return None
    if not re.fullmatch("[0-9]{1,10}", text):
        raise usage_error(f"{option} is a whole number or none, not {text!r}")
    return int(text)


def _show(session: Session, programme: dict[str, Any]) -> None:
    if session.screen.result(programme):
        return
    reward = programme.get("newsletter_reward") or {}
    leaving = "taken back" if reward.get("take_back") else "kept"
    session.screen.facts(
        [
            ("programme", f"{programme.get('merchant_id')}/{programme.get('programme_id')}"),
            ("name", programme.get("name")),
            ("points", f"{programme.get('points_per_unit')} per {programme.get('currency')}"),
            ("rounding", str(programme.get("rounding")).replace("_", " ")),
            ("valid for", _span(programme.get("valid_for"))),
            ("refunds", programme.get("refund_policy")),
            ("return window", _days(programme.get("pending_days") or None) or "none"),
            ("notice", _days(programme.get("notice_days")) or "none is sent"),
            ("newsletter", f"{reward['points']} points, {leaving}" if reward else "no reward"),
        ]
    )


def _span(valid: Any) -> str:
    if not valid:
        return "ever"
    if valid.get("days"):
        return _days(valid["days"])
    months = valid.get("months")
    ends = " to their last day" if valid.get("month_end") == MonthEnd.LAST_DAY else ""
    return f"{months} month{'s' if months != 1 else ''}{ends}"


def _days(number: Any) -> str:
    return f"{number} day{'s' if number != 1 else ''}" if number else ""
