"""The gateway to the table: values, the translator, the one retry layer, the time budget."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError
from hypothesis import given
from hypothesis import strategies as st

from concord.adapters.clients import client as new_client
from concord.adapters.dynamodb import table as gateway
from concord.adapters.dynamodb.marshal import from_wire, to_item, to_wire
from concord.adapters.dynamodb.table import ATTEMPTS, Table, put, within
from concord.adapters.dynamodb.translate import (
    ConditionFailedError,
    TransactionRefusedError,
    judge,
)
from concord.domain.errors import StorageUnavailableError
from concord.domain.tasks import RowKey
from tests.support.counting import Faults, client_error

KEY = RowKey("a", "b")
values = st.recursive(
    st.none() | st.booleans() | st.text() | st.binary() | st.integers(-(10**30), 10**30),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


def behind(table: Table, plan: Any, **more: Any) -> tuple[Table, Faults]:
    faults = Faults(table.client, plan)
    return Table(table.name, faults, sleep=lambda _: None, **more), faults  # type: ignore[arg-type]


def exactly(value: Any) -> Any:
    """Return what boto3's own reader made, in our types."""
    if isinstance(value, dict):
        return {name: exactly(each) for name, each in value.items()}
    if isinstance(value, list):
        return [exactly(each) for each in value]
    if isinstance(value, bool | str) or value is None:
        return value
    return bytes(value) if hasattr(value, "value") else int(value)


class TestValues:
    """Our marshaller against boto3's."""

    @given(values)
    def test_what_we_write_boto3_reads_and_we_read_back(self, value: Any) -> None:
        wire = to_wire(value)
        assert from_wire(wire) == value
        assert exactly(TypeDeserializer().deserialize(wire)) == value

    @given(st.sets(st.text(min_size=1), min_size=1))
    def test_sets_of_text(self, value: set[str]) -> None:
        wire = to_wire(value)
        assert from_wire(wire) == TypeDeserializer().deserialize(wire) == value
        assert set(wire["SS"]) == set(TypeSerializer().serialize(value)["SS"])

    def test_absent_and_none_are_the_same_in_an_item(self) -> None:
        assert to_item({"a": None, "b": ""}) == {"b": {"S": ""}}

    @pytest.mark.parametrize("odd", [1.5, object(), 2j])
    def test_what_has_no_exact_form_is_refused(self, odd: object) -> None:
        with pytest.raises(TypeError):
            to_wire({"deep": [odd]})

    def test_a_kind_that_we_never_write_is_refused(self) -> None:
        with pytest.raises(TypeError):
            from_wire({"NS": ["1"]})


AGAIN = (True, False)
LOST = (True, True)
FINAL = (False, False)
URL = {"endpoint_url": "http://table"}


class TestTranslator:
    """ClientError and its kin become domain errors in one place (rules.md, Storage)."""

    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            (client_error("TransactionConflict"), AGAIN),
            (client_error("TransactionConflictException"), AGAIN),
            (client_error("TransactionInProgressException"), AGAIN),
            (client_error("ThrottlingException"), AGAIN),
            (client_error("ProvisionedThroughputExceededException"), AGAIN),
            (client_error("RequestLimitExceeded"), AGAIN),
            (client_error("InternalServerError"), LOST),
            (client_error("AccessDeniedException"), FINAL),
            (client_error("ResourceNotFoundException"), FINAL),
            (ConnectTimeoutError(**URL), AGAIN),
            (EndpointConnectionError(**URL), AGAIN),
            (ReadTimeoutError(**URL), LOST),
            (ConnectionClosedError(**URL), LOST),
            (ResponseParserError("half an answer"), LOST),
            (NoCredentialsError(), FINAL),
        ],
        ids=str,
    )
    def test_what_becomes_of_it(
        self, error: ClientError | BotoCoreError, expected: tuple[bool, bool]
    ) -> None:
        verdict = judge(error)
        assert isinstance(verdict.error, StorageUnavailableError)
        assert (verdict.again, verdict.answer_lost) == expected

    def test_a_condition_that_failed_is_never_repeated(self) -> None:
        error = client_error("ConditionalCheckFailedException")
        error.response["Item"] = {"v": {"N": "1"}}
        verdict = judge(error, answer_lost=True)
        assert isinstance(verdict.error, ConditionFailedError)
        assert (verdict.error.item, verdict.error.answer_lost) == ({"v": 1}, True)
        assert not verdict.again

    def test_a_condition_beside_a_conflict_is_an_answer(self) -> None:
        error = client_error("TransactionConflict")
        error.response["CancellationReasons"].append(
            {"Code": "ConditionalCheckFailed", "Item": {"v": {"N": "1"}}}
        )
        verdict = judge(error)
        assert isinstance(verdict.error, TransactionRefusedError)
        assert [(r.index, r.item) for r in verdict.error.refusals] == [(2, {"v": 1})]
        assert not verdict.again

    @pytest.mark.parametrize("code", ["ValidationException", "SomethingNew"])
    def test_what_we_do_not_know_stays_what_it_is(self, code: str) -> None:
        error = client_error(code)
        assert judge(error).error is error
        assert not judge(error).again

    def test_a_cancellation_for_a_reason_of_ours_is_a_bug(self) -> None:
        error = client_error("TransactionConflict")
        error.response["CancellationReasons"][0]["Code"] = "ValidationError"
        assert judge(error).error is error


