"""What the table says of groups, added up from each shopper's contribution: the plain oracle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from concord.adapters.dynamodb.group_items import contribution_from, number_from
from concord.domain.groups import read_group_key, shard_of_point, shard_of_shopper

type Item = Mapping[str, Any]
type Shares = dict[str, dict[str, dict[str, str]]]
"""By shopper key: what she contributes, by group and point id, with the region."""


@dataclass
class Figures:
    """Counters by (group, shard) as (total, opted in, numbers), members as (group, shopper) ->
    opted in, numbers as (group, point) -> (refs, regions)."""

    counters: dict[tuple[str, int], tuple[int, int, int]] = field(default_factory=dict)
    members: dict[tuple[str, str], bool] = field(default_factory=dict)
    numbers: dict[tuple[str, str], tuple[int, dict[str, int]]] = field(default_factory=dict)


def stored_shares(items: Iterable[Item]) -> Shares:
    """Return the contributions that are stored, but those of nothing."""
    found = {}
    for item in items:
        if item["sk"] == "CONTRIBUTION":
            key = item["pk"].rpartition("#")[2]
            shares = contribution_from("", "", key, dict(item)).shares
            if shares:
                found[key] = {group: dict(points) for group, points in shares.items()}
    return found


def stored_figures(items: Iterable[Item]) -> Figures:
    """Return the counters and rows that are stored; a counter of nothing counts as none."""
    found = Figures()
    for item in items:
        kind, *parts = item["pk"].split("#")
        if kind == "GC":
            counts = tuple(item.get(name, 0) for name in ("total", "opted_in", "numbers"))
            if any(counts):
                found.counters[read_group_key(item["sk"]), int(parts[-1])] = counts
        elif kind == "GM":
            assert shard_of_shopper(item["sk"]) == int(parts[-1])
            found.members[read_group_key(parts[-2]), item["sk"]] = item["opted_in"]
        elif kind == "GN":
            assert shard_of_point(item["sk"]) == int(parts[-1])
            row = number_from(dict(item))
            found.numbers[read_group_key(parts[-2]), item["sk"]] = (row.refs, dict(row.regions))
    return found


def figures_of(shares: Shares) -> Figures:
    """Return the counters and rows that these contributions add up to."""
    found = Figures()
    sums: dict[tuple[str, int], Counter[str]] = {}
    for key, groups in shares.items():
        for group, points in groups.items():
            found.members[group, key] = bool(points)
            mine = sums.setdefault((group, shard_of_shopper(key)), Counter())
            mine.update(total=1, opted_in=bool(points))
            for point, region in points.items():
                refs, regions = found.numbers.get((group, point), (0, {}))
                counted = Counter(regions) + Counter([region] if region else [])
                found.numbers[group, point] = (refs + 1, dict(counted))
    for group, point in found.numbers:
        sums.setdefault((group, shard_of_point(point)), Counter()).update(numbers=1)
    found.counters = {
        place: (counts["total"], counts["opted_in"], counts["numbers"])
        for place, counts in sums.items()
        if any(counts.values())
    }
    return found


def assert_agrees(items: Iterable[Item], shares: Shares | None = None) -> None:
    """Hold counters and rows against the contributions, and these against `shares` if given."""
    rows = list(items)
    stored = stored_shares(rows)
    if shares is not None:
        assert stored == {key: groups for key, groups in shares.items() if groups}
    assert stored_figures(rows) == figures_of(stored)
