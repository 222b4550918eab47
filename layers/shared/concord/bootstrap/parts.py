"""The services that others need, each made once per process."""

from __future__ import annotations

import os
import random
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concord.services.apply_rows import ApplyRows
    from concord.services.apply_signal import ApplySignal
    from concord.services.authenticate import Authenticator
    from concord.services.defer_tasks import DeferTasks
    from concord.services.heed_failure import HeedFailure
    from concord.services.ingest_sms import IngestSms
    from concord.services.ingest_webhook import IngestWebhook
    from concord.services.keep_numbers import KeepNumbers
    from concord.services.merge_receipts import MergeReceipts
    from concord.services.push_consent import PushConsent
    from concord.services.reach_platforms import ReachPlatforms
    from concord.services.read_receipts import ReadReceipts
    from concord.services.record_consent import RecordConsent
    from concord.services.remove_shopper import RemoveShopper
    from concord.services.repair_groups import StartRepair
    from concord.services.replay_inbox import ReplayInbox
    from concord.services.resolve_uncertain import ResolveUncertain
    from concord.services.run_task import RunTask
    from concord.services.safety_net import SafetyNet
    from concord.services.start_sync import StartSync
    from concord.services.take_credit import TakeCredit
    from concord.services.take_receipt import TakeReceipt


from concord.bootstrap.adapters import Adapters


