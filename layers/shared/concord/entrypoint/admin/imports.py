"""Opt-ins that were given elsewhere."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from concord.domain.imports import MAX_ROWS
from concord.entrypoint.admin.base import Answer, Name, Sent


class ImportRow(Sent):
    """An opt-in that was given elsewhere. `occurred_at` is RFC 3339."""

    point: Annotated[str, Field(max_length=300)]
    channel: Annotated[str, Field(max_length=20)] | None = None
    occurred_at: Annotated[str, Field(max_length=40)] | None = None
    evidence: Annotated[Annotated[str, Field(max_length=2000)] | None, Field(repr=False)] = None


class ImportPost(Sent):
    """Opt-ins to import; `attestation` says where they come from and who vouches for it."""

    import_id: Name
    attestation: Annotated[str, Field(min_length=1, max_length=2000, repr=False)]
    rows: Annotated[list[ImportRow], Field(min_length=1, max_length=MAX_ROWS)]


class ImportQuery(BaseModel):
    """How to import. `import_id` names a CSV file; by default it is named after its content."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dry_run: bool = False
    import_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class RowResult(Answer):
    """What became of a row; rows are counted from 1."""

    row: int
    result: str


class ImportAnswer(Answer):
    """What became of an import, every row of it."""

    import_id: str
    dry_run: bool
    total: int
    counts: dict[str, int]
    results: list[RowResult]
