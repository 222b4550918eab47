"""The sandbox's Ellity: the merchant's template with values filled in, and its GET variant."""

import json
from typing import Any

import httpx

from tests.sandbox.harness import Sandbox

CUSTOMER = {"id": 8812, "email": "ana@shop.example", "credit": 120}


def change(sandbox: Sandbox, **more: Any) -> httpx.Response:
    body = {"account_id": "shop-4", "customer": CUSTOMER, "delta": -20, **more}
    return sandbox.post("/ellity/_credit", json=body)


def wire(sandbox: Sandbox, url: str = "http://concord.test/hook") -> None:
    sandbox.seed("ellity", "shop-4", webhook_url=url)


def test_values_are_filled_in_as_texts(sandbox: Sandbox) -> None:
    """Platform page: the sample that a merchant could set."""
    wire(sandbox)
    assert change(sandbox, times=2).json()["statuses"] == [204, 204]
    assert [json.loads(request.content) for request in sandbox.received] == [
        {
            "event": "credit",
            "id": "8812",
            "email": "ana@shop.example",
            "credit": "120",
            "delta": "-20",
            "shop": "shop-4",
        }
    ] * 2


def test_an_absent_variable_is_an_empty_text(sandbox: Sandbox) -> None:
    """Platform page: absent = empty; nothing is escaped."""
    wire(sandbox)
    change(sandbox, delta=None, customer={"email": 'a"b'}, template="[#creditChange.value#|#x.y#]")
    change(sandbox, customer={"email": 'a"b'}, template='{"email":"#customer.email#"}')
    assert [r.content for r in sandbox.received] == [b"[|]", b'{"email":"a"b"}']


def test_without_a_body_it_is_a_get(sandbox: Sandbox) -> None:
    """Platform page: with a body POST, without one GET; variables stand in the URL too."""
    wire(sandbox, "http://concord.test/hook?m=#customer.email#")
    change(sandbox, template="")
    [request] = sandbox.received
    assert (request.method, request.content) == ("GET", b"")
    assert str(request.url) == "http://concord.test/hook?m=ana%40shop.example"


def test_who_is_not_wired_and_who_does_not_answer(sandbox: Sandbox) -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("away", request=request)

    assert change(sandbox).status_code == 409
    wire(sandbox)
    sandbox.answer = away
    assert change(sandbox).json()["statuses"] == [0]
    assert sandbox.get("/ellity/customers").status_code == 404
