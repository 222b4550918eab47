"""R-15: what platforms tell of a broadcast's texts, from the webhook to the report."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest

from concord.domain.broadcast import BroadcastState
from concord.domain.chunks import Outcome
from concord.domain.identity import Channel
from concord.domain.marks import State
from concord.domain.receipts import SliceReceipts
from concord.domain.times import to_rfc3339
from concord.services.look_up_consent import LookUpConsent
from tests.world.crashes import Scene, dies_everywhere
from tests.world.events import LambdaContext, sqs_event
from tests.world.faults import Wire, away
from tests.world.mailing import Mailing, claimed, handed_over, over, person_texts
from tests.world.sending import header, morning, planned, texted
from tests.world.shop import Shop
from tests.world.signing import signed
from tests.world.world import World


def _waiting(shop: Shop) -> list[dict[str, Any]]:
    """Return what waits in the receipt queue, and leave it there."""
    messages = list(shop.world.ground.take("receipt"))
    for message in messages:
        shop.world.ground.back("receipt", message)
    return [json.loads(message["Body"]) for message in messages]


def _lookup(shop: Shop, number: str) -> dict[str, Any]:
    return shop.world.body(shop.admin("POST", "/consents/lookup", {"point": number}))


def _tally(mailing: Mailing) -> dict[str, int]:
    tally = mailing.shop.world.parts.chunks.tally(mailing.key)
    assert tally is not None
    return {name: count for name, count in tally.counts.items() if count}


# --- the webhook ---------------------------------------------------------------------------------


def test_a_receipt_is_queued_with_one_request_and_no_write(shop: Shop) -> None:
    """R-15: neither inbox nor marker; no number waits in the queue (R-25, reliability 37)."""
    mailing = handed_over(shop)
    assert mailing.tells("accepted", 0) == 204
    wire = Wire(shop.world)
    wire.calm()
    rows = shop.world.rows()

    assert mailing.tells("delivered", 1) == 204
    assert mailing.tells("delivered", 2, bulk=True) == 204

    # The first one found a cold process, the second a warm one.
    cold = ["dynamodb.GetItem", "ssm.GetParameters", "sqs.SendMessage"]
    assert wire.names == [*cold, "sqs.SendMessage"]
    assert shop.world.rows() == rows
    waiting = _waiting(shop)
    assert len(waiting) == 3
    assert all(
        each not in str(waiting) and each[2:] not in str(waiting) for each in mailing.numbers
    )
    assert [sorted(each) for each in waiting[1:]] == [
        ["connection_id", "received_at", "reference", "status"],
        ["connection_id", "point_id", "received_at", "reference", "status"],
    ]


def test_without_the_queue_the_platform_is_told_to_come_again(shop: Shop) -> None:
    """R-15: 503, and nothing is kept that nobody would look at."""
    mailing = handed_over(shop)
    assert mailing.tells("accepted", 0) == 204
    with Wire(shop.world).failing(away("sqs")):
        assert mailing.tells("delivered", 1) == 503
    assert len(_waiting(shop)) == 1
    assert mailing.tells("delivered", 1) == 204
    assert shop.world.merge_receipts() == 2
    assert mailing.told() == {0: ("accepted", ""), 1: ("delivered", "")}


def test_what_came_while_the_table_was_away_is_merged_later(shop: Shop) -> None:
    """R-15, L-08: a cold webhook cannot prove the sender then; the safety queue can wait."""
    mailing = handed_over(shop)
    request = mailing.request("delivered", 0)
    shop.world.cold()
    with Wire(shop.world).failing(away("dynamodb")):
        assert shop.world.receive(*request)["statusCode"] == 202
    assert shop.world.rescue() == 1
    assert shop.world.merge_receipts() == 1
    assert mailing.told() == {0: ("delivered", "")}


def test_a_kept_receipt_is_merged_when_it_is_replayed(shop: Shop) -> None:
    """R-15, R-24: a body that could not be read until the field map was mended."""
    mailing = handed_over(shop)
    path, body, headers = mailing.request("delivered", 0)
    theirs = json.dumps({**json.loads(body), "status": None, "state": "delivered"})
    event_id, at = headers["webhook-id"], shop.world.clock.now()
    headers = signed(shop.webhook_secret, theirs, event_id, at)
    assert shop.world.receive(path, theirs.encode(), headers)["statusCode"] == 202
    settings = {"fields": {"status": "state"}}
    patched = shop.admin("PATCH", "", {"destination": {"settings": settings}})
    assert patched["statusCode"] == 200, patched
    shop.world.cold()
    (entry,) = [r for r in shop.world.rows("I#") if r["state"] == "failed"]
    inbox_id = entry["sk"].partition("#")[2]
    path = f"/v1/merchants/{shop.merchant_id}/inbox/{inbox_id}/replay"
    answer = shop.world.admin("POST", path)
    assert answer["statusCode"] == 200, answer
    assert mailing.told() == {0: ("delivered", "")}


@pytest.mark.parametrize(
    "reference",
    ["", "a.b.c", "20261122t090000-0a1b2c3d.000001", "20261122t090000-0a1b2c3d.000001.x.1"],
)
def test_any_other_reference_is_an_ordinary_texts(shop: Shop, reference: str) -> None:
    """R-15: and one that we do not know is counted, not kept."""
    mailing = handed_over(shop)
    path, body, _ = mailing.request("delivered", 0)
    body = json.dumps({**json.loads(body), "reference": reference}).encode()
    headers = signed(shop.webhook_secret, body.decode(), "dl-odd", shop.world.clock.now())
    assert shop.world.receive(path, body, headers)["statusCode"] == 204
    assert _waiting(shop) == []


# --- merging -----------------------------------------------------------------------------------


def test_receipts_of_a_slice_are_one_write(shop: Shop) -> None:
    """R-15: however many came together; of a bulk call too, told apart by number."""
    mailing = handed_over(shop, 5)
    for place in range(5):
        mailing.tells("accepted", place, bulk=place % 2 == 0)
        mailing.tells("failed" if place == 4 else "delivered", place, code="30003")
    wire = Wire(shop.world)
    wire.calm()
    assert shop.world.merge_receipts() == 10
    assert [name for name in wire.names if name != "dynamodb.GetItem"].count(
        "dynamodb.PutItem"
    ) == 1
    assert mailing.told() == {
        **dict.fromkeys(range(4), ("delivered", "")),
        4: ("failed", "30003"),
    }


def test_repeats_and_late_ones_change_nothing(shop: Shop) -> None:
    """R-15: idempotent, safe out of order: the highest rank stays, and nothing is written."""
    mailing = handed_over(shop)
    mailing.tells("delivered", 0)
    shop.world.merge_receipts()
    rows = shop.world.rows("BR#")
    for status in ("accepted", "delivered", "failed", "sent"):
        mailing.tells(status, 0, code="30003")
    assert shop.world.merge_receipts() == 4
    assert shop.world.rows("BR#") == rows


def test_every_order_ends_the_same(shop: Shop) -> None:
    """R-15: one message a batch, in several orders of four."""
    words = [("accepted", 0), ("delivered", 0), ("failed", 1), ("sent", 1)]
    for run, order in enumerate(itertools.permutations(words)):
        if run % 4:  # all 24 take long; any order at all: tests/unit/domain/test_receipts.py
            continue
        mailing = handed_over(shop, 2, chunk=f"{run:06d}")
        for status, place in order:
            mailing.tells(status, place, code="30003" if status == "failed" else "")
            shop.world.merge_receipts()
        assert mailing.told() == {0: ("delivered", ""), 1: ("failed", "30003")}


def test_a_receipt_of_nobody_is_counted_and_dropped(shop: Shop, house: World) -> None:
    """R-15, R-32: an unknown broadcast, a place outside the slice, a number that was not in it, and
    another merchant's reference."""
    mailing, other = handed_over(shop), house.shop("m2")
    stranger = handed_over(other, chunk="000009")
    foreign = Mailing(other, mailing.key, mailing.number, mailing.numbers)
    assert foreign.tells("delivered", 0) == 204
    lost = Mailing(shop, mailing.key, 9, mailing.numbers)
    assert lost.tells("delivered", 0) == 204
    far = Mailing(shop, mailing.key, mailing.number, [*mailing.numbers, *stranger.numbers])
    assert far.tells("delivered", 5) == 204
    assert far.tells("delivered", 5, bulk=True) == 204
    assert house.merge_receipts() == 4
    assert house.rows("BR#") == []