class TestRetries:
    """One layer, at most five attempts, inside the budget."""

    @pytest.mark.parametrize("seed", range(5))
    def test_conflicts_at_thirty_percent(self, table: Table, seed: int) -> None:
        """Reliability 14: success or a retryable error, nothing lost, tries as the odds say."""
        rng = random.Random(seed)
        tries: Counter[int] = Counter()
        stored = 0
        for n in range(60):
            faulty, faults = behind(
                table, lambda *_: "TransactionConflict" if rng.random() < 0.3 else None
            )
            row = RowKey(f"row-{n}", "x")
            try:
                faulty.transact([put(row, {"n": n}, "attribute_not_exists(pk)")])
                stored += 1
                assert table.get(row) is not None
            except StorageUnavailableError:
                assert len(faults.calls) == ATTEMPTS
                assert table.get(row) is None
            tries[len(faults.calls)] += 1
        assert stored >= 58
        assert tries[1] > tries[2] > tries[3] + tries[4]
        assert max(tries) <= ATTEMPTS

    def test_a_condition_costs_one_attempt(self, table: Table) -> None:
        """Reliability 14: ConditionalCheckFailed is never retried."""
        table.put(KEY, {"v": 1})
        faulty, faults = behind(table, lambda *_: None)
        with pytest.raises(ConditionFailedError) as single:
            faulty.put(KEY, {"v": 2}, "attribute_not_exists(pk)")
        with pytest.raises(TransactionRefusedError) as several:
            faulty.transact([put(KEY, {"v": 2}, "attribute_not_exists(pk)")])
        assert faults.calls == ["put_item", "transact_write_items"]
        assert single.value.item == {"pk": "a", "sk": "b", "v": 1}
        refusal = several.value.at(0)
        assert refusal is not None
        assert refusal.item == single.value.item
        assert several.value.at(1) is None

    def test_no_error_carries_what_is_stored(self, table: Table) -> None:
        """Reliability 37: the SDK's error holds the item, so it is not chained or printed."""
        table.put(KEY, {"v": "+15550100001"})
        with pytest.raises(ConditionFailedError) as failed:
            table.put(KEY, {}, "attribute_not_exists(pk)")
        assert failed.value.__suppress_context__
        assert "+1555" not in str(failed.value)

    def test_waits_are_jittered_and_grow(self, table: Table) -> None:
        waits: list[float] = []
        faults = Faults(table.client, lambda *_: "ThrottlingException")
        patient = Table(table.name, faults, sleep=waits.append)  # type: ignore[arg-type]
        with pytest.raises(StorageUnavailableError, match="ThrottlingException"):
            patient.get(KEY)
        assert len(waits) == ATTEMPTS - 1
        assert all(0 <= wait <= 0.02 * 2**n for n, wait in enumerate(waits, 1))
        assert len(set(waits)) == len(waits)

    def test_an_unknown_error_is_raised_at_once(self, table: Table) -> None:
        faulty, faults = behind(table, lambda *_: "ValidationException")
        with pytest.raises(ClientError):
            faulty.get(KEY)
        assert len(faults.calls) == 1

    def test_the_token_stays_the_same(self, table: Table) -> None:
        tokens = []

        class Client:
            def transact_write_items(self, **request: Any) -> None:
                tokens.append(request["ClientRequestToken"])
                if len(tokens) < 3:
                    raise client_error("TransactionConflict")

        again = Table("t", Client(), sleep=lambda _: None)  # type: ignore[arg-type]
        again.transact([put(KEY, {})])
        again.transact([put(KEY, {})])
        assert len(tokens) == 4
        assert len(set(tokens)) == 2


