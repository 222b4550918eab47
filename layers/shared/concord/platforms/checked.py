"""Checked reading of JSON that strangers wrote: every value is untrusted until it has a type.

Webhooks read through this and not through pydantic, which reads the answers to our own calls
(payloads.py): a cold webhook would load pydantic in front of a STOP, for the sake of five fields
(tests/unit/platforms/test_import_cost.py watches). And which of their names means what is a setting
of the connection, where a model fixes its names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from concord.domain.events import UnparseableError
from concord.domain.times import from_rfc3339

MAX_ID = 200
MAX_TEXT = 10_000
_NOT_DIGITS = re.compile(r"[^0-9]")
_SAFE_TYPE = re.compile(r"[A-Za-z0-9_.:/-]{1,60}")
_LONG_NUMBER = re.compile(r"[0-9]{7}")


def read_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in `body`. Raises UnparseableError and nothing else."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        # No cause is chained: the parser's message quotes the body.
        raise UnparseableError("the body is not JSON") from None
    if not isinstance(data, dict):
        raise UnparseableError("the body is not a JSON object")
    return data


def encodable(text: str) -> str:
    """Return `text` with lone surrogates replaced: JSON can spell what UTF-8 cannot store."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def name_map(settings: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the mapping `settings[key]`, or an empty one: settings may say nothing about it."""
    found = settings.get(key)
    return found if isinstance(found, Mapping) else {}


class Fields:
    """The fields of one JSON object, found under our names through a map to theirs.

    A name in the map may be a dotted path (`message.from`). `words` has, by field of ours, a map of
    their words to ours. Messages name the field, never its value: values are personal.
    """

    __slots__ = ("_data", "_names", "_words")

    def __init__(
        self,
        data: Mapping[str, Any],
        names: Mapping[str, Any] | None = None,
        words: Mapping[str, Any] | None = None,
    ) -> None:
        self._data = data
        self._names: Mapping[str, Any] = names or {}
        self._words: Mapping[str, Any] = words or {}

    def raw(self, name: str) -> Any:
        """Return the value as it is, None when it is not there."""
        theirs = self._names.get(name, name)
        if not isinstance(theirs, str):
            return None
        if theirs in self._data:
            return self._data[theirs]
        value: Any = self._data
        for part in theirs.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value

    def optional(self, name: str, limit: int = MAX_TEXT) -> str | None:
        """Return a text or a whole number as text; None when it is missing, null or empty."""
        value = self.raw(name)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
            value = str(value)
        if value is None or value == "":
            return None
        if not isinstance(value, str) or len(value) > limit:
            raise UnparseableError(f"field '{name}' is not a text of at most {limit} characters")
        return encodable(value)

    def text(self, name: str, limit: int = MAX_TEXT) -> str:
        """Return a text that has to be there."""
        value = self.optional(name, limit)
        if value is None:
            raise UnparseableError(f"field '{name}' is missing")
        return value

    def word(self, name: str) -> str | None:
        """Return one of a few words as we spell it, through the map of their words for `name`.

        What the map does not have is returned as it came; None as in `optional`.
        """
        value = self.optional(name, MAX_ID)
        ours = name_map(self._words, name).get(value) if value is not None else None
        return ours if isinstance(ours, str) else value

    def time(self, name: str) -> datetime | None:
        """Return an RFC 3339 time; None when it is missing or cannot be read.

        None counts from when we received it: a sender's broken clock must not hold up a STOP.
        """
        value = self.raw(name)
        try:
            return from_rfc3339(value) if isinstance(value, str) else None
        except (ValueError, OverflowError):
            return None

    def milliseconds(self, name: str) -> datetime | None:
        """Return a time given in milliseconds since 1970; None as in `time`."""
        value = self.raw(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        try:
            return datetime.fromtimestamp(value / 1000, UTC)
        except (ValueError, OverflowError, OSError):
            return None


def safe_type(name: str) -> str:
    """Return an event type as logs and metrics may show it: a short word without a number."""
    return name if _SAFE_TYPE.fullmatch(name) and not _LONG_NUMBER.search(name) else "unprintable"


def digits_to_e164(number: str) -> str:
    """Spell bare digits as E.164: ten are North American, more already hold their country code.

    What cannot be a full number (a short code, an alphanumeric sender) is returned unchanged.
    """
    digits = _NOT_DIGITS.sub("", number)
    if number.strip().startswith("+") or 11 <= len(digits) <= 15:
        return f"+{digits}"
    return f"+1{digits}" if len(digits) == 10 else number


def e164_to_digits(number: str) -> str:
    """Spell E.164 as digits: ten for +1, otherwise without the plus."""
    digits = number.removeprefix("+")
    return digits[1:] if len(digits) == 11 and digits.startswith("1") else digits
