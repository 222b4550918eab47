"""Every port gets its adapter here, lazily and once per process."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from concord.config import Settings
from concord.domain.tasks import Queue
from concord.ports import Clock, Telemetry
from concord.ports.broadcasts import Sleeper

if TYPE_CHECKING:
    from concord.adapters.dynamodb.broadcasts import DynamoDbBroadcasts
    from concord.adapters.dynamodb.chunks import DynamoDbChunks
    from concord.adapters.dynamodb.connections import DynamoDbConnections
    from concord.adapters.dynamodb.consent_store import DynamoDbConsentStore
    from concord.adapters.dynamodb.group_lists import DynamoDbGroups
    from concord.adapters.dynamodb.groups import DynamoDbContributions, DynamoDbGroupAudience
    from concord.adapters.dynamodb.import_parts import DynamoDbImportParts
    from concord.adapters.dynamodb.inbox import DynamoDbInbox
    from concord.adapters.dynamodb.jobs import DynamoDbJobs
    from concord.adapters.dynamodb.ledger import DynamoDbLedger
    from concord.adapters.dynamodb.orders import DynamoDbOrders
    from concord.adapters.dynamodb.pace import DynamoDbPace
    from concord.adapters.dynamodb.programmes import DynamoDbProgrammes
    from concord.adapters.dynamodb.receipts import DynamoDbReceipts
    from concord.adapters.dynamodb.reviews import DynamoDbReviews
    from concord.adapters.dynamodb.shoppers import DynamoDbShoppers
    from concord.adapters.dynamodb.table import Table
    from concord.adapters.dynamodb.tasks import DynamoDbTasks
    from concord.adapters.dynamodb.untold import DynamoDbUntold
    from concord.adapters.parameters import SsmSecrets
    from concord.adapters.receipt_queue import SqsReceiptQueue
    from concord.adapters.sqs import SqsSafetyDepth, SqsSafetyQueue, SqsTaskQueue
    from concord.platforms.registry import PlatformRegistry


class SystemClock:
    """The wall clock."""

    def now(self) -> datetime:
        """Return the time, UTC."""
        return datetime.now(UTC)


class SystemSleeper:
    """Waits on the wall clock."""

    def sleep(self, by: timedelta) -> None:
        """Wait."""
        time.sleep(max(0.0, by.total_seconds()))


class Adapters:
    """The adapters of one process, over its environment."""

    def __init__(self, config: Settings, telemetry: Telemetry, clock: Clock | None = None) -> None:
        self.config = config
        self.telemetry = telemetry
        self.clock: Clock = clock or SystemClock()
        self.sleeper: Sleeper = SystemSleeper()

    @cached_property
    def table(self) -> Table:
        from concord.adapters.dynamodb.table import Table

        return Table(self.config.table_name)

    @cached_property
    def store(self) -> DynamoDbConsentStore:
        from concord.adapters.dynamodb.consent_store import DynamoDbConsentStore

        return DynamoDbConsentStore(self.table, self.clock.now)

    @cached_property
    def inbox(self) -> DynamoDbInbox:
        from concord.adapters.dynamodb.inbox import DynamoDbInbox

        return DynamoDbInbox(self.table)

    @cached_property
    def connections(self) -> DynamoDbConnections:
        from concord.adapters.dynamodb.connections import DynamoDbConnections

        return DynamoDbConnections(self.table)

    @cached_property
    def tasks(self) -> DynamoDbTasks:
        from concord.adapters.dynamodb.tasks import DynamoDbTasks

        return DynamoDbTasks(self.table)

    @cached_property
    def ledger(self) -> DynamoDbLedger:
        from concord.adapters.dynamodb.ledger import DynamoDbLedger

        return DynamoDbLedger(self.table)

    @cached_property
    def programmes(self) -> DynamoDbProgrammes:
        from concord.adapters.dynamodb.programmes import DynamoDbProgrammes

        return DynamoDbProgrammes(self.table, self.clock.now)

    @cached_property
    def orders(self) -> DynamoDbOrders:
        from concord.adapters.dynamodb.orders import DynamoDbOrders

        return DynamoDbOrders(self.table)

    @cached_property
    def untold(self) -> DynamoDbUntold:
        from concord.adapters.dynamodb.untold import DynamoDbUntold

        return DynamoDbUntold(self.table)

    @cached_property
    def chunks(self) -> DynamoDbChunks:
        from concord.adapters.dynamodb.chunks import DynamoDbChunks

        return DynamoDbChunks(self.table)

    @cached_property
    def pace(self) -> DynamoDbPace:
        from concord.adapters.dynamodb.pace import DynamoDbPace

        return DynamoDbPace(self.table)

    @cached_property
    def safety_depth(self) -> SqsSafetyDepth:
        from concord.adapters.sqs import SqsSafetyDepth

        clock = self.clock
        return SqsSafetyDepth(
            self.config.safety_queue_url, monotonic=lambda: clock.now().timestamp()
        )

    @cached_property
    def reviews(self) -> DynamoDbReviews:
        from concord.adapters.dynamodb.reviews import DynamoDbReviews

        return DynamoDbReviews(self.table)

    @cached_property
    def shoppers(self) -> DynamoDbShoppers:
        from concord.adapters.dynamodb.shoppers import DynamoDbShoppers

        return DynamoDbShoppers(self.table, self.tasks, self.clock.now)

    @cached_property
    def contributions(self) -> DynamoDbContributions:
        from concord.adapters.dynamodb.groups import DynamoDbContributions

        return DynamoDbContributions(self.table)

    @cached_property
    def groups(self) -> DynamoDbGroups:
        from concord.adapters.dynamodb.group_lists import DynamoDbGroups

        return DynamoDbGroups(self.table)

    @cached_property
    def group_audience(self) -> DynamoDbGroupAudience:
        from concord.adapters.dynamodb.groups import DynamoDbGroupAudience

        return DynamoDbGroupAudience(self.table)

    @cached_property
    def broadcasts(self) -> DynamoDbBroadcasts:
        from concord.adapters.dynamodb.broadcasts import DynamoDbBroadcasts

        return DynamoDbBroadcasts(self.table)

    @cached_property
    def receipts(self) -> DynamoDbReceipts:
        from concord.adapters.dynamodb.receipts import DynamoDbReceipts

        return DynamoDbReceipts(self.table)

    @cached_property
    def receipt_queue(self) -> SqsReceiptQueue:
        from concord.adapters.receipt_queue import SqsReceiptQueue

        return SqsReceiptQueue(self.config.receipt_queue_url)

    @cached_property
    def jobs(self) -> DynamoDbJobs:
        from concord.adapters.dynamodb.jobs import DynamoDbJobs

        return DynamoDbJobs(self.table)

    @cached_property
    def import_parts(self) -> DynamoDbImportParts:
        from concord.adapters.dynamodb.import_parts import DynamoDbImportParts

        return DynamoDbImportParts(self.table)

    @cached_property
    def secrets(self) -> SsmSecrets:
        from concord.adapters.parameters import SsmSecrets

        return SsmSecrets(self.config.parameter_prefix)

    @cached_property
    def queue(self) -> SqsTaskQueue:
        from concord.adapters.sqs import SqsTaskQueue

        return SqsTaskQueue(self._queue_url)

    def _queue_url(self, queue: Queue) -> str:
        match queue:
            case Queue.URGENT:
                return self.config.urgent_queue_url
            case Queue.BULK:
                return self.config.bulk_queue_url
            case Queue.PLAN:
                return self.config.plan_queue_url
            case Queue.SEND:
                return self.config.send_queue_url
            case Queue.NIGHT:
                return self.config.night_queue_url

    @cached_property
    def safety(self) -> SqsSafetyQueue:
        from concord.adapters.sqs import SqsSafetyQueue

        return SqsSafetyQueue(self.config.safety_queue_url)

    @cached_property
    def platforms(self) -> PlatformRegistry:
        from concord.platforms.registry import PlatformRegistry

        return PlatformRegistry(
            self.config.allowed_hosts, allow_private=self.config.allow_private_hosts
        )
