"""What a person should look at: texts that read like an opt-out, and numbers nobody carries."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from concord.domain.canonical import sha256_hex
from concord.domain.connection import Connection
from concord.domain.consent import Signal
from concord.domain.consent_record import ConsentRecord
from concord.domain.errors import ConflictError, FieldError, InvalidInputError, NotFoundError
from concord.domain.evidence import ConsentKey
from concord.domain.identity import Channel, event_key
from concord.domain.inbox import Marker
from concord.domain.page import Page, page
from concord.domain.profiles import SignalKind
from concord.domain.review import Review, ReviewKind
from concord.ports import Clock, Connections, ConsentStore, Reviews
from concord.services.apply_signal import Applied, ApplySignal
from concord.services.authenticate import Authenticator
from concord.services.change_connection import find_connection

_REVIEW_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_SIGNALS: Final = {
    "confirm": SignalKind.REVIEW_CONFIRMED,
    "dismiss": SignalKind.REVIEW_DISMISSED,
}


@dataclass(frozen=True, slots=True)
class ReviewView:
    """A review with what is needed to decide it: whose point, and what was texted."""

    review: Review
    point: str | None = field(repr=False)
    text: str | None = field(repr=False)


class ReviewConsents:
    """Lists reviews and takes decisions by named people."""

    def __init__(
        self,
        connections: Connections,
        authenticator: Authenticator,
        reviews: Reviews,
        store: ConsentStore,
        apply_signal: ApplySignal,
        clock: Clock,
    ) -> None:
        self._connections = connections
        self._authenticator = authenticator
        self._reviews = reviews
        self._store = store
        self._apply_signal = apply_signal
        self._clock = clock

    def list(
        self, connection_id: str, kind: ReviewKind, limit: int, cursor: str | None
    ) -> Page[ReviewView]:
        """Return a page of open reviews of one kind."""
        connection = find_connection(self._connections, connection_id)
        found = self._reviews.of(connection.merchant_id, connection_id, kind)
        part = page(found, limit, cursor, lambda review: review.review_id)
        views = tuple(self._view(connection, review) for review in part.items)
        return Page(views, part.cursor)

    def decide(
        self, connection_id: str, review_id: str, decision: str, actor: str
    ) -> Applied | None:
        """Confirm or dismiss; None where no consent was concerned.

        A confirmed opt-out is explicit from then on; dismissing restores what was before. Raises
        NotFoundError when it is decided already.
        """
        if not actor:
            message = "name the person who decides"
            raise InvalidInputError(
                "a review needs an actor", errors=(FieldError("actor", message),)
            )
        connection = find_connection(self._connections, connection_id)
        if not _REVIEW_ID.fullmatch(review_id):
            raise NotFoundError("no such review")
        review = self._reviews.get(
            connection.merchant_id, connection_id, ReviewKind.FUZZY, review_id
        )
        if review is None:
            self._dismiss_unmatched(connection, review_id, decision)
            return None
        record = self._store.load(_key(connection, review))
        if record is None:
            raise NotFoundError("the point of this review is gone")
        applied = self._apply(connection, review, record, decision, actor)
        if applied.duplicate:
            raise ConflictError("this review was decided already", code="already_reviewed")
        return applied

    def _apply(
        self,
        connection: Connection,
        review: Review,
        record: ConsentRecord,
        decision: str,
        actor: str,
    ) -> Applied:
        now = self._clock.now()
        name = f"review|{review.review_id}"
        return self._apply_signal(
            connection=connection,
            stack_key=self._authenticator.with_secrets(connection).secrets.stack_key,
            channel=record.key.channel,
            point=record.point,
            signal=Signal(
                kind=_SIGNALS[decision],
                effective_at=now,
                received_at=now,
                via="review",
                source={
                    "connection_id": connection.connection_id,
                    "review_id": review.review_id,
                    "evidence_id": review.evidence_id,
                },
                personal={"actor": actor},
                reviewed_at=review.reviewed_at,
            ),
            # One marker for both decisions: of two people who decide at once, one is second.
            marker=Marker(
                merchant_id=connection.merchant_id,
                connection_id=connection.connection_id,
                event_key=event_key(name),
                body_hash=sha256_hex(name.encode()),
            ),
            close_review=review,
        )

    def _dismiss_unmatched(self, connection: Connection, review_id: str, decision: str) -> None:
        review = self._reviews.get(
            connection.merchant_id, connection.connection_id, ReviewKind.UNMATCHED, review_id
        )
        if review is None:
            raise NotFoundError("no such review")
        if decision != "dismiss":
            raise ConflictError(
                "an unmatched number can only be dismissed", code="nothing_to_confirm"
            )
        self._reviews.delete(review)

    def _view(self, connection: Connection, review: Review) -> ReviewView:
        key = _key(connection, review)
        record = self._store.load(key)
        if record is None:
            return ReviewView(review, None, None)
        if review.kind != ReviewKind.FUZZY:
            return ReviewView(review, record.point, None)
        texts = (
            event.personal.get("text")
            for event in self._store.evidence(key)
            if event.evidence_id == review.evidence_id
        )
        return ReviewView(review, record.point, next(texts, None))


def _key(connection: Connection, review: Review) -> ConsentKey:
    return ConsentKey(
        connection.merchant_id, connection.account, Channel(review.channel), review.point_id
    )
