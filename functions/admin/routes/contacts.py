"""Contact lists of the platform that shoppers are exported to."""

from concord.bootstrap import services
from concord.domain.contacts import NewList
from concord.entrypoint.admin.call import Call
from concord.entrypoint.admin.contacts import ListAnswer, ListPage, ListPost
from concord.entrypoint.admin.operations import Operations
from concord.entrypoint.observability import TELEMETRY

operations = Operations("contacts", lambda: services(TELEMETRY).admin.idempotent)


@operations.on("GET", "/v1/connections/{connection_id}/lists")
def list_contact_lists(call: Call, connection_id: str) -> ListPage:
    """Show the contact lists of the account as they are now."""
    admin = services(TELEMETRY).admin
    found = admin.contact_lists.lists(connection_id)
    items = [ListAnswer(list_id=each.list_id, name=each.name) for each in found]
    return ListPage(items=items, chosen=admin.connections.get(connection_id).contact_list)


@operations.on("POST", "/v1/connections/{connection_id}/lists", status=201, idempotent=True)
def make_contact_list(call: Call, connection_id: str, body: ListPost) -> ListAnswer:
    """Make a contact list; choose it by `destination.settings.list_id` of the connection."""
    wanted = NewList(body.name, body.from_name, body.from_email, body.reply_to or "")
    made = services(TELEMETRY).admin.contact_lists.make(connection_id, wanted)
    return ListAnswer(list_id=made.list_id, name=made.name)
