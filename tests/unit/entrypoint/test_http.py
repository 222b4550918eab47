"""Requests in, answers out: bodies, URLs, methods, errors."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from aws_lambda_powertools.event_handler.api_gateway import APIGatewayRestResolver, Response

from concord.domain.errors import (
    ConcordError,
    Fallback,
    NotConfirmedError,
    StorageUnavailableError,
    TooLargeError,
    UnauthorizedError,
)
from concord.domain.events import ApiAnswer, WebhookAnswer
from concord.entrypoint import http, observability
from concord.entrypoint.connect import unconfirmed
from concord.entrypoint.http import (
    bearer,
    http_api,
    raw_request,
    received,
    respond,
    routes,
    unquoted,
)
from tests.unit.entrypoint.builders import Context, api_event, problem

PATH = "/webhooks/twilio/m.x/t0ken"
LIMIT = 256 * 1024


def _raising(error: Exception, api: APIGatewayRestResolver | None = None) -> APIGatewayRestResolver:
    api = api or http_api()

    @api.post("/things/<thing>")
    def act(thing: str) -> Response[str]:
        raise error

    return api


# --- the request ---------------------------------------------------------------------------------


@pytest.mark.parametrize("encoded", [True, False])
def test_the_body_is_the_bytes_that_were_sent(encoded: bool) -> None:
    body = '{"text":"zrušit ☎"}'
    assert raw_request(api_event("POST", PATH, body, encoded=encoded)).body == body.encode()


def test_bytes_that_are_no_text_survive() -> None:
    body = bytes(range(256))
    assert raw_request(api_event("POST", PATH, body)).body == body


def test_no_body_is_empty_bytes() -> None:
    assert raw_request(api_event("POST", PATH)).body == b""


@pytest.mark.parametrize("encoded", [True, False])
def test_256_kb_are_taken_and_one_byte_more_is_not(encoded: bool) -> None:
    """Reliability 10: bodies to 256 KB accepted, beyond 413."""
    assert len(raw_request(api_event("POST", PATH, b"x" * LIMIT, encoded=encoded)).body) == LIMIT
    with pytest.raises(TooLargeError):
        raw_request(api_event("POST", PATH, b"x" * (LIMIT + 1), encoded=encoded))


def test_the_limit_counts_bytes_and_not_letters() -> None:
    body = "é" * (LIMIT // 2) + "x"
    with pytest.raises(TooLargeError):
        raw_request(api_event("POST", PATH, body, encoded=False))


def test_a_lone_surrogate_is_not_our_end() -> None:
    event = api_event("POST", PATH, "x", encoded=False)
    event["body"] = "\ud800"
    assert raw_request(event).body == b"\xed\xa0\x80"


def test_a_body_that_is_not_base64_is_the_callers_fault() -> None:
    api = http_api()
    api.post("/things")(
        lambda: respond(ApiAnswer(200, {"n": len(raw_request(api.current_event).body)}))
    )
    event = api_event("POST", "/things", "x")
    event["body"] = "%%%"
    assert api.resolve(event, Context())["statusCode"] == 422


def test_header_names_are_lower_case_and_repeated_ones_are_lists() -> None:
    event = api_event("POST", PATH, None, {"X-Sig": "a"})
    event["multiValueHeaders"]["X-SIG"] = ["b", "c"]
    headers = raw_request(event).headers
    assert headers["x-sig"] == "a, b, c"
    assert all(name == name.lower() for name in headers)


def test_single_headers_do_when_there_are_no_others() -> None:
    event = api_event("POST", PATH, None, {"X-Sig": "a"})
    event["multiValueHeaders"] = None
    assert raw_request(event).headers["x-sig"] == "a"


def test_query_keeps_order_and_repetition() -> None:
    request = raw_request(api_event("POST", PATH, query="b=2&a=1&b=3&empty="))
    assert request.query == (("b", "2"), ("b", "3"), ("a", "1"), ("empty", ""))


def test_the_clock_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway's requestTimeEpoch (1 here) is not what signatures are judged by."""
    now = datetime(2026, 1, 31, 12, tzinfo=UTC)
    monkeypatch.setattr(http, "_now", lambda: now)
    request = raw_request(api_event("POST", PATH))
    assert request.received_at == now
    assert request.source_ip == "198.51.100.7"
    assert request.method == "POST"


def test_our_own_clock_is_utc() -> None:
    assert raw_request(api_event("POST", PATH)).received_at.tzinfo is UTC


