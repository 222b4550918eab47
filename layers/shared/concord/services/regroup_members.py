"""Bring a list of members to the shoppers: each one's own item says which groups she is in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from concord.domain.connection import Connection
from concord.domain.errors import StorageUnavailableError
from concord.domain.groups import Group, read_group_key
from concord.domain.shopper import Shopper
from concord.domain.task_rows import Finish
from concord.domain.tasks import Task, TaskState
from concord.ports import Clock, Groups, Shoppers, Tasks
from concord.services.defer_tasks import DeferTasks
from concord.services.regroup_tasks import shopper_task

_ATTEMPTS: Final = 5
_WORKS_FOR: Final = timedelta(seconds=4)
_AT_ONCE: Final = timedelta(0)
# Who was saved right before the list is counted as a member some seconds later: a second look finds
# whom the first one missed.
_LOOK_AGAIN_AFTER: Final = timedelta(seconds=60)
_JOIN: Final = "join"
_LEAVE: Final = "leave"
_LEAVE_AGAIN: Final = "leave_again"
_DONE: Final = "done"
_NEXT: Final = {_JOIN: _LEAVE, _LEAVE: _LEAVE_AGAIN, _LEAVE_AGAIN: _DONE}


class KeepMembers:
    """Writes one shopper in or out of a group, by the word of the group's list."""

    def __init__(self, shoppers: Shoppers, groups: Groups, tasks: Tasks, clock: Clock) -> None:
        self._shoppers = shoppers
        self._groups = groups
        self._tasks = tasks
        self._clock = clock

    def __call__(self, group: Group, shopper_key: str, *, member: bool) -> bool:
        """Return whether she is known. What the shop told of all her groups later stands."""
        for _ in range(_ATTEMPTS):
            shopper = self._shoppers.get(group.merchant_id, group.connection_id, shopper_key)
            if shopper is None:
                return False
            holds = group.listed_at is None or shopper.goes_by(group.listed_at, member=member)
            if (group.group_id in shopper.groups) is member or not holds:
                self._look_if_unfinished(shopper)
                return True
            changed = shopper.in_group(group.group_id, member=member)
            look = shopper_task(group.connection_id, shopper_key, changed.version)
            if self._shoppers.save(changed, shopper, (look,)):
                return True
        raise StorageUnavailableError("this shopper kept changing")

    def _look_if_unfinished(self, shopper: Shopper) -> None:
        """Whoever died, perhaps we ourselves, may have left her groups as they were."""
        if shopper.unfinished:
            look = shopper_task(shopper.connection_id, shopper.shopper_key, shopper.version)
            self._tasks.ensure(shopper.merchant_id, look, self._clock.now())

    def welcome(self, connection: Connection, shopper_key: str) -> None:
        """Write a shopper who has come into the groups whose list named her before."""
        where = (connection.merchant_id, connection.connection_id)
        for group_id, list_id in self._groups.awaiting(*where, shopper_key):
            group = self._groups.get(*where, group_id)
            if group is not None and group.list_id == list_id:
                self(group, shopper_key, member=True)
            self._groups.await_no_more(*where, shopper_key, group_id, list_id)


class RegroupMembers:
    """The worker of `group#` tasks: who is listed joins, who is not leaves, a slice at a time.

    Its place is kept in the row, with the list that it is a place in: a newer one begins anew.
    """

    def __init__(
        self, *, groups: Groups, keep: KeepMembers, tasks: Tasks, defer: DeferTasks, clock: Clock
    ) -> None:
        self._groups = groups
        self._keep = keep
        self._tasks = tasks
        self._defer = defer
        self._clock = clock

    def __call__(self, task: Task, connection: Connection, name: str) -> None:
        """Do the next slice, then put the row off or end it."""
        where = (connection.merchant_id, connection.connection_id)
        group = self._groups.get(*where, read_group_key(name))
        if group is None or group.listed_at is None:
            self._end(task, group)
            return
        place = task.payload
        phase, after = str(place.get("phase", "")), str(place.get("after", ""))
        if place.get("list") != group.list_id:
            phase, after = _JOIN, ""
        elif phase == _DONE:
            self._finish(task, group)
            return
        listed = self._groups.listed(group)
        if len(listed) != group.listed:  # never take what is lost for an empty list
            self._tasks.fail(task, "list_lost", "", self._clock.now())
            return
        self._slice(task, group, listed, phase, after)

    def _slice(
        self, task: Task, group: Group, listed: Sequence[str], phase: str, after: str
    ) -> None:
        ends_at = self._clock.now() + _WORKS_FOR
        if phase == _JOIN:
            stopped_at = self._each(filter(after.__lt__, listed), self._join(group), after, ends_at)
        else:
            stay = frozenset(listed)
            leaving = (key for key in self._groups.members(group, after) if key not in stay)
            stopped_at = self._each(leaving, self._leave(group), after, ends_at)
        wait = _AT_ONCE
        if stopped_at is None:
            phase, stopped_at = _NEXT[phase], ""
            wait = _LOOK_AGAIN_AFTER if phase == _LEAVE_AGAIN else _AT_ONCE
        place = {"list": group.list_id, "phase": phase, "after": stopped_at}
        if self._tasks.mark(task, TaskState.OPEN, self._clock.now(), place):
            self._defer.wait(task, wait, "next_slice")

    def _each(
        self, keys: Iterable[str], do: Callable[[str], None], after: str, ends_at: datetime
    ) -> str | None:
        """Do it for each until time is up: then return the last one that is done."""
        for key in keys:
            if self._clock.now() >= ends_at:
                return after
            do(key)
            after = key
        return None

    def _join(self, group: Group) -> Callable[[str], None]:
        def join(key: str) -> None:
            if self._keep(group, key, member=True):
                return
            self._groups.await_member(group, key)
            # She may have come between the look and the note, and then nobody looks at it.
            self._keep(group, key, member=True)

        return join

    def _leave(self, group: Group) -> Callable[[str], None]:
        def leave(key: str) -> None:
            self._keep(group, key, member=False)

        return leave

    def _finish(self, task: Task, group: Group) -> None:
        self._groups.forget_list(group, group.list_id)
        if group.deleted:
            self._groups.end(group)
        self._end(task, group)

    def _end(self, task: Task, group: Group | None) -> None:
        version = group.version if group else task.want
        if self._tasks.finish_push(task, version) is Finish.NEWER:
            self._defer.wait(task, _AT_ONCE, "next_slice")
