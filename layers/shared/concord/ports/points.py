"""What is kept of points: programmes, accounts with their entries, and where the night looks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from concord.domain.audit import AuditEntry
from concord.domain.points.account import Account, AccountKey
from concord.domain.points.posting import Entry, Posting
from concord.domain.points.programme import Programme
from concord.domain.points.report import DayRow
from concord.domain.tasks import TaskSpec


class Programmes(Protocol):
    """The programmes of merchants."""

    def get(self, merchant_id: str, programme_id: str) -> Programme | None:
        """Read one, strongly."""

    def of(self, merchant_id: str) -> Sequence[Programme]:
        """Return all of a merchant, by id."""

    def save(self, programme: Programme, audit: AuditEntry | None = None) -> bool:
        """Replace it on version = programme.version - 1, with `audit` in the same transaction;
        False = somebody else was first."""


class PostResult(StrEnum):
    """What became of a posting: written, or refused because its event was booked before (`known`)
    or because the account moved since it was read (`moved`)."""

    DONE = "done"
    KNOWN = "known"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Hint:
    """On the night of `on`, look at this account."""

    key: AccountKey
    on: date


class Ledger(Protocol):
    """Accounts and their entries. An entry is written once, by the transaction that moves its
    account; nothing else changes either."""

    def account(self, key: AccountKey) -> Account:
        """Read an account, strongly; one that was never posted to is empty, with seq 0."""

    def accounts(self, keys: Sequence[AccountKey]) -> Mapping[AccountKey, Account]:
        """Read accounts, strongly, a hundred a request; those never posted to are empty."""

    def entry(self, key: AccountKey, entry_id: str) -> Entry | None:
        """Read one entry, strongly."""

    def entries(self, key: AccountKey) -> list[Entry]:
        """Return all entries of an account, oldest first. A moment old at most."""

    def post(
        self,
        posting: Posting,
        tasks: Sequence[TaskSpec] = (),
        *,
        now: datetime,
        seen: Hint | None = None,
        audit: AuditEntry | None = None,
    ) -> PostResult:
        """Write account, entries, hints and tasks in one transaction, if the account is as it was
        read and none of the entries is there. `seen` = the hint that this posting answers: it goes,
        unless that night has more to do at this account. `audit` = who asked for it.
        Raises StorageUnavailableError."""

    def hints(
        self, merchant_id: str, on: date, shard: int, after: AccountKey | None = None
    ) -> Iterator[Hint]:
        """Yield the accounts to look at on the night of a day, those behind `after` if it is given:
        a query, and no account is read."""

    def forget(self, hint: Hint) -> None:
        """Take a hint away at which nothing was to do. Safe to repeat."""

    def booked(self, merchant_id: str, programme_id: str, on: date, shard: int) -> Iterator[DayRow]:
        """Yield what was booked on a day: those of one account together, in order. No item is read.
        A moment old at most; the night reads the day before."""
