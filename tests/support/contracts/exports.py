"""The contracts of Exports and Subscriptions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from concord.adapters.dynamodb.exports import DynamoDbExports, DynamoDbSubscriptions
from concord.adapters.dynamodb.table import Table
from concord.domain.exports import Export, Subscription
from tests.support.contracts.consent import refaulted

EXPORT = Export("shop", "c-1", "s-1", digest="d", version=3, seq=7, place="7#p-1", programme="main")
SIGNED = Subscription(
    "shop",
    "c-1",
    "7",
    "p-1",
    subscribed=True,
    signed_at=datetime(2026, 3, 2, 7, tzinfo=UTC),
    changes=3,
    settled=2,
    member="m-1",
    programme="main",
    parked=True,
    wrote_at=datetime(2026, 3, 1, 9, 30, 0, 250, tzinfo=UTC),
    asked_at=datetime(2026, 3, 2, tzinfo=UTC),
    version=1,
)


class ExportsContract:
    """What was written last stands there, for one shopper of one connection."""

    def test_everything_survives_storage(self, table: Table) -> None:
        """ECO-10: all that decides whether an event may go."""
        exports = DynamoDbExports(table)
        assert exports.get("shop", "c-1", "s-1") is None
        assert exports.put(EXPORT, None)
        assert exports.get("shop", "c-1", "s-1") == EXPORT
        left = replace(EXPORT, digest="", place="")
        assert exports.put(left, EXPORT)
        assert not exports.put(EXPORT, None)
        assert exports.get("shop", "c-1", "s-1") == left
        other = replace(left, programme="")
        assert not exports.put(EXPORT, other)
        assert exports.put(other, left)
        assert exports.get("shop", "c-1", "s-1") == other

    def test_several_are_read_together(self, table: Table) -> None:
        """ECO-18: whoever was never written is left out."""
        exports = DynamoDbExports(table)
        other = replace(EXPORT, shopper_key="s-2", seq=8)
        assert exports.put(EXPORT, None)
        assert exports.put(other, None)
        found = exports.get_many("shop", "c-1", ["s-2", "s-3", "s-1"])
        assert found == {"s-1": EXPORT, "s-2": other}
        assert exports.get_many("shop", "c-2", ["s-1"]) == {}

    def test_nobody_elses_is_found(self, table: Table) -> None:
        """ECO-01: another merchant, connection or shopper has a row of its own."""
        exports = DynamoDbExports(table)
        assert exports.put(EXPORT, None)
        for where in (("other", "c-1", "s-1"), ("shop", "c-2", "s-1"), ("shop", "c-1", "s-2")):
            assert exports.get(*where) is None


class SubscriptionsContract:
    """One row per list and address, replaced on the version before."""

    def test_everything_survives_storage(self, table: Table) -> None:
        """ECO-11: an address that nobody told of is empty."""
        subscriptions = DynamoDbSubscriptions(table)
        where = ("shop", "c-1", "7", "p-1")
        assert subscriptions.get(*where) == Subscription(*where)
        assert subscriptions.save(SIGNED)
        assert subscriptions.get(*where) == SIGNED
        quiet = replace(SIGNED, wrote_at=None, asked_at=None, version=2)
        assert subscriptions.save(quiet)
        assert subscriptions.get(*where) == quiet

    def test_several_are_read_together(self, table: Table) -> None:
        """ECO-18: an address that nobody told of is empty here too."""
        subscriptions = DynamoDbSubscriptions(table)
        assert subscriptions.save(SIGNED)
        found = subscriptions.get_many("shop", "c-1", "7", ["p-2", "p-1"])
        assert found == {"p-1": SIGNED, "p-2": Subscription("shop", "c-1", "7", "p-2")}

    def test_who_comes_second_is_told(self, table: Table) -> None:
        """ECO-13: neither a first save nor a later one overwrites what it has not read."""
        subscriptions = DynamoDbSubscriptions(table)
        assert subscriptions.save(SIGNED)
        assert not subscriptions.save(replace(SIGNED, settled=3))
        newer = replace(SIGNED, settled=3, version=2)
        assert subscriptions.save(newer)
        assert not subscriptions.save(replace(newer, settled=1))
        assert not subscriptions.save(replace(newer, version=4))
        assert subscriptions.get("shop", "c-1", "7", "p-1") == newer

    def test_a_save_whose_answer_was_lost_is_ours(self, table: Table) -> None:
        """ECO-13: the repeat that the SDK makes by itself finds its own write."""
        subscriptions = DynamoDbSubscriptions(table)
        assert subscriptions.save(SIGNED)
        newer = replace(SIGNED, settled=3, version=2)
        faulty, _ = refaulted(table, lambda name, n: "lost" if n == 1 else None)
        assert DynamoDbSubscriptions(faulty).save(newer)
        assert subscriptions.get("shop", "c-1", "7", "p-1") == newer

    def test_each_list_has_its_own(self, table: Table) -> None:
        """ECO-11: a sign-up counts for its list."""
        subscriptions = DynamoDbSubscriptions(table)
        subscriptions.save(SIGNED)
        for where in (
            ("shop", "c-1", "8", "p-1"),
            ("shop", "c-1", "7", "p-2"),
            ("shop", "c-2", "7", "p-1"),
            ("other", "c-1", "7", "p-1"),
        ):
            assert subscriptions.get(*where) == Subscription(*where)
