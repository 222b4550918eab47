"""What the functions call: one method for each thing that can be asked of Concord."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from concord.domain.events import ApiAnswer, RawRequest, WebhookAnswer
from concord.domain.identity import Channel, token_hash
from concord.domain.tasks import RowKey

if TYPE_CHECKING:
    from concord.services.admin import AdminServices
    from concord.services.change_groups import ChangeGroups
    from concord.services.read_consent import Standing
    from concord.services.record_consent import Recorded
    from concord.services.run_task import RunTask
    from concord.services.take_orders import TakeOrders


from concord.bootstrap.parts import Parts


class Services:
    """What the functions call: one method for each thing that can be asked of Concord."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    def ingest_webhook(
        self, platform: str, connection_id: str, token: str, topic: str, request: RawRequest
    ) -> WebhookAnswer:
        """Take a platform's webhook."""
        return self.parts.ingest(platform, connection_id, token_hash(token), topic, request)

    def ingest_sms(
        self, platform: str, message: Mapping[str, object], received_at: datetime
    ) -> None:
        """Take a text that came by a topic instead of a webhook."""
        self.parts.ingest_sms(platform, message, received_at)

    def rescue_request(
        self, body: Mapping[str, object], receives: int, receipt: str, queued_at: datetime
    ) -> None:
        """Bring a request home from the safety queue. Raises while the table is away."""
        from concord.adapters.dynamodb.keys import new_inbox_id
        from concord.adapters.sqs import decode_safety
        from concord.services.rescue_request import RescueRequest

        RescueRequest(
            ingest=self.parts.ingest,
            ingest_sms=self.parts.ingest_sms,
            record_consent=self.parts.record_consent,
            remove_shopper=self.parts.remove_shopper,
            connections=self.parts.connections,
            store=self.parts.store,
            safety=self.parts.safety,
            first_wait=self.parts.config.rescue_first_wait,
            clock=self.parts.clock,
            telemetry=self.parts.telemetry,
            new_inbox_id=new_inbox_id,
        )(decode_safety(json.dumps(body)), receives, receipt, queued_at)

    def record_consent(self, connection_id: str, connect_key: str, request: RawRequest) -> Recorded:
        """Record what a POS or web shop asks."""
        return self.parts.record_consent(connection_id, connect_key, request)

    def read_consent(
        self, connection_id: str, connect_key: str, channel: str, point: str
    ) -> Standing:
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

    def put_group(
        self, connection_id: str, connect_key: str, group_id: str, request: RawRequest
    ) -> ApiAnswer:
        """Name a group, and perhaps say who is in it."""
        return self._change_groups().put(connection_id, connect_key, group_id, request)

    def delete_group(
        self, connection_id: str, connect_key: str, group_id: str, request: RawRequest
    ) -> ApiAnswer:
        """Let all members leave a group."""
        return self._change_groups().delete(connection_id, connect_key, group_id, request)

    def _change_groups(self) -> ChangeGroups:
        from concord.services.change_groups import ChangeGroups

        return ChangeGroups(
            authenticator=self.parts.authenticator,
            groups=self.parts.groups,
            store=self.parts.store,
            clock=self.parts.clock,
            random_bytes=os.urandom,
        )

    def take_order(self, connection_id: str, connect_key: str, request: RawRequest) -> ApiAnswer:
        """Take down what a shop says of an order."""
        return self._take_orders().order(connection_id, connect_key, request)

    def take_refund(
        self, connection_id: str, connect_key: str, order_id: str, request: RawRequest
    ) -> ApiAnswer:
        """Take down a refund of an order."""
        return self._take_orders().refund(connection_id, connect_key, order_id, request)

    def _take_orders(self) -> TakeOrders:
        from concord.bootstrap.orders import take_orders

        return take_orders(self.parts)

    def merge_receipts(self, bodies: Sequence[Mapping[str, Any]]) -> None:
        """Merge queued receipts of one slice. Raises ValueError for what is none."""
        from concord.adapters.receipt_queue import decode_receipt

        self.parts.merge_receipts([decode_receipt(body) for body in bodies])

    def relay(self, keys: Sequence[RowKey]) -> None:
        """Move row keys from the stream to the queues."""
        from concord.services.move_tasks import Relay

        Relay(self.parts.queue, self.parts.telemetry)(keys)

    def run_task(self, key: RowKey, receive_count: int) -> None:
        """Run one outbox task."""
        self.parts.run_task(key, receive_count)

    def plan(self, key: RowKey, receive_count: int) -> None:
        """Plan a broadcast, or reckon a preview."""
        self._planner(key, receive_count)

    @cached_property
    def _planner(self) -> RunTask:
        from concord.bootstrap.broadcasts import planner

        return planner(self.parts)

    def sweep(self, as_of: datetime) -> None:
        """Queue what is overdue."""
        from concord.services.move_tasks import Sweep

        parts = self.parts
        Sweep(parts.tasks, parts.queue, parts.clock, parts.telemetry)(as_of)

    def start_expiry(self, as_of: datetime) -> None:
        """Queue what has come to its end, and start the nights that are due."""
        from concord.bootstrap.nights import start_nights
        from concord.services.move_tasks import StartExpiry

        StartExpiry(self.parts.tasks, self.parts.queue)(as_of)
        start_nights(self.parts)(as_of)

    def night_again(self, merchant_id: str, as_of: datetime) -> None:
        """Work a night off once more. Raises NotFoundError."""
        from concord.bootstrap.nights import start_nights

        start_nights(self.parts).again(merchant_id, as_of)

    def run_night(self, key: RowKey, receive_count: int) -> None:
        """Work off a part of a night."""
        self._night_worker(key, receive_count)

    @cached_property
    def _night_worker(self) -> RunTask:
        from concord.bootstrap.nights import night_worker

        return night_worker(self.parts)

    @cached_property
    def admin(self) -> AdminServices:
        """Return what operators do."""
        from concord.bootstrap.admin import admin_services

        return admin_services(self.parts)


def _channel(name: str) -> Channel:
    from concord.domain.errors import FieldError, InvalidInputError

    try:
        return Channel(name)
    except ValueError:
        error = FieldError("channel", f"use one of: {', '.join(Channel)}")
        raise InvalidInputError("no such channel", errors=(error,)) from None
