"""Merchants, as they are sent and shown."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from concord.domain.merchant import Merchant
from concord.entrypoint.admin.base import Actor, Answer, Name, Options, Sent

_COUNTRY: Final = re.compile("[A-Z]{2}")


def _country(text: str) -> str:
    if not _COUNTRY.fullmatch(text):
        raise PydanticCustomError("country", "use two capital letters (ISO 3166), for example US")
    return text


type Country = Annotated[
    str, AfterValidator(_country), WithJsonSchema({"type": "string", "pattern": "^[A-Z]{2}$"})
]


class MerchantPut(Sent):
    """A merchant. `country` (ISO 3166) reads national numbers; `time_zone` is IANA."""

    name: Name
    time_zone: Annotated[str, Field(min_length=1, max_length=60)]
    country: Country
    quiet_hours: Options | None = None
    frequency_cap: Options | None = None

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
    quiet_hours: dict[str, Any]
    frequency_cap: dict[str, Any]

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
