"""docs/openapi.json says what the Connect API does, with the table there and with it away."""

from __future__ import annotations

import pytest

from concord.domain.points.programme import Programme
from functions.connect.app import lambda_handler
from tests.integration.fuzzing import CONFORMANCE, fuzz, paths_under
from tests.integration.wsgi import gateway
from tests.world.faults import Wire, away
from tests.world.shop import Shop, new_number
from tests.world.world import World

PATHS = paths_under("/connect/")


@pytest.fixture(name="wire")
def _watched(house: World) -> Wire:
    return Wire(house)


@pytest.fixture
def known(shop: Shop) -> dict[str, str]:
    """Return ids that exist, so that the fuzzer gets past the first refusal."""
    number = new_number()
    saved = shop.connect("PUT", "/shoppers/s-1", {"phones": [number]})
    assert saved["statusCode"] == 201
    assert shop.world.parts.programmes.save(Programme("m1", "main", "Main", "USD"))
    shop.admin("PATCH", "", {"settings": {"programme": "main"}})
    shop.world.cold()
    ids = {"connection_id": shop.connection_id, "shopper_id": "s-1", "order_id": "1001"}
    return ids | {"channel": "sms", "point": number, "group_id": "vip"}


def _key(shop: Shop) -> dict[str, str]:
    return {"Authorization": f"Bearer {shop.connect_key}"}


def test_no_request_breaks_the_connect_api(shop: Shop, known: dict[str, str]) -> None:
    """R-27, TEA-19: valid and invalid requests: no 5xx of ours, and no undocumented answer."""
    checks = (*CONFORMANCE, "not_a_server_error")
    answers = fuzz(PATHS, gateway(shop.world, lambda_handler), known, checks, headers=_key(shop))
    assert {200, 401, 422} <= {status for status, _ in answers}


@pytest.mark.parametrize("cold", [False, True], ids=["warm", "cold"])
def test_with_the_table_away_everybody_learns_how_to_opt_out(
    shop: Shop, known: dict[str, str], wire: Wire, cold: bool
) -> None:
    """R-27, TEA-20: the 503 of each operation has the schema and the type that are documented."""
    if cold:
        shop.world.cold()
    with wire.failing(away("dynamodb", "ssm")):
        answers = fuzz(
            PATHS, gateway(shop.world, lambda_handler), known, headers=_key(shop), examples=3
        )
    unavailable = {code for status, code in answers if status == 503}
    assert unavailable == {"opt_out_not_confirmed", "storage_unavailable"}
