"""Waiting for what outlasts a request: a job, with its progress on stderr, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import typer
from rich.progress import BarColumn, Progress, TextColumn

from cli.api import Patience, segment
from cli.errors import FAILED, CommandError
from cli.screen import coloured
from cli.session import Session

_POLL_SECONDS: Final = 2.0
_FIRST_POLLS: Final = 0.3
_LONGEST_WAIT: Final = 3600.0
_AT_WORK: Final = frozenset({"queued", "running", "pending"})


@dataclass(frozen=True, slots=True)
class Words:
    """What a job does, and what its counts are called: of all, new ones, and changed ones."""

    doing: str
    done: str
    created: str
    updated: str


def run_job(session: Session, path: str, words: Words, *, wait: bool) -> None:
    """Have a job started and, if `wait`, follow it to its end; a failed one is exit code FAILED."""
    job = session.api.post(path, patience=Patience())
    if wait and job.get("job_id"):
        job = finished(session, str(job["job_id"]), words.doing, words)
    if not session.screen.result(job):
        _report(session, job, words)
    if job.get("state") == "failed":
        raise typer.Exit(FAILED)


def _report(session: Session, job: dict[str, Any], words: Words) -> None:
    if "state" not in job:
        session.screen.line(f"Job {job.get('job_id')} has begun.")
        return
    reason = (job.get("result") or {}).get("reason")
    session.screen.facts(
        [
            ("job", job.get("job_id")),
            ("state", coloured(job.get("state"))),
            (words.done, job.get("done")),
            (words.created, job.get("created")),
            (words.updated, job.get("updated")),
            *_left_out(job),
            *([("reason", reason)] if reason else []),
        ]
    )


def finished(
    session: Session, job_id: str, doing: str, words: Words | None = None
) -> dict[str, Any]:
    """Ask for the job until it has ended, and return it. Raises CommandError after an hour.

    `words` = what became of the parts is shown as it grows. Where nobody watches a terminal the bar
    is a line whenever something has moved.
    """
    waited, told = 0.0, ""
    plain = not session.screen.json_only and not session.screen.err.is_terminal
    with bar(session, doing) as progress:
        task = progress.add_task(doing, total=None, said="")
        while True:
            job = session.api.get(f"/jobs/{segment(job_id)}")
            said = _said(job, words)
            if plain and said and said != told:
                session.screen.say(f"{doing}: {said}")
                told = said
            if job.get("state") not in _AT_WORK:
                return {"job_id": job_id, **job}
            if waited >= _LONGEST_WAIT:
                raise CommandError(f"job {job_id} is still at work; it goes on by itself")
            total = job.get("total") or None
            progress.update(task, completed=job.get("done", 0), total=total, said=said)
            pause = _FIRST_POLLS if waited < _POLL_SECONDS else _POLL_SECONDS
            session.sleep(pause)
            waited += pause


def _said(job: dict[str, Any], words: Words | None) -> str:
    """Return how far a job is: `45 %, 900 of 2,000, created 850, no email 50`."""
    done, total = job.get("done") or 0, job.get("total") or 0
    if not done and not total:
        return ""
    parts = [f"{100 * done // total} %", f"{done:,} of {total:,}"] if total else [f"{done:,}"]
    if words is not None:
        named = ((words.created, job.get("created")), (words.updated, job.get("updated")))
        parts += [f"{name} {count:,}" for name, count in (*named, *_left_out(job)) if count]
    return ", ".join(parts)


def _left_out(job: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the reasons for which parts were skipped, each with its count."""
    return [(name.replace("_", " "), count) for name, count in (job.get("skipped") or {}).items()]


def bar(session: Session, doing: str) -> Progress:
    """Return a progress bar on stderr; none at all for scripts. `doing` names an empty one."""
    return Progress(
        TextColumn("{task.description}" if doing else ""),
        BarColumn(),
        TextColumn("{task.fields[said]}"),
        console=session.screen.err,
        transient=True,
        disable=session.screen.json_only,
    )