def test_a_message_that_is_no_receipt_stays_alone(shop: Shop) -> None:
    """R-15: it ends among the dead letters, and keeps nobody else from being merged."""
    from functions.broadcasts.receipts import lambda_handler

    mailing = handed_over(shop)
    mailing.tells("delivered", 0)
    (good,) = _waiting(shop)
    odd = [{"reference": "x"}, {**good, "status": "odd"}, {**good, "connection_id": 7}]
    event = sqs_event([odd[0], good, odd[2]])
    assert lambda_handler(event, LambdaContext()) == {
        "batchItemFailures": [{"itemIdentifier": "m-0"}, {"itemIdentifier": "m-2"}]
    }
    assert mailing.told() == {0: ("delivered", "")}
    event = sqs_event([odd[1]])
    assert len(lambda_handler(event, LambdaContext())["batchItemFailures"]) == 1


def test_a_slice_that_fails_keeps_no_other_from_being_merged(shop: Shop) -> None:
    """R-15: partial batches, by slice."""
    first, second = handed_over(shop), handed_over(shop, chunk="000002")
    for mailing in (first, second):
        mailing.tells("delivered", 0)
        mailing.tells("delivered", 1)

    receipts = shop.world.parts.receipts
    put = receipts.put
    with patch.object(receipts, "put", lambda each: each.key != first.key and put(each)):
        assert shop.world.merge_receipts() == 2
    assert (first.told(), len(second.told())) == ({}, 2)
    assert shop.world.merge_receipts() == 2
    assert len(first.told()) == 2


