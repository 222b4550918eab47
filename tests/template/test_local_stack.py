"""The deployed local stack keeps its contract: stack.json, signatures, roles, the proxy between."""

import contextlib
import json
import secrets
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


def call(
    stack: dict[str, Any], path: str, secret: str | None = None, method: str = "GET"
) -> httpx.Response:
    """Call a path of the API, signed if a secret is given."""
    url = stack["api_url"] + path
    request = AWSRequest(method, url)
    if secret:
        credentials = Credentials(stack["access_key_id"], secret)
        SigV4Auth(credentials, "execute-api", stack["region"]).add_auth(request)
    return httpx.request(method, url, headers=dict(request.headers), timeout=30)


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
    assert call(stack, "/v1/health", stack["secret_access_key"]).status_code == 200


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


def test_admin_policy_stops_at_allow_multi_link(stack: dict[str, Any]) -> None:
    """TEA-04: the admin policy opens the admin API, but not the route of the operators."""
    root = {"endpoint_url": stack["endpoint_url"], "region_name": stack["region"]}
    root |= {"aws_access_key_id": stack["access_key_id"]}
    root |= {"aws_secret_access_key": stack["secret_access_key"]}
    outputs = boto3.client("cloudformation", **root).describe_stacks(StackName=stack["stack_name"])
    policies = {each["OutputKey"]: each["OutputValue"] for each in outputs["Stacks"][0]["Outputs"]}
    iam = boto3.client("iam", **root)
    name = f"admin-{secrets.token_hex(4)}"
    iam.create_user(UserName=name)
    try:
        key = iam.create_access_key(UserName=name)["AccessKey"]
        admin = stack | {"access_key_id": key["AccessKeyId"]}
        secret = key["SecretAccessKey"]
        route = "/v1/merchants/nobody/allow-multi-link"
        assert call(admin, "/v1/health", secret).status_code == 403
        iam.attach_user_policy(UserName=name, PolicyArn=policies["AdminPolicyArn"])
        assert call(admin, "/v1/health", secret).status_code == 200
        assert call(admin, route, secret, "PUT").status_code == 403
        iam.detach_user_policy(UserName=name, PolicyArn=policies["AdminPolicyArn"])
        iam.attach_user_policy(UserName=name, PolicyArn=policies["OperatorPolicyArn"])
        refused_by_the_gateway = "not authorized to perform"
        assert refused_by_the_gateway not in call(admin, route, secret, "PUT").text
    finally:
        for policy in ("AdminPolicyArn", "OperatorPolicyArn"):
            with contextlib.suppress(ClientError):
                iam.detach_user_policy(UserName=name, PolicyArn=policies[policy])
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        iam.delete_user(UserName=name)
