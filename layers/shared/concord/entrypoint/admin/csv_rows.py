"""Read an import file: UTF-8, a header line, one row per point; row by row, in little memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

from concord.domain.errors import FieldError, InvalidInputError
from concord.domain.imports import RawRow

# The columns and their longest values, in characters: as in JSON.
LONGEST: Final = {"point": 300, "channel": 20, "occurred_at": 40, "evidence": 2000}


def count_rows(body: bytes) -> int:
    """Return how many rows there are, having read every one of them. Raises as `read_rows`."""
    count = sum(1 for _ in read_rows(body))
    if not count:
        raise _invalid("there is no row below the header")
    return count


def read_rows(body: bytes) -> Iterator[RawRow]:
    """Yield the rows. Raises InvalidInputError naming the column or line that cannot be read."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _invalid("save the file as UTF-8") from None
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in reader.fieldnames or ()]
        _check(header)
        reader.fieldnames = header
        for row in reader:
            yield _row(row, reader.line_num)
    except csv.Error:
        raise _invalid(f"line {reader.line_num} is not CSV") from None


def _check(header: list[str]) -> None:
    unknown = set(header) - set(LONGEST)
    if "point" not in header or unknown or len(set(header)) != len(header):
        raise _invalid(f"the first line names the columns: {', '.join(LONGEST)}")


def _row(row: dict[str, str | None], line: int) -> RawRow:
    if None in row:  # DictReader puts what has no column there
        raise _invalid(f"line {line} has more fields than the header")
    for name, value in row.items():
        if value is not None and len(value) > LONGEST[name]:
            raise _invalid(f"line {line}: {name} is longer than {LONGEST[name]:,} characters")
    return row


def _invalid(message: str) -> InvalidInputError:
    return InvalidInputError("The file cannot be read.", errors=(FieldError("body", message),))
