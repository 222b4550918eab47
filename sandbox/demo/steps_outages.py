"""Steps 6 and 7: the other side is down, then our own table is out of reach."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from sandbox.demo.clients import Seen
from sandbox.demo.stage import Person, Stage, Timer, expect, until
from sandbox.demo.told import Sides, seconds

# A busy laptop takes seconds to start the function that nobody needed until now.
RESCUE_PATIENCE: Final = 30.0
# Evidence is in the table, and that is away.
LATER: Final = "follows, see below"


@contextmanager
def broken(stage: Stage, **fault: Any) -> Iterator[None]:
    """Order a fault and take it away again, whatever happens meanwhile.

    Taking it away makes the sandbox forget calls and texts too: counting begins anew.
    """
    stage.sandbox.fault(**fault)
    try:
        yield
    finally:
        stage.sandbox.reset()


def catapult_down(stage: Stage) -> list[Person]:
    """Opt-outs count at once; CATAPULT hears of each exactly once when it is back."""
    people = kim, leo = stage.joined("Kim", "Leo")
    account = f"/accounts/{stage.shop.source_account}"
    with broken(stage, platform="catapult", path=account, status=503):
        for person in people:
            timer = Timer()
            if person is kim:
                stage.text(person, "STOP")
            else:
                stage.at_shop(person, "web_cart", "opt_out", status=200)
            answered = timer()
            stage.expect_state(person, "opted_out")
            stage.expect_texts(person, 2)
            until(
                f"CATAPULT refuses the call about {person.name}",
                partial(stage.catapult_answers, person),
                lambda statuses: 503 in statuses,
            )
            sides = until(
                f"Text-Em-All shows {person.name} out, and CATAPULT cannot know",
                partial(stage.sides, person),
                lambda seen: seen == Sides(text_em_all=False, catapult=(True,)),
            )
            how = "texts STOP" if person is kim else "opts out in the web cart"
            stage.told.part(
                f"{person.name} {how}: suppressed in {seconds(answered)}",
                sides=sides,
                took=timer(),
                evidence=stage.evidence(person),
            )
    timer = Timer()
    for person in (kim, leo):
        sides = stage.settled(person, opted_in=False, texts=0)
        calls = stage.catapult_answers(person)
        expect(calls == [200], f"CATAPULT hears of {person.name} exactly once", calls)
        stage.told.part(
            f"CATAPULT is back: it hears of {person.name}, once",
            sides=sides,
            took=timer(),
            evidence=stage.evidence(person),
        )
    return people


def table_away(stage: Stage) -> list[Person]:
    """People are told how to opt out by text, and nothing of what they asked for is lost."""
    mia, ned, ola = stage.joined("Mia", "Ned", "Ola")
    asks = {"pos": (mia, "the cashier", "operator"), "web_cart": (ned, "the shopper", "shopper")}
    with broken(stage, platform="dynamodb", status=0):
        for via, (person, who, audience) in asks.items():
            timer = Timer()
            seen = stage.at_shop(person, via, "opt_out", status=503)
            took = timer()
            check_fallback(stage, seen, audience)
            stage.told.part(
                f"{person.name} opts out, {who} reads:",
                sides=stage.sides(person),
                took=took,
                evidence=LATER,
            )
            stage.told.note(f'"{seen.message}"')
        timer = Timer()
        stage.text(ola, "STOP", answer=202)
        stage.told.part(
            "Ola texts STOP: kept in the safety queue",
            sides=stage.sides(ola),
            took=timer(),
            evidence=LATER,
        )
    back = Timer()
    for person in (mia, ned, ola):
        until(
            f"{person.name} is out by itself",
            partial(stage.state, person),
            lambda state: state == "opted_out",
            RESCUE_PATIENCE,
        )
        sides = stage.settled(person, opted_in=False, texts=1)
        stage.told.part(
            f"The table is back: {person.name}'s opt-out is applied by itself",
            sides=sides,
            took=back(),
            evidence=stage.evidence(person),
        )
    return [mia, ned, ola]


def check_fallback(stage: Stage, seen: Seen, audience: str) -> None:
    """Check that the answer tells the right person the right number."""
    code, fallback = seen.body.get("code"), seen.body.get("fallback") or {}
    expect(code == "opt_out_not_confirmed", "the answer is opt_out_not_confirmed", code)
    who = fallback.get("audience")
    expect(who == audience, f"the wording is for the {audience}", who)
    number = fallback.get("number")
    expect(number == stage.shop.number, f"it names {stage.shop.number}", number)
    expect(stage.shop.number in seen.message, "the number stands on the screen", seen.message)
