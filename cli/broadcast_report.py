"""What a person sees of a broadcast: its preview, its progress, its report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.progress import TaskID

from cli.screen import coloured, moment
from cli.session import Session
from cli.waiting import bar

_POLL_SECONDS: Final = 1.0
_RUNS: Final = frozenset({"planning", "sending"})


def watch(session: Session, path: str) -> dict[str, Any]:
    """Show the progress of a broadcast until it is over, or held; return what it is then."""
    with bar(session, "Planning") as progress:
        task: TaskID = progress.add_task("Planning", total=None, said="")
        while True:
            shown = session.api.get(path)
            audience, waiting = shown.get("audience"), shown.get("waiting")
            if audience is not None:
                done = audience - (waiting or 0)
                said = progress_of(shown)
                progress.update(
                    task, description="Sending", total=audience, completed=done, said=said
                )
            if shown.get("state") not in _RUNS:
                return shown
            session.sleep(_POLL_SECONDS)


def progress_of(shown: Mapping[str, Any]) -> str:
    """Return how far a planned broadcast is, and of whom it is known that she is not texted now."""
    audience, waiting = shown["audience"], shown.get("waiting") or 0
    skipped = sum((shown.get("skipped") or {}).values())
    counts = [
        (skipped, "skipped"),
        (shown.get("uncertain") or 0, "uncertain"),
        *((count, f"until {until}") for until, count in _night(shown)),
    ]
    also = ", ".join(f"{count:,} {what}" for count, what in counts if count)
    return f"{audience - waiting:,} of {audience:,}{f' ({also})' if also else ''}"


def _night(shown: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Return who waits for a legal hour, by that hour."""
    waits = shown.get("waits_until") or ()
    return [(moment(each.get("until")), each.get("recipients") or 0) for each in waits]


def show_report(session: Session, shown: Mapping[str, Any]) -> None:
    """Print a broadcast and what became of its recipients; the sum is its audience."""
    session.screen.facts(
        [
            ("broadcast", shown.get("broadcast_id")),
            ("name", shown.get("name")),
            ("state", coloured(shown.get("state"))),
            ("held", shown.get("held")),
            ("groups", ", ".join(shown.get("group_ids") or ())),
            ("text", shown.get("body") or shown.get("text")),
            ("segments", shown.get("segments")),
            ("begins", moment(shown.get("send_at")) if shown.get("send_at") else None),
            ("begun", moment(shown.get("started_at")) if shown.get("started_at") else None),
            ("over", moment(shown.get("finished_at")) if shown.get("finished_at") else None),
            (
                "finish expected",
                moment(shown.get("expected_finish")) if shown.get("expected_finish") else None,
            ),
        ]
    )
    if shown.get("audience") is None:
        return
    session.screen.line()
    session.screen.table(
        ("what became of them", "recipients"),
        [(what, f"{count:,}") for what, count in _outcomes(shown)],
        empty="Nobody was in its groups.",
    )
    if told := list(_told(shown.get("receipts") or {})):
        session.screen.line()
        session.screen.table(
            ("what carriers told", "texts"),
            [(what, f"{count:,}") for what, count in told],
            empty="",
        )


def _told(receipts: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for name in ("delivered", "sent", "accepted"):
        if receipts.get(name):
            yield name, receipts[name]
    for code, count in sorted((receipts.get("failed") or {}).items()):
        yield f"failed: {code or 'no code'}", count


def _outcomes(shown: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    yield "sent", shown.get("sent") or 0
    for reason, count in sorted((shown.get("skipped") or {}).items()):
        yield f"skipped: {reason.replace('_', ' ')}", count
    if shown.get("uncertain"):
        yield "uncertain", shown["uncertain"]
    night = _night(shown)
    if (soon := (shown.get("waiting") or 0) - sum(count for _, count in night)) > 0:
        yield "waiting", soon
    for until, count in night:
        yield f"waiting until {until}", count
    yield "audience", shown["audience"]


def show_preview(session: Session, result: Mapping[str, Any]) -> None:
    """Print what a send would do now: who is texted, at what cost, who not and why, by when."""
    cost, second = result.get("cost"), result.get("second_segment")
    session.screen.facts(
        [
            ("recipients", _count(result.get("recipients"))),
            ("texts", _count(result.get("texts"))),
            ("segments each", result.get("segments")),
            ("encoding", result.get("encoding")),
            ("second segment", _costs(second) if second else None),
            ("needs UCS-2", _costs(result["forces_ucs_2"]) if result.get("forces_ucs_2") else None),
            ("cost", f"{cost['amount']} {cost['currency']}" if cost else "price not set"),
            ("begins", moment(result.get("starts_at"))),
            ("over by", moment(result.get("expected_finish"))),
            ("text", result.get("body")),
        ]
    )
    rows = [
        (f"excluded: {reason.replace('_', ' ')}", _count(count))
        for reason, count in (result.get("excluded") or {}).items()
    ]
    rows += [
        (f"waits for {each.get('local_start')}", _count(each.get("recipients")))
        for each in result.get("waiting") or ()
    ]
    if rows:
        session.screen.line()
        session.screen.table(("not at once", "recipients"), rows, empty="")


def _costs(character: Mapping[str, Any]) -> str:
    char, code = str(character.get("character") or ""), character.get("code_point")
    named = f"{char} ({code})" if char.isprintable() and not char.isspace() else code
    index = character.get("index")
    return f"{named}, character {index + 1}" if isinstance(index, int) else str(named)


def _count(number: object) -> str:
    return f"{number:,}" if isinstance(number, int) else "-"
