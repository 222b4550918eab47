"""The contract of Tasks: leases, coalescing, the due index, parked failures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from concord.adapters.dynamodb.consent_store import DynamoDbConsentStore
from concord.adapters.dynamodb.table import Table
from concord.adapters.dynamodb.task_items import task_key, write_task
from concord.adapters.dynamodb.tasks import DynamoDbTasks
from concord.domain.task_rows import DueRow, Finish, Lease, TaskRef
from concord.domain.tasks import RowKey, Task, TaskKind, TaskSpec, TaskState
from tests.support.builders import CONNECTION, MERCHANT, NOW, at, commit, push, text
from tests.support.contracts.consent import refaulted

PUSH = task_key(MERCHANT, push())
TEXT = task_key(MERCHANT, text())


def leased(tasks: DynamoDbTasks, key: RowKey = PUSH, now: datetime = NOW) -> Task:
    task = tasks.lease(key, "worker", now)
    assert isinstance(task, Task)
    return task


def due(tasks: DynamoDbTasks, before: datetime | None = None) -> Sequence[DueRow]:
    return list(tasks.due(before or at(1)))


class TasksContract:
    """What every Tasks does."""

    def test_a_new_row_is_open_and_due(self, table: Table) -> None:
        tasks = DynamoDbTasks(table)
        tasks.ensure(MERCHANT, push(3), NOW)
        assert due(tasks) == [DueRow(PUSH, "push_consent", NOW, NOW)]
        assert due(tasks, NOW) == []
        task = tasks.get(PUSH)
        assert task == Task(
            key=PUSH,
            kind=TaskKind.PUSH_CONSENT,
            merchant_id=MERCHANT,
            connection_id=CONNECTION,
            task_id=push().task_id,
            payload=push().payload,
            state=TaskState.OPEN,
            attempts=0,
            created_at=NOW,
            want=3,
        )

    def test_an_open_task_is_found_by_what_it_is(self, table: Table) -> None:
        """Promise 3: a second start finds the read that runs, whatever job that has."""
        tasks = DynamoDbTasks(table)
        spec = TaskSpec(TaskKind.SYNC_SHOPPERS, CONNECTION, "run", payload={"job_id": "one"})
        other = replace(spec, payload={"job_id": "two"})
        assert tasks.find(MERCHANT, spec) is None
        for each in (spec, other):
            tasks.ensure(MERCHANT, each, NOW)
        found = tasks.find(MERCHANT, other)
        assert found is not None
        assert found.payload == {"job_id": "one"}
        assert tasks.find("other", spec) is None
        tasks.mark(leased(tasks, found.key), TaskState.DONE, NOW)
        assert tasks.find(MERCHANT, spec) is None

    def test_the_prefix_of_a_row_names_its_queue(self) -> None:
        bulk = TaskSpec(TaskKind.REPLAY_INBOX, CONNECTION, "t")
        assert PUSH.pk.startswith("TU#shop#")
        assert task_key(MERCHANT, bulk).pk.startswith("TB#shop#")

    def test_a_key_says_what_its_row_was(self, table: Table) -> None:
        tasks = DynamoDbTasks(table)
        assert tasks.identify(PUSH) == TaskRef(
            MERCHANT, TaskKind.PUSH_CONSENT, CONNECTION, push().task_id
        )
        for odd in ("C#shop#a:b#sms#v1.a", "TU#shop", "TU#shop#dance#c#t", ""):
            assert tasks.identify(RowKey(odd, "TASK")) is None

    def test_one_worker_holds_a_row_until_its_lease_is_over(self, table: Table) -> None:
        tasks = DynamoDbTasks(table)
        tasks.ensure(MERCHANT, push(), NOW)
        first = leased(tasks)
        assert first.attempts == 1
        assert tasks.lease(PUSH, "worker", at(59)) is Lease.BUSY
        second = leased(tasks, now=at(60))
        assert second.attempts == 2
        assert not tasks.extend(first, at(61))
        assert tasks.extend(second, at(61))
        assert tasks.lease(PUSH, "worker", at(119)) is Lease.BUSY

    def test_a_held_row_stays_in_the_index(self, table: Table) -> None:
        """A worker that dies leaves a row that the sweep finds (R-12)."""
        tasks = DynamoDbTasks(table)
        tasks.ensure(MERCHANT, push(), NOW)
        leased(tasks)
        assert [row.key for row in due(tasks)] == [PUSH]

    def test_what_is_not_there_is_gone(self, table: Table) -> None:
        tasks = DynamoDbTasks(table)
        assert tasks.lease(PUSH, "worker", NOW) is Lease.GONE
        assert tasks.get(PUSH) is None
        assert tasks.find_text(MERCHANT, CONNECTION, "none") is None

    def test_a_lease_whose_answer_was_lost_is_ours(self, table: Table) -> None:
        """Reliability 13."""
        DynamoDbTasks(table).ensure(MERCHANT, push(), NOW)
        faulty, _ = refaulted(table, lambda _, n: "lost" if n == 1 else None)
        task = leased(DynamoDbTasks(faulty))
        assert task.attempts == 1
        assert DynamoDbTasks(table).extend(task, at(1))

    # --- pushes ------------------------------------------------------------------------------

    def test_a_push_that_told_the_newest_state_is_gone(self, table: Table) -> None:
        """TEA-11: deleted, so that the next change is an insert again."""
        tasks = DynamoDbTasks(table)
        tasks.ensure(MERCHANT, push(2), NOW)
        assert tasks.finish_push(leased(tasks), 2) is Finish.DONE
        assert tasks.get(PUSH) is None
        assert due(tasks) == []

    def test_a_push_that_told_an_older_state_goes_round_again(self, table: Table) -> None:
        """TEA-11: what was said during the call is told before the row is let go."""
        tasks, store = DynamoDbTasks(table), DynamoDbConsentStore(table)
        first = commit(tasks=(push(1),))
        store.commit(first)
        task = leased(tasks)
        store.commit(commit(first.record, when=at(1), tasks=(push(2, out=True),)))
        assert tasks.finish_push(task, 1) is Finish.NEWER
        assert tasks.finish_push(task, 2) is Finish.DONE

    def test_a_lost_lease_is_told_from_a_newer_state(self, table: Table) -> None:
        tasks = DynamoDbTasks(table)
        tasks.ensure(MERCHANT, push(1), NOW)
        late = leased(tasks)
        other = leased(tasks, now=at(61))
        assert tasks.finish_push(late, 1) is Finish.LOST
        assert tasks.finish_push(other, 1) is Finish.DONE
        assert tasks.finish_push(late, 1) is Finish.LOST

    def test_a_finish_whose_answer_was_lost_is_done(self, table: Table) -> None:
        """Reliability 13."""
        tasks = DynamoDbTasks(table)
        tasks.ensure(MERCHANT, push(1), NOW)
        task = leased(tasks)
        faulty, _ = refaulted(table, lambda _, n: "lost" if n == 1 else None)
        assert DynamoDbTasks(faulty).finish_push(task, 1) is Finish.DONE

    def test_a_push_that_is_asked_for_again_while_it_runs_runs_again(self, table: Table) -> None:
        """TEA-12: a shopper who appears during the push is not forgotten, at the same version."""
        tasks = DynamoDbTasks(table)
        tasks.ensure(MERCHANT, push(1), NOW)
        task = leased(tasks)
        tasks.ensure(MERCHANT, push(1), NOW)
        assert tasks.finish_push(task, 1) is Finish.NEWER
        assert tasks.finish_push(task, 1) is Finish.DONE

    def test_ensuring_never_lowers_what_is_wanted(self, table: Table) -> None:
        tasks = DynamoDbTasks(table)
        tasks.ensure(MERCHANT, push(5), NOW)
        tasks.ensure(MERCHANT, push(3, out=True), at(5))
        task = tasks.get(PUSH)
        assert task is not None
        assert task.want == 5
        assert due(tasks, at(6)) == [DueRow(PUSH, "push_consent_out", at(5), at(5))]

    # --- giving back -------------------------------------------------------------------------

    def test_a_row_that_is_given_back_is_due_later(self, table: Table) -> None:
        tasks = DynamoDbTasks(table)
        tasks.ensure(MERCHANT, push(1), NOW)
        assert tasks.retry_at(leased(tasks), at(300), "platform_unavailable")
        assert due(tasks, at(300)) == []
        assert due(tasks, at(301)) == [DueRow(PUSH, "push_consent", at(300), NOW)]
        assert leased(tasks).attempts == 2

    def test_a_row_can_wait_for_a_far_moment(self, table: Table) -> None:
        """R-09: the index says that no message is on its way; the next retry is an ordinary one."""
        tasks = DynamoDbTasks(table)
        tasks.ensure(MERCHANT, push(1), NOW)
        assert tasks.retry_at(leased(tasks), at(86_400), "scheduled", waits=True)
        assert due(tasks, at(86_401)) == [DueRow(PUSH, "push_consent", at(86_400), NOW, waits=True)]
        assert tasks.retry_at(leased(tasks), at(86_430), "platform_unavailable")
        assert due(tasks, at(86_431)) == [DueRow(PUSH, "push_consent", at(86_430), NOW)]

    def test_a_row_can_be_inserted_for_a_far_moment(self, table: Table) -> None:
        """R-01: who was put off till morning is due then, though nobody looks before."""
        table.transact([write_task(MERCHANT, text(), NOW, at(7200))])
        assert due(DynamoDbTasks(table), at(7201)) == [
            DueRow(TEXT, "send_text", at(7200), NOW, waits=True)
        ]

    def test_the_age_of_an_opt_out_survives_retries(self, table: Table) -> None:
        """R-12: the sweep measures from the first opt-out that nobody was told of."""
        tasks, store = DynamoDbTasks(table), DynamoDbConsentStore(table)
        first = commit(tasks=(push(1, out=True),))
        store.commit(first)
        task = leased(tasks)
        second = commit(first.record, when=at(100), tasks=(push(2, out=True),))
        store.commit(second)
        assert tasks.retry_at(task, at(400), "platform_unavailable")
        assert due(tasks, at(401)) == [DueRow(PUSH, "push_consent_out", at(400), NOW)]
        store.commit(commit(second.record, when=at(200), tasks=(push(3, out=True),)))
        (row,) = due(tasks, at(201))
        assert row.due_at == at(200)

    def test_an_opt_out_that_comes_while_a_row_is_given_back_keeps_its_mark(
        self, table: Table
    ) -> None:
        """R-12: or the sweep would not count it among the un-synced."""
        store = DynamoDbConsentStore(table)
        first = commit(tasks=(push(1),))
        store.commit(first)

        def plan(operation: str, number: int) -> None:
            if (operation, number) == ("update_item", 3):  # lease, read, give back
                store.commit(commit(first.record, when=at(5), tasks=(push(2, out=True),)))

        faulty, _ = refaulted(table, plan)
        tasks = DynamoDbTasks(faulty)
        assert tasks.retry_at(leased(tasks), at(300), "platform_unavailable")
        assert due(tasks, at(301)) == [DueRow(PUSH, "push_consent_out", at(300), at(5))]

    def test_who_lost_the_row_cannot_give_it_back(self, table: Table) -> None:
        tasks = DynamoDbTasks(table)
        tasks.ensure(MERCHANT, push(1), NOW)
        late = leased(tasks)
        leased(tasks, now=at(61))
        assert not tasks.retry_at(late, at(300), "x")
        assert not tasks.mark(late, TaskState.ATTEMPTING, at(62))

    # --- texts -------------------------------------------------------------------------------

    def test_a_text_keeps_its_row_and_leaves_the_index(self, table: Table) -> None:
        """Promise 4: for every text, what became of it."""
        tasks = DynamoDbTasks(table)
        tasks.ensure(MERCHANT, text(), NOW)
        task = leased(tasks, TEXT)
        assert tasks.mark(
            task, TaskState.ATTEMPTING, NOW, {"attempted_at": "now"}, expected=TaskState.OPEN
        )
        assert [row.key for row in due(tasks)] == [TEXT]
        assert tasks.mark(task, TaskState.SENT, at(1), {"message_id": "m1"})
        assert due(tasks) == []
        row = tasks.find_text(MERCHANT, CONNECTION, text().task_id)
        assert row is not None
        assert row.state is TaskState.SENT
        assert row.payload == {"purpose": "x", "attempted_at": "now", "message_id": "m1"}
        assert tasks.lease(TEXT, "worker", at(100)) is Lease.GONE

    def test_a_text_is_marked_only_from_the_state_that_was_seen(self, table: Table) -> None:
        tasks = DynamoDbTasks(table)
        tasks.ensure(MERCHANT, text(), NOW)
        task = leased(tasks, TEXT)
        assert tasks.mark(task, TaskState.ATTEMPTING, NOW, expected=TaskState.OPEN)
        assert not tasks.mark(task, TaskState.ATTEMPTING, at(1), expected=TaskState.OPEN)

    def test_a_mark_whose_answer_was_lost_is_ours(self, table: Table) -> None:
        """Reliability 13: or a text would be held for uncertain that was never tried."""
        tasks = DynamoDbTasks(table)
        tasks.ensure(MERCHANT, text(), NOW)
        task = leased(tasks, TEXT)
        faulty, _ = refaulted(table, lambda _, n: "lost" if n == 1 else None)
        assert DynamoDbTasks(faulty).mark(task, TaskState.ATTEMPTING, NOW, expected=TaskState.OPEN)

    def test_an_uncertain_text_waits_in_the_index_to_be_looked_up(self, table: Table) -> None:
        tasks = DynamoDbTasks(table)
        tasks.ensure(MERCHANT, text(), NOW)
        task = leased(tasks, TEXT)
        tasks.mark(task, TaskState.UNCERTAIN, NOW)
        assert due(tasks) == []
        assert tasks.retry_at(task, at(31), "outcome_unknown")
        again = leased(tasks, TEXT, at(31))
        assert again.state is TaskState.UNCERTAIN

    def test_a_receipt_needs_no_lease(self, table: Table) -> None:
        tasks = DynamoDbTasks(table)
        tasks.ensure(MERCHANT, text(), NOW)
        leased(tasks, TEXT)
        row = tasks.find_text(MERCHANT, CONNECTION, text().task_id)
        assert row is not None
        tasks.note(row, TaskState.SENT, {"receipt": "delivered", "receipt_rank": 3}, at(1))
        row = tasks.find_text(MERCHANT, CONNECTION, text().task_id)
        assert row is not None
        assert (row.state, row.payload["receipt_rank"]) == (TaskState.SENT, 3)
        assert due(tasks) == []

    def test_receipts_only_rise(self, table: Table) -> None:
        """R-15 groundwork: two receipts at once, the lower written last, end as the higher."""
        tasks = DynamoDbTasks(table)
        tasks.ensure(MERCHANT, text(), NOW)
        row = tasks.find_text(MERCHANT, CONNECTION, text().task_id)
        assert row is not None
        tasks.note(row, TaskState.SENT, {"receipt": "delivered", "receipt_rank": 3}, at(1))
        tasks.note(row, TaskState.SENT, {"receipt": "sent", "receipt_rank": 1}, at(2))
        row = tasks.find_text(MERCHANT, CONNECTION, text().task_id)
        assert row is not None
        assert (row.payload["receipt"], row.payload["receipt_rank"]) == ("delivered", 3)

    def test_a_text_is_inserted_once(self, table: Table) -> None:
        tasks = DynamoDbTasks(table)
        tasks.ensure(MERCHANT, text(), NOW)
        tasks.mark(leased(tasks, TEXT), TaskState.SENT, NOW)
        tasks.ensure(MERCHANT, text(), at(5))
        row = tasks.get(TEXT)
        assert row is not None
        assert row.state is TaskState.SENT

    def test_a_detail_must_be_named_like_a_name(self, table: Table) -> None:
        tasks = DynamoDbTasks(table)
        tasks.ensure(MERCHANT, text(), NOW)
        with pytest.raises(ValueError, match="identifier"):
            tasks.mark(leased(tasks, TEXT), TaskState.SENT, NOW, {"a b": 1})

    def test_other_tasks_go_when_they_are_done(self, table: Table) -> None:
        tasks = DynamoDbTasks(table)
        spec = TaskSpec(TaskKind.FETCH_NUMBERS, CONNECTION, "all")
        for _ in range(2):
            tasks.ensure(MERCHANT, spec, NOW)
            task = leased(tasks, task_key(MERCHANT, spec))
            assert tasks.mark(task, TaskState.DONE, NOW)
            assert tasks.get(task.key) is None
            assert not tasks.mark(task, TaskState.DONE, NOW)

    # --- failures ----------------------------------------------------------------------------

    def test_a_failed_push_is_parked_and_may_start_again(self, table: Table) -> None:
        tasks = DynamoDbTasks(table)
        tasks.ensure(MERCHANT, push(1), NOW)
        tasks.fail(leased(tasks), "refused", "No such contact.", at(1))
        assert tasks.get(PUSH) is None
        (parked,) = tasks.parked(MERCHANT, CONNECTION)
        assert (parked.reason, parked.words) == ("refused", "No such contact.")
        assert parked.attempts == 1
        tasks.ensure(MERCHANT, push(2), at(2))
        tasks.fail(leased(tasks), "refused", "Still not.", at(3))
        assert [each.words for each in tasks.parked(MERCHANT, CONNECTION)] == [
            "Still not.",
            "No such contact.",
        ]
        assert list(tasks.parked(MERCHANT, "shop.other")) == []
        for _ in range(2):  # one that is gone already is fine
            tasks.unpark(parked)
        assert [each.words for each in tasks.parked(MERCHANT, CONNECTION)] == ["Still not."]

    def test_a_failure_does_not_swallow_what_came_meanwhile(self, table: Table) -> None:
        tasks, store = DynamoDbTasks(table), DynamoDbConsentStore(table)
        first = commit(tasks=(push(1),))
        store.commit(first)
        task = leased(tasks)
        store.commit(commit(first.record, when=at(1), tasks=(push(2, out=True),)))
        tasks.fail(task, "refused", "words", at(2))
        assert list(tasks.parked(MERCHANT, CONNECTION)) == []
        assert due(tasks, at(3)) == [DueRow(PUSH, "push_consent_out", at(2), at(1))]
        assert leased(tasks, now=at(3)).want == 2

    def test_who_lost_the_row_parks_nothing(self, table: Table) -> None:
        tasks = DynamoDbTasks(table)
        tasks.ensure(MERCHANT, push(1), NOW)
        late = leased(tasks)
        leased(tasks, now=at(61))
        tasks.fail(late, "refused", "", at(62))
        assert list(tasks.parked(MERCHANT, CONNECTION)) == []
        assert tasks.get(PUSH) is not None

    def test_a_failed_text_keeps_its_row(self, table: Table) -> None:
        tasks = DynamoDbTasks(table)
        tasks.ensure(MERCHANT, text(), NOW)
        tasks.fail(leased(tasks, TEXT), "no_sender", "", NOW)
        row = tasks.get(TEXT)
        assert row is not None
        assert (row.state, row.payload["reason"]) == (TaskState.FAILED, "no_sender")
        assert due(tasks) == []

    def test_the_index_spreads_over_shards(self, table: Table) -> None:
        tasks = DynamoDbTasks(table)
        for n in range(24):
            tasks.ensure(MERCHANT, push(task_id=f"catapult#sms#v1.{n}"), at(n))
        assert len(due(tasks, at(100))) == 24
        shards = {table.get(row.key)["due_pk"] for row in due(tasks, at(100))}  # type: ignore[index]
        assert len(shards) > 8

    # --- what follows from a task ------------------------------------------------------------

    def test_a_task_is_handed_on_once(self, table: Table) -> None:
        """ECO-15: the row goes with the insert of what follows from it, and never alone."""
        tasks = DynamoDbTasks(table)
        tasks.ensure(MERCHANT, push(), NOW)
        task = leased(tasks)
        assert tasks.hand_on(task, text(), NOW)
        assert tasks.get(PUSH) is None
        assert tasks.get(TEXT) is not None
        table.delete(TEXT)  # it was done
        assert not tasks.hand_on(task, text(), NOW)
        assert tasks.get(TEXT) is None

    def test_who_lost_the_row_hands_nothing_on(self, table: Table) -> None:
        tasks = DynamoDbTasks(table)
        tasks.ensure(MERCHANT, push(), NOW)
        late = leased(tasks)
        leased(tasks, now=at(61))
        assert not tasks.hand_on(late, text(), NOW)
        assert tasks.get(TEXT) is None
        assert tasks.get(PUSH) is not None

    def test_what_follows_may_be_there_already(self, table: Table) -> None:
        tasks = DynamoDbTasks(table)
        tasks.ensure(MERCHANT, push(), NOW)
        tasks.ensure(MERCHANT, text(), NOW)
        assert tasks.hand_on(leased(tasks), text(), at(1))
        assert tasks.get(PUSH) is None
        assert (stays := tasks.get(TEXT)) is not None
        assert stays.created_at == NOW

    def test_a_task_that_was_handed_on_without_an_answer_is(self, table: Table) -> None:
        """Reliability 13."""
        tasks = DynamoDbTasks(table)
        tasks.ensure(MERCHANT, push(), NOW)
        task = leased(tasks)
        faulty, _ = refaulted(table, lambda _, n: "lost" if n == 1 else None)
        assert DynamoDbTasks(faulty).hand_on(task, text(), NOW)
        assert tasks.get(PUSH) is None
        assert tasks.get(TEXT) is not None
