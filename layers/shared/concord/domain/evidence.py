"""Evidence: an append-only chain of records per consent key, and the dossier that proves it.

A record holds no personal data. It commits to it: SHA-256 over a random salt, the field's name and
the value. Salt and plain text lie beside the record and can be erased together; the chain of hashes
then still verifies, and nobody can guess the value back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from concord.domain.canonical import canonical, sha256_hex
from concord.domain.consent import Decision, Marks, Signal
from concord.domain.identity import Channel
from concord.domain.times import to_rfc3339

GENESIS: Final = "0" * 64
SALT_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class ConsentKey:
    """(merchant, messaging account, channel, point): one consent's scope (features.md 1f, 6)."""

    merchant_id: str
    account: str
    channel: Channel
    point_id: str

    def as_record(self) -> dict[str, str]:
        """Return the key as it stands in records and dossiers."""
        return {
            "merchant": self.merchant_id,
            "account": self.account,
            "channel": self.channel.value,
            "point_id": self.point_id,
        }


@dataclass(frozen=True, slots=True)
class Evidence:
    """One link of the chain. `record` is hashed; `salt` (hex) and `personal` lie beside it."""

    seq: int
    record: Mapping[str, Any]
    hash: str
    salt: str | None
    personal: Mapping[str, str]

    @property
    def evidence_id(self) -> str:
        """Return the name by which API answers and people refer to this record."""
        return f"ev_{self.hash[:24]}"


def commitment(salt: bytes, field: str, value: str) -> str:
    """Return what a record says of a personal field in place of its value."""
    return sha256_hex(salt + field.encode() + b"\x00" + value.encode())


def record_hash(record: Mapping[str, Any]) -> str:
    """Return the hash that the next record carries as `prev`."""
    return sha256_hex(canonical(dict(record)))


def marks_record(marks: Marks) -> dict[str, Any]:
    """Return marks as JSON; absent ones are left out."""
    moments = {
        name: to_rfc3339(at)
        for name in ("out_at", "back_at", "asked_at", "lapsed_at", "assumed_at", "dismissed_at")
        if (at := getattr(marks, name)) is not None
    }
    if marks.soft is None:
        return moments
    soft = {
        "at": to_rfc3339(marks.soft.at),
        "opted_in": marks.soft.opted_in,
        "basis": marks.soft.basis.value,
    }
    return {**moments, "soft": soft}


def next_evidence(
    key: ConsentKey,
    *,
    seq: int,
    prev: str,
    signal: Signal,
    decision: Decision,
    recorded_at: datetime,
    salt: bytes,
    texts: Sequence[Mapping[str, str]] = (),
) -> Evidence:
    """Return the record that follows `prev`: what was said, by whom, and what we made of it.

    `texts` names wording that this change shows to the shopper (kind, SHA-256), for R-03.
    """
    personal = {name: value for name, value in signal.personal.items() if value}
    record: dict[str, Any] = {
        "v": 1,
        "seq": seq,
        "prev": prev,
        "consent_key": key.as_record(),
        "kind": signal.kind.value,
        "via": signal.via,
        "source": dict(signal.source),
        "occurred_at": to_rfc3339(signal.occurred_at) if signal.occurred_at else None,
        "effective_at": to_rfc3339(signal.effective_at),
        "received_at": to_rfc3339(signal.received_at),
        "recorded_at": to_rfc3339(recorded_at),
        "from": decision.before.value,
        "to": decision.state.value,
        "basis": decision.basis.value if decision.basis else None,
        "rejection": decision.rejection,
        "marks": marks_record(decision.marks),
        "personal": {name: commitment(salt, name, value) for name, value in personal.items()},
        "texts": [dict(text) for text in texts],
    }
    return Evidence(seq, record, record_hash(record), salt.hex(), personal)


# --- dossier ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a dossier: the event (1-based, None for the file itself) and why."""

    event: int | None
    reason: str


