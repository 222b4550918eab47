"""docs/openapi.json says what the admin API does: no drift, and fuzzed over the real handler."""

from __future__ import annotations

import json

import pytest

from functions.admin.app import OPERATIONS, lambda_handler
from functions.admin.app import api as admin
from functions.connect.app import api as connect
from functions.webhooks.receive import api as webhooks
from scripts.openapi import FILE, document, render
from tests.integration.admin.calls import ok
from tests.integration.fuzzing import CONFORMANCE, fuzz, paths_under
from tests.integration.wsgi import gateway
from tests.world.shop import Shop, new_number
from tests.world.world import World

APIS = {"/v1/": admin, "/connect/": connect, "/webhooks/": webhooks}


def test_the_document_is_up_to_date() -> None:
    """R-27: generated; `python -m scripts.openapi` writes it."""
    assert FILE.read_text(encoding="utf-8") == render()


@pytest.mark.parametrize("prefix", APIS)
def test_what_an_api_answers_is_what_the_document_lists(prefix: str) -> None:
    """R-27: no route without a description, and none described that is not there.

    What is described as nothing but 405 is no route: the resolver answers so by itself.
    """
    listed = {
        (method.upper(), path)
        for path, methods in paths_under(prefix).items()
        for method, operation in methods.items()
        if set(operation["responses"]) != {"405"}
    }
    assert listed == APIS[prefix].routes()


def test_every_path_belongs_to_an_api() -> None:
    """R-27: the test above is about all of them."""
    assert all(path.startswith(tuple(APIS)) for path in document()["paths"])


def test_a_webhook_url_is_described_for_every_method_that_the_gateway_lets_in() -> None:
    """R-27: GET too, with a topic and without one."""
    assert {tuple(sorted(ops)) for ops in paths_under("/webhooks/").values()} == {("get", "post")}


def test_an_operation_is_declared_once() -> None:
    """R-27: a second declaration would hide the first."""
    declared = [(o.method, o.path) for o in OPERATIONS]
    assert len(declared) == len(set(declared))


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
    club = {"name": "Club", "currency": "USD"}
    ok(house, "PUT", "/v1/merchants/m1/programmes/club", club)
    return {
        "merchant_id": "m1",
        "connection_id": shop.connection_id,
        "review_id": review,
        "inbox_id": body,
        "job_id": job,
        "channel": "sms",
        "point": "+12125550100",
        "programme_id": "club",
        "member": "s-1",
        "date": "2026-11-21",
    }


def test_no_request_breaks_the_admin_api(house: World, known: dict[str, str]) -> None:
    """R-27: fuzzed with valid and invalid requests: no 5xx of ours, and no undocumented answer."""
    checks = (*CONFORMANCE, "not_a_server_error", "negative_data_rejection")
    answers = fuzz(paths_under("/v1/"), gateway(house, lambda_handler), known, checks)
    assert {200, 404, 422} <= {status for status, _ in answers}
