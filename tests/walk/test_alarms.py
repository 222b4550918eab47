"""Every metric of ours on an alarm or the dashboard: that function really emits it, by its name."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from concord.domain.metrics import Metric
from tests.template.cfn import functions, resources
from tests.walk.metric_drivers import DRIVERS, SHOWN
from tests.world.emf import metrics
from tests.world.shop import Shop
from tests.world.world import STAGE

# Each stage has metrics of its own, and this one each function.
OF_FUNCTIONS = {Metric.OLDEST_FAILED_SECONDS}


def _watched() -> list[str]:
    """Return the metric of every alarm on one of ours."""
    return sorted(alarm["MetricName"] for alarm in _alarms())


def _alarms() -> list[dict[str, Any]]:
    alarms = resources("AWS::CloudWatch::Alarm").values()
    return [alarm for alarm in alarms if alarm.get("Namespace") == "Concord"]


def test_every_alarm_has_a_driver() -> None:
    """R-31: no alarm without a test that makes its metric rise, no two on the same metric."""
    assert _watched() == sorted({name for _, name in DRIVERS})


def test_an_alarm_watches_its_own_stage() -> None:
    """R-31: two stages of one account do not wake each other's operators."""
    for alarm in _alarms():
        stage, *function = alarm["Dimensions"]
        assert stage == {"Name": "stage", "Value": {"Ref": "Stage"}}
        assert [each["Name"] for each in function] == (
            ["service"] if alarm["MetricName"] in OF_FUNCTIONS else []
        )


def test_every_line_of_the_dashboard_has_a_driver() -> None:
    """R-31: the dashboard names no metric that never moves, and every metric is read somewhere."""
    driven = {name for _, name in [*DRIVERS, *SHOWN]}
    assert {name for name, _ in _shown()} | set(_watched()) == set(Metric) == driven
    of_functions = {(service, name) for name, service in _shown() if service}
    assert of_functions <= {*DRIVERS, *SHOWN}
    assert {name for _, name in of_functions} == OF_FUNCTIONS


def test_the_dashboard_shows_what_was_promised() -> None:
    """R-31: oldest un-synced opt-out, dead letters, failed replays (drift: docs/PLAN.md)."""
    shown = {name for name, _ in _shown()}
    assert {"OldestUnsyncedOptOutSeconds", "ReplayFailed"} <= shown
    dead = "ApproximateNumberOfMessagesVisible"
    for name in resources("AWS::SQS::Queue"):
        if name.endswith(("DeadLetters", "Failures")):
            assert f'"AWS/SQS","{dead}","QueueName","${{{name}.QueueName}}"' in _dashboard()


def _dashboard() -> str:
    body = resources("AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"]["Fn::Sub"]
    assert json.loads(body)["widgets"]
    return str(body)


def _shown() -> set[tuple[str, str]]:
    """Return (metric, service) of every metric of ours on the dashboard; mostly no service."""
    line = r'\["Concord","(\w+)","stage","\${Stage}"(?:,"service","(\w+)")?\]'
    found = re.findall(line, _dashboard())
    assert len(found) == _dashboard().count('["Concord"')
    return set(found)


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each handler report as its own process would: under the name that the template gives."""
    for properties in functions().values():
        name = properties["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
        module_name = properties["Handler"].rpartition(".")[0]
        module = importlib.import_module(module_name)
        monkeypatch.setattr(module, "lambda_handler", _under(name, module.lambda_handler))


def _under(name: str, handler: Callable[..., Any]) -> Callable[..., Any]:
    def run(event: Any, context: Any) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("POWERTOOLS_SERVICE_NAME", name)
            return handler(event, context)

    return run


@pytest.mark.parametrize(("service", "name"), [*DRIVERS, *SHOWN])
def test_the_metric_rises(
    shop: Shop,
    named: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    service: str,
    name: str,
) -> None:
    """R-31: driven for real, exactly that metric of the stage and that function is on stdout."""
    capsys.readouterr()
    (DRIVERS | SHOWN)[service, name](shop, monkeypatch)
    found = [m for m in metrics(capsys.readouterr().out) if m.name == name]
    mine = [m for m in found if m.service == service]
    assert mine, found
    wanted = {"stage": STAGE} | ({"service": service} if name in OF_FUNCTIONS else {})
    assert all(dict(metric.dimensions) == wanted for metric in mine)
    assert all(metric.namespace == "Concord" for metric in mine)
    assert max(metric.value for metric in mine) > _threshold(service, name)


def _threshold(service: str, name: str) -> float:
    """Return what the alarm compares with; what is only shown must be there at all."""
    if (service, name) in SHOWN:
        return 0.0
    [alarm] = [alarm for alarm in _alarms() if alarm["MetricName"] == name]
    return float(alarm["Threshold"])
