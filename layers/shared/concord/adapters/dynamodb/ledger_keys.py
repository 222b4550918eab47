"""Keys of programmes and points. No key holds personal data (docs/data-model.md)."""

from __future__ import annotations

from datetime import date
from typing import Final
from zlib import crc32

from concord.domain.identity import event_key
from concord.domain.points.account import AccountKey
from concord.domain.points.night import NIGHT_SHARDS
from concord.domain.points.orders import OrderKey
from concord.domain.points.posting import Entry, EntryKind
from concord.domain.points.report import DayRow
from concord.domain.tasks import RowKey

ACCOUNT: Final = "ACCOUNT"
ENTRY: Final = "E#"
NOTICE: Final = "NOTICE#"
PROGRAMMES: Final = "PROGRAMME#"


def programme(merchant_id: str, programme_id: str) -> RowKey:
    """Return `M#<merchant>` / `PROGRAMME#<programme>`."""
    return RowKey(f"M#{merchant_id}", f"{PROGRAMMES}{programme_id}")


def account_pk(key: AccountKey) -> str:
    """Return `L#<merchant>#<programme>#<member key>`."""
    return f"L#{key.merchant_id}#{key.programme_id}#{key.member_key}"


def account(key: AccountKey) -> RowKey:
    """Return `L#<merchant>#<programme>#<member key>` / `ACCOUNT`."""
    return RowKey(account_pk(key), ACCOUNT)


def entry(key: AccountKey, entry_id: str) -> RowKey:
    """Return `L#<merchant>#<programme>#<member key>` / `E#<SHA-256 of the entry's id>`: a shop may
    have put anything into the id of its order."""
    return RowKey(account_pk(key), f"{ENTRY}{event_key(entry_id)}")


def notice(key: AccountKey, last_day: date) -> RowKey:
    """Return `L#<merchant>#<programme>#<member key>` / `NOTICE#<date>`: she was told what expires
    at the end of that day."""
    return RowKey(account_pk(key), f"{NOTICE}{last_day.isoformat()}")


def shard_of(member_key: str) -> int:
    """Return the shard of a member, the same for ever."""
    return crc32(member_key.encode()) % NIGHT_SHARDS


def hints_pk(merchant_id: str, on: date, shard: int) -> str:
    """Return `LH#<merchant>#<date>#<shard 0..7>`."""
    return f"LH#{merchant_id}#{on.isoformat()}#{shard}"


def hint(key: AccountKey, on: date) -> RowKey:
    """Return `LH#<merchant>#<date>#<shard>` / `<programme>#<member key>`."""
    pk = hints_pk(key.merchant_id, on, shard_of(key.member_key))
    return RowKey(pk, hint_sk(key))


def hint_sk(key: AccountKey) -> str:
    """Return `<programme>#<member key>`."""
    return f"{key.programme_id}#{key.member_key}"


def read_hint(key: RowKey) -> AccountKey:
    """Return the account that a hint names."""
    merchant_id = key.pk.split("#", 2)[1]
    programme_id, _, member_key = key.sk.partition("#")
    return AccountKey(merchant_id, programme_id, member_key)


def day_pk(merchant_id: str, programme_id: str, on: date, shard: int) -> str:
    """Return `DAY#<merchant>#<programme>#<date>#<shard>` of the due index: what was booked."""
    return f"DAY#{merchant_id}#{programme_id}#{on.isoformat()}#{shard}"


def day_sk(key: AccountKey, entry: Entry) -> str:
    """Return `<member key>#<seq>#<kind>#<points>#<pending>#<balance>` of the index: all
    that the day's report needs of an entry, so that it reads keys alone."""
    return (
        f"{key.member_key}#{entry.seq:010d}#{entry.kind.value}"
        f"#{entry.points}#{entry.pending}#{entry.balance}"
    )


def read_day_sk(text: str) -> DayRow:
    """Return what a key of the index says of an entry."""
    member_key, seq, kind, points, pending, balance = text.split("#")
    return DayRow(member_key, int(seq), EntryKind(kind), int(points), int(pending), int(balance))


def order(key: OrderKey) -> RowKey:
    """Return `O#<merchant>#<platform>:<account>#<hash of the order's id>` / `ORDER`."""
    return RowKey(f"O#{key.merchant_id}#{key.source}#{key.name}", "ORDER")
