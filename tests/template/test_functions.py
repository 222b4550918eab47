"""Guards over the functions of template.yaml: handlers, time-outs, logs, rights, tests."""

import ast
import importlib
import re
from pathlib import Path

import pytest

from concord.config import VARIABLES
from concord.domain.metrics import Metric
from tests.template.cfn import (
    ROOT,
    as_list,
    events,
    functions,
    logical_id,
    resources,
    statements,
    template,
)

NAMES = sorted(functions())
CODE = ("layers/shared/concord", "functions")

# `*` and patterns that end in it, each with its reason.
EXCUSED = {
    "xray:PutTraceSegments": "X-Ray has no resources",
    "xray:PutTelemetryRecords": "X-Ray has no resources",
    "dynamodb:ListStreams": "lists the streams of one table, whose names hold their time of birth",
    "ssm:GetParameter": "connections come and go",
    "ssm:GetParameters": "connections come and go; MiniStack knows `*` only (local stack alone)",
    "ssm:PutParameter": "connections come and go",
    "ssm:DeleteParameter": "connections come and go",
    "sms-voice:SendTextMessage": "each merchant brings numbers, pools and sender ids",
    "cloudwatch:GetMetricData": "CloudWatch has no resources for metrics",
    "execute-api:Invoke": "methods and paths of one stage of one API",
}


def test_the_functions_are_those_of_the_plan() -> None:
    assert NAMES == [
        "AdminApi",
        "BroadcastPlan",
        "BroadcastReceipts",
        "BroadcastSend",
        "ConnectApi",
        "ExpiryRun",
        "ExpiryStart",
        "SyncRelay",
        "SyncRunTask",
        "SyncSweep",
        "WebhookReceive",
        "WebhookReceiveSms",
        "WebhookRescue",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_handler_is_importable_and_lies_in_its_code(name: str) -> None:
    properties = functions()[name]
    module, _, attribute = properties["Handler"].rpartition(".")
    assert callable(getattr(importlib.import_module(module), attribute))
    folder = Path(properties["CodeUri"])
    assert ROOT.joinpath(*module.split(".")).with_suffix(".py").parent == ROOT / folder


@pytest.mark.parametrize("name", NAMES)
def test_parent_packages_keep_the_import_path(name: str) -> None:
    """The same import path in Lambda, pytest and mypy."""
    metadata = template()["Resources"][name]["Metadata"]
    assert metadata["BuildProperties"] == {"ParentPackageMode": "auto"}


@pytest.mark.parametrize("name", NAMES)
def test_function_has_its_own_timeout_log_group_role_and_name(name: str) -> None:
    properties = functions()[name]
    assert 0 < properties["Timeout"] <= 60
    group = properties["LoggingConfig"]["LogGroup"]["Ref"]
    assert group == f"{name}Logs"
    assert resources("AWS::Logs::LogGroup")[group]["RetentionInDays"] == 30
    assert properties["Role"] == {"Fn::GetAtt": f"{name}Role.Arn"}
    # Log lines and metrics are told apart by it.
    assert properties["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] == name


def test_answer_path_has_hard_stops() -> None:
    """Connect answers within 3 s, a webhook within 5 s (TEA-20)."""
    assert functions()["ConnectApi"]["Timeout"] == 3
    assert functions()["WebhookReceive"]["Timeout"] == 5


@pytest.mark.parametrize("name", NAMES)
def test_a_test_runs_the_function(name: str) -> None:
    """By its import (the world of the walks does so) or by its name below `functions.`."""
    module = functions()[name]["Handler"].rpartition(".")[0]
    short = module.removeprefix("functions.")
    spelled = re.compile(rf"(from|import) {re.escape(module)}\b|[\"']{re.escape(short)}[\"']")
    tests = (path for path in ROOT.glob("tests/**/*.py") if path.parent != Path(__file__).parent)
    assert any(spelled.search(path.read_text()) for path in tests), f"no test runs {module}"


@pytest.mark.parametrize("name", NAMES)
def test_a_function_that_fails_wakes_somebody(name: str) -> None:
    """R-31: its errors do, or, of a worker, the age of its queues and their dead letters."""
    alarms = resources("AWS::CloudWatch::Alarm")
    queues = [
        logical_id(event["Queue"]) for function, _, event in events("SQS") if function == name
    ]
    if f"{name}Errors" in alarms:
        alarm = alarms[f"{name}Errors"]
        assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/Lambda", "Errors")
        assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": name}}]
    else:
        assert queues, f"{name} has neither an alarm nor a queue"
        for queue in queues:
            assert {f"{queue}Age", f"{queue.removesuffix('Queue')}DeadLettersDepth"} <= set(alarms)


def test_a_scheduled_function_has_an_alarm_for_its_silence() -> None:
    scheduled = {function for function, _, _ in events("Schedule")}
    assert scheduled == {"SyncSweep", "ExpiryStart"}
    for function in scheduled:
        alarm = resources("AWS::CloudWatch::Alarm")[f"{function}Missing"]
        assert alarm["MetricName"] == "Invocations"
        assert alarm["TreatMissingData"] == "breaching"
        assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": function}}]


def test_schedules_are_plain_ones() -> None:
    """ScheduleV2 would leave its time literal in MiniStack, and `as_of` comes from it."""
    assert not list(events("ScheduleV2"))


def test_no_action_is_a_pattern() -> None:
    for name, statement in statements():
        for action in as_list(statement["Action"]):
            assert "*" not in action, f"{name} grants {action}"


def test_a_resource_is_a_pattern_only_with_a_reason() -> None:
    for name, statement in statements():
        for resource in as_list(statement["Resource"]):
            text = resource if isinstance(resource, str) else str(resource.get("Fn::Sub", ""))
            if "*" in text:
                bare = set(as_list(statement["Action"])) - EXCUSED.keys()
                assert not bare, f"{name}: {bare} on {text}"


def test_star_alone_stands_where_there_is_no_resource() -> None:
    """Tracing, reading metrics, and what MiniStack asks for, which does not exist in AWS."""
    alone = {name for name, each in statements() if "*" in as_list(each["Resource"])}
    assert alone == {"TracingPolicy", "EmulatorPolicy", "AdminApiRole"}
    [admin] = [
        each for name, each in statements() if name == "AdminApiRole" and each["Resource"] == "*"
    ]
    assert as_list(admin["Action"]) == ["cloudwatch:GetMetricData"]
    for name in ("EmulatorPolicy", "EmulatorSendPolicy"):
        assert template()["Resources"][name]["Condition"] == "HasEndpointDynamoDb"


def test_nobody_may_scan_but_the_worker_of_exports() -> None:
    scans = {name for name, each in statements() if "dynamodb:Scan" in as_list(each["Action"])}
    assert scans == {"SyncRunTaskRole"}


def test_a_role_belongs_to_one_function() -> None:
    roles = [properties["Role"]["Fn::GetAtt"] for properties in functions().values()]
    assert len(set(roles)) == len(roles)


def test_alarms_name_metrics_that_the_code_emits() -> None:
    """A metric in an alarm that nobody emits would sleep for ever."""
    emitted = {
        Metric[node.attr].value
        for folder in CODE
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "Metric"
    }
    assert emitted == set(Metric), "a metric that nobody writes"
    alarms = resources("AWS::CloudWatch::Alarm")
    ours = {name: each for name, each in alarms.items() if each.get("Namespace") == "Concord"}
    assert ours
    for name, alarm in ours.items():
        assert alarm["MetricName"] in emitted, f"{name}: nothing emits {alarm['MetricName']}"
        functions_named = {d["Value"] for d in alarm["Dimensions"] if d["Name"] == "service"}
        assert functions_named <= set(NAMES)


def test_every_alarm_reaches_somebody() -> None:
    for name, alarm in resources("AWS::CloudWatch::Alarm").items():
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}], name


