"""The bench of planning measures the real plan; its count of requests is a guard."""

from __future__ import annotations

from bench.plan import planned


def test_a_plan_asks_for_no_more_than_its_pages_and_chunks() -> None:
    """Reliability 33: of 10,000 recipients in three groups of eight shards: the header, where an
    earlier planner stopped, which chunks are open, 24 pages, 10 chunks, their sum, the end."""
    plan = planned(10_000)
    assert plan.chunks == 10
    assert plan.requests == 1 + 2 + 24 + 10 + 2
