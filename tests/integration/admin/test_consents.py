"""Look-ups, dossiers and reviews over the admin API."""

from __future__ import annotations

import base64
import io
from typing import Any

import boto3
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from concord.adapters.signing import verify
from concord.domain.connection import Connection
from concord.domain.dossier import verify_dossier
from concord.domain.identity import Channel
from concord.entrypoint.observability import LOG
from tests.integration.admin.calls import MERCHANT, new_connection, ok, refused
from tests.world.shop import Shop, new_number
from tests.world.world import World


def path_of(shop: Shop, rest: str) -> str:
    return f"/v1/connections/{shop.connection_id}{rest}"


def look_up(house: World, shop: Shop, point: str) -> dict[str, Any]:
    return ok(house, "POST", path_of(shop, "/consents/lookup"), {"point": point})


def test_a_point_shows_its_state_and_every_event(house: World, shop: Shop) -> None:
    """R-03, L-02: which event, when, from what to what, with the text that was sent."""
    number = new_number()
    shop.texts(number, "JOIN")
    shop.texts(number, "STOP")
    seen = look_up(house, shop, number)
    assert (seen["state"], seen["basis"]) == ("opted_out", "explicit")
    assert [(e["kind"], e["from"], e["to"]) for e in seen["events"]] == [
        ("join", "unknown", "opted_in"),
        ("opt_out", "opted_in", "opted_out"),
    ]
    assert [e["personal"]["text"] for e in seen["events"]] == ["JOIN", "STOP"]
    assert seen["account"] == f"text_em_all:{shop.tea_account}"
    escaped = number.replace("+", "%2B")
    assert ok(house, "GET", path_of(shop, f"/consents/sms/{escaped}")) == seen


def test_a_point_never_seen_is_unknown(house: World, shop: Shop) -> None:
    """R-03: not an error; and nothing of another merchant is seen (R-32)."""
    number = new_number()
    house.shop("m2").texts(number, "JOIN")
    seen = look_up(house, shop, number)
    assert (seen["state"], seen["basis"], seen["events"]) == ("unknown", None, [])


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"point": "12"}, "invalid_phone", "point"),
        ({"channel": "email", "point": "x"}, "invalid_email", "point"),
        ({"channel": "fax", "point": "x"}, "invalid_request", "channel"),
        ({}, "invalid_request", "point"),
    ],
)
def test_what_is_no_point_is_refused(
    house: World, shop: Shop, body: dict[str, str], code: str, field: str
) -> None:
    """R-27: validation errors list fields."""
    for rest in ("/consents/lookup", "/consents/dossier"):
        assert refused(house, "POST", path_of(shop, rest), body) == (422, code, [field])


def test_a_dossier_proves_itself_offline(house: World, shop: Shop) -> None:
    """L-01: the exported file verifies with the public key alone; a changed one does not."""
    number = new_number()
    shop.texts(number, "JOIN")
    shop.texts(number, "STOP")
    document = ok(house, "POST", path_of(shop, "/consents/dossier"), {"point": number})
    private = Ed25519PrivateKey.from_private_bytes(house.parts.secrets.dossier_key())
    public = base64.b64encode(private.public_key().public_bytes_raw()).decode()

    def good(statement: bytes, signature: str) -> bool:
        return verify(public, statement, signature)

    assert verify_dossier(document, good) == []
    assert document["count"] == 2
    document["events"][1]["record"]["to"] = "opted_in"
    assert verify_dossier(document, good)[0].event == 2


def test_a_fuzzy_opt_out_waits_for_a_named_person(house: World, shop: Shop) -> None:
    """R-05: suppressed now, listed with its text; confirmed it is explicit."""
    number = new_number()
    shop.texts(number, "JOIN")
    shop.texts(number, "please stop texting me")
    assert look_up(house, shop, number)["basis"] == "assumed"
    (review,) = ok(house, "GET", path_of(shop, "/reviews?kind=fuzzy"))["items"]
    assert (review["point"], review["text"]) == (number, "please stop texting me")
    path = path_of(shop, f"/reviews/{review['review_id']}/confirm")
    assert refused(house, "POST", path, {}, user_arn="") == (422, "invalid_request", ["actor"])
    decided = ok(house, "POST", path, {"actor": "Ana"}, user_arn="")
    assert (decided["state"], decided["basis"]) == ("opted_out", "explicit")
    assert ok(house, "GET", path_of(shop, "/reviews"))["items"] == []
    last = look_up(house, shop, number)["events"][-1]
    assert last["consent_event_id"] == decided["consent_event_id"]
    assert last["personal"] == {"actor": "Ana"}
    assert refused(house, "POST", path, {"actor": "Bo"})[:2] == (404, "not_found")
    shop.texts(number, "JOIN")
    assert look_up(house, shop, number)["state"] == "opted_out"


