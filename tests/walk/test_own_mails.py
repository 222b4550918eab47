"""Who tells a customer that her points changed: her list's platform or we, and never both."""

from __future__ import annotations

import json
import logging
from collections import Counter
from datetime import date, timedelta
from typing import Any, Final

import pytest

from concord.domain.contacts import credits_expire
from concord.domain.mail_texts import MailLanguage
from concord.domain.mails import mail_of
from tests.sandbox.harness import BASE as SANDBOX
from tests.support.canaries import SECRET
from tests.walk.test_contacts import _earns as earns
from tests.world.exporting import LIST, Exporting, exporting, new_email
from tests.world.faults import VISIBILITY, Killed, Request, Wire, open_tasks, settle
from tests.world.mailbox import (
    REPLY_TO,
    SENDER,
    failures,
    lost,
    mailed,
    refused,
    switch,
    tells,
    verify,
)
from tests.world.world import World

_RULES: Final[dict[str, Any]] = {"valid_for": {"days": 10}, "notice_days": 7}


@pytest.fixture
def shop(house: World) -> Exporting:
    verify()
    return exporting(house, **_RULES)


def _told(shop: Exporting) -> Counter[tuple[str, str]]:
    """Return who told what: `own` or `platform`, and the label."""
    events = Counter(("platform", event["label"]) for event in shop.events())
    return events + Counter(("own", mail.label) for mail in mailed())


def _opts_out(shop: Exporting, email: str) -> None:
    body = {
        "event_id": f"out-{email}",
        "action": "opt_out",
        "channel": "email",
        "point": email,
        "via": "account",
    }
    assert shop.connect("POST", "/consents", body)["statusCode"] == 200


def _taken_off(shop: Exporting, email: str) -> None:
    """Take an address off the list by Ecomail's API, of which no webhook tells us."""
    headers = {"key": f"{SECRET}{shop.ecomail}", "content-type": "application/json"}
    body = json.dumps({"email": email}).encode()
    url = f"{SANDBOX}/ecomail/lists/{LIST}/unsubscribe"
    answer = shop.world.sandbox.call("DELETE", url, content=body, headers=headers)
    assert answer.status_code == 200, answer.text


# --- exactly one ---------------------------------------------------------------------------------


@pytest.mark.parametrize("mails", ["platform", "own"])
def test_each_event_has_exactly_one_sender(shop: Exporting, mails: str) -> None:
    """ECO-19: points, their expiry and a PIN; the fields are right either way."""
    switch(shop, mails)
    email = new_email()
    shop.customer("c-1", email, attributes={"pin": "83629"})
    settle(shop.world)
    assert _told(shop) == {(mails, "pin"): 1}
    earns(shop, "c-1", 40)
    settle(shop.world)
    assert _told(shop) == {(mails, "pin"): 1, (mails, "credit"): 1}
    for _ in range(5):
        shop.world.clock.advance(timedelta(days=1))
        shop.world.hourly()
        settle(shop.world)
    assert _told(shop) == {(mails, "pin"): 1, (mails, "credit"): 1, (mails, "expiry"): 1}
    fields = shop.fields(email)
    assert (fields["ellity_credit_num"], fields["ellity_pin"]) == (40, "83629")
    assert fields["ellity_next_expiration_value_num"] == 40


def test_a_mail_says_what_happened_and_how_to_get_no_more(shop: Exporting) -> None:
    """ECO-19: from the shop, to her alone, after her fields show it; with balance and change."""
    switch(shop, "own")
    email = new_email()
    shop.customer("c-1", email)
    settle(shop.world)
    earns(shop, "c-1", 40)
    settle(shop.world)
    [mail] = mailed()
    assert (mail.sender, mail.to) == (f"Kavarna <{SENDER}>", (email,))
    assert mail.subject == "Kavarna: your points have changed"
    assert "+40" in mail.text
    assert "now 40" in mail.text
    assert "loyalty account at Kavarna" in mail.text
    assert REPLY_TO in mail.text


