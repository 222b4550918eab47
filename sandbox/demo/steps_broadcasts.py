"""Steps 9 to 12: a marketer texts two groups that overlap, from the list to the report."""

import csv
import json
import tempfile
import textwrap
from pathlib import Path
from typing import Any, Final

from sandbox.demo.crowd import (
    AWAY,
    COFFEE,
    NEW,
    VIP,
    Group,
    counts_of,
    gather,
    numbers_of,
)
from sandbox.demo.stage import Person, Stage, Timer, expect, until

# The cup costs a second segment: one character beyond GSM-7 makes all of them longer.
WITH_CUP: Final = "Corner Grocer: two coffees for the price of one, today until six ☕ See you!"
PLAIN: Final = WITH_CUP.replace("☕ ", "")
PACE: Final = 2.0  # texts a second: slow enough to watch
DEPTH: Final = 2  # seconds that are handed over at once: how far a STOP may be behind
_LINE: Final = 76
_FINAL: Final = frozenset({"finished", "cancelled"})


def groups(stage: Stage) -> Person:
    """CATAPULT's groups are read; those with an opted-in shopper are listed, with their counts."""
    stage.campaign.members = members = gather()
    timer = Timer()
    stage.sandbox.put_account(
        "catapult",
        stage.shop.source_account,
        groups=[{"id": g.group_id, "name": g.name} for g in (VIP, COFFEE, AWAY, NEW)],
        shoppers=[member.seed() for member in members],
    )
    price = {"amount": "0.0079", "currency": "USD"}
    settings = {"settings": {"rate": PACE, "depth_seconds": DEPTH, "segment_price": price}}
    stage.admin.ask("PATCH", f"/connections/{stage.shop.connection_id}", settings)
    ran = stage.concord.run("groups", "sync", stage.shop.connection_id)
    expect(ran.code == 0, "`concord groups sync` reads CATAPULT's shoppers", ran.last)
    stage.told.part(f"{len(members)} shoppers and 4 groups are read from CATAPULT", took=timer())

    timer = Timer()
    _opt_in(stage, numbers_of(members, VIP, COFFEE, AWAY))
    wanted = {g.group_id: counts_of(members, g) for g in (VIP, COFFEE, AWAY)}
    listed = until("the groups count those who opted in", lambda: _listed(stage), wanted.__eq__, 60)
    stage.told.part("Opted in from a file: the groups show it", took=timer())
    for group in (VIP, COFFEE, AWAY):
        shoppers, opted_in, numbers = listed[group.group_id]
        stage.told.note(
            f"{group.name}: {shoppers} shoppers, {opted_in} opted in, {numbers} numbers to text"
        )
    stage.told.note(f"{NEW.name}: nobody opted in, so it is not there")
    return members[0].person


