"""`concord consents import`: a file of opt-ins in parts, with progress, resumable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from cli.api import PATIENT, segment
from cli.commands.connections import ConnectionId
from cli.csv_rows import ErrorFile, Row, cut, read_rows, scan
from cli.errors import FAILED, CommandError, usage_error
from cli.import_state import ImportState, load_state
from cli.screen import coloured
from cli.session import Session, session_of

# As many as a call may hold.
ROWS_PER_PART: Final = 500
BYTES_PER_PART: Final = 512 * 1024
_FINE: Final = frozenset({"accepted", "duplicate"})
_AGAIN: Final = "run the same command again: it goes on, and what was taken is a duplicate then"
_MEANING: Final = {
    "invalid_phone": "not a phone number: give it in E.164, for example +15551230000",
    "invalid_email": "not an e-mail address",
    "must_text_unstop": "opted out: only UNSTOP, texted by the shopper, opts this number in again",
    "must_opt_in_personally": "opted out: only the shopper's own opt-in lifts it",
}


def import_file(
    ctx: typer.Context,
    connection: ConnectionId,
    file: Annotated[
        Path, typer.Argument(metavar="FILE.csv", help="point,channel,occurred_at,evidence")
    ],
    attestation: Annotated[
        str, typer.Option(help="How these shoppers gave consent; kept with every row.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Judge every row, store none.")
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Forget an interrupted run and begin again.")
    ] = False,
) -> None:
    """Import opt-ins. An explicit opt-out stands: such rows are refused with must_text_unstop.

    Interrupted, the same command goes on where it stopped. Importing a file again changes nothing.
    Rows that failed are written to FILE.csv.errors.csv; then the exit code is 1.
    """
    session = session_of(ctx)
    if not attestation.strip():
        raise usage_error("--attestation is empty: say how these shoppers gave consent")
    scanned = scan(file)
    next(read_rows(file), None)  # a header that cannot be read ends it here
    wanted = ImportState(
        scanned.sha256,
        connection,
        session.api.target.api_url,
        attestation,
        rows_per_part=ROWS_PER_PART,
    )
    checkpoint = None if dry_run else file.with_name(f"{file.name}.import.json")
    state = _resume(session, checkpoint, wanted, restart=restart)
    errors = ErrorFile(file.with_name(f"{file.name}.errors.csv"), state.errors_length)
    job = _Import(session, state, errors, checkpoint)
    try:
        job.run(file, scanned.size)
    except KeyboardInterrupt:
        session.screen.say(f"Interrupted after {state.rows:,} rows. The same command goes on.")
        raise typer.Exit(130) from None
    if checkpoint:
        checkpoint.unlink(missing_ok=True)
    _report(session, state, file, errors, dry_run=dry_run)
    if set(state.results) - _FINE:
        raise typer.Exit(FAILED)


def _resume(
    session: Session, checkpoint: Path | None, wanted: ImportState, *, restart: bool
) -> ImportState:
    found = load_state(checkpoint) if checkpoint and not restart else None
    if found is None:
        return wanted
    if not found.is_of(wanted):
        raise usage_error(
            f"{checkpoint} is of an interrupted import of another file, connection or API",
            "finish that one first, or forget it with --restart",
        )
    if found.attestation != wanted.attestation:
        raise usage_error(
            "the interrupted import had another --attestation",
            f"it was: {found.attestation}",
            "give that one, or begin again with --restart",
        )
    session.screen.say(f"Going on after {found.rows:,} rows.")
    return found


@dataclass
class _Import:
    session: Session
    state: ImportState
    errors: ErrorFile
    checkpoint: Path | None

    def run(self, file: Path, size: int) -> None:
        """Send part after part; each is checkpointed before the next."""
        parts = enumerate(cut(read_rows(file), self.state.rows_per_part, BYTES_PER_PART))
        with self._progress() as progress:
            doing = "Importing" if self.checkpoint else "Checking"
            task = progress.add_task(doing, total=size, rows=0)
            seen = 0
            for number, part in parts:
                seen += sum(row.weight() - 64 for row in part)
                if number >= self.state.parts:
                    self._part(number, part)
                # Cells are the file's bytes but for separators and quotes: close enough to show.
                near = min(seen + self.state.rows * 4, size)
                progress.update(task, completed=near, rows=self.state.rows)
            progress.update(task, completed=size, rows=self.state.rows)

    def _part(self, number: int, part: Sequence[Row]) -> None:
        sent = [row for row in part if not row.fault]
        answers = iter(self._send(number, sent) if sent else [])
        failures = []
        for row in part:
            result, message = ("invalid_row", row.fault) if row.fault else next(answers)
            self.state.count(result)
            if result not in _FINE:
                failures.append((row, result, message))
        self.errors.add(failures)
        self.state.parts = number + 1
        self.state.errors_length = self.errors.length
        if self.checkpoint:
            self.state.save(self.checkpoint)

    def _send(self, number: int, rows: Sequence[Row]) -> list[tuple[str, str]]:
        """Return result and message per row.

        An answer tells of all rows or, with a 503 that is waited out, of none.
        """
        body = {
            "import_id": f"{self.state.file_sha256[:40]}-{number}",
            "attestation": self.state.attestation,
            "rows": [row.as_json() for row in rows],
        }
        answer = self.session.api.post(
            f"/connections/{segment(self.state.connection_id)}/consent-imports",
            body,
            params=None if self.checkpoint else {"dry_run": "true"},
            patience=PATIENT,
        )
        told = [str(item["result"]) for item in answer.get("results") or ()]
        if len(told) != len(rows):
            raise CommandError(
                f"the API answered for {len(told)} rows of {len(rows)}", hints=(_AGAIN,)
            )
        return [(result, _MEANING.get(result, "")) for result in told]

    def _progress(self) -> Progress:
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%  {task.fields[rows]:,} rows"),
            TimeRemainingColumn(),
            console=self.session.screen.err,
            transient=True,
            disable=self.session.screen.json_only,
        )


def _report(
    session: Session, state: ImportState, file: Path, errors: ErrorFile, *, dry_run: bool
) -> None:
    results = dict(sorted(state.results.items()))
    failed = sum(n for result, n in results.items() if result not in _FINE)
    errors_file = f"{file}.errors.csv" if errors.length else None
    document = {
        "rows": state.rows,
        "results": results,
        "failed": failed,
        "errors_file": errors_file,
        "dry_run": dry_run,
    }
    if session.screen.result(document):
        return
    session.screen.table(
        ("result", "rows"),
        [(coloured(result), f"{count:,}") for result, count in results.items()],
        empty="The file holds no rows.",
    )
    done = "would be imported" if dry_run else "imported"
    fine = sum(results.get(result, 0) for result in _FINE)
    session.screen.line(f"{fine:,} of {state.rows:,} rows {done} (duplicates included).")
    if errors_file:
        session.screen.line(f"{failed:,} failed: {errors_file}", style="yellow")
        session.screen.say(
            "Correct its rows and import that file; the columns line, result and reason may stay."
        )
        if results.get("must_text_unstop"):
            session.screen.say("Opt-outs stand: those shoppers have to text UNSTOP themselves.")
