"""Read an import file: UTF-8, a header line, one row per point."""

from __future__ import annotations

import csv
import io
from itertools import islice
from typing import Final

from concord.domain.errors import FieldError, InvalidInputError

COLUMNS: Final = ("point", "channel", "occurred_at", "evidence")
# What can be answered row by row, and kept under an Idempotency-Key: an item has 400 KB.
MAX_ROWS: Final = 5_000


def read_rows(body: bytes) -> list[dict[str, str | None]]:
    """Return the rows. Raises InvalidInputError naming the column or line that cannot be read."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _invalid("body", "save the file as UTF-8") from None
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in reader.fieldnames or ()]
        _check(header)
        reader.fieldnames = header
        rows = [_row(row, reader.line_num) for row in islice(reader, MAX_ROWS + 1)]
    except csv.Error:
        raise _invalid("body", f"line {reader.line_num} is not CSV") from None
    if not rows:
        raise _invalid("body", "there is no row below the header")
    if len(rows) > MAX_ROWS:
        raise _invalid("body", f"a call takes {MAX_ROWS:,} rows: cut the file in parts")
    return rows


def _check(header: list[str]) -> None:
    unknown = set(header) - set(COLUMNS)
    if "point" not in header or unknown or len(set(header)) != len(header):
        raise _invalid("body", f"the first line names the columns: {', '.join(COLUMNS)}")


def _row(row: dict[str, str | None], line: int) -> dict[str, str | None]:
    if None in row:  # DictReader puts what has no column there
        raise _invalid("body", f"line {line} has more fields than the header")
    return row


def _invalid(field: str, message: str) -> InvalidInputError:
    return InvalidInputError("The file cannot be read.", errors=(FieldError(field, message),))
