"""Imports over the admin API: a result per row, and never an event twice (TEA-14)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.integration.admin.calls import MERCHANT, call, new_connection, ok, refused
from tests.world.faults import Request, Wire
from tests.world.shop import Shop, new_number
from tests.world.world import World

CSV = {"Content-Type": "text/csv", "X-Attestation": "paper forms, kept by Ana"}


def upload(house: World, shop: Shop, rows: list[Any], **more: Any) -> dict[str, Any]:
    body = {"import_id": more.pop("import_id", "i-1"), "attestation": "forms", "rows": rows}
    path = f"/v1/connections/{shop.connection_id}/consent-imports" + more.pop("query", "")
    return ok(house, "POST", path, body, **more)


def results(report: dict[str, Any]) -> list[str]:
    assert [r["row"] for r in report["results"]] == list(range(1, report["total"] + 1))
    return [r["result"] for r in report["results"]]


def look_up(house: World, shop: Shop, point: str) -> dict[str, Any]:
    path = f"/v1/connections/{shop.connection_id}/consents/lookup"
    return ok(house, "POST", path, {"channel": "sms", "point": point})


def test_each_row_has_a_result_in_its_place(house: World, shop: Shop) -> None:
    """TEA-14: accepted, duplicate, invalid_phone, must_text_unstop, in the order of the rows."""
    out, fresh = new_number(), new_number()
    shop.texts(out, "STOP")
    rows = [
        {"point": out},
        {"point": fresh, "occurred_at": "2024-05-01T10:00:00Z", "evidence": "form 17"},
        {"point": "not a number"},
        {"point": fresh},
        {"point": "Ana@Example.com", "channel": "email"},
        {"point": fresh, "channel": "fax"},
        {"point": new_number(), "occurred_at": "yesterday"},
    ]
    report = upload(house, shop, rows)
    assert results(report) == [
        "must_text_unstop",
        "accepted",
        "invalid_phone",
        "duplicate",
        "accepted",
        "invalid_channel",
        "invalid_occurred_at",
    ]
    assert report["counts"]["accepted"] == 2
    seen = look_up(house, shop, fresh)
    assert (seen["state"], seen["basis"]) == ("opted_in", "imported")
    assert seen["events"][0]["personal"] == {"attestation": "forms", "evidence": "form 17"}
    assert seen["events"][0]["source"]["import_id"] == "i-1"
    assert look_up(house, shop, out)["state"] == "opted_out"


def test_the_same_file_again_makes_no_event(house: World, shop: Shop) -> None:
    """TEA-14, R-06: re-upload, also under another name and after an opt-out: no new event."""
    kept, left = new_number(), new_number()
    rows = [{"point": kept, "evidence": "a"}, {"point": left, "evidence": "b"}]
    assert results(upload(house, shop, rows)) == ["accepted", "accepted"]
    assert results(upload(house, shop, rows)) == ["duplicate", "duplicate"]
    shop.texts(left, "STOP")
    before = {p: look_up(house, shop, p)["events"] for p in (kept, left)}
    again = upload(house, shop, rows, import_id="i-2")
    assert results(again) == ["duplicate", "must_text_unstop"]
    assert {p: look_up(house, shop, p)["events"] for p in (kept, left)} == before


def test_an_import_never_lifts_an_opt_out(house: World, shop: Shop) -> None:
    """TEA-18, R-06: no later import turns an explicit opt-out into an opt-in."""
    number = new_number()
    shop.texts(number, "STOP")
    later = (house.clock.now() + timedelta(days=300)).isoformat()
    for n in range(3):
        rows = [{"point": number, "evidence": f"{n}", "occurred_at": later}]
        assert results(upload(house, shop, rows)) == ["must_text_unstop"]
    assert look_up(house, shop, number)["state"] == "opted_out"
    shop.texts(number, "UNSTOP")
    assert look_up(house, shop, number)["state"] == "opted_in"


def test_a_dry_run_tells_the_same_and_writes_nothing(house: World, shop: Shop) -> None:
    """R-26: same results as the real run, and the table is as it was."""
    out, fresh = new_number(), new_number()
    shop.texts(out, "STOP")
    rows = [{"point": p} for p in (out, fresh, fresh, "x")]
    before = house.rows()
    dry = upload(house, shop, rows, query="?dry_run=true")
    assert house.rows() == before
    assert dry["dry_run"] is True
    assert results(upload(house, shop, rows)) == results(dry)


def test_a_csv_file_is_read_in_the_merchants_country(house: World, shop: Shop) -> None:
    """R-26, TEA-14: text/csv with X-Attestation; national spellings are read as the merchant's."""
    path = f"/v1/connections/{shop.connection_id}/consent-imports"
    text = (
        "\ufeffpoint,occurred_at,evidence\r\n"
        '(212) 555-0142,2024-05-01T10:00:00-04:00,"form 1, box 2"\r\n'
        "2125550143,,\r\n12,,\r\n"
    )
    report = ok(house, "POST", f"{path}?import_id=may", text, headers=CSV)
    assert report["import_id"] == "may"
    assert results(report) == ["accepted", "accepted", "invalid_phone"]
    event = look_up(house, shop, "+12125550142")["events"][0]
    assert event["personal"]["attestation"] == CSV["X-Attestation"]
    assert event["personal"]["evidence"] == "form 1, box 2"
    assert event["occurred_at"] == "2024-05-01T14:00:00.000000Z"
    assert results(ok(house, "POST", path, text, headers=CSV))[:2] == ["duplicate", "duplicate"]


