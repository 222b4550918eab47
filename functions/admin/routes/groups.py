"""Groups of shoppers: pick some, and see how many numbers they have together."""

from concord.bootstrap import services
from concord.entrypoint.admin.call import Call
from concord.entrypoint.admin.groups import GroupAnswer, GroupPage, GroupQuery, Recap, RecapPost
from concord.entrypoint.admin.jobs import JobStarted
from concord.entrypoint.admin.operations import Operations
from concord.entrypoint.observability import TELEMETRY

operations = Operations("groups", lambda: services(TELEMETRY).admin.idempotent)


@operations.on("GET", "/v1/connections/{connection_id}/groups")
def list_groups(call: Call, connection_id: str, query: GroupQuery) -> GroupPage:
    """List the groups with at least one opted-in shopper, or all of them (`all=true`)."""
    page = services(TELEMETRY).admin.groups(
        connection_id, query.limit, query.cursor, everything=query.everything
    )
    items = [
        GroupAnswer(
            group_id=each.group_id,
            name=each.name,
            total_shoppers=each.total_shoppers,
            opted_in_shoppers=each.opted_in_shoppers,
            textable_numbers=each.textable_numbers,
        )
        for each in page.items
    ]
    return GroupPage(items=items, cursor=page.cursor)


@operations.on("POST", "/v1/connections/{connection_id}/groups/recap")
def recap_groups(call: Call, connection_id: str, body: RecapPost) -> Recap:
    """Count the distinct numbers that some groups have together."""
    textable = services(TELEMETRY).admin.groups.recap(connection_id, body.group_ids)
    return Recap(group_ids=list(dict.fromkeys(body.group_ids)), textable_numbers=textable)


@operations.on("POST", "/v1/connections/{connection_id}/groups/repair", status=202, idempotent=True)
def repair_groups(call: Call, connection_id: str) -> JobStarted:
    """Count every group anew from its shoppers and put right what differs, as a job: `updated` was
    wrong, `skipped` was right, or `busy`."""
    return JobStarted(job_id=services(TELEMETRY).admin.repair_groups(connection_id))
