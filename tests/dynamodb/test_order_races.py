"""Races on one order: shops that repeat themselves, refunds and workers, all at once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from concord.adapters.dynamodb import task_keys
from concord.adapters.dynamodb.merchants import DynamoDbMerchants
from concord.adapters.dynamodb.table import Table
from concord.bootstrap import Parts, Services
from concord.config import Settings
from concord.domain.connection import ConnectionSettings, HashedSecret
from concord.domain.errors import StorageUnavailableError
from concord.domain.events import RawRequest
from concord.domain.identity import key_fingerprint, member_key, token_hash
from concord.domain.merchant import Merchant
from concord.domain.points.account import AccountKey
from concord.domain.points.orders import OrderKey
from concord.domain.points.programme import Programme
from concord.domain.tasks import TaskKind
from tests.support.builders import CONNECTION, MERCHANT, audit, connection
from tests.support.stand_ins import KEY, FixedSecrets, NoQueue, Quiet

pytestmark = pytest.mark.usefixtures("judged")
type Race = Callable[..., list[Any]]

THREADS, WORKERS = 12, 3
HERS = AccountKey(MERCHANT, "main", member_key(KEY, MERCHANT, "main", "c-7"))
ORDER = {
    "order_id": "1001",
    "status": "completed",
    "completed_at": "2026-03-01T15:30:00Z",
    "customer": {"id": "c-7"},
    "currency": "USD",
}


@pytest.fixture
def parts(table: Table) -> Parts:
    made = Parts(Settings({}), Quiet())
    made.__dict__.update(table=table, secrets=FixedSecrets(), queue=NoQueue())
    DynamoDbMerchants(table).put(Merchant(MERCHANT, "Shop", "America/New_York", "US"), audit())
    made.programmes.save(Programme(MERCHANT, "main", "Main", "USD"))
    shop = connection(
        settings=ConnectionSettings(programme="main"),
        key_fingerprint=key_fingerprint(KEY, CONNECTION),
        connect_keys=(HashedSecret(token_hash("c")),),
    )
    made.connections.create(shop, multi_link=False, audit=audit())
    return made


def tell(parts: Parts, path: str, body: dict[str, Any]) -> None:
    """Send it until it is taken, as a shop does."""
    while True:
        request = RawRequest("POST", {}, json.dumps(body).encode(), datetime.now(UTC))
        try:
            if path == "orders":
                answer = Services(parts).take_order(CONNECTION, "c", request)
            else:
                answer = Services(parts).take_refund(CONNECTION, "c", "1001", request)
        except StorageUnavailableError:
            continue
        assert answer.status == 202
        return


@pytest.mark.parametrize("lap", range(2))
def test_an_order_its_refunds_and_their_repeats_at_once(
    parts: Parts, table: Table, race: Race, lap: int
) -> None:
    """R-18, R-21: each is booked once, by whichever worker, and the sum is what is left."""
    shop = parts.connections.get(CONNECTION)
    assert shop is not None
    source = f"{shop.source.platform}:{shop.source.account_id}"
    order = OrderKey.of(MERCHANT, source, "1001")
    row = task_keys.task(MERCHANT, TaskKind.SETTLE_ORDER, CONNECTION, order.name)
    told: list[int] = []

    def act(number: int) -> None:
        if number < WORKERS:
            work()
            return
        try:
            if number % 3 == 0:
                tell(parts, "orders", ORDER | {"subtotal_ex_tax": "43.99"})
            else:
                refund = {"refund_id": f"r-{number % 4}", "amount_ex_tax": f"{number % 4}.50"}
                tell(parts, "refunds", refund)
        finally:
            told.append(number)

    def work() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            parts.run_task(row, receive_count=1)
            if len(told) == THREADS - WORKERS and parts.tasks.get(row) is None:
                return

    race(act, threads=THREADS)
    assert parts.tasks.get(row) is None
    stored = parts.orders.get(order)
    assert stored is not None
    assert (stored.postings, sorted(stored.refunds)) == ((), ["r-0", "r-1", "r-2", "r-3"])
    entries = parts.ledger.entries(HERS)
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    assert [entry.points for entry in entries if entry.points > 0] == [43]
    assert parts.ledger.account(HERS).balance == stored.points == 35
