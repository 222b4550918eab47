"""What follows: the relay, the workers, and both schedules."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest.mock import patch

from concord.adapters.dynamodb import ledger_keys
from concord.domain.broadcast import BroadcastState
from concord.domain.points.programme import Validity
from concord.domain.tasks import RowKey, TaskKind, TaskSpec
from concord.services import replay_inbox, run_night
from tests.walk.privilege.stage import Stage
from tests.world.campaign import Campaign, point_id
from tests.world.loyalty import ONE_DAY, Loyalty
from tests.world.mailing import over
from tests.world.sending import morning, opted_in, task_of
from tests.world.sending import planned as sending
from tests.world.shop import new_number
from tests.world.world import TABLE


def pushed(at: Stage) -> None:
    """A state reaches both sides, and a text its handset."""
    number = new_number()
    at.shop.shopper("s-1", number)
    for text in ("JOIN", "STOP", "UNSTOP"):
        at.text(number, text)
        at.house.pump()


def unmatched(at: Stage) -> None:
    """A number that no shopper carries waits for one."""
    number = at.joined()
    at.shop.shopper("s-1", number)
    at.shop.connect("PUT", "/shoppers/s-1", {"first_name": "Ana", "phones": [number]})
    at.house.pump()


def grouped(at: Stage) -> None:
    """Groups follow: an opt-in, a number that two share, a move, an opt-out, a departure."""
    number = at.joined()
    for shopper in ("s-1", "s-2"):
        body = {"phones": [number], "groups": ["vip", "news"]}
        at.shop.connect("PUT", f"/shoppers/{shopper}", body)
        at.house.pump()
    moved = {"phones": [number], "groups": ["vip"], "attributes": {"region": "US-FL"}}
    at.shop.connect("PUT", "/shoppers/s-1", moved)
    at.house.pump()
    at.text(number, "STOP")
    at.shop.connect("DELETE", "/shoppers/s-2")
    at.house.pump()


def listed(at: Stage) -> None:
    """A list of members is worked off: known, unknown until later, no longer named, deleted."""
    for shopper, groups in (("s-1", []), ("s-2", ["vip"])):
        at.shop.connect("PUT", f"/shoppers/{shopper}", {"groups": groups})
    at.shop.connect("PUT", "/groups/vip", {"name": "VIPs", "shopper_ids": ["s-1", "s-3"]})
    _later(at)
    at.shop.connect("PUT", "/shoppers/s-3", {})
    at.house.pump()
    at.shop.connect("DELETE", "/groups/vip")
    _later(at)


def repaired(at: Stage) -> None:
    """A group's row was lost, and is put back from what its shopper contributes."""
    number = at.joined()
    at.shop.connect("PUT", "/shoppers/s-1", {"phones": [number], "groups": ["vip"]})
    at.house.pump()
    for row in at.house.rows("GN#"):
        key = {"pk": {"S": row["pk"]}, "sk": {"S": row["sk"]}}
        at.house.dynamodb.delete_item(TableName=TABLE, Key=key)
    at.admin("POST", "/v1/connections/{c}/groups/repair")
    _later(at)


def _later(at: Stage) -> None:
    for _ in range(5):
        at.run("regroup")
        at.house.clock.advance(timedelta(minutes=3))


def settled(at: Stage) -> None:
    """Points of an order are booked, and those of its refund taken back; some are waited for."""
    at.earns(pending_days=14, valid_for=Validity(days=30))
    order = {"status": "completed", "customer": {"id": "s-1"}, "subtotal_ex_tax": "43.00"}
    for order_id, ago in (("1001", 1), ("1002", 20)):
        completed_at = at.house.clock.now() - timedelta(days=ago)
        more = {"order_id": order_id, "completed_at": completed_at.isoformat(), "currency": "USD"}
        at.shop.connect("POST", "/orders", order | more)
        refund = {"refund_id": "r-1", "amount_ex_tax": "10.00"}
        at.shop.connect("POST", f"/orders/{order_id}/refunds", refund)
        at.run("settle_order")


