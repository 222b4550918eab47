"""Each role grants exactly what its function asks for, and nothing of it can be taken away."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from tests.template.cfn import ROOT, functions
from tests.walk.privilege import (
    scenarios_admin,
    scenarios_broadcasts,
    scenarios_contacts,
    scenarios_doors,
    scenarios_work,
)
from tests.walk.privilege.grants import Right, granted, managed, of_the_platform, variables
from tests.walk.privilege.processes import READ_BY_US, Use
from tests.walk.privilege.stage import Scenario, stage

FUNCTIONS: Final = sorted(functions())
SCENARIOS: Final = {
    scenario.__name__: scenario
    for module in (
        scenarios_doors,
        scenarios_work,
        scenarios_admin,
        scenarios_broadcasts,
        scenarios_contacts,
    )
    for scenario in module.ALL
}
# Read while the registry of platforms is made, and of no effect: these functions call nobody out
# there, and without the variables nobody may be called.
_CALL_NOBODY: Final = {"ALLOWED_HOSTS", "ALLOW_PRIVATE_HOSTS"}
NOT_GIVEN: Final = dict.fromkeys(
    ("BroadcastPlan", "WebhookReceive", "WebhookReceiveSms", "WebhookRescue"), _CALL_NOBODY
)
# What libraries read, and the edge of every function, past config.py.
EVERYBODY: Final = {
    "AWS_ENDPOINT_URL_DYNAMODB": "the SDK, on the local stack alone",
    "AWS_ENDPOINT_URL_SQS": "the SDK, on the local stack alone",
    "AWS_ENDPOINT_URL_PINPOINT_SMS_VOICE_V2": "the SDK, on the local stack alone",
    "POWERTOOLS_LOG_LEVEL": "Powertools' logger",
    "POWERTOOLS_METRICS_NAMESPACE": "Powertools' metrics",
    "POWERTOOLS_SERVICE_NAME": "Powertools' logger and tracer, our metrics",
    "STAGE": "our metrics",
}


@dataclass
class Recorded:
    """What the scenarios came to with all rights, and who asked for what in which of them."""

    outcomes: dict[str, Any] = field(default_factory=dict)
    witnesses: dict[Use, list[str]] = field(default_factory=dict)
    efforts: dict[str, int] = field(default_factory=dict)
    operations: set[tuple[str, str]] = field(default_factory=set)
    variables: set[tuple[str, str]] = field(default_factory=set)
    admin_calls: set[tuple[str, str, int]] = field(default_factory=set)

    def used(self, function: str) -> set[Right]:
        return {right for name, right in self.witnesses if name == function}

    def cheapest(self, use: Use) -> list[str]:
        """Return the scenarios that ask for it, those of few calls first."""
        return sorted(self.witnesses.get(use, []), key=self.efforts.__getitem__)

    def read(self, function: str) -> set[str]:
        return {variable for name, variable in self.variables if name == function}


def _play(scenario: Scenario, denied: Use | None = None) -> Any:
    """Return what came of a scenario while one right is denied to one function."""
    with stage(denied) as at:
        try:
            scenario(at)
        except Exception as error:
            return type(error).__name__
        return at.outcome()


@functools.cache
def recorded() -> Recorded:
    """Play every scenario once; whatever a function needs, it is seen asking for."""
    found = Recorded()
    for name, scenario in SCENARIOS.items():
        with stage() as at:
            scenario(at)
            found.outcomes[name] = at.outcome()
            found.efforts[name] = len(at.processes.answers)
            for use in at.processes.used:
                found.witnesses.setdefault(use, []).append(name)
            found.operations |= at.processes.operations
            found.variables |= at.processes.read
            found.admin_calls |= at.processes.admin_calls
    return found


def _removals() -> list[Any]:
    return [
        pytest.param(function, right, id=f"{function}-{right}")
        for function in FUNCTIONS
        for right in sorted(granted(function) - of_the_platform(function).keys())
    ]


# --- the scenarios are worth something -----------------------------------------------------------


def test_every_operation_of_the_admin_api_is_played() -> None:
    """Reliability 38: a right that only an operation without a scenario needs would be missed."""
    from functions.admin.app import OPERATIONS

    done = {(method, path) for method, path, status in recorded().admin_calls if status < 300}
    for operation in OPERATIONS:
        pattern = re.sub(r"\{\w+\}", "[^/]+", operation.path)
        hits = [p for m, p in done if m == operation.method and re.fullmatch(pattern, p)]
        assert hits, f"{operation.method} {operation.path}"


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_has_the_same_outcome_each_time(name: str) -> None:
    """Reliability 38: so that another outcome can only come of what was taken away."""
    assert _ordered(_play(SCENARIOS[name])) == _ordered(recorded().outcomes[name])


# Listings go by random ids, and messages of one moment come in any order.
IN_ANY_ORDER: Final = {"items", "answers"}


def _ordered(value: Any) -> Any:
    """Return an outcome whose lists are in an order of their own, where ours is by chance."""
    if isinstance(value, dict):
        return {
            name: sorted(map(repr, map(_ordered, held))) if name in IN_ANY_ORDER else _ordered(held)
            for name, held in value.items()
        }
    if isinstance(value, list | tuple):
        return [_ordered(held) for held in value]
    return value


# --- rights --------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", FUNCTIONS)
def test_rights_granted_are_rights_used(function: str) -> None:
    """Reliability 38, R-32: actions granted = actions used, resource by resource."""
    used, platforms = recorded().used(function), of_the_platform(function)
    assert granted(function) == used | platforms.keys()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_managed_policies_are_those_that_the_function_needs(function: str) -> None:
    """Reliability 38: tracing for all; what only the emulator asks for, where it does."""
    did = {operation for name, operation in recorded().operations if name == function}
    expected = {"TracingPolicy"}
    expected |= {"EmulatorPolicy"} if "GetParameters" in did else set()
    expected |= {"EmulatorSendPolicy"} if "SendMessageBatch" in did else set()
    assert managed(function) == expected


@pytest.mark.parametrize(("function", "right"), _removals())
def test_no_right_can_be_taken_away(function: str, right: Right) -> None:
    """Reliability 38: with one action denied, some scenario ends in another way."""
    witnesses = recorded().cheapest((function, right))
    assert witnesses, "nothing asks for it"
    assert any(
        _ordered(_play(SCENARIOS[name], (function, right))) != _ordered(recorded().outcomes[name])
        for name in witnesses
    ), f"denied, and nobody notices: {witnesses}"


# --- variables -----------------------------------------------------------------------------------


@pytest.mark.parametrize("function", FUNCTIONS)
def test_variables_given_are_variables_read(function: str) -> None:
    """Reliability 38: a function knows of its environment what it uses, and lacks nothing."""
    given = variables(function) - EVERYBODY.keys()
    assert given <= READ_BY_US, "no code of ours knows it"
    read = recorded().read(function) - EVERYBODY.keys()
    assert given == read - NOT_GIVEN.get(function, set())
    assert NOT_GIVEN.get(function, set()) <= read, "not read any more"


def test_the_environment_is_read_in_one_place() -> None:
    """Reliability 38: what is read past config.py would not be seen here."""
    code = [*(ROOT / "layers/shared/concord").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    readers = {path.name for path in code if re.search(r"\b(environ|getenv)\b", path.read_text())}
    # observability.py asks the runtime whether this request is traced.
    assert readers == {"config.py", "observability.py"}
