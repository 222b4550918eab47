"""Every metric of ours on an alarm or the dashboard: that function really emits it, by its name."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from aws_lambda_powertools.metrics import Metrics

from concord.domain.metrics import Metric
from concord.entrypoint import observability
from tests.template.cfn import functions, resources
from tests.walk.metric_drivers import DRIVERS, SHOWN
from tests.world.emf import metrics
from tests.world.shop import Shop


def _watched() -> list[tuple[str, str]]:
    """Return (service, metric) of every alarm on a metric of ours."""
    alarms = [
        alarm
        for alarm in resources("AWS::CloudWatch::Alarm").values()
        if alarm.get("Namespace") == "Concord"
    ]
    pairs = []
    for alarm in alarms:
        [dimension] = alarm["Dimensions"]
        assert dimension["Name"] == "service"
        pairs.append((dimension["Value"], alarm["MetricName"]))
    return sorted(pairs)


def test_every_alarm_has_a_driver() -> None:
    """R-31: no alarm without a test that makes its metric rise, and none left over."""
    assert _watched() == sorted(DRIVERS)


def test_every_line_of_the_dashboard_has_a_driver() -> None:
    """R-31: the dashboard names no metric that never moves, and every metric is read somewhere."""
    assert {pair for pair in _shown() if pair not in DRIVERS} == set(SHOWN)
    assert {name for _, name in [*_shown(), *_watched()]} == set(Metric)


def test_the_dashboard_shows_what_was_promised() -> None:
    """R-31: oldest un-synced opt-out, dead letters, failed replays (drift: docs/PLAN.md)."""
    assert {
        ("SyncSweep", "OldestUnsyncedOptOutSeconds"),
        ("AdminApi", "ReplayFailed"),
        ("SyncRunTask", "ReplayFailed"),
    } <= _shown()
    dead = "ApproximateNumberOfMessagesVisible"
    for name in resources("AWS::SQS::Queue"):
        if name.endswith(("DeadLetters", "Failures")):
            assert f'"AWS/SQS","{dead}","QueueName","${{{name}.QueueName}}"' in _dashboard()


def _dashboard() -> str:
    body = resources("AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"]["Fn::Sub"]
    assert json.loads(body)["widgets"]
    return str(body)


def _shown() -> set[tuple[str, str]]:
    """Return (service, metric) of every metric of ours on the dashboard."""
    found = re.findall(r'\["Concord","(\w+)","service","(\w+)"\]', _dashboard())
    return {(service, metric) for metric, service in found}


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each handler report as its own process would: under the name that the template gives."""
    for properties in functions().values():
        name = properties["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
        module_name = properties["Handler"].rpartition(".")[0]
        module = importlib.import_module(module_name)
        monkeypatch.setattr(module, "lambda_handler", _under(name, module.lambda_handler))


def _under(name: str, handler: Callable[..., Any]) -> Callable[..., Any]:
    own = Metrics(namespace="Concord", service=name)

    def run(event: Any, context: Any) -> Any:
        before, observability._METRICS = observability._METRICS, own  # type: ignore[misc]
        try:
            return handler(event, context)
        finally:
            observability._METRICS = before  # type: ignore[misc]

    return run


@pytest.mark.parametrize(("service", "name"), [*_watched(), *SHOWN])
def test_the_metric_rises(
    shop: Shop,
    named: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    service: str,
    name: str,
) -> None:
    """R-31: driven for real, exactly that metric with exactly that dimension is on stdout."""
    capsys.readouterr()
    (DRIVERS | SHOWN)[service, name](shop, monkeypatch)
    found = [m for m in metrics(capsys.readouterr().out) if m.name == name]
    mine = [m for m in found if m.dimensions == (("service", service),)]
    assert mine, found
    assert all(metric.namespace == "Concord" for metric in mine)
    assert max(metric.value for metric in mine) > _threshold(service, name)


def _threshold(service: str, name: str) -> float:
    """Return what the alarm compares with; what is only shown must be there at all."""
    for alarm in resources("AWS::CloudWatch::Alarm").values():
        of = alarm.get("Dimensions", [{}])[0].get("Value")
        if (alarm.get("MetricName"), of) == (name, service):
            return float(alarm["Threshold"])
    assert (service, name) in SHOWN
    return 0.0
