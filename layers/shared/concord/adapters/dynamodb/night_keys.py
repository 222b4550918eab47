"""Keys of nights and of the day's reports. `TZ#` rows are found by zone and not by merchant, and
hold nothing but his id (docs/data-model.md)."""

from __future__ import annotations

from datetime import date
from typing import Final

from concord.domain.points.night import Night
from concord.domain.tasks import RowKey

ZONES_PK: Final = "TZ#"


def zone(name: str) -> RowKey:
    """Return `TZ#` / `<zone>`: somebody is, or was, in this zone."""
    return RowKey(ZONES_PK, name)


def zone_pk(name: str) -> str:
    """Return `TZ#<zone>`."""
    return f"{ZONES_PK}{name}"


def watched(zone_name: str, merchant_id: str) -> RowKey:
    """Return `TZ#<zone>` / `<merchant>`."""
    return RowKey(zone_pk(zone_name), merchant_id)


def night(of: Night) -> RowKey:
    """Return `LN#<merchant>` / `<date>`."""
    return RowKey(f"LN#{of.merchant_id}", of.on.isoformat())


def reports_pk(merchant_id: str, programme_id: str) -> str:
    """Return `LR#<merchant>#<programme>`."""
    return f"LR#{merchant_id}#{programme_id}"


def report(merchant_id: str, programme_id: str, on: date) -> RowKey:
    """Return `LR#<merchant>#<programme>` / `<date>`."""
    return RowKey(reports_pk(merchant_id, programme_id), on.isoformat())
