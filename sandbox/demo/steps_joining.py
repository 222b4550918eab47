"""Steps 1 and 2: how people come in."""

from sandbox.demo.stage import Person, Stage, Timer, expect
from sandbox.demo.told import Sides


def by_keyword(stage: Stage) -> Person:
    """A shopper texts JOIN; of her three numbers only that one is opted in."""
    (ann,) = stage.shoppers("Ann", numbers=3)
    timer = Timer()
    stage.text(ann, "JOIN")
    stage.expect_state(ann, "opted_in")
    sides = stage.settled(ann, opted_in=True, texts=1)
    took = timer()
    expect(stage.shop.name in stage.texts(ann)[0], "the text confirms it in the shop's name")
    stage.told.part(
        "Ann texts JOIN: confirmed, of her 3 numbers one is in",
        sides=sides,
        took=took,
        evidence=stage.evidence(ann),
    )
    return ann


def asked_at_the_till(stage: Stage) -> Person:
    """A cashier asks; the shopper's own JOIN is what counts."""
    (ben,) = stage.shoppers("Ben")
    timer = Timer()
    seen = stage.at_shop(ben, "pos", "opt_in", status=200)
    expect(seen.body["state"] == "pending", "the till shows `pending`", seen.body["state"])
    stage.expect_texts(ben, 1)
    took = timer()
    expect("reply JOIN" in stage.texts(ben)[0], 'the text says "reply JOIN"')
    sides = stage.sides(ben)
    expect(sides == Sides(None, (False,)), "nobody is in before JOIN", sides)
    evidence = str(seen.body["consent_event_id"])
    stage.told.part(
        "A cashier asks for Ben: one text, reply JOIN", sides=sides, took=took, evidence=evidence
    )

    timer = Timer()
    stage.text(ben, "JOIN")
    sides = stage.settled(ben, opted_in=True, texts=2)
    stage.told.part(
        "Ben replies JOIN: confirmed", sides=sides, took=timer(), evidence=stage.evidence(ben)
    )
    return ben
