"""Rows read past the SDK's parser are the rows that it would have parsed."""

from __future__ import annotations

from typing import Any

import pytest

from concord.adapters.clients import client
from concord.adapters.dynamodb.plain_rows import of_plain_rows
from concord.adapters.dynamodb.table import Table
from concord.domain.tasks import RowKey


def _plain(table: Table) -> Table:
    return Table(table.name, of_plain_rows(client("dynamodb", connect=1, read=5)))


def _rows(table: Table) -> list[dict[str, Any]]:
    return list(table.query("pk = :pk", pk="GN#x"))


def test_plain_rows_are_read_as_they_are(table: Table) -> None:
    """Reliability 33: text, numbers, sets, lists; over more pages than one; none at all."""
    assert _rows(_plain(table)) == []
    for n in range(3):
        row = {"since": n, "region": "US-NY", "names": ["a", "b"], "long": "x" * 390_000}
        table.put(RowKey("GN#x", f"v1.{n}"), row)
    assert len(_rows(table)) == 3
    assert _rows(_plain(table)) == _rows(table)


def test_bytes_are_refused_and_not_misread(table: Table) -> None:
    """Reliability 33: they would come as base64."""
    table.put(RowKey("GN#x", "v1.0"), {"packed": b"\x00\x01"})
    with pytest.raises(TypeError):
        _rows(_plain(table))


def test_a_refusal_is_told_as_ever(table: Table) -> None:
    """Reliability 14: errors take the way that they always take."""
    missing = Table("nowhere", of_plain_rows(client("dynamodb", connect=1, read=5)))
    with pytest.raises(Exception, match="ResourceNotFound"):
        _rows(missing)
