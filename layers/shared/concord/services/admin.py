"""Everything that the admin API can do, as one object."""

from __future__ import annotations

from dataclasses import dataclass

from concord.services.adjust_points import AdjustPoints
from concord.services.answer_once import AnswerOnce
from concord.services.browse_inbox import BrowseInbox
from concord.services.change_state import ChangeState
from concord.services.check_connection import CheckConnection
from concord.services.contact_lists import ContactLists
from concord.services.explain_recipient import ExplainRecipient
from concord.services.export_dossier import ExportDossier
from concord.services.import_consents import ImportConsents
from concord.services.list_groups import ListGroups
from concord.services.look_up_consent import LookUpConsent
from concord.services.manage_broadcasts import ManageBroadcasts
from concord.services.manage_connections import ManageConnections
from concord.services.manage_merchants import ManageMerchants
from concord.services.manage_programmes import ManageProgrammes
from concord.services.preview_broadcast import PreviewBroadcast
from concord.services.read_audit import ReadAudit
from concord.services.read_health import ReadHealth
from concord.services.read_jobs import ReadJobs
from concord.services.read_points import ReadPoints
from concord.services.read_receipts import ReadReceipts
from concord.services.read_recipients import ReadRecipients
from concord.services.read_reports import ReadReports
from concord.services.repair_groups import StartRepair
from concord.services.retry_tasks import RetryTasks
from concord.services.review_consents import ReviewConsents
from concord.services.rotate_secrets import RotateSecrets
from concord.services.start_export import StartExport
from concord.services.start_sync import StartSync
from concord.services.try_broadcast import TryBroadcast


@dataclass(frozen=True, slots=True)
class AdminServices:
    """Every use case of the admin API, by name."""

    merchants: ManageMerchants
    connections: ManageConnections
    contact_lists: ContactLists
    change_state: ChangeState
    check_connection: CheckConnection
    rotate_secrets: RotateSecrets
    import_consents: ImportConsents
    look_up_consent: LookUpConsent
    export_dossier: ExportDossier
    reviews: ReviewConsents
    groups: ListGroups
    repair_groups: StartRepair
    read_audit: ReadAudit
    failures: RetryTasks
    inbox: BrowseInbox
    broadcasts: ManageBroadcasts
    read_receipts: ReadReceipts
    start_sync: StartSync
    start_export: StartExport
    read_jobs: ReadJobs
    read_health: ReadHealth
    preview_broadcast: PreviewBroadcast
    try_broadcast: TryBroadcast
    recipients: ReadRecipients
    explain_recipient: ExplainRecipient
    programmes: ManageProgrammes
    points: ReadPoints
    adjust_points: AdjustPoints
    read_reports: ReadReports
    idempotent: AnswerOnce
