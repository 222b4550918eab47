"""Regression guard: no operation makes more requests or costs more units than it did."""

from __future__ import annotations

import pytest

from bench import counts
from bench.figures import Figure
from bench.walk import house


@pytest.fixture(scope="module")
def counted() -> list[Figure]:
    # Set before moto looks: without it boto3 may ask the machine for credentials.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        return counts.count()


def test_nothing_costs_more_than_recorded(counted: list[Figure]) -> None:
    """Reliability 6, rules.md "Counting cost": `python -m bench --record` is a decision."""
    assert counts.exceeded(counted, counts.recorded()) == []


def test_everything_recorded_is_measured(counted: list[Figure]) -> None:
    assert {figure.name for figure in counted} == set(counts.recorded())


def test_the_answer_path_keeps_its_goals(counted: list[Figure]) -> None:
    """Warm, an opt-out costs one read and one transaction; cold at most five requests."""
    found = {figure.name: figure for figure in counted}
    assert found["opt_out_webhook.requests"].value == 2
    assert found["opt_out_webhook.requests"].note == "GetItem, TransactWriteItems"
    assert found["opt_out_webhook.requests_cold"].value <= 5
    assert [figure.name for figure in counted if figure.met is False] == []


def test_the_guard_sees_what_grew() -> None:
    figures = [Figure("a.requests", 3, "requests"), Figure("b.requests", 1, "requests")]
    assert counts.exceeded(figures, {"a.requests": 2, "b.requests": 1}) == [
        "a.requests: 3, was 2 ()"
    ]
    assert counts.exceeded(figures, {"a.requests": 3}) == ["b.requests: 1, never recorded"]


def test_the_walk_adds_up(counted: list[Figure]) -> None:
    """The functions' parts are the whole."""
    found = {figure.name: figure.value for figure in counted}
    for kind in ("requests", "write_units", "read_units"):
        parts = [
            value
            for name, value in found.items()
            if name.startswith("stop_end_to_end.") and name.count(".") == 2 and name.endswith(kind)
        ]
        assert len(parts) == 3
        assert sum(parts) == found[f"stop_end_to_end.{kind}"]


def test_one_request_more_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted extra read on the answer path makes the bill longer: real requests are counted."""
    from concord.adapters.dynamodb.consent_store import DynamoDbConsentStore

    once = DynamoDbConsentStore.load
    with house() as home:
        before = home.opt_out_webhook()
        monkeypatch.setattr(
            DynamoDbConsentStore, "load", lambda self, key: (once(self, key), once(self, key))[1]
        )
        after = home.opt_out_webhook()
    assert len(after.requests) == len(before.requests) + 1
    assert after.read_units == before.read_units + 1


def test_a_send_costs_a_fraction_of_an_item_each(counted: list[Figure]) -> None:
    """Issue 3: goals per recipient, in bulk with and without a cap and text by text; beside them a
    fan-out with an item for each, measured in the same run."""
    found = {figure.name: figure for figure in counted}
    for name in ("broadcast", "broadcast_capped", "broadcast_single"):
        for kind in ("requests", "write_units"):
            figure = found[f"{name}.{kind}_per_recipient"]
            assert figure.met is True
            assert figure.baseline is not None
            assert figure.value < figure.baseline / 4
