"""Programmes: the rules of a merchant's points."""

from concord.bootstrap import services
from concord.entrypoint.admin.base import PageQuery
from concord.entrypoint.admin.call import Call
from concord.entrypoint.admin.operations import Operations
from concord.entrypoint.admin.programmes import ProgrammeAnswer, ProgrammePage, ProgrammePut
from concord.entrypoint.observability import TELEMETRY

operations = Operations("programmes")
_ONE = "/v1/merchants/{merchant_id}/programmes/{programme_id}"


@operations.on("PUT", _ONE)
def put_programme(
    call: Call, merchant_id: str, programme_id: str, body: ProgrammePut
) -> ProgrammeAnswer:
    """Create or replace a programme; what was booked already stays as it was booked."""
    programme = body.to_programme(merchant_id, programme_id)
    return ProgrammeAnswer.of(services(TELEMETRY).admin.programmes.put(programme, call.actor()))


@operations.on("GET", _ONE)
def get_programme(call: Call, merchant_id: str, programme_id: str) -> ProgrammeAnswer:
    """Show a programme."""
    return ProgrammeAnswer.of(services(TELEMETRY).admin.programmes.get(merchant_id, programme_id))


@operations.on("GET", "/v1/merchants/{merchant_id}/programmes")
def list_programmes(call: Call, merchant_id: str, query: PageQuery) -> ProgrammePage:
    """List a merchant's programmes."""
    page = services(TELEMETRY).admin.programmes.list(merchant_id, query.limit, query.cursor)
    items = [ProgrammeAnswer.of(each) for each in page.items]
    return ProgrammePage(items=items, cursor=page.cursor)
