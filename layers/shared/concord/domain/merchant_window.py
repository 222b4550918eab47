"""A merchant's own hours for texts (R-01): what `quiet_hours` of a merchant may say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from concord.domain.errors import FieldError, InvalidInputError
from concord.domain.rule_packs.shapes import Week, Window

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")
_HOW: Final = 'give "from" and "to" as HH:MM, "from" being earlier, for example 09:00 and 20:00'


def parse_quiet_hours(settings: Mapping[str, Any], field: str = "quiet_hours") -> Week | None:
    """Return the week in which texts are allowed, in the recipient's local time; {} = None.

    `{"from": "09:00", "to": "20:00"}` allows texts from 09:00 until before 20:00. What is different
    on a day stands in `"days": {"sat": {"from": "10:00", "to": "18:00"}, "sun": null}`, null being
    a day without texts. Raises InvalidInputError that names each wrong field.
    """
    if not settings:
        return None
    errors: list[FieldError] = []
    usual = _window(settings, field, errors, ("days",))
    days = settings.get("days") or {}
    if not isinstance(days, Mapping):
        errors.append(FieldError(f"{field}.days", f"give an object with days of {', '.join(DAYS)}"))
        days = {}
    other: dict[str, Window | None] = {}
    for day, hours in days.items():
        if day not in DAYS:
            errors.append(FieldError(f"{field}.days.{day}", f"use one of {', '.join(DAYS)}"))
        else:
            name = f"{field}.days.{day}"
            other[day] = None if hours is None else _window(hours, name, errors)
    week = tuple(other.get(day, usual) for day in DAYS)
    if not errors and not any(week):
        errors.append(FieldError(f"{field}.days", "leave at least one day with texts"))
    if errors:
        raise InvalidInputError("bad quiet hours", errors=tuple(errors))
    return week


def _window(
    hours: object, field: str, errors: list[FieldError], also: tuple[str, ...] = ()
) -> Window | None:
    """Return the window, or None with what is wrong added to `errors`."""
    if not isinstance(hours, Mapping):
        errors.append(FieldError(field, _HOW))
        return None
    known = {"from", "to", *also}
    wrong = [FieldError(f"{field}.{name}", _HOW) for name in hours if name not in known]
    start, end = (_minutes(hours.get(name)) for name in ("from", "to"))
    if start is None:
        wrong.append(FieldError(f"{field}.from", _HOW))
    if end is None or (start is not None and end <= start):
        wrong.append(FieldError(f"{field}.to", _HOW))
    errors.extend(wrong)
    return None if wrong or start is None or end is None else Window(start, end)


def _minutes(text: object) -> int | None:
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        return None
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)
