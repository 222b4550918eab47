"""Work that can never succeed ends, with the reason where an operator sees it."""

from datetime import timedelta

import httpx
import pytest

from concord.domain.errors import PermanentError
from concord.platforms.base import Http
from tests.world.shop import Shop, new_number


class _NoHost:
    """A client factory that may call nobody, as after AllowedHosts was tightened."""

    def client(self, base_url: str) -> httpx.Client:
        raise PermanentError("not on the list of allowed hosts", reason="host_not_allowed")


def _use(shop: Shop, http: Http) -> None:
    platforms = shop.world.parts.platforms
    platforms._given_http = http
    vars(platforms).pop("_http", None)


def test_a_host_that_is_no_longer_allowed_parks_its_tasks(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """R-31: no row is tried for ever: all are parked with the reason, and counted."""
    number = new_number()
    shop.texts(number, "JOIN")
    _use(shop, _NoHost())
    shop.world.pump()
    shop.world.clock.advance(timedelta(minutes=10))
    shop.world.sweep()

    assert shop.world.pump() == 0
    assert [r for r in shop.world.rows("T") if "due_pk" in r] == []
    parked = shop.world.rows("F#")
    assert {r["reason"] for r in parked} == {"host_not_allowed"}
    assert len(parked) == 3  # a text, and the state for both sides
    assert capsys.readouterr().out.count('"TaskFailed":[1.0]') == 3


def test_a_parked_push_starts_anew_with_the_next_change(shop: Shop) -> None:
    """TEA-11: what was parked is not forgotten: the next change of the point is pushed."""
    number = new_number()
    shop.shopper("s-1", number)
    shop.texts(number, "JOIN")
    _use(shop, _NoHost())
    shop.world.pump()
    _use(shop, shop.world.http)

    shop.texts(number, "STOP")
    shop.world.pump()

    assert shop.phones("s-1") == {number: False}
    assert shop.contact(number) is False


def test_what_was_parked_is_listed_and_pushed_again_once_mended(shop: Shop) -> None:
    """R-31: an opt-out that a platform refused reaches it without anybody saying it again."""
    number = new_number()
    shop.shopper("s-1", number)
    shop.texts(number, "JOIN")
    shop.world.pump()
    _use(shop, _NoHost())
    shop.texts(number, "STOP")
    shop.world.pump()
    _use(shop, shop.world.http)
    assert shop.phones("s-1") == {number: True}

    own = f"/v1/connections/{shop.connection_id}/failures"
    found = shop.world.body(shop.world.admin("GET", own))["items"]
    assert {(f["kind"], f["platform"], f["reason"]) for f in found} == {
        ("push_consent", "catapult", "host_not_allowed"),
        ("push_consent", "text_em_all", "host_not_allowed"),
        ("send_text", None, "host_not_allowed"),
    }
    assert number not in repr(found)
    answers = {
        f["kind"]: shop.world.admin("POST", f"{own}/{f['failure_id']}/retry")["statusCode"]
        for f in found
    }
    assert answers == {"push_consent": 200, "send_text": 409}
    shop.world.pump()

    assert shop.phones("s-1") == {number: False}
    assert shop.contact(number) is False
    left = shop.world.body(shop.world.admin("GET", own))["items"]
    assert [f["kind"] for f in left] == ["send_text"]
    (gone,) = [f for f in found if f["platform"] == "catapult"]
    assert shop.world.admin("POST", f"{own}/{gone['failure_id']}/retry")["statusCode"] == 404


def test_an_invitation_that_waited_too_long_is_dropped(shop: Shop) -> None:
    """TEA-15: held for a day by a pause and asked for again, she gets one invitation, not two."""
    number = new_number()
    where = f"/v1/connections/{shop.connection_id}/state"
    shop.world.admin("POST", where, {"state": "paused"})
    shop.till("opt_in", number)
    shop.world.pump()
    shop.world.clock.advance(timedelta(hours=25))
    shop.till("opt_in", number)
    shop.world.cold()
    shop.world.admin("POST", where, {"state": "connected"})
    shop.world.sweep()
    shop.world.pump()

    assert len(shop.inbox_of(number)) == 1
