"""CATAPULT's JSON, as far as we use it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Account(BaseModel):
    """Answer of the account check."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True, frozen=True)

    account_id: str | None = None