# --- the public URL ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://hooks.example", f"https://hooks.example{PATH}"),
        (
            "http://127.0.0.1:4566/_aws/execute-api/{api_id}/{stage}",
            f"http://127.0.0.1:4566/_aws/execute-api/a1b2c3d4e5/prod{PATH}",
        ),
    ],
)
def test_the_url_comes_from_configuration(base: str, url: str) -> None:
    api, seen = http_api(public_base_url=lambda: base), []

    @api.post("/webhooks/<platform>/<connection_id>/<token>")
    def receive(**_: str) -> Response[str]:
        seen.append(received(api).url)
        return respond(ApiAnswer(204))

    assert api.resolve(api_event("POST", PATH), Context())["statusCode"] == 204
    assert seen == [url]


def test_a_router_knows_the_base_of_its_api() -> None:
    api, router = http_api(public_base_url=lambda: "https://hooks.example"), routes()
    router.get("/x")(lambda: respond(ApiAnswer(200, {"url": received(router).url})))
    api.include_router(router)
    for _ in range(2):  # Powertools forgets the context after each request
        answer = api.resolve(api_event("GET", "/x"), Context())
        assert json.loads(answer["body"]) == {"url": "https://hooks.example/x"}


def test_the_gateways_own_name_comes_with_the_stage() -> None:
    expected = f"https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/prod{PATH}"
    assert raw_request(api_event("POST", PATH)).url == expected
    assert raw_request(api_event("POST", PATH, path=None)).url == expected


def test_a_custom_domain_has_no_stage_in_its_urls() -> None:
    event = api_event("POST", PATH, domainName="hooks.example", path=PATH)
    assert raw_request(event).url == f"https://hooks.example{PATH}"


def test_the_host_header_is_never_used() -> None:
    for event in (api_event("POST", PATH), api_event("POST", PATH, domainName=None)):
        assert "evil.example" not in raw_request(event).url
    assert raw_request(api_event("POST", PATH, domainName=None)).url == ""


def test_the_query_is_part_of_the_url() -> None:
    event = api_event("POST", PATH, query="ref=b.c.1&x=a%20b")
    assert raw_request(event).url.endswith(f"{PATH}?ref=b.c.1&x=a%20b")


# --- bearer keys and segments --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
@pytest.mark.parametrize("value", ["Bearer k3y", "bearer k3y", " Bearer   k3y "])
def test_a_bearer_key(name: str, value: str) -> None:
    assert bearer(api_event("GET", "/x", None, {name: value})) == "k3y"


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic k3y", "k3y"])
def test_no_bearer_key(value: str) -> None:
    with pytest.raises(UnauthorizedError):
        bearer(api_event("GET", "/x", None, {"Authorization": value}))


@pytest.mark.parametrize(
    ("segment", "meant"),
    [
        ("%2B14155550100", "+14155550100"),
        ("+14155550100", "+14155550100"),
        ("a%2Bb%40x.example", "a+b@x.example"),
        ("a%25b", "a%b"),
        ("a%2Fb", "a/b"),
    ],
)
def test_segments_are_decoded_once(segment: str, meant: str) -> None:
    assert unquoted(segment) == meant


# --- answers -------------------------------------------------------------------------------------


def _answered(answer: WebhookAnswer | ApiAnswer) -> dict[str, Any]:
    api = http_api()
    api.get("/x")(lambda: respond(answer))
    return api.resolve(api_event("GET", "/x"), Context())


def test_a_webhook_answer_is_sent_as_it_is() -> None:
    sent = _answered(WebhookAnswer(200, "text/xml", "<Response/>"))
    assert (sent["statusCode"], sent["body"]) == (200, "<Response/>")
    assert sent["multiValueHeaders"]["Content-Type"] == ["text/xml"]
    assert sent["isBase64Encoded"] is False


def test_no_content_has_no_type() -> None:
    for answer in (WebhookAnswer(), ApiAnswer(204)):
        sent = _answered(answer)
        assert (sent["statusCode"], sent["body"]) == (204, "")
        assert "Content-Type" not in sent["multiValueHeaders"]


def test_json_is_never_kept_on_the_way() -> None:
    sent = _answered(ApiAnswer(201, {"name": "Žofie"}, {"X-Extra": "1"}))
    assert json.loads(sent["body"]) == {"name": "Žofie"}
    headers = sent["multiValueHeaders"]
    assert headers["Content-Type"] == ["application/json"]
    assert headers["Cache-Control"] == ["no-store"]
    assert headers["X-Extra"] == ["1"]


def test_an_error_that_a_service_answers_is_a_problem() -> None:
    sent = _answered(ApiAnswer(503, {"code": "opt_out_not_confirmed"}))
    assert sent["multiValueHeaders"]["Content-Type"] == ["application/problem+json"]


# --- routes and errors ---------------------------------------------------------------------------


