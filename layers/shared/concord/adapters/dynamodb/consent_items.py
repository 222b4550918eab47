"""Consent state, evidence, markers and reviews as items."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from concord.adapters.dynamodb import keys, task_keys
from concord.adapters.dynamodb.marshal import Item
from concord.adapters.dynamodb.table import put
from concord.domain.canonical import canonical
from concord.domain.consent_record import ConsentRecord
from concord.domain.evidence import ConsentKey, Evidence, marks_record
from concord.domain.inbox import Marker
from concord.domain.marks import Basis, Marks, SoftMark
from concord.domain.review import Review, ReviewKind
from concord.domain.tasks import RowKey
from concord.domain.times import from_rfc3339, to_rfc3339
from concord.ports import ConsentCommit


def _time(text: str | None) -> datetime | None:
    return from_rfc3339(text) if text else None


# --- state -----------------------------------------------------------------------------------


def put_state(commit: ConsentCommit) -> dict[str, Any]:
    """Return the put of a new state, on the version that was decided upon.

    A pending opt-in stands in the due index until it lapses; any other state leaves it, since the
    whole item is replaced.
    """
    record = commit.record
    key = keys.consent_state(record.key)
    item: Item = {
        "connection_id": record.connection_id,
        "point": record.point,
        "version": record.version,
        "marks": marks_record(record.marks),
        "head": record.head,
        "updated_at": to_rfc3339(record.updated_at),
        "invited_at": to_rfc3339(record.invited_at) if record.invited_at else None,
    }
    if commit.lapse_at is not None:
        item["due_pk"] = task_keys.due_pk(key)
        item["due_sk"] = task_keys.due_sk(
            commit.lapse_at, task_keys.LAPSE, record.updated_at, record.key.point_id
        )
    if commit.expected_version == 0:
        return put(key, item, "attribute_not_exists(pk)")
    return put(key, item, "#version = :expected", expected=commit.expected_version)


def record_from(key: ConsentKey, item: Item) -> ConsentRecord:
    """Return the state that an item holds."""
    return ConsentRecord(
        key=key,
        connection_id=item["connection_id"],
        point=item.get("point", ""),
        version=item["version"],
        marks=_marks_from(item["marks"]),
        head=item["head"],
        updated_at=from_rfc3339(item["updated_at"]),
        invited_at=_time(item.get("invited_at")),
    )


def _marks_from(stored: dict[str, Any]) -> Marks:
    # A name that Marks does not know raises: an opt-out must not be lost by reading past it.
    return Marks(**{name: _mark_from(value) for name, value in stored.items()})


def _mark_from(value: Any) -> Any:
    """Return one mark, told by its shape: a moment, a set of moments, or the soft mark."""
    if isinstance(value, str):
        return from_rfc3339(value)
    if isinstance(value, list):
        return frozenset(from_rfc3339(at) for at in value)
    return SoftMark(from_rfc3339(value["at"]), value["opted_in"], Basis(value["basis"]))


# --- evidence --------------------------------------------------------------------------------


def put_evidence(key: ConsentKey, evidence: Evidence) -> dict[str, Any]:
    """Return the put of the next record; nothing ever overwrites one.

    The record is kept as the very text that was hashed. Salt and personal fields lie beside it, so
    that an erasure can remove them and the chain still verifies.
    """
    item: Item = {
        "seq": evidence.seq,
        "record": canonical(dict(evidence.record)).decode(),
        "hash": evidence.hash,
        "salt": evidence.salt,
        "personal": dict(evidence.personal),
    }
    return put(keys.evidence(key, evidence.seq), item, "attribute_not_exists(pk)")


def evidence_from(item: Item) -> Evidence:
    """Return the record that an item holds."""
    return Evidence(
        seq=item["seq"],
        record=json.loads(item["record"]),
        hash=item["hash"],
        salt=item.get("salt"),
        personal=item.get("personal", {}),
    )


# --- markers ---------------------------------------------------------------------------------


def put_marker(marker: Marker, now: datetime) -> dict[str, Any]:
    """Return the put that makes an event a repeat from now on.

    A marker whose time is over counts as absent even where the table's TTL has not come round.
    """
    item: Item = {
        "body_hash": marker.body_hash,
        "outcome": marker.outcome,
        "expires_at": int(marker.expires_at.timestamp()) if marker.expires_at else None,
    }
    return put(
        keys.marker(marker.merchant_id, marker.connection_id, marker.event_key),
        item,
        "attribute_not_exists(pk) OR #expires_at <= :now",
        now=int(now.timestamp()),
    )


def marker_from(merchant_id: str, connection_id: str, event_key: str, item: Item) -> Marker:
    """Return the marker that an item holds."""
    until = item.get("expires_at")
    return Marker(
        merchant_id=merchant_id,
        connection_id=connection_id,
        event_key=event_key,
        body_hash=item["body_hash"],
        outcome=item["outcome"],
        expires_at=from_epoch(until) if until is not None else None,
    )


def from_epoch(seconds: int) -> datetime:
    """Return the moment of a TTL attribute."""
    return datetime.fromtimestamp(seconds, UTC)


# --- reviews ---------------------------------------------------------------------------------


def put_review(review: Review) -> dict[str, Any]:
    """Return the put of a thing to look at; the same one again is the same item."""
    return put(review_key(review), review_item(review))


def review_item(review: Review) -> Item:
    """Return the attributes of a review; what it is called stands in its key."""
    return {
        "channel": review.channel,
        "point_id": review.point_id,
        "created_at": to_rfc3339(review.created_at),
        "reviewed_at": to_rfc3339(review.reviewed_at) if review.reviewed_at else None,
        "evidence_id": review.evidence_id,
    }


def review_key(review: Review) -> RowKey:
    """Return where a review is."""
    return keys.review(review.merchant_id, review.connection_id, review.kind, review.review_id)


def review_from(merchant_id: str, connection_id: str, item: Item) -> Review:
    """Return the review that an item holds."""
    kind, review_id = item["sk"].split("#", 1)
    return Review(
        merchant_id=merchant_id,
        connection_id=connection_id,
        kind=ReviewKind(kind),
        review_id=review_id,
        channel=item["channel"],
        point_id=item["point_id"],
        created_at=from_rfc3339(item["created_at"]),
        reviewed_at=_time(item.get("reviewed_at")),
        evidence_id=item["evidence_id"],
    )
