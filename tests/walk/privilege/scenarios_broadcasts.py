"""Broadcasts: every operation of the admin API on them."""

from __future__ import annotations

from datetime import timedelta

from concord.adapters.dynamodb.groups import DynamoDbContributions
from concord.adapters.dynamodb.table import Table
from concord.domain.regroup import Act, Change, Contribution
from tests.walk.privilege.stage import Stage
from tests.world.world import TABLE


def broadcast_life(at: Stage) -> None:
    """Drafted, listed, shown, scheduled, sent, held, resumed, ended."""
    seeded = Contribution(at.shop.merchant_id, at.shop.connection_id, "a" * 32)
    joins = (Change(Act.JOIN, "vip"), Change(Act.ADD, "vip", f"v1.{'1' * 64}"))
    DynamoDbContributions(Table(TABLE)).step(seeded, joins, at.house.clock.now())
    draft = {"name": "Sale", "group_ids": ["vip"], "text": "Two for one today."}
    made = at.admin("POST", "/v1/connections/{c}/broadcasts", draft)
    own = f"/v1/connections/{{c}}/broadcasts/{made.get('broadcast_id', 'none')}"
    at.admin("GET", "/v1/connections/{c}/broadcasts")
    started = at.admin("POST", f"{own}/preview")
    at.house.pump()
    at.admin("GET", f"/v1/jobs/{started.get('job_id', 'm1.none')}")
    at.admin("POST", f"{own}/test", {"to": [at.joined()]})
    at.house.pump()
    later = at.house.clock.now() + timedelta(days=1)
    at.admin("POST", f"{own}/schedule", {"send_at": later.isoformat()})
    for act in ("send", "pause", "resume", "cancel"):
        at.admin("POST", f"{own}/{act}")
    at.admin("GET", own)


ALL = (broadcast_life,)
