"""A shop names a group, says who is in it, or deletes it: taken down at once, worked off later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from concord.domain.errors import ConflictError, StorageUnavailableError, TooLargeError
from concord.domain.events import ApiAnswer, RawRequest
from concord.domain.groups import Group
from concord.domain.identity import shopper_key, token_hash
from concord.domain.limits import MAX_BODY, TABLE_BUDGET
from concord.ports import Clock, ConsentStore, Groups
from concord.services.authenticate import Authenticated, Authenticator
from concord.services.parse_group import checked_group_id, parse_group
from concord.services.regroup_tasks import group_task

_ATTEMPTS: Final = 5
_LIST_ID_BYTES: Final = 8

type Change = Callable[[Group], Group]


class ChangeGroups:
    """`PUT` and `DELETE /connect/{cid}/groups/{group_id}`.

    Membership is kept by each shopper. A list of members is stored whole before the answer, then
    brought to the shoppers slice by slice (`services/regroup_members.py`).
    """

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        groups: Groups,
        store: ConsentStore,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._authenticator = authenticator
        self._groups = groups
        self._store = store
        self._clock = clock
        self._random_bytes = random_bytes

    def put(
        self, connection_id: str, connect_key: str, group_id: str, request: RawRequest
    ) -> ApiAnswer:
        """Return 201 for a new group, 200 for a known one, 202 where a list of members came along.

        Raises UnauthorizedError, InvalidInputError, ConflictError `connection_not_connected`,
        TooLargeError, StorageUnavailableError.
        """
        if len(request.body) > MAX_BODY:
            raise TooLargeError("a body may have 256 KB")
        with self._store.within(TABLE_BUDGET):
            opened = self._open(connection_id, connect_key, request)
            call = parse_group(request.body)
            body = {"group_id": checked_group_id(group_id), "name": call.name}
            if call.shopper_ids is None:
                new = self._save(
                    opened, group_id, lambda group: replace(group, name=call.name, deleted=False)
                )
                return ApiAnswer(201 if new else 200, {**body, "members": None})
            named = [
                shopper_key(opened.secrets.stack_key, connection_id, each)
                for each in call.shopper_ids
            ]
            self._list(opened, group_id, call.name, named, request)
            return ApiAnswer(202, {**body, "members": len(named)})

    def delete(
        self, connection_id: str, connect_key: str, group_id: str, request: RawRequest
    ) -> ApiAnswer:
        """Return 202, however often: the group is gone from every list, its members leave it."""
        with self._store.within(TABLE_BUDGET):
            opened = self._open(connection_id, connect_key, request)
            self._list(opened, checked_group_id(group_id), "", (), request, deleted=True)
            return ApiAnswer(202, {"group_id": group_id, "deleted": True})

    def _open(self, connection_id: str, connect_key: str, request: RawRequest) -> Authenticated:
        opened = self._authenticator.open_connect(
            connection_id, token_hash(connect_key), request.received_at
        )
        if not opened.connection.listens:
            raise ConflictError(
                f"this connection is {opened.connection.state.value}",
                code="connection_not_connected",
            )
        return opened

    def _list(
        self,
        opened: Authenticated,
        group_id: str,
        name: str,
        shopper_keys: Sequence[str],
        request: RawRequest,
        *,
        deleted: bool = False,
    ) -> None:
        """Store the list, then name it in the group: half a list is nobody's."""
        connection = opened.connection
        list_id = self._random_bytes(_LIST_ID_BYTES).hex()

        def listing(group: Group) -> Group:
            return replace(
                group,
                name=name or group.name,
                deleted=deleted,
                list_id=list_id,
                listed=len(shopper_keys),
                listed_at=request.received_at,
            )

        where = (connection.merchant_id, connection.connection_id, group_id)
        self._groups.put_list(listing(Group(*where, name=group_id)), shopper_keys)
        self._save(opened, group_id, listing)

    def _save(self, opened: Authenticated, group_id: str, change: Change) -> bool:
        """Save what `change` makes of the group, with the task that a new list needs. True = new.

        A group that is as it should be is not written.
        """
        connection = opened.connection
        where = (connection.merchant_id, connection.connection_id, group_id)
        for _ in range(_ATTEMPTS):
            before = self._groups.get(*where)
            known = before or Group(*where, name=group_id, version=0)
            group = change(known)
            if group == known:
                return False
            group = replace(group, version=known.version + 1)
            task = None
            if group.list_id != known.list_id:
                task = group_task(connection.connection_id, group_id, group.version)
            if self._groups.save(group, task, self._clock.now()):
                return before is None
        raise StorageUnavailableError("this group kept changing")