def _opt_in(stage: Stage, numbers: set[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "opted-in.csv")
        with file.open("w", newline="") as opened:
            rows = csv.writer(opened)
            rows.writerow(["point", "channel"])
            rows.writerows([number, "sms"] for number in sorted(numbers))
        words = "signed up on the card at the till"
        ran = stage.concord.import_file(stage.shop.connection_id, file, words)
        expect(ran.code == 0, "`concord consents import` takes every number", ran.last)


def _listed(stage: Stage) -> dict[str, tuple[int, int, int]]:
    ran = stage.concord.run("--json", "groups", "list", stage.shop.connection_id)
    expect(ran.code == 0, "`concord groups list` answers", ran.last)
    return {
        group["group_id"]: (
            group["total_shoppers"],
            group["opted_in_shoppers"],
            group["textable_numbers"],
        )
        for group in json.loads(ran.out)["items"]
    }


def preview(stage: Stage) -> Person:
    """Two drafts: what the cup costs, who waits for morning, and what will really happen."""
    members = stage.campaign.members
    timer = Timer()
    first = _drafted(stage, "With a cup", WITH_CUP, VIP, COFFEE, AWAY)
    seen = _previewed(stage, first)
    everybody = numbers_of(members, VIP, COFFEE, AWAY)
    expect(seen["recipients"] == len(everybody), "each recipient counts once", seen)
    waits = [each["recipients"] for each in seen["waiting"]]
    expect(waits == [1], "Zoe, where it is night, waits for morning", waits)
    expect(seen["segments"] > 1, "the cup costs a second segment", seen["segments"])
    named = seen["forces_ucs_2"]["character"]
    expect(named == "☕", "the preview names the cup", named)
    stage.told.part(
        f"Preview: {len(everybody)} recipients, {seen['segments']} segments each", took=timer()
    )
    morning = seen["waiting"][0]["local_start"]
    stage.told.note(f"☕ makes it {seen['segments']}; Zoe waits for her morning: {morning}")

    timer = Timer()
    stage.campaign.broadcast = _drafted(stage, "Two for one", PLAIN, VIP, COFFEE)
    stage.campaign.preview = seen = _previewed(stage, stage.campaign.broadcast)
    wanted = len(numbers_of(members, VIP, COFFEE))
    expect(seen["texts_at_once"] == wanted, f"{wanted} would be texted", seen)
    expect(seen["segments"] == 1, "one segment without the cup", seen["segments"])
    cost = f"{seen['cost']['amount']} {seen['cost']['currency']}"
    stage.told.part(f"Without it: {wanted} recipients, 1 segment each, {cost}", took=timer())
    stage.told.note(f"at {PACE:g} a second the last text would start {seen['expected_finish']}")
    return members[0].person


def _drafted(stage: Stage, name: str, text: str, *of: Group) -> str:
    chosen = [word for group in of for word in ("--group", group.group_id)]
    words = ("create", stage.shop.connection_id, "--name", name, *chosen, "--text", text)
    ran = stage.concord.run("broadcasts", *words)
    expect(ran.code == 0, "`concord broadcasts create` makes a draft", ran.last)
    return ran.out.strip()


def _previewed(stage: Stage, broadcast: str) -> dict[str, Any]:
    ran = stage.concord.run("--json", "broadcasts", "preview", broadcast)
    expect(ran.code == 0, "`concord broadcasts preview` answers", ran.last)
    result: dict[str, Any] = json.loads(ran.out)["result"]
    return result


def send(stage: Stage) -> Person:
    """Sent to herself first, then to all; held half-way, a STOP, and on."""
    (dana,) = stage.joined("Dana")
    broadcast = stage.campaign.broadcast
    timer = Timer()
    ran = stage.concord.run("broadcasts", "test", broadcast, "--to", dana.number)
    expect(ran.code == 0, "`concord broadcasts test` sends it to Dana", ran.last)
    stage.expect_texts(dana, 2)
    expect(PLAIN in stage.texts(dana)[1], "Dana reads the real text")
    stage.told.part("Dana, the marketer, reads it on her own phone first", took=timer())

    timer = Timer()
    _concord(stage, "send")
    until("some are texted", lambda: _now(stage), lambda now: now["sent"] > 0, 40)
    _concord(stage, "pause")
    held = until("all is out", lambda: _texted(stage), lambda n: n == _now(stage)["sent"], 30)

    expect(0 < held < stage.campaign.preview["recipients"], "it is held half-way", held)
    stage.told.part(f"Sent, and held half-way: {held} texts are out", took=timer())

    timer = Timer()
    stage.campaign.stopped = eve = _not_yet_texted(stage)
    stage.text(eve, "STOP")
    stage.expect_state(eve, "opted_out")
    stage.told.part(
        f"{eve.name} texts STOP before her turn", took=timer(), evidence=stage.evidence(eve)
    )

    timer = Timer()
    code = stage.concord.follow("broadcasts", "resume", stage.campaign.broadcast, "--follow")
    expect(code == 0, "`concord broadcasts resume --follow` shows the rest", code)
    over = until("it is over", lambda: _now(stage), lambda now: now["state"] in _FINAL)
    expect(over["state"] == "finished", "it finishes", over)
    stage.told.part(f"Resumed: {over['sent']} sent, each once", took=timer())
    return eve


def _concord(stage: Stage, act: str) -> None:
    ran = stage.concord.run("broadcasts", act, stage.campaign.broadcast)
    expect(ran.code == 0, f"`concord broadcasts {act}` is taken", ran.last)


def _now(stage: Stage) -> dict[str, Any]:
    connection, _, broadcast = stage.campaign.broadcast.partition("/")
    found: dict[str, Any] = stage.admin.ask(
        "GET", f"/connections/{connection}/broadcasts/{broadcast}"
    )
    return found


def _texts_of(stage: Stage, number: str) -> int:
    return sum(PLAIN in text["text"] for text in stage.sandbox.texts(number))


def _texted(stage: Stage) -> int:
    return sum(_texts_of(stage, number) for number in _recipients(stage))


def _recipients(stage: Stage) -> set[str]:
    return numbers_of(stage.campaign.members, VIP, COFFEE)


def _not_yet_texted(stage: Stage) -> Person:
    """Return a shopper with one number of her own who has not got the text."""
    recipients = _recipients(stage)
    for member in stage.campaign.members:
        person = member.person
        alone = len(person.numbers) == 1 and person.name.startswith("Guest")
        if alone and person.number in recipients and not _texts_of(stage, person.number):
            return person
    raise AssertionError("somebody waits for her text, since it was held half-way")


def report(stage: Stage) -> Person:
    """The report adds up, equals the preview but for the STOP, and explains every text."""
    eve, foreseen, over = stage.campaign.stopped, stage.campaign.preview, _now(stage)
    assert eve is not None
    skipped = sum(over["skipped"].values())
    in_all = over["sent"] + skipped + over["uncertain"]
    expect(in_all == over["audience"], "sent + skipped + uncertain = audience", over)
    expect(over["skipped"] == {"opted_out_after_queue": 1}, "only the STOP is skipped", over)
    expect(over["sent"] == foreseen["texts"] - 1, "the preview came true but for the STOP", over)
    got = {number: _texts_of(stage, number) for number in _recipients(stage)}
    wrong = {number for number, texts in got.items() if texts != (number != eve.number)}
    expect(not wrong, "each got it once, and she who said STOP did not", len(wrong))
    stage.told.part(f"Report: {over['sent']} sent + {skipped} skipped = {over['audience']}")

    for person, outcome in ((eve, "skipped"), (_somebody_else(stage, eve), "sent")):
        timer = Timer()
        words = ("--json", "why", person.number, stage.campaign.broadcast)
        ran = stage.concord.run(*words)
        expect(ran.code == 0, "`concord why` answers", ran.last)
        why = json.loads(ran.out)
        expect(why["outcome"] == outcome, f"{person.name}'s text was {outcome}", why)
        stage.told.part(
            f"`concord why` {person.name}: {outcome}",
            took=timer(),
            evidence=why["consent_event_id"],
        )
        for sentence in why["explanation"][:2]:
            for line in textwrap.wrap(sentence, _LINE):
                stage.told.note(line)
    return eve


def _somebody_else(stage: Stage, eve: Person) -> Person:
    return next(
        member.person
        for member in stage.campaign.members
        if member.opted_in and VIP in member.groups and member.person != eve
    )