# --- uncertain ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["accepted", "sent", "delivered", "failed"])
def test_any_receipt_settles_who_was_uncertain(shop: Shop, status: str) -> None:
    """R-10: the platform had the text, so it was sent, in slice and tally; nobody else is."""
    mailing = handed_over(shop, outcome=Outcome.UNCERTAIN)
    mailing.tells(status, 1, code="30003")
    shop.world.merge_receipts()
    assert mailing.outcomes() == ["uncertain", "sent", "uncertain"]
    assert _tally(mailing) == {"uncertain": 2, "sent": 1}
    mailing.tells(status, 1)
    mailing.tells("delivered", 1)
    shop.world.merge_receipts()
    assert _tally(mailing) == {"uncertain": 2, "sent": 1}


def test_a_receipt_that_outran_the_outcome_settles_it_too(shop: Shop) -> None:
    """R-10: it is merged while the slice is claimed; whoever makes it uncertain looks for it."""
    mailing = handed_over(shop, outcome=None)
    mailing.tells("delivered", 0)
    assert shop.world.merge_receipts() == 1
    assert mailing.outcomes() == ["pending"] * 3
    assert mailing.told() == {0: ("delivered", "")}

    mailing.ends(Outcome.UNCERTAIN)
    shop.world.parts.resolve_uncertain(mailing.key, mailing.number)
    assert mailing.outcomes() == ["sent", "uncertain", "uncertain"]


