"""Keep a shop's shopper as the shop knows her: the one way in which she is saved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from concord.domain.connection import Connection
from concord.domain.consent import State
from concord.domain.errors import StorageUnavailableError
from concord.domain.evidence import ConsentKey
from concord.domain.identity import Channel, point_id, shopper_key
from concord.domain.shopper import Shopper
from concord.domain.tasks import TaskSpec
from concord.ports import Shoppers
from concord.services.authenticate import Authenticated
from concord.services.consent_tasks import push_task
from concord.services.parse_shopper import ShopperCall

_ATTEMPTS: Final = 5

type Change = Callable[[Shopper | None], Shopper | None]
"""What she should be after what she was (None = unknown); None = as she is, nothing to save."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of her. `before` None = she was not known."""

    changed: bool
    before: Shopper | None


class MirrorShopper:
    """Saves a shopper with all that follows: who carries which number, and the tasks it causes."""

    def __init__(self, shoppers: Shoppers) -> None:
        self._shoppers = shoppers

    def __call__(
        self, opened: Authenticated, shopper_id: str, change: Change, at: datetime
    ) -> Saved:
        """Save what `change` makes of her; `at` is when the shop's word was received (UTC).

        Where somebody else saves her meanwhile, `change` is asked again. Raises
        StorageUnavailableError.
        """
        connection = opened.connection
        name = shopper_key(opened.secrets.stack_key, connection.connection_id, shopper_id)
        return self.by_key(connection, name, change, at)

    def by_key(self, connection: Connection, name: str, change: Change, at: datetime) -> Saved:
        """Do the same for whom only our keyed name is known."""
        for _ in range(_ATTEMPTS):
            before = self._shoppers.get(connection.merchant_id, connection.connection_id, name)
            wanted = change(before)
            if wanted is None:
                return Saved(changed=False, before=before)
            shopper = wanted.following(before, at)
            if self._shoppers.save(shopper, before, _tasks(connection, shopper, before)):
                return Saved(changed=True, before=before)
        raise StorageUnavailableError("this shopper kept changing")


def shopper_of(opened: Authenticated, shopper_id: str, call: ShopperCall) -> Shopper:
    """Return the shopper that a call describes, with our names for her and for her points."""
    connection, key = opened.connection, opened.secrets.stack_key

    def named(channel: Channel, points: tuple[str, ...]) -> dict[str, str]:
        return {point_id(key, connection.merchant_id, channel, point): point for point in points}

    return Shopper(
        merchant_id=connection.merchant_id,
        connection_id=connection.connection_id,
        shopper_key=shopper_key(key, connection.connection_id, shopper_id),
        shopper_id=shopper_id,
        profile=call.profile,
        phones=named(Channel.SMS, call.phones),
        emails=named(Channel.EMAIL, call.emails),
        digest=call.digest,
    )


def _tasks(
    connection: Connection, shopper: Shopper, before: Shopper | None
) -> tuple[TaskSpec, ...]:
    """Return what a save causes."""
    return _pushes(connection, shopper, before)


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
