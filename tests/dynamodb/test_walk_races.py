"""Races through the real services: one number, many threads; one push row, two workers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from concord.adapters.dynamodb.table import Table
from concord.adapters.sqs import encode_safety
from concord.bootstrap import Parts, Services
from concord.config import Settings
from concord.domain.connection import Connection, ConnectionSettings, HashedSecret
from concord.domain.dossier import dossier, verify_dossier
from concord.domain.errors import NotConfirmedError
from concord.domain.events import RawRequest
from concord.domain.evidence import ConsentKey
from concord.domain.identity import Channel, key_fingerprint, point_id, token_hash
from concord.domain.inbox import SafetyMessage
from concord.domain.marks import State
from concord.domain.outbound import ConsentPush
from concord.domain.tasks import RowKey
from tests.support.builders import CONNECTION, MERCHANT, POINT, audit, connection
from tests.support.stand_ins import KEY, FixedSecrets, NoQueue, Quiet

pytestmark = pytest.mark.usefixtures("judged")
type Race = Callable[..., list[Any]]

OWN = "+15550100099"
THREADS = 16


@dataclass
class Kept:
    """The safety queue: requests that lost every round of a race wait here."""

    messages: list[SafetyMessage] = field(default_factory=list)

    def put(self, message: SafetyMessage) -> None:
        self.messages.append(message)

    def put_off(self, receipt: str, seconds: int) -> None: ...


@dataclass
class Peer:
    """A platform's flag. It notices two calls at a time, and takes its time for each."""

    shown: bool | None = None
    calls: int = 0
    overlaps: int = 0
    _busy: threading.Lock = field(default_factory=threading.Lock)

    def set_consent(self, push: ConsentPush) -> bool:
        alone = self._busy.acquire(blocking=False)
        self.overlaps += not alone
        time.sleep(0.02)
        self.shown = push.opted_in
        self.calls += 1
        if alone:
            self._busy.release()
        return True


@dataclass
class Reach:
    """Reaches one peer, whatever the platform."""

    peer: Peer

    def consent_peer(self, connection: Connection, platform: str) -> Peer:
        return self.peer


@dataclass
class House:
    """The services over one table."""

    parts: Parts
    table: Table
    safety: Kept
    peer: Peer
    key: ConsentKey

    def text(self, words: str, event_id: str) -> int:
        """Receive a text from the one number; returns the answer's status."""
        at = datetime.now(UTC)
        event = {"type": "inbound_text", "id": event_id, "from": POINT, "to": OWN, "text": words}
        # The same event has the same bytes, whenever it comes.
        body = json.dumps(event | {"at": "2026-11-21T08:30:00Z"}).encode()
        request = RawRequest(method="POST", headers={}, body=body, received_at=at)
        return self.parts.ingest("text_em_all", CONNECTION, token_hash("t"), "", request).status

    def till(self, event_id: str) -> int:
        """Record an opt-out that a cashier asks for; returns the answer's status."""
        call = {"event_id": event_id, "action": "opt_out", "channel": "sms", "via": "pos"}
        body = json.dumps(call | {"point": POINT}).encode()
        request = RawRequest(method="POST", headers={}, body=body, received_at=datetime.now(UTC))
        try:
            self.parts.record_consent(CONNECTION, "c", request)
        except NotConfirmedError:
            return 503
        return 200

    def rescue(self) -> None:
        """Bring home whoever lost every round."""
        while self.safety.messages:
            message = json.loads(encode_safety(self.safety.messages.pop()))
            Services(self.parts).rescue_request(message, 1, "", datetime.now(UTC))

    def tasks(self, part: str) -> list[RowKey]:
        """Return the task rows whose key holds `part`."""
        found: list[RowKey] = []
        request: dict[str, Any] = {"TableName": self.table.name, "ConsistentRead": True}
        for page in self.table.client.get_paginator("scan").paginate(**request):
            for item in page["Items"]:
                row = RowKey(item["pk"]["S"], item["sk"]["S"])
                if row.pk.startswith("TU#") and part in row.pk:
                    found.append(row)
        return found


@pytest.fixture
def house(table: Table) -> House:
    parts = Parts(Settings({"FALLBACK_NUMBER": OWN}), Quiet())
    safety, peer = Kept(), Peer()
    parts.__dict__.update(
        table=table, secrets=FixedSecrets(), safety=safety, queue=NoQueue(), reach=Reach(peer)
    )
    made = connection(
        settings=ConnectionSettings(require_signature=False),
        key_fingerprint=key_fingerprint(KEY, CONNECTION),
        tokens=(HashedSecret(token_hash("t")),),
        connect_keys=(HashedSecret(token_hash("c")),),
    )
    parts.connections.create(made, multi_link=False, audit=audit())
    identity = point_id(KEY, MERCHANT, Channel.SMS, POINT)
    key = ConsentKey(MERCHANT, made.account, Channel.SMS, identity)
    return House(parts, table, safety, peer, key)


@pytest.mark.parametrize("lap", range(3))
def test_sixteen_threads_on_one_number(house: House, race: Race, lap: int) -> None:
    """TEA-17, L-01: STOP, JOIN, a till and a repeat at once: one chain, one confirmation, out."""

    def act(number: int) -> int:
        kind, own = number % 4, f"lap{lap}-{number}"
        if kind == 0:
            return house.text("STOP", own)
        if kind == 1:
            return house.text("JOIN", own)
        if kind == 2:
            return house.till(own)
        return house.text("stop please", "the-same")

    statuses = race(act, threads=THREADS)
    house.rescue()
    assert set(statuses) <= {200, 202, 204, 503}

    record = house.parts.store.load(house.key)
    assert record is not None
    assert record.marks.standing[0] is State.OPTED_OUT
    events = tuple(house.parts.store.evidence(house.key))
    # Four of each kind, of which the repeat counts once.
    assert len(events) == record.version == 13
    file = dossier(house.key, events, datetime.now(UTC), lambda _: "signature")
    assert verify_dossier(file, lambda statement, signature: True) == []
    assert len(house.tasks("opt_out_confirmation")) == 1
    assert len(house.tasks("opt_in_confirmation")) <= 1
    assert len(house.tasks("push_consent")) == 2


@pytest.mark.parametrize("lap", range(3))
def test_two_workers_on_one_push_row(house: House, race: Race, lap: int) -> None:
    """TEA-11: consent flips while two workers have the same message: no overlap, our state last."""
    house.text("JOIN", f"first-{lap}")
    [row, _] = house.tasks("push_consent")
    flipped = threading.Event()

    def work(number: int) -> None:
        if number == 2:
            for turn in range(6):
                house.text("STOP" if turn % 2 else "UNSTOP", f"flip-{lap}-{turn}")
            house.rescue()
            flipped.set()
            return
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            done = flipped.is_set()
            house.parts.run_task(row, receive_count=1)
            if done and house.parts.tasks.get(row) is None:
                return

    race(work, threads=3)
    record = house.parts.store.load(house.key)
    assert record is not None
    assert house.parts.tasks.get(row) is None
    assert house.peer.shown is (record.marks.standing[0] is State.OPTED_IN)
    assert house.peer.overlaps == 0
    assert house.peer.calls >= 1
