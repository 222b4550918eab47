"""Every operation of the admin API."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from concord.adapters.dynamodb.nights import DynamoDbReports
from concord.adapters.dynamodb.table import Table
from concord.domain.points.report import DayReport
from tests.integration.admin.calls import MERCHANT, new_connection, seed
from tests.support.canaries import SECRET
from tests.walk.privilege.stage import Stage
from tests.world.ages import message_age
from tests.world.shop import new_number
from tests.world.world import TABLE


def merchants(at: Stage) -> None:
    """Made, renamed (with its connections), shown, allowed to link twice."""
    for merchant in ("m2", at.shop.merchant_id):
        at.admin("PUT", f"/v1/merchants/{merchant}", {**MERCHANT, "name": "Corner Shop"})
        at.admin("GET", f"/v1/merchants/{merchant}")
    at.admin("PUT", "/v1/merchants/{m}/allow-multi-link", {"allowed": True})


def connections(at: Stage) -> None:
    """Made under a key, twice; refused, because an account is linked; shown; audited; ended."""
    number = new_number()
    seed(at.house, "tea-9", "cat-9", number)
    body = new_connection("tea-9", "cat-9")
    made = at.house.admin("POST", "/v1/merchants/m1/connections", body, **_keyed("k-1"))
    at.house.admin("POST", "/v1/merchants/m1/connections", body, **_keyed("k-1"))
    at.house.admin("POST", "/v1/merchants/m1/connections", body)
    own = f"/v1/connections/{at.house.body(made).get('connection_id', 'm1.none')}"
    for state in ("pending", "connected", "paused", "connected", "disconnected"):
        at.admin("POST", f"{own}/state", {"state": state})
    at.admin("GET", "/v1/merchants/{m}/connections")
    at.admin("GET", own)
    at.admin("GET", f"{own}/audit")


def linked_twice(at: Stage) -> None:
    """One account of the shop with two messaging accounts: ending one frees only that one."""
    at.admin("PUT", "/v1/merchants/{m}/allow-multi-link", {"allowed": True})
    seed(at.house, "tea-9", "cat-9", new_number())
    seed(at.house, "tea-8", "cat-9", new_number())
    ids = []
    for tea in ("tea-9", "tea-8"):
        made = at.admin("POST", "/v1/merchants/{m}/connections", new_connection(tea, "cat-9"))
        ids.append(made.get("connection_id", "m1.none"))
    at.admin("POST", f"/v1/connections/{ids[0]}/state", {"state": "disconnected"})


def changes(at: Stage) -> None:
    """Settings, credentials, live checks, and every secret replaced."""
    at.admin("PATCH", "/v1/connections/{c}", {"settings": {"join_keyword": "FRESH"}})
    credentials = {"api_key": f"{SECRET}key-{at.shop.merchant_id}"}
    at.admin("PATCH", "/v1/connections/{c}", {"source": {"credentials": credentials}})
    at.house.sandbox.seed(
        "text_em_all", at.shop.tea_account, text_numbers=[at.shop.text_number, new_number()]
    )
    at.admin("POST", "/v1/connections/{c}/check")
    for what in ("token", "connect_key", "webhook_secret"):
        at.admin("POST", "/v1/connections/{c}/rotate", {"what": what})


def failures(at: Stage) -> None:
    """A push that was refused for good is listed, and queued again; there is none such twice."""
    at.text(new_number(), "STOP")
    at.house.sandbox.fault(platform="catapult", status=400, code=3, times=1)
    at.run("catapult")
    own = "/v1/connections/{c}/failures"
    for found in at.admin("GET", own).get("items", []):
        for _ in range(2):
            at.admin("POST", f"{own}/{found['failure_id']}/retry")
    at.run("catapult")


def numbers_later(at: Stage) -> None:
    """The platform is ill when a connection comes up: its numbers are fetched by a task."""
    seed(at.house, "tea-9", "cat-9", new_number())
    made = at.admin("POST", "/v1/merchants/{m}/connections", new_connection("tea-9", "cat-9"))
    own = f"/v1/connections/{made.get('connection_id', 'm1.none')}"
    at.house.sandbox.fault(platform="text_em_all", status=503)
    for state in ("pending", "connected"):
        at.admin("POST", f"{own}/state", {"state": state})


def imports(at: Stage) -> None:
    """Rows of paper, dry and for good, and again."""
    rows = [{"point": new_number(), "evidence": "form 1"}, {"point": "nonsense"}]
    body = {"import_id": "i-1", "attestation": "paper forms", "rows": rows}
    for query in ("?dry_run=true", "", ""):
        at.admin("POST", f"/v1/connections/{{c}}/consent-imports{query}", body)


def proofs(at: Stage) -> None:
    """Look a point up, and export what proves its consent."""
    number = at.joined()
    path = number.replace("+", "%2B")
    at.admin("GET", f"/v1/connections/{{c}}/consents/sms/{path}")
    at.admin("POST", "/v1/connections/{c}/consents/lookup", {"point": number})
    at.admin("POST", "/v1/connections/{c}/consents/dossier", {"point": number})


def decisions(at: Stage) -> None:
    """Likely opt-outs are confirmed and dismissed, a number without a shopper is put aside."""
    numbers = [at.joined() for _ in range(2)]
    for number in numbers:
        at.text(number, "take me off your list")
    for kind, decided in (("fuzzy", "confirm"), ("fuzzy", "dismiss"), ("unmatched", "dismiss")):
        listed = at.admin("GET", f"/v1/connections/{{c}}/reviews?kind={kind}")
        for review in listed.get("items", [])[:1]:
            path = f"/v1/connections/{{c}}/reviews/{review['review_id']}/{decided}"
            at.admin("POST", path, {"actor": "dana"})


def groups_listed(at: Stage) -> None:
    """Groups are listed, and some of them counted together."""
    number = at.joined()
    body = {"phones": [number], "groups": ["vip", "news"]}
    at.shop.connect("PUT", "/shoppers/s-1", body)
    at.house.pump()
    at.admin("GET", "/v1/connections/{c}/groups")
    at.admin("POST", "/v1/connections/{c}/groups/recap", {"group_ids": ["vip", "news"]})
    at.admin("POST", "/v1/connections/{c}/groups/repair")


def inbox(at: Stage) -> None:
    """Kept bodies listed, and replayed one by one: of each kind."""
    at.text(new_number(), "JOIN", to=new_number())
    at.event(type="inbound_text", id="e-2")
    at.consent(new_number(), "opt_in")
    at.text(new_number(), "STOP")
    for body in at.admin("GET", "/v1/merchants/{m}/inbox").get("items", []):
        at.admin("POST", f"/v1/merchants/{{m}}/inbox/{body['inbox_id']}/replay")


def replay_of_a_join(at: Stage) -> None:
    """A body that was kept while its number was unknown has its effect at last."""
    new = new_number()
    at.text(new_number(), "JOIN", to=new)
    at.house.sandbox.seed(
        "text_em_all", at.shop.tea_account, text_numbers=[at.shop.text_number, new]
    )
    at.admin("POST", "/v1/connections/{c}/check")
    for body in at.admin("GET", "/v1/merchants/{m}/inbox?state=kept").get("items", []):
        at.admin("POST", f"/v1/merchants/{{m}}/inbox/{body['inbox_id']}/replay")


def jobs(at: Stage) -> None:
    """A span of time is replayed as a job."""
    now = at.house.clock.now()
    span = {"from": (now - timedelta(hours=1)).isoformat(), "to": now.isoformat()}
    started = at.admin("POST", "/v1/merchants/{m}/inbox/replays", span)
    at.admin("GET", f"/v1/jobs/{started.get('job_id', 'm1.none')}")


def connected_again(at: Stage) -> None:
    """What a paused connection held is queued as soon as it is connected."""
    at.admin("POST", "/v1/connections/{c}/state", {"state": "paused"})
    at.processes.cold()
    at.text(new_number(), "STOP")
    at.run()
    at.admin("POST", "/v1/connections/{c}/state", {"state": "connected"})


def health(at: Stage) -> None:
    """Whether work moves, and how old it is where it does not."""
    message_age(at.house, "bulk", 600)
    at.house.sqs.send_message(QueueUrl=at.house.urls["bulk"], MessageBody="x")
    at.admin("GET", "/v1/health")


def programmes(at: Stage) -> None:
    """A programme is made, changed, shown and listed."""
    one = "/v1/merchants/{m}/programmes/club"
    for days in (7, 14):
        at.admin("PUT", one, {"name": "Club", "currency": "USD", "notice_days": days})
    at.admin("GET", one)
    at.admin("GET", "/v1/merchants/{m}/programmes")


def points(at: Stage) -> None:
    """Points are given and taken away by hand, under a key and again, and explained."""
    programme = f"/v1/merchants/{at.shop.merchant_id}/programmes/club"
    at.admin("PUT", programme, {"name": "Club", "currency": "USD", "valid_for": {"days": 9}})
    one = f"{programme}/accounts/s-1"
    body = {"amount": 40, "reason": "lost parcel", "actor": "dana"}
    for _ in range(2):
        at.house.admin("POST", f"{one}/adjustments", body, **_keyed("k-1"))
    at.admin("POST", f"{one}/adjustments", {**body, "amount": -10})
    at.admin("GET", one)
    at.admin("GET", f"{one}/entries")
    day = date(2026, 11, 21)
    DynamoDbReports(Table(TABLE)).keep(at.shop.merchant_id, "club", DayReport(day))
    at.admin("GET", f"{programme}/reports/{day}")


def _keyed(key: str) -> dict[str, Any]:
    return {"headers": {"Content-Type": "application/json", "Idempotency-Key": key}}


ALL = (
    merchants,
    connections,
    linked_twice,
    changes,
    failures,
    numbers_later,
    imports,
    proofs,
    decisions,
    groups_listed,
    inbox,
    replay_of_a_join,
    jobs,
    connected_again,
    programmes,
    points,
    health,
)