def test_a_shop_chooses_the_language_of_its_mails(shop: Exporting) -> None:
    """ECO-19: all three, in Czech; days as Czechs write them."""
    switch(shop, "own")
    assert shop.admin("PATCH", "", {"mails_language": "cs"})["statusCode"] == 200
    shop.world.cold()
    shop.customer("c-1", new_email(), attributes={"pin": "83629"})
    settle(shop.world)
    earns(shop, "c-1", 40)
    settle(shop.world)
    pin, credit = mailed()
    assert pin.subject == "Kavarna: váš nový PIN"
    assert "Váš nový PIN: 83629\n" in pin.text
    assert credit.subject == "Kavarna: změna vašich bodů"
    assert "Změna vašich bodů: +40. Nový zůstatek: 40.\n" in credit.text
    assert f"napište na {REPLY_TO}.\n" in credit.text
    soon = mail_of(
        credits_expire("a@b.example", 40, date(2026, 12, 31)),
        *("", "Kavarna {x}", SENDER, REPLY_TO, MailLanguage.CS),
    )
    assert soon.subject == "Kavarna {x}: vaše body brzy propadnou"
    assert "propadnou na konci dne 31. 12. 2026: 40.\n" in soon.text


def test_a_pin_is_mailed_in_the_body_alone(
    shop: Exporting, caplog: pytest.LogCaptureFixture
) -> None:
    """ECO-09, ECO-19: no event, subject, row, URL or log line has it."""
    caplog.set_level(logging.INFO)
    switch(shop, "own")
    email = new_email()
    shop.customer("c-1", email, attributes={"pin": "83629"})
    rows = [row for row in open_tasks(shop.world) if row["kind"] == "emit_event"]
    assert rows
    assert "83629" not in json.dumps(rows, default=str)
    settle(shop.world)
    [mail] = mailed()
    assert "83629" in mail.text
    assert "83629" not in mail.subject
    assert shop.events() == []
    logged = [str(vars(record)) for record in caplog.records]
    assert any("event_told" in line for line in logged), "nothing was logged: nothing is proved"
    assert not [line for line in logged if "83629" in line or email in line]
    assert not [c for c in shop.world.sandbox.calls("ecomail") if "83629" in c["path"]]