def pushed_late(at: Stage) -> None:
    """The platform is ill for a while, refuses for good, or refuses our credentials."""
    for status, code in ((503, None), (400, 3), (401, None)):
        known = at.tasks("catapult")
        at.text(new_number(), "STOP")
        at.house.sandbox.fault(platform="catapult", status=status, code=code, times=1)
        at.run("catapult", but_not=known)
    at.house.clock.advance(timedelta(minutes=3))
    at.run()


def pushed_again(at: Stage) -> None:
    """A message comes again after its row is gone; a state changes while the worker calls."""
    number = new_number()
    at.shop.shopper("s-1", number)
    at.text(number, "JOIN")
    (row,) = at.tasks("catapult")
    at.house.run_task(row)
    at.house.run_task(row, receive_count=2)
    at.run("catapult")


def texts_late(at: Stage) -> None:
    """Nothing sent: throttled; refused for good; an answer lost; too late; no consent any more."""
    for status in (429, 400):
        at.house.sandbox.fault(
            platform="text_em_all", method="POST", path="/conversations", status=status, times=1
        )
        known = at.tasks("send_text")
        at.text(new_number(), "JOIN")
        at.run("send_text", but_not=known)
        at.house.clock.advance(timedelta(minutes=3))
    at.text(new_number(), "JOIN")
    with at.answers_lost():
        at.run("send_text")
    at.house.clock.advance(timedelta(minutes=3))
    at.run("send_text")
    at.text(new_number(), "STOP")
    at.house.clock.advance(timedelta(minutes=6))
    at.run("send_text")
    number = new_number()
    at.consent(number, "opt_in")
    at.text(number, "STOP")
    at.run("send_text")


def texts_by_aws(at: Stage) -> None:
    """From a number, a pool, a sender id; and the carrier knows of an opt-out that we do not."""
    for sends_from in (new_number(), "pool-1", "ACME"):
        at.sender(sends_from)
        at.text(new_number(), "JOIN")
        at.run("send_text")
    at.processes.carrier_refuses = True
    at.text(new_number(), "JOIN")
    at.run("send_text")
    at.run("push_consent")


def held(at: Stage) -> None:
    """A paused connection holds its work; a disconnected one has none."""
    at.text(new_number(), "JOIN")
    at.admin("POST", "/v1/connections/{c}/state", {"state": "paused"})
    at.processes.cold()
    at.run()
    at.admin("POST", "/v1/connections/{c}/state", {"state": "disconnected"})
    at.processes.cold()
    at.house.clock.advance(timedelta(minutes=3))
    at.run()


def numbers_fetched(at: Stage) -> None:
    """A text to a new number: fetched, claimed, and the kept text applied; and a late answer."""
    new = new_number()
    at.text(new_number(), "JOIN", to=new)
    at.house.sandbox.seed(
        "text_em_all", at.shop.tea_account, text_numbers=[at.shop.text_number, new]
    )
    at.house.sandbox.fault(platform="text_em_all", status=503, times=1)
    at.run("fetch_numbers")
    at.house.clock.advance(timedelta(minutes=3))
    at.run("fetch_numbers")
    at.house.pump()


def numbers_strange(at: Stage) -> None:
    """The text was to nobody's number: it stays kept."""
    at.text(new_number(), "JOIN", to=new_number())
    at.run("fetch_numbers")


def replayed(at: Stage) -> None:
    """All bodies of an hour again, by the worker."""
    at.text(new_number(), "JOIN", to=new_number())
    at.event(type="inbound_text", id="e-2")
    at.consent(new_number(), "opt_in")
    job_id = _replay(at)
    at.house.pump()
    at.admin("GET", f"/v1/jobs/{job_id}")


def replayed_in_pages(at: Stage) -> None:
    """More bodies than one run takes: the job goes on with a new message."""
    for _ in range(2):
        at.text(new_number(), "JOIN")
    _replay(at)
    with patch.object(replay_inbox, "_PER_RUN", 1):
        at.run("replay_inbox")


def _replay(at: Stage) -> str:
    start = at.house.clock.now() - timedelta(hours=1)
    span = {"from": start.isoformat(), "to": (start + timedelta(hours=2)).isoformat()}
    return str(at.admin("POST", "/v1/merchants/{m}/inbox/replays", span).get("job_id", "m1.none"))


