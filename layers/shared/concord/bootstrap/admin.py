"""Builds what operators do: the part of bootstrap that only the admin API needs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from concord.adapters.dynamodb.audit import DynamoDbAudit
from concord.adapters.dynamodb.idempotency import DynamoDbIdempotency
from concord.adapters.dynamodb.merchants import DynamoDbMerchants
from concord.adapters.dynamodb.nights import DynamoDbReports
from concord.adapters.signing import sign
from concord.bootstrap.admin_broadcasts import (
    explain_recipient,
    manage_broadcasts,
    preview_broadcast,
    read_recipients,
    try_broadcast,
)
from concord.bootstrap.jobs import start_job
from concord.bootstrap.points import post_points
from concord.platforms.registry import PLATFORMS, platform_named
from concord.services.adjust_points import AdjustPoints
from concord.services.admin import AdminServices
from concord.services.answer_once import AnswerOnce
from concord.services.browse_inbox import BrowseInbox
from concord.services.change_state import ChangeState
from concord.services.check_connection import CheckConnection
from concord.services.check_settings import SenderRules, SettingsRules
from concord.services.contact_lists import ContactLists
from concord.services.export_dossier import ExportDossier
from concord.services.find_account import FindAccount
from concord.services.import_consents import ImportConsents
from concord.services.list_groups import ListGroups
from concord.services.look_up_consent import LookUpConsent
from concord.services.manage_connections import ManageConnections
from concord.services.manage_merchants import ManageMerchants
from concord.services.manage_programmes import ManageProgrammes
from concord.services.name_webhooks import NameWebhooks
from concord.services.read_audit import ReadAudit
from concord.services.read_health import ReadHealth
from concord.services.read_jobs import ReadJobs
from concord.services.read_points import ReadPoints
from concord.services.read_reports import ReadReports
from concord.services.retry_tasks import RetryTasks
from concord.services.review_consents import ReviewConsents
from concord.services.rotate_secrets import RotateSecrets
from concord.services.start_export import StartExport

if TYPE_CHECKING:
    from concord.adapters.queue_figures import QueueFigures
    from concord.bootstrap.parts import Parts


def admin_services(parts: Parts) -> AdminServices:
    """Return the admin services over the adapters that `parts` holds."""
    merchants = DynamoDbMerchants(parts.table)
    connections, clock, secrets = parts.connections, parts.clock, parts.secrets
    webhooks = NameWebhooks(parts.platforms)
    consents = LookUpConsent(connections, parts.authenticator, parts.store)
    lists = ContactLists(connections, parts.reach, parts.platforms)
    broadcasts = manage_broadcasts(parts)
    recipients = read_recipients(parts)
    find_account = FindAccount(merchants, parts.programmes, parts.authenticator)
    programmes = ManageProgrammes(merchants, parts.programmes, clock)
    return AdminServices(
        merchants=ManageMerchants(merchants, connections, clock, parts.config.operator_arns),
        connections=_connections(parts, merchants, webhooks, lists),
        contact_lists=lists,
        change_state=_change_state(parts, lists),
        check_connection=CheckConnection(
            connections=connections, reach=parts.reach, numbers=parts.numbers
        ),
        rotate_secrets=RotateSecrets(connections, secrets, clock, os.urandom, webhooks),
        import_consents=_import_consents(parts),
        look_up_consent=consents,
        export_dossier=ExportDossier(consents, parts.store, secrets, sign, clock, parts.telemetry),
        reviews=ReviewConsents(
            connections, parts.authenticator, parts.reviews, parts.store, parts.apply_signal, clock
        ),
        groups=ListGroups(connections, parts.group_audience),
        repair_groups=parts.start_repair,
        read_audit=ReadAudit(connections, DynamoDbAudit(parts.table)),
        failures=_failures(parts),
        inbox=_inbox(parts, merchants),
        broadcasts=broadcasts,
        preview_broadcast=preview_broadcast(parts, broadcasts),
        try_broadcast=try_broadcast(parts, broadcasts, consents),
        read_receipts=parts.read_receipts,
        recipients=recipients,
        explain_recipient=explain_recipient(parts, recipients, consents),
        start_sync=parts.start_sync,
        start_export=StartExport(connections, start_job(parts)),
        read_jobs=ReadJobs(parts.jobs),
        read_health=_health(parts),
        programmes=programmes,
        points=ReadPoints(find_account, parts.ledger, clock),
        adjust_points=AdjustPoints(find_account, post_points(parts), clock, os.urandom),
        read_reports=ReadReports(programmes, DynamoDbReports(parts.table)),
        idempotent=AnswerOnce(DynamoDbIdempotency(parts.table, clock.now), clock, parts.telemetry),
    )


def _connections(
    parts: Parts, merchants: DynamoDbMerchants, webhooks: NameWebhooks, lists: ContactLists
) -> ManageConnections:
    return ManageConnections(
        parts.connections,
        merchants,
        parts.secrets,
        _rules(parts),
        parts.clock,
        os.urandom,
        webhooks,
        parts.start_sync.keep_time,
        lists.prove,
    )


def _change_state(parts: Parts, lists: ContactLists) -> ChangeState:
    return ChangeState(
        connections=parts.connections,
        numbers=parts.numbers,
        untold=parts.untold,
        tasks=parts.tasks,
        queue=parts.queue,
        start_sync=parts.start_sync,
        activate=lists.activate,
        clock=parts.clock,
    )


def _import_consents(parts: Parts) -> ImportConsents:
    return ImportConsents(
        connections=parts.connections,
        authenticator=parts.authenticator,
        store=parts.store,
        apply_rows=parts.apply_rows,
        jobs=parts.jobs,
        parts=parts.import_parts,
        tasks=parts.tasks,
        clock=parts.clock,
        random_bytes=os.urandom,
    )


def _failures(parts: Parts) -> RetryTasks:
    return RetryTasks(
        connections=parts.connections,
        tasks=parts.tasks,
        store=parts.store,
        clock=parts.clock,
        telemetry=parts.telemetry,
    )


def _inbox(parts: Parts, merchants: DynamoDbMerchants) -> BrowseInbox:
    return BrowseInbox(
        inbox=parts.inbox,
        merchants=merchants,
        connections=parts.connections,
        replay=parts.replay,
        jobs=parts.jobs,
        tasks=parts.tasks,
        clock=parts.clock,
        random_bytes=os.urandom,
    )


def _health(parts: Parts) -> ReadHealth:
    return ReadHealth(
        tasks=parts.tasks,
        connections=parts.connections,
        secrets=parts.secrets,
        queues=lambda: _queue_figures(parts)(),
        clock=parts.clock,
    )


def _rules(parts: Parts) -> SettingsRules:
    def guard(base_url: str) -> None:
        from concord.platforms.http import GuardedHttp

        config = parts.config
        guarded = GuardedHttp(config.allowed_hosts, allow_private=config.allow_private_hosts)
        guarded.client(base_url).close()

    def has_programme(merchant_id: str, programme_id: str) -> bool:
        return parts.programmes.get(merchant_id, programme_id) is not None

    return SettingsRules(
        guard_url=guard,
        senders=_senders(),
        has_programme=has_programme,
        mail_identity=parts.config.mail_identity,
    )


def _senders() -> dict[str, SenderRules]:
    """Return what each platform that can carry texts declares of itself."""
    loaded = [platform_named(name) for name in PLATFORMS]
    return {
        found.name: SenderRules(
            default_url=found.default_url,
            answers_stop=found.answers_stop,
            by_topic=found.topic is not None and found.webhook is None,
        )
        for found in loaded
        if found and found.sender
    }


def _queue_figures(parts: Parts) -> QueueFigures:
    from concord.adapters.queue_figures import QueueFigures

    config = parts.config
    urls = {
        "urgent": config.urgent_queue_url,
        "bulk": config.bulk_queue_url,
        "plan": config.plan_queue_url,
        "send": config.send_queue_url,
        "night": config.night_queue_url,
        "receipt": config.receipt_queue_url,
        "safety": config.safety_queue_url,
        "aws_inbound": config.aws_inbound_queue_url,
    }
    return QueueFigures(urls, config.stream_failures_queue_url, config.stage, parts.clock)