def test_a_receipt_that_came_first_is_looked_for_when_the_chunk_is_closed(shop: Shop) -> None:
    """R-10, R-09: the worker that wrote the outcome may have died; whoever closes looks for it.
    A later one changes the report of a broadcast that is over."""
    morning(shop.world)
    mailing, broadcast = claimed(shop)
    mailing.tells("delivered", 1)
    shop.world.merge_receipts()
    mailing.ends(Outcome.UNCERTAIN)
    shop.world.pump()
    ended = header(shop, broadcast)
    assert (ended.state, dict(ended.report)) == (
        BroadcastState.FINISHED,
        {"sent": 1, "uncertain": 2},
    )

    mailing.tells("failed", 0, bulk=True, code="30003")
    shop.world.merge_receipts()
    shown = shop.world.body(shop.admin("GET", f"/broadcasts/{broadcast.broadcast_id}"))
    assert (shown["sent"], shown["uncertain"], shown["audience"]) == (2, 1, 3)
    told = {"accepted": 0, "sent": 0, "delivered": 1, "failed": {"30003": 1}}
    assert shown["receipts"] == told
    listed = shop.world.body(shop.admin("GET", "/broadcasts"))["items"]
    assert [each["receipts"] for each in listed] == [None]


def test_worker_and_receipt_at_the_same_time_leave_nobody_over(shop: Shop) -> None:
    """R-10: the outcome is written, and receipts looked for in vain, after the merge has seen the
    slice claimed and before it writes: then the merge finds the outcome."""
    mailing = handed_over(shop, outcome=None)
    mailing.tells("delivered", 0)
    parts = shop.world.parts
    put = parts.receipts.put

    def just_before(receipts: SliceReceipts) -> bool:
        mailing.ends(Outcome.UNCERTAIN)
        parts.resolve_uncertain(mailing.key, mailing.number)
        assert mailing.outcomes() == ["uncertain"] * 3
        return put(receipts)

    with patch.object(parts.receipts, "put", just_before):
        assert shop.world.merge_receipts() == 1
    assert mailing.outcomes() == ["sent", "uncertain", "uncertain"]


def test_what_could_not_be_settled_is_settled_when_it_comes_again(shop: Shop) -> None:
    """R-10: also by the same process, which knows the slice, and with nothing new to write."""
    mailing = handed_over(shop, outcome=Outcome.UNCERTAIN)
    mailing.tells("delivered", 0)
    parts = shop.world.parts
    with patch.object(parts.chunks, "settle", lambda *_: False):
        assert shop.world.merge_receipts() == 0
    assert mailing.told() == {0: ("delivered", "")}
    assert shop.world.merge_receipts() == 1
    assert mailing.outcomes() == ["sent", "uncertain", "uncertain"]


# --- hard failures -----------------------------------------------------------------------------


@pytest.mark.parametrize("bulk", [False, True])
def test_a_hard_failure_suppresses_its_number_alone(shop: Shop, bulk: bool) -> None:
    """R-07: by the carrier's word, once, whatever comes again; any text of hers ends it."""
    mailing = handed_over(shop)
    dead = mailing.numbers[1]
    for _ in range(2):
        mailing.tells("failed", 1, code="disconnected", bulk=bulk)
        shop.world.merge_receipts()
    shown = _lookup(shop, dead)
    assert shown["suppressed"]["reason"] == "disconnected"
    assert [event["kind"] for event in shown["events"]] == ["join", "hard_failure"]
    assert shown["events"][1]["source"]["text"] == mailing.reference(1)
    for other in (mailing.numbers[0], mailing.numbers[2]):
        assert _lookup(shop, other)["suppressed"] is None

    shop.texts(dead, "it is me")
    assert _lookup(shop, dead)["suppressed"] is None


def test_the_next_broadcast_leaves_a_dead_number_out(shop: Shop) -> None:
    """R-07: hard failure, then another broadcast: skipped as `suppressed`, and texted once more
    after a word from the handset."""
    morning(shop.world)
    mailing, _ = over(shop)
    mailing.tells("failed", 2, code="disconnected")
    shop.world.merge_receipts()

    broadcast = planned(shop, mailing.numbers)
    shop.world.pump()
    assert dict(header(shop, broadcast).report) == {"sent": 2, "skipped:suppressed": 1}
    assert [texts > 0 for texts in texted(shop, mailing.numbers)] == [True, True, False]

    person_texts(shop, mailing.numbers[2], "it is me")
    broadcast = planned(shop, mailing.numbers)
    shop.world.pump()
    assert dict(header(shop, broadcast).report) == {"sent": 3}


