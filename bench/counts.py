"""Requests and capacity units of the operations, and the figures that they may not exceed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench.broadcast import broadcast_costs
from bench.figures import Figure
from bench.meter import Bill
from bench.night import night_costs
from bench.posting import DATES, posting
from bench.walk import House, house

BASELINE: Final = Path(__file__).with_name("baseline.json")
OPERATIONS: Final = (
    "opt_out_webhook",
    "join_webhook",
    "connect_opt_out",
    "push_consent",
    "receipt_webhook",
)
# Receipts that a function is given together, at most (template.yaml).
BATCH: Final = 100
_GOALS: Final = {
    "opt_out_webhook.requests": 2,
    "opt_out_webhook.requests_cold": 5,
    "group_list.read_units": 60,
    "posting.write_units": 20,
}
_UNITS: Final = {
    "requests": "requests",
    "requests_cold": "requests",
    "write_units": "write units",
    "read_units": "read units",
    "account_read_units": "read units",
    "platform_calls": "calls",
    "requests_per_recipient": "requests",
    "write_units_per_recipient": "write units",
    "read_units_per_recipient": "read units",
}


def count(told: Callable[[str], None] = lambda _: None) -> list[Figure]:
    """Do every operation, warm and cold, and return what it takes."""
    figures: list[Figure] = []
    with house() as home:
        for name in OPERATIONS:
            told(name)
            operation: Callable[..., Bill] = getattr(home, name)
            figures += _operation(name, operation(), operation(cold=True))
        told("stop_end_to_end")
        figures += _end_to_end(home)
        told("receipts")
        home.receipts(1, bulk=False)
        figures += _receipts("receipt", home.receipts(BATCH, bulk=True), BATCH)
        figures += _receipts("receipt_alone", home.receipts(1, bulk=False), 1)
        told("group_list")
        listed = home.group_list()
        figures += [
            _figure("group_list", "requests", len(listed.requests), listed.spelled()),
            _figure("group_list", "read_units", listed.read_units, "200 groups, 100,000 shoppers"),
        ]
        figures += _postings(home, told)
    figures += broadcast_costs(told)
    told("expiry")
    figures += night_costs()
    return figures


def _postings(home: House, told: Callable[[str], None]) -> list[Figure]:
    """Return what a posting takes with few open expiry dates and, as `posting`, with the most;
    beside these what it takes with one."""
    few, *others = DATES
    told(f"posting, {few} open expiry date")
    least = posting(home, few)
    figures = _posting(f"posting_{few}", few, least)
    for dates in others:
        told(f"posting, {dates} open expiry dates")
        name = "posting" if dates == max(DATES) else f"posting_{dates}"
        figures += _posting(name, dates, posting(home, dates), beside=least)
    return figures


def _posting(name: str, dates: int, bill: Bill, beside: Bill | None = None) -> list[Figure]:
    figures = [
        _figure(name, "requests", len(bill.requests), bill.spelled()),
        _figure(name, "write_units", bill.write_units, f"open expiry dates: {dates}"),
        _figure(name, "read_units", bill.read_units),
    ]
    if beside is None:
        return figures
    rivals = (len(beside.requests), beside.write_units, beside.read_units)
    return [
        replace(figure, baseline=rival, ratio=figure.value / rival)
        for figure, rival in zip(figures, rivals, strict=True)
    ]


def _operation(name: str, warm: Bill, cold: Bill) -> list[Figure]:
    return [
        _figure(name, "requests", len(warm.requests), warm.spelled()),
        _figure(name, "requests_cold", len(cold.requests), cold.spelled()),
        _figure(name, "write_units", warm.write_units),
        _figure(name, "read_units", warm.read_units),
    ]


def _receipts(name: str, bill: Bill, count: int) -> list[Figure]:
    """Return what one receipt takes of a batch of `count`."""
    own = bill.of("BroadcastReceipts")
    return [
        _figure(name, "requests", len(own.requests) / count, own.spelled()),
        _figure(name, "write_units", own.write_units / count),
        _figure(name, "read_units", own.read_units / count),
    ]


def _end_to_end(home: House) -> list[Figure]:
    bill, calls = home.stop_end_to_end()
    name = "stop_end_to_end"
    figures = []
    for function in bill.functions():
        own, part = bill.of(function), f"{name}.{function}"
        figures += [
            _figure(part, "requests", len(own.requests), own.spelled()),
            _figure(part, "write_units", own.write_units),
            _figure(part, "read_units", own.read_units),
        ]
    return [
        *figures,
        _figure(name, "requests", len(bill.requests), "receive + relay + tasks"),
        _figure(name, "write_units", bill.write_units),
        _figure(name, "read_units", bill.read_units),
        _figure(name, "platform_calls", calls, "not AWS; not among the requests"),
    ]


def _figure(operation: str, kind: str, value: float, note: str = "") -> Figure:
    name = f"{operation}.{kind}"
    return Figure(name, value, _UNITS[kind], goal=_GOALS.get(name), note=note)


# --- the guard -------------------------------------------------------------------------------


def recorded() -> dict[str, float]:
    """Return the figures that were recorded last (`python -m bench --record`)."""
    figures: dict[str, float] = json.loads(BASELINE.read_text())
    return figures


def record(figures: list[Figure]) -> None:
    """Make these figures the ones that may not be exceeded."""
    content = {figure.name: figure.value for figure in figures}
    BASELINE.write_text(json.dumps(content, indent=2) + "\n")


def counted(figures: list[Figure]) -> list[Figure]:
    """Return the requests and units of operations: what is the same on every machine and run."""
    kinds = tuple(f".{kind}" for kind in _UNITS)
    return [figure for figure in figures if figure.name.endswith(kinds)]


def exceeded(figures: list[Figure], allowed: Mapping[str, float]) -> list[str]:
    """Return what costs more than it did, and what nobody recorded, in words."""
    found = []
    for figure in figures:
        limit = allowed.get(figure.name)
        if limit is None:
            found.append(f"{figure.name}: {figure.value:g}, never recorded")
        elif figure.value > limit:
            found.append(f"{figure.name}: {figure.value:g}, was {limit:g} ({figure.note})")
    return found
