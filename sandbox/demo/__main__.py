"""`python -m sandbox.demo`: plays one day in a shop on the running stack, and checks all of it."""

import os
import sys
from collections.abc import Callable
from typing import Final

import httpx

from sandbox.demo import (
    steps_broadcasts,
    steps_export,
    steps_joining,
    steps_leaving,
    steps_outages,
    steps_points,
    steps_proof,
)
from sandbox.demo.clients import NoStackError, read_stack
from sandbox.demo.stage import MissError, Stage, Timer, explain
from sandbox.demo.told import Told, seconds

type Step = Callable[[Stage], object]

STEPS: Final[tuple[tuple[str, Step], ...]] = (
    ("A shopper texts the join keyword", steps_joining.by_keyword),
    ("A cashier asks for an opt-in", steps_joining.asked_at_the_till),
    ("Four ways to say stop, one confirmation each", steps_leaving.by_text),
    ("Three more doors out, one confirmation each", steps_leaving.at_the_shop),
    ("Nothing but UNSTOP brings anybody back", steps_leaving.only_unstop_returns),
    ("CATAPULT is down: opt-outs hold, and arrive later", steps_outages.catapult_down),
    ("Our own table is out of reach: nothing is lost", steps_outages.table_away),
    ("Proof, for anybody to check", steps_proof.dossier),
    ("Groups from CATAPULT: who can be texted", steps_broadcasts.groups),
    ("A draft, and what would happen", steps_broadcasts.preview),
    ("Sent, held half-way, a STOP, and on", steps_broadcasts.send),
    ("A report that adds up, and explains itself", steps_broadcasts.report),
    ("A coffee house connects Ecomail", steps_points.connect),
    ("All customers are exported, once", steps_export.export),
    ("An order earns points, a refund takes its own back", steps_points.order),
    ("A newsletter sign-up is rewarded, once", steps_points.newsletter),
    ("The nights: a notice, expiry, and books that add up", steps_points.night),
)


def main() -> int:
    """Play the day; 1 and one clear line as soon as something is not as it should be."""
    told = Told()
    timer = Timer()
    try:
        stack = read_stack()
        told.headline("One day in a shop: Text-Em-All and CATAPULT, in agreement through Concord")
        stage = Stage(stack, told)
        told.note(
            f"{stage.shop.name} is connected: {stage.shop.connection_id} ({seconds(timer())})"
        )
        for number, (title, step) in enumerate(STEPS, 1):
            told.step(number, title)
            step(stage)
    except NoStackError as problem:
        told.miss(str(problem))
    except MissError as problem:
        told.miss(str(problem))
        told.note(f"logs of the local stack: {stack.file.parent}/logs")
    except httpx.HTTPError as problem:
        told.miss(explain(problem))
        told.note(f"logs of the local stack: {stack.file.parent}/logs")
    except KeyboardInterrupt:
        told.miss("interrupted")
        return 130
    else:
        told.end(f"All {len(STEPS)} steps held, in {seconds(timer())}.", where_next(stage))
        return 0
    return 1


def where_next(stage: Stage) -> list[tuple[str, str]]:
    """Return what to try now."""
    named = os.environ.get("CONCORD_LOCAL_DIR")
    chosen = f" --stack {named}/stack.json" if named else ""
    concord = f".venv/bin/concord{chosen}"
    cid = stage.shop.connection_id
    person = stage.campaign.stopped
    assert person is not None
    ana, programme = stage.cafe.guest("Ana").customer_id, stage.cafe.programme
    return [
        ("API (signed: use concord)", stage.stack.api_url),
        ("every call a platform got", f"{stage.stack.sandbox_url}/_calls"),
        ("is all well?", f"{concord} health"),
        ("this connection", f"{concord} connections show {cid}"),
        (f"{person.name}'s evidence", f"{concord} consents show {cid} {person.number}"),
        ("fuzzy opt-outs to review", f"{concord} reviews list {cid}"),
        ("the broadcast", f"{concord} broadcasts show {stage.campaign.broadcast}"),
        ("Ana's points", f"{concord} points statement {ana} --programme {programme}"),
        ("whatever came in", f"{concord} inbox list {stage.shop.merchant_id}"),
        ("stop it all", "make down"),
    ]


if __name__ == "__main__":
    sys.exit(main())