@pytest.mark.parametrize(
    "text",
    ["", "phone\n+12125550100\n", "point\n", "point,point\na,b\n", "point\na,b\n", 'point\n"a\n'],
)
def test_a_file_that_cannot_be_read_is_refused_whole(house: World, shop: Shop, text: str) -> None:
    """R-26: the answer says what is wrong with the file; nothing was imported."""
    path = f"/v1/connections/{shop.connection_id}/consent-imports"
    before = house.rows()
    assert refused(house, "POST", path, text, headers=CSV) == (422, "invalid_request", ["body"])
    assert house.rows() == before


def test_an_attestation_is_required(house: World, shop: Shop) -> None:
    """TEA-14: attestation of consent source required, in JSON and with a file."""
    path = f"/v1/connections/{shop.connection_id}/consent-imports"
    row = {"point": "+12125550100"}
    for body in (
        {"import_id": "i", "rows": [row]},
        {"import_id": "i", "attestation": " ", "rows": [row]},
    ):
        assert refused(house, "POST", path, body) == (422, "invalid_request", ["attestation"])
    headers = {"Content-Type": "text/csv; charset=utf-8"}
    plain = refused(house, "POST", path, "point\n+12125550100\n", headers=headers)
    assert plain == (422, "invalid_request", ["attestation"])


def test_limits_are_said(house: World, shop: Shop) -> None:
    """TEA-14: at most 500 rows a call, and a file of at most 1 MB."""
    path = f"/v1/connections/{shop.connection_id}/consent-imports"
    body = {"import_id": "i", "attestation": "f", "rows": [{"point": "x"}] * 501}
    assert refused(house, "POST", path, body) == (422, "invalid_request", ["rows"])
    large = "point\n" + "+12125550100\n" * 90_000
    assert refused(house, "POST", path, large, headers=CSV)[:2] == (413, "body_too_large")


@pytest.mark.parametrize("state", ["requested", "pending", "disconnected"])
def test_an_import_needs_a_connected_connection(house: World, state: str) -> None:
    """TEA-01: an opt-in in another state is 409 and has no side effect."""
    ok(house, "PUT", "/v1/merchants/m2", MERCHANT)
    made = ok(house, "POST", "/v1/merchants/m2/connections", new_connection("t2", "c2"))
    if state != "requested":
        move = f"/v1/connections/{made['connection_id']}/state"
        ok(house, "POST", move, {"state": state})
    body = {"import_id": "i", "attestation": "f", "rows": [{"point": new_number()}]}
    before = house.rows("C#")
    path = f"/v1/connections/{made['connection_id']}/consent-imports"
    assert refused(house, "POST", path, body)[:2] == (409, "connection_not_connected")
    assert house.rows("C#") == before


