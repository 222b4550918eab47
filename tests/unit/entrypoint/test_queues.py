"""SQS, stream and schedule edges."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concord.domain.errors import StorageUnavailableError
from concord.domain.tasks import RowKey
from concord.entrypoint import observability
from concord.entrypoint.schedule import ScheduleEventError, as_of
from concord.entrypoint.sqs import (
    MalformedMessageError,
    SqsMessage,
    row_key,
    sqs_function,
    unwrapped,
)
from concord.entrypoint.stream import inserted_keys, stream_function
from tests.unit.entrypoint.builders import Context, sqs_event, stream_record

# --- SQS -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", range(11))
@pytest.mark.parametrize("first", [True, False])
def test_exactly_the_bad_ones_come_back(bad: int, first: bool) -> None:
    """Reliability 15: batch of 10 with k bad -> exactly k returned, 10 - k effects."""
    numbers = set(range(bad) if first else range(10 - bad, 10))
    effects: list[int] = []

    def handle(message: SqsMessage) -> None:
        if message.body["n"] in numbers:
            raise ValueError("bad")
        effects.append(message.body["n"])

    answer = sqs_function(handle)(sqs_event(*({"n": n} for n in range(10))), Context())
    returned = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
    assert sorted(returned) == sorted(f"m{n}" for n in numbers)
    assert sorted(effects) == sorted(set(range(10)) - numbers)


def test_one_batch_leaves_nothing_behind_for_the_next() -> None:
    def handle(message: SqsMessage) -> None:
        if message.body.get("bad"):
            raise ValueError

    run = sqs_function(handle)
    assert run(sqs_event({"bad": 1}), Context())["batchItemFailures"]
    assert run(sqs_event({}), Context())["batchItemFailures"] == []


@pytest.mark.parametrize("body", ["", "not json", "[]", "1", "null", '"x"', "\ud800"])
def test_poison_comes_back_and_reaches_nobody(body: str) -> None:
    seen: list[SqsMessage] = []
    answer = sqs_function(seen.append)(sqs_event(body, {"ok": 1}), Context())
    assert answer["batchItemFailures"] == [{"itemIdentifier": "m0"}]
    assert [dict(message.body) for message in seen] == [{"ok": 1}]


def test_a_message_knows_its_age_and_its_tries() -> None:
    seen: list[SqsMessage] = []
    sqs_function(seen.append)(sqs_event({"a": 1}, receives=7), Context())
    assert seen[0].receive_count == 7
    assert seen[0].sent_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert seen[0].message_id == "m0"


@pytest.mark.parametrize(("error", "bugs"), [(ValueError("x"), 1), (StorageUnavailableError(), 0)])
def test_only_bugs_wake_somebody(error: Exception, bugs: int) -> None:
    def handle(_: SqsMessage) -> None:
        raise error

    sqs_function(handle)(sqs_event({}), Context())
    assert ("UnhandledError" in observability._METRICS.metric_set) is bool(bugs)


def test_a_task_message_is_a_row_key() -> None:
    assert row_key({"pk": "TU#m", "sk": "x"}) == RowKey("TU#m", "x")
    for body in ({}, {"pk": "a"}, {"pk": "a", "sk": 1}, {"pk": "", "sk": "x"}):
        with pytest.raises(MalformedMessageError):
            row_key(body)


def test_sns_envelopes_are_opened() -> None:
    inner = {"messageBody": "STOP"}
    assert unwrapped(inner) == inner
    assert unwrapped({"Type": "Notification", "Message": json.dumps(inner)}) == inner
    with pytest.raises(MalformedMessageError):
        unwrapped({"Type": "Notification", "Message": "STOP"})


# --- stream --------------------------------------------------------------------------------------


def test_keys_of_inserts_in_order() -> None:
    event = {
        "Records": [
            stream_record("TU#m", "1"),
            stream_record("TU#m", "2", "MODIFY"),
            stream_record("TB#m", "3"),
            stream_record("TB#m", "4", "REMOVE"),
        ]
    }
    assert inserted_keys(event) == [RowKey("TU#m", "1"), RowKey("TB#m", "3")]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["eventName", "dynamodb", "Keys", "pk", "sk", "S"]), inner
        )
    ),
    max_leaves=12,
)


@given(junk=st.lists(_JSON, max_size=6), at=st.integers(0, 6))
def test_no_record_can_stop_the_others(junk: list[Any], at: int) -> None:
    records = copy.deepcopy(junk)
    records.insert(at, stream_record("TU#m", "good"))
    assert RowKey("TU#m", "good") in inserted_keys({"Records": records})


@given(event=st.dictionaries(st.just("Records"), _JSON))
def test_no_event_raises(event: dict[str, Any]) -> None:
    def refuse(keys: list[RowKey]) -> None:
        raise RuntimeError("no queue")

    assert "batchItemFailures" in stream_function(refuse)(event, Context())


def test_a_relay_that_fails_reports_the_first_record_and_does_not_raise() -> None:
    def refuse(keys: list[RowKey]) -> None:
        raise RuntimeError("no queue")

    records = [stream_record("TU#m", "1", sequence="41"), stream_record("TU#m", "2", sequence="42")]
    answer = stream_function(refuse)({"Records": records}, Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "41"}]}
    assert "UnhandledError" in observability._METRICS.metric_set
    del records[0]["dynamodb"]["SequenceNumber"]
    assert stream_function(refuse)({"Records": records}, Context()) == {"batchItemFailures": []}


def test_nothing_inserted_calls_nobody() -> None:
    calls: list[list[RowKey]] = []
    event = {"Records": [stream_record("TU#m", "1", "REMOVE")]}
    assert stream_function(calls.append)(event, Context()) == {"batchItemFailures": []}
    assert calls == []


# --- schedule ------------------------------------------------------------------------------------


@pytest.mark.parametrize("time", ["2026-01-31T02:00:00Z", "2026-01-31T03:00:00+01:00"])
def test_as_of_is_the_events_time_in_utc(time: str) -> None:
    result = as_of({"time": time})
    assert result == datetime(2026, 1, 31, 2, tzinfo=UTC)
    assert result.tzinfo is UTC


@pytest.mark.parametrize(
    "event",
    [{}, {"time": None}, {"time": ""}, {"time": 5}, {"time": "now"}, {"time": "2026-01-31"}],
)
def test_no_time_is_a_clear_error_and_never_the_clock(event: dict[str, Any]) -> None:
    with pytest.raises(ScheduleEventError, match="time"):
        as_of(event)