@pytest.mark.parametrize(("status", "code"), [("failed", "30003"), ("delivered", "disconnected")])
def test_a_soft_failure_suppresses_nobody(shop: Shop, status: str, code: str) -> None:
    """R-07: the next text may arrive."""
    mailing = handed_over(shop)
    mailing.tells(status, 1, code=code)
    shop.world.merge_receipts()
    assert _lookup(shop, mailing.numbers[1])["suppressed"] is None


def test_what_was_delivered_all_the_same_is_not_dead(shop: Shop) -> None:
    """R-07: carriers contradict themselves; the highest rank counts."""
    mailing = handed_over(shop)
    mailing.tells("delivered", 1)
    mailing.tells("failed", 1, code="disconnected")
    shop.world.merge_receipts()
    assert _lookup(shop, mailing.numbers[1])["suppressed"] is None


def test_a_hard_failure_of_an_ordinary_text_suppresses_too(shop: Shop) -> None:
    """R-07: a confirmation that cannot reach her says as much as a broadcast."""
    mailing = handed_over(shop, 1)
    shop.world.pump()
    assert _own_receipt(shop, mailing, "disconnected") == 204
    assert _waiting(shop) == []
    assert _lookup(shop, mailing.numbers[0])["suppressed"]["reason"] == "disconnected"


def _own_receipt(shop: Shop, mailing: Mailing, code: str) -> int:
    """Let the platform tell that the confirmation of her JOIN failed; return our answer."""
    text = next(
        r["pk"].split("#")[-1]
        for r in shop.world.rows("TU#")
        if "send_text" in r["pk"] and r["state"] == "sent"
    )
    path, body, _ = mailing.request("failed", 0, code=code)
    body = json.dumps({**json.loads(body), "reference": text}).encode()
    headers = signed(shop.webhook_secret, body.decode(), "dl-own", shop.world.clock.now())
    return int(shop.world.receive(path, body, headers)["statusCode"])


# --- opted out there ---------------------------------------------------------------------------


@pytest.mark.parametrize("bulk", [False, True])
def test_an_opt_out_that_only_the_carrier_knows_is_applied_here_too(shop: Shop, bulk: bool) -> None:
    """R-15, TEA-09: once, whatever comes again; the till learns of it, and only UNSTOP lifts it."""
    mailing = handed_over(shop)
    shop.world.pump()
    number = mailing.numbers[1]
    for _ in range(2):
        mailing.tells("failed", 1, code="opted_out", bulk=bulk)
        shop.world.merge_receipts()
    shown = _lookup(shop, number)
    assert (shown["state"], shown["basis"]) == ("opted_out", "explicit")
    assert [event["kind"] for event in shown["events"]] == ["join", "opt_out"]
    assert shown["events"][1]["source"]["text"] == mailing.reference(1)
    assert shown["suppressed"] is None
    assert [r["pk"] for r in shop.world.rows("TU#") if "push_consent" in r["pk"]]
    for other in (mailing.numbers[0], mailing.numbers[2]):
        assert _lookup(shop, other)["state"] == "opted_in"

    person_texts(shop, number, "JOIN")
    assert _lookup(shop, number)["state"] == "opted_out"
    person_texts(shop, number, "UNSTOP")
    assert _lookup(shop, number)["state"] == "opted_in"


def test_our_own_block_is_no_opt_out_of_hers(shop: Shop) -> None:
    """R-15 (ADR 16): until the platform was told of her UNSTOP, it refuses on our own word."""
    mailing = handed_over(shop)
    shop.world.pump()
    number = mailing.numbers[1]
    shop.till("opt_out", number)
    person_texts(shop, number, "UNSTOP")
    mailing.tells("failed", 1, code="opted_out")
    shop.world.merge_receipts()
    assert _lookup(shop, number)["state"] == "opted_in"

    shop.world.pump()
    mailing.tells("failed", 2, code="opted_out")
    shop.world.merge_receipts()
    assert _lookup(shop, mailing.numbers[2])["state"] == "opted_out"


