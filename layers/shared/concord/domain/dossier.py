"""The exported proof of a point's consent: build it, sign it, verify it offline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from concord.domain.canonical import canonical
from concord.domain.evidence import (
    GENESIS,
    SALT_BYTES,
    ConsentKey,
    Evidence,
    commitment,
    record_hash,
)
from concord.domain.times import to_rfc3339


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
    stated: tuple[int, str] | None = None,
) -> dict[str, Any]:
    """Return the signed file of one consent key (L-01). `sign` answers in base64.

    `stated` is (count, head) as the state of the key has them (None = as found): since these are
    signed and not what happened to be there, the file itself shows that its tail is missing.
    """
    count, head = stated or (len(events), events[-1].hash if events else GENESIS)
    document: dict[str, Any] = {
        "format": "concord-dossier-1",
        "consent_key": key.as_record(),
        "count": count,
        "head": head,
        "exported_at": to_rfc3339(exported_at),
        "events": [
            {"record": dict(e.record), "hash": e.hash, "salt": e.salt, "personal": dict(e.personal)}
            for e in events
        ],
    }
    return {**document, "signature": sign(dossier_statement(document))}


_MEMBERS: Final = {"record", "hash", "salt", "personal"}


def verify_dossier(
    document: Mapping[str, Any], signature_is_good: Callable[[bytes, str], bool]
) -> list[Finding]:
    """Return every fault of a dossier, broken events first; an empty list means it proves itself.

    Total: any JSON object is accepted and judged, none raises.
    """
    events = document.get("events")
    if not isinstance(events, list):
        return [Finding(None, "the file holds no list of events")]
    links = _links(events)
    findings = [
        Finding(link.number, fault) for link in links[1:] for fault in _faults(document, link)
    ]
    findings += _chain_faults(links, document.get("head"))
    findings += _end_faults(links, document.get("head"), document.get("count"))
    findings.sort(key=lambda finding: finding.event or len(events) + 2)
    if not _signed(document, signature_is_good):
        findings.append(Finding(None, "the signature does not fit the statement or the key"))
    return findings


@dataclass(frozen=True, slots=True)
class _Link:
    """An event as it stands in the file. `shift` is how far from its written place it stands."""

    number: int
    event: Any
    record: Mapping[str, Any]
    hash: Any
    intact: bool
    shift: int


def _links(events: list[Any]) -> list[_Link]:
    """Return the events as links, behind an imagined event 0 that carries the genesis hash."""
    links = [_Link(0, None, {}, GENESIS, intact=True, shift=0)]
    for number, event in enumerate(events, 1):
        found = _field(event, "record")
        record = found if isinstance(found, dict) else {}
        claimed, seq = _field(event, "hash"), record.get("seq")
        digest = _digest(record)
        intact = digest is not None and digest == claimed
        # What was changed may claim any number: it is taken to stand in line.
        shift = seq - number if intact and type(seq) is int else links[-1].shift
        links.append(_Link(number, event, record, claimed, intact, shift))
    return links


def _faults(document: Mapping[str, Any], link: _Link) -> Iterator[str]:
    """Yield what is wrong with one event by itself."""
    if not link.record:
        yield "holds no record"
        return
    if set(link.event) - _MEMBERS:
        yield "holds something that was never recorded"
    if not link.intact:
        yield "was changed: its hash does not fit its content"
    elif type(link.record.get("seq")) is not int:
        yield "bears no number"
    key = _digest({"key": document.get("consent_key")})
    if key is None or key != _digest({"key": link.record.get("consent_key")}):
        yield "belongs to another consent key"
    yield from _personal_faults(link.record, link.event)


def _chain_faults(links: list[_Link], head: Any) -> Iterator[Finding]:
    """Yield gaps, repeats and replacements.

    A gap or a repeat shifts all that follow, so only where a shift begins is something wrong. Of
    two neighbours that do not fit, the earlier is to blame if the later one is vouched for: by the
    event after it, or by the signed head.
    """
    for n in range(1, len(links)):
        before, link = links[n - 1], links[n]
        if link.shift not in (0, before.shift):
            seq = link.record.get("seq")
            word = "missing" if link.shift > 0 else "out of place"
            yield Finding(n, f"is {word}: here stands what was written as event {seq}")
        elif link.shift == before.shift and link.record.get("prev") != before.hash:
            voucher = links[n + 1].record.get("prev") if n + 1 < len(links) else head
            if n > 1 and link.intact and voucher == link.hash:
                yield Finding(n - 1, "was replaced: the next event follows another one")
            else:
                yield Finding(n, "does not follow the event before it")


def _end_faults(links: list[_Link], head: Any, count: Any) -> Iterator[Finding]:
    """Compare the last event with the signed count and head."""
    last = links[-1]
    settled = last.shift in (0, links[-2].shift if len(links) > 1 else 0)
    if type(count) is not int:
        yield Finding(None, "the file holds no count of events")
    elif settled and last.number + last.shift < count:
        yield Finding(last.number + 1, f"is missing: the signed count is {count}")
    elif last.number + last.shift > count:
        yield Finding(last.number or None, f"is one too many: the signed count is {count}")
    elif last.hash != head:
        yield Finding(last.number or None, "is not the head that was signed")


def _personal_faults(record: Mapping[str, Any], event: Any) -> list[str]:
    """Compare plain text with its commitments; erased fields (no salt, no text) are in order."""
    committed, personal, salt = record.get("personal"), event.get("personal"), event.get("salt")
    if not isinstance(committed, dict):
        return ["holds no commitments"]
    if not isinstance(personal, dict | None) or not isinstance(salt, str | None):
        return ["holds damaged personal fields"]
    if not personal and salt is None:
        return []
    try:
        salt_bytes = bytes.fromhex(salt or "")
    except ValueError:
        salt_bytes = b""
    if len(salt_bytes) != SALT_BYTES or salt_bytes.hex() != salt:
        return ["holds a damaged salt"]
    personal = personal or {}
    faults = [
        f"was changed: the field {name} is not what was committed to"
        for name, value in personal.items()
        if not isinstance(value, str) or committed.get(name) != commitment(salt_bytes, name, value)
    ]
    if not committed:
        faults.append("holds a salt that nothing was committed with")
    elif set(committed) - set(personal):
        faults.append("lacks a personal field that was not erased")
    return faults


def _digest(value: Mapping[str, Any]) -> str | None:
    """Return the hash of a JSON object; None if it has no canonical form (NaN, endless depth)."""
    try:
        return record_hash(value)
    except (TypeError, ValueError, RecursionError):
        return None


def _field(event: Any, name: str) -> Any:
    return event.get(name) if isinstance(event, dict) else None


def _signed(document: Mapping[str, Any], is_good: Callable[[bytes, str], bool]) -> bool:
    try:
        return is_good(dossier_statement(document), str(document.get("signature", "")))
    except (TypeError, ValueError, RecursionError):
        return False
