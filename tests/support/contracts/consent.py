"""The contract of ConsentStore and Inbox."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from concord.adapters.dynamodb import keys
from concord.adapters.dynamodb.consent_items import marker_from
from concord.adapters.dynamodb.consent_store import DynamoDbConsentStore
from concord.adapters.dynamodb.inbox import DynamoDbInbox
from concord.adapters.dynamodb.reviews import DynamoDbReviews
from concord.adapters.dynamodb.table import Table
from concord.adapters.dynamodb.tasks import DynamoDbTasks
from concord.domain.evidence import GENESIS, record_hash
from concord.domain.inbox import InboxState, Marker
from concord.domain.profiles import SignalKind
from concord.domain.review import ReviewKind
from concord.domain.tasks import TaskState
from concord.ports import AlreadySeen, Committed, ConsentCommit, Stale
from tests.support.builders import (
    CONNECTION,
    MERCHANT,
    NOW,
    at,
    commit,
    consent_key,
    inbox_entry,
    marker,
    push,
    review,
    text,
)
from tests.support.counting import Faults, counted


def store_of(table: Table) -> DynamoDbConsentStore:
    return DynamoDbConsentStore(table, now=lambda: NOW)


def refaulted(table: Table, plan: Any) -> tuple[Table, Faults]:
    """Return the same table behind a client that fails by plan."""
    faults = Faults(table.client, plan)
    return Table(table.name, faults, sleep=lambda _: None), faults  # type: ignore[arg-type]


def full_commit(event: str = "ev1") -> ConsentCommit:
    """Return a commit with everything that one transaction can hold."""
    return commit(
        event=event,
        inbox=inbox_entry(),
        tasks=(push(1, out=True), push(1, out=True, task_id="tea#sms#v1.aaaa"), text()),
        review=review(),
    )


def stored_marker(table: Table, event_key: str) -> Marker | None:
    item = table.get(keys.marker(MERCHANT, CONNECTION, event_key))
    return marker_from(MERCHANT, CONNECTION, event_key, item) if item else None


class ConsentStoreContract:
    """What every ConsentStore does."""

    def test_what_was_committed_is_read_back(self, table: Table) -> None:
        """Promise 1: state, evidence, marker, body, tasks and review are all there (R-01)."""
        store = store_of(table)
        asked = full_commit()
        assert store.commit(asked) == Committed()
        assert store.load(asked.record.key) == asked.record
        assert list(store.evidence(asked.record.key)) == [asked.evidence]
        assert stored_marker(table, "ev1") == asked.marker
        assert DynamoDbInbox(table).get(MERCHANT, inbox_entry().inbox_id) == asked.inbox
        assert len(list(DynamoDbTasks(table).due(at(1)))) == 3
        assert list(DynamoDbReviews(table).of(MERCHANT, CONNECTION, ReviewKind.FUZZY)) == [
            asked.review
        ]

    def test_every_mark_survives_storage(self, table: Table) -> None:
        store = store_of(table)
        record = None
        for n, kind in enumerate(SignalKind):
            change = commit(record, kind=kind, when=at(n), invited_at=at(n))
            assert store.commit(change) == Committed()
            record = store.load(consent_key())
            assert record == change.record

    def test_nothing_is_there_for_an_unknown_key(self, table: Table) -> None:
        store = store_of(table)
        assert store.load(consent_key("v1.none")) is None
        assert list(store.evidence(consent_key("v1.none"))) == []
        assert stored_marker(table, "none") is None

    def test_the_chain_comes_in_order_over_pages(self, table: Table) -> None:
        store = store_of(table)
        record = None
        for n in range(12):
            change = commit(record, when=at(n))
            assert store.commit(change) == Committed()
            record = change.record
        prev = GENESIS
        for seq, evidence in enumerate(store.evidence(consent_key()), 1):
            assert (evidence.seq, evidence.record["prev"]) == (seq, prev)
            assert record_hash(evidence.record) == evidence.hash
            prev = evidence.hash
        assert seq == 12

    def test_a_repeat_writes_nothing(self, table: Table) -> None:
        """Promise 3: the same event again, decided upon the newest state, changes nothing."""
        store = store_of(table)
        first = full_commit()
        store.commit(first)
        again = commit(first.record, event="ev1", inbox=inbox_entry(token="other"))
        assert store.commit(again) == AlreadySeen(first.marker)  # type: ignore[arg-type]
        assert store.load(consent_key()) == first.record
        assert DynamoDbInbox(table).get(MERCHANT, inbox_entry(token="other").inbox_id) is None

    def test_a_repeat_with_another_body_shows_the_stored_hash(self, table: Table) -> None:
        store = store_of(table)
        store.commit(commit(event="ev1"))
        result = store.commit(commit(event="ev1", body_hash="changed"))
        assert isinstance(result, AlreadySeen)
        assert result.marker.body_hash == "hash"

    def test_a_state_that_moved_on_is_stale(self, table: Table) -> None:
        """Nobody overwrites what he did not read, neither a first state nor a later one."""
        store = store_of(table)
        first = commit(event="ev1")
        store.commit(first)
        assert store.commit(commit(event="ev2", when=at(1))) == Stale()
        store.commit(commit(first.record, event="ev3", when=at(2)))
        assert store.commit(commit(first.record, event="ev4", when=at(3))) == Stale()
        assert stored_marker(table, "ev4") is None

    def test_state_and_evidence_each_have_a_lock_of_their_own(self, table: Table) -> None:
        """R-01: a gap in the one is not a way around the other."""
        store = store_of(table)
        first = commit()
        store.commit(first)
        gap = commit(when=at(1))
        skipping = replace(gap, evidence=replace(gap.evidence, seq=99))
        assert store.commit(skipping) == Stale()
        second = commit(first.record, when=at(1))
        store.commit(second)
        older = commit(first.record, when=at(2))
        assert store.commit(replace(older, evidence=replace(older.evidence, seq=99))) == Stale()
        third = commit(second.record, when=at(2))
        assert store.commit(replace(third, evidence=replace(third.evidence, seq=2))) == Stale()
        assert list(store.evidence(consent_key())) == [first.evidence, second.evidence]

    def test_a_marker_whose_time_is_over_counts_as_absent(self, table: Table) -> None:
        """TTL only sweeps rubbish: reads and conditions compare the time themselves."""
        store = store_of(table)
        old = marker("ev1", outcome="ev_0", expires_at=NOW.replace(microsecond=0))
        assert store.keep(inbox_entry(), old) == Committed()
        assert stored_marker(table, "ev1") == old
        assert store.keep(inbox_entry(token="b"), marker("ev1")) == Committed()
        assert stored_marker(table, "ev1") == marker("ev1")
        assert isinstance(store.keep(inbox_entry(token="c"), marker("ev1")), AlreadySeen)

    def test_a_task_that_must_happen_once_stops_a_second_insert(self, table: Table) -> None:
        store, tasks = store_of(table), DynamoDbTasks(table)
        first = commit(tasks=(text(),))
        store.commit(first)
        task = tasks.find_text(MERCHANT, CONNECTION, text().task_id)
        assert task is not None
        tasks.note(task, TaskState.SENT, {"receipt_rank": 1}, NOW)
        assert store.commit(commit(first.record, tasks=(text(),))) == Stale()
        still = tasks.find_text(MERCHANT, CONNECTION, text().task_id)
        assert still is not None
        assert still.state is TaskState.SENT

    def test_pushes_coalesce_to_the_newest_version(self, table: Table) -> None:
        """TEA-11: one row per point and side; an opt-out is marked in the index, and stays."""
        store, tasks = store_of(table), DynamoDbTasks(table)
        first = commit(kind=SignalKind.JOIN, tasks=(push(1),))
        store.commit(first)
        (row,) = tasks.due(at(1))
        assert row.kind == "push_consent"
        second = commit(first.record, when=at(10), tasks=(push(2, out=True),))
        store.commit(second)
        (row,) = tasks.due(at(11))
        assert (row.kind, row.created_at, row.due_at) == ("push_consent_out", at(10), at(10))
        third = commit(second.record, kind=SignalKind.HELP, when=at(20), tasks=(push(3),))
        store.commit(third)
        (row,) = tasks.due(at(30))
        assert (row.kind, row.created_at) == ("push_consent_out", at(10))
        task = tasks.get(row.key)
        assert task is not None
        assert (task.want, task.created_at) == (3, NOW)

    def test_a_pending_opt_in_stands_in_the_index_until_it_is_answered(self, table: Table) -> None:
        """TEA-15: the lapse rides on the state itself and leaves with it."""
        store, tasks = store_of(table), DynamoDbTasks(table)
        asked = commit(kind=SignalKind.OPT_IN_REQUEST, lapse_at=at(100))
        store.commit(asked)
        assert list(tasks.due(at(99))) == []
        (row,) = tasks.due(at(101))
        assert (row.kind, row.due_at) == ("lapse", at(100))
        assert store.load_row(row.key) == asked.record
        store.commit(commit(asked.record, kind=SignalKind.JOIN, when=at(5)))
        assert list(tasks.due(at(101))) == []

    def test_a_review_is_closed_once(self, table: Table) -> None:
        """Of two operators who close a review at once, one is told to look again."""
        store = store_of(table)
        first = commit(kind=SignalKind.ASSUMED_OPT_OUT, review=review())
        store.commit(first)
        closing = commit(first.record, kind=SignalKind.REVIEW_DISMISSED, close_review=review())
        assert store.commit(closing) == Committed()
        assert DynamoDbReviews(table).get(MERCHANT, CONNECTION, ReviewKind.FUZZY, "r1") is None
        late = commit(closing.record, kind=SignalKind.REVIEW_CONFIRMED, close_review=review())
        assert store.commit(late) == Stale()

    def test_a_transaction_has_at_most_ten_items(self, table: Table) -> None:
        tasks = tuple(text(str(n)) for n in range(9))
        with pytest.raises(ValueError, match="at most 10"):
            store_of(table).commit(commit(tasks=tasks))

    def test_reading_and_committing_cost_one_request_each(self, table: Table) -> None:
        """Reliability 6: an opt-out costs one read and one transaction."""
        store = store_of(table)
        with counted(table.client) as requests:
            store.load(consent_key())
            store.commit(full_commit())
        assert requests == {"GetItem": 1, "TransactWriteItems": 1}

    @pytest.mark.parametrize("event", ["ev1", None])
    def test_a_lost_answer_is_understood(self, table: Table, event: str | None) -> None:
        """Reliability 13: stored, answer lost, sent again: committed, and once, with or without
        a marker."""
        faulty, faults = refaulted(table, lambda _, n: "lost" if n == 1 else None)
        asked = commit(event=event, inbox=inbox_entry(), tasks=(text(),))
        assert store_of(faulty).commit(asked) == Committed()
        assert faults.calls[:2] == ["transact_write_items"] * 2
        assert list(store_of(table).evidence(consent_key())) == [asked.evidence]

    def test_a_lost_answer_is_understood_after_somebody_else_went_on(self, table: Table) -> None:
        """Reliability 13: even when the state has moved on since."""
        asked = commit(event="ev1")

        def plan(_: str, number: int) -> str | None:
            if number != 2:
                return "lost" if number == 1 else None
            assert store_of(table).commit(commit(asked.record, when=at(1))) == Committed()
            return None

        faulty, _ = refaulted(table, plan)
        assert store_of(faulty).commit(asked) == Committed()
        assert len(list(store_of(table).evidence(consent_key()))) == 2

    def test_a_lost_answer_is_understood_from_one_reason_alone(self, table: Table) -> None:
        """Reliability 13: it is not promised that every failed condition is reported."""

        class Terse:
            def __getattr__(self, name: str) -> Any:
                real = getattr(table.client, name)

                def call(**request: Any) -> Any:
                    try:
                        return real(**request)
                    except ClientError as error:
                        reasons = error.response.get("CancellationReasons", [])
                        for reason in reasons[1:]:
                            reason.clear()
                            reason["Code"] = "None"
                        raise

                return call

        terse = Table(table.name, Terse())  # type: ignore[arg-type]
        faulty, _ = refaulted(terse, lambda _, n: "lost" if n == 1 else None)
        assert store_of(faulty).commit(commit(event="ev1")) == Committed()

    def test_an_answer_lost_by_a_loser_is_no_success(self, table: Table) -> None:
        """Reliability 13: a lost answer of a commit that never happened is not read as one."""
        rival = commit(event="ev1")

        def plan(_: str, number: int) -> str | None:
            if number == 1:
                store_of(table).commit(rival)
                return "InternalServerError"
            return None

        faulty, _ = refaulted(table, plan)
        assert store_of(faulty).commit(commit(event="ev2", when=at(1))) == Stale()

    def test_keeping_a_body_whose_answer_was_lost(self, table: Table) -> None:
        """Reliability 13, for bodies without effect."""
        faulty, _ = refaulted(table, lambda _, n: "lost" if n == 1 else None)
        assert store_of(faulty).keep(inbox_entry(), marker()) == Committed()
        faulty, _ = refaulted(table, lambda _, n: "lost" if n == 1 else None)
        assert store_of(faulty).keep(inbox_entry(token="b")) == Committed()


class InboxContract:
    """What every Inbox does."""

    def test_a_body_comes_back_byte_by_byte(self, table: Table) -> None:
        entry = inbox_entry(state=InboxState.FAILED, error="UnparseableError", replays=2)
        store_of(table).keep(entry)
        assert DynamoDbInbox(table).get(MERCHANT, entry.inbox_id) == entry

    @pytest.mark.parametrize("odd", ["", "x", "20261121T083000123456-", "99999999T999999999999-a"])
    def test_an_id_that_was_never_ours_is_not_there(self, table: Table, odd: str) -> None:
        assert DynamoDbInbox(table).get(MERCHANT, odd) is None

    def test_bodies_come_oldest_first_over_shards_and_days(self, table: Table) -> None:
        """R-24: a time range is walked in order, and goes on after the last one seen."""
        store, inbox = store_of(table), DynamoDbInbox(table)
        moments = [NOW + timedelta(hours=5 * n) for n in range(9)]
        entries = [inbox_entry(when, f"t{n}") for n, when in enumerate(moments)]
        for entry in reversed(entries):
            store.keep(entry)
        assert list(inbox.between(MERCHANT, moments[0], moments[-1])) == entries[:-1]
        assert list(inbox.between(MERCHANT, moments[2], moments[7])) == entries[2:7]
        rest = inbox.between(MERCHANT, moments[0], moments[7], after=entries[3].inbox_id)
        assert list(rest) == entries[4:7]
        assert list(inbox.between("other", moments[0], moments[-1])) == []
        assert list(inbox.between(MERCHANT, moments[5], moments[4])) == []

    def test_each_replay_of_a_body_is_counted(self, table: Table) -> None:
        """R-24: also two replays that had read the same entry."""
        inbox = DynamoDbInbox(table)
        entry = inbox_entry(state=InboxState.FAILED, error="X")
        store_of(table).keep(entry)
        inbox.set_state(entry, InboxState.FAILED, "Y")
        assert inbox.get(MERCHANT, entry.inbox_id) == replace(entry, error="Y", replays=1)
        inbox.set_state(entry, InboxState.PROCESSED)
        assert inbox.get(MERCHANT, entry.inbox_id) == replace(
            entry, state=InboxState.PROCESSED, error="", replays=2
        )

    def test_a_body_that_is_gone_stays_gone(self, table: Table) -> None:
        inbox = DynamoDbInbox(table)
        inbox.set_state(inbox_entry(), InboxState.PROCESSED)
        assert inbox.get(MERCHANT, inbox_entry().inbox_id) is None
