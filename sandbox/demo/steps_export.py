"""Step 14: all customers that the coffee house has had for long are exported to Ecomail, once."""

import re
import subprocess
import sys
from typing import Final

from sandbox.demo.cafe import Cafe
from sandbox.demo.clients import ROOT
from sandbox.demo.command import Ran
from sandbox.demo.stage import Stage, Timer, expect

REGULARS: Final = 2_000
_WITHOUT_ADDRESS: Final = 200


def export(stage: Stage) -> None:
    """Everybody is counted, whoever may be written is written once, and a second run writes none.

    Ecomail's webhook is set by hand, in its own settings: the coffee house does that afterwards.
    """
    cafe = stage.cafe
    timer = Timer()
    _were_there(cafe)
    out = cafe.regular(7)
    cafe.opt_out(out)
    stage.told.part(f"Kavarna has had {REGULARS:,} customers for long; one opted out", took=timer())
    stage.told.note("(rows put into the table: the shop's API would have exported each at once)")

    timer = Timer()
    written = REGULARS - _WITHOUT_ADDRESS - 1
    left_out = {"no email": _WITHOUT_ADDRESS, "opted out": 1}
    ran = _exported(stage, {"created": written, "updated": 0, **left_out})
    subscribed = cafe.list_now()["subscribers"]["subscribed"]
    expect(subscribed == written, f"Ecomail's list has {written:,} contacts", subscribed)
    expect(cafe.shown(out) == {}, "who opted out is not in the list", cafe.shown(out))
    calls = cafe.bulk_calls()
    stage.told.part(f"`concord exports start`: {calls} calls, and all are counted", took=timer())
    for line in _moments(ran):
        stage.told.note(line)
    stage.told.note(f"{REGULARS:,} = {written:,} created + {_WITHOUT_ADDRESS} no email + 1 out")

    timer = Timer()
    _exported(stage, {"created": 0, "updated": 0, "unchanged": written, **left_out})
    again = cafe.bulk_calls() - calls
    expect(again == 0, "a second export writes nobody", again)
    cafe.listen()
    stage.told.part("A second export changes nothing, without one write", took=timer())
    stage.told.note(f"(its webhook is set only now: it would tell us of all {written:,} writes)")


def _were_there(cafe: Cafe) -> None:
    words = ("scripts.known_customers", cafe.connection_id, str(REGULARS))
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    expect(done.returncode == 0, "customers of long ago are put into the table", done.stderr[-300:])


def _exported(stage: Stage, wanted: dict[str, int]) -> Ran:
    """Export as an operator does, with the bar where somebody watches; check what it came to."""
    ran = stage.concord.watched("exports", "start", stage.cafe.connection_id)
    expect(ran.code == 0, "`concord exports start` ends well", ran.last)
    facts = dict(re.findall(r"^(\w[\w ]*?) {2,}(\S.*)$", ran.out, re.MULTILINE))
    saw = {name: int(facts.get(name, 0)) for name in wanted}
    expect(saw == wanted, "each customer is counted once, by what became of her", saw)
    expect(int(facts["customers"]) == sum(wanted.values()), "and they add up", facts["customers"])
    return ran


def _moments(ran: Ran) -> list[str]:
    """Return some of what was shown on the way; nothing where a bar was."""
    lines = [line for line in ran.said.splitlines() if line.startswith("Exporting: ")]
    return [*lines[:1], *lines[len(lines) // 2 : -1][:1], *lines[1:][-1:]]
