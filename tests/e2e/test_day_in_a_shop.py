"""The demo's eight steps, each with what a demo cannot show: nothing more than this happened."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox.demo import steps_joining, steps_leaving, steps_outages, steps_proof
from sandbox.demo.schedules import run_schedule
from sandbox.demo.stage import Person, Stage, until

JOINED = (
    "Corner Grocer: you are subscribed to our texts. "
    "Reply STOP to end, HELP for help. Msg & data rates may apply."
)
LEFT = (
    "Corner Grocer: you are unsubscribed and will get no more texts. "
    "Text UNSTOP to subscribe again."
)
INVITED = (
    "Corner Grocer: reply JOIN to get our texts. Reply STOP to opt out. Msg & data rates may apply."
)


def events(stage: Stage, person: Person) -> list[dict[str, Any]]:
    """Return what the evidence says of her, oldest first."""
    path = f"/connections/{stage.shop.connection_id}/consents/lookup"
    found: list[dict[str, Any]] = stage.admin.ask(
        "POST", path, {"channel": "sms", "point": person.number}
    )["events"]
    return found


def leave_and_count(stage: Stage, person: Person, texts: int) -> None:
    """Let her text STOP: its confirmation is the last of exactly `texts`.

    A text that should not be there would have been queued before it. So nobody has to wait for
    what must not come.
    """
    stage.text(person, "STOP")
    stage.settled(person, opted_in=False, texts=texts)


def test_join_opts_in_one_number_and_confirms_once(stage: Stage) -> None:
    """TEA-12, TEA-13: only that number of hers flips; a second JOIN has no second confirmation."""
    ann = steps_joining.by_keyword(stage)
    received = stage.sandbox.texts(ann.number)
    assert [(text["from"], text["text"]) for text in received] == [(stage.shop.number, JOINED)]
    for other in ann.numbers[1:]:
        assert stage.connect.state(other) == "unknown"
        assert stage.sandbox.contact(stage.shop.account, other) is None
        assert stage.sandbox.texts(other) == []
    stage.text(ann, "join.")
    leave_and_count(stage, ann, texts=2)
    assert stage.texts(ann) == [JOINED, LEFT]


def test_an_unknown_number_waits_as_unmatched(stage: Stage) -> None:
    """TEA-12: a number that no shopper carries opts in, and waits for one in the review queue."""
    (known,) = stage.shoppers("Una")
    stranger = Person("Una", known.shopper_id, (f"{known.number[:-6]}000001",))
    stage.text(stranger, "JOIN")
    stage.expect_state(stranger, "opted_in")
    stage.expect_texts(stranger, 1)
    path = f"/connections/{stage.shop.connection_id}/reviews"
    until(
        "the number waits as unmatched",
        lambda: [
            item["point"]
            for item in stage.admin.ask("GET", path, params={"kind": "unmatched"})["items"]
        ],
        lambda points: stranger.number in points,
    )


def test_a_till_invites_once_and_only_join_opts_in(stage: Stage) -> None:
    """TEA-15, TEA-16: one invitation within 24 h however often she is asked for."""
    ben = steps_joining.asked_at_the_till(stage)
    assert stage.texts(ben) == [INVITED, JOINED]
    again = stage.at_shop(ben, "pos", "opt_in", status=200)
    assert again.body["state"] == "opted_in"
    (may,) = stage.shoppers("May")
    for _ in range(2):
        assert stage.at_shop(may, "pos", "opt_in", status=200).body["state"] == "pending"
    stage.text(may, "ok")
    stage.expect_state(may, "pending")
    stage.text(may, "Join!")
    stage.settled(may, opted_in=True, texts=2)
    assert stage.texts(may) == [INVITED, JOINED]


def test_stop_suppresses_before_the_answer_and_confirms_once(stage: Stage) -> None:
    """TEA-17, R-05: four wordings; the fuzzy one is queued for review, and suppresses as well."""
    people = steps_leaving.by_text(stage)
    for person in people:
        assert stage.texts(person) == [JOINED, LEFT]
    bases = {person.name: events(stage, person)[-1]["basis"] for person in people}
    assert bases == {"Cleo": "explicit", "Dan": "explicit", "Eve": "assumed", "Finn": "explicit"}
    path = f"/connections/{stage.shop.connection_id}/reviews"
    waiting = stage.admin.ask("GET", path, params={"kind": "fuzzy"})["items"]
    assert [item["text"] for item in waiting] == ["please stop texting me"]


def test_a_stop_delivered_twice_is_one(stage: Stage) -> None:
    """TEA-17: the platform repeats a webhook; there is one event and one confirmation."""
    (rae,) = stage.joined("Rae")
    fixed = {"id": f"in_{rae.shopper_id}", "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    for _ in range(3):
        answer = stage.sandbox.text(rae.number, stage.shop.number, "STOP", **fixed)
        assert answer.status_code == 204
    stage.settled(rae, opted_in=False, texts=2)
    assert [event["kind"] for event in events(stage, rae)] == ["join", "opt_out"]
    stage.text(rae, "UNSTOP")
    stage.settled(rae, opted_in=True, texts=3)
    assert stage.texts(rae) == [JOINED, LEFT, JOINED]


def test_an_event_id_means_one_thing(stage: Stage) -> None:
    """The same id with another body is refused, unless it is an opt-out: that always counts."""
    (sol,) = stage.shoppers("Sol")
    body = {"event_id": f"e-{sol.shopper_id}", "channel": "sms", "point": sol.number, "via": "pos"}
    first = stage.connect.call("POST", "/consents", {**body, "action": "opt_in"})
    again = stage.connect.call("POST", "/consents", {**body, "action": "opt_in"})
    assert (first.status_code, first.json()["state"]) == (200, "pending")
    assert again.json()["state"] == "pending"
    other = stage.connect.call("POST", "/consents", {**body, "action": "opt_in", "via": "account"})
    assert (other.status_code, other.json()["code"]) == (409, "event_id_reused")
    out = stage.connect.call("POST", "/consents", {**body, "action": "opt_out"})
    assert (out.status_code, out.json()["state"]) == (200, "opted_out")


def test_the_shops_own_doors_opt_out_too(stage: Stage) -> None:
    """TEA-19: web cart, till and WebOffice do what STOP does; door and operator are recorded."""
    for person in steps_leaving.at_the_shop(stage):
        assert stage.texts(person) == [JOINED, LEFT]
        last = events(stage, person)[-1]
        assert last["via"] == steps_leaving.DOORS[person.name][0]
        assert last["personal"]["actor"] == "ada"


def test_nothing_but_unstop_brings_anybody_back(stage: Stage, another_shop: Stage) -> None:
    """TEA-18: JOIN, START, upload and till are refused; UNSTOP to another shop does nothing here.

    TEA-03: the opt-out holds for the account; the other merchant's account is another matter.
    """
    june = steps_leaving.only_unstop_returns(stage)
    assert stage.texts(june) == [JOINED, LEFT, JOINED]
    refused = [event["rejection"] for event in events(stage, june) if event["rejection"]]
    assert refused == ["must_text_unstop"] * 4

    leave_and_count(stage, june, texts=4)
    elsewhere = stage.sandbox.text(june.number, another_shop.shop.number, "UNSTOP")
    assert elsewhere.status_code == 204
    assert another_shop.connect.state(june.number) == "opted_in"
    stage.expect_state(june, "opted_out")
    assert stage.sandbox.contact(stage.shop.account, june.number) is False


def test_any_text_number_of_the_account_stops_all_of_them(stage: Stage) -> None:
    """TEA-03: STOP to the second number; the confirmation comes from the number she texted."""
    (tess,) = stage.joined("Tess")
    second = stage.shop.text_numbers[1]
    assert stage.sandbox.text(tess.number, second, "STOP").status_code == 204
    stage.expect_state(tess, "opted_out")
    stage.settled(tess, opted_in=False, texts=2)
    assert stage.sandbox.texts(tess.number)[-1]["from"] == second


def test_help_is_answered_once_in_any_state(stage: Stage) -> None:
    """HELP gets one reply and changes nothing."""
    (hope,) = stage.shoppers("Hope")
    stage.text(hope, "help")
    stage.expect_texts(hope, 1)
    stage.expect_state(hope, "unknown")
    assert stage.texts(hope)[0].startswith("Corner Grocer texts: reply STOP to end")


def test_catapult_hears_of_each_opt_out_once_when_it_is_back(stage: Stage) -> None:
    """TEA-11, TEA-22, R-06: an outage delays no suppression, and repeats no effect."""
    people = steps_outages.catapult_down(stage)
    # The five-minute sweep finds nothing that was left behind.
    run_schedule(stage.stack, "SyncSweep", datetime.now(UTC) + timedelta(minutes=10))
    for person in people:
        stage.text(person, "UNSTOP")
        stage.settled(person, opted_in=True, texts=1)
        assert stage.catapult_answers(person) == [200, 200]


def test_nothing_is_lost_while_the_table_is_away(stage: Stage) -> None:
    """TEA-20, TEA-21, TEA-22, L-08: told how to text STOP, applied by itself, confirmed once."""
    people = steps_outages.table_away(stage)
    for person in people:
        assert stage.texts(person) == [LEFT]
        assert [event["kind"] for event in events(stage, person)] == ["join", "opt_out"]


def test_the_dossier_proves_itself(stage: Stage, tmp_path: Path) -> None:
    """L-01, R-03: a changed value and a dropped tail are named, and so is every other forgery."""
    pia = steps_proof.dossier(stage)
    file = tmp_path / "dossier.json"
    assert stage.concord.export(stage.shop.connection_id, pia.number, file).code == 0
    document = json.loads(file.read_text())
    key = str(stage.admin.ask("GET", "/health")["public_key"])
    forgeries: dict[str, Callable[[list[Any]], object]] = {
        "event 1 ": lambda chain: chain.reverse(),
        "event 2 ": lambda chain: chain.pop(1),
        "event 3 ": lambda chain: chain[2]["personal"].update(text="UNSTOP please"),
    }
    for blamed, forge in forgeries.items():
        file.write_text(json.dumps(steps_proof.forged(document, forge)))
        ran = stage.concord.verify(file, key)
        assert ran.code == 1
        assert blamed in ran.out
    file.write_text(json.dumps(document))
    assert stage.concord.verify(file, "A" * 43 + "=").code != 0


@pytest.mark.parametrize("words", ["when do you stop serving breakfast?", "don't stop"])
def test_a_text_that_only_sounds_like_it_changes_nothing(stage: Stage, words: str) -> None:
    """R-05: these must not suppress."""
    (vera,) = stage.joined("Vera")
    stage.text(vera, words)
    stage.expect_state(vera, "opted_in")
    leave_and_count(stage, vera, texts=2)
