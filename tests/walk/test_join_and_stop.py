"""What shoppers text, from the webhook to both platforms."""

from datetime import timedelta
from typing import Any

import pytest

from tests.world.shop import Shop, new_number
from tests.world.world import World


def _opted_in(shop: Shop, number: str | None = None) -> str:
    number = number or new_number()
    assert shop.texts(number, "JOIN").status_code == 204
    shop.world.pump()
    assert shop.consent(number) == "opted_in"
    return number


@pytest.mark.parametrize("text", ["JOIN", "join", "  Join! ", "“join”"])
def test_join_opts_in_and_confirms_once(shop: Shop, text: str) -> None:
    """TEA-13: a join keyword from a number never seen opts in, keeps the text, confirms once."""
    number = new_number()

    answer = shop.texts(number, text)

    assert answer.status_code == 204
    assert shop.consent(number) == "opted_in"
    shop.world.pump()
    assert len(shop.inbox_of(number)) == 1
    evidence = [r for r in shop.world.rows("C#") if r["sk"].startswith("E#")]
    assert [e["personal"]["text"] for e in evidence] == [text]
    assert shop.contact(number) is True


def test_the_merchants_own_join_keyword(house: World) -> None:
    """TEA-13: the merchant's keyword counts; the default one means nothing then."""
    shop = house.shop(join_keyword="FRESH")
    plain, own = new_number(), new_number()

    shop.texts(plain, "JOIN")
    shop.texts(own, "fresh")

    assert shop.consent(plain) == "unknown"
    assert shop.consent(own) == "opted_in"


def test_only_that_number_of_the_shopper_flips(shop: Shop) -> None:
    """TEA-12: an opt-in at Text-Em-All shows at CATAPULT on that number and on no other."""
    first, second, third = (new_number() for _ in range(3))
    shop.shopper("s-1", first, second, third)

    _opted_in(shop, second)

    assert shop.phones("s-1") == {first: False, second: True, third: False}


def test_a_number_that_no_shopper_carries_waits(shop: Shop) -> None:
    """TEA-12: an unknown number goes to the unmatched list and is told when its shopper appears."""
    number = new_number()
    _opted_in(shop, number)
    reviews = shop.world.admin(
        "GET", f"/v1/connections/{shop.connection_id}/reviews?kind=unmatched"
    )
    assert len(shop.world.body(reviews)["items"]) == 1

    shop.shopper("s-2", number)
    saved = shop.connect("PUT", "/shoppers/s-2", {"first_name": "Ana", "phones": [number]})
    shop.world.pump()

    assert saved["statusCode"] == 201
    assert shop.phones("s-2") == {number: True}
    reviews = shop.world.admin(
        "GET", f"/v1/connections/{shop.connection_id}/reviews?kind=unmatched"
    )
    assert shop.world.body(reviews)["items"] == []


@pytest.mark.parametrize("text", ["STOP", " Stop. ", "REVOKE", "please stop texting me"])
def test_stop_suppresses_before_the_answer_and_reaches_both_sides(shop: Shop, text: str) -> None:
    """TEA-17: suppressed before the webhook is answered; one confirmation; both sides out."""
    number = new_number()
    shop.shopper("s-3", number)
    _opted_in(shop, number)

    answer = shop.texts(number, text)

    assert answer.status_code == 204
    assert shop.consent(number) == "opted_out"  # nothing was pumped yet
    shop.world.pump()
    assert len(shop.inbox_of(number)) == 2  # one for joining, one for leaving
    assert shop.contact(number) is False
    assert shop.phones("s-3") == {number: False}


def test_the_same_stop_delivered_ten_times_has_one_effect(shop: Shop) -> None:
    """TEA-17: duplicate deliveries change nothing: one confirmation, one more evidence record."""
    number = _opted_in(shop)
    for _ in range(10):
        answer = shop.texts(number, "STOP", id="evt-1", at="2026-11-20T10:00:00Z")
        assert answer.status_code == 204
    shop.world.pump()

    assert len(shop.inbox_of(number)) == 2
    evidence = [r for r in shop.world.rows("C#") if r["sk"].startswith("E#")]
    assert len(evidence) == 2


