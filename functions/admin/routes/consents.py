"""Consents: look one up, prove one, import many."""

from concord.bootstrap import services
from concord.domain.canonical import sha256_hex
from concord.domain.errors import FieldError, InvalidInputError
from concord.domain.identity import Channel
from concord.domain.imports import MAX_ROWS
from concord.entrypoint.admin.call import Call
from concord.entrypoint.admin.consents import (
    ConsentAnswer,
    ConsentEvent,
    Dossier,
    PointPost,
    SuppressedAnswer,
)
from concord.entrypoint.admin.csv_rows import count_rows, read_rows
from concord.entrypoint.admin.imports import ImportAnswer, ImportPost, ImportQuery, RowResult
from concord.entrypoint.admin.jobs import JobStarted
from concord.entrypoint.admin.operations import Operations
from concord.entrypoint.observability import TELEMETRY

operations = Operations("consents", lambda: services(TELEMETRY).admin.idempotent)


@operations.on("POST", "/v1/connections/{connection_id}/consents/lookup")
def look_up_consent(call: Call, connection_id: str, body: PointPost) -> ConsentAnswer:
    """Show the state of a point and every event that made it so."""
    return _consent(connection_id, body.channel, body.point)


@operations.on("GET", "/v1/connections/{connection_id}/consents/{channel}/{point}")
def get_consent(call: Call, connection_id: str, channel: str, point: str) -> ConsentAnswer:
    """Show the state of a point and every event that made it so."""
    if channel not in Channel:
        message = f"use one of: {', '.join(Channel)}"
        raise InvalidInputError("no such channel", errors=(FieldError("channel", message),))
    return _consent(connection_id, Channel(channel), point)


@operations.on("POST", "/v1/connections/{connection_id}/consents/dossier")
def export_dossier(call: Call, connection_id: str, body: PointPost) -> Dossier:
    """Export the signed proof of a point's consent; it verifies offline."""
    admin = services(TELEMETRY).admin
    return Dossier(admin.export_dossier(connection_id, body.channel, body.point))


@operations.on(
    "POST",
    "/v1/connections/{connection_id}/consent-imports",
    idempotent=True,
    accepts_csv=True,
    also={202: JobStarted},
)
def import_consents(
    call: Call, connection_id: str, query: ImportQuery, body: ImportPost | None
) -> ImportAnswer | JobStarted:
    """Import opt-ins that were given elsewhere, one result per row; over 500 rows of CSV as a job.

    503 `import_not_finished`: not every row was applied in time. Send the same call again.
    """
    imports = services(TELEMETRY).admin.import_consents
    if body is None:
        total = count_rows(call.body)
        rows = read_rows(call.body)
        import_id = query.import_id or f"csv-{sha256_hex(call.body)[:16]}"
        attestation = call.headers.get("x-attestation", "")
        if total > MAX_ROWS:
            job_id = imports.start(
                connection_id,
                import_id=import_id,
                attestation=attestation,
                rows=rows,
                total=total,
                dry_run=query.dry_run,
            )
            return JobStarted(job_id=job_id)
    else:
        rows = (row.model_dump() for row in body.rows)
        import_id, attestation = body.import_id, body.attestation
    report = imports(
        connection_id,
        import_id=import_id,
        attestation=attestation,
        rows=list(rows),
        dry_run=query.dry_run,
    )
    return ImportAnswer(
        import_id=report.import_id,
        dry_run=report.dry_run,
        total=len(report.results),
        counts=report.counts,
        results=[RowResult(row=n, result=result) for n, result in enumerate(report.results, 1)],
    )


def _consent(connection_id: str, channel: Channel, point: str) -> ConsentAnswer:
    view = services(TELEMETRY).admin.look_up_consent(connection_id, channel, point)
    dead = view.suppressed
    return ConsentAnswer(
        channel=channel,
        point=view.point,
        account=view.key.account,
        state=view.state,
        basis=view.basis,
        suppressed=SuppressedAnswer(since=dead.since, reason=dead.reason) if dead else None,
        updated_at=view.updated_at,
        events=[ConsentEvent.of(event) for event in view.events],
    )
