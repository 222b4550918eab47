"""Judges an emulator: does it let exactly one of many concurrent writers through?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any, Final

from botocore.exceptions import ClientError

THREADS: Final = 32
RACES: Final = ("conditional put", "two-item transaction")
_NEW: Final = "attribute_not_exists(pk)"
# What an honest emulator says to whoever lost; a conflict is no win either.
_LOST: Final = frozenset(
    {
        "ConditionalCheckFailedException",
        "TransactionCanceledException",
        "TransactionConflictException",
    }
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of the rounds of one race: how many of them were not as they have to be.

    `torn`: what stands in the table is not one winner's work, all of it. `unclear`: some writer got
    neither a yes nor a no, so that its round proves nothing.
    """

    race: str
    rounds: int
    several: int
    none: int
    torn: int
    unclear: int

    @property
    def is_clean(self) -> bool:
        """Whether races on this emulator prove something."""
        return not (self.several or self.none or self.torn or self.unclear)


def judge(
    client: Any, table: str, rounds: int, told: Callable[[str, int], None] = lambda *_: None
) -> list[Verdict]:
    """Let 32 threads write the same absent keys at once, `rounds` times for each race.

    `client` is a bare DynamoDB client that tries once: nothing of ours stands between. `told` hears
    race and round.
    """
    verdicts = []
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        for race in RACES:
            found: Counter[str] = Counter()
            for number in range(1, rounds + 1):
                found.update(_round(client, table, race, pool))
                told(race, number)
            faults = (found[fault] for fault in ("several", "none", "torn", "unclear"))
            verdicts.append(Verdict(race, rounds, *faults))
    return verdicts


def _round(client: Any, table: str, race: str, pool: ThreadPoolExecutor) -> Iterator[str]:
    """Run one race on keys that are not there; yield what was wrong with it."""
    name = f"judge {race}"
    sorts = ("one",) if race == RACES[0] else ("one", "two")
    barrier = Barrier(THREADS)

    def write(writer: int) -> bool | None:
        items = [{"pk": {"S": name}, "sk": {"S": s}, "by": {"N": str(writer)}} for s in sorts]
        puts = [{"TableName": table, "Item": item, "ConditionExpression": _NEW} for item in items]
        barrier.wait()
        try:
            if len(puts) == 1:
                client.put_item(**puts[0])
            else:
                client.transact_write_items(TransactItems=[{"Put": put} for put in puts])
        except ClientError as error:
            return False if error.response["Error"]["Code"] in _LOST else None
        except Exception:
            # Not BotoCoreError alone: an emulator in this process lets its own errors escape.
            return None
        return True

    outcomes = list(pool.map(write, range(THREADS)))
    winners = [str(writer) for writer, won in enumerate(outcomes) if won]
    if None in outcomes:
        yield "unclear"
    if len(winners) > 1:
        yield "several"
    if not winners:
        yield "none"
    # Removed at once, and the keys are the same in each round: moto copies the whole table, keys
    # that are gone included, for each transaction.
    if not _is_whole([_taken(client, table, name, sort) for sort in sorts], winners):
        yield "torn"


def _is_whole(writers: list[str | None], winners: list[str]) -> bool:
    """Tell whether all items are of one writer who was told that it won; or of nobody, if none."""
    return len(set(writers)) == 1 and (
        writers[0] in winners or (writers[0] is None and not winners)
    )


def _taken(client: Any, table: str, name: str, sort: str) -> str | None:
    """Remove an item; return who wrote it."""
    key = {"pk": {"S": name}, "sk": {"S": sort}}
    answer = client.delete_item(TableName=table, Key=key, ReturnValues="ALL_OLD")
    item: Mapping[str, Any] | None = answer.get("Attributes")
    return str(item["by"]["N"]) if item else None