def read_in_full(at: Stage) -> None:
    """Groups and shoppers listed: saved, unchanged, changed, gone; throttled; refused; a timer."""
    number = at.joined()
    account, groups = at.shop.catapult_account, [{"id": "vip", "name": "VIP"}]
    shoppers: list[dict[str, Any]] = [
        {"id": f"s-{n}", "phones": [new_number()], "groups": ["vip"]} for n in range(3)
    ]
    shoppers[0]["phones"].append(number)
    at.house.sandbox.seed("catapult", account, shoppers=shoppers, groups=groups)
    _read(at)
    at.run("regroup")
    at.house.sandbox.seed("catapult", account, shoppers=[{"id": "s-1", "phones": []}])
    at.house.sandbox.call("DELETE", f"/catapult/_shoppers/{account}/s-2")
    for status in (429, 400):
        at.house.sandbox.fault(platform="catapult", method="GET", status=status, times=1)
        _read(at)
    at.admin("PATCH", "/v1/connections/{c}", {"settings": {"sync_hours": 1}})
    for _ in range(2):
        at.run("every-1h")
        at.house.clock.advance(timedelta(hours=2))
    _read(at)


def _read(at: Stage) -> None:
    at.admin("POST", "/v1/connections/{c}/group-syncs")
    at.house.clock.advance(timedelta(minutes=3))
    at.run("sync_shoppers", "#run")


def lapsed(at: Stage) -> None:
    """Nobody answered an invitation for 30 days."""
    number = new_number()
    at.consent(number, "opt_in")
    at.house.pump()
    at.house.clock.advance(timedelta(days=31))
    at.house.hourly()
    at.house.pump()
    at.shop.consent(number)


def forgotten(at: Stage) -> None:
    """The stream lost a task of each queue: the sweep finds them."""
    _of_every_queue(at)
    at.house.ground.inserted()
    at.house.clock.advance(timedelta(minutes=3))
    at.house.sweep()
    at.house.pump()


def relayed(at: Stage) -> None:
    """New rows of every queue are handed on."""
    _of_every_queue(at)
    at.house.relay()


def _of_every_queue(at: Stage) -> None:
    at.text(new_number(), "JOIN")
    _replay(at)
    for kind in (TaskKind.PLAN_BROADCAST, TaskKind.SEND_CHUNK, TaskKind.RUN_NIGHT):
        spec = TaskSpec(kind, at.shop.connection_id, "20261122t090000-0a1b2c3d.1", _PART)
        at.house.parts.tasks.ensure(at.shop.merchant_id, spec, at.house.clock.now())


def sent_in_a_broadcast(at: Stage) -> None:
    """Two chunks of one sender: texts, a lost answer, a number that is out, one that waits."""
    morning(at.house)
    at.admin("PUT", "/v1/merchants/{m}", {**_MERCHANT, "frequency_cap": {"texts": 2, "days": 7}})
    numbers = opted_in(at.shop, 12)
    first = sending(at.shop, numbers, bulk=False, slice_size=5, rate=2.0)
    second = sending(at.shop, numbers, bulk=False, slice_size=5, rate=2.0)
    with at.answers_lost():
        at.house.run_task(task_of(first))
    at.house.run_task(task_of(second))
    for broadcast in (first, second, first, second):
        at.house.clock.advance(timedelta(minutes=3))
        at.house.run_task(task_of(broadcast))
    at.run("send_chunk")
    own = f"/v1/connections/{{c}}/broadcasts/{first.broadcast_id}"
    at.admin("GET", f"{own}/recipients")
    at.admin("POST", f"{own}/why", {"point": numbers[0]})


def sent_by_aws_in_a_broadcast(at: Stage) -> None:
    """From a number, a pool, a sender id."""
    morning(at.house)
    for sends_from in (new_number(), "pool-1", "ACME"):
        at.sender(sends_from)
        sending(at.shop, opted_in(at.shop, 1), bulk=False)
        at.run("send_chunk")


