"""Connections: their life, their settings, their secrets, who changed them."""

from concord.bootstrap import services
from concord.entrypoint.admin.audit import AuditAnswer, AuditPage
from concord.entrypoint.admin.base import PageQuery
from concord.entrypoint.admin.call import Call
from concord.entrypoint.admin.connections import (
    Checked,
    ConnectionAnswer,
    ConnectionCreated,
    ConnectionPage,
    ConnectionPatch,
    ConnectionPost,
    StatePost,
)
from concord.entrypoint.admin.operations import Operations
from concord.entrypoint.admin.rotation import RotatePost, SecretRotated
from concord.entrypoint.observability import TELEMETRY

operations = Operations("connections", lambda: services(TELEMETRY).admin.idempotent)


@operations.on("POST", "/v1/merchants/{merchant_id}/connections", status=201, idempotent=True)
def create_connection(call: Call, merchant_id: str, body: ConnectionPost) -> ConnectionCreated:
    """Link two accounts; the secrets are shown this once."""
    made = services(TELEMETRY).admin.connections.create(
        merchant_id,
        integration=body.integration,
        source=body.source.to_side(),
        destination=body.destination.to_side(),
        settings=body.settings.to_settings(),
        credentials=body.credentials(),
        base_url=call.base_url,
        actor=call.actor(body.actor),
        made_by=call.request_hash(),
    )
    return ConnectionCreated(
        connection_id=made.connection.connection_id,
        state=made.connection.state,
        webhooks=dict(made.webhooks),
        webhook_secret=made.webhook_secret,
        connect_key=made.connect_key,
    )


@operations.on("GET", "/v1/merchants/{merchant_id}/connections")
def list_connections(call: Call, merchant_id: str, query: PageQuery) -> ConnectionPage:
    """List a merchant's connections."""
    page = services(TELEMETRY).admin.connections.list(merchant_id, query.limit, query.cursor)
    return ConnectionPage(
        items=[ConnectionAnswer.of(each) for each in page.items], cursor=page.cursor
    )


@operations.on("GET", "/v1/connections/{connection_id}")
def get_connection(call: Call, connection_id: str) -> ConnectionAnswer:
    """Show a connection."""
    return ConnectionAnswer.of(services(TELEMETRY).admin.connections.get(connection_id))


@operations.on("PATCH", "/v1/connections/{connection_id}")
def patch_connection(call: Call, connection_id: str, body: ConnectionPatch) -> ConnectionAnswer:
    """Change settings, addresses or credentials; null = the default."""
    connection = services(TELEMETRY).admin.connections.patch(
        connection_id,
        settings=body.setting_changes(),
        sides=body.side_changes(),
        credentials=body.new_credentials(),
        actor=call.actor(body.actor),
    )
    return ConnectionAnswer.of(connection)


@operations.on("POST", "/v1/connections/{connection_id}/state")
def change_state(call: Call, connection_id: str, body: StatePost) -> ConnectionAnswer:
    """Move a connection on: requested > pending > connected <> paused, any > disconnected."""
    connection = services(TELEMETRY).admin.change_state(
        connection_id, body.state, call.actor(body.actor)
    )
    return ConnectionAnswer.of(connection)


@operations.on("POST", "/v1/connections/{connection_id}/check")
def check_connection(call: Call, connection_id: str) -> Checked:
    """Prove the credentials of every side live, and fetch the account's text numbers."""
    checked = services(TELEMETRY).admin.check_connection(connection_id)
    connection = checked.connection
    return Checked(
        connection_id=connection_id,
        state=connection.state,
        platforms=dict(checked.platforms),
        text_numbers=[number for number, _ in connection.text_numbers],
        first_number=connection.first_number,
        fallback_number=connection.fallback_number,
    )


@operations.on("POST", "/v1/connections/{connection_id}/rotate", idempotent=True)
def rotate_secret(call: Call, connection_id: str, body: RotatePost) -> SecretRotated:
    """Replace a secret; the old one is accepted for a while."""
    made = services(TELEMETRY).admin.rotate_secrets(
        connection_id, body.what, body.grace_seconds, call.base_url, call.actor(body.actor)
    )
    return SecretRotated(
        connection_id=connection_id,
        what=body.what,
        old_accepted_until=made.old_accepted_until,
        webhooks=dict(made.webhooks) if made.webhooks else None,
        webhook_secret=made.webhook_secret,
        connect_key=made.connect_key,
    )


@operations.on("GET", "/v1/connections/{connection_id}/audit")
def list_audit(call: Call, connection_id: str, query: PageQuery) -> AuditPage:
    """List who changed what, newest first."""
    page = services(TELEMETRY).admin.read_audit(connection_id, query.limit, query.cursor)
    return AuditPage(
        items=[
            AuditAnswer(at=e.at, actor=e.actor, action=e.action, details=dict(e.details))
            for e in page.items
        ],
        cursor=page.cursor,
    )
