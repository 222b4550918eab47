"""Merchants, as they are sent and shown."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from concord.domain.caps import MOST_DAYS, MOST_TEXTS
from concord.domain.merchant import Merchant
from concord.domain.merchant_window import DAYS
from concord.entrypoint.admin.base import Actor, Answer, Name, Sent

_COUNTRY: Final = re.compile("[A-Z]{2}")


def _country(text: str) -> str:
    if not _COUNTRY.fullmatch(text):
        raise PydanticCustomError("country", "use two capital letters (ISO 3166), for example US")
    return text


type Country = Annotated[
    str, AfterValidator(_country), WithJsonSchema({"type": "string", "pattern": "^[A-Z]{2}$"})
]

_TIME: Final = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$"}
_HOURS: Final = {
    "type": "object",
    "properties": {"from": _TIME, "to": _TIME},
    "required": ["from", "to"],
    "additionalProperties": False,
}
_DAY: Final = {"anyOf": [_HOURS, {"type": "null"}]}
_DAYS: Final = {
    "type": "object",
    "properties": dict.fromkeys(DAYS, _DAY),
    "additionalProperties": False,
    "description": "What is different on a day; null: no texts.",
}
_QUIET_HOURS: Final = {
    "description": "When marketing texts are allowed, in the recipient's local time, `to` being "
    "the first minute without. The law comes on top. Empty: the law alone.",
    "type": "object",
    "properties": {"from": _TIME, "to": _TIME, "days": _DAYS},
    "dependentRequired": {"from": ["to"], "to": ["from"], "days": ["from", "to"]},
    "additionalProperties": False,
}
_FREQUENCY_CAP: Final = {
    "description": "At most so many marketing texts to one number in any so many times 24 hours. "
    "Empty: none but the law's.",
    "type": "object",
    "properties": {
        "texts": {"type": "integer", "minimum": 1, "maximum": MOST_TEXTS},
        "days": {"type": "integer", "minimum": 1, "maximum": MOST_DAYS},
    },
    "dependentRequired": {"texts": ["days"], "days": ["texts"]},
    "additionalProperties": False,
}
# The domain checks them (parse_quiet_hours, parse_cap): one place says what is wrong, and how.
type QuietHours = Annotated[dict[str, Any], WithJsonSchema(_QUIET_HOURS)]
type FrequencyCap = Annotated[dict[str, Any], WithJsonSchema(_FREQUENCY_CAP)]


class MerchantPut(Sent):
    """A merchant. `country` (ISO 3166) reads national numbers; `time_zone` is IANA."""

    name: Name
    time_zone: Annotated[str, Field(min_length=1, max_length=60)]
    country: Country
    quiet_hours: QuietHours | None = None
    frequency_cap: FrequencyCap | None = None

    def to_merchant(self, merchant_id: str) -> Merchant:
        """Return it as the domain has it."""
        return Merchant(
            merchant_id=merchant_id,
            name=self.name,
            time_zone=self.time_zone,
            country=self.country,
            quiet_hours=self.quiet_hours or {},
            frequency_cap=self.frequency_cap or {},
        )


class MultiLinkPut(Sent):
    """Whether the merchant may link several messaging accounts (TEA-04)."""

    allowed: bool
    actor: Actor | None = None


class MerchantAnswer(Answer):
    """A merchant."""

    merchant_id: str
    name: str
    time_zone: str
    country: str
    allow_multi_link: bool
    quiet_hours: QuietHours
    frequency_cap: FrequencyCap

    @classmethod
    def of(cls, merchant: Merchant) -> MerchantAnswer:
        """Return the answer about `merchant`."""
        return cls(
            merchant_id=merchant.merchant_id,
            name=merchant.name,
            time_zone=merchant.time_zone,
            country=merchant.country,
            allow_multi_link=merchant.allow_multi_link,
            quiet_hours=dict(merchant.quiet_hours),
            frequency_cap=dict(merchant.frequency_cap),
        )
