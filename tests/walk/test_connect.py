"""What a till, a web cart and a back office do, and what the person in front of them sees."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.world.faults import Request, Wire
from tests.world.shop import Shop, new_number
from tests.world.world import World


def _consents(shop: Shop, **fields: Any) -> dict[str, Any]:
    body = {
        "event_id": fields.pop("event_id", new_number()),
        "action": "opt_out",
        "channel": "sms",
        "via": "pos",
        **fields,
    }
    return shop.connect("POST", "/consents", body)


def test_an_opt_in_from_the_till_waits_for_join(shop: Shop) -> None:
    """TEA-15, TEA-16: pending and one invitation; JOIN confirms and opts in on both sides."""
    number = new_number()
    shop.shopper("s-1", number)

    seen = shop.till("opt_in", number)
    shop.world.pump()

    assert seen.status_code == 200
    assert shop.consent(number) == "pending"
    assert len(shop.inbox_of(number)) == 1
    assert "JOIN" in shop.inbox_of(number)[0]
    assert shop.phones("s-1") == {number: False}

    shop.texts(number, "what is this")
    assert shop.consent(number) == "pending"
    shop.texts(number, "join.")
    shop.texts(number, "JOIN")
    shop.world.pump()
    assert shop.consent(number) == "opted_in"
    assert len(shop.inbox_of(number)) == 2
    assert shop.phones("s-1") == {number: True}


def test_no_second_invitation_within_a_day(shop: Shop) -> None:
    """TEA-15: a repeated request invites again only after 24 hours."""
    number = new_number()
    shop.till("opt_in", number)
    shop.till("opt_in", number)
    shop.world.pump()
    assert len(shop.inbox_of(number)) == 1

    shop.world.clock.advance(timedelta(hours=25))
    shop.till("opt_in", number)
    shop.world.pump()
    assert len(shop.inbox_of(number)) == 2


def test_an_unanswered_invitation_lapses(shop: Shop) -> None:
    """TEA-15: after 30 days a pending opt-in is forgotten, by the hourly schedule."""
    number = new_number()
    shop.till("opt_in", number)
    shop.world.pump()

    shop.world.clock.advance(timedelta(days=29, hours=23))
    shop.world.hourly()
    shop.world.pump()
    assert shop.consent(number) == "pending"

    shop.world.clock.advance(timedelta(hours=2))
    shop.world.hourly()
    shop.world.pump()
    assert shop.consent(number) == "unknown"


@pytest.mark.parametrize("via", ["web_cart", "pos", "web_office"])
def test_an_opt_out_at_the_shop_is_an_opt_out(shop: Shop, via: str) -> None:
    """TEA-19: three doors, the same result, and the door and the operator are recorded."""
    number = new_number()
    shop.shopper("s-1", number)
    shop.texts(number, "JOIN")
    shop.world.pump()

    seen = shop.till("opt_out", number, via=via)
    assert seen.status_code == 200
    assert shop.consent(number) == "opted_out"
    shop.world.pump()

    assert shop.contact(number) is False
    assert shop.phones("s-1") == {number: False}
    assert len(shop.inbox_of(number)) == 2
    last = next(r for r in shop.world.rows("C#") if r["sk"] == "E#0000000002")
    assert last["personal"]["actor"] == "cashier 7"
    assert via in str(last["record"])


def test_an_opt_in_of_an_opted_out_number_is_refused(shop: Shop) -> None:
    """TEA-18: the till is told that she must text UNSTOP, and where to; no invitation goes out."""
    number = new_number()
    shop.till("opt_out", number)
    shop.world.pump()
    texts = len(shop.inbox_of(number))

    answer = _consents(shop, action="opt_in", point=number)
    shop.world.pump()

    assert answer["statusCode"] == 409
    problem = shop.world.body(answer)
    assert problem["code"] == "must_text_unstop"
    assert problem["text_to"] == shop.text_number
    assert len(shop.inbox_of(number)) == texts


def test_the_same_event_again_has_the_same_answer(shop: Shop) -> None:
    """R-24: same id and body: the same answer and one effect; another body: 409, or an opt-out."""
    number = new_number()
    body = {"event_id": "e-1", "point": number, "action": "opt_in"}
    first = shop.world.body(_consents(shop, **body))
    again = shop.world.body(_consents(shop, **body))
    assert first == again

    other = _consents(shop, **{**body, "actor": "somebody else"})
    assert other["statusCode"] == 409
    assert shop.world.body(other)["code"] == "event_id_reused"

    out = _consents(shop, event_id="e-1", point=number, action="opt_out")
    assert out["statusCode"] == 200
    assert shop.consent(number) == "opted_out"


def test_email_is_lifted_by_her_own_act_alone(shop: Shop) -> None:
    """Ruling 1: an e-mail opt-out stands until the shopper herself opts in, with proof."""
    address = "Ana@Example.com"
    _consents(shop, channel="email", point=address)
    assert shop.consent("ana@example.com", "email") == "opted_out"

    till = _consents(shop, channel="email", point=address, action="opt_in", via="pos")
    assert till["statusCode"] == 409
    own = _consents(
        shop,
        channel="email",
        point=address,
        action="opt_in",
        via="account",
        evidence={"text": "[x] Send me offers"},
    )
    assert shop.world.body(own)["state"] == "opted_in"


@pytest.mark.parametrize("words", ["", " ", "\n\t"])
def test_blank_words_are_no_proof_of_her_own_act(shop: Shop, words: str) -> None:
    """Ruling 1: evidence that says nothing lifts no opt-out."""
    address = "ana@example.com"
    _consents(shop, channel="email", point=address)

    own = {"action": "opt_in", "via": "web_cart", "evidence": {"text": words}}
    answer = _consents(shop, channel="email", point=address, **own)

    assert answer["statusCode"] == 409
    assert shop.consent(address, "email") == "opted_out"


def test_a_repeat_at_the_same_moment_is_answered_with_what_is_true(shop: Shop) -> None:
    """TEA-19: a till that sends twice at once reads `opted_out` from both answers."""
    call = {"event_id": "e-1", "point": new_number()}
    first: list[dict[str, Any]] = []

    def meanwhile(request: Request) -> None:
        if request.name == "dynamodb.TransactWriteItems" and not first:
            first.append({})
            first[0] = _consents(shop, **call)

    with Wire(shop.world).failing(meanwhile):
        second = _consents(shop, **call)

    for answer in (*first, second):
        assert answer["statusCode"] == 200
        body = shop.world.body(answer)
        assert (body["state"], body["basis"]) == ("opted_out", "explicit")
    assert shop.world.body(first[0]) == shop.world.body(second)


def test_bad_input_names_every_field(shop: Shop) -> None:
    """TEA-23: each wrong field is named with its remedy, and nothing is stored."""
    before = len(shop.world.rows())
    answer = shop.connect("POST", "/consents", {"action": "maybe", "via": "fax", "point": ""})

    assert answer["statusCode"] == 422
    fields = {e["field"] for e in shop.world.body(answer)["errors"]}
    assert {"event_id", "action", "channel", "point", "via"} <= fields
    assert _consents(shop, point="12")["statusCode"] == 422
    assert shop.world.body(_consents(shop, point="12"))["code"] == "invalid_phone"
    assert len(shop.world.rows()) == before


def test_no_optional_field_keeps_an_opt_out_away(shop: Shop) -> None:
    """TEA-19: applied without what cannot be used; its evidence names what that was."""
    number = new_number()
    answer = _consents(
        shop, point=number, actor="", shopper_id=4711, evidence={"text": "no more", "ip": 5}
    )
    assert answer["statusCode"] == 200
    assert shop.consent(number) == "opted_out"
    (row,) = [r for r in shop.world.rows("C#") if r["sk"].startswith("E#")]
    assert json.loads(row["record"])["source"]["unusable"] == "shopper_id, evidence.ip"
    assert row["personal"]["text"] == "no more"
    assert "4711" not in str(row["personal"])


def test_a_wrong_key_opens_nothing(house: World) -> None:
    """R-32: another shop's key, no key and a made-up connection all get the same 401."""
    one, other = house.shop("m1"), house.shop("m2")
    path = f"/connect/{one.connection_id}/consents"
    body = {
        "event_id": "e",
        "action": "opt_out",
        "channel": "sms",
        "point": new_number(),
        "via": "pos",
    }
    for key in (other.connect_key, "", "ck_nonsense"):
        answer = house.connect("POST", path, key, body)
        assert answer["statusCode"] == 401
        assert house.body(answer)["code"] == "unauthorized"
    nowhere = house.connect("POST", "/connect/m1.zzzzzzzzzz/consents", one.connect_key, body)
    assert nowhere["statusCode"] == 401


def test_a_deactivated_shopper_is_out_on_both_channels(shop: Shop) -> None:
    """TEA-19: closing the account opts out of texts and mail."""
    number = new_number()
    shop.connect(
        "PUT", "/shoppers/s-9", {"first_name": "A", "phones": [number], "email": "a@example.com"}
    )
    shop.texts(number, "JOIN")
    shop.world.pump()

    gone = shop.connect("DELETE", "/shoppers/s-9")

    assert gone["statusCode"] == 200
    assert shop.consent(number) == "opted_out"
    assert shop.consent("a@example.com", "email") == "opted_out"
