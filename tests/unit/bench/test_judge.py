"""Reliability 11: the judge finds an emulator that lies, and passes one that does not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bench.judge import EMULATORS, Judged
from tests.support.judge import RACES, Verdict, judge

PUT, TRANSACTION = RACES
ROUNDS = 3


class Store:
    """A store with DynamoDB's promises: one lock around look and write."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], dict[str, Any]] = {}
        self.lock = threading.Lock()

    def put_item(self, **put: Any) -> None:
        with self.lock:
            self.check([put])
            self.write([put])

    def transact_write_items(self, TransactItems: list[dict[str, Any]]) -> None:
        puts = [each["Put"] for each in TransactItems]
        with self.lock:
            self.check(puts)
            self.write(puts)

    def delete_item(self, Key: dict[str, Any], **_: Any) -> dict[str, Any]:
        found = self.items.pop(_key(Key), None)
        return {"Attributes": found} if found else {}

    def check(self, puts: list[dict[str, Any]]) -> None:
        if any(_key(put["Item"]) in self.items for put in puts):
            code = "TransactionCanceledException" if len(puts) > 1 else "ConditionalCheckFailed"
            refuse(code if len(puts) > 1 else f"{code}Exception")

    def write(self, puts: list[dict[str, Any]]) -> None:
        for put in puts:
            self.items[_key(put["Item"])] = put["Item"]


class Unlocked(Store):
    """Looks, waits, and then writes: everybody saw nothing there."""

    def check(self, puts: list[dict[str, Any]]) -> None:
        super().check(puts)
        self.lock.release()
        time.sleep(0.02)
        self.lock.acquire()


class Torn(Store):
    """Writes the first half of a transaction and loses the rest."""

    def write(self, puts: list[dict[str, Any]]) -> None:
        super().write(puts[:1])


class Refusing(Store):
    """Lets nobody win."""

    def check(self, puts: list[dict[str, Any]]) -> None:
        refuse("TransactionConflictException")


class Failing(Store):
    """Writes, and then answers with an error of its own."""

    def write(self, puts: list[dict[str, Any]]) -> None:
        super().write(puts)
        raise RuntimeError("dictionary changed size during iteration")


class Throttling(Store):
    """Says neither yes nor no to whoever lost."""

    def check(self, puts: list[dict[str, Any]]) -> None:
        if any(_key(put["Item"]) in self.items for put in puts):
            refuse("ThrottlingException")


def refuse(code: str) -> None:
    raise ClientError({"Error": {"Code": code}}, "Write")


def _key(item: dict[str, Any]) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def found(store: Store) -> dict[str, tuple[int, int, int, int]]:
    verdicts = judge(store, "t", ROUNDS)
    assert [verdict.rounds for verdict in verdicts] == [ROUNDS, ROUNDS]
    return {each.race: (each.several, each.none, each.torn, each.unclear) for each in verdicts}


@pytest.mark.parametrize(
    ("store", "put", "transaction"),
    [
        (Store, (0, 0, 0, 0), (0, 0, 0, 0)),
        (Unlocked, (ROUNDS, 0, 0, 0), (ROUNDS, 0, 0, 0)),
        (Torn, (0, 0, 0, 0), (0, 0, ROUNDS, 0)),
        (Refusing, (0, ROUNDS, 0, 0), (0, ROUNDS, 0, 0)),
        # What nobody was told of stands in the table: no whole work of a winner either.
        (Failing, (0, ROUNDS, ROUNDS, ROUNDS), (0, ROUNDS, ROUNDS, ROUNDS)),
        (Throttling, (0, 0, 0, ROUNDS), (0, 0, 0, ROUNDS)),
    ],
)
def test_each_lie_is_found(
    store: Callable[[], Store], put: tuple[int, ...], transaction: tuple[int, ...]
) -> None:
    """Reliability 11: several winners, none, half a transaction, no answer; and an honest one."""
    assert found(store()) == {PUT: put, TRANSACTION: transaction}


def test_nothing_is_left_behind() -> None:
    """moto copies the whole table for each transaction: a judge that litters would never end."""
    store = Store()
    judge(store, "t", ROUNDS)
    assert store.items == {}


@pytest.mark.parametrize("fault", ["several", "none", "torn", "unclear"])
def test_one_bad_round_is_enough(fault: str) -> None:
    clean = {"several": 0, "none": 0, "torn": 0, "unclear": 0}
    assert Verdict(PUT, 1_000, **clean).is_clean
    assert not Verdict(PUT, 1_000, **clean | {fault: 1}).is_clean


def test_what_the_race_tests_stand_on_has_to_be_clean() -> None:
    """An emulator on which nothing races may lie; the other one may not even be missing."""
    local = next(each for each in EMULATORS if each.races)
    other = next(each for each in EMULATORS if not each.races)
    clean = Verdict(PUT, 1, several=0, none=0, torn=0, unclear=0)
    liar = Verdict(TRANSACTION, 1, several=1, none=0, torn=0, unclear=0)
    assert local.name == "DynamoDB Local"
    assert not Judged(local, "1", [clean, clean]).fails
    assert Judged(local, "1", [clean, liar]).fails
    assert Judged(local, "", [], missing="java is missing").fails
    assert not Judged(other, "1", [clean, liar]).fails
