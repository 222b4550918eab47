"""Steps 13, 15 to 17: a coffee house connects Ecomail; points come, are taken back, expire."""

import json
from datetime import date, timedelta
from typing import Any, Final

from sandbox.demo.cafe import NOTICE_DAYS, REWARD, Cafe, Guest
from sandbox.demo.stage import Stage, Timer, expect, until

# A night is eight parts, and a busy laptop starts the functions that nobody needed until now.
PATIENCE: Final = 90.0
_DAY: Final = timedelta(days=1)


def connect(stage: Stage) -> None:
    """A wrong key is refused with a hint; the right one connects, and makes the fields once."""
    cafe = stage.cafe
    cafe.open()
    timer = Timer()
    refused = cafe.link("not-the-key")
    code = refused.get("code")
    expect(code == "invalid_api_key", "a wrong API key is refused as invalid_api_key", code)
    hint = str(refused["errors"][0]["message"])
    expect("check" in hint.lower(), "with the hint to check it", hint)
    expect(cafe.links() == 0, "and nothing is stored")
    stage.told.part("A wrong API key is refused, and nothing is stored", took=timer())
    stage.told.note(f'"{hint}"')

    timer = Timer()
    made = cafe.link(cafe.api_key)
    expect(bool(cafe.connection_id), "the right API key is taken", made.get("code"))
    path = f"/connections/{cafe.connection_id}"
    lists = [each["name"] for each in stage.admin.ask("GET", f"{path}/lists")["items"]]
    expect(lists == ["Customers"], "Ecomail's lists are shown", lists)
    chosen = {"destination": {"settings": {"list_id": str(cafe.list_id)}}}
    stage.admin.ask("PATCH", path, chosen)
    stage.told.part("The right one shows Ecomail's lists; one is chosen", took=timer())

    timer = Timer()
    before = _fields(cafe)
    cafe.move("pending")
    cafe.move("connected")
    after = _fields(cafe)
    ours = sorted(name for name in after - before if name.startswith("ellity_"))
    expect("ellity_credit_num" in ours, "connecting makes the ellity_* fields", sorted(after))
    expect(before == after - set(ours), "and leaves the list's own fields alone", sorted(after))
    written = len(cafe.writes())
    cafe.move("paused")
    cafe.move("connected")
    again = len(cafe.writes()) - written
    expect(again == 0, "connecting a second time makes none", again)
    stage.told.part(f"Connected: {len(ours)} ellity_* fields; a second time none", took=timer())


def _fields(cafe: Cafe) -> set[str]:
    return set(cafe.list_now()["list"]["custom_fields"])


def order(stage: Stage) -> None:
    """Ecomail shows the balance before it is told of it; a refund takes its own points back."""
    cafe, ana = stage.cafe, stage.cafe.guest("Ana")
    timer = Timer()
    cafe.save(ana)
    _shows(cafe, ana, 0)
    stage.told.part("Ana becomes a customer: Ecomail has her", took=timer())

    timer = Timer()
    cafe.order(ana, "1001", "1209.00")
    _told(cafe, ana, [{"credits": 120, "change": 120}])
    stage.told.part("She orders for 1,209 CZK: 120 points, shown and then told", took=timer())

    timer = Timer()
    for _ in range(2):
        cafe.refund("1001", "r-1", "500.00")
    _has(cafe, ana, 70)
    cafe.order(ana, "1002", "100.00")
    changes = [(120, 120), (70, -50), (80, 10)]
    _told(cafe, ana, [{"credits": left, "change": by} for left, by in changes])
    stage.told.part("A refund of 500 CZK, told twice: 50 points go, once", took=timer())
    stage.told.note("and 10 points come with her next order: Ecomail shows 80")


def _shows(cafe: Cafe, guest: Guest, points: int) -> None:
    until(
        f"Ecomail shows {points} points of {guest.name}",
        lambda: cafe.shown(guest).get("ellity_credit_num"),
        points.__eq__,
        PATIENCE,
    )


def _told(cafe: Cafe, guest: Guest, wanted: list[dict[str, int]]) -> None:
    """Wait for these `credit` events, in any order; none was told before its balance stood."""

    def events() -> list[dict[str, Any]]:
        return sorted(cafe.events(guest, "credit"), key=json.dumps)

    last = wanted[-1]["credits"]
    foreseen = sorted(wanted, key=json.dumps)
    until(f"Ecomail is told that {guest.name} has {last}", events, foreseen.__eq__, PATIENCE)
    _shows(cafe, guest, last)
    writes = [_of(body, guest) for body in cafe.writes()]
    before = writes[: writes.index(("credit", last))]
    shown = [points for what, points in before if what == "fields"]
    expect(shown[-1:] == [last], f"Ecomail shows {last} before it is told", shown)


def _of(body: dict[str, Any], guest: Guest) -> tuple[str, Any]:
    """Return what a write says of the guest's points: (`fields` or the event's label, points)."""
    data, event = body.get("subscriber_data", {}), body.get("event", {})
    field = data.get("custom_fields", {}).get("ellity_credit_num")
    if data.get("email", body.get("email")) == guest.email and field is not None:
        return "fields", field["value"] if isinstance(field, dict) else field
    if event.get("email") == guest.email:
        value = event["value"]
        return event["label"], (json.loads(value) if isinstance(value, str) else value)["credits"]
    return "", None


