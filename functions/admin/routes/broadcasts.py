"""Broadcasts: one text to groups of shoppers, from the draft to the report."""

from concord.bootstrap import services
from concord.domain.broadcast import Act, Broadcast
from concord.domain.receipts import ReceiptCounts
from concord.entrypoint.admin.base import PageQuery
from concord.entrypoint.admin.broadcasts import (
    ActPost,
    BroadcastAnswer,
    BroadcastPage,
    BroadcastPost,
    SchedulePost,
    Tested,
    TestPost,
    broadcast_answer,
)
from concord.entrypoint.admin.call import Call
from concord.entrypoint.admin.jobs import JobStarted
from concord.entrypoint.admin.operations import Operations
from concord.entrypoint.observability import TELEMETRY

operations = Operations("broadcasts", lambda: services(TELEMETRY).admin.idempotent)
_ONE = "/v1/connections/{connection_id}/broadcasts/{broadcast_id}"


@operations.on("POST", "/v1/connections/{connection_id}/broadcasts", status=201, idempotent=True)
def create_broadcast(call: Call, connection_id: str, body: BroadcastPost) -> BroadcastAnswer:
    """Draft a broadcast to groups; nothing is sent before `send` or `schedule` (TEA-05)."""
    draft, actor = body.to_draft(), call.actor(body.actor)
    broadcasts = services(TELEMETRY).admin.broadcasts
    return _shown(broadcasts.create(connection_id, draft, actor, call.request_hash()))


@operations.on("GET", "/v1/connections/{connection_id}/broadcasts")
def list_broadcasts(call: Call, connection_id: str, query: PageQuery) -> BroadcastPage:
    """List broadcasts, newest first."""
    page = services(TELEMETRY).admin.broadcasts.list(connection_id, query.limit, query.cursor)
    return BroadcastPage(items=[_shown(each) for each in page.items], cursor=page.cursor)


@operations.on("GET", _ONE)
def get_broadcast(call: Call, connection_id: str, broadcast_id: str) -> BroadcastAnswer:
    """Return a broadcast, how far it is, its report once it is over, and what carriers told."""
    admin = services(TELEMETRY).admin
    found = admin.broadcasts.get(connection_id, broadcast_id)
    names = (found.merchant_id, found.connection_id, found.broadcast_id)
    return _shown(found, admin.read_receipts.totals(*names) if found.frozen else None)


@operations.on("POST", f"{_ONE}/preview", status=202, idempotent=True)
def preview_broadcast(
    call: Call, connection_id: str, broadcast_id: str, body: ActPost
) -> JobStarted:
    """Reckon who would be texted now, at what cost and by when; the job's result says (R-11)."""
    preview = services(TELEMETRY).admin.preview_broadcast
    return JobStarted(job_id=preview(connection_id, broadcast_id, call.actor(body.actor)))


@operations.on("POST", f"{_ONE}/test", idempotent=True)
def test_broadcast(call: Call, connection_id: str, broadcast_id: str, body: TestPost) -> Tested:
    """Send the text to up to three numbers that have opted in on this account (R-11)."""
    texts = services(TELEMETRY).admin.try_broadcast(
        connection_id, broadcast_id, body.to, call.request_hash(), call.actor(body.actor)
    )
    return Tested(broadcast_id=broadcast_id, texts=list(texts))


@operations.on("POST", f"{_ONE}/schedule")
def schedule_broadcast(
    call: Call, connection_id: str, broadcast_id: str, body: SchedulePost
) -> BroadcastAnswer:
    """Begin it at a moment; its audience is who is in its groups then (TEA-10)."""
    broadcasts, actor = services(TELEMETRY).admin.broadcasts, call.actor(body.actor)
    made = broadcasts.act(connection_id, broadcast_id, Act.SCHEDULE, actor, send_at=body.send_at)
    return _shown(made)


@operations.on("POST", f"{_ONE}/send")
def send_broadcast(
    call: Call, connection_id: str, broadcast_id: str, body: ActPost
) -> BroadcastAnswer:
    """Begin it now."""
    return _act(call, connection_id, broadcast_id, Act.SEND, body)


@operations.on("POST", f"{_ONE}/pause")
def pause_broadcast(
    call: Call, connection_id: str, broadcast_id: str, body: ActPost
) -> BroadcastAnswer:
    """Hold it: no further text is handed over until it is resumed."""
    return _act(call, connection_id, broadcast_id, Act.PAUSE, body)


@operations.on("POST", f"{_ONE}/resume")
def resume_broadcast(
    call: Call, connection_id: str, broadcast_id: str, body: ActPost
) -> BroadcastAnswer:
    """Go on where it was paused."""
    return _act(call, connection_id, broadcast_id, Act.RESUME, body)


@operations.on("POST", f"{_ONE}/cancel")
def cancel_broadcast(
    call: Call, connection_id: str, broadcast_id: str, body: ActPost
) -> BroadcastAnswer:
    """End it for good: who was not handed over yet is skipped."""
    return _act(call, connection_id, broadcast_id, Act.CANCEL, body)


def _act(
    call: Call, connection_id: str, broadcast_id: str, act: Act, body: ActPost
) -> BroadcastAnswer:
    actor = call.actor(body.actor)
    return _shown(services(TELEMETRY).admin.broadcasts.act(connection_id, broadcast_id, act, actor))


def _shown(broadcast: Broadcast, receipts: ReceiptCounts | None = None) -> BroadcastAnswer:
    progress = services(TELEMETRY).admin.broadcasts.progress(broadcast)
    return broadcast_answer(broadcast, progress, receipts)