def test_stop_to_any_number_of_the_account_counts_and_only_there(house: World) -> None:
    """TEA-03, R-32: STOP suppresses the whole account, and nothing at another merchant's."""
    one, other = house.shop("m1"), house.shop("m2")
    number = new_number()
    _opted_in(one, number)
    _opted_in(other, number)

    assert one.texts(number, "STOP").status_code == 204
    house.pump()

    assert one.consent(number) == "opted_out"
    assert other.consent(number) == "opted_in"


@pytest.mark.parametrize("text", ["JOIN", "START", "yes"])
def test_only_unstop_brings_back(shop: Shop, text: str) -> None:
    """TEA-18: after an opt-out JOIN and START are refused without a text; UNSTOP opts in again."""
    number = _opted_in(shop)
    shop.texts(number, "STOP")
    shop.world.pump()
    texts = len(shop.inbox_of(number))

    assert shop.texts(number, text).status_code == 204
    shop.world.pump()
    assert shop.consent(number) == "opted_out"
    assert len(shop.inbox_of(number)) == texts

    shop.texts(number, "UNSTOP")
    shop.world.pump()
    assert shop.consent(number) == "opted_in"
    assert len(shop.inbox_of(number)) == texts + 1
    assert shop.contact(number) is True


def test_a_stop_of_the_same_second_that_comes_later_wins(shop: Shop) -> None:
    """TEA-18: dated in whole seconds, UNSTOP and a STOP delivered after it: the STOP holds."""
    number = _opted_in(shop)
    shop.texts(number, "STOP")
    clock = shop.world.clock
    clock.advance(timedelta(seconds=5))
    second = clock.now().replace(microsecond=0)
    dated = {"at": second.isoformat().replace("+00:00", "Z")}
    clock.advance(second + timedelta(seconds=1.2) - clock.now())

    shop.texts(number, "UNSTOP", **dated)
    assert shop.consent(number) == "opted_in"
    shop.texts(number, "STOP", **dated)
    assert shop.consent(number) == "opted_out"


def test_a_webhook_for_a_strange_number_changes_nothing(house: World) -> None:
    """TEA-18: UNSTOP to another merchant's number has no effect here."""
    one, other = house.shop("m1"), house.shop("m2")
    number = _opted_in(one)
    one.texts(number, "STOP")
    house.pump()
    path = one.webhooks["text_em_all"]
    from tests.world.signing import signed_inbound

    body, headers = signed_inbound(one.webhook_secret, number, other.text_number, "UNSTOP")
    answer = house.receive(path.split("/test", 1)[1], body, headers)
    house.pump()

    assert answer["statusCode"] == 204
    assert one.consent(number) == "opted_out"
    assert other.consent(number) == "unknown"


def test_help_gets_one_answer_in_any_state(shop: Shop) -> None:
    """R-05: HELP is answered whatever the state, also to a number that opted out."""
    number = _opted_in(shop)
    shop.texts(number, "STOP")
    shop.world.pump()
    before = len(shop.inbox_of(number))

    shop.texts(number, "HELP")
    shop.world.pump()

    assert len(shop.inbox_of(number)) == before + 1
    assert shop.consent(number) == "opted_out"


