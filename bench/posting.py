"""What a posting takes: requests and units with few and many lots, and CPU beside the SDK alone."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from bench.meter import Bill
from bench.stub import Raw
from bench.walk import House
from bench.warm import Pair, side_by_side
from concord.adapters.dynamodb import ledger_keys
from concord.adapters.dynamodb.ledger import DynamoDbLedger
from concord.adapters.dynamodb.ledger_items import account_item
from concord.adapters.dynamodb.table import Table, put
from concord.domain.identity import member_key
from concord.domain.points.account import Account, AccountKey, Lot
from concord.domain.points.posting import Occasion, accrue
from concord.services.post_points import PostPoints

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Open expiry dates: one, one a month, one a day.
DATES: Final = (1, 12, 366)
MEMBERS: Final = 1_000
ROUNDS: Final = 6
_TODAY: Final = date(2026, 11, 22)
_AT: Final = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
_CALLS: Final = MEMBERS // 4
_MONTHLY: Final = 12


@dataclass
class _Still:
    def now(self) -> datetime:
        return _AT


def posting(home: House, dates: int) -> Bill:
    """Accrue to an account with lots of so many dates, for a date that it has not: the most that a
    posting writes."""
    parts = home.world.parts
    account = _account(f"customer {dates}", dates)
    parts.table.put(ledger_keys.account(account.key), account_item(account))
    post = PostPoints(parts.ledger, _Still(), lambda _: ())
    with home.meter.billing() as bill, home.meter.running("posting"):
        _post(post, account.key, dates + 1)
    return bill


def postings_beside_the_sdk(rounds: int = ROUNDS) -> Pair:
    """Measure PostPoints over 1,000 members against GetItem and TransactWriteItems alone: the same
    client, the same parameters, the same stubbed answers, in turns."""
    accounts = [_account(f"customer {n}", _MONTHLY) for n in range(MEMBERS)]
    client = _client(accounts)
    post = PostPoints(DynamoDbLedger(Table("bench", client)), _Still(), lambda _: ())
    recorded = [_recorded(client, post, account.key) for account in accounts]
    keys, calls = cycle(account.key for account in accounts), cycle(recorded)

    def ours() -> None:
        _post(post, next(keys), _MONTHLY + 1)

    def rival() -> None:
        read, write = next(calls)
        client.get_item(**read)
        client.transact_write_items(**write)

    return side_by_side(ours, rival, rounds, _CALLS)


def _account(member: str, dates: int) -> Account:
    key = AccountKey("bench-shop", "main", member_key(b"k" * 32, "bench-shop", "main", member))
    lots = tuple(Lot(_TODAY + timedelta(days=n), 1_000 + n) for n in range(dates))
    return Account(key, seq=10 * dates, lots=lots, member=member)


def _post(post: PostPoints, key: AccountKey, ahead: int) -> None:
    why = Occasion("order:1795339800123456", _AT, _TODAY, {"order": "1795339800123456"})
    decide = partial(accrue, points=120, expires_on=_TODAY + timedelta(days=ahead), why=why)
    posted = post(key, why.entry_id, decide)
    assert posted.entry is not None
    assert not posted.known


def _client(accounts: list[Account]) -> DynamoDBClient:
    """Return a client whose every request is answered without a network: reads with the accounts,
    writes with success."""
    stored = {account.key.member_key: _wire(account) for account in accounts}
    headers = {"content-type": "application/x-amz-json-1.0"}

    def answer(request: Any, event_name: str, **_: Any) -> AWSResponse:
        body = b"{}"
        if event_name.endswith(".GetItem"):
            pk = json.loads(request.body)["Key"]["pk"]["S"]
            body = stored[pk.rpartition("#")[2]]
        return AWSResponse(request.url, 200, headers, Raw(body))

    session = boto3.session.Session("bench", "bench", region_name="us-east-1")
    config = Config(retries={"mode": "standard", "total_max_attempts": 1})
    client: DynamoDBClient = session.client("dynamodb", config=config)
    client.meta.events.register_first("before-send.dynamodb", answer)
    return client


def _wire(account: Account) -> bytes:
    item = put(ledger_keys.account(account.key), account_item(account))["Put"]["Item"]

    def spelled(value: dict[str, Any]) -> dict[str, Any]:
        return {k: b64encode(v).decode() if k == "B" else v for k, v in value.items()}

    return json.dumps({"Item": {name: spelled(value) for name, value in item.items()}}).encode()


def _recorded(
    client: DynamoDBClient, post: PostPoints, key: AccountKey
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the parameters of the two requests that a posting makes."""
    made: list[dict[str, Any]] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        made.append(dict(params))

    client.meta.events.register_first("provide-client-params.dynamodb", note)
    try:
        _post(post, key, _MONTHLY + 1)
    finally:
        client.meta.events.unregister("provide-client-params.dynamodb", note)
    read, write = made
    return read, write
