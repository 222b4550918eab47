"""The merge of groups: the sorted, distinct union of what was textable at the start."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from concord.domain.audience import merged
from concord.domain.groups import TextableNumber, regions_in
from tests.support.builders import NOW

rows = st.builds(
    TextableNumber,
    point_id=st.integers(0, 30).map(lambda n: f"v1.{n:064x}"),
    since=st.integers(-3, 3).map(lambda n: NOW + timedelta(seconds=n)),
    region=st.sampled_from(["", "US-FL", "US-CA", "US-CA+US-FL"]),
)
groups = st.lists(rows, max_size=25, unique_by=lambda row: row.point_id).map(
    lambda found: sorted(found, key=lambda row: row.point_id)
)


@given(st.lists(groups, max_size=5))
def test_the_merge_is_the_sorted_distinct_union(streams: list[list[TextableNumber]]) -> None:
    """TEA-08, TEA-10: shared by groups = once; who joined after the start is out; who was in one
    group by then is in, with the regions that those groups know."""
    expected: dict[str, set[str]] = defaultdict(set)
    for row in (row for stream in streams for row in stream if row.since <= NOW):
        expected[row.point_id] |= set(regions_in(row.region))
    found = list(merged(streams, NOW))
    assert [row.point_id for row in found] == sorted(expected)
    assert {row.point_id: set(regions_in(row.region)) for row in found} == expected


def test_no_more_than_a_row_of_each_group_is_held() -> None:
    """Reliability 33: flat memory: what was read is what was needed for what was asked."""
    read = [0, 0]

    def stream(group: int) -> Iterator[TextableNumber]:
        for n in range(1000):
            read[group] += 1
            yield TextableNumber(f"v1.{2 * n + group:064x}", NOW)

    found = merged([stream(0), stream(1)], NOW)
    for _ in range(100):
        next(found)
    assert max(read) <= 52
