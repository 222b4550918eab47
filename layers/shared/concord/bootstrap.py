"""The one place that builds services: every port gets its adapter here, lazily and once.

A service is built when a function first asks for it, so a cold webhook pays for what a webhook
needs and nothing else. That is why the imports stand inside the properties.
"""

from __future__ import annotations

import json
import os
import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from concord.config import Settings, in_lambda, settings
from concord.domain.events import ApiAnswer, RawRequest, WebhookAnswer
from concord.domain.identity import Channel, token_hash
from concord.domain.tasks import Queue, RowKey, TaskKind
from concord.ports import Telemetry

if TYPE_CHECKING:
    from concord.adapters.dynamodb.connections import DynamoDbConnections
    from concord.adapters.dynamodb.consent_store import DynamoDbConsentStore
    from concord.adapters.dynamodb.inbox import DynamoDbInbox
    from concord.adapters.dynamodb.jobs import DynamoDbJobs
    from concord.adapters.dynamodb.reviews import DynamoDbReviews
    from concord.adapters.dynamodb.shoppers import DynamoDbShoppers
    from concord.adapters.dynamodb.table import Table
    from concord.adapters.dynamodb.tasks import DynamoDbTasks
    from concord.adapters.parameters import SsmSecrets
    from concord.adapters.sqs import SqsSafetyQueue, SqsTaskQueue
    from concord.platforms.registry import PlatformRegistry
    from concord.services.admin import AdminServices
    from concord.services.apply_signal import ApplySignal
    from concord.services.authenticate import Authenticator
    from concord.services.defer_tasks import DeferTasks
    from concord.services.ingest_sms import IngestSms
    from concord.services.ingest_webhook import IngestWebhook
    from concord.services.keep_numbers import KeepNumbers
    from concord.services.push_consent import PushConsent
    from concord.services.reach_platforms import ReachPlatforms
    from concord.services.record_consent import RecordConsent
    from concord.services.replay_inbox import ReplayInbox
    from concord.services.run_task import RunTask, TaskHandler
    from concord.services.safety_net import SafetyNet
    from concord.services.save_shopper import RemoveShopper


class SystemClock:
    """The wall clock."""

    def now(self) -> datetime:
        """Return the time, UTC."""
        return datetime.now(UTC)


