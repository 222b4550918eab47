"""Steps 3 to 5: how people leave, and the one way back."""

import json
import tempfile
from pathlib import Path
from typing import Final

from sandbox.demo.stage import Person, Stage, Timer, expect
from sandbox.demo.told import Sides, seconds

WORDS: Final = {
    "Cleo": "STOP",
    "Dan": " Stop. ",
    "Eve": "please stop texting me",
    "Finn": "REVOKE",
}
DOORS: Final = {
    "Gina": ("web_cart", "in the web cart"),
    "Hal": ("pos", "at the till"),
    "Ida": ("web_office", "in WebOffice"),
}


def by_text(stage: Stage) -> list[Person]:
    """Four people say it in four ways; each is out before the webhook is answered."""
    people = stage.joined(*WORDS)
    for person in people:
        timer = Timer()
        stage.text(person, WORDS[person.name])
        answered = timer()
        stage.expect_state(person, "opted_out")
        sides = stage.settled(person, opted_in=False, texts=2)
        stage.told.part(
            f'{person.name} texts "{WORDS[person.name]}": suppressed in {seconds(answered)}',
            sides=sides,
            took=timer(),
            evidence=stage.evidence(person),
        )
    return people


def at_the_shop(stage: Stage) -> list[Person]:
    """An opt-out at any of the shop's own doors does the same."""
    people = stage.joined(*DOORS)
    for person in people:
        via, where = DOORS[person.name]
        timer = Timer()
        seen = stage.at_shop(person, via, "opt_out", status=200)
        answered = timer()
        stage.expect_state(person, "opted_out")
        sides = stage.settled(person, opted_in=False, texts=2)
        stage.told.part(
            f"{person.name} opts out {where}: suppressed in {seconds(answered)}",
            sides=sides,
            took=timer(),
            evidence=str(seen.body["consent_event_id"]),
        )
    return people


def only_unstop_returns(stage: Stage) -> Person:
    """Whatever else is tried for somebody who opted out is refused, without a text."""
    (june,) = stage.joined("June")
    stage.text(june, "STOP")
    out = stage.settled(june, opted_in=False, texts=2)

    for word in ("JOIN", "START"):
        timer = Timer()
        stage.text(june, word)
        took = timer()
        _still_out(stage, june, out)
        evidence = stage.evidence(june)
        stage.told.part(f"June texts {word}: refused", sides=out, took=took, evidence=evidence)

    timer = Timer()
    upload(stage, june)
    took = timer()
    _still_out(stage, june, out)
    evidence = stage.evidence(june)
    stage.told.part(
        "A file names June: refused, must_text_unstop",
        sides=out,
        took=took,
        evidence=evidence,
    )

    timer = Timer()
    seen = stage.at_shop(june, "pos", "opt_in", status=409)
    took = timer()
    code, text_to = seen.body["code"], seen.body.get("text_to")
    expect(code == "must_text_unstop", "the till is refused with must_text_unstop", code)
    expect(text_to == stage.shop.number, "and told the number to text to", text_to)
    _still_out(stage, june, out)
    evidence = stage.evidence(june)
    stage.told.part(
        "The till names June: refused, must_text_unstop",
        sides=out,
        took=took,
        evidence=evidence,
    )

    timer = Timer()
    stage.text(june, "UNSTOP")
    # Three in all: joined, left, came back. None of the refusals caused one.
    sides = stage.settled(june, opted_in=True, texts=3)
    stage.told.part(
        "June texts UNSTOP: in again, confirmed",
        sides=sides,
        took=timer(),
        evidence=stage.evidence(june),
    )
    return june


def upload(stage: Stage, person: Person) -> None:
    """Import a file of one row with the `concord` command; the row has to be refused."""
    with tempfile.TemporaryDirectory() as folder:
        file, errors = Path(folder, "opt-ins.csv"), Path(folder, "opt-ins.csv.errors.csv")
        file.write_text(f"point,evidence\n{person.number},spring raffle card\n")
        vouched = "raffle cards, collected at the till"
        ran = stage.concord.import_file(stage.shop.connection_id, file, vouched)
        expect(ran.code == 1, "`concord consents import` says that a row was refused", ran.last)
        results = json.loads(ran.out)["results"]
        wanted = {"must_text_unstop": 1}
        expect(results == wanted, "the row is refused with must_text_unstop", results)
        expect(person.number in errors.read_text(), "and lands in the file of refused rows")


def _still_out(stage: Stage, person: Person, out: Sides) -> None:
    stage.expect_state(person, "opted_out")
    sides = stage.sides(person)
    expect(sides == out, f"both sides go on showing {person.name} out", sides)
