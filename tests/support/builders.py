"""Values with sensible defaults, for tests that care about one thing at a time."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from concord.domain.audit import AuditEntry
from concord.domain.connection import (
    Connection,
    ConnectionSettings,
    ConnectionState,
    HashedSecret,
    SegmentPrice,
    SenderChoice,
    Side,
)
from concord.domain.consent import Signal, decide
from concord.domain.consent_record import ConsentRecord
from concord.domain.events import RawRequest
from concord.domain.evidence import GENESIS, ConsentKey, next_evidence
from concord.domain.identity import Channel
from concord.domain.inbox import InboxEntry, InboxState, Marker, RequestKind
from concord.domain.mail_texts import MailLanguage
from concord.domain.mails import MailedBy
from concord.domain.marks import Marks
from concord.domain.profiles import TEXT_EM_ALL_SMS, SignalKind
from concord.domain.review import Review, ReviewKind
from concord.domain.shopper import Shopper
from concord.domain.tasks import TaskKind, TaskSpec
from concord.ports import ConsentCommit
from tests.support.canaries import FIRST_NAME

NOW = datetime(2026, 11, 21, 8, 30, 0, 123456, tzinfo=UTC)
MERCHANT = "shop"
CONNECTION = "shop.abc123"
ACCOUNT = "text_em_all:777"
POINT = "+15550100001"
_salts = itertools.count(1)


def at(seconds: float) -> datetime:
    """Return a moment relative to the fixed now."""
    return NOW + timedelta(seconds=seconds)


def consent_key(point_id: str = "v1.aaaa", merchant_id: str = MERCHANT) -> ConsentKey:
    return ConsentKey(merchant_id, ACCOUNT, Channel.SMS, point_id)


def commit(
    current: ConsentRecord | None = None,
    *,
    key: ConsentKey | None = None,
    kind: SignalKind = SignalKind.OPT_OUT,
    when: datetime = NOW,
    event: str | None = None,
    body_hash: str = "hash",
    **more: Any,
) -> ConsentCommit:
    """Return what the service commits when `kind` is said after `current`."""
    key = key or (current.key if current else consent_key())
    signal = Signal(
        kind=kind,
        effective_at=when,
        received_at=when,
        via="handset",
        personal={"text": "STOP", "from": POINT},
        reviewed_at=when,
    )
    decision = decide(current.marks if current else Marks(), signal, TEXT_EM_ALL_SMS)
    version = (current.version if current else 0) + 1
    evidence = next_evidence(
        key,
        seq=version,
        prev=current.head if current else GENESIS,
        signal=signal,
        decision=decision,
        recorded_at=when,
        salt=next(_salts).to_bytes(16),
        texts=({"kind": "opt_out_confirmation", "sha256": "00"},),
    )
    record = ConsentRecord(
        key=key,
        connection_id=CONNECTION,
        point=POINT,
        version=version,
        marks=decision.marks,
        head=evidence.hash,
        updated_at=when,
        invited_at=more.pop("invited_at", None),
    )
    own_marker = event and marker(event, body_hash=body_hash, outcome=evidence.evidence_id)
    return ConsentCommit(
        record=record,
        expected_version=version - 1,
        evidence=evidence,
        marker=more.pop("marker", own_marker) or None,
        **more,
    )


def marker(
    event: str = "ev1", *, body_hash: str = "hash", outcome: str = "", **more: Any
) -> Marker:
    return Marker(MERCHANT, CONNECTION, event, body_hash, outcome, **more)


def inbox_id(when: datetime = NOW, token: str = "a1b2c3") -> str:
    return f"{when:%Y%m%dT%H%M%S%f}-{token}"


def inbox_entry(when: datetime = NOW, token: str = "a1b2c3", **more: Any) -> InboxEntry:
    return InboxEntry(
        merchant_id=MERCHANT,
        connection_id=CONNECTION,
        inbox_id=inbox_id(when, token),
        platform="text_em_all",
        topic="",
        kind=RequestKind.WEBHOOK,
        state=more.pop("state", InboxState.PROCESSED),
        request=RawRequest(
            method="POST",
            headers={"webhook-id": "msg_1", "content-type": "application/json"},
            body=b'{"text":"STOP \xff\x00"}',
            received_at=when,
            url="https://api.example.com/webhooks/x",
            query=(("a", "1"), ("a", ""), ("b", "2")),
            source_ip="192.0.2.1",
        ),
        **more,
    )


def push(version: int = 1, *, out: bool = False, task_id: str = "catapult#sms#v1.aaaa") -> TaskSpec:
    return TaskSpec(
        TaskKind.PUSH_CONSENT,
        CONNECTION,
        task_id,
        payload={"platform": "catapult", "point_id": "v1.aaaa"},
        want=version,
        urgent_opt_out=out,
    )


def text(task_id: str = "0123-opt_out_confirmation", **payload: Any) -> TaskSpec:
    return TaskSpec(TaskKind.SEND_TEXT, CONNECTION, task_id, payload={"purpose": "x", **payload})


def review(review_id: str = "r1", kind: ReviewKind = ReviewKind.FUZZY) -> Review:
    return Review(
        merchant_id=MERCHANT,
        connection_id=CONNECTION,
        kind=kind,
        review_id=review_id,
        channel="sms",
        point_id="v1.aaaa",
        created_at=NOW,
        reviewed_at=at(1),
        evidence_id="ev_1",
    )


def audit(action: str = "create", connection_id: str = CONNECTION, **details: Any) -> AuditEntry:
    return AuditEntry(MERCHANT, connection_id, NOW, "arn:aws:iam::1:user/op", action, details)


def connection(connection_id: str = CONNECTION, **more: Any) -> Connection:
    """Return a connection in which no field has its default, so that codecs cannot forget one."""
    merchant_id = connection_id.rpartition(".")[0]
    values: dict[str, Any] = {
        "connection_id": connection_id,
        "merchant_id": merchant_id,
        "merchant_name": "Mjölk & Søn",
        "country": "US",
        "integration": "catapult-text_em_all",
        "state": ConnectionState.CONNECTED,
        "source": Side("catapult", "S1", "https://pos.example.com", {"fields": {"a": "b"}}),
        "destination": Side("text_em_all", "777", "https://tea.example.com", {"rate": 0.5}),
        "settings": ConnectionSettings(
            join_keyword="SAVE",
            fallback_number="+15550100099",
            texts={"invitation": "Hej! Reply {join}"},
            require_signature=False,
            rate=12.5,
            depth_seconds=20,
            sync_hours=6,
            programme="main",
            mails=MailedBy.OWN,
            mail_from="points@shop.example",
            mail_reply_to="help@shop.example",
            mails_language=MailLanguage.CS,
            segment_price=SegmentPrice("0.0079", "USD"),
            sender=SenderChoice(
                "twilio",
                "https://tw.example.com",
                "MG1",
                True,
                "AC1",
                {"region": "ie1"},
                ("+15550100097", "+15550100098"),
            ),
        ),
        "key_fingerprint": "f" * 64,
        "tokens": (HashedSecret("t1", at(60)), HashedSecret("t2")),
        "connect_keys": (HashedSecret("c1"),),
        "created_at": NOW,
        "version": 1,
        "text_numbers": (("+15550100099", "1"), ("+15550100098", "2")),
        "first_number": "+15550100099",
        "public_url": "https://api.example.com",
        "secrets_before": ((1, at(-60)),),
        "made_by": "5e9f",
    }
    return Connection(**{**values, **more})


def shopper(version: int = 1, **more: Any) -> Shopper:
    values: dict[str, Any] = {
        "merchant_id": MERCHANT,
        "connection_id": CONNECTION,
        "shopper_key": "k1",
        "shopper_id": "S-1",
        "profile": {"first_name": FIRST_NAME, "groups": ["g1"], "attributes": {"x": 1.5}},
        "phones": {"v1.aaaa": POINT},
        "emails": {"v1.eeee": "canarina@example.com"},
        "digest": "d1",
        "version": version,
    }
    return Shopper(**{**values, **more})