def test_unknown_routes_are_404_and_known_ones_405() -> None:
    api = _raising(ValueError())
    api.put("/things/<thing>")(lambda thing: respond(ApiAnswer(204)))
    assert problem(api.resolve(api_event("POST", "/nothing"), Context()))["code"] == "not_found"
    refused = api.resolve(api_event("GET", "/things/1"), Context())
    assert problem(refused)["code"] == "method_not_allowed"
    assert refused["statusCode"] == 405
    assert refused["multiValueHeaders"]["Allow"] == ["POST, PUT"]


def test_an_api_knows_its_routes() -> None:
    """Powertools keeps them in two private lists: this falls when it no longer does."""
    api, router = http_api(), routes()
    api.get("/static")(lambda: respond(ApiAnswer(204)))
    api.put("/things/<thing>")(lambda thing: respond(ApiAnswer(204)))
    router.delete("/things/<thing>")(lambda thing: respond(ApiAnswer(204)))
    api.include_router(router)
    things = "/things/{thing}"
    assert api.routes() == {("GET", "/static"), ("PUT", things), ("DELETE", things)}
    assert api.methods_of("/things/1") == ["DELETE", "PUT"]
    assert api.methods_of("/static") == ["GET"]


def test_a_path_is_matched_without_its_stage_and_with_odd_letters() -> None:
    api = http_api()
    seen: list[str] = []

    @api.get("/consents/<point>")
    def read(point: str) -> Response[str]:
        seen.append(unquoted(point))
        return respond(ApiAnswer(204))

    for segment in ("%2B14155550100", "+14155550100", "a%2Bb%40x.example", "m.x~1-2_3"):
        assert api.resolve(api_event("GET", f"/consents/{segment}"), Context())["statusCode"] == 204
    assert seen == ["+14155550100", "+14155550100", "a+b@x.example", "m.x~1-2_3"]


@pytest.mark.prints_canaries("pytest reports the log record raw; our formatter scrubs it")
@pytest.mark.parametrize(
    "error", [ValueError("call +14155550100"), ConcordError("bare"), KeyError()]
)
def test_a_bug_is_500_without_text_and_counted(error: Exception) -> None:
    answer = _raising(error).resolve(api_event("POST", "/things/1"), Context())
    body = problem(answer)
    assert (answer["statusCode"], body["code"]) == (500, "internal_error")
    assert "4155550100" not in answer["body"]
    assert type(error).__name__ not in answer["body"]
    assert observability._METRICS.metric_set["UnhandledError"]["Value"] == [1.0]


def test_an_expected_error_is_no_bug() -> None:
    api = _raising(StorageUnavailableError("away"))
    answer = api.resolve(api_event("POST", "/things/1"), Context())
    assert problem(answer)["code"] == "storage_unavailable"
    assert answer["multiValueHeaders"]["Retry-After"] == ["2"]
    assert "UnhandledError" not in observability._METRICS.metric_set


# --- Connect's own last resort -------------------------------------------------------------------


def test_a_bug_in_connect_tells_how_to_opt_out() -> None:
    """TEA-20: on our failure the answer carries the fallback, never a bare 500."""
    api = _raising(ValueError("x"), http_api(unconfirmed(lambda: None)))
    answer = api.resolve(api_event("POST", "/things/1"), Context())
    body = problem(answer)
    assert (answer["statusCode"], body["code"]) == (503, "opt_out_not_confirmed")
    assert body["fallback"]["audience"] == "shopper"
    assert body["fallback"]["number"] is None
    assert "STOP" in body["fallback"]["message"]
    assert answer["multiValueHeaders"]["Retry-After"] == ["2"]


def test_the_stacks_own_number_is_offered() -> None:
    """TEA-22: without a connection the number is the stack's own, if it has one."""
    api = _raising(StorageUnavailableError(), http_api(unconfirmed(lambda: "+15550100200")))
    body = problem(api.resolve(api_event("POST", "/things/1"), Context()))
    assert body["code"] == "storage_unavailable"
    assert body["fallback"]["number"] == "+15550100200"
    assert "+15550100200" in body["fallback"]["message"]


def test_what_the_service_offers_is_kept() -> None:
    own = {"audience": "operator", "message": "Text STOP to 1", "number": "1"}
    error = NotConfirmedError("kept", fallback=Fallback(**own))
    api = _raising(error, http_api(unconfirmed(lambda: "2")))
    answer = api.resolve(api_event("POST", "/things/1"), Context())
    assert problem(answer)["fallback"] == own
    assert answer["multiValueHeaders"]["Retry-After"] == ["2"]


def test_the_callers_own_mistakes_carry_no_fallback() -> None:
    api = _raising(UnauthorizedError(), http_api(unconfirmed(lambda: None)))
    assert "fallback" not in problem(api.resolve(api_event("POST", "/things/1"), Context()))
