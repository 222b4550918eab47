"""The deployed local stack keeps its contract: stack.json, signatures, roles, the proxy between."""

import json
from typing import Any

import boto3
import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from sandbox.stack.layout import layout
from tests.template.cfn import functions

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

WRONG = "a secret that nobody was given"


@pytest.fixture(scope="module")
def stack() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(layout().stack_file.read_text())
    return content


def call(stack: dict[str, Any], path: str, secret: str | None = None) -> httpx.Response:
    """GET a path of the API, signed by the operator if a secret is given."""
    url = stack["api_url"] + path
    request = AWSRequest("GET", url)
    if secret:
        credentials = Credentials(stack["access_key_id"], secret)
        SigV4Auth(credentials, "execute-api", stack["region"]).add_auth(request)
    return httpx.get(url, headers=dict(request.headers), timeout=30)


def dynamodb(stack: dict[str, Any], endpoint_url: str, secret: str) -> Any:
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint_url,
        region_name=stack["region"],
        aws_access_key_id=stack["access_key_id"],
        aws_secret_access_key=secret,
    )


def test_stack_file_keeps_its_contract(stack: dict[str, Any]) -> None:
    """The keys of api.md, Local stack contract."""
    assert stack.keys() == {
        "api_url",
        "endpoint_url",
        "region",
        "access_key_id",
        "secret_access_key",
        "stack_name",
        "sandbox_url",
        "functions",
        "table",
    }
    assert stack["functions"].keys() == functions().keys()


def test_admin_api_wants_a_signature_that_is_right(stack: dict[str, Any]) -> None:
    """IAM is enforced locally as in AWS: without it a missing authorizer would go unnoticed."""
    assert call(stack, "/v1/health").status_code == 403
    assert call(stack, "/v1/health", WRONG).status_code == 403
    assert call(stack, "/v1/health", stack["secret_access_key"]).status_code != 403


def test_webhook_url_answers_405_to_a_get(stack: dict[str, Any]) -> None:
    answer = call(stack, "/webhooks/text_em_all/nobody/token")
    assert answer.status_code == 405


def test_proxy_passes_signatures_on_untouched(stack: dict[str, Any]) -> None:
    """The functions' storage calls go through it, and their roles must still be enforced."""
    ports = json.loads(layout().pids_file.read_text())["ports"]
    proxy = f"http://127.0.0.1:{ports['proxy']}"
    right = dynamodb(stack, proxy, stack["secret_access_key"])
    assert stack["table"] in right.list_tables()["TableNames"]
    with pytest.raises(ClientError, match="signature"):
        dynamodb(stack, proxy, WRONG).list_tables()


def test_functions_are_held_to_their_roles(stack: dict[str, Any]) -> None:
    """Assuming a function's role shows what the function itself would be refused."""
    keys = {
        "endpoint_url": stack["endpoint_url"],
        "region_name": stack["region"],
        "aws_access_key_id": stack["access_key_id"],
        "aws_secret_access_key": stack["secret_access_key"],
    }
    relay = boto3.client("lambda", **keys).get_function_configuration(
        FunctionName=stack["functions"]["SyncRelay"]
    )
    lent = boto3.client("sts", **keys).assume_role(RoleArn=relay["Role"], RoleSessionName="test")
    table = boto3.client(
        "dynamodb",
        endpoint_url=stack["endpoint_url"],
        region_name=stack["region"],
        aws_access_key_id=lent["Credentials"]["AccessKeyId"],
        aws_secret_access_key=lent["Credentials"]["SecretAccessKey"],
        aws_session_token=lent["Credentials"]["SessionToken"],
    )
    key = {"pk": {"S": "x"}, "sk": {"S": "x"}}
    with pytest.raises(ClientError, match="AccessDenied"):
        table.get_item(TableName=stack["table"], Key=key)
