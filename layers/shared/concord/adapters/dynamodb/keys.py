"""Keys of the table, each spelled once; those of the rest stand in the `*_keys.py` beside.

No key holds personal data (docs/data-model.md). Ids never hold `#` (domain/identity.py checks those
that people choose), so keys can be read back. Times in keys are RFC 3339 in UTC with microseconds:
they sort like time.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Final
from zlib import crc32

from concord.domain.evidence import ConsentKey
from concord.domain.identity import Channel, merchant_of
from concord.domain.tasks import RowKey
from concord.domain.times import to_rfc3339

INBOX_SHARDS: Final = 8
STATE: Final = "STATE"
_INBOX_ID: Final = re.compile(r"(\d{8}T\d{12})-([0-9a-z]+)")
_INBOX_TIME: Final = "%Y%m%dT%H%M%S%f"


def merchant_in(key: RowKey) -> str:
    """Return the merchant of a row whose partition names it second."""
    return key.pk.split("#", 2)[1]


# --- merchants and connections ---------------------------------------------------------------


def merchant(merchant_id: str) -> RowKey:
    """Return `M#<merchant>` / `MERCHANT`."""
    return RowKey(f"M#{merchant_id}", "MERCHANT")


def connection(connection_id: str) -> RowKey:
    """Return `M#<merchant>` / `CONNECTION#<connection>`. ValueError: not a connection id."""
    return RowKey(f"M#{merchant_of(connection_id)}", f"{CONNECTIONS}{connection_id}")


CONNECTIONS: Final = "CONNECTION#"


def link(platform: str, account_id: str) -> RowKey:
    """Return `LINK#<platform>#<account>` / `LINK`."""
    return RowKey(f"LINK#{platform}#{account_id}", "LINK")


def number(text_number: str) -> RowKey:
    """Return `NUMBER#<text number>` / `NUMBER`: the retailer's number, not a shopper's."""
    return RowKey(f"NUMBER#{text_number}", "NUMBER")


def audit(merchant_id: str, connection_id: str, at: datetime, entry_id: str) -> RowKey:
    """Return `A#<merchant>#<connection or ->` / `<at>#<id>`."""
    return RowKey(audit_pk(merchant_id, connection_id), f"{to_rfc3339(at)}#{entry_id}")


def audit_pk(merchant_id: str, connection_id: str) -> str:
    """Return `A#<merchant>#<connection>`; `-` stands for the merchant itself."""
    return f"A#{merchant_id}#{connection_id or '-'}"


# --- consent ---------------------------------------------------------------------------------


def consent_pk(key: ConsentKey) -> str:
    """Return `C#<merchant>#<account>#<channel>#<point_id>`."""
    return f"C#{key.merchant_id}#{key.account}#{key.channel.value}#{key.point_id}"


def consent_state(key: ConsentKey) -> RowKey:
    """Return `C#<merchant>#<account>#<channel>#<point_id>` / `STATE`."""
    return RowKey(consent_pk(key), STATE)


def consent_key_of(key: RowKey) -> ConsentKey:
    """Return the consent key that a STATE row stands for."""
    _, merchant_id, account, channel, point_id = key.pk.split("#")
    return ConsentKey(merchant_id, account, Channel(channel), point_id)


EVIDENCE: Final = "E#"


def evidence(key: ConsentKey, seq: int) -> RowKey:
    """Return `C#<merchant>#<account>#<channel>#<point_id>` / `E#<seq, ten digits>`."""
    return RowKey(consent_pk(key), f"{EVIDENCE}{seq:010d}")


def untold_pk(merchant_id: str, account: str) -> str:
    """Return `U#<merchant>#<account>`: what nobody was told while no connection had the account."""
    return f"U#{merchant_id}#{account}"


def untold(key: ConsentKey) -> RowKey:
    """Return `U#<merchant>#<account>` / `<channel>#<point_id>`."""
    return RowKey(untold_pk(key.merchant_id, key.account), f"{key.channel.value}#{key.point_id}")


def untold_key_of(key: RowKey) -> ConsentKey:
    """Return the consent key that a row of `untold` stands for."""
    _, merchant_id, account = key.pk.split("#")
    channel, point_id = key.sk.split("#")
    return ConsentKey(merchant_id, account, Channel(channel), point_id)


def marker(merchant_id: str, connection_id: str, event_key: str) -> RowKey:
    """Return `X#<merchant>#<connection>#<event key>` / `MARKER`."""
    return RowKey(f"X#{merchant_id}#{connection_id}#{event_key}", "MARKER")


# --- inbox -----------------------------------------------------------------------------------


def inbox(merchant_id: str, inbox_id: str) -> RowKey:
    """Return `I#<merchant>#<yyyymmdd>#<shard 0..7>` / `<received_at>#<id>`.

    An inbox id is `<yyyymmddThhmmssffffff>-<random, 0-9a-z>`, so that day, time and shard can be
    read from it. ValueError: it is not of that form.
    """
    at, token = _read_inbox_id(inbox_id)
    shard = crc32(token.encode()) % INBOX_SHARDS
    return RowKey(inbox_pk(merchant_id, at, shard), f"{to_rfc3339(at)}#{inbox_id}")


def new_inbox_id(received_at: datetime) -> str:
    """Return an inbox id for a body received at `received_at`."""
    return f"{received_at.astimezone(UTC):{_INBOX_TIME}}-{secrets.token_hex(6)}"


def inbox_id_in(sk: str) -> str:
    """Return the inbox id of `<received_at>#<id>`."""
    return sk.partition("#")[2]


def inbox_pk(merchant_id: str, day: datetime, shard: int) -> str:
    """Return `I#<merchant>#<yyyymmdd>#<shard>`."""
    return f"I#{merchant_id}#{day:%Y%m%d}#{shard}"


def inbox_time(inbox_id: str) -> datetime:
    """Return when the body of this id was received."""
    return _read_inbox_id(inbox_id)[0]


def inbox_days(start: datetime, end: datetime) -> list[datetime]:
    """Return the UTC days that hold the bodies received from `start` up to, not at, `end`."""
    day = start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    days = []
    while day < end:
        days.append(day)
        day += timedelta(days=1)
    return days


def _read_inbox_id(inbox_id: str) -> tuple[datetime, str]:
    match = _INBOX_ID.fullmatch(inbox_id)
    if match is None:
        raise ValueError("not an inbox id")
    return datetime.strptime(match[1], _INBOX_TIME).replace(tzinfo=UTC), match[2]


# --- reviews, shoppers, answers, jobs --------------------------------------------------------


def review_pk(merchant_id: str, connection_id: str) -> str:
    """Return `R#<merchant>#<connection>`."""
    return f"R#{merchant_id}#{connection_id}"


def review(merchant_id: str, connection_id: str, kind: str, review_id: str) -> RowKey:
    """Return `R#<merchant>#<connection>` / `<kind>#<id>`."""
    return RowKey(review_pk(merchant_id, connection_id), f"{kind}#{review_id}")


def shopper(merchant_id: str, connection_id: str, shopper_key: str) -> RowKey:
    """Return `S#<merchant>#<connection>#<shopper key>` / `SHOPPER`."""
    return RowKey(f"{shoppers_prefix(merchant_id, connection_id)}{shopper_key}", SHOPPER)


SHOPPER: Final = "SHOPPER"


def shoppers_prefix(merchant_id: str, connection_id: str) -> str:
    """Return `S#<merchant>#<connection>#`: what the keys of a connection's shoppers begin with."""
    return f"S#{merchant_id}#{connection_id}#"


