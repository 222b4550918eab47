"""A shop tells of an order or a refund: taken down at once, booked by a worker."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from concord.domain.connection import Connection
from concord.domain.errors import (
    ConflictError,
    FieldError,
    InvalidInputError,
    NotFoundError,
    StorageUnavailableError,
    TooLargeError,
)
from concord.domain.events import ApiAnswer, RawRequest
from concord.domain.identity import member_key, token_hash
from concord.domain.limits import MAX_BODY, TABLE_BUDGET
from concord.domain.points.orders import (
    Member,
    Order,
    OrderKey,
    Said,
    Standing,
    Terms,
    with_refund,
    with_said,
)
from concord.domain.points.programme import Programme
from concord.domain.tasks import TaskKind, TaskSpec
from concord.domain.times import local_date
from concord.ports import Clock, ConsentStore, Merchants
from concord.ports.orders import Orders
from concord.ports.points import Programmes
from concord.services.authenticate import Authenticated, Authenticator
from concord.services.parse_order import OrderCall, checked_order_id, parse_order, parse_refund

_ATTEMPTS: Final = 5

type Change = Callable[[Order], Order]


def settle_task(order: Order, connection_id: str) -> TaskSpec:
    """Return the task that books an order's postings; one per order, however often it changes."""
    return TaskSpec(
        TaskKind.SETTLE_ORDER,
        connection_id,
        order.key.name,
        payload={"source": order.key.source},
        want=order.version,
    )


class TakeOrders:
    """`POST /connect/{cid}/orders` and `.../orders/{order_id}/refunds` (R-18, R-21)."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        orders: Orders,
        programmes: Programmes,
        merchants: Merchants,
        store: ConsentStore,
        clock: Clock,
    ) -> None:
        self._authenticator = authenticator
        self._orders = orders
        self._programmes = programmes
        self._merchants = merchants
        self._store = store
        self._clock = clock

    def order(self, connection_id: str, connect_key: str, request: RawRequest) -> ApiAnswer:
        """Return 202 with the points that the order comes to, and why if it earns none.

        What was said before is written no second time. Raises UnauthorizedError, InvalidInputError,
        TooLargeError, StorageUnavailableError, ConflictError `connection_not_connected` or
        `no_programme`.
        """
        with self._store.within(TABLE_BUDGET):
            opened = self._open(connection_id, connect_key, request)
            call = parse_order(request.body)

            def said(order: Order) -> Order:
                return self._said(opened, order, call, request.received_at)

            return self._change(opened.connection, call.order_id, said)

    def refund(
        self, connection_id: str, connect_key: str, order_id: str, request: RawRequest
    ) -> ApiAnswer:
        """Return 202 as above. A refund may come before its order, and counts when that comes.

        Raises as above, and ConflictError `event_id_reused` or `too_many_refunds`.
        """
        with self._store.within(TABLE_BUDGET):
            opened = self._open(connection_id, connect_key, request)
            call = parse_refund(request.body)

            def refunded(order: Order) -> Order:
                if not order.version:
                    _programme_id(opened.connection)
                return with_refund(order, call.refund_id, call.amount)

            return self._change(opened.connection, checked_order_id(order_id), refunded)

    def _open(self, connection_id: str, connect_key: str, request: RawRequest) -> Authenticated:
        if len(request.body) > MAX_BODY:
            raise TooLargeError("a body may have 256 KB")
        opened = self._authenticator.open_connect(
            connection_id, token_hash(connect_key), request.received_at
        )
        if not opened.connection.listens:
            state = opened.connection.state.value
            raise ConflictError(f"this connection is {state}", code="connection_not_connected")
        return opened

    def _change(self, connection: Connection, order_id: str, change: Change) -> ApiAnswer:
        """Save what `change` makes of the order, with the task that books what follows from it."""
        source = f"{connection.source.platform}:{connection.source.account_id}"
        key = OrderKey.of(connection.merchant_id, source, order_id)
        for _ in range(_ATTEMPTS):
            before = self._orders.get(key) or Order(key, order_id)
            after = change(before)
            if after is before:
                return _answer(after, changed=False)
            task = settle_task(after, connection.connection_id) if after.postings else None
            if self._orders.save(after, task, self._clock.now()):
                return _answer(after, changed=True)
        raise StorageUnavailableError("this order kept changing")

    # --- what is said of an order ------------------------------------------------------------

    def _said(
        self, opened: Authenticated, order: Order, call: OrderCall, received_at: datetime
    ) -> Order:
        connection, terms = opened.connection, order.terms
        programme = None if terms else self._programme(connection)
        programme_id = terms.programme_id if terms else _programme_id(connection)
        _check_currency(call, terms or programme)
        member = None
        if call.customer_id is not None:
            where = (connection.merchant_id, programme_id)
            key = member_key(opened.secrets.stack_key, *where, call.customer_id)
            member = Member(key, call.customer_id)
        said = Said(call.standing, call.subtotal, call.completed_at, member)
        if programme is None or member is None or call.standing is not Standing.COMPLETED:
            return with_said(order, said, None)
        return with_said(order, said, self._terms(programme, call, received_at))

    def _programme(self, connection: Connection) -> Programme:
        programme_id = _programme_id(connection)
        programme = self._programmes.get(connection.merchant_id, programme_id)
        if programme is None:
            raise _no_programme()
        return programme

    def _terms(self, programme: Programme, call: OrderCall, received_at: datetime) -> Terms:
        merchant = self._merchants.get(programme.merchant_id)
        if merchant is None:
            raise NotFoundError("no such merchant")
        # A clock that is ahead must not lengthen what a purchase earns.
        at = min(call.completed_at or received_at, received_at)
        return Terms.of(programme, local_date(at, merchant.time_zone))


def _programme_id(connection: Connection) -> str:
    if connection.settings.programme is None:
        raise _no_programme()
    return connection.settings.programme


def _no_programme() -> ConflictError:
    message = (
        "orders of this connection earn in no programme: make one (PUT .../programmes/{id}) and "
        "name it in the connection's setting `programme`"
    )
    return ConflictError(message, code="no_programme")


def _check_currency(call: OrderCall, rules: Terms | Programme | None) -> None:
    if rules is not None and call.currency != rules.currency:
        message = f"this programme reckons in {rules.currency}; send the subtotal in it"
        error = FieldError("currency", message)
        raise InvalidInputError("the order is in another currency", errors=(error,))


def _answer(order: Order, *, changed: bool) -> ApiAnswer:
    body = {
        "order_id": order.order_id,
        "points": order.points,
        "reason": order.reason,
        "changed": changed,
    }
    return ApiAnswer(202, body)