def test_a_fuzzy_opt_out_blocks_until_an_operator_dismisses_it(shop: Shop) -> None:
    """R-05: a likely opt-out suppresses now, waits for review, and its dismissal restores."""
    number = _opted_in(shop)
    shop.texts(number, "take me off your list")
    shop.world.pump()
    assert shop.consent(number) == "opted_out"
    where = f"/v1/connections/{shop.connection_id}/reviews"
    listed = shop.world.body(shop.world.admin("GET", f"{where}?kind=fuzzy"))["items"]
    assert len(listed) == 1

    review_id = listed[0]["review_id"]
    done = shop.world.admin("POST", f"{where}/{review_id}/dismiss", {"actor": "dana"})
    shop.world.pump()

    assert done["statusCode"] == 200, done
    assert shop.consent(number) == "opted_in"
    assert shop.contact(number) is True
    after = shop.world.body(shop.world.admin("GET", f"{where}?kind=fuzzy"))["items"]
    assert after == []


def _waiting(shop: Shop) -> dict[str, str]:
    """Return the fuzzy texts that wait for review, and the name of each review."""
    answer = shop.world.admin("GET", f"/v1/connections/{shop.connection_id}/reviews?kind=fuzzy")
    items: list[dict[str, Any]] = shop.world.body(answer)["items"]
    return {item["text"]: item["review_id"] for item in items}


def _review(shop: Shop, text: str, decision: str) -> None:
    """Decide the review of one text as an operator."""
    path = f"/v1/connections/{shop.connection_id}/reviews/{_waiting(shop)[text]}/{decision}"
    done = shop.world.admin("POST", path, {"actor": "dana"})
    shop.world.pump()
    assert done["statusCode"] == 200, done


FIRST, SECOND = "take me off your list", "please stop texting me"


@pytest.mark.parametrize(("one", "other"), [(FIRST, SECOND), (SECOND, FIRST)])
def test_of_two_fuzzy_opt_outs_each_is_dismissed_by_itself(
    shop: Shop, one: str, other: str
) -> None:
    """R-05: whichever is dismissed first, the other one goes on blocking; both restore."""
    number = _opted_in(shop)
    shop.texts(number, FIRST)
    shop.texts(number, SECOND)
    shop.world.pump()
    assert set(_waiting(shop)) == {FIRST, SECOND}

    _review(shop, one, "dismiss")
    assert (shop.consent(number), shop.contact(number)) == ("opted_out", False)
    assert set(_waiting(shop)) == {other}

    _review(shop, other, "dismiss")
    assert (shop.consent(number), shop.contact(number)) == ("opted_in", True)
    assert _waiting(shop) == {}


@pytest.mark.parametrize("decision", ["dismiss", "confirm"])
def test_a_late_fuzzy_text_from_before_a_dismissal_waits_for_its_own_review(
    shop: Shop, decision: str
) -> None:
    """R-05: it was never read, so it blocks and is told, whatever was decided of a newer one."""
    number = _opted_in(shop)
    earlier = shop.world.clock.now() - timedelta(hours=1)
    shop.texts(number, SECOND)
    shop.world.pump()
    _review(shop, SECOND, "dismiss")
    assert shop.contact(number) is True

    shop.texts(number, FIRST, at=earlier.isoformat())
    shop.world.pump()
    assert (shop.consent(number), shop.contact(number)) == ("opted_out", False)
    assert set(_waiting(shop)) == {FIRST}

    _review(shop, FIRST, decision)
    dismissed = decision == "dismiss"
    assert shop.consent(number) == ("opted_in" if dismissed else "opted_out")
    assert shop.contact(number) is dismissed


def test_one_fuzzy_opt_out_confirmed_and_one_dismissed_is_explicit(shop: Shop) -> None:
    """R-05, TEA-18: one that was meant is enough; then only UNSTOP brings back."""
    number = _opted_in(shop)
    shop.texts(number, FIRST)
    shop.texts(number, SECOND)
    _review(shop, FIRST, "confirm")
    _review(shop, SECOND, "dismiss")
    assert shop.consent(number) == "opted_out"
    found = shop.connect("GET", f"/consents/sms/{number.replace('+', '%2B')}")
    assert shop.world.body(found)["basis"] == "explicit"

    shop.texts(number, "UNSTOP")
    shop.world.pump()
    assert (shop.consent(number), shop.contact(number)) == ("opted_in", True)