class TestBudget:
    """`within`: one deadline for everything inside it."""

    def test_no_attempt_starts_that_the_budget_has_no_room_for(self, table: Table) -> None:
        faulty, faults = behind(table, lambda *_: "ThrottlingException")
        with within(gateway.CONNECT + gateway.READ - 0.01), pytest.raises(StorageUnavailableError):
            faulty.get(KEY)
        assert len(faults.calls) == 1

    def test_two_attempts_fit_into_the_budget_of_an_answer(self, table: Table) -> None:
        faulty, faults = behind(table, lambda _, n: "ThrottlingException" if n == 1 else None)
        with within(1.2):
            assert faulty.get(KEY) is None
        assert len(faults.calls) == 2

    def test_a_used_up_budget_makes_no_request(self, table: Table) -> None:
        faulty, faults = behind(table, lambda *_: None)
        with within(0.4), pytest.raises(StorageUnavailableError, match="budget"):
            faulty.get(KEY)
        assert faults.calls == []

    def test_the_budget_is_shared_and_never_widened(self, table: Table) -> None:
        faulty, faults = behind(table, lambda *_: None)
        with within(0.6), within(60):
            faulty.get(KEY)
            time.sleep(0.15)
            with pytest.raises(StorageUnavailableError):
                faulty.get(KEY)
        assert len(faults.calls) == 1
        faulty.get(KEY)

    def test_the_client_makes_each_request_once(self, moto_aws: None) -> None:
        """Reliability 32: no retry layer below ours."""
        config = new_client("dynamodb", connect=gateway.CONNECT, read=gateway.READ).meta.config
        assert config.retries == {"mode": "standard", "total_max_attempts": 1}
        assert (config.connect_timeout, config.read_timeout) == (0.3, 0.5)


class TestSingleItems:
    """Reads, writes, deletes and queries."""

    def test_update_returns_the_whole_item(self, table: Table) -> None:
        item = table.update(KEY, "SET #state = :state ADD #n :n", state="x", n=2)
        assert item == {"pk": "a", "sk": "b", "state": "x", "n": 2}
        with pytest.raises(ConditionFailedError):
            table.update(KEY, "SET #n = :n", "#state = :other", n=1, other="y")

    def test_delete_by_condition(self, table: Table) -> None:
        table.put(KEY, {"v": 1})
        with pytest.raises(ConditionFailedError):
            table.delete(KEY, "#v = :v", v=2)
        table.delete(KEY, "#v = :v", v=1)
        assert table.get(KEY) is None

    def test_a_query_walks_all_pages(self, table: Table) -> None:
        for n in range(5):
            table.put(RowKey("p", f"{n}"), {"blob": b"x" * 300_000})
        pages, faults = behind(table, lambda *_: None)
        assert [item["sk"] for item in pages.query("pk = :pk", pk="p")] == list("01234")
        assert len(faults.calls) >= 2
        newest = table.query("pk = :pk", newest_first=True, pk="p")
        assert next(newest)["sk"] == "4"


def test_the_consent_path_loads_only_what_it_needs() -> None:
    """Reliability 35: no client and none of the rest is loaded with the consent store."""
    code = (
        "import sys; import concord.adapters.dynamodb.consent_store; "
        "import concord.adapters.dynamodb.connections; import concord.adapters.parameters; "
        "import concord.adapters.sqs; "
        "print(*(m for m in sys.modules if m.startswith(('boto', 'concord.adapters', 'crypto', "
        "'httpx', 'phonenumbers', 'pydantic'))))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(answer.stdout.split())
    assert "concord.adapters.dynamodb.consent_store" in loaded
    assert not [m for m in loaded if m.split(".")[0] in {"boto3", "cryptography", "httpx"}]
    assert not loaded & {"phonenumbers", "pydantic"}
    others = (
        "shoppers",
        "reviews",
        "jobs",
        "idempotency",
        "merchants",
        "inbox",
        "tasks",
        "import_parts",
    )
    assert not loaded & {f"concord.adapters.dynamodb.{name}" for name in others}
