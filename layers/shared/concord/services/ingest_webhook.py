"""Take a platform's webhook: open the door, check the signature, understand it, apply, answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from concord.domain.canonical import sha256_hex
from concord.domain.connection import Connection
from concord.domain.errors import (
    ConflictError,
    InvalidInputError,
    StackKeyError,
    StorageError,
    StorageUnavailableError,
    TooLargeError,
    UnauthorizedError,
)
from concord.domain.events import (
    DeliveryReceipt,
    ParsedWebhook,
    RawRequest,
    UnparseableError,
    WebhookAnswer,
)
from concord.domain.identity import event_key
from concord.domain.inbox import InboxEntry, InboxState, Marker, RequestKind, SafetyMessage
from concord.domain.limits import MAX_BODY, TABLE_BUDGET
from concord.domain.metrics import Metric
from concord.ports import (
    AlreadySeen,
    Clock,
    ConsentStore,
    Platforms,
    SafetyQueue,
    Telemetry,
    WebhookAdapter,
)
from concord.services.apply_events import ApplyEvents, Effect
from concord.services.authenticate import RECEIPTS, Authenticated, Authenticator

KEPT: Final = WebhookAnswer(status=202)
# Senders retry for 76 h at most; markers of bodies without effect outlive that.
_MARKER_LIFE: Final = timedelta(days=7)


type NewInboxId = Callable[[datetime], str]


class IngestWebhook:
    """Verify, translate, apply, answer. A 2xx means that all of it is stored."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        platforms: Platforms,
        store: ConsentStore,
        apply_events: ApplyEvents,
        safety: SafetyQueue,
        clock: Clock,
        telemetry: Telemetry,
        new_inbox_id: NewInboxId,
    ) -> None:
        self._authenticator = authenticator
        self._platforms = platforms
        self._store = store
        self._apply_events = apply_events
        self._safety = safety
        self._clock = clock
        self._telemetry = telemetry
        self._new_inbox_id = new_inbox_id

    def __call__(
        self, platform: str, connection_id: str, hashed_token: str, topic: str, request: RawRequest
    ) -> WebhookAnswer:
        """Return what to answer; what cannot be stored goes to the safety queue (202).

        Raises UnauthorizedError, TooLargeError, StackKeyError, ConflictError `event_id_reused`, and
        StorageUnavailableError when neither the table nor the safety queue can be reached.
        """
        if len(request.body) > MAX_BODY:
            raise TooLargeError("a body may have 256 KB")
        try:
            with self._store.within(TABLE_BUDGET):
                return self.ingest(platform, connection_id, hashed_token, topic, request)
        except StorageUnavailableError:
            verified = self._recalled(platform, connection_id, hashed_token, topic, request)
            self._keep_for_rescue(platform, connection_id, hashed_token, topic, request, verified)
            return KEPT
        except StackKeyError:
            # Kept, for the sender may give up before the key is back; not taken as done.
            self._keep_for_rescue(platform, connection_id, hashed_token, topic, request)
            raise

    def ingest(
        self, platform: str, connection_id: str, hashed_token: str, topic: str, request: RawRequest
    ) -> WebhookAnswer:
        """The walk itself, without the safety net: WebhookRescue comes in here."""
        adapter = self._adapter(platform)
        opened = self._authenticator.open_webhook(
            connection_id, hashed_token, topic, request.received_at
        )
        if opened.connection.side(platform) is None:
            raise UnauthorizedError("this platform is not part of the connection")
        return self.trusted(
            platform, self._signed(adapter, platform, opened, request), topic, request
        )

    def trusted(
        self,
        platform: str,
        opened: Authenticated,
        topic: str,
        request: RawRequest,
        kind: RequestKind = RequestKind.WEBHOOK,
    ) -> WebhookAnswer:
        """Take a request whose sender is proven (by its signature, or by our own topic: `sms`)."""
        adapter = self._platforms.topic(platform) or self._adapter(platform)
        entry = InboxEntry(
            merchant_id=opened.connection.merchant_id,
            connection_id=opened.connection.connection_id,
            inbox_id=self._new_inbox_id(request.received_at),
            platform=platform,
            topic=topic,
            kind=kind,
            state=InboxState.PROCESSED,
            request=request.to_keep(),
        )
        return self._take(adapter, opened, entry)

    def replay(self, entry: InboxEntry, opened: Authenticated) -> Effect:
        """Apply a kept body again (R-24): it was verified when it came; what is done stays."""
        adapter = self._platforms.topic(entry.platform) or self._adapter(entry.platform)
        parsed = self._parsed(adapter, opened.connection, entry)
        opened = _as_proven(adapter, opened, entry)
        return self._apply_events(opened, entry, parsed, stored=True)

    def _adapter(self, platform: str) -> WebhookAdapter:
        adapter = self._platforms.webhook(platform)
        if adapter is None:
            raise UnauthorizedError("no such platform")
        return adapter

    def _signed(
        self, adapter: WebhookAdapter, platform: str, opened: Authenticated, request: RawRequest
    ) -> Authenticated:
        """Return the connection with the secrets that prove the sender.

        A refusal costs one fresh read of the secrets first; a request that waited in the safety
        queue is also measured by those that counted when it came. Raises UnauthorizedError.
        """
        connection, came = opened.connection, request.received_at
        if self._fits(adapter, platform, opened, request):
            return opened
        opened = self._authenticator.with_secrets(connection, fresh=True)
        if self._fits(adapter, platform, opened, request):
            return opened
        if connection.secrets_version_at(came) != connection.secrets_version:
            opened = self._authenticator.with_secrets(connection, at=came)
            if self._fits(adapter, platform, opened, request):
                return opened
        raise UnauthorizedError("the signature does not fit")

    def _fits(
        self, adapter: WebhookAdapter, platform: str, opened: Authenticated, request: RawRequest
    ) -> bool:
        if not opened.connection.settings.require_signature and adapter.unsigned(request):
            return True
        usable = [s for s in opened.secrets.webhook_secrets if s.usable(request.received_at)]
        credentials = opened.secrets.credentials(opened.connection, platform)
        return adapter.verify(request, usable, credentials)

    def _take(
        self, adapter: WebhookAdapter, opened: Authenticated, entry: InboxEntry
    ) -> WebhookAnswer:
        try:
            parsed = self._parsed(adapter, opened.connection, entry)
            effect = self._apply_events(_as_proven(adapter, opened, entry), entry, parsed)
        except (StorageError, ConflictError, UnauthorizedError):
            raise
        except Exception as problem:  # our own bug must not lose what was signed
            return self._keep_failed(entry, problem)
        if effect.stored and effect.state is not InboxState.KEPT:
            return adapter.success
        return self._keep_quiet(adapter, entry, parsed, effect)

    def _parsed(
        self, adapter: WebhookAdapter, connection: Connection, entry: InboxEntry
    ) -> ParsedWebhook:
        side = connection.side(entry.platform)
        parsed = adapter.parse(entry.request, side.settings if side else {})
        receipts = all(isinstance(event, DeliveryReceipt) for event in parsed.events)
        if entry.topic == RECEIPTS and not receipts:
            raise UnauthorizedError("the URL that goes out with a text is for its receipts alone")
        return parsed

    def _keep_failed(self, entry: InboxEntry, problem: Exception) -> WebhookAnswer:
        """Keep a body that we could not read, for a replay once we can; the alarm rises."""
        reason = type(problem).__name__
        expected = isinstance(problem, UnparseableError | InvalidInputError)
        self._telemetry.count(Metric.WEBHOOK_FAILED)
        self._telemetry.info(
            "webhook_failed",
            connection_id=entry.connection_id,
            inbox_id=entry.inbox_id,
            platform=entry.platform,
            reason=reason,
            bug=not expected,
        )
        self._store.keep(replace(entry, state=InboxState.FAILED, error=reason))
        return KEPT

    def _keep_quiet(
        self, adapter: WebhookAdapter, entry: InboxEntry, parsed: ParsedWebhook, effect: Effect
    ) -> WebhookAnswer:
        """Keep a body with a part that changed nothing: ignored, unknown, or out of its time.

        The marker names the body that was kept first, so that a repeat finds the way back to it:
        a crash after this leaves the looking again to the sender's next delivery.
        """
        if effect.state is InboxState.UNKNOWN:
            self._telemetry.count(Metric.UNKNOWN_EVENT)
        body_hash = sha256_hex(entry.request.body)
        name = parsed.event_id or body_hash
        if effect.strange:  # it may be an opt-out: under an id that was used before it is kept too
            name = f"{name}|{body_hash}"
        marker = Marker(
            merchant_id=entry.merchant_id,
            connection_id=entry.connection_id,
            # A name of its own: this marker must not stand in the way of a later replay.
            event_key=event_key(f"quiet|{entry.platform}|{name}"),
            body_hash=body_hash,
            outcome=entry.inbox_id,
            expires_at=self._clock.now() + _MARKER_LIFE,
        )
        result = self._store.keep(replace(entry, state=effect.state), marker)
        kept = result.marker if isinstance(result, AlreadySeen) else marker
        if kept.body_hash != body_hash:
            raise ConflictError("this event id was used before", code="event_id_reused")
        if effect.strange:
            self._apply_events.look_again(entry, kept.outcome)
        return adapter.success

    def _keep_for_rescue(
        self,
        platform: str,
        connection_id: str,
        hashed_token: str,
        topic: str,
        request: RawRequest,
        verified: bool = False,
    ) -> None:
        """Let the request wait in the safety queue. Raises StorageUnavailableError."""
        with_url = self._adapter(platform).signs_url
        self._safety.put(
            SafetyMessage(
                kind=RequestKind.WEBHOOK,
                connection_id=connection_id,
                request=request.to_keep(with_url=with_url),
                verified=verified,
                platform=platform,
                topic=topic,
                credential_hash=hashed_token,
            )
        )
        self._telemetry.count(Metric.SAFETY_QUEUED)

    def _recalled(
        self, platform: str, connection_id: str, hashed_token: str, topic: str, request: RawRequest
    ) -> bool:
        """Whether memory proves the sender while the table is away; False = it cannot tell.

        Raises UnauthorizedError for a sender that memory, still young, refuses.
        """
        adapter, at = self._adapter(platform), request.received_at
        opened = self._authenticator.recall_webhook(connection_id, hashed_token, topic, at)
        if opened is None:
            return False
        try:
            self._signed(adapter, platform, opened, request)
        except StorageError:
            return False
        except UnauthorizedError:
            if self._authenticator.may_refuse(connection_id):
                raise
            return False
        return True


def _as_proven(adapter: WebhookAdapter, opened: Authenticated, entry: InboxEntry) -> Authenticated:
    """Note whether anybody signed this body: one that nobody did cannot lift an opt-out."""
    return replace(opened, proven=not adapter.unsigned(entry.request))
