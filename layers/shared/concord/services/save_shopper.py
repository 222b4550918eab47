"""Mirror a shopper of a shop: her points, so that consent finds her."""

from __future__ import annotations

from concord.domain.errors import ConflictError, TooLargeError
from concord.domain.events import ApiAnswer, RawRequest
from concord.domain.identity import token_hash
from concord.domain.limits import MAX_BODY, TABLE_BUDGET
from concord.domain.shopper import Shopper
from concord.ports import ConsentStore, Shoppers
from concord.services.authenticate import Authenticated, Authenticator
from concord.services.mirror_shopper import MirrorShopper, shopper_of
from concord.services.parse_shopper import parse_shopper


class SaveShopper:
    """`PUT /connect/{cid}/shoppers/{shopper_id}`."""

    def __init__(
        self, authenticator: Authenticator, shoppers: Shoppers, store: ConsentStore
    ) -> None:
        self._authenticator = authenticator
        self._mirror = MirrorShopper(shoppers, store)
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

        def change(before: Shopper | None) -> Shopper | None:
            if before is not None and before.active and before.digest == call.digest:
                return None
            return shopper_of(opened, shopper_id, call)

        saved = self._mirror(opened, shopper_id, change, request.received_at)
        status = 201 if saved.before is None else 200
        return ApiAnswer(status, {"shopper_id": shopper_id, "changed": saved.changed})