def carriers_pk(merchant_id: str, connection_id: str, point_id: str) -> str:
    """Return `P#<merchant>#<connection>#<point_id>`: who carries a point."""
    return f"P#{merchant_id}#{connection_id}#{point_id}"


CARRIER: Final = "SHOPPER#"
UNMATCHED: Final = "UNMATCHED"


def unmatched(merchant_id: str, connection_id: str, point_id: str) -> RowKey:
    """Return `P#<merchant>#<connection>#<point_id>` / `UNMATCHED`: a review says nobody does."""
    return RowKey(carriers_pk(merchant_id, connection_id, point_id), UNMATCHED)


def carrier(merchant_id: str, connection_id: str, point_id: str, shopper_key: str) -> RowKey:
    """Return `P#<merchant>#<connection>#<point_id>` / `SHOPPER#<shopper key>`."""
    return RowKey(carriers_pk(merchant_id, connection_id, point_id), f"{CARRIER}{shopper_key}")


def answer(merchant_id: str, idempotency_key: str) -> RowKey:
    """Return `K#<merchant>#<SHA-256 of the Idempotency-Key>` / `ANSWER`."""
    digest = hashlib.sha256(idempotency_key.encode()).hexdigest()
    return RowKey(f"K#{merchant_id}#{digest}", "ANSWER")


def job(job_id: str) -> RowKey:
    """Return `J#<merchant>#<job>` / `JOB`. ValueError: not a job id."""
    return RowKey(f"J#{merchant_of(job_id)}#{job_id}", "JOB")


ROWS: Final = "ROWS#"
SEEN: Final = "SEEN#"


def job_rows(job_id: str, part: int) -> RowKey:
    """Return `J#<merchant>#<job>` / `ROWS#<part, six digits>`: a part of a job's file."""
    return RowKey(job(job_id).pk, f"{ROWS}{part:06d}")


def job_seen(job_id: str, row: int) -> RowKey:
    """Return `J#<merchant>#<job>` / `SEEN#<row, ten digits>`: points of a dry run up to a row."""
    return RowKey(job(job_id).pk, f"{SEEN}{row:010d}")
