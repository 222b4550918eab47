"""Waiting for what outlasts a request: a job, with its progress on stderr."""

from __future__ import annotations

from typing import Any, Final

from rich.progress import BarColumn, Progress, TextColumn

from cli.api import segment
from cli.errors import CommandError
from cli.session import Session

_POLL_SECONDS: Final = 2.0
_FIRST_POLLS: Final = 0.3
_LONGEST_WAIT: Final = 3600.0
_AT_WORK: Final = frozenset({"queued", "running", "pending"})


def finished(session: Session, job_id: str, doing: str) -> dict[str, Any]:
    """Ask for the job until it has ended, and return it. Raises CommandError after an hour."""
    waited = 0.0
    with bar(session, doing) as progress:
        task = progress.add_task(doing, total=None, said="")
        while True:
            job = session.api.get(f"/jobs/{segment(job_id)}")
            if job.get("state") not in _AT_WORK:
                return {"job_id": job_id, **job}
            if waited >= _LONGEST_WAIT:
                raise CommandError(f"job {job_id} is still at work; it goes on by itself")
            total = job.get("total") or None
            said = f"{job.get('done', 0):,}" + (f" of {total:,}" if total else "")
            progress.update(task, completed=job.get("done", 0), total=total, said=said)
            pause = _FIRST_POLLS if waited < _POLL_SECONDS else _POLL_SECONDS
            session.sleep(pause)
            waited += pause


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
