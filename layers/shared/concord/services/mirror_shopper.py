"""Keep a shop's shopper as the shop knows her: the one way in which she is saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from concord.domain.connection import Connection
from concord.domain.errors import StorageUnavailableError
from concord.domain.evidence import ConsentKey
from concord.domain.identity import Channel, point_id, shopper_key
from concord.domain.marks import State
from concord.domain.regroup import shares_of
from concord.domain.shopper import Shopper
from concord.domain.tasks import TaskSpec
from concord.ports import ConsentStore, Shoppers
from concord.services.authenticate import Authenticated
from concord.services.consent_tasks import push_task
from concord.services.contact_tasks import pin_event, shopper_tasks
from concord.services.parse_shopper import ShopperCall
from concord.services.regroup_tasks import shopper_task

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

    def __init__(self, shoppers: Shoppers, store: ConsentStore) -> None:
        self._shoppers = shoppers
        self._store = store

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
            tasks = self._tasks(connection, shopper, before)
            # Of two saves of the same PIN one tells it, though the first died before its end.
            pin = pin_event(connection, shopper, before)
            if self._shoppers.save(shopper, before, tasks, pin):
                return Saved(changed=True, before=before)
        raise StorageUnavailableError("this shopper kept changing")

    def _tasks(
        self, connection: Connection, shopper: Shopper, before: Shopper | None
    ) -> Iterator[TaskSpec]:
        """Yield what a save causes; it is asked for once she is stored. A save that finds one that
        died half-way causes all of it once more."""
        if before is not None and before.unfinished:
            before = None
        yield from self._pushes(connection, shopper, before)
        yield from regroup_tasks(connection, shopper, before)
        yield from shopper_tasks(connection, shopper, before)

    def _pushes(
        self, connection: Connection, shopper: Shopper, before: Shopper | None
    ) -> Iterator[TaskSpec]:
        """Yield a push to the shop for each number that waited for her: it carries consent, and she
        did not carry it before (TEA-12).

        She is stored by now. Whoever changes that consent later finds her and tells the shop
        himself, so a number without consent needs nobody to look: a first read of 100,000 shoppers
        must not stand in front of an opt-out.
        """
        known = before.phones if before is not None and before.active else {}
        for point in shopper.phones:
            key = ConsentKey(connection.merchant_id, connection.account, Channel.SMS, point)
            if point not in known and self._store.load(key) is not None:
                yield push_task(connection, connection.source.platform, key, 0, State.UNKNOWN)


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


def regroup_tasks(
    connection: Connection, shopper: Shopper, before: Shopper | None
) -> tuple[TaskSpec, ...]:
    """Return the look at her groups, if what she could contribute to them is another now. Also of
    one who is new: a group may be waiting for her."""
    could = shares_of(shopper, shopper.phones, connection.country)
    if before is not None and could == shares_of(before, before.phones, connection.country):
        return ()
    return (shopper_task(connection.connection_id, shopper.shopper_key, shopper.version),)
