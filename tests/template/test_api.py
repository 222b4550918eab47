"""Guards over the API of template.yaml: who may call, what is logged, what the gateway says."""

import json

import pytest

from concord.entrypoint.problems import RETRY_SOON
from tests.template.cfn import context_variables, events, resources, statements, template

ROUTES = [(event["Method"], event["Path"], event, function) for function, _, event in events("Api")]
IDS = [f"{method} {path}" for method, path, _, _ in ROUTES]
# Callers that prove themselves to the function: a platform's signature, a connection's bearer key.
PUBLIC = {"WebhookReceive": "/webhooks/", "ConnectApi": "/connect/"}
(API,) = resources("AWS::Serverless::Api").values()


@pytest.mark.parametrize("route", ROUTES, ids=IDS)
def test_route_names_its_authorizer_or_is_public(route: tuple[str, str, dict, str]) -> None:  # type: ignore[type-arg]
    _, path, event, function = route
    if function in PUBLIC:
        assert event["Auth"] == {"Authorizer": "NONE"}
        assert path.startswith(PUBLIC[function])
    else:
        assert event["Auth"] == {"Authorizer": "AWS_IAM"}
        assert path.startswith("/v1/")


def test_every_method_is_listed() -> None:
    """`any` deploys nothing in MiniStack, and nobody asked for HEAD or TRACE."""
    assert {method for method, *_ in ROUTES} <= {"GET", "POST", "PUT", "PATCH", "DELETE"}
    assert len(set(IDS)) == len(IDS)


def test_default_is_a_signed_caller_without_her_own_rights() -> None:
    assert API["Auth"] == {"DefaultAuthorizer": "AWS_IAM", "InvokeRole": "NONE"}


def test_there_is_no_http_api() -> None:
    """MiniStack ignores its body."""
    assert not resources("AWS::Serverless::HttpApi")


def test_webhooks_answer_a_get_themselves() -> None:
    hook = "/webhooks/{platform}/{connection_id}/{token}"
    wanted = {
        f"{method} {path}" for method in ("GET", "POST") for path in (hook, f"{hook}/{{topic}}")
    }
    assert wanted == {each for each in IDS if "/webhooks/" in each}


def test_nothing_records_a_path() -> None:
    """A webhook's path holds its token, a consent's path a number: guard for logs and traces."""
    logged = context_variables(API["AccessLogSetting"]["Format"])
    assert logged == {
        "requestId",
        "requestTime",
        "httpMethod",
        "resourcePath",
        "status",
        "responseLatency",
        "integrationStatus",
        "error.responseType",
    }
    assert API["TracingEnabled"] is False
    (methods,) = API["MethodSettings"]
    assert (methods["ResourcePath"], methods["HttpMethod"]) == ("/*", "*")
    assert methods["LoggingLevel"] == "OFF"
    assert methods["DataTraceEnabled"] is False


def test_access_log_lines_are_json() -> None:
    """One object per line, under the names that queries of these logs are written with."""
    line = json.loads(API["AccessLogSetting"]["Format"])
    assert line == {
        "request_id": "$context.requestId",
        "time": "$context.requestTime",
        "method": "$context.httpMethod",
        "resource": "$context.resourcePath",
        "status": "$context.status",
        "latency_ms": "$context.responseLatency",
        "integration_status": "$context.integrationStatus",
        "error": "$context.error.responseType",
    }


def test_bodies_arrive_as_they_were_signed() -> None:
    assert API["BinaryMediaTypes"] == ["*/*"]


@pytest.mark.parametrize("name", sorted(API["GatewayResponses"]))
def test_gateway_says_how_to_stop_the_texts(name: str) -> None:
    """TEA-20, TEA-22: what the gateway refuses may have been an opt-out; never a bare 5xx."""
    response = API["GatewayResponses"][name]
    headers = response["ResponseParameters"]["Headers"]
    assert headers["Content-Type"] == "'application/problem+json'"
    assert headers["Retry-After"] == f"'{RETRY_SOON}'"
    body = json.loads(response["ResponseTemplates"]["application/json"])
    assert body["status"] == response["StatusCode"]
    assert body["code"] == {503: "opt_out_not_confirmed", 429: "throttled"}[body["status"]]
    assert "reply STOP to any text you got from this shop" in body["fallback"]["message"]
    assert body["fallback"]["number"] is None


def test_gateway_covers_its_own_failures_and_throttling() -> None:
    wanted = {"DEFAULT_5XX", "INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT", "THROTTLED"}
    assert wanted <= API["GatewayResponses"].keys()


def test_only_operators_reach_allow_multi_link() -> None:
    """TEA-04: the admin's policy denies the route; the operator's does not."""
    assert "PUT /v1/merchants/{merchant_id}/allow-multi-link" in IDS
    denied = [
        (name, each["Resource"]["Fn::Sub"])
        for name, each in statements()
        if each["Effect"] == "Deny"
    ]
    ((name, resource),) = denied
    assert name == "AdminPolicy"
    assert resource.endswith("/${Stage}/*/v1/merchants/*/allow-multi-link")


def test_outputs_hand_over_what_callers_need() -> None:
    wanted = {"ApiUrl", "AdminPolicyArn", "OperatorPolicyArn", "DossierPublicKey", "TableName"}
    assert wanted <= template()["Outputs"].keys()
