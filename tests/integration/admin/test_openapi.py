"""docs/openapi.json says what the admin API does: no drift, and fuzzed over the real handler."""

from __future__ import annotations

import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS
from schemathesis.core.result import Ok

from functions.admin.app import OPERATIONS, api
from scripts.openapi import FILE, document, render
from tests.integration.admin.calls import ok
from tests.integration.admin.wsgi import gateway
from tests.world.shop import Shop, new_number
from tests.world.world import World

ADMIN = {path: ops for path, ops in document()["paths"].items() if path.startswith("/v1/")}
LIMITS = settings(
    max_examples=8,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_the_document_is_up_to_date() -> None:
    """R-27: generated; `python -m scripts.openapi` writes it."""
    assert FILE.read_text(encoding="utf-8") == render()


def test_every_route_is_described_once() -> None:
    """R-27: what the resolver answers is what the document lists."""
    routes = {(r.method, r.path) for r in [*api._static_routes, *api._dynamic_routes]}
    declared = [(o.method, o.path.replace("{", "<").replace("}", ">")) for o in OPERATIONS]
    assert len(declared) == len(set(declared))
    assert set(declared) == routes
    listed = {(m.upper(), path) for path, methods in ADMIN.items() for m in methods}
    assert listed == {(o.method, o.path) for o in OPERATIONS}


def test_the_public_doors_are_described() -> None:
    """R-27: webhooks and the Connect API are in the same document."""
    paths = set(document()["paths"])
    assert "/webhooks/{platform}/{connection_id}/{token}" in paths
    assert "/connect/{connection_id}/consents" in paths


def test_every_reference_leads_somewhere() -> None:
    """R-27: no broken $ref."""
    text = json.dumps(document())
    components = document()["components"]
    for reference in {part.split('"')[0] for part in text.split('"$ref": "')[1:]}:
        _, _, kind, name = reference.split("/")
        assert name in components[kind], reference


@pytest.fixture
def known(house: World, shop: Shop) -> dict[str, str]:
    """Return ids that exist, so that the fuzzer gets past the first 404."""
    shop.texts(new_number(), "please stop texting me")
    path = f"/v1/connections/{shop.connection_id}"
    review = ok(house, "GET", f"{path}/reviews")["items"][0]["review_id"]
    body = ok(house, "GET", "/v1/merchants/m1/inbox")["items"][0]["inbox_id"]
    span = {"from": "2026-01-01T00:00:00Z", "to": "2126-01-02T00:00:00Z"}
    job = ok(house, "POST", "/v1/merchants/m1/inbox/replays", span)["job_id"]
    return {
        "merchant_id": "m1",
        "connection_id": shop.connection_id,
        "review_id": review,
        "inbox_id": body,
        "job_id": job,
        "channel": "sms",
        "point": "+12125550100",
    }


def test_no_request_breaks_the_admin_api(house: World, known: dict[str, str]) -> None:
    """R-27: fuzzed with valid and invalid requests: no 5xx of ours, and no undocumented answer.

    Derandomised, so that a failure is the same one tomorrow.
    """
    checked: set[str] = set()
    schema = schemathesis.openapi.from_dict({**document(), "paths": _without_security(ADMIN)})
    schema.app = gateway(house)
    checks = CHECKS.get_by_names(
        [
            "not_a_server_error",
            "status_code_conformance",
            "content_type_conformance",
            "response_schema_conformance",
            "negative_data_rejection",
        ]
    )

    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()
        for mode in GenerationMode:
            valid = mode is GenerationMode.POSITIVE
            if not valid and not (operation.body or operation.path_parameters or operation.query):
                continue  # there is nothing that could be wrong with it
            cases = operation.as_strategy(generation_mode=mode)
            # Valid requests are about things that exist, or a 404 would end most of them.
            _fuzz(cases, known if valid else {}, checks)
        checked.add(operation.label)
    assert len(checked) == len(OPERATIONS)


def _fuzz(cases: Any, ids: dict[str, str], checks: Any) -> None:
    @LIMITS
    @given(case=cases)
    def run(case: Any) -> None:
        for name in case.path_parameters:
            case.path_parameters[name] = ids.get(name, case.path_parameters[name])
        case.call_and_validate(checks=checks)

    run()


def _without_security(paths: dict[str, Any]) -> dict[str, Any]:
    """Return paths without their security: SigV4 is the gateway's business, not the handler's."""
    return {
        path: {
            method: {name: value for name, value in operation.items() if name != "security"}
            for method, operation in methods.items()
        }
        for path, methods in paths.items()
    }