class Parts:
    """Adapters and shared services, each made once per process."""

    def __init__(self, config: Settings, telemetry: Telemetry) -> None:
        self.config = config
        self.telemetry = telemetry
        self.clock = SystemClock()

    # --- adapters ----------------------------------------------------------------------------

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
    def reviews(self) -> DynamoDbReviews:
        from concord.adapters.dynamodb.reviews import DynamoDbReviews

        return DynamoDbReviews(self.table)

    @cached_property
    def shoppers(self) -> DynamoDbShoppers:
        from concord.adapters.dynamodb.shoppers import DynamoDbShoppers

        return DynamoDbShoppers(self.table, self.tasks)

    @cached_property
    def jobs(self) -> DynamoDbJobs:
        from concord.adapters.dynamodb.jobs import DynamoDbJobs

        return DynamoDbJobs(self.table)

    @cached_property
    def secrets(self) -> SsmSecrets:
        from concord.adapters.parameters import SsmSecrets

        return SsmSecrets(self.config.parameter_prefix)

    @cached_property
    def queue(self) -> SqsTaskQueue:
        from concord.adapters.sqs import SqsTaskQueue

        return SqsTaskQueue(
            {
                Queue.URGENT: self.config.urgent_queue_url,
                Queue.BULK: self.config.bulk_queue_url,
            }
        )

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

    # --- services that others need -----------------------------------------------------------

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
    def ingest(self) -> IngestWebhook:
        from concord.services.apply_events import ApplyEvents
        from concord.services.ingest_webhook import IngestWebhook
        from concord.services.note_receipt import NoteReceipt

        receipts = NoteReceipt(self.tasks, self.clock, self.telemetry)
        return IngestWebhook(
            authenticator=self.authenticator,
            platforms=self.platforms,
            store=self.store,
            apply_events=ApplyEvents(
                self.apply_signal, receipts, self.tasks, self.clock, self.telemetry
            ),
            safety=self.safety,
            clock=self.clock,
            telemetry=self.telemetry,
            new_inbox_id=_new_inbox_id,
        )

    @cached_property
    def ingest_sms(self) -> IngestSms:
        from concord.services.ingest_sms import IngestSms

        return IngestSms(
            ingest=self.ingest,
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
        from concord.services.save_shopper import RemoveShopper

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
            telemetry=self.telemetry,
        )

    # --- the worker --------------------------------------------------------------------------

    @cached_property
    def defer(self) -> DeferTasks:
        from concord.services.defer_tasks import DeferTasks

        return DeferTasks(
            tasks=self.tasks,
            queue=self.queue,
            connections=self.connections,
            clock=self.clock,
            telemetry=self.telemetry,
            rng=random.SystemRandom(),
        )

    @cached_property
    def push_consent(self) -> PushConsent:
        from concord.services.push_consent import PushConsent

        return PushConsent(
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

    def send_text(self) -> TaskHandler:
        """Build the worker of texts."""
        from concord.services.send_text import SendText

        return SendText(
            tasks=self.tasks,
            store=self.store,
            connections=self.connections,
            reach=self.reach,
            defer=self.defer,
            apply_signal=self.apply_signal,
            authenticator=self.authenticator,
            clock=self.clock,
            telemetry=self.telemetry,
        )

    def refresh_numbers(self) -> TaskHandler:
        """Build the worker that fetches an account's text numbers."""
        from concord.services.refresh_numbers import RefreshNumbers

        return RefreshNumbers(
            tasks=self.tasks,
            connections=self.connections,
            numbers=self.numbers,
            replay=self.replay,
            clock=self.clock,
            telemetry=self.telemetry,
        )

    def run_replay(self) -> TaskHandler:
        """Build the worker of replays by time."""
        from concord.services.replay_inbox import RunReplay

        return RunReplay(
            replay=self.replay,
            inbox=self.inbox,
            jobs=self.jobs,
            tasks=self.tasks,
            defer=self.defer,
            clock=self.clock,
        )

    def lapse(self, row: RowKey) -> None:
        """Lapse the pending opt-in at `row`."""
        from concord.services.lapse_consent import LapseConsent

        LapseConsent(
            store=self.store,
            connections=self.connections,
            authenticator=self.authenticator,
            apply_signal=self.apply_signal,
            clock=self.clock,
        )(row)

    @cached_property
    def run_task(self) -> RunTask:
        from concord.services.run_task import RunTask

        return RunTask(
            tasks=self.tasks,
            defer=self.defer,
            handlers={
                TaskKind.PUSH_CONSENT: lambda: self.push_consent,
                TaskKind.SEND_TEXT: self.send_text,
                TaskKind.FETCH_NUMBERS: self.refresh_numbers,
                TaskKind.REPLAY_INBOX: self.run_replay,
            },
            lapse=self.lapse,
            restore=lambda key: self.push_consent.restore(key),
            clock=self.clock,
            telemetry=self.telemetry,
            new_owner=lambda: uuid.uuid4().hex,
        )


class Services:
    """What the functions call: one method for each thing that can be asked of Concord."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    def ingest_webhook(
        self, platform: str, connection_id: str, token: str, topic: str, request: RawRequest
    ) -> WebhookAnswer:
        """Take a platform's webhook."""
        return self.parts.ingest(platform, connection_id, token_hash(token), topic, request)

    def ingest_sms(self, message: Mapping[str, object], received_at: datetime) -> None:
        """Take a text that came by a topic instead of a webhook."""
        self.parts.ingest_sms(message, received_at)

    def rescue_request(self, body: Mapping[str, object], receives: int, receipt: str) -> None:
        """Bring a request home from the safety queue. Raises while the table is away."""
        from concord.adapters.sqs import decode_safety
        from concord.services.rescue_request import RescueRequest

        RescueRequest(
            ingest=self.parts.ingest,
            ingest_sms=self.parts.ingest_sms,
            record_consent=self.parts.record_consent,
            remove_shopper=self.parts.remove_shopper,
            safety=self.parts.safety,
            first_wait=self.parts.config.rescue_first_wait,
            telemetry=self.parts.telemetry,
        )(decode_safety(json.dumps(body)), receives, receipt)

    def record_consent(
        self, connection_id: str, connect_key: str, request: RawRequest
    ) -> ApiAnswer:
        """Record what a POS or web shop asks."""
        return self.parts.record_consent(connection_id, connect_key, request)

    def read_consent(
        self, connection_id: str, connect_key: str, channel: str, point: str
    ) -> ApiAnswer:
        """Answer what is known of a point."""
        from concord.services.read_consent import ReadConsent

        read = ReadConsent(self.parts.authenticator, self.parts.store, self.parts.clock)
        return read(connection_id, connect_key, _channel(channel), point)

    def save_shopper(
        self, connection_id: str, connect_key: str, shopper_id: str, request: RawRequest
    ) -> ApiAnswer:
        """Mirror a shopper."""
        from concord.services.save_shopper import SaveShopper

        save = SaveShopper(self.parts.authenticator, self.parts.shoppers, self.parts.store)
        return save(connection_id, connect_key, shopper_id, request)

    def remove_shopper(
        self, connection_id: str, connect_key: str, shopper_id: str, request: RawRequest
    ) -> ApiAnswer:
        """Opt a deactivated shopper out."""
        return self.parts.remove_shopper(connection_id, connect_key, shopper_id, request)

    def relay(self, keys: Sequence[RowKey]) -> None:
        """Move row keys from the stream to the queues."""
        from concord.services.move_tasks import Relay

        Relay(self.parts.queue, self.parts.telemetry)(keys)

    def run_task(self, key: RowKey, receive_count: int) -> None:
        """Run one outbox task."""
        self.parts.run_task(key, receive_count)

    def sweep(self, as_of: datetime) -> None:
        """Queue what is overdue."""
        from concord.services.move_tasks import Sweep

        Sweep(self.parts.tasks, self.parts.queue, self.parts.telemetry)(as_of)

    def start_expiry(self, as_of: datetime) -> None:
        """Queue what has come to its end."""
        from concord.services.move_tasks import StartExpiry

        StartExpiry(self.parts.tasks, self.parts.queue, self.parts.telemetry)(as_of)

    @cached_property
    def admin(self) -> AdminServices:
        """Return what operators do."""
        from concord.bootstrap_admin import admin_services

        return admin_services(self.parts)


def _channel(name: str) -> Channel:
    from concord.domain.errors import FieldError, InvalidInputError

    try:
        return Channel(name)
    except ValueError:
        error = FieldError("channel", f"use one of: {', '.join(Channel)}")
        raise InvalidInputError("no such channel", errors=(error,)) from None


def _new_inbox_id(received_at: datetime) -> str:
    from concord.adapters.dynamodb.keys import new_inbox_id

    return new_inbox_id(received_at)


_built: dict[str, Any] = {}


def services(telemetry: Telemetry) -> Services:
    """Return the services of this process; built once."""
    if "services" not in _built:
        _built["services"] = Services(Parts(settings(), telemetry))
    built: Services = _built["services"]
    return built


def warm_up(telemetry: Telemetry, build: Callable[[Parts], object]) -> None:
    """Build what a function will need in Lambda's init phase, where the CPU is whole.

    Outside of Lambda importing a function touches nothing. What fails here will fail again at the
    first request, and there the edge has an answer to it.
    """
    if in_lambda():
        with suppress(Exception):
            build(services(telemetry).parts)


def forget() -> None:
    """Drop what was built: tests start each function cold."""
    _built.clear()
    settings.cache_clear()