class Parts(Adapters):
    """Adapters and shared services."""

    @cached_property
    def authenticator(self) -> Authenticator:
        from concord.services.authenticate import Authenticator

        # Who opens a door waits for both. Made now, before the time budget of the answer starts:
        # on a slow CPU, loading the SDK alone would use it up.
        _ = self.table.client, self.secrets.client
        return Authenticator(self.connections, self.secrets, self.telemetry)

    @cached_property
    def apply_signal(self) -> ApplySignal:
        from concord.services.apply_signal import ApplySignal

        return ApplySignal(self.store, self.clock, os.urandom)

    @cached_property
    def heed_failure(self) -> HeedFailure:
        from concord.services.heed_failure import HeedFailure

        return HeedFailure(
            self.store, self.tasks, self.authenticator, self.apply_signal, self.telemetry
        )

    @cached_property
    def apply_rows(self) -> ApplyRows:
        from concord.services.apply_rows import ApplyRows

        return ApplyRows(self.store, self.apply_signal, self.clock)

    @cached_property
    def ingest(self) -> IngestWebhook:
        from concord.services.apply_events import ApplyEvents
        from concord.services.ingest_webhook import IngestWebhook

        return IngestWebhook(
            authenticator=self.authenticator,
            platforms=self.platforms,
            store=self.store,
            apply_events=ApplyEvents(
                self.apply_signal,
                self.take_receipt,
                self.take_credit,
                self.tasks,
                self.clock,
                self.telemetry,
            ),
            safety=self.safety,
            clock=self.clock,
            telemetry=self.telemetry,
            new_inbox_id=_new_inbox_id,
        )

    @cached_property
    def take_receipt(self) -> TakeReceipt:
        from concord.services.note_receipt import NoteReceipt
        from concord.services.take_receipt import TakeReceipt

        return TakeReceipt(
            NoteReceipt(self.tasks, self.heed_failure, self.clock, self.telemetry),
            lambda: self.receipt_queue,
            lambda: lambda receipt: self.merge_receipts([receipt]),
            self.telemetry,
        )

    @cached_property
    def take_credit(self) -> TakeCredit:
        from concord.adapters.dynamodb.exports import DynamoDbCredits
        from concord.adapters.dynamodb.merchants import DynamoDbMerchants
        from concord.services.take_credit import TakeCredit

        return TakeCredit(
            merchants=DynamoDbMerchants(self.table),
            shoppers=self.shoppers,
            credits=DynamoDbCredits(self.table),
            clock=self.clock,
            telemetry=self.telemetry,
        )

    @cached_property
    def resolve_uncertain(self) -> ResolveUncertain:
        from concord.bootstrap.broadcasts import finish_broadcast
        from concord.services.resolve_uncertain import ResolveUncertain

        return ResolveUncertain(self.receipts, self.chunks, finish_broadcast(self))

    @cached_property
    def read_receipts(self) -> ReadReceipts:
        from concord.services.read_receipts import ReadReceipts

        return ReadReceipts(self.receipts)

    @cached_property
    def merge_receipts(self) -> MergeReceipts:
        from concord.services.merge_receipts import MergeReceipts

        return MergeReceipts(
            receipts=self.receipts,
            slices=self.chunks,
            connections=self.connections,
            resolve=self.resolve_uncertain,
            heed=self.heed_failure,
            telemetry=self.telemetry,
        )

    @cached_property
    def ingest_sms(self) -> IngestSms:
        from concord.services.ingest_sms import IngestSms

        return IngestSms(
            ingest=self.ingest,
            platforms=self.platforms,
            connections=self.connections,
            authenticator=self.authenticator,
            safety=self.safety,
            telemetry=self.telemetry,
        )

    @cached_property
    def safety_net(self) -> SafetyNet:
        from concord.services.safety_net import SafetyNet

        return SafetyNet(
            authenticator=self.authenticator,
            store=self.store,
            safety=self.safety,
            telemetry=self.telemetry,
            fallback_number=self.config.fallback_number,
        )

    @cached_property
    def record_consent(self) -> RecordConsent:
        from concord.services.record_consent import RecordConsent

        return RecordConsent(
            authenticator=self.authenticator,
            apply_signal=self.apply_signal,
            net=self.safety_net,
            telemetry=self.telemetry,
            new_inbox_id=_new_inbox_id,
        )

    @cached_property
    def remove_shopper(self) -> RemoveShopper:
        from concord.services.remove_shopper import RemoveShopper

        return RemoveShopper(
            authenticator=self.authenticator,
            shoppers=self.shoppers,
            apply_signal=self.apply_signal,
            net=self.safety_net,
        )

    @cached_property
    def reach(self) -> ReachPlatforms:
        from concord.services.reach_platforms import ReachPlatforms

        return ReachPlatforms(self.platforms, self.authenticator)

    @cached_property
    def numbers(self) -> KeepNumbers:
        from concord.services.keep_numbers import KeepNumbers

        return KeepNumbers(
            connections=self.connections, reach=self.reach, tasks=self.tasks, clock=self.clock
        )

    @cached_property
    def replay(self) -> ReplayInbox:
        from concord.services.replay_inbox import ReplayInbox

        return ReplayInbox(
            inbox=self.inbox,
            connections=self.connections,
            authenticator=self.authenticator,
            ingest=self.ingest,
            record_consent=self.record_consent,
            remove_shopper=self.remove_shopper,
            telemetry=self.telemetry,
        )

    # --- the worker --------------------------------------------------------------------------

    @cached_property
    def defer(self) -> DeferTasks:
        from concord.services.defer_tasks import DeferTasks
        from concord.services.tell_peers import KeepUntold

        return DeferTasks(
            tasks=self.tasks,
            queue=self.queue,
            connections=self.connections,
            clock=self.clock,
            telemetry=self.telemetry,
            keep_untold=KeepUntold(
                untold=self.untold,
                connections=self.connections,
                tasks=self.tasks,
                clock=self.clock,
            ),
            rng=random.SystemRandom(),
        )

    @cached_property
    def push_consent(self) -> PushConsent:
        from concord.adapters.dynamodb.exports import DynamoDbSubscriptions
        from concord.services.note_echo import NoteEcho
        from concord.services.push_consent import PushConsent

        return PushConsent(
            note_echo=NoteEcho(DynamoDbSubscriptions(self.table), self.clock),
            tasks=self.tasks,
            store=self.store,
            connections=self.connections,
            shoppers=self.shoppers,
            reviews=self.reviews,
            reach=self.reach,
            defer=self.defer,
            clock=self.clock,
            telemetry=self.telemetry,
        )

    @cached_property
    def start_repair(self) -> StartRepair:
        from concord.services.repair_groups import StartRepair

        return StartRepair(
            connections=self.connections,
            jobs=self.jobs,
            tasks=self.tasks,
            clock=self.clock,
            random_bytes=os.urandom,
        )

    @cached_property
    def start_sync(self) -> StartSync:
        from concord.bootstrap.jobs import start_job
        from concord.services.start_sync import StartSync

        return StartSync(
            connections=self.connections,
            tasks=self.tasks,
            start=start_job(self),
            clock=self.clock,
        )

    @cached_property
    def run_task(self) -> RunTask:
        from concord.bootstrap.workers import task_worker

        return task_worker(self)


def _new_inbox_id(received_at: datetime) -> str:
    from concord.adapters.dynamodb.keys import new_inbox_id

    return new_inbox_id(received_at)