def dossier_statement(document: Mapping[str, Any]) -> bytes:
    """Return the bytes that a dossier's signature covers: key, count, head and export time."""
    names = ("format", "consent_key", "count", "head", "exported_at")
    return canonical({name: document.get(name) for name in names})


def dossier(
    key: ConsentKey,
    events: Sequence[Evidence],
    exported_at: datetime,
    sign: Callable[[bytes], str],
) -> dict[str, Any]:
    """Return the signed file of one consent key (L-01). `sign` answers in base64."""
    document: dict[str, Any] = {
        "format": "concord-dossier-1",
        "consent_key": key.as_record(),
        "count": len(events),
        "head": events[-1].hash if events else GENESIS,
        "exported_at": to_rfc3339(exported_at),
        "events": [
            {"record": dict(e.record), "hash": e.hash, "salt": e.salt, "personal": dict(e.personal)}
            for e in events
        ],
    }
    return {**document, "signature": sign(dossier_statement(document))}


def verify_dossier(
    document: Mapping[str, Any], signature_is_good: Callable[[bytes, str], bool]
) -> list[Finding]:
    """Return every fault of a dossier, broken events first; an empty list means it proves itself.

    Total: any JSON object is accepted and judged, none raises.
    """
    events = document.get("events")
    if not isinstance(events, list):
        return [Finding(None, "the file holds no list of events")]
    findings = [f for n, event in enumerate(events, 1) for f in _faults(document, events, n, event)]
    count = document.get("count")
    if isinstance(count, int) and count > len(events):
        findings.append(Finding(len(events) + 1, f"missing: the signed count is {count}"))
    elif count != len(events):
        findings.append(Finding(len(events) or None, f"not in the signed count of {count}"))
    elif document.get("head") != (_field(events[-1], "hash") if events else GENESIS):
        findings.append(Finding(len(events) or None, "not the head that was signed"))
    if not _signed(document, signature_is_good):
        findings.append(Finding(None, "the signature does not fit the statement or the key"))
    return findings


def _faults(
    document: Mapping[str, Any], events: list[Any], number: int, event: Any
) -> list[Finding]:
    record = _field(event, "record")
    if not isinstance(record, dict):
        return [Finding(number, "holds no record")]
    faults = []
    try:
        intact = record_hash(record) == _field(event, "hash")
    except (TypeError, ValueError):
        intact = False
    if not intact:
        faults.append("was changed: its hash does not fit its content")
    if record.get("seq") != number:
        faults.append(f"is out of place: it was written as event {record.get('seq')}")
    if record.get("prev") != (_field(events[number - 2], "hash") if number > 1 else GENESIS):
        faults.append("does not follow the event before it")
    if record.get("consent_key") != document.get("consent_key"):
        faults.append("belongs to another consent key")
    faults.extend(_personal_faults(record, event))
    return [Finding(number, fault) for fault in faults]


def _personal_faults(record: Mapping[str, Any], event: Any) -> list[str]:
    """Compare plain text with its commitments; erased fields (no salt, no text) are in order."""
    committed, personal = record.get("personal"), _field(event, "personal") or {}
    if not isinstance(committed, dict) or not isinstance(personal, dict):
        return ["holds no commitments"]
    try:
        salt = bytes.fromhex(_field(event, "salt") or "")
    except (TypeError, ValueError):
        return ["holds a damaged salt"]
    faults = []
    for name, value in personal.items():
        if committed.get(name) != commitment(salt, str(name), str(value)):
            faults.append(f"was changed: the field {name} is not what was committed to")
    if salt and set(committed) - set(personal):
        faults.append("lacks a personal field that was not erased")
    return faults


def _field(event: Any, name: str) -> Any:
    return event.get(name) if isinstance(event, dict) else None


def _signed(document: Mapping[str, Any], is_good: Callable[[bytes, str], bool]) -> bool:
    try:
        return is_good(dossier_statement(document), str(document.get("signature", "")))
    except (TypeError, ValueError):
        return False
