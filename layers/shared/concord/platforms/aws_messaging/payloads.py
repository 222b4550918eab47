"""The service's errors, as far as we tell them apart (botocore model 2022-03-31)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class ErrorBody(BaseModel):
    """`{"Error": {"Code", "Message"}, "Reason"?, "Fields"?}` as botocore hands it over."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    class Error(BaseModel):
        code: str = Field(alias="Code", default="")
        message: str = Field(alias="Message", default="")

    class Metadata(BaseModel):
        status: int = Field(alias="HTTPStatusCode", default=0)
        headers: dict[str, Any] = Field(alias="HTTPHeaders", default={})

    class Named(BaseModel):
        name: str = Field(alias="Name", default="")

    error: Error = Field(alias="Error", default=Error())
    metadata: Metadata = Field(alias="ResponseMetadata", default=Metadata())
    reason: str = Field(alias="Reason", default="")
    fields: list[Named] = Field(alias="Fields", default=[])
