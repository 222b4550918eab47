"""Builds what operators do with broadcasts; a part of admin.py."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from concord.adapters.dynamodb.recipient_reads import DynamoDbRecipientReads
from concord.services.explain_recipient import ExplainRecipient
from concord.services.manage_broadcasts import ManageBroadcasts
from concord.services.preview_broadcast import PreviewBroadcast
from concord.services.read_recipients import ReadRecipients
from concord.services.try_broadcast import TryBroadcast

if TYPE_CHECKING:
    from concord.bootstrap.parts import Parts
    from concord.services.look_up_consent import LookUpConsent


def manage_broadcasts(parts: Parts) -> ManageBroadcasts:
    """Return what drafts broadcasts and changes their state."""
    return ManageBroadcasts(
        connections=parts.connections,
        broadcasts=parts.broadcasts,
        groups=parts.group_audience,
        tallies=parts.broadcasts.tallies,
        clock=parts.clock,
        random_bytes=os.urandom,
    )


def preview_broadcast(parts: Parts, broadcasts: ManageBroadcasts) -> PreviewBroadcast:
    """Return what starts previews."""
    return PreviewBroadcast(
        broadcasts=broadcasts,
        stored=parts.broadcasts,
        jobs=parts.jobs,
        clock=parts.clock,
        random_bytes=os.urandom,
    )


def try_broadcast(
    parts: Parts, broadcasts: ManageBroadcasts, consents: LookUpConsent
) -> TryBroadcast:
    """Return what sends a broadcast's text to a few numbers as a test."""
    return TryBroadcast(
        broadcasts=broadcasts,
        stored=parts.broadcasts,
        consents=consents,
        store=parts.store,
        clock=parts.clock,
        random_bytes=os.urandom,
    )


def read_recipients(parts: Parts) -> ReadRecipients:
    """Return what lists recipients with what was decided for each."""
    return ReadRecipients(
        connections=parts.connections,
        broadcasts=parts.broadcasts,
        chunks=parts.chunks,
        reads=DynamoDbRecipientReads(parts.table),
        receipts=parts.read_receipts,
    )


def explain_recipient(
    parts: Parts, recipients: ReadRecipients, consents: LookUpConsent
) -> ExplainRecipient:
    """Return what explains why one number was texted or not."""
    return ExplainRecipient(
        connections=parts.connections,
        broadcasts=parts.broadcasts,
        chunks=parts.chunks,
        consents=consents,
        recipients=recipients,
        reads=DynamoDbRecipientReads(parts.table),
    )
