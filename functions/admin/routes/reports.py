"""Reports of programmes: every point of a day, and that it adds up."""

from concord.bootstrap import services
from concord.entrypoint.admin.call import Call
from concord.entrypoint.admin.operations import Operations
from concord.entrypoint.admin.reports import ReportAnswer, report_answer
from concord.entrypoint.observability import TELEMETRY

operations = Operations("reports")


@operations.on("GET", "/v1/merchants/{merchant_id}/programmes/{programme_id}/reports/{date}")
def get_report(call: Call, merchant_id: str, programme_id: str, date: str) -> ReportAnswer:
    """Show the report of a day, the merchant's; it is made in the night after it."""
    return report_answer(services(TELEMETRY).admin.read_reports(merchant_id, programme_id, date))
