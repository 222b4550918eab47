"""The contract of Credits."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from concord.adapters.dynamodb.exports import DynamoDbCredits
from concord.adapters.dynamodb.inbox import DynamoDbInbox
from concord.adapters.dynamodb.table import Table
from concord.adapters.dynamodb.tasks import DynamoDbTasks
from concord.domain.events import CreditChanged
from concord.domain.exports import Credit
from concord.domain.task_rows import DueRow
from concord.domain.tasks import LEASE, TaskKind
from concord.ports import AlreadySeen, Committed, Stale
from concord.services.contact_tasks import told_event
from tests.support.builders import CONNECTION, MERCHANT, NOW, inbox_entry, marker
from tests.support.contracts.consent import refaulted

ANA = Credit(MERCHANT, CONNECTION, "0a" * 16)


def told(known: Credit, credit: int) -> Credit:
    """Return what holds after she has `credit` points."""
    event = CreditChanged(None, "c-1", None, credit)
    after = known.told(event, NOW + timedelta(seconds=known.seq), NOW.date())
    assert after is not None
    return after


def due(table: Table) -> list[DueRow]:
    rows = DynamoDbTasks(table).due(NOW + LEASE)
    return [row for row in rows if row.kind == TaskKind.EMIT_EVENT]


class CreditsContract:
    """What every Credits does."""

    def test_every_field_survives_storage(self, table: Table) -> None:
        """ECO-07: a credit that nobody told of is an empty one; one below nothing is told as it
        is."""
        credits = DynamoDbCredits(table)
        assert credits.get(MERCHANT, CONNECTION, ANA.shopper_key) == ANA
        first = told(ANA, 120)
        second = told(first, -5)
        for each in (first, second):
            assert credits.save(each, told_event(each), NOW) == Committed()
            assert credits.get(MERCHANT, CONNECTION, ANA.shopper_key) == each
        assert (second.delta, second.seq) == (-125, 2)
        nobody = replace(ANA, shopper_key="s-9")
        found = credits.get_many(MERCHANT, ANA.connection_id, [ANA.shopper_key, "s-9"])
        assert found == {ANA.shopper_key: second, "s-9": nobody}

    def test_what_was_never_told_is_not_stored(self, table: Table) -> None:
        """ECO-07: an empty row would say that somebody has no points."""
        with pytest.raises(ValueError, match="nothing was told"):
            DynamoDbCredits(table).save(ANA, told_event(ANA), NOW)

    def test_a_credit_its_event_and_its_body_are_one_write(self, table: Table) -> None:
        """ECO-10: who was second writes none of them."""
        credits, first = DynamoDbCredits(table), told(ANA, 120)
        entry = inbox_entry()
        assert credits.save(first, told_event(first), NOW, inbox=entry) == Committed()
        inbox = DynamoDbInbox(table)
        assert inbox.get(entry.merchant_id, entry.inbox_id) is not None
        assert len(due(table)) == 1
        late = told(ANA, 90)
        other = replace(entry, inbox_id=entry.inbox_id[:-1] + "0")
        assert credits.save(late, told_event(late), NOW, inbox=other) == Stale()
        assert inbox.get(other.merchant_id, other.inbox_id) is None
        assert credits.get(MERCHANT, CONNECTION, ANA.shopper_key) == first
        assert len(due(table)) == 1

    def test_the_version_alone_keeps_the_second_out(self, table: Table) -> None:
        """ECO-07: also once the event of the first is told, and its task gone."""
        credits, first = DynamoDbCredits(table), told(ANA, 120)
        assert credits.save(first, told_event(first), NOW) == Committed()
        second, late = told(first, 90), told(first, 70)
        assert credits.save(second, told_event(second), NOW) == Committed()
        unheard = told_event(replace(late, seq=99))
        assert credits.save(late, unheard, NOW) == Stale()
        assert credits.get(MERCHANT, CONNECTION, ANA.shopper_key) == second

    def test_a_repeat_of_an_event_changes_nothing(self, table: Table) -> None:
        """ECO-07: its marker says so, and what body it had."""
        credits, first = DynamoDbCredits(table), told(ANA, 120)
        seen = marker()
        assert credits.save(first, told_event(first), NOW, marker=seen) == Committed()
        second = told(first, 90)
        again = replace(seen, body_hash="another")
        result = credits.save(second, told_event(second), NOW, marker=again)
        assert isinstance(result, AlreadySeen)
        assert result.marker.body_hash == seen.body_hash
        assert credits.get(MERCHANT, CONNECTION, ANA.shopper_key) == first

    def test_a_write_whose_answer_was_lost_is_known_again(self, table: Table) -> None:
        """Reliability 13: with a marker and without."""
        first = told(ANA, 120)
        second = told(first, 90)
        for each, seen in ((first, None), (second, marker())):
            faulty, faults = refaulted(table, lambda _, n: "lost" if n == 1 else None)
            saved = DynamoDbCredits(faulty).save(each, told_event(each), NOW, marker=seen)
            assert saved == Committed()
            assert faults.calls[:2] == ["transact_write_items"] * 2
        assert len(due(table)) == 2

    def test_words_at_once_are_each_counted(self, table: Table) -> None:
        """ECO-07: who was second reads again, and each change has its event."""
        credits = DynamoDbCredits(table)

        def say(points: int) -> None:
            saved = False
            while not saved:
                known = credits.get(MERCHANT, CONNECTION, ANA.shopper_key)
                after = told(known, points)
                saved = credits.save(after, told_event(after), NOW) == Committed()

        threads = [threading.Thread(target=say, args=(n,)) for n in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert credits.get(MERCHANT, CONNECTION, ANA.shopper_key).seq == 4
        assert len(due(table)) == 4
