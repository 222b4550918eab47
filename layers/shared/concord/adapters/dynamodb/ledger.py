"""Accounts and their entries in the one table: a posting is one transaction of two or three items,
and the tasks that it causes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from concord.adapters.dynamodb import ledger_keys
from concord.adapters.dynamodb.audit import put_audit
from concord.adapters.dynamodb.ledger_items import (
    account_from,
    account_item,
    entry_from,
    entry_item,
)
from concord.adapters.dynamodb.table import Table, delete, put
from concord.adapters.dynamodb.task_items import write_task
from concord.adapters.dynamodb.translate import TransactionRefusedError
from concord.domain.audit import AuditEntry
from concord.domain.points.account import Account, AccountKey
from concord.domain.points.posting import Entry, Posting
from concord.domain.points.report import DayRow
from concord.domain.tasks import RowKey, TaskSpec
from concord.ports.points import Hint, PostResult


class DynamoDbLedger:
    """Ledger over the one table. The account's `seq` is its version: who decided on an old one
    decides again; an entry's id is its event's, so no event is booked twice."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def account(self, key: AccountKey) -> Account:
        """Read an account, strongly."""
        item = self._table.get(ledger_keys.account(key))
        return account_from(key, item) if item else Account(key)

    def accounts(self, keys: Sequence[AccountKey]) -> dict[AccountKey, Account]:
        """Read accounts, strongly, a hundred a request."""
        found = self._table.get_many([ledger_keys.account(key) for key in keys])
        accounts = {}
        for key in keys:
            item = found.get(ledger_keys.account(key))
            accounts[key] = account_from(key, item) if item else Account(key)
        return accounts

    def entry(self, key: AccountKey, entry_id: str) -> Entry | None:
        """Read one entry, strongly."""
        item = self._table.get(ledger_keys.entry(key, entry_id))
        return entry_from(item) if item else None

    def entries(self, key: AccountKey) -> list[Entry]:
        """Return all entries of an account, oldest first."""
        found = self._table.query(
            "pk = :pk AND begins_with(sk, :entry)",
            consistent=False,
            pk=ledger_keys.account_pk(key),
            entry=ledger_keys.ENTRY,
        )
        return sorted(map(entry_from, found), key=lambda entry: entry.seq)

    def post(
        self,
        posting: Posting,
        tasks: Sequence[TaskSpec] = (),
        *,
        now: datetime,
        seen: Hint | None = None,
        audit: AuditEntry | None = None,
    ) -> PostResult:
        """Write a posting in one transaction, as MAX_TRANSACTION allows: account, one or two
        entries, rarely more than one hint, and tasks."""
        account, entries = posting.account, posting.entries
        key, before = account.key, account.seq - len(entries)
        version = ("#seq = :before", {"before": before}) if before else (_NEW, {})
        actions = [
            put(ledger_keys.account(key), account_item(account), version[0], **version[1]),
            *(put(ledger_keys.entry(key, e.entry_id), entry_item(key, e), _NEW) for e in entries),
            *(put(ledger_keys.hint(key, on), {}) for on in posting.hints),
            *(write_task(key.merchant_id, spec, now) for spec in tasks),
        ]
        # A night that dies between two postings must find the hint again.
        if seen is not None and not account.due_on(seen.on):
            actions.append(delete(ledger_keys.hint(seen.key, seen.on)))
        if audit is not None:
            actions.append(put_audit(audit))
        try:
            self._table.transact(actions)
        except TransactionRefusedError as refused:
            return self._refused(refused, key, entries)
        return PostResult.DONE

    def _refused(
        self, refused: TransactionRefusedError, key: AccountKey, entries: Sequence[Entry]
    ) -> PostResult:
        """Tell a repeat from a lost race; conditions are not promised to be all reported."""
        known = any(refused.at(1 + place) for place in range(len(entries)))
        if known or self.entry(key, entries[0].entry_id) is not None:
            return PostResult.KNOWN
        if not refused.at(0):
            raise refused  # a task of that name stands already: deciding again would not help
        return PostResult.MOVED

    def hints(
        self, merchant_id: str, on: date, shard: int, after: AccountKey | None = None
    ) -> Iterator[Hint]:
        """Yield the accounts to look at on the night of a day."""
        pk = ledger_keys.hints_pk(merchant_id, on, shard)
        # A key condition takes no empty text, and no id begins with a space.
        place = ledger_keys.hint_sk(after) if after else " "
        for item in self._table.query(
            "pk = :pk AND sk > :after", keys_only=True, pk=pk, after=place
        ):
            yield Hint(ledger_keys.read_hint(RowKey(item["pk"], item["sk"])), on)

    def forget(self, hint: Hint) -> None:
        """Take a hint away at which nothing was to do."""
        self._table.delete(ledger_keys.hint(hint.key, hint.on))

    def booked(self, merchant_id: str, programme_id: str, on: date, shard: int) -> Iterator[DayRow]:
        """Yield what was booked on a day, from the index's keys."""
        for item in self._table.query(
            "due_pk = :due_pk",
            index="due",
            due_pk=ledger_keys.day_pk(merchant_id, programme_id, on, shard),
        ):
            yield ledger_keys.read_day_sk(item["due_sk"])


_NEW = "attribute_not_exists(pk)"
