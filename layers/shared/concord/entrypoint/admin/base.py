"""What the shapes of all nouns share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

type Name = Annotated[str, Field(min_length=1, max_length=200)]
type Url = Annotated[str, Field(min_length=1, max_length=500)]

type Point = Annotated[str, Field(min_length=1, max_length=300)]
type Actor = Annotated[str, Field(min_length=1, max_length=200)]

type Scalar = Annotated[int, Field(ge=-(10**9), le=10**9)] | bool | str | None
type Options = dict[str, Scalar | list[Scalar] | dict[str, Scalar]]


class Sent(BaseModel):
    """A request: unknown fields are refused, so that a typing error is noticed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PageQuery(BaseModel):
    """Which part of a list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: Annotated[str, Field(max_length=500)] | None = None


class Answer(BaseModel):
    """An answer; optional members are null, never absent."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
