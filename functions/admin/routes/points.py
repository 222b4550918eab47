"""Points of a member: what she has, her statement, adjustments."""

from concord.bootstrap import services
from concord.entrypoint.admin.base import PageQuery
from concord.entrypoint.admin.call import Call
from concord.entrypoint.admin.operations import Operations
from concord.entrypoint.admin.points import (
    AccountAnswer,
    AdjustmentPost,
    EntryAnswer,
    EntryPage,
    account_answer,
)
from concord.entrypoint.observability import TELEMETRY

operations = Operations("points", lambda: services(TELEMETRY).admin.idempotent)
_ONE = "/v1/merchants/{merchant_id}/programmes/{programme_id}/accounts/{member}"


@operations.on("GET", _ONE)
def get_points(call: Call, merchant_id: str, programme_id: str, member: str) -> AccountAnswer:
    """Show what a member has: balance, lots with their last day, what is pending."""
    found = services(TELEMETRY).admin.points.account(merchant_id, programme_id, member)
    return account_answer(found.account, found.today, found.available, found.next_expiry)


@operations.on("GET", f"{_ONE}/entries")
def list_entries(
    call: Call, merchant_id: str, programme_id: str, member: str, query: PageQuery
) -> EntryPage:
    """List every movement of a member's points, newest first."""
    page = services(TELEMETRY).admin.points.statement(
        merchant_id, programme_id, member, query.limit, query.cursor
    )
    return EntryPage(items=[EntryAnswer.of(each) for each in page.items], cursor=page.cursor)


@operations.on("POST", f"{_ONE}/adjustments", status=201, idempotent=True)
def adjust_points(
    call: Call, merchant_id: str, programme_id: str, member: str, body: AdjustmentPost
) -> EntryAnswer:
    """Give a member points by hand, or take some away (R-22).

    409 `insufficient_points`: there are fewer than that.
    """
    entry = services(TELEMETRY).admin.adjust_points(
        merchant_id,
        programme_id,
        member,
        body.amount,
        reason=body.reason,
        actor=call.actor(body.actor),
        request_hash=call.request_hash(),
    )
    return EntryAnswer.of(entry)