# --- she does not want it -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("leaves", "reason"), [("_opts_out", "opted_out"), ("_taken_off", "not_subscribed")]
)
def test_who_opted_out_gets_no_mail(
    shop: Exporting, leaves: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """ECO-19: an opt-out of e-mail always wins, at once: ours before the list has heard of it, and
    the list's without our knowing; the log says why she was not told."""
    caplog.set_level(logging.INFO)
    switch(shop, "own")
    email = new_email()
    shop.customer("c-1", email)
    settle(shop.world)
    earns(shop, "c-1", 40)
    _works_off(shop, "push_contact")
    {"_opts_out": _opts_out, "_taken_off": _taken_off}[leaves](shop, email)
    _works_off(shop, "emit_event")
    dropped = [vars(r)["fields"] for r in caplog.records if r.getMessage() == "event_dropped"]
    assert [(each["label"], each["reason"]) for each in dropped] == [("credit", reason)]
    settle(shop.world)
    assert (mailed(), shop.events()) == ([], [])
    assert shop.fields(email)["ellity_credit_num"] == 40


def test_an_opt_out_after_the_decision_stops_the_mail(
    shop: Exporting, caplog: pytest.LogCaptureFixture
) -> None:
    """ECO-19: it comes between the look that let the mail go and the call that sends it."""
    caplog.set_level(logging.INFO)
    switch(shop, "own")
    email, wire = new_email(), Wire(shop.world)
    shop.customer("c-1", email)
    settle(shop.world)
    earns(shop, "c-1", 40)
    _works_off(shop, "push_contact")
    (event,) = (row for row in open_tasks(shop.world) if row["kind"] == "emit_event")
    left: list[str] = []

    def opts_out(request: Request) -> None:
        looked = any(name.startswith("GET /ecomail") for name in wire.names)
        if looked and not left and request.name == "dynamodb.UpdateItem":
            left.append(request.name)
            _opts_out(shop, email)

    with wire.failing(after=opts_out):
        shop.world.run_task({"pk": event["pk"], "sk": event["sk"]})
    assert left, "the event was marked as attempted, and she opted out"
    dropped = [vars(r)["fields"] for r in caplog.records if r.getMessage() == "event_dropped"]
    assert [(each["label"], each["reason"]) for each in dropped] == [("credit", "opted_out")]
    settle(shop.world)
    assert (mailed(), shop.events(), failures(shop)) == ([], [], [])


def _works_off(shop: Exporting, kind: str) -> None:
    """Run the open tasks of one kind, and no other; an event has the push of its fields made."""
    rows = [row for row in open_tasks(shop.world) if row["kind"] == kind]
    if not rows:
        assert kind == "push_contact"
        _works_off(shop, "emit_event")
        rows = [row for row in open_tasks(shop.world) if row["kind"] == kind]
    assert rows
    for row in rows:
        shop.world.run_task({"pk": row["pk"], "sk": row["sk"]})


def test_a_new_address_is_waited_for(shop: Exporting) -> None:
    """ECO-19: she is mailed where her list has her by then, and is not lost meanwhile."""
    switch(shop, "own")
    old, new = new_email(), new_email()
    shop.customer("c-1", old)
    settle(shop.world)
    earns(shop, "c-1", 40)
    _works_off(shop, "push_contact")
    shop.customer("c-1", new)
    _works_off(shop, "emit_event")  # before the new address is pushed
    assert mailed() == []
    settle(shop.world)
    assert [mail.to for mail in mailed()] == [(new,)]


# --- never two -----------------------------------------------------------------------------------


@pytest.mark.parametrize("died", [True, False], ids=["worker-died", "answer-lost"])
@pytest.mark.parametrize("first", ["own", "platform"])
def test_a_switch_after_a_lost_answer_makes_no_second_sender(
    shop: Exporting, first: str, died: bool
) -> None:
    """ECO-19: parked with whom it was left to; also an operator's retry stays with that one."""
    switch(shop, first)
    shop.customer("c-1", new_email())
    settle(shop.world)
    wire = Wire(shop.world)

    def arrived(request: Request) -> None:
        if tells(request):
            raise lost(request, died)

    earns(shop, "c-1", 40)
    with wire.failing(after=arrived):
        try:
            settle(shop.world)
        except Killed:
            assert died
    switch(shop, "platform" if first == "own" else "own")
    shop.world.clock.advance(VISIBILITY)
    settle(shop.world)
    assert _told(shop) == {(first, "credit"): 1}
    [parked] = failures(shop)
    assert parked["reason"] == "outcome_unknown"
    retried = shop.admin("POST", f"/failures/{parked['failure_id']}/retry")
    assert retried["statusCode"] < 300, retried
    settle(shop.world)
    assert _told(shop) == {(first, "credit"): 2}, "an operator's decision; but no second sender"


@pytest.mark.parametrize("first", ["own", "platform"])
def test_a_switch_between_two_attempts_turns_the_next_event(shop: Exporting, first: str) -> None:
    """ECO-19: what was attempted once stays with whom it was left to, also where nothing arrived;
    what comes after goes by the switch."""
    second = "platform" if first == "own" else "own"
    switch(shop, first)
    shop.customer("c-1", new_email())
    settle(shop.world)
    wire, attempts = Wire(shop.world), []

    def away(request: Request) -> None:
        if tells(request):
            attempts.append(request.name)
            raise refused(request)

    earns(shop, "c-1", 40)
    _works_off(shop, "push_contact")
    with wire.failing(before=away):
        _works_off(shop, "emit_event")
    assert len(attempts) == 1
    switch(shop, second)
    earns(shop, "c-1", 2, "gift")
    settle(shop.world)
    assert _told(shop) == {(first, "credit"): 1, (second, "credit"): 1}