def test_a_paused_connection_still_takes_consents(house: World, shop: Shop) -> None:
    """TEA-01: paused holds pushes and texts; it takes every consent signal."""
    ok(house, "POST", f"/v1/connections/{shop.connection_id}/state", {"state": "paused"})
    assert results(upload(house, shop, [{"point": new_number()}])) == ["accepted"]


def test_what_does_not_fit_into_the_answers_time_is_not_half_told(house: World, shop: Shop) -> None:
    """R-26: a slow table: 503 by name in time, and the same call again ends it, no row twice."""
    rows = [{"point": new_number()} for _ in range(60)]
    path = f"/v1/connections/{shop.connection_id}/consent-imports"
    body = {"import_id": "i-9", "attestation": "forms", "rows": rows}
    wire = Wire(house)

    def a_second_later(request: Request) -> None:
        house.clock.advance(timedelta(seconds=1))

    with wire.failing(after=a_second_later):
        status, problem = call(house, "POST", path, body)
    assert (status, problem["code"]) == (503, "import_not_finished")
    assert problem["import_id"] == "i-9"
    assert "results" not in problem
    stored = len(house.rows("X#"))
    assert 0 < stored < len(rows)
    told = results(upload(house, shop, rows, import_id="i-9"))
    assert (told.count("duplicate"), told.count("accepted")) == (stored, len(rows) - stored)


def test_a_call_of_500_rows_makes_two_requests_a_row(house: World, shop: Shop) -> None:
    """R-26: what 500 rows cost is what makes them fit into the gateway's 29 s."""
    rows = [{"point": new_number()} for _ in range(40)]
    wire = Wire(house)
    assert results(upload(house, shop, rows)) == ["accepted"] * 40
    assert wire.names.count("dynamodb.GetItem") <= 40 + 2  # and the connection
    assert wire.names.count("dynamodb.TransactWriteItems") == 40
    wire.calm()
    assert results(upload(house, shop, rows)) == ["duplicate"] * 40
    asked = [name for name in wire.names if name.startswith("dynamodb")]
    assert set(asked) == {"dynamodb.GetItem"}
    assert len(asked) <= 40 + 2


def test_an_idempotency_key_repeats_the_report(house: World, shop: Shop) -> None:
    """R-27: the same call is answered alike."""
    rows, key = [{"point": new_number()}], {"Idempotency-Key": "part-1"}
    first = upload(house, shop, rows, headers=key)
    assert upload(house, shop, rows, headers=key) == first
    assert results(first) == ["accepted"]
    path = f"/v1/connections/{shop.connection_id}/consent-imports"
    other = {"import_id": "x", "attestation": "forms", "rows": rows}
    assert call(house, "POST", path, other, headers=key)[0] == 409


def test_a_key_of_a_dry_run_is_not_one_of_the_real_run(house: World, shop: Shop) -> None:
    """R-26, R-27: a key names everything that decides what is done, or nothing would be done."""
    path = f"/v1/connections/{shop.connection_id}/consent-imports"
    number = new_number()
    first = {**CSV, "Idempotency-Key": "k"}
    assert ok(house, "POST", f"{path}?dry_run=true", f"point\n{number}\n", headers=first)
    for query, changed in (
        ("", {}),
        ("?dry_run=true&import_id=may", {}),
        ("?dry_run=true", {"X-Attestation": "another"}),
        ("?dry_run=true", {"Content-Type": "text/csv; header=present"}),
    ):
        refusal = refused(
            house, "POST", f"{path}{query}", f"point\n{number}\n", headers={**first, **changed}
        )
        assert refusal[:2] == (409, "idempotency_key_reused")
    assert look_up(house, shop, number)["state"] == "unknown"