def test_dismissing_restores_what_was_before(house: World, shop: Shop) -> None:
    """R-05: only the dismissal by a named operator restores, as an event of its own."""
    number = new_number()
    shop.texts(number, "JOIN")
    shop.texts(number, "please stop texting me")
    (review,) = ok(house, "GET", path_of(shop, "/reviews"))["items"]
    path = path_of(shop, f"/reviews/{review['review_id']}/dismiss")
    assert ok(house, "POST", path)["state"] == "opted_in"
    seen = look_up(house, shop, number)
    assert (seen["state"], seen["events"][-1]["kind"]) == ("opted_in", "review_dismissed")


def test_an_unmatched_number_is_listed_and_dismissed(house: World, shop: Shop) -> None:
    """TEA-12: a number that no shopper carries waits; dismissing only takes it off the list."""
    number = new_number()
    shop.texts(number, "JOIN")
    house.pump()
    (review,) = ok(house, "GET", path_of(shop, "/reviews?kind=unmatched"))["items"]
    assert review["point"] == number
    path = path_of(shop, f"/reviews/{review['review_id']}")
    assert refused(house, "POST", f"{path}/confirm")[:2] == (409, "nothing_to_confirm")
    assert ok(house, "POST", f"{path}/dismiss")["state"] is None
    assert ok(house, "GET", path_of(shop, "/reviews?kind=unmatched"))["items"] == []
    assert look_up(house, shop, number)["state"] == "opted_in"


def test_reviews_page(house: World, shop: Shop) -> None:
    """R-27: lists page with limit and cursor."""
    for _ in range(5):
        shop.texts(new_number(), "please stop texting me")
    everything = ok(house, "GET", path_of(shop, "/reviews"))["items"]
    paged: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        more = f"&cursor={cursor}" if cursor else ""
        page = ok(house, "GET", path_of(shop, f"/reviews?limit=2{more}"))
        paged += page["items"]
        cursor = page["cursor"]
    assert len(everything) == 5
    assert paged == everything


@pytest.mark.parametrize("query", ["kind=all", "limit=0", "limit=101", "cursor=!!", "colour=red"])
def test_a_wrong_query_is_named(house: World, shop: Shop, query: str) -> None:
    """R-27: an unknown or wrong parameter is no silent default."""
    refusal = refused(house, "GET", path_of(shop, f"/reviews?{query}"))
    assert refusal == (422, "invalid_request", [query.partition("=")[0]])


def test_another_stack_key_refuses_all_work(house: World, shop: Shop) -> None:
    """R-32: a changed stack key would look up an empty history: 503, and nothing is decided."""
    boto3.client("ssm").put_parameter(
        Name="/concord/test/stack-key",
        Value=base64.b64encode(b"x" * 32).decode(),
        Type="SecureString",
        Overwrite=True,
    )
    house.cold()
    refusal = refused(house, "POST", path_of(shop, "/consents/lookup"), {"point": new_number()})
    assert refusal[:2] == (503, "stack_key_mismatch")


def test_no_secret_or_number_is_logged(
    house: World, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-32: nothing personal and no credential in a log line, not even in that of a bug."""
    lines, number = io.StringIO(), "+12125550188"
    monkeypatch.setattr(LOG.registered_handler, "stream", lines)
    ok(house, "PUT", "/v1/merchants/m9", MERCHANT)
    ok(house, "POST", "/v1/merchants/m9/connections", new_connection("t9", "c9"))
    shop.texts(number, "please stop texting me")
    look_up(house, shop, number)
    refused(house, "POST", "/v1/merchants/m9/connections", new_connection("t9", "c9"))

    def bug(_channel: Channel, point: str, _connection: Connection) -> str:
        raise RuntimeError(f"cannot read {point}")

    monkeypatch.setattr("concord.services.look_up_consent.normalised", bug)
    failed = refused(house, "POST", path_of(shop, "/consents/dossier"), {"point": number})
    assert failed == (500, "internal_error", [])
    logged = lines.getvalue()
    assert "consent_signal" in logged
    assert "unhandled_error" in logged
    for secret in (number, number[1:], "SECRET", "stop texting", shop.connect_key):
        assert secret not in logged
