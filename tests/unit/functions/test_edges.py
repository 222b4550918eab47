"""Each function: its trigger's event in, one service call, the answer out."""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from concord.domain import errors
from concord.domain.events import ApiAnswer, WebhookAnswer
from concord.domain.marks import Basis, State
from concord.domain.tasks import RowKey
from concord.entrypoint.observability import LOG, TELEMETRY, FunctionFailedError
from concord.services.read_consent import Standing
from concord.services.record_consent import Recorded
from tests.unit.entrypoint.builders import (
    Context,
    api_event,
    problem,
    sqs_event,
    stream_record,
)

LIMIT = 256 * 1024


class FakeServices:
    """Records the one call a function makes, and answers or raises what the test wants."""

    def __init__(self, answer: object = None) -> None:
        self.answer = answer
        self.calls: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            self.calls.append((name, args))
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

        return call


class Function:
    """A function under test with its services replaced."""

    def __init__(self, module: str, users: tuple[str, ...], patch: pytest.MonkeyPatch) -> None:
        self.module: ModuleType = importlib.import_module(f"functions.{module}")
        self.services = FakeServices()
        for name in users:
            user = importlib.import_module(f"functions.{name}")
            patch.setattr(user, "services", self._services)

    def _services(self, telemetry: object) -> FakeServices:
        assert telemetry is TELEMETRY
        return self.services

    def __call__(self, event: Mapping[str, Any]) -> Any:
        return self.module.lambda_handler(dict(event), Context())


type Load = Callable[..., Function]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    def loaded(module: str, *users: str, answer: object = None) -> Function:
        function = Function(module, users or (module,), monkeypatch)
        function.services.answer = answer
        return function

    return loaded


# --- webhooks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("topic", ["", "inbound"])
def test_a_webhook_reaches_its_service(load: Load, topic: str) -> None:
    receive = load("webhooks.receive", answer=WebhookAnswer(204))
    path = "/webhooks/text_em_all/shop.x1/t0k-e_n" + (f"/{topic}" if topic else "")
    answer = receive(api_event("POST", path, b"\x00raw", {"Webhook-Id": "m1"}))
    assert (answer["statusCode"], answer["body"]) == (204, "")
    [(name, (*where, request))] = receive.services.calls
    assert name == "ingest_webhook"
    assert where == ["text_em_all", "shop.x1", "t0k-e_n", topic]
    assert request.body == b"\x00raw"
    assert request.headers["webhook-id"] == "m1"


@pytest.mark.parametrize("path", ["/webhooks/p/c.x/t", "/webhooks/p/c.x/t/topic"])
def test_get_on_a_webhook_is_405(load: Load, path: str) -> None:
    """api.md: `GET .../{token}` answers 405."""
    receive = load("webhooks.receive")
    answer = receive(api_event("GET", path))
    assert answer["statusCode"] == 405
    assert answer["multiValueHeaders"]["Allow"] == ["POST"]
    assert problem(answer)["code"] == "method_not_allowed"
    assert receive.services.calls == []


@pytest.mark.parametrize("path", ["/webhooks/p/c.x", "/webhooks/p/c.x/t/topic/more", "/", "/v1/x"])
def test_other_paths_are_404(load: Load, path: str) -> None:
    receive = load("webhooks.receive")
    assert problem(receive(api_event("POST", path, b"{}")))["code"] == "not_found"
    assert receive.services.calls == []


@pytest.mark.parametrize(
    ("size", "status"), [(0, 204), (1, 204), (LIMIT - 1, 204), (LIMIT, 204), (LIMIT + 1, 413)]
)
def test_bodies_to_256_kb(load: Load, size: int, status: int) -> None:
    """Reliability 10: bodies to 256 KB accepted, beyond 413, never 5xx."""
    receive = load("webhooks.receive", answer=WebhookAnswer(204))
    answer = receive(api_event("POST", "/webhooks/p/c.x/t", b"x" * size))
    assert answer["statusCode"] == status
    assert len(receive.services.calls) == (1 if status == 204 else 0)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.UnauthorizedError(), 401),
        (errors.ConflictError(code="event_id_reused"), 409),
        (errors.StorageUnavailableError(), 503),
        (errors.StackKeyError(), 503),
        (RuntimeError("+14155550100"), 500),
    ],
)
def test_a_webhook_that_fails(load: Load, error: Exception, status: int) -> None:
    receive = load("webhooks.receive", answer=error)
    answer = receive(api_event("POST", "/webhooks/p/c.x/t", b"{}"))
    assert answer["statusCode"] == status
    problem(answer)
    assert "4155550100" not in answer["body"]


