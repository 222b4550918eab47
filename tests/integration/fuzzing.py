"""Fuzzes operations of docs/openapi.json over a real handler, a few examples each.

Derandomised, so that a failure is the same one tomorrow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS
from schemathesis.core.result import Ok

from scripts.openapi import document
from tests.integration.wsgi import Application

CONFORMANCE: Final = (
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
# A path item: operations by method.
type Paths = dict[str, dict[str, Any]]


def paths_under(prefix: str) -> Paths:
    """Return the document's paths below `prefix`."""
    return {path: ops for path, ops in document()["paths"].items() if path.startswith(prefix)}


def fuzz(
    paths: Paths,
    application: Application,
    known: Mapping[str, str],
    checks: Sequence[str] = CONFORMANCE,
    *,
    headers: Mapping[str, str] | None = None,
    examples: int = 8,
) -> set[tuple[int, str]]:
    """Send valid and invalid requests to every operation; return each (status, code) that came.

    Valid requests are about what is `known` (path parameters by name), or a 404 would end most.
    """
    schema = schemathesis.openapi.from_dict({**document(), "paths": _without_security(paths)})
    schema.app = application
    found = CHECKS.get_by_names(list(checks))
    answers: set[tuple[int, str]] = set()
    fuzzed = 0
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()
        fuzzed += 1
        for mode in GenerationMode:
            valid = mode is GenerationMode.POSITIVE
            if not valid and not (operation.body or operation.path_parameters or operation.query):
                continue  # there is nothing that could be wrong with it
            cases = operation.as_strategy(generation_mode=mode)
            ids = known if valid else {}
            _send(cases, ids, found, headers or {}, examples, answers)
    assert fuzzed == sum(len(methods) for methods in paths.values())
    return answers


def _send(
    cases: Any,
    ids: Mapping[str, str],
    checks: Any,
    headers: Mapping[str, str],
    examples: int,
    answers: set[tuple[int, str]],
) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def run(case: Any) -> None:
        for name in case.path_parameters:
            case.path_parameters[name] = ids.get(name, case.path_parameters[name])
        case.headers.update(headers)
        answer = case.call_and_validate(checks=checks)
        body = answer.json() if answer.content else {}
        answers.add((answer.status_code, str(body.get("code", ""))))

    run()


def _without_security(paths: Paths) -> Paths:
    """Return paths without their security: it is the gateway's business, or put into `headers`."""
    return {
        path: {
            method: {name: value for name, value in operation.items() if name != "security"}
            for method, operation in methods.items()
        }
        for path, methods in paths.items()
    }
