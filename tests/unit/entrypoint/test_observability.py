"""Log lines, metrics and last resort of `observed`."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from concord.domain.metrics import Metric
from concord.entrypoint import observability
from concord.entrypoint.observability import (
    LOG,
    TELEMETRY,
    FunctionFailedError,
    ScrubbingFilter,
    log_failure,
    observed,
)
from concord.ports import Telemetry
from tests.unit.entrypoint.builders import Context

CANARIES = ("4155550100", "jana@example.com", "MfKQ9r8GKYqr", "s3cret-path")
LEAK = (
    "+14155550100 jana@example.com whsec_MfKQ9r8GKYqr /webhooks/twilio/shop.x1/s3cret-path "
    "Bearer s3cret-path"
)

RAW = pytest.mark.prints_canaries(
    "pytest reports log records as they were made; ours are scrubbed by the handler's formatter, "
    "and what that wrote is what these tests look at"
)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Return what our logger writes."""
    out = io.StringIO()
    for handler in LOG.handlers:
        if isinstance(handler, logging.StreamHandler):
            monkeypatch.setattr(handler, "stream", out)
    return (yield out)


def _parsed(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def _no_canary(text: str) -> None:
    assert [canary for canary in CANARIES if canary in text] == []


@RAW
def test_no_way_of_logging_lets_a_canary_through(lines: io.StringIO) -> None:
    """Reliability 37: messages, arguments, extras, JSON messages, tracebacks, causes, notes."""
    LOG.info(LEAK)
    LOG.info("with %s", LEAK)
    LOG.info("extra", extra={"who": LEAK, "n": 14155550100, "deep": {LEAK: [LEAK]}})
    LOG.info({"who": LEAK})
    LOG.info(json.dumps({"who": LEAK}))
    LOG.info("14155550100")  # Powertools parses this into a number
    LOG.append_keys(context=LEAK)
    LOG.info("stack", stack_info=True)
    TELEMETRY.info("code", message=LEAK, name=LEAK, thing=object())
    try:
        try:
            raise KeyError(LEAK)
        except KeyError as error:
            error.add_note(LEAK)
            raise ValueError(LEAK) from error
    except ValueError as error:
        log_failure("failed", error, what=LEAK)
        LOG.exception("exception: %s", error)
    LOG.remove_keys(["context"])
    assert len(_parsed(lines)) == 10
    _no_canary(lines.getvalue())


@RAW
def test_a_failure_says_its_type_and_its_place(lines: io.StringIO) -> None:
    try:
        raise ValueError("no row for +14155550100")
    except ValueError as error:
        log_failure("failed", error, receives=3)
    line = _parsed(lines)[0]
    assert line["message"] == "failed"
    assert line["exception_name"] == "ValueError"
    assert "no row for ***" in line["exception"]
    assert "test_observability.py" in line["exception"]
    assert line["fields"] == {"receives": 3}


def test_own_keys_stay_readable(lines: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = "1-5759e988-112233445566778899001122"
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={trace};Sampled=0")

    @observed
    def lambda_handler(event: dict[str, Any], context: Any) -> None:
        TELEMETRY.info("hello")

    lambda_handler({}, Context())
    line = _parsed(lines)[-1]
    assert line["xray_trace_id"] == trace
    assert line["request_id"] == Context().aws_request_id
    assert line["timestamp"].endswith("+00:00")


def test_an_exception_leaves_without_its_words(
    lines: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    """The runtime prints what leaves a function, unscrubbed: type name only, no cause."""

    @observed
    def lambda_handler(event: dict[str, Any], context: Any) -> None:
        raise ValueError(LEAK)

    with pytest.raises(FunctionFailedError, match="ValueError") as caught:
        lambda_handler({"body": LEAK}, Context())
    _no_canary(str(caught.value))
    assert caught.value.__suppress_context__
    assert caught.value.__cause__ is None
    assert _parsed(lines)[-1]["exception_name"] == "ValueError"
    printed = capsys.readouterr().out
    assert json.loads(printed.splitlines()[-1])["UnhandledError"] == [1.0]
    _no_canary(lines.getvalue() + printed)


def test_the_event_is_never_logged(lines: io.StringIO) -> None:
    @observed
    def lambda_handler(event: dict[str, Any], context: Any) -> None:
        TELEMETRY.info("hello")

    lambda_handler({"marker-of-the-event": 1}, Context())
    assert "marker-of-the-event" not in lines.getvalue()


def test_context_of_one_request_does_not_stay_for_the_next(lines: io.StringIO) -> None:
    @observed
    def lambda_handler(event: dict[str, Any], context: Any) -> None:
        if event.get("first"):
            LOG.append_keys(connection_id="shop.x1")
        TELEMETRY.info("hello")

    lambda_handler({"first": 1}, Context("a"))
    lambda_handler({}, Context("b"))
    first, second = _parsed(lines)
    assert first["connection_id"] == "shop.x1"
    assert "connection_id" not in second
    assert (first["request_id"], second["request_id"]) == ("a", "b")


def test_metrics_are_sent_once_with_one_dimension(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "SyncSweep")
    monkeypatch.setenv("STAGE", "prod")
    monkeypatch.setattr(observability, "_warm", True)

    @observed
    def lambda_handler(event: dict[str, Any], context: Any) -> None:
        telemetry: Telemetry = TELEMETRY
        telemetry.count(Metric.OPT_OUT_APPLIED)
        telemetry.count(Metric.OPT_OUT_APPLIED, 2)
        telemetry.gauge(Metric.OLDEST_UNSYNCED_OPT_OUT_SECONDS, 12.5)
        telemetry.gauge(Metric.OVERDUE_TASKS, 3)

    lambda_handler({}, Context())
    blobs = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(blobs) == 1
    blob = blobs[0]
    assert blob["OptOutApplied"] == [1.0, 2.0]
    assert (blob["stage"], blob["service"]) == ("prod", "SyncSweep")
    directive = blob["_aws"]["CloudWatchMetrics"][0]
    assert directive["Namespace"] == "Concord"
    assert directive["Dimensions"] == [["stage"]]
    units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert units == {
        "OptOutApplied": "Count",
        "OldestUnsyncedOptOutSeconds": "Seconds",
        "OverdueTasks": "Count",
    }


@pytest.mark.filterwarnings("error")
def test_no_metrics_no_warning_no_output(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observability, "_warm", True)
    observed(lambda event, context: None)({}, Context())
    assert capsys.readouterr().out == ""


def test_a_cold_start_writes_no_metric(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda's own report has it, and each metric of an idle stack costs $0.30 a month."""
    monkeypatch.setattr(observability, "_warm", False)
    observed(lambda event, context: None)({}, Context())
    assert capsys.readouterr().out == ""


def test_lost_metrics_do_not_fail_a_request(
    lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise OSError("no stdout")

    monkeypatch.setattr(observability._METRICS, "flush_metrics", refuse)
    assert observed(lambda event, context: 7)({}, Context()) == 7
    TELEMETRY.count(Metric.SAFETY_QUEUED)
    assert observed(lambda event, context: 7)({}, Context()) == 7
    assert _parsed(lines)[-1]["message"] == "metrics_lost"
    assert observability._METRICS.metric_set == {}


def test_other_peoples_loggers_are_scrubbed_too() -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.addFilter(ScrubbingFilter())
    foreign = logging.Logger("foreign")
    foreign.addHandler(handler)
    foreign.warning("call %s", LEAK)
    foreign.warning("broken %d", LEAK)
    try:
        raise ValueError(LEAK)
    except ValueError:
        foreign.exception(LEAK, stack_info=True)
    assert "call ***" in out.getvalue()
    assert "ValueError: ***" in out.getvalue()
    assert "could not be formatted" in out.getvalue()
    _no_canary(out.getvalue())


def test_the_root_handlers_are_guarded_and_libraries_hold_their_urls() -> None:
    handler = logging.StreamHandler(io.StringIO())
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        observability.guard_foreign_loggers()
        observability.guard_foreign_loggers()
        assert [type(known) for known in handler.filters] == [ScrubbingFilter]
    finally:
        root.removeHandler(handler)
    for name in ("httpx", "botocore", "urllib3"):
        assert not logging.getLogger(name).isEnabledFor(logging.INFO)


class _Recorder:
    """Stands in for the tracer: what it is asked to record."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def capture_lambda_handler(self, handler: Any, **options: Any) -> Any:
        self.asked.append(options)
        return handler


@pytest.mark.parametrize(
    ("trace", "traced"),
    [(None, False), ("Root=1-5759e988-bd;Sampled=0", False), ("Sampled=1", True)],
)
def test_only_a_sampled_request_is_traced_and_without_contents(
    trace: str | None, traced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = _Recorder()
    monkeypatch.setattr(observability, "_tracer", lambda: recorder)
    if trace:
        monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)
    assert observed(lambda event, context: 7)({}, Context()) == 7
    expected = [{"capture_response": False, "capture_error": False}] if traced else []
    assert recorder.asked == expected


def test_the_tracer_patches_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """A patched client would write URLs into the trace."""
    made: list[dict[str, Any]] = []
    # The real one opens a socket to its daemon as soon as it is made.
    monkeypatch.setattr("aws_lambda_powertools.tracing.Tracer", lambda **how: made.append(how))
    observability._tracer.cache_clear()
    observability._tracer()
    observability._tracer.cache_clear()
    assert made == [{"auto_patch": False}]


def test_the_edges_import_nothing_heavy() -> None:
    """Reliability 35: no pydantic, boto3, X-Ray SDK or httpx before somebody needs them."""
    script = (
        "import sys\n"
        "import concord.entrypoint.http, concord.entrypoint.sqs, concord.entrypoint.stream\n"
        "import concord.entrypoint.schedule, concord.entrypoint.connect\n"
        "heavy = {'pydantic', 'boto3', 'botocore.session', 'aws_xray_sdk', 'httpx'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
