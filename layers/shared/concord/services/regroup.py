"""Bring groups up to date: move what a shopper contributes to what she should contribute now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from concord.domain.connection import Connection, ConnectionState
from concord.domain.errors import RetryableError, StorageUnavailableError
from concord.domain.evidence import ConsentKey
from concord.domain.groups import textable
from concord.domain.identity import Channel, merchant_of
from concord.domain.regroup import Contribution, Shares, changes, shares_of
from concord.domain.shopper import Shopper
from concord.domain.task_rows import Finish
from concord.domain.tasks import Task, TaskState
from concord.ports import Clock, Connections, ConsentStore, Contributions, Shoppers, Tasks
from concord.services.defer_tasks import DeferTasks
from concord.services.regroup_tasks import POINT, SHOPPER, point_task

_ROUNDS: Final = 10
# Five messages of the bulk queue share an invocation of 30 s.
_WORKS_FOR: Final = timedelta(seconds=4)
_AT_ONCE: Final = timedelta(0)


class RegroupShopper:
    """Moves one shopper's contribution, in steps that each leave all figures agreeing.

    The contribution's version guards every step, so that two workers never move it on from the same
    place. What a step was decided upon may be old by the time it is written; therefore everything
    is read once more after the last step, and whoever wrote last has seen what is true.
    """

    def __init__(self, contributions: Contributions, store: ConsentStore, clock: Clock) -> None:
        self._contributions = contributions
        self._store = store
        self._clock = clock

    def __call__(
        self, connection: Connection, shopper_key: str, ends_at: datetime
    ) -> tuple[Shopper | None, bool]:
        """Return the shopper as she was read last, and whether her groups agree with her; they do
        not yet if `ends_at` came first. Raises StorageUnavailableError."""
        names = (connection.merchant_id, connection.connection_id, shopper_key)
        for _ in range(_ROUNDS):
            have, shopper = self._contributions.load(*names)
            want = self._wanted(connection, shopper)
            if have.shares == want:
                return shopper, True
            if not self._move(have, want, ends_at):
                return shopper, False
        raise StorageUnavailableError("this shopper kept changing")

    def _wanted(self, connection: Connection, shopper: Shopper | None) -> Shares:
        if shopper is None or not shopper.active or not shopper.groups:
            return {}
        may = {point for point in shopper.phones if self._textable(connection, point)}
        return shares_of(shopper, may, connection.country)

    def _textable(self, connection: Connection, point: str) -> bool:
        key = ConsentKey(connection.merchant_id, connection.account, Channel.SMS, point)
        return textable(self._store.load(key))

    def _move(self, have: Contribution, want: Shares, ends_at: datetime) -> bool:
        """Step on until nothing is left, or somebody else has moved it. False: time is up."""
        while have.shares != want:
            if self._clock.now() >= ends_at:
                return False
            moved = self._contributions.step(have, changes(have.shares, want), self._clock.now())
            if moved is None:
                return True
            have = moved
        return True


class Regroup:
    """The worker of `regroup` rows. Neither a consent nor a shopper ever waits for it."""

    def __init__(
        self,
        *,
        tasks: Tasks,
        connections: Connections,
        shoppers: Shoppers,
        store: ConsentStore,
        regroup_shopper: RegroupShopper,
        welcome: Callable[[Connection, str], None],
        others: Mapping[str, Callable[[Task, Connection, str], None]],
        defer: DeferTasks,
        clock: Clock,
    ) -> None:
        self._tasks = tasks
        self._connections = connections
        self._shoppers = shoppers
        self._store = store
        self._regroup_shopper = regroup_shopper
        self._welcome = welcome
        self._works = {SHOPPER: self._shopper, POINT: self._point, **others}
        self._defer = defer
        self._clock = clock

    def __call__(self, task: Task) -> None:
        """Do it until nothing newer is wanted, a slice of a few seconds at a time."""
        connection = self._connections.get(task.connection_id)
        what, _, name = task.task_id.partition("#")
        work = self._works.get(what)
        if connection is None or work is None:
            self._tasks.fail(task, "no_connection", "", self._clock.now())
            return
        if connection.state is ConnectionState.DISCONNECTED:
            self._hand_on(task, connection)
            return
        try:
            work(task, connection, name)
        except StorageUnavailableError as problem:
            # Many shoppers of one group at once: their counters are busy, and later is as good.
            raise RetryableError(problem.detail) from None

    def _hand_on(self, task: Task, connection: Connection) -> None:
        """A connection that is over texts nobody. What it hears of consent concerns the account,
        and so the groups of the connection that has it now."""
        what, _, name = task.task_id.partition("#")
        account = connection.destination
        for successor in self._connections.linked(account.platform, account.account_id):
            if what == POINT and merchant_of(successor) == task.merchant_id:
                spec = point_task(successor, name, task.want)
                self._tasks.ensure(task.merchant_id, spec, self._clock.now())
        self._tasks.mark(task, TaskState.DROPPED, self._clock.now())

    # --- one shopper -------------------------------------------------------------------------

    def _shopper(self, task: Task, connection: Connection, name: str) -> None:
        ends_at = self._clock.now() + _WORKS_FOR
        for _ in range(_ROUNDS):
            self._welcome(connection, name)
            shopper, agrees = self._regroup_shopper(connection, name, ends_at)
            if not agrees:
                break
            if self._ended(task, shopper.version if shopper else task.want):
                return
        self._defer.wait(task, _AT_ONCE, "next_slice")

    # --- all who carry a number --------------------------------------------------------------

    def _point(self, task: Task, connection: Connection, name: str) -> None:
        """Look at everybody who carries a number. The place in a long list is kept in the row, with
        the version of the consent that it was worked off for: a newer one begins anew."""
        ends_at = self._clock.now() + _WORKS_FOR
        kept = task.payload
        for number in range(_ROUNDS):
            version = self._version(connection, name)
            goes_on = number == 0 and kept.get("version") == version
            after = str(kept.get("after", "")) if goes_on else ""
            stopped_at = self._carriers(connection, name, after, ends_at)
            if stopped_at is not None:
                details = {"after": stopped_at, "version": version}
                self._tasks.mark(task, TaskState.OPEN, self._clock.now(), details)
                break
            if self._ended(task, version or task.want):
                return
        self._defer.wait(task, _AT_ONCE, "next_slice")

    def _carriers(
        self, connection: Connection, point_id: str, after: str, ends_at: datetime
    ) -> str | None:
        """Regroup carriers until time is up: then return the last one that is done."""
        where = (connection.merchant_id, connection.connection_id)
        for shopper_key in self._shoppers.carrier_keys(*where, point_id, after):
            if self._clock.now() >= ends_at:
                return after
            _, agrees = self._regroup_shopper(connection, shopper_key, ends_at)
            if not agrees:
                return after
            after = shopper_key
        return None

    def _version(self, connection: Connection, point_id: str) -> int:
        key = ConsentKey(connection.merchant_id, connection.account, Channel.SMS, point_id)
        record = self._store.load(key)
        return record.version if record else 0

    def _ended(self, task: Task, version: int) -> bool:
        """Give the row back. False: something newer is wanted, so look again.

        A lease that was lost is no harm: what we wrote we have looked at again ourselves.
        """
        return self._tasks.finish_push(task, version) is not Finish.NEWER
