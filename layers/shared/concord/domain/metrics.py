"""The metrics that Concord writes, namespace `Concord`: each is on an alarm or the dashboard."""

from __future__ import annotations

from enum import StrEnum


class Metric(StrEnum):
    """A metric's name; its dimension, `stage`, is the parameter of the stack.

    The runbook says what to do about each (docs/runbook.md); tests hold the three together.
    """

    # A signal of consent changed what holds for a point.
    CONSENT_CHANGED = "ConsentChanged"
    # An opt-out was applied, whether or not the point was opted out before.
    OPT_OUT_APPLIED = "OptOutApplied"

    # A properly signed body could not be read, and is kept for a replay.
    WEBHOOK_FAILED = "WebhookFailed"
    # A type of event that we have never seen, or an opt-out that changed nothing.
    UNKNOWN_EVENT = "UnknownEvent"
    # A text came by topic to a number that no connection has.
    INBOUND_FOR_NOBODY = "InboundForNobody"
    # A delivery receipt names no text of ours.
    RECEIPT_UNMATCHED = "ReceiptUnmatched"
    # A kept body failed again when it was replayed.
    REPLAY_FAILED = "ReplayFailed"

    # A request that could not be stored was put into the safety queue.
    SAFETY_QUEUED = "SafetyQueued"
    # A request of the safety queue was applied.
    SAFETY_RESCUED = "SafetyRescued"
    # Table and safety queue were both away; the caller was told that nothing is kept.
    SAFETY_UNAVAILABLE = "SafetyUnavailable"
    # A request of the safety queue was refused for good.
    RESCUE_REFUSED = "RescueRefused"
    # Age of a queue's message at a try that failed, in seconds; the one metric with the function
    # (its logical id, `service`) as a second dimension.
    OLDEST_FAILED_SECONDS = "OldestFailedSeconds"

    # A dossier was exported whose events are not those that the state counts.
    EVIDENCE_BROKEN = "EvidenceBroken"
    # The stack key is not the one that a connection was made with.
    STACK_KEY_MISMATCH = "StackKeyMismatch"
    # A bug was caught at an edge.
    UNHANDLED_ERROR = "UnhandledError"

    # A platform refused a task for good.
    TASK_FAILED = "TaskFailed"
    # A platform refused our credentials, and the connection was paused.
    CONNECTION_PAUSED = "ConnectionPaused"
    # The answer to a text was lost, and the platform cannot be asked.
    SEND_UNCERTAIN = "SendUncertain"
    # A sender failed several times in a row: nobody calls it for some seconds.
    SENDER_DOWN = "SenderDown"
    # A broadcast was paused by us: its sender refuses it, or cannot be used.
    BROADCAST_HELD = "BroadcastHeld"
    # A platform has no contact with the number of an opt-out: there was nobody to opt out.
    OPT_OUT_UNMATCHED = "OptOutUnmatched"
    # Merchants whose night was not over by six in the morning, their time.
    NIGHT_LATE = "NightLate"
    # The night was told to look at an account that is not there.
    HINT_WITHOUT_ACCOUNT = "HintWithoutAccount"
    # The entries of a day and the balances of its accounts do not tell the same.
    REPORT_BROKEN = "ReportBroken"
    # New tasks that could not be queued at once: the sweep does it.
    RELAY_LEFT_TO_SWEEP = "RelayLeftToSweep"
    # Age of the oldest opt-out that a platform has not heard of, in seconds.
    OLDEST_UNSYNCED_OPT_OUT_SECONDS = "OldestUnsyncedOptOutSeconds"
    # Tasks that are more than two minutes overdue.
    OVERDUE_TASKS = "OverdueTasks"
