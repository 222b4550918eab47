"""Look-ups, dossiers and reviews over the admin API."""

from __future__ import annotations

import base64
import io
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from concord.adapters.signing import verify
from concord.domain.canonical import sha256_hex
from concord.domain.connection import Connection
from concord.domain.consent import Signal, decide
from concord.domain.dossier import Finding, dossier, verify_dossier
from concord.domain.evidence import GENESIS, ConsentKey, next_evidence
from concord.domain.identity import Channel
from concord.domain.marks import Marks
from concord.domain.profiles import TEXT_EM_ALL_SMS, SignalKind
from concord.entrypoint.observability import LOG
from tests.integration.admin.calls import MERCHANT, new_connection, ok, refused
from tests.world.faults import Request, Wire
from tests.world.shop import Shop, new_number
from tests.world.world import TABLE, World


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

    assert _verified(house, document) == []
    assert document["count"] == 2
    document["events"][1]["record"]["to"] = "opted_in"
    assert _verified(house, document)[0].event == 2


def test_evidence_names_the_wording_by_version_and_hash(house: World, shop: Shop) -> None:
    """R-03: which words she was sent: the built-in ones, then the merchant's own."""
    number, own = new_number(), "Green Grocer: bye."
    shop.texts(number, "JOIN")
    house.pump()
    changed = shop.admin("PATCH", "", {"settings": {"texts": {"opt_out_confirmation": own}}})
    version = house.body(changed)["version"]
    house.cold()
    shop.texts(number, "STOP")
    house.pump()

    document = ok(house, "POST", path_of(shop, "/consents/dossier"), {"point": number})
    [joined], [left] = (event["record"]["texts"] for event in document["events"])
    sent = {sha256_hex(text.encode()) for text in shop.inbox_of(number)}
    assert (joined["kind"], joined["version"]) == ("opt_in_confirmation", "built-in-1")
    assert left == {
        "kind": "opt_out_confirmation",
        "version": f"settings-{version}",
        "sha256": sha256_hex(own.encode()),
    }
    assert {joined["sha256"], left["sha256"]} == sent


def test_evidence_without_a_version_still_verifies() -> None:
    """R-03: records of before are judged by what they hold, not by today's fields."""
    key = ConsentKey("m1", "tea:1", Channel.SMS, "v1.00")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    signal = Signal(SignalKind.JOIN, at, at, "handset")
    old = next_evidence(
        key,
        seq=1,
        prev=GENESIS,
        signal=signal,
        decision=decide(Marks(), signal, TEXT_EM_ALL_SMS),
        recorded_at=at,
        salt=b"",
        texts=({"kind": "opt_in_confirmation", "sha256": "00"},),
    )
    made = dossier(key, [old], at, lambda _: "signature")
    assert verify_dossier(made, lambda _, signature: signature == "signature") == []


def _verified(house: World, document: dict[str, Any]) -> list[Finding]:
    private = Ed25519PrivateKey.from_private_bytes(house.parts.secrets.dossier_key())
    public = base64.b64encode(private.public_key().public_bytes_raw()).decode()
    return verify_dossier(document, lambda said, signature: verify(public, said, signature))


def test_a_dossier_names_a_missing_tail(
    house: World, shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """L-01, R-03: the last record was deleted: the file says so, and a metric rises."""
    number = new_number()
    shop.texts(number, "JOIN")
    shop.texts(number, "STOP")
    last = max((r for r in house.rows("C#") if r["sk"].startswith("E#")), key=lambda r: r["sk"])
    key = {"pk": {"S": last["pk"]}, "sk": {"S": last["sk"]}}
    house.dynamodb.delete_item(TableName=TABLE, Key=key)

    document = ok(house, "POST", path_of(shop, "/consents/dossier"), {"point": number})

    assert _verified(house, document) == [Finding(2, "is missing: the signed count is 2")]
    assert "EvidenceBroken" in capsys.readouterr().out


def test_a_dossier_made_while_she_texts_is_whole(
    house: World, shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """L-01: a signal between the reads of state and evidence is no broken chain."""
    number, texted = new_number(), list[str]()
    shop.texts(number, "JOIN")

    def meanwhile(request: Request) -> None:
        if request.name == "dynamodb.Query" and not texted:
            texted.append(request.name)
            shop.texts(number, "STOP")

    with Wire(house).failing(meanwhile):
        document = ok(house, "POST", path_of(shop, "/consents/dossier"), {"point": number})

    assert texted
    assert document["count"] == 2
    assert _verified(house, document) == []
    assert "EvidenceBroken" not in capsys.readouterr().out


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
