"""Log lines, metrics and traces of every function: one decorator, and nothing personal in them."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable
from typing import Any, Final, override

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import Metrics, MetricUnit, single_metric

from concord.domain.metrics import Metric
from concord.entrypoint.scrubbing import scrub, scrub_value

type LambdaEvent = dict[str, Any]
type LambdaHandler[R] = Callable[[LambdaEvent, Any], R]

_NAMESPACE: Final = "Concord"
# Written by the logger itself; a trace id would lose its digits.
_OWN_KEYS: Final = frozenset({"level", "location", "timestamp", "service", "xray_trace_id"})
# These say at INFO or DEBUG which URL they call.
_TALKATIVE: Final = ("httpx", "httpcore", "urllib3", "botocore", "boto3")


class FunctionFailedError(RuntimeError):
    """Stands in for any exception that leaves a function: the runtime prints what it gets."""


class ScrubbingFormatter(LambdaPowertoolsFormatter):
    """JSON lines in which every string, key and number went through the scrubber."""

    @override
    def serialize(self, log: Any) -> str:
        """Return one line. Everything is in `log` by now, tracebacks included."""
        return super().serialize(
            {
                name: value if name in _OWN_KEYS else scrub_value(value)
                for name, value in log.items()
            }
        )


class ScrubbingFilter(logging.Filter):
    """Masks records of other people's loggers before the runtime's own handler formats them."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except Exception:
            message = "a log line that could not be formatted"
        record.msg, record.args = scrub(message), None
        if record.exc_info:
            record.exc_text = scrub(logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        if record.stack_info:
            record.stack_info = scrub(record.stack_info)
        return True


def guard_foreign_loggers() -> None:
    """Scrub what reaches the root handlers, and keep URLs out of the libraries' lines."""
    handlers = [*logging.getLogger().handlers, logging.lastResort]
    for handler in handlers:
        if handler and not any(isinstance(known, ScrubbingFilter) for known in handler.filters):
            handler.addFilter(ScrubbingFilter())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


LOG: Final = Logger(
    logger_formatter=ScrubbingFormatter(utc=True, use_rfc3339=True, serialize_stacktrace=False)
)
_METRICS: Final = Metrics(namespace=_NAMESPACE, service="")
guard_foreign_loggers()


def count(name: Metric, value: float = 1) -> None:
    """Add to a counter of the stage."""
    _METRICS.add_metric(name=name, unit=MetricUnit.Count, value=value)


def gauge(name: Metric, value: float) -> None:
    """Report a level of the stage, in the unit that its name ends with."""
    _METRICS.add_metric(name=name, unit=_unit(name), value=value)


def gauge_of_function(name: Metric, value: float) -> None:
    """Report a level that says something of this function alone: `service` is a dimension too."""
    with single_metric(
        name=name,
        unit=_unit(name),
        value=value,
        namespace=_NAMESPACE,
        default_dimensions={"stage": _stage(), "service": _service()},
    ):
        pass


def _unit(name: Metric) -> MetricUnit:
    return MetricUnit.Seconds if name.endswith("Seconds") else MetricUnit.Count


def _stage() -> str:
    return os.environ.get("STAGE", "unknown")


def _service() -> str:
    return os.environ.get("POWERTOOLS_SERVICE_NAME", "unknown")


class EdgeTelemetry:
    """The Telemetry of ports.py, for services."""

    def count(self, name: Metric, value: float = 1) -> None:
        count(name, value)

    def gauge(self, name: Metric, value: float) -> None:
        gauge(name, value)

    def info(self, code: str, **fields: object) -> None:
        # Below one key, because `extra` refuses names that a log record has already.
        LOG.info(code, extra={"fields": fields} if fields else {})

    def bug(self, error: Exception) -> None:
        log_unhandled(error)


TELEMETRY: Final = EdgeTelemetry()


def log_failure(code: str, error: BaseException, **fields: object) -> None:
    """Write an exception down: its type, its scrubbed words, and where it came from."""
    trace = (type(error), error, error.__traceback__)
    LOG.error(code, exc_info=trace, extra={"fields": fields} if fields else {})


def log_unhandled(error: BaseException, **fields: object) -> None:
    """Write a bug down and raise the metric that wakes somebody."""
    count(Metric.UNHANDLED_ERROR)
    log_failure("unhandled_error", error, **fields)


def observed[R](handler: LambdaHandler[R]) -> LambdaHandler[R]:
    """Wrap a `lambda_handler`: log context, metrics sent, trace, and no exception text let out.

    The event is never logged. An exception is logged scrubbed, and leaves as FunctionFailedError
    with the type's name only, because the runtime logs what reaches it word by word.
    """

    @functools.wraps(handler)
    def guarded(event: LambdaEvent, context: Any) -> R:
        _begin(context)
        try:
            return handler(event, context)
        except Exception as error:
            log_unhandled(error)
            raise FunctionFailedError(f"{type(error).__name__}; the log has more") from None
        finally:
            _send_metrics()

    @functools.wraps(handler)
    def traced(event: LambdaEvent, context: Any) -> R:
        if not _is_sampled():
            return guarded(event, context)
        # `guarded` is inside, so that the trace sees no exception text and no answer either.
        run = _tracer().capture_lambda_handler(guarded, capture_response=False, capture_error=False)
        return run(event, context)  # type: ignore[no-any-return]

    return traced


_warm = False


def _begin(context: Any) -> None:
    global _warm
    LOG.clear_state()
    LOG.append_keys(request_id=getattr(context, "aws_request_id", None), cold_start=not _warm)
    if not _warm:
        guard_foreign_loggers()  # the runtime may have added its handler after our import
    _warm = True


def _send_metrics() -> None:
    try:
        if _METRICS.metric_set:  # Powertools warns about an empty set
            # The stage alone: one alarm watches all functions, and none of another stage in the
            # same account. Which function it was stands in the line, as a property.
            _METRICS.add_dimension("stage", _stage())
            _METRICS.add_metadata("service", _service())
            _METRICS.flush_metrics()
    except Exception as error:
        _METRICS.clear_metrics()
        log_failure("metrics_lost", error)


def _is_sampled() -> bool:
    """Whether this very request is traced: only then is the SDK worth its import (0.2 s)."""
    return "Sampled=1" in os.environ.get("_X_AMZN_TRACE_ID", "")


@functools.cache
def _tracer() -> Any:
    from aws_lambda_powertools.tracing import Tracer

    # Patched clients would write URLs and parameters into the trace.
    return Tracer(auto_patch=False)
