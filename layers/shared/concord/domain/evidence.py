"""Evidence: an append-only chain of records per consent key, and the dossier that proves it.

A record holds no personal data. It commits to it: SHA-256 over a random salt, the field's name and
the value. Salt and plain text lie beside the record and can be erased together; the chain of hashes
then still verifies, and nobody can guess the value back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from concord.domain.canonical import canonical, sha256_hex, storable
from concord.domain.consent import Decision, Signal
from concord.domain.identity import Channel
from concord.domain.marks import Marks
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
    salt: str | None = field(repr=False)
    personal: Mapping[str, str] = field(repr=False)

    @property
    def evidence_id(self) -> str:
        """Return the name by which API answers and people refer to this record."""
        return f"ev_{self.hash[:24]}"


def commitment(salt: bytes, name: str, value: str) -> str:
    """Return what a record says of a personal field in place of its value."""
    return sha256_hex(salt + _bytes(name) + b"\x00" + _bytes(value))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # half a surrogate pair is legal in JSON


def record_hash(record: Mapping[str, Any]) -> str:
    """Return the hash that the next record carries as `prev`."""
    return sha256_hex(canonical(dict(record)))


def marks_record(marks: Marks) -> dict[str, Any]:
    """Return marks as JSON: absent ones are left out, moments of a set are in their order."""
    record: dict[str, Any] = {
        name: to_rfc3339(at)
        for name in ("out_at", "back_at", "asked_at", "lapsed_at", "dead_at", "alive_at")
        if (at := getattr(marks, name)) is not None
    }
    for name, moments in (("assumed", marks.assumed), ("dismissed", marks.dismissed)):
        if moments:
            record[name] = [to_rfc3339(at) for at in sorted(moments)]
    if marks.soft is not None:
        record["soft"] = {
            "at": to_rfc3339(marks.soft.at),
            "opted_in": marks.soft.opted_in,
            "basis": marks.soft.basis.value,
        }
    return record


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

    `texts` names wording that this change shows to the shopper (kind, version, SHA-256; R-03).
    """
    personal = {name: storable(value) for name, value in signal.personal.items() if value}
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
    return Evidence(seq, record, record_hash(record), salt.hex() if personal else None, personal)


# --- dossier ---------------------------------------------------------------------------------