def broadcast_disturbed(at: Stage) -> None:
    """Nothing is handed over while the safety queue holds something; credentials are rejected."""
    morning(at.house)
    waiting = sending(at.shop, opted_in(at.shop, 1), bulk=False)
    url = at.house.urls["safety"]
    at.house.sqs.send_message(QueueUrl=url, MessageBody="{}")
    at.house.run_task(task_of(waiting))
    at.house.sqs.purge_queue(QueueUrl=url)
    at.house.sandbox.fault(platform="text_em_all", status=401, times=1)
    at.house.clock.advance(timedelta(minutes=3))
    at.house.run_task(task_of(waiting))


def planned(at: Stage) -> None:
    """An audience is cut into chunks; a resumed broadcast calls those that are open."""
    campaign = Campaign(at.shop)
    campaign.joins("east", map(point_id, range(3)))
    broadcast = campaign.start("east")
    for _ in ("starts", "plans"):
        at.run("plan_broadcast")
    campaign.move(broadcast, BroadcastState.PAUSED)
    campaign.move(broadcast, BroadcastState.SENDING, wakes=True)
    at.run("plan_broadcast")


def scheduled(at: Stage) -> None:
    """A start that is near waits as a message."""
    campaign = Campaign(at.shop)
    soon = at.house.clock.now() + timedelta(minutes=5)
    broadcast = campaign.draft("east")
    campaign.move(broadcast, BroadcastState.SCHEDULED, wakes=True, send_at=soon)
    at.house.pump()


def nights(at: Stage) -> None:
    """A night lets go, makes count, tells, reports; one is missed; one goes on later."""
    loyalty = Loyalty(at.house, at.shop.merchant_id, notice_days=3)
    loyalty.listens()
    members = _apart(loyalty, 3)
    for member in members:
        loyalty.earns(member, 50, loyalty.today)
        loyalty.earns(member, 5, loyalty.today + timedelta(days=4), "o-2")
        loyalty.waits(member, 7, loyalty.today + ONE_DAY, loyalty.today + timedelta(days=9), "o-3")
    at.house.parts.table.put(_spent(loyalty, members[0]), {})
    loyalty.becomes(loyalty.today + timedelta(days=2), 3)
    at.house.hourly()
    with patch.object(run_night, "_WORKS_FOR", timedelta(0)):
        at.run("TN#")
    for _ in range(3):
        at.house.clock.advance(timedelta(minutes=3))
        at.house.pump()
        at.run("TN#")
    at.house.hourly(again=at.shop.merchant_id)
    at.house.pump()


def _apart(loyalty: Loyalty, count: int) -> list[str]:
    """Return a member of each of the night's first parts: two of one would be a slice more."""
    by_part: dict[int, str] = {}
    while not by_part.keys() >= set(range(count)):
        member = f"m-{len(by_part)}-{new_number()}"
        by_part.setdefault(ledger_keys.shard_of(loyalty.key(member).member_key), member)
    return [by_part[part] for part in range(count)]


def _spent(loyalty: Loyalty, member: str) -> RowKey:
    """Return a hint at which there is nothing to do."""
    return ledger_keys.hint(loyalty.key(member), loyalty.today + ONE_DAY * 2)


def receipts_merged(at: Stage) -> None:
    """An uncertain recipient is settled, in the report too, and a dead number suppressed."""
    morning(at.house)
    mailing, _ = over(at.shop)
    at.event(
        type="delivery",
        id="d-1",
        status="failed",
        code="disconnected",
        reference=mailing.reference(0),
    )
    at.house.merge_receipts()


_MERCHANT = {"name": "Green Grocer", "time_zone": "America/New_York", "country": "US"}
_PART = {"on": "2026-11-22", "shard": 0, "until": "2026-11-22"}
ALL = (
    nights,
    planned,
    scheduled,
    sent_in_a_broadcast,
    sent_by_aws_in_a_broadcast,
    broadcast_disturbed,
    pushed,
    unmatched,
    grouped,
    listed,
    repaired,
    settled,
    pushed_late,
    pushed_again,
    texts_late,
    texts_by_aws,
    held,
    numbers_fetched,
    numbers_strange,
    replayed,
    replayed_in_pages,
    read_in_full,
    lapsed,
    forgotten,
    relayed,
    receipts_merged,
)
