"""A CSV file of opt-ins as rows: read as a stream, its faults named by line and column."""

from __future__ import annotations

import codecs
import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cli.errors import CommandError, usage_error
from concord.domain.times import from_rfc3339

COLUMNS: Final = ("point", "channel", "occurred_at", "evidence")
# What an errors file has beside them, so that it can be corrected and imported as it is.
VERDICT: Final = ("line", "result", "message")
_CHUNK: Final = 1 << 20
_LONGEST_FIELD: Final = 16_384
# One row that the API refuses to read would cost the whole part its answer.
_LONGEST: Final = {"point": 300, "occurred_at": 40, "evidence": 2000}


@dataclass(frozen=True, slots=True)
class Scan:
    """A first pass over a file: what identifies it, and how far there is to go."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `fault` = why it is not even sent."""

    line: int
    values: Mapping[str, str] = field(repr=False)
    fault: str = ""

    def as_json(self) -> dict[str, str]:
        """Return the row as the API takes it; empty cells are left out."""
        return {name: self.values[name] for name in COLUMNS if self.values.get(name)}

    def weight(self) -> int:
        """Return about how many bytes the row adds to a request."""
        return 64 + sum(len(value.encode()) for value in self.values.values())


def scan(file: Path) -> Scan:
    """Read the file once, in pieces: hash, size, and that all of it is UTF-8.

    Raises CommandError before anything was sent.
    """
    digest, decoder = hashlib.sha256(), codecs.getincrementaldecoder("utf-8")()
    size, lines = 0, 1
    try:
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                if not size and chunk[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
                    raise usage_error(f"{file} is UTF-16: save it as CSV UTF-8")
                digest.update(chunk)
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError as error:
                    # `object` begins with what the piece before left over; that holds no newline.
                    lines += error.object[: error.start].count(b"\n")
                    raise usage_error(
                        f"{file}, line {lines}: not UTF-8", "save it as CSV UTF-8"
                    ) from None
                size, lines = size + len(chunk), lines + chunk.count(b"\n")
            decoder.decode(b"", final=True)
    except OSError as error:
        raise usage_error(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise usage_error(f"{file}, line {lines}: the file ends inside a character") from None
    return Scan(digest.hexdigest(), size)


def read_rows(file: Path) -> Iterator[Row]:
    """Yield the rows. Raises CommandError for a header or a quoting that cannot be read."""
    csv.field_size_limit(_LONGEST_FIELD)
    with file.open(encoding="utf-8-sig", newline="") as stream:
        first = stream.readline()
        stream.seek(0)
        reader = csv.reader(stream, delimiter=_delimiter(first), strict=True)
        header: list[str] | None = None
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                raise usage_error(f"{file}, line {line}: {error}") from error
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = _header(file, line, cells)
            else:
                yield _row(line, header, cells)
    if header is None:
        raise usage_error(f"{file} is empty", f"its first line names columns: {', '.join(COLUMNS)}")


def _delimiter(first: str) -> str:
    """Return what separates cells: Excel writes semicolons where the comma is a decimal sign."""
    return max(",;\t", key=first.count)


def _header(file: Path, line: int, cells: Sequence[str]) -> list[str]:
    names = [cell.strip().lower().replace(" ", "_") for cell in cells]
    for number, name in enumerate(names, 1):
        if name not in COLUMNS and name not in VERDICT:
            raise usage_error(
                f"{file}, line {line}, column {number}: {cells[number - 1]!r} is not known",
                f"columns are: {', '.join(COLUMNS)}; only point is required",
            )
        if name in names[: number - 1]:
            raise usage_error(f"{file}, line {line}, column {number}: {name} stands there twice")
    if "point" not in names:
        raise usage_error(
            f"{file}, line {line}: the column point is missing",
            "the first line names the columns, for example: point,occurred_at",
        )
    return names


def _row(line: int, header: Sequence[str], cells: Sequence[str]) -> Row:
    values = {
        name: cell.strip() for name, cell in zip(header, cells, strict=False) if name not in VERDICT
    }
    return Row(line, values, _fault(header, cells, values))


def _fault(header: Sequence[str], cells: Sequence[str], values: Mapping[str, str]) -> str:
    if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
        return f"column {len(header) + 1}: more cells than columns; is a comma unquoted?"
    if not values.get("point"):
        return "column point: empty"
    if values.get("channel", "") not in ("", "sms", "email"):
        return "column channel: use sms or email"
    for name, longest in _LONGEST.items():
        if len(values.get(name, "")) > longest:
            return f"column {name}: longer than {longest} characters"
    occurred_at = values.get("occurred_at")
    return _time_fault(occurred_at) if occurred_at else ""


def _time_fault(text: str) -> str:
    try:
        from_rfc3339(text)
    except ValueError:
        return "column occurred_at: give RFC 3339 with an offset or Z, such as 2026-11-21T08:30:00Z"
    return ""


def cut(rows: Iterator[Row], most: int, heaviest: int) -> Iterator[list[Row]]:
    """Yield parts of at most `most` rows and about `heaviest` bytes: always the same for a file."""
    part: list[Row] = []
    weight = 0
    for row in rows:
        if part and (len(part) == most or weight + row.weight() > heaviest):
            yield part
            part, weight = [], 0
        part.append(row)
        weight += row.weight()
    if part:
        yield part


class ErrorFile:
    """`FILE.errors.csv`: the rows that failed, as they were, with line, result and reason.

    Continued after an interruption: what was written after the last checkpoint is cut off first.
    """

    def __init__(self, file: Path, length: int) -> None:
        self._file = file
        if length == 0:
            file.unlink(missing_ok=True)
        elif not file.exists() or file.stat().st_size < length:
            raise CommandError(f"{file} is gone or shorter than it was: restart with --restart")
        else:
            with file.open("r+b") as stream:
                stream.truncate(length)
        self.length = length

    def add(self, failures: Sequence[tuple[Row, str, str]]) -> None:
        """Append rows with their result and message. The file comes to be with the first."""
        if not failures:
            return
        new = self.length == 0
        if new:
            self._file.touch(mode=0o600)
        with self._file.open("a", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            if new:
                writer.writerow((*COLUMNS, *VERDICT))
            for row, result, message in failures:
                values = [row.values.get(name, "") for name in COLUMNS]
                writer.writerow((*values, row.line, result, message))
        self.length = self._file.stat().st_size
