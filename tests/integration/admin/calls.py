"""Calls of the admin API, and the request bodies that tests vary."""

from __future__ import annotations

from typing import Any

from tests.sandbox.harness import BASE
from tests.world.world import World

MERCHANT = {"name": "Green Grocer", "time_zone": "America/New_York", "country": "US"}


def call(house: World, method: str, path: str, body: Any = None, **more: Any) -> Any:
    """Call; returns (status, JSON body)."""
    answer = house.admin(method, path, body, **more)
    return answer["statusCode"], house.body(answer)


def ok(house: World, method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
    """Call; returns the JSON body of what must be a success."""
    status, answer = call(house, method, path, body, **more)
    assert status < 300, answer
    return dict(answer)


def refused(
    house: World, method: str, path: str, body: Any = None, **more: Any
) -> tuple[int, str, list[str]]:
    """Call; returns status, code and the fields of what must be a problem document."""
    answer = house.admin(method, path, body, **more)
    problem = house.body(answer)
    assert answer["multiValueHeaders"]["Content-Type"] == ["application/problem+json"], answer
    assert {"type", "title", "status", "code"} <= set(problem)
    assert problem["status"] == answer["statusCode"]
    fields = [error["field"] for error in problem.get("errors", [])]
    return answer["statusCode"], problem["code"], fields


def new_connection(tea: str = "tea-1", catapult: str = "cat-1", **settings: Any) -> dict[str, Any]:
    """Return the body that links two sandbox accounts."""
    return {
        "integration": "catapult-text_em_all",
        "source": {
            "platform": "catapult",
            "account_id": catapult,
            "base_url": f"{BASE}/catapult",
            "credentials": {"api_key": "SECRET-api-key"},
        },
        "destination": {
            "platform": "text_em_all",
            "account_id": tea,
            "base_url": f"{BASE}/text_em_all/v1",
            "credentials": {
                "consumer_key": "SECRET-ck",
                "consumer_secret": "SECRET-cs",
                "access_token": "SECRET-at",
            },
        },
        "settings": settings,
    }


def seed(house: World, tea: str, catapult: str, *numbers: str) -> None:
    """Make both accounts in the sandbox, with the credentials of `new_connection`."""
    credentials = new_connection()
    house.sandbox.seed(
        "text_em_all",
        tea,
        text_numbers=list(numbers),
        credentials=credentials["destination"]["credentials"],
    )
    house.sandbox.seed("catapult", catapult, credentials=credentials["source"]["credentials"])