def test_no_token_stands_in_what_a_failing_webhook_prints(
    load: Load, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reliability 37: path tokens and numbers appear in no log line."""
    log = io.StringIO()
    for handler in LOG.handlers:
        monkeypatch.setattr(handler, "stream", log)
    path = "/webhooks/text_em_all/shop.x1/s3cret-path-token"
    receive = load("webhooks.receive", answer=RuntimeError(f"{path} from +14155550100"))
    receive(api_event("POST", path, b'{"from":"+14155550100"}'))
    printed = log.getvalue() + "".join(capsys.readouterr())
    assert "RuntimeError" in printed
    assert "UnhandledError" in printed
    assert "s3cret" not in printed
    assert "4155550100" not in printed


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_text_from_aws(load: Load, wrapped: bool) -> None:
    receive = load("webhooks.receive_sms")
    text = {"originationNumber": "+14155550100", "messageBody": "STOP"}
    body = {"Type": "Notification", "Message": json.dumps(text)} if wrapped else text
    assert receive(sqs_event(body))["batchItemFailures"] == []
    # The queue's own time: a retry an hour later is still the same text.
    assert receive.services.calls == [
        ("ingest_sms", ("aws", text, datetime(2026, 1, 1, tzinfo=UTC)))
    ]


def test_a_request_stays_in_the_safety_queue_while_the_table_is_away(load: Load) -> None:
    rescue = load("webhooks.rescue", answer=errors.StorageUnavailableError())
    answer = rescue(sqs_event({"kind": "webhook"}, {"kind": "connect"}))
    assert answer["batchItemFailures"] == [{"itemIdentifier": "m0"}, {"itemIdentifier": "m1"}]
    rescue.services.answer = None
    assert rescue(sqs_event({"kind": "webhook"}))["batchItemFailures"] == []
    assert rescue.services.calls[-1] == (
        "rescue_request",
        ({"kind": "webhook"}, 1, "handle", datetime(2026, 1, 1, tzinfo=UTC)),
    )


# --- connect -------------------------------------------------------------------------------------

_KEY = {"Authorization": "Bearer k3y"}
_ROUTES = ("connect.routes.consents", "connect.routes.shoppers")
_POINT = "+14155550100"
_RESULTS: dict[str, tuple[object, int, dict[str, object]]] = {
    "record_consent": (
        Recorded(State.OPTED_IN, Basis.EXPLICIT, _POINT, "ev_1"),
        200,
        {"state": "opted_in", "basis": "explicit", "point": _POINT, "consent_event_id": "ev_1"},
    ),
    "read_consent": (
        Standing(State.UNKNOWN, None, _POINT, None),
        200,
        {"state": "unknown", "basis": None, "point": _POINT},
    ),
    "save_shopper": (ApiAnswer(201, {"shopper_id": "s 1"}), 201, {"shopper_id": "s 1"}),
    "remove_shopper": (ApiAnswer(200, {"active": False}), 200, {"active": False}),
}
_CALLS = [
    ("POST", "/connect/shop.x1/consents", "record_consent", []),
    (
        "GET",
        "/connect/shop.x1/consents/sms/%2B14155550100",
        "read_consent",
        ["sms", "+14155550100"],
    ),
    (
        "GET",
        "/connect/shop.x1/consents/email/a%2Bb%40x.example",
        "read_consent",
        ["email", "a+b@x.example"],
    ),
    ("PUT", "/connect/shop.x1/shoppers/s%201", "save_shopper", ["s 1"]),
    ("DELETE", "/connect/shop.x1/shoppers/s-1", "remove_shopper", ["s-1"]),
]


@pytest.mark.parametrize(("method", "path", "service", "rest"), _CALLS)
def test_a_connect_call_reaches_its_service(
    load: Load, method: str, path: str, service: str, rest: list[str]
) -> None:
    result, status, shown = _RESULTS[service]
    app = load("connect.app", *_ROUTES, answer=result)
    body = None if method in ("GET", "DELETE") else b'{"a":1}'
    answer = app(api_event(method, path, body, _KEY))
    assert answer["statusCode"] == status
    assert json.loads(answer["body"]) == shown
    [(name, args)] = app.services.calls
    assert name == service
    assert list(args[:2]) == ["shop.x1", "k3y"]
    assert list(args[2 : 2 + len(rest)]) == rest
    if service != "read_consent":
        assert args[-1].body == (body or b"")
        assert args[-1].method == method


@pytest.mark.parametrize(("method", "path"), [call[:2] for call in _CALLS])
def test_no_key_no_service(load: Load, method: str, path: str) -> None:
    app = load("connect.app", *_ROUTES)
    answer = app(api_event(method, path, b"{}"))
    assert answer["statusCode"] == 401
    assert answer["multiValueHeaders"]["WWW-Authenticate"] == ["Bearer"]
    assert app.services.calls == []


@pytest.mark.parametrize(("method", "path"), [call[:2] for call in _CALLS])
def test_a_bug_in_connect_is_an_unconfirmed_opt_out(load: Load, method: str, path: str) -> None:
    """TEA-20: whatever happens to us, who waits learns how to opt out by text."""
    app = load("connect.app", *_ROUTES, answer=RuntimeError("bug"))
    answer = app(api_event(method, path, b"{}", _KEY))
    body = problem(answer)
    assert (answer["statusCode"], body["code"]) == (503, "opt_out_not_confirmed")
    assert body["fallback"]["message"]


def test_connect_answers_conflicts_with_their_members(load: Load) -> None:
    error = errors.ConflictError("no", code="must_text_unstop", extra={"text_to": "+15550100200"})
    app = load("connect.app", *_ROUTES, answer=error)
    answer = app(api_event("POST", "/connect/shop.x1/consents", b"{}", _KEY))
    body = problem(answer)
    assert (answer["statusCode"], body["code"]) == (409, "must_text_unstop")
    assert body["text_to"] == "+15550100200"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/connect/shop.x1/consents", "POST"),
        ("POST", "/connect/shop.x1/consents/sms/1", "GET"),
        ("GET", "/connect/shop.x1/shoppers/1", "DELETE, PUT"),
    ],
)
def test_wrong_methods_of_connect(load: Load, method: str, path: str, allow: str) -> None:
    answer = load("connect.app", *_ROUTES)(api_event(method, path, b"{}", _KEY))
    assert answer["statusCode"] == 405
    assert answer["multiValueHeaders"]["Allow"] == [allow]


# --- sync and expiry -----------------------------------------------------------------------------


def test_the_relay_hands_on_all_keys_at_once(load: Load) -> None:
    relay = load("sync.relay")
    records = [stream_record("TU#m", "1"), {"eventName": "INSERT"}, stream_record("TB#m", "2")]
    assert relay({"Records": records}) == {"batchItemFailures": []}
    assert relay.services.calls == [("relay", ([RowKey("TU#m", "1"), RowKey("TB#m", "2")],))]


def test_the_relay_never_raises(load: Load) -> None:
    relay = load("sync.relay", answer=RuntimeError("no queue"))
    answer = relay({"Records": [stream_record("TU#m", "1", sequence="41")]})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "41"}]}


def test_a_task_is_run_by_its_key(load: Load) -> None:
    run_task = load("sync.run_task")
    answer = run_task(sqs_event({"pk": "TU#m", "sk": "1"}, {"pk": 5}, receives=3))
    assert answer["batchItemFailures"] == [{"itemIdentifier": "m1"}]
    assert run_task.services.calls == [("run_task", (RowKey("TU#m", "1"), 3))]


@pytest.mark.parametrize(
    ("module", "service"), [("sync.sweep", "sweep"), ("expiry.start", "start_expiry")]
)
def test_a_scheduled_function_takes_its_time_from_the_event(
    load: Load, module: str, service: str
) -> None:
    """So that any run can be made again."""
    function = load(module)
    function({"time": "2026-01-31T02:05:00Z"})
    assert function.services.calls == [(service, (datetime(2026, 1, 31, 2, 5, tzinfo=UTC),))]
    with pytest.raises(FunctionFailedError, match="ScheduleEventError"):
        function({})
    assert len(function.services.calls) == 1


# --- the house rule ------------------------------------------------------------------------------

_FUNCTIONS = Path(__file__).resolve().parents[3] / "functions"
_MODULES = sorted(path.relative_to(_FUNCTIONS).as_posix() for path in _FUNCTIONS.rglob("*.py"))


def test_the_house_has_its_doors() -> None:
    """The rule below is about all modules; were none found, it would hold for nothing."""
    assert {"webhooks/receive.py", "connect/app.py", "admin/routes/connections.py"} <= {*_MODULES}


@pytest.mark.parametrize("name", _MODULES)
def test_functions_are_thin(name: str) -> None:
    """design.md: one module = one Lambda of at most 40 lines, or one noun's routes; no try."""
    source = (_FUNCTIONS / name).read_text()
    assert len(source.splitlines()) <= (150 if "routes" in Path(name).parts else 40)
    for word in ("try:", "environ", "boto3", "httpx", "concord.adapters", "concord.platforms"):
        assert word not in source