def test_an_opt_out_at_the_carrier_from_before_she_came_back_lifts_nothing(shop: Shop) -> None:
    """R-15: it counts from when it happened, so a late receipt cannot undo her UNSTOP."""
    mailing = handed_over(shop)
    number, then = mailing.numbers[1], shop.world.clock.now()
    shop.world.clock.advance(timedelta(minutes=5))
    person_texts(shop, number, "UNSTOP")
    shop.world.pump()
    mailing.tells("failed", 1, code="opted_out", at=to_rfc3339(then))
    shop.world.merge_receipts()
    assert _lookup(shop, number)["state"] == "opted_in"


def test_an_ordinary_text_tells_of_an_opt_out_too(shop: Shop) -> None:
    """R-15: a confirmation that the carrier side blocks says as much as a broadcast."""
    mailing = handed_over(shop, 1)
    shop.world.pump()
    assert _own_receipt(shop, mailing, "opted_out") == 204
    assert _lookup(shop, mailing.numbers[0])["state"] == "opted_out"


# --- crashes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["disconnected", "opted_out"])
def test_the_merge_dies_anywhere_and_comes_to_the_same(shop: Shop, code: str) -> None:
    """R-15, R-10, R-07 (reliability 12): killed at every request and redelivered: one row, settled
    once, suppressed or opted out once, and a report that says so though the broadcast is over."""
    from functions.broadcasts.receipts import lambda_handler

    wire, parts = Wire(shop.world), shop.world.parts
    morning(shop.world)

    def stage() -> Scene:
        mailing, broadcast = over(shop)
        mailing.tells("accepted", 0)
        mailing.tells("failed", 1, code=code, bulk=True)
        bodies = [json.loads(m["Body"]) for m in _drained(shop)]

        def outcome() -> Any:
            lookup = LookUpConsent(parts.connections, parts.authenticator, parts.store)
            key, _ = lookup.key(shop.connection_id, Channel.SMS, mailing.numbers[1])
            record = shop.world.parts.store.load(key)
            assert record is not None
            out = record.marks.standing[0] is State.OPTED_OUT
            heeded = (record.marks.suppressed, out, record.version)
            report = dict(header(shop, broadcast).report)
            return mailing.told(), mailing.outcomes(), _tally(mailing), report, heeded

        deliver = lambda receives: lambda_handler(  # noqa: E731
            sqs_event(bodies, receives), LambdaContext()
        )
        return Scene(deliver, outcome)

    counts = {"sent": 2, "uncertain": 1}
    expected = (
        {0: ("accepted", ""), 1: ("failed", code)},
        ["sent", "sent", "uncertain"],
        counts,
        counts,
        (code == "disconnected", code == "opted_out", 2),
    )
    assert dies_everywhere(wire, shop.world, stage, expected) >= 12


def _drained(shop: Shop) -> list[Any]:
    messages = list(shop.world.ground.take("receipt"))
    for message in messages:
        shop.world.ground.gone("receipt", message)
    return messages


def test_a_report_counts_the_newest_word_on_each(shop: Shop) -> None:
    """R-15: over all slices of the broadcast, failures by code."""
    first, second = handed_over(shop, 4), handed_over(shop, 2, chunk="000002")
    first.tells("accepted", 0)
    first.tells("delivered", 1)
    first.tells("failed", 2, code="30003")
    first.tells("failed", 3, code="call +15551234567 please")
    second.tells("sent", 0)
    second.tells("delivered", 1, code="0")
    shop.world.merge_receipts()
    read = shop.world.parts.read_receipts
    found = read.totals(shop.merchant_id, shop.connection_id, first.key.broadcast_id)
    assert (found.accepted, found.sent, found.delivered) == (1, 1, 2)
    assert dict(found.failed) == {"": 1, "30003": 1}
    of_second = read.of_chunk(second.key)
    assert {at: told.status.value for at, told in of_second.items()} == {
        (2, 0): "sent",
        (2, 1): "delivered",
    }
