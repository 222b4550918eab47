"""A shopper leaves her shop: deactivated, and opted out on both channels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from concord.domain.connection import Connection
from concord.domain.consent import VIA_DEACTIVATED, Signal
from concord.domain.errors import NotFoundError, StorageUnavailableError
from concord.domain.events import ApiAnswer, RawRequest
from concord.domain.identity import Channel, event_key, shopper_key, token_hash
from concord.domain.inbox import Marker, RequestKind
from concord.domain.profiles import SignalKind
from concord.domain.shopper import GONE, Shopper
from concord.domain.times import to_rfc3339
from concord.ports import Shoppers
from concord.services.apply_signal import Applied, ApplySignal
from concord.services.authenticate import Authenticated, Authenticator
from concord.services.regroup_tasks import shopper_task
from concord.services.safety_net import Call, SafetyNet

# Who closes an account is the shopper, wherever she does it.
_DEPARTURE: Final = "account"


@dataclass(frozen=True, slots=True)
class Departure:
    """What became of one: is she active all the same, and is a consent event new?"""

    active: bool
    new: bool


class RemoveShopper:
    """`DELETE /connect/{cid}/shoppers/{shopper_id}`: deactivated, so both channels opt out."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        shoppers: Shoppers,
        apply_signal: ApplySignal,
        net: SafetyNet,
    ) -> None:
        self._authenticator = authenticator
        self._shoppers = shoppers
        self._apply_signal = apply_signal
        self._net = net

    def __call__(
        self, connection_id: str, connect_key: str, shopper_id: str, request: RawRequest
    ) -> ApiAnswer:
        """Return 200 once every point of hers is opted out; taken in every state of a connection.

        What could not be stored in time waits in the safety queue: 503 with the fallback.
        """
        hashed = token_hash(connect_key)
        return self._net.under(
            lambda: self.remove(connection_id, hashed, shopper_id, request),
            Call(RequestKind.SHOPPER, connection_id, hashed, request, topic=shopper_id),
            lambda: _DEPARTURE,
        )

    def remove(
        self, connection_id: str, hashed_key: str, shopper_id: str, request: RawRequest
    ) -> ApiAnswer:
        """The walk itself, without the safety net: WebhookRescue comes in here."""
        opened = self._authenticator.open_connect(connection_id, hashed_key, request.received_at)
        departure = self.apply(opened, shopper_id, request)
        return ApiAnswer(200, {"shopper_id": shopper_id, "active": departure.active})

    def apply(self, opened: Authenticated, shopper_id: str, request: RawRequest) -> Departure:
        """Opt out what was hers when the call came. A save that came after it, while it waited in
        the safety queue, brought her back: she stays, and so do the points of that save.

        Raises NotFoundError, StorageUnavailableError.
        """
        connection, at = opened.connection, request.received_at
        name = shopper_key(opened.secrets.stack_key, connection.connection_id, shopper_id)
        shopper = self._shoppers.get(connection.merchant_id, connection.connection_id, name)
        if shopper is None:
            raise NotFoundError("no such shopper")
        applied = [
            self._opt_out(opened, shopper, channel, point, at)
            for channel, point in shopper.points_at(at)
        ]
        stays = shopper.active and shopper.saved_after(at)
        if not stays and not self._leave(connection, shopper, at):
            raise StorageUnavailableError("this shopper changed meanwhile")
        return Departure(active=stays, new=not all(each.duplicate for each in applied))

    def _leave(self, connection: Connection, shopper: Shopper, at: datetime) -> bool:
        """Deactivate her, and have her groups looked at; False = she was saved meanwhile."""
        version = shopper.version + shopper.active
        gone = replace(shopper, active=False, version=version, digest=GONE, left_at=at)
        look = shopper_task(connection.connection_id, shopper.shopper_key, version)
        tasks = (look,) if shopper.groups or shopper.unfinished else ()
        if shopper.active:
            return self._shoppers.save(gone, shopper, tasks)
        return not shopper.unfinished or self._shoppers.finish(gone, tasks)

    def _opt_out(
        self,
        opened: Authenticated,
        shopper: Shopper,
        channel: Channel,
        point: str,
        at: datetime,
    ) -> Applied:
        connection = opened.connection
        name = f"deactivate|{shopper.shopper_key}|{_left(shopper, at)}|{channel}|{point}"
        return self._apply_signal(
            connection=connection,
            stack_key=opened.secrets.stack_key,
            channel=channel,
            point=point,
            signal=Signal(
                kind=SignalKind.OPT_OUT,
                effective_at=at,
                received_at=at,
                via=VIA_DEACTIVATED,
                source={
                    "platform": connection.source.platform,
                    "connection_id": connection.connection_id,
                },
                personal={"shopper_id": shopper.shopper_id, "point": point},
            ),
            marker=Marker(
                merchant_id=connection.merchant_id,
                connection_id=connection.connection_id,
                event_key=event_key(name),
                body_hash="",
            ),
        )


def _left(shopper: Shopper, at: datetime) -> str:
    """Return what names this departure: the version that was left, and that a repeat finds one
    version later, inactive. One that a later save overtook leaves none; its moment names it."""
    if shopper.saved_after(at):
        return to_rfc3339(at)
    return str(shopper.version if shopper.active else shopper.version - 1)
