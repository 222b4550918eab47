"""A platform that keeps our consent flag and carries our texts: it refuses on our own word."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.sandbox.harness import BASE as SANDBOX
from tests.world.faults import Hook, Request, Wire, settle
from tests.world.person import Person
from tests.world.shop import Shop, new_number
from tests.world.world import World


class _Blocking(httpx.BaseTransport):
    """Text-Em-All as it may be: 3005 for a number that its opt state shows as out."""

    def __init__(self, house: World) -> None:
        self._inner = house.http.transport
        self.out: set[str] = set()
        self.lifts = True
        house.http.transport = self
        house.cold()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.read() or b"{}") if "text_em_all" in request.url.path else {}
        if request.method == "PUT" and self.lifts:
            change = self.out.discard if body.get("OptedIn") else self.out.add
            change(body.get("PrimaryPhone", ""))
        if request.method == "POST" and request.url.path.endswith("/conversations"):
            to = body["LastMessage"]["Contact"]["PrimaryPhone"]
            if to in self.out:
                return httpx.Response(400, json={"ErrorCode": 3005, "Message": "opted out"})
        return self._inner.handle_request(request)


def _digits(number: str) -> str:
    return number.removeprefix("+1")


@pytest.fixture
def blocking(house: World) -> _Blocking:
    return _Blocking(house)


def _text_row(person: Person, purpose: str) -> dict[str, Any]:
    rows = [r for r in person.shop.world.rows("TU#") if r["pk"].endswith(purpose)]
    return max(rows, key=lambda row: str(row["created_at"]))


def _evidence(shop: Shop) -> list[str]:
    rows = [r for r in shop.world.rows("C#") if r["sk"].startswith("E#")]
    return [json.loads(r["record"])["kind"] for r in sorted(rows, key=lambda r: r["sk"])]


def test_our_own_block_does_not_undo_an_unstop(shop: Shop, blocking: _Blocking) -> None:
    """TEA-18: the text meets our block before our push lifts it: it waits, she stays opted in."""
    person = Person(shop).texts("JOIN").texts("STOP")
    assert _digits(person.number) in blocking.out
    person.text("UNSTOP")(1)
    shop.world.run_task(person.rows("send_text")[0])
    assert shop.consent(person.number) == "opted_in"

    settle(shop.world)
    assert (shop.consent(person.number), shop.contact(person.number)) == ("opted_in", True)
    assert len(shop.inbox_of(person.number)) == 3
    assert _evidence(shop) == ["join", "opt_out", "unstop"]


def test_a_block_lifted_while_the_text_was_refused(shop: Shop, blocking: _Blocking) -> None:
    """TEA-18: our push went through between the refusal and our look: it is tried once more."""
    person = Person(shop).texts("JOIN").texts("STOP")
    person.text("UNSTOP")(1)
    row = person.rows("send_text")[0]
    pushes = person.rows("push_consent")
    done: list[str] = []

    def after(request: Request) -> None:
        if request.name.endswith("/conversations") and not done:
            done.append(request.name)
            for push in pushes:
                shop.world.run_task(push)

    with Wire(shop.world).failing(after=after):
        shop.world.run_task(row)
        settle(shop.world)
    assert done
    assert shop.consent(person.number) == "opted_in"
    assert len(shop.inbox_of(person.number)) == 3


def test_a_first_join_of_a_number_that_is_out_there(shop: Shop, blocking: _Blocking) -> None:
    """TEA-13: the platform remembers an old opt-out; our push lifts it, then she is welcomed."""
    person = Person(shop)
    blocking.out.add(_digits(person.number))
    person.text("JOIN")(1)
    shop.world.run_task(person.rows("send_text")[0])
    settle(shop.world)
    assert shop.consent(person.number) == "opted_in"
    assert len(shop.inbox_of(person.number)) == 1


def test_a_block_that_our_push_does_not_lift_is_an_opt_out(shop: Shop, blocking: _Blocking) -> None:
    """TEA-18, ruling 2: told of the opt-in and blocking on, it knows an opt-out that we do not."""
    person = Person(shop)
    blocking.out.add(_digits(person.number))
    blocking.lifts = False
    person.texts("JOIN")
    settle(shop.world)
    assert shop.consent(person.number) == "opted_out"
    row = _text_row(person, "opt_in_confirmation")
    assert (row["state"], row["payload"]["reason"]) == ("refused", "opted_out_at_carrier")
    assert _evidence(shop) == ["join", "opt_out"]
    assert shop.inbox_of(person.number) == []


def test_the_confirmation_of_stop_goes_ahead_of_the_push(shop: Shop, blocking: _Blocking) -> None:
    """TEA-17: whichever message is first, she gets her one confirmation, then the side is told."""
    person = Person(shop).texts("JOIN")
    person.text("STOP")(1)
    for push in person.rows("push_consent"):
        shop.world.run_task(push)
    assert shop.contact(person.number) is True
    assert shop.phones(person.id) == {person.number: False}  # the shop is told at once
    settle(shop.world)
    assert len(shop.inbox_of(person.number)) == 2
    assert shop.contact(person.number) is False


def test_the_push_waits_for_no_confirmation_longer_than_seconds(
    shop: Shop, blocking: _Blocking
) -> None:
    """TEA-11, TEA-22: a text that cannot leave holds nothing up: the opt-out is told."""
    person = Person(shop).texts("JOIN")
    person.text("STOP")(1)
    shop.world.clock.advance(timedelta(seconds=4))
    for push in person.rows("push_consent"):
        shop.world.run_task(push)
    assert shop.contact(person.number) is False
    settle(shop.world)
    assert _evidence(shop) == ["join", "opt_out"]  # the refused confirmation told us nothing new


def test_our_block_never_makes_a_likely_opt_out_explicit(shop: Shop, blocking: _Blocking) -> None:
    """R-05: HELP meets the block of a fuzzy opt-out; its dismissal still restores."""
    person = Person(shop).texts("JOIN").texts("please stop texting me")
    person.texts("HELP")
    settle(shop.world)
    [review] = shop.world.body(shop.admin("GET", "/reviews?kind=fuzzy"))["items"]
    done = shop.admin("POST", f"/reviews/{review['review_id']}/dismiss", {"actor": "dana"})
    assert done["statusCode"] == 200
    settle(shop.world)
    assert (shop.consent(person.number), shop.contact(person.number)) == ("opted_in", True)


# --- the last question, and who is asked about an earlier attempt ----------------------------


def test_a_stop_during_the_look_up_is_not_overtaken(shop: Shop) -> None:
    """TEA-22: asked again with what is true right before the hand-over, not before the look-up."""
    person, wire = Person(shop), Wire(shop.world)
    person.text("JOIN")(1)
    row = person.rows("send_text")[0]

    def broken(request: Request) -> None:
        if request.name.startswith("POST /text_em_all"):
            raise httpx.ReadError("reset by peer")

    with wire.failing(broken):
        shop.world.run_task(row)
    shop.world.clock.advance(timedelta(minutes=1))
    stopped: list[Any] = []

    def during(request: Request) -> None:
        if request.name.startswith("GET /text_em_all") and not stopped:
            stopped.append(request.name)
            assert person.text("STOP")(1)["statusCode"] == 204

    with wire.failing(during):
        shop.world.run_task(row)
    assert stopped
    assert shop.inbox_of(person.number) == []
    assert _text_row(person, "opt_in_confirmation")["state"] == "refused"


def test_a_stop_at_any_request_before_the_hand_over_is_not_overtaken(shop: Shop) -> None:
    """TEA-22: on the plain path too: whatever the worker had read or written by then."""
    wire, number = Wire(shop.world), 0
    while True:
        number += 1
        person = Person(shop)
        person.text("JOIN")(1)
        row = person.rows("send_text")[0]
        names: list[str] = []

        def stop(
            request: Request, person: Person = person, names: list[str] = names, at: int = number
        ) -> None:
            names.append(request.name)
            if len(names) == at:
                person.text("STOP")(1)

        with wire.failing(stop):
            shop.world.run_task(row)
        if any(name.startswith("POST /text_em_all") for name in names[:number]):
            break
        assert len(names) >= number
        assert shop.inbox_of(person.number) == [], names
    assert number >= 3


def _to_twilio(shop: Shop) -> str:
    number = new_number()
    credentials = {"account_sid": "AC" + "1" * 32, "auth_token": "auth-token-of-twilio"}
    shop.world.sandbox.seed(
        "twilio",
        credentials["account_sid"],
        text_numbers=[number],
        credentials=credentials,
        webhook_url=shop.webhooks["text_em_all"],
    )
    sender = {
        "platform": "twilio",
        "base_url": f"{SANDBOX}/twilio",
        "from": number,
        "credentials": credentials,
    }
    assert shop.admin("PATCH", "", {"settings": {"sender": sender}})["statusCode"] == 200
    shop.world.cold()
    return number


def _posts(shop: Shop, platform: str) -> int:
    calls = shop.world.sandbox.calls(platform)
    return len([c for c in calls if c["method"] == "POST"])


def _loses(platform: str, lost: list[str]) -> Hook:
    """Return a hook that breaks the first hand-over to a platform."""

    def hook(request: Request) -> None:
        if request.name.startswith(f"POST /{platform}") and not lost:
            lost.append(request.name)
            raise httpx.ReadTimeout("lost")

    return hook


def test_a_text_in_doubt_is_looked_up_where_it_was_attempted(shop: Shop) -> None:
    """TEA-17: the sender was changed meanwhile: found at the old one, and sent by no other."""
    person, lost = Person(shop), list[str]()
    person.text("JOIN")(1)
    with Wire(shop.world).failing(after=_loses("text_em_all", lost)):
        shop.world.pump()
    assert lost
    _to_twilio(shop)
    settle(shop.world)
    assert (_posts(shop, "text_em_all"), _posts(shop, "twilio")) == (1, 0)
    assert _text_row(person, "opt_in_confirmation")["state"] == "sent"


def test_a_text_in_doubt_at_a_sender_that_is_gone_stays_uncertain(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """TEA-17: nobody can be asked any more: never sent again, an alarm metric says so."""
    _to_twilio(shop)
    person, lost = Person(shop), list[str]()
    person.text("JOIN")(1)
    with Wire(shop.world).failing(_loses("twilio", lost)):
        shop.world.pump()
    assert lost
    assert shop.admin("PATCH", "", {"settings": {"sender": None}})["statusCode"] == 200
    shop.world.cold()
    settle(shop.world)
    row = _text_row(person, "opt_in_confirmation")
    assert (row["state"], row["payload"]["reason"]) == ("uncertain", "no_sender")
    assert (_posts(shop, "text_em_all"), _posts(shop, "twilio")) == (0, 0)
    assert "SendUncertain" in capsys.readouterr().out
