"""Builds boto3 clients when they are first used: importing an adapter loads no SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, overload

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient

    class CloudWatchClient(Protocol):
        """The one call that is made of CloudWatch, of which there are no stubs."""

        def get_metric_data(self, **request: Any) -> Mapping[str, Any]: ...

    class MailClient(Protocol):
        """The one call that is made of SES, of which there are no stubs either."""

        def send_email(self, **request: Any) -> Mapping[str, Any]: ...


@overload
def client(service: Literal["cloudwatch"], *, connect: float, read: float) -> CloudWatchClient: ...
@overload
def client(service: Literal["dynamodb"], *, connect: float, read: float) -> DynamoDBClient: ...
@overload
def client(service: Literal["sesv2"], *, connect: float, read: float) -> MailClient: ...
@overload
def client(service: Literal["sqs"], *, connect: float, read: float) -> SQSClient: ...
@overload
def client(service: Literal["ssm"], *, connect: float, read: float) -> SSMClient: ...
def client(service: str, *, connect: float, read: float) -> Any:
    """Return a client that makes each request once: our own loops are the only retry layer.

    `connect` and `read` are seconds. Region, credentials and `AWS_ENDPOINT_URL_<SERVICE>` come from
    the environment.
    """
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=connect,
        read_timeout=read,
        retries={"mode": "standard", "total_max_attempts": 1},
        tcp_keepalive=True,
    )
    return boto3.client(service, config=config)
