"""What a night reads: finding who is due among all members, and the accounts that are.

Our own worker and adapters over DynamoDB in memory, each request billed as bench/capacity.py
computes it; beside it a Scan of the accounts, as it is often built.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from math import ceil
from typing import Any, Final

from bench.broadcast import Bill, Billed
from bench.capacity import item_size, read_units
from bench.figures import Figure
from concord.adapters.dynamodb import ledger_keys
from concord.adapters.dynamodb.ledger import DynamoDbLedger
from concord.adapters.dynamodb.ledger_items import account_item
from concord.adapters.dynamodb.marshal import to_item
from concord.adapters.dynamodb.merchants import DynamoDbMerchants
from concord.adapters.dynamodb.programmes import DynamoDbProgrammes
from concord.adapters.dynamodb.table import Table
from concord.adapters.dynamodb.task_items import task_key
from concord.bootstrap.nights import night_worker
from concord.bootstrap.parts import Parts
from concord.config import Settings
from concord.domain.audit import AuditEntry
from concord.domain.merchant import Merchant
from concord.domain.metrics import Metric
from concord.domain.points.account import Account, AccountKey, Lot
from concord.domain.points.night import NIGHT_SHARDS, Night, Shard, night_task
from concord.domain.points.programme import Programme
from tests.support.memory_dynamodb import MemoryDynamoDb

DUE: Final = 10_000
SIZES: Final = (10_000, 100_000, 1_000_000)
_BLOCK: Final = 4096
_NIGHT: Final = Night("merchant", date(2026, 11, 22))
_OTHER: Final[dict[str, Any]] = {}
_NOW: Final = datetime(2026, 11, 22, 6, tzinfo=UTC)


class _Clock:
    """Stands still: a pass is never out of time."""

    def now(self) -> datetime:
        return _NOW


def _key(number: int) -> AccountKey:
    # Evenly spread, as keyed names are.
    return AccountKey("merchant", "programme", f"{number * 0x9E3779B97F4A7C15 % 2**128:032x}")


def _account(key: AccountKey) -> Account:
    lots = tuple(Lot(_NIGHT.day_before + timedelta(days=30 * n), 120) for n in range(12))
    return Account(key, 40, lots, member=f"customer-{key.member_key[:8]}")


class _Silent:
    """Tells nobody: what is measured here is what is read."""

    def count(self, name: Metric, value: float = 1) -> None: ...

    def gauge(self, name: Metric, value: float) -> None: ...

    def info(self, code: str, **fields: object) -> None: ...

    def bug(self, error: Exception) -> None:
        raise error


def finding(members: int) -> tuple[float, float]:
    """Return the read units of finding 10,000 who are due among so many members, and those of
    reading every account instead. Whoever is not due has a hint of another day."""
    memory: Any = MemoryDynamoDb()
    for number in range(members):
        on = _NIGHT.on + timedelta(days=0 if number < DUE else 1 + number % 364)
        row = ledger_keys.hint(_key(number), on)
        # Of other days nothing is read: one item stands for all of them.
        due = {"pk": row.pk, "sk": row.sk}
        memory._items[row.pk][row.sk] = due if number < DUE else _OTHER
    bill = Bill()
    ledger = DynamoDbLedger(Table("memory", Billed(memory, bill)))  # type: ignore[arg-type]
    found = [
        hint
        for shard in range(NIGHT_SHARDS)
        for hint in ledger.hints(_NIGHT.merchant_id, _NIGHT.on, shard)
    ]
    assert len(found) == DUE
    account = _account(_key(0))
    row = ledger_keys.account(account.key)
    one = item_size(to_item({"pk": row.pk, "sk": row.sk, **account_item(account)}))
    return bill.read_units, float(ceil(members * one / _BLOCK))


class _Watched:
    """A table's client that bills the reads of accounts, and of nothing else."""

    def __init__(self, memory: Any) -> None:
        self._memory = memory
        self.read_units = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._memory, name)

    def get_item(self, **request: Any) -> Any:
        answer = self._memory.get_item(**request)
        if request["Key"]["sk"]["S"] == ledger_keys.ACCOUNT:
            found = [answer["Item"]] if "Item" in answer else []
            self.read_units += read_units(found, consistent=True)
        return answer


def account_reads(due: int = 500) -> float:
    """Return the read units per due account of a whole night: every part, up to the report."""
    memory = MemoryDynamoDb()
    watched = _Watched(memory)
    parts = Parts(Settings({}), _Silent(), _Clock())
    parts.__dict__["table"] = Table("memory", watched)  # type: ignore[arg-type]
    _stock(Table("memory", memory), due)  # type: ignore[arg-type]
    work = night_worker(parts)
    for number in range(NIGHT_SHARDS):
        spec = night_task(Shard(_NIGHT, number, _NIGHT.on))
        parts.tasks.ensure(_NIGHT.merchant_id, spec, _NOW)
        work(task_key(_NIGHT.merchant_id, spec), 1)
    left = [row for row in memory.rows("LH#") if _NIGHT.on.isoformat() in row["pk"]]
    assert not left
    assert not memory.rows("TN#")
    return watched.read_units / due


def _stock(table: Table, due: int) -> None:
    """Put a merchant with a programme, and members of whom each has a lot that is over."""
    merchant = Merchant(_NIGHT.merchant_id, "Green Grocer", "America/New_York", "US")
    written = AuditEntry(merchant.merchant_id, "", _NOW, "bench", "merchant_put", {})
    DynamoDbMerchants(table).put(merchant, written)
    programmes = DynamoDbProgrammes(table, lambda: _NOW - timedelta(days=1))
    programmes.save(Programme(merchant.merchant_id, "programme", "Points", "USD"))
    for number in range(due):
        account = _account(_key(number))
        table.put(ledger_keys.account(account.key), account_item(account))
        table.put(ledger_keys.hint(account.key, _NIGHT.on), {})


def night_costs(members: int = SIZES[0]) -> list[Figure]:
    """Return what finding who is due and reading their accounts takes."""
    found, scan = finding(members)
    note = f"{DUE:,} due among {members:,} members; beside: a Scan"
    return [
        Figure("expiry.read_units", found, "read units", scan, found / scan, goal=400, note=note),
        Figure("expiry.account_read_units", account_reads(), "read units", goal=1.05),
    ]


def night_sizes(told: Callable[[str], None]) -> list[Figure]:
    """Return how much more finding who is due takes among 1,000,000 members than among 10,000."""
    units = []
    for members in SIZES:
        told(f"{members:,} members")
        units.append(finding(members))
    most, scan = max(found for found, _ in units), units[-1][1]
    note = " / ".join(f"{found:,.0f}" for found, _ in units) + f" units; a Scan: {scan:,.0f}"
    ratio = most / min(found for found, _ in units)
    return [Figure("expiry.equal_ratio", ratio, "times", goal=1.1, note=note)]
