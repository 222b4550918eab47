"""Mirrored shoppers, and who carries a number or an address."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from concord.adapters.dynamodb import keys
from concord.adapters.dynamodb.marshal import Item
from concord.adapters.dynamodb.table import Table, put
from concord.adapters.dynamodb.task_items import write_task
from concord.adapters.dynamodb.tasks import DynamoDbTasks
from concord.adapters.dynamodb.translate import ConditionFailedError, TransactionRefusedError
from concord.domain.identity import Channel
from concord.domain.page import Page
from concord.domain.shopper import Carriers, GivenUp, Shopper
from concord.domain.tasks import RowKey, TaskSpec
from concord.domain.times import from_rfc3339, to_rfc3339

_MOMENTS: Final = ("saved_at", "groups_at", "first_at", "left_at")
_LINK_OUTLIVES: Final = timedelta(days=2)
# A request of an export: short enough to stop behind any of them, and all of them may be hers.
_SCANNED: Final = 100
# A request that only counts; it has to be answered within the client's patience.
_COUNTED: Final = 1_000
# A scan's filter, and `_active` its values.
_ACTIVE: Final = "begins_with(#pk, :prefix) AND #sk = :sk AND #active = :active"
_utc_now: Final = partial(datetime.now, UTC)


class DynamoDbShoppers:
    """Shoppers over the one table.

    The shopper's own item is the truth; the link from a point to her says only "look there". Links
    are put before the item and let go after it, so at no moment is one missing.
    """

    def __init__(
        self, table: Table, tasks: DynamoDbTasks, now: Callable[[], datetime] = _utc_now
    ) -> None:
        self._table = table
        self._tasks = tasks
        self._now = now

    def get(self, merchant_id: str, connection_id: str, shopper_key: str) -> Shopper | None:
        """Read a shopper."""
        item = self._table.get(keys.shopper(merchant_id, connection_id, shopper_key))
        return shopper_from(merchant_id, connection_id, shopper_key, item) if item else None

    def get_many(
        self, merchant_id: str, connection_id: str, shopper_keys: Sequence[str]
    ) -> dict[str, Shopper]:
        """Read shoppers strongly, a hundred a request; who is not there is left out."""
        rows = {keys.shopper(merchant_id, connection_id, name): name for name in shopper_keys}
        found = self._table.get_many(list(rows))
        return {
            rows[row]: shopper_from(merchant_id, connection_id, rows[row], item)
            for row, item in found.items()
        }

    def save(
        self,
        shopper: Shopper,
        before: Shopper | None,
        tasks: Iterable[TaskSpec],
        once: TaskSpec | None = None,
    ) -> bool:
        """Write links, shopper, tasks and, last, the digest; False = somebody else was first.

        `tasks` is read once she is there, so it may look at what others did until then; () = none.
        The digest says "all that this shopper causes is done". While tasks are still to be inserted
        the item has none, so that a crash in between leaves her looking changed. `once` stands in
        the transaction of the item: whoever saves her again finds it done.
        """
        causes = tasks != ()
        new, old = _points(shopper), _points(before) if before else set()
        for point_id in sorted(new - old):
            self._table.put(_link(shopper, point_id), {"version": shopper.version})
        if not self._put(shopper, before, "" if causes else shopper.digest, once):
            return False
        if causes and not self.finish(shopper, tasks):
            return False
        for point_id in sorted(old - new):
            self._unlink(shopper, point_id)
        return True

    def finish(self, shopper: Shopper, tasks: Iterable[TaskSpec]) -> bool:
        """Queue what she causes, then write her digest; False = somebody else saved her since."""
        now = self._now()
        for spec in tasks:
            self._tasks.ensure(shopper.merchant_id, spec, now)
        return self._finish(shopper)

    def names(self, merchant_id: str, connection_id: str, after: str = "") -> Page[str]:
        """Return the active shoppers among the next hundred rows of the table.

        Read eventually: whoever is saved meanwhile has a push of her own.
        """
        prefix = keys.shoppers_prefix(merchant_id, connection_id)
        found, behind = self._table.scan(
            _ACTIVE, limit=_SCANNED, after=_behind(after), **_active(prefix)
        )
        names = tuple(key.pk.removeprefix(prefix) for key in found)
        return Page(names, _cursor(behind))

    def count(
        self, merchant_id: str, connection_id: str, after: str = ""
    ) -> tuple[int, str | None]:
        """Count the active shoppers among the next rows of the table, read eventually."""
        prefix = keys.shoppers_prefix(merchant_id, connection_id)
        count, behind = self._table.count(
            _ACTIVE, limit=_COUNTED, after=_behind(after), **_active(prefix)
        )
        return count, _cursor(behind)

    def carrying(self, merchant_id: str, connection_id: str, point_id: str) -> Carriers:
        """Return who carries a point, and whether a review says that nobody does: one query."""
        found: dict[bool, list[str]] = {True: [], False: []}
        unmatched = False
        for item in self._table.query(
            "pk = :pk", pk=keys.carriers_pk(merchant_id, connection_id, point_id)
        ):
            if item["sk"] == keys.UNMATCHED:
                unmatched = True
                continue
            shopper_key = item["sk"].removeprefix(keys.CARRIER)
            shopper = self.get(merchant_id, connection_id, shopper_key)
            if shopper is not None and point_id in _points(shopper):
                found[shopper.active].append(shopper.shopper_id)
        return Carriers(tuple(found[True]), unmatched, left=tuple(found[False]))

    def carrier_keys(
        self, merchant_id: str, connection_id: str, point_id: str, after: str = ""
    ) -> Iterator[str]:
        """Yield the keys of all whom a link names, in order, after `after`; reads none of them."""
        for item in self._table.query(
            "pk = :pk AND sk > :after",
            pk=keys.carriers_pk(merchant_id, connection_id, point_id),
            after=f"{keys.CARRIER}{after}",
        ):
            if item["sk"] != keys.UNMATCHED:
                yield item["sk"].removeprefix(keys.CARRIER)

    def _put(
        self, shopper: Shopper, before: Shopper | None, digest: str, once: TaskSpec | None
    ) -> bool:
        key = keys.shopper(shopper.merchant_id, shopper.connection_id, shopper.shopper_key)
        item = _item(shopper, digest)
        if before is None:
            action = put(key, item, "attribute_not_exists(pk)")
        else:
            action = put(key, item, "#version = :before", before=before.version)
        try:
            if once is None:
                self._table.write(action)
            else:
                task = write_task(shopper.merchant_id, once, self._now())
                self._table.transact([action, task])
        except ConditionFailedError as failed:
            return failed.answer_lost and _is(failed.item, item)
        except TransactionRefusedError as refused:
            stale = refused.at(0)
            return stale is not None and refused.answer_lost and _is(stale.item, item)
        return True

    def _finish(self, shopper: Shopper) -> bool:
        try:
            self._table.update(
                keys.shopper(shopper.merchant_id, shopper.connection_id, shopper.shopper_key),
                "SET #digest = :digest",
                "#version = :version",
                digest=shopper.digest,
                version=shopper.version,
            )
        except ConditionFailedError:
            return False
        return True

    def _unlink(self, shopper: Shopper, point_id: str) -> None:
        """Let a link go, unless a later save has put it back.

        It stays for two days: her groups may count the number until they were looked at, and who
        counts them anew has to find her by it meanwhile.
        """
        try:
            self._table.update(
                _link(shopper, point_id),
                "SET #expires_at = :end",
                "#version < :version",
                end=int((self._now() + _LINK_OUTLIVES).timestamp()),
                version=shopper.version,
            )
        except ConditionFailedError:
            return


def _item(shopper: Shopper, digest: str) -> Item:
    item: Item = {
        "shopper_id": shopper.shopper_id,
        "profile": json.dumps(dict(shopper.profile), ensure_ascii=False),
        "phones": dict(shopper.phones),
        "emails": dict(shopper.emails),
        "digest": digest,
        "version": shopper.version,
        "active": shopper.active,
        "since": {point_id: to_rfc3339(at) for point_id, at in shopper.since.items()},
        "given_up": json.dumps([_given_up_json(g) for g in shopper.given_up]),
    }
    moments = {name: getattr(shopper, name) for name in _MOMENTS}
    item.update({name: to_rfc3339(at) for name, at in moments.items() if at is not None})
    return item


def _is(stored: Item | None, item: Item) -> bool:
    """Whether what is stored is what our first attempt, whose answer was lost, wrote."""
    return item == {k: v for k, v in (stored or {}).items() if k not in ("pk", "sk")}


def shopper_from(merchant_id: str, connection_id: str, shopper_key: str, item: Item) -> Shopper:
    """Return the shopper that an item holds."""
    return Shopper(
        merchant_id=merchant_id,
        connection_id=connection_id,
        shopper_key=shopper_key,
        shopper_id=item["shopper_id"],
        profile=json.loads(item["profile"]),
        phones=item["phones"],
        emails=item["emails"],
        digest=item["digest"],
        version=item["version"],
        active=item["active"],
        **_times(item),
    )


def _times(item: Item) -> dict[str, Any]:
    moments = {name: item.get(name) for name in _MOMENTS}
    return {
        **{name: from_rfc3339(at) if at else None for name, at in moments.items()},
        "since": {p: from_rfc3339(at) for p, at in item.get("since", {}).items()},
        "given_up": tuple(map(_given_up_from, json.loads(item.get("given_up", "[]")))),
    }


def _given_up_json(given_up: GivenUp) -> list[str | None]:
    since = to_rfc3339(given_up.since) if given_up.since else None
    return [given_up.channel.value, given_up.point, since, to_rfc3339(given_up.until)]


def _given_up_from(stored: list[str]) -> GivenUp:
    channel, point, since, until = stored
    return GivenUp(
        Channel(channel), point, from_rfc3339(since) if since else None, from_rfc3339(until)
    )


def _active(prefix: str) -> dict[str, object]:
    return {"prefix": prefix, "sk": keys.SHOPPER, "active": True}


def _behind(cursor: str) -> RowKey | None:
    return RowKey(*cursor.split("|")) if cursor else None


def _cursor(behind: RowKey | None) -> str | None:
    return f"{behind.pk}|{behind.sk}" if behind else None


def _points(shopper: Shopper) -> set[str]:
    return {*shopper.phones, *shopper.emails}


def _link(shopper: Shopper, point_id: str) -> RowKey:
    return keys.carrier(shopper.merchant_id, shopper.connection_id, point_id, shopper.shopper_key)
