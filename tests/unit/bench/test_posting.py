"""What a posting takes: whatever the history, and beside the bare SDK."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from bench import posting
from bench.figures import Figure, missed
from bench.walk import house
from concord.adapters.dynamodb.ledger import DynamoDbLedger
from concord.adapters.dynamodb.table import Table
from concord.services.post_points import PostPoints


def test_a_posting_is_three_items_whatever_the_history(monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 4, rules.md Points: account, entry, hint; at 366 open expiry dates at most 20 units.

    An account's 366 lots fill 5 KB, twice in a transaction: 10; entry 2, its place in the index 1,
    hint 2.
    """
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with house() as home:
        bills = {dates: posting.posting(home, dates) for dates in posting.DATES}
    assert {bill.spelled() for bill in bills.values()} == {"GetItem, TransactWriteItems"}
    assert {dates: bill.write_units for dates, bill in bills.items()} == {1: 7, 12: 7, 366: 15}


def test_both_sides_send_the_same_bytes() -> None:
    """`ledger.postings_per_second`: only our own work is the difference."""
    account = posting._account("customer 1", 12)
    client = posting._client([account])
    post = PostPoints(DynamoDbLedger(Table("bench", client)), posting._Still(), lambda _: ())
    read, write = posting._recorded(client, post, account.key)
    sent: list[Mapping[str, Any]] = []

    def note(request: Any, **_: Any) -> None:
        sent.append(json.loads(request.body))

    client.meta.events.register_first("before-send.dynamodb", note)
    posting._post(post, account.key, 13)
    client.get_item(**read)
    client.transact_write_items(**write)
    ours, rival = (
        [{**body, "ClientRequestToken": ""} for body in each] for each in (sent[:2], sent[2:])
    )
    assert ours == rival
    assert len(sent) == 4
    assert len(ours[1]["TransactItems"]) == 3


def test_a_round_is_measured_on_both_sides() -> None:
    pair = posting.postings_beside_the_sdk(rounds=1)
    assert pair.rival > 0
    assert pair.ratio == pytest.approx(pair.ours / pair.rival)


def test_a_floor_is_missed_from_below() -> None:
    floor = Figure("ledger.ratio", 0.79, "x", goal=0.8, at_least=True)
    assert missed([floor]) == [floor]
    assert missed([Figure("ledger.ratio", 0.8, "x", goal=0.8, at_least=True)]) == []
