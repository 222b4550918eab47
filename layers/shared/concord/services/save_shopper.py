"""Mirror a shopper of a shop: her points, so that consent finds her."""

from __future__ import annotations

from typing import Final

from concord.domain.connection import Connection
from concord.domain.consent import State
from concord.domain.errors import ConflictError, StorageUnavailableError, TooLargeError
from concord.domain.events import ApiAnswer, RawRequest
from concord.domain.evidence import ConsentKey
from concord.domain.identity import Channel, point_id, shopper_key, token_hash
from concord.domain.limits import MAX_BODY, TABLE_BUDGET
from concord.domain.shopper import Shopper
from concord.domain.tasks import TaskSpec
from concord.ports import ConsentStore, Shoppers
from concord.services.authenticate import Authenticated, Authenticator
from concord.services.consent_tasks import push_task
from concord.services.parse_shopper import ShopperCall, parse_shopper

_ATTEMPTS: Final = 5


class SaveShopper:
    """`PUT /connect/{cid}/shoppers/{shopper_id}`."""

    def __init__(
        self, authenticator: Authenticator, shoppers: Shoppers, store: ConsentStore
    ) -> None:
        self._authenticator = authenticator
        self._shoppers = shoppers
        self._store = store

    def __call__(
        self, connection_id: str, connect_key: str, shopper_id: str, request: RawRequest
    ) -> ApiAnswer:
        """Return 201 for a new shopper, 200 for a known one; unchanged causes no work.

        A number that carries consent already is told to the shop: it waited for this shopper
        (TEA-12). Raises UnauthorizedError, InvalidInputError, ConflictError, TooLargeError.
        """
        if len(request.body) > MAX_BODY:
            raise TooLargeError("a body may have 256 KB")
        with self._store.within(TABLE_BUDGET):
            opened = self._authenticator.open_connect(
                connection_id, token_hash(connect_key), request.received_at
            )
            return self._save(opened, shopper_id, request)

    def _save(self, opened: Authenticated, shopper_id: str, request: RawRequest) -> ApiAnswer:
        connection = opened.connection
        if not connection.listens:
            raise ConflictError(
                f"this connection is {connection.state.value}", code="connection_not_connected"
            )
        call = parse_shopper(request.body, connection.country)
        name = shopper_key(opened.secrets.stack_key, connection.connection_id, shopper_id)
        for _ in range(_ATTEMPTS):
            before = self._shoppers.get(connection.merchant_id, connection.connection_id, name)
            if before is not None and before.active and before.digest == call.digest:
                return ApiAnswer(200, {"shopper_id": shopper_id, "changed": False})
            made = _shopper(opened, name, shopper_id, call)
            shopper = made.following(before, request.received_at)
            if self._shoppers.save(shopper, before, _pushes(connection, shopper, before)):
                return ApiAnswer(
                    200 if before else 201, {"shopper_id": shopper_id, "changed": True}
                )
        raise StorageUnavailableError("this shopper kept changing")


def _shopper(opened: Authenticated, name: str, shopper_id: str, call: ShopperCall) -> Shopper:
    merchant_id = opened.connection.merchant_id

    def named(channel: Channel, points: tuple[str, ...]) -> dict[str, str]:
        key = opened.secrets.stack_key
        return {point_id(key, merchant_id, channel, point): point for point in points}

    return Shopper(
        merchant_id=merchant_id,
        connection_id=opened.connection.connection_id,
        shopper_key=name,
        shopper_id=shopper_id,
        profile=call.profile,
        phones=named(Channel.SMS, call.phones),
        emails=named(Channel.EMAIL, call.emails),
        digest=call.digest,
    )


def _pushes(
    connection: Connection, shopper: Shopper, before: Shopper | None
) -> tuple[TaskSpec, ...]:
    """Return a push to the shop for each number that this shopper did not carry before."""
    known = before.phones if before is not None and before.active else {}
    specs = []
    for point in shopper.phones:
        if point not in known:
            key = ConsentKey(connection.merchant_id, connection.account, Channel.SMS, point)
            specs.append(push_task(connection, connection.source.platform, key, 0, State.UNKNOWN))
    return tuple(specs)
