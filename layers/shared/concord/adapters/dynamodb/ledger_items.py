"""Accounts and entries as items: lots packed into twelve bytes each, the rest as it is."""

from __future__ import annotations

import json
import struct
from datetime import date
from typing import Any, Final

from concord.adapters.dynamodb import ledger_keys
from concord.adapters.dynamodb.marshal import Item
from concord.domain.points.account import Account, AccountKey, LastChange, Lot, Lots, Pending
from concord.domain.points.posting import Entry, EntryKind
from concord.domain.times import from_rfc3339, to_rfc3339

# Day (proleptic ordinal; all ones = never expires) and points, in twelve bytes.
_LOT: Final = struct.Struct(">IQ")
_NEVER: Final = 0xFFFFFFFF


def account_item(account: Account) -> Item:
    """Return an account's attributes."""
    return {
        "seq": account.seq,
        "lots": pack(account.lots),
        "owed": account.owed,
        "pending": json.dumps([_pending_list(each) for each in account.pending], ensure_ascii=False)
        if account.pending
        else None,
        "member": account.member or None,
        "last_on": account.last.on.isoformat() if account.last else None,
        "last_points": account.last.points if account.last else None,
    }


def account_from(key: AccountKey, item: Item) -> Account:
    """Return the account that an item holds."""
    return Account(
        key=key,
        seq=item["seq"],
        lots=unpack(item["lots"]),
        owed=item["owed"],
        pending=tuple(_pending_from(each) for each in json.loads(item.get("pending", "[]"))),
        member=item.get("member", ""),
        last=LastChange(date.fromisoformat(item["last_on"]), item["last_points"])
        if "last_on" in item
        else None,
    )


def entry_item(key: AccountKey, entry: Entry) -> Item:
    """Return an entry's attributes; the index lists it under its day for the report."""
    shard = ledger_keys.shard_of(key.member_key)
    return {
        "entry_id": entry.entry_id,
        "kind": entry.kind.value,
        "points": entry.points,
        "seq": entry.seq,
        "balance": entry.balance,
        "at": to_rfc3339(entry.at),
        "on": entry.on.isoformat(),
        "lots": pack(entry.lots) if entry.lots else None,
        "pending": entry.pending or None,
        "asked": entry.asked,
        "details": json.dumps(entry.details) if entry.details else None,
        "due_pk": ledger_keys.day_pk(key.merchant_id, key.programme_id, entry.on, shard),
        "due_sk": ledger_keys.day_sk(key, entry),
    }


def entry_from(item: Item) -> Entry:
    """Return the entry that an item holds."""
    return Entry(
        entry_id=item["entry_id"],
        kind=EntryKind(item["kind"]),
        points=item["points"],
        seq=item["seq"],
        balance=item["balance"],
        at=from_rfc3339(item["at"]),
        on=date.fromisoformat(item["on"]),
        lots=unpack(item.get("lots", b"")),
        pending=item.get("pending", 0),
        asked=item.get("asked"),
        details=json.loads(item.get("details", "{}")),
    )


def pack(lots: Lots) -> bytes:
    """Return lots as bytes, twelve each."""
    return b"".join(
        _LOT.pack(lot.expires_on.toordinal() if lot.expires_on else _NEVER, lot.points)
        for lot in lots
    )


def unpack(packed: bytes) -> Lots:
    """Return what `pack` made bytes of."""
    return tuple(
        Lot(None if day == _NEVER else date.fromordinal(day), points)
        for day, points in _LOT.iter_unpack(packed)
    )


def _pending_list(each: Pending) -> list[Any]:
    expires = each.expires_on.isoformat() if each.expires_on else None
    return [each.ref, each.active_on.isoformat(), expires, each.points, each.order]


def _pending_from(stored: list[Any]) -> Pending:
    ref, active_on, expires, points, *order = stored
    expires_on = date.fromisoformat(expires) if expires else None
    return Pending(ref, date.fromisoformat(active_on), expires_on, points, *order)