def newsletter(stage: Stage) -> None:
    """A sign-up is rewarded once, however often it is told; our own export is no sign-up."""
    cafe, iva, jan = stage.cafe, stage.cafe.guest("Iva"), stage.cafe.guest("Jan")
    timer = Timer()
    answers = cafe.form(iva, times=3)
    expect(answers == [204] * 3, "Ecomail's webhook is taken each time", answers)
    cafe.save(iva)
    _has(cafe, iva, REWARD)
    _shows(cafe, iva, REWARD)
    stage.told.part(f"Iva signs up, told three times: {REWARD} points, once", took=timer())

    timer = Timer()
    cafe.form(iva)
    cafe.save(jan)
    _shows(cafe, jan, 0)
    echoes = len(cafe.list_now()["hooks"]) - 4
    expect(echoes > 0, "Ecomail tells us of what we wrote ourselves", echoes)
    # Whoever signs up after all that is rewarded after it: then nothing of it is left to do.
    late = cafe.guest("Eva")
    cafe.form(late)
    cafe.save(late)
    _has(cafe, late, REWARD)
    _has(cafe, iva, REWARD)
    _has(cafe, jan, 0)
    stage.told.part("Jan is only exported, and Iva signs up again: nothing", took=timer())
    stage.told.note(f"Ecomail told us of {echoes} of our own writes, as if they were sign-ups")


def _has(cafe: Cafe, guest: Guest, points: int) -> None:
    until(
        f"{guest.name} has {points} points",
        lambda: cafe.points(guest)["balance"],
        points.__eq__,
        PATIENCE,
    )


def night(stage: Stage) -> None:
    """Notices so many days ahead, expiry after the last day, each once; and what adds up."""
    cafe, ana = stage.cafe, stage.cafe.guest("Ana")
    today, last_day = cafe.today, date.fromisoformat(cafe.points(ana)["next_expiry"]["expires_on"])
    told, over = last_day - NOTICE_DAYS * _DAY, last_day + _DAY
    timer = Timer()
    _night(cafe, told - _DAY)
    expect(cafe.events(ana, "expiry") == [], "the night before, Ana is told nothing")
    _night(cafe, told)
    notice = {"credits": 80, "expires_on": last_day.isoformat()}
    _notices(cafe, ana, notice)
    stage.told.part(
        f"{NOTICE_DAYS} days ahead, and not {NOTICE_DAYS + 1}: Ana is told", took=timer()
    )
    stage.told.note(f"80 points expire on {last_day}")

    timer = Timer()
    _night(cafe, last_day)
    _has(cafe, ana, 80)
    _night(cafe, over)
    _has(cafe, ana, 0)
    _told(cafe, ana, [*_moved(120, -50, 10), {"credits": 0, "change": -80}])
    stage.told.part("On the last day they count; the night after, they go", took=timer())

    timer = Timer()
    cafe.night(over)
    cafe.night(over, again=True)
    _night(cafe, over + _DAY)
    _notices(cafe, ana, notice)
    _told(cafe, ana, [*_moved(120, -50, 10), {"credits": 0, "change": -80}])
    stage.told.part("The same night again: nothing", took=timer())
    _explain(stage, ana)
    _adds_up(stage, today, over)


def _night(cafe: Cafe, day: date) -> None:
    """Run the schedule as of a day, and wait for the end of that night."""
    cafe.night(day)
    before = day - _DAY
    until(f"the night of {day} ends", lambda: cafe.reported(before), bool, PATIENCE)


def _moved(*changes: int) -> list[dict[str, int]]:
    return [{"credits": sum(changes[: n + 1]), "change": by} for n, by in enumerate(changes)]


def _notices(cafe: Cafe, guest: Guest, wanted: dict[str, Any]) -> None:
    until(
        f"{guest.name} is told once what expires",
        lambda: cafe.events(guest, "expiry"),
        [wanted].__eq__,
        PATIENCE,
    )


def _explain(stage: Stage, guest: Guest) -> None:
    """Every point of the statement follows from the one before."""
    timer = Timer()
    words = ("points", "statement", guest.customer_id, "--programme", stage.cafe.programme)
    ran = stage.concord.run("--json", *words)
    expect(ran.code == 0, "`concord points statement` answers", ran.last)
    entries = list(reversed(json.loads(ran.out)["items"]))
    kinds = [entry["kind"] for entry in entries]
    expect(kinds == ["accrue", "reverse", "accrue", "expire"], "it explains each change", kinds)
    balance = 0
    for entry in entries:
        balance += entry["points"]
        expect(balance == entry["balance"], "each balance follows from the one before", entry)
    stage.told.part("`concord points statement` explains every point", took=timer())
    for entry in entries:
        why = ", ".join(f"{name} {value}" for name, value in entry["details"].items() if value)
        stage.told.note(f"{entry['kind']:<8} {entry['points']:>+5} = {entry['balance']:>3}  {why}")


def _adds_up(stage: Stage, first: date, over: date) -> None:
    """The first day's report closes with what was earned and left, the last one with nothing."""
    timer = Timer()
    for day, closing in ((first, 80 + 2 * REWARD), (over, 0)):
        words = ("programmes", "report", stage.cafe.programme, day.isoformat())
        ran = stage.concord.run("--json", *words)
        expect(ran.code == 0, f"the report of {day} adds up", ran.last)
        report = json.loads(ran.out)
        columns = ("opening", "earned", "reversed", "redeemed", "reimbursed", "expired", "adjusted")
        in_all = sum(report[name] for name in columns)
        expect(in_all == report["closing"] == closing, f"{day} closes with {closing}", report)
    stage.told.part("`concord programmes report` adds up, first day and last", took=timer())
    owed = 80 + 2 * REWARD
    stage.told.note(f"{first}: {owed} points are owed; {over}: {owed} expire, 0 are owed")