def test_endpoint_overrides_are_empty_by_default() -> None:
    """They belong to the local stack; in AWS the variables do not exist."""
    for parameter in ("EndpointDynamoDb", "EndpointSqs", "EndpointSmsVoice"):
        assert template()["Parameters"][parameter]["Default"] == ""
    assert template()["Parameters"]["AllowPrivateHosts"]["Default"] == "false"


def test_the_layer_ships_only_what_runs() -> None:
    layer = ROOT / "layers" / "shared"
    shipped = [path for path in layer.rglob("*") if "__pycache__" not in path.parts]
    strange = [path for path in shipped if path.name.startswith(("test", "conftest", "fixture"))]
    assert not strange
    assert {path.name for path in layer.iterdir()} - {"__pycache__"} == {
        "concord",
        "requirements.txt",
    }


# Set for others: Powertools, and the SDK where the stack is a local one.
NOT_OURS = ("POWERTOOLS_", "AWS_ENDPOINT_URL_")


def test_functions_get_the_variables_that_are_read_and_no_other() -> None:
    """A variable that nothing sets or nothing reads is a setting that does nothing."""
    everywhere = template()["Globals"]["Function"]["Environment"]["Variables"]
    given = set(everywhere)
    for properties in functions().values():
        given |= set(properties.get("Environment", {}).get("Variables", {}))
    assert {name for name in given if not name.startswith(NOT_OURS)} == VARIABLES
