"""Consent state, evidence, markers, kept bodies: one read to decide, one transaction to write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

from concord.adapters.dynamodb import keys, table
from concord.adapters.dynamodb.consent_items import (
    evidence_from,
    marker_from,
    put_evidence,
    put_marker,
    put_review,
    put_state,
    record_from,
    review_key,
)
from concord.adapters.dynamodb.inbox_items import entry_item, put_entry
from concord.adapters.dynamodb.marshal import Item
from concord.adapters.dynamodb.table import Table
from concord.adapters.dynamodb.task_items import write_task
from concord.adapters.dynamodb.translate import TransactionRefusedError
from concord.domain.consent_record import ConsentRecord
from concord.domain.evidence import ConsentKey, Evidence
from concord.domain.inbox import InboxEntry, Marker
from concord.domain.tasks import RowKey
from concord.ports import AlreadySeen, CommitResult, Committed, ConsentCommit, Stale


def _utc_now() -> datetime:
    return datetime.now(UTC)


class DynamoDbConsentStore:
    """ConsentStore over the one table."""

    def __init__(self, table: Table, now: Callable[[], datetime] = _utc_now) -> None:
        self._table = table
        self._now = now

    def within(self, seconds: float) -> AbstractContextManager[None]:
        """Give everything inside one time budget."""
        return table.within(seconds)

    def load(self, key: ConsentKey) -> ConsentRecord | None:
        """Read the state strongly, in one request."""
        item = self._table.get(keys.consent_state(key))
        return record_from(key, item) if item else None

    def load_many(self, wanted: Sequence[ConsentKey]) -> dict[ConsentKey, ConsentRecord]:
        """Read states strongly, a hundred a request; who has none is left out."""
        rows = {keys.consent_state(key): key for key in wanted}
        found = self._table.get_many(list(rows))
        return {rows[row]: record_from(rows[row], item) for row, item in found.items()}

    def load_row(self, row: RowKey) -> ConsentRecord | None:
        """Read the state that a row of the due index stands for."""
        return self.load(keys.consent_key_of(row))

    def evidence(self, key: ConsentKey) -> Iterator[Evidence]:
        """Yield the chain from its first record."""
        found = self._table.query(
            "pk = :pk AND begins_with(sk, :prefix)",
            pk=keys.consent_pk(key),
            prefix=keys.EVIDENCE,
        )
        return map(evidence_from, found)

    def commit(self, commit: ConsentCommit) -> CommitResult:
        """Write state, evidence and all that follows from them in one request, or nothing.

        Stale also means that `close_review` was closed by somebody else.
        """
        actions = list(self._actions(commit))
        try:
            self._table.transact([action for _, action in actions])
        except TransactionRefusedError as refused:
            stored = {actions[r.index][0]: r.item for r in refused.refusals}
            return self._refused(commit, stored, answer_lost=refused.answer_lost)
        return Committed()

    def _actions(self, commit: ConsentCommit) -> Iterator[tuple[str, dict[str, Any]]]:
        record = commit.record
        if commit.marker is not None:
            yield "marker", put_marker(commit.marker, self._now())
        if commit.inbox is not None:
            yield "inbox", put_entry(commit.inbox)
        yield "state", put_state(commit)
        yield "evidence", put_evidence(record.key, commit.evidence)
        for spec in commit.tasks:
            yield "task", write_task(record.key.merchant_id, spec, record.updated_at)
        if commit.review is not None:
            yield "review", put_review(commit.review)
        if commit.close_review is not None:
            key = review_key(commit.close_review)
            yield "close_review", table.delete(key, "attribute_exists(pk)")

    def _refused(
        self, commit: ConsentCommit, stored: dict[str, Item | None], *, answer_lost: bool
    ) -> CommitResult:
        """Tell a repeat, a lost race, and our own first attempt whose answer was lost, apart.

        Evidence of our own hash is in the table only if this very commit is: the hash covers its
        time of recording and salted commitments. Conditions are not promised to be all reported, so
        after a lost answer the record is read if the refusal did not bring it.
        """
        own = stored.get("evidence")
        if own is None and answer_lost:
            own = self._table.get(keys.evidence(commit.record.key, commit.evidence.seq))
        if own is not None and own["hash"] == commit.evidence.hash:
            return Committed()
        marker, seen = commit.marker, stored.get("marker")
        if marker is not None and "marker" in stored:
            return AlreadySeen(self._seen(marker, seen))
        return Stale()

    def keep(self, entry: InboxEntry, marker: Marker | None = None) -> CommitResult:
        """Keep a body that changed no consent, once per marker."""
        key = keys.inbox(entry.merchant_id, entry.inbox_id)
        if marker is None:
            self._table.put(key, entry_item(entry))
            return Committed()
        try:
            self._table.transact([put_marker(marker, self._now()), put_entry(entry)])
        except TransactionRefusedError as refused:
            if refused.answer_lost and self._table.get(key):
                return Committed()  # inbox ids are random: only our own first attempt wrote it
            return AlreadySeen(self._seen(marker, refused.refusals[0].item))
        return Committed()

    def _seen(self, wanted: Marker, stored: Item | None) -> Marker:
        names = (wanted.merchant_id, wanted.connection_id, wanted.event_key)
        if stored is None:  # the table did not send what it holds
            stored = self._table.get(keys.marker(*names))
        return marker_from(*names, stored) if stored else wanted
