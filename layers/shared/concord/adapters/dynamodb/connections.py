"""Connections, the 1-1 links between accounts, and the owners of text numbers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from concord.adapters.dynamodb import keys
from concord.adapters.dynamodb.audit import put_audit
from concord.adapters.dynamodb.connection_items import connection_from, connection_json
from concord.adapters.dynamodb.marshal import Item
from concord.adapters.dynamodb.table import Table, delete, put, update
from concord.adapters.dynamodb.translate import ConditionFailedError, TransactionRefusedError
from concord.domain.audit import AuditEntry
from concord.domain.connection import Connection, ConnectionState, Side
from concord.domain.errors import ConflictError, StorageUnavailableError
from concord.domain.identity import merchant_of
from concord.domain.tasks import RowKey

_FRESH_FOR: Final = 5.0
_REMEMBERED: Final = 1000
_ROUNDS: Final = 5


class DynamoDbConnections:
    """Connections over the one table; what was read is remembered as long as the process lives."""

    def __init__(self, table: Table, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._table = table
        self._monotonic = monotonic
        self._memory: dict[str, tuple[float, Connection]] = {}

    # --- reading -----------------------------------------------------------------------------

    def get(self, connection_id: str, *, fresh: bool = False) -> Connection | None:
        """Return it, at most 5 s old. That it is not there is never remembered."""
        if not fresh and self.is_recent(connection_id):
            return self.get_stale(connection_id)
        try:
            key = keys.connection(connection_id)
        except ValueError:
            return None
        item = self._table.get(key)
        if item is None:
            self._memory.pop(connection_id, None)
            return None
        return self._remember(connection_from(item["body"], item["version"]))

    def get_stale(self, connection_id: str) -> Connection | None:
        """Return what memory has, however old; no request is made."""
        known = self._memory.get(connection_id)
        return known[1] if known else None

    def is_recent(self, connection_id: str) -> bool:
        """Whether memory is young enough to be what `get` returns."""
        known = self._memory.get(connection_id)
        return known is not None and self._monotonic() - known[0] < _FRESH_FOR

    def linked(self, platform: str, account_id: str) -> Sequence[str]:
        """Return the connections that have an account now."""
        item = self._table.get(keys.link(platform, account_id))
        return sorted(item["connections"]) if item else []

    def of_merchant(self, merchant_id: str) -> Iterator[Connection]:
        """Yield a merchant's connections, whatever their state."""
        for item in self._table.query(
            "pk = :pk AND begins_with(sk, :prefix)",
            pk=keys.merchant(merchant_id).pk,
            prefix=keys.CONNECTIONS,
        ):
            yield connection_from(item["body"], item["version"])

    def _remember(self, connection: Connection) -> Connection:
        self._memory.pop(connection.connection_id, None)
        self._memory[connection.connection_id] = (self._monotonic(), connection)
        if len(self._memory) > _REMEMBERED:
            del self._memory[next(iter(self._memory))]  # the one that was read longest ago
        return connection

    # --- writing -----------------------------------------------------------------------------

    def create(self, connection: Connection, *, multi_link: bool, audit: AuditEntry) -> None:
        """Insert with both links, or raise ConflictError `account_already_linked`.

        The messaging account is always linked once. The shop's account may be linked to several,
        all of one merchant, if an operator allowed it (TEA-02, TEA-04).
        """
        actions = [
            self._put(connection, "attribute_not_exists(pk)"),
            _claim(connection, connection.destination, shared=False),
            _claim(connection, connection.source, shared=multi_link),
            put_audit(audit),
        ]
        try:
            self._table.transact(actions)
        except TransactionRefusedError as refused:
            if not _our_own(refused, connection):
                raise _already_linked(connection, refused) from None
        self._remember(connection)

    def update(self, connection: Connection, audit: AuditEntry) -> bool:
        """Replace on the version before; False when somebody else was first."""
        return self._replace(connection, [put_audit(audit)])

    def disconnect(self, connection: Connection, audit: AuditEntry) -> bool:
        """Replace, and free both accounts in the same transaction. Opt-outs stay."""
        for _ in range(_ROUNDS):
            releases = [
                _release(connection, key, self._table.get(key))
                for key in (_link(connection.destination), _link(connection.source))
            ]
            if self._replace(connection, [put_audit(audit), *filter(None, releases)]):
                return True
            stored = self._table.get(keys.connection(connection.connection_id))
            if stored is None or stored["version"] != connection.version - 1:
                return False
        raise StorageUnavailableError("the links kept changing while they were freed")

    def _replace(self, connection: Connection, more: list[dict[str, Any]]) -> bool:
        write = self._put(connection, "#version = :before", before=connection.version - 1)
        try:
            self._table.transact([write, *more])
        except TransactionRefusedError as refused:
            if not _our_own(refused, connection):
                return False
        self._remember(connection)
        return True

    def _put(self, connection: Connection, condition: str, **values: object) -> dict[str, Any]:
        item: Item = {"body": connection_json(connection), "version": connection.version}
        return put(keys.connection(connection.connection_id), item, condition, **values)

    # --- text numbers ------------------------------------------------------------------------

    def by_number(self, number: str) -> str | None:
        """Return the connection that owns a text number."""
        item = self._table.get(keys.number(number))
        return item["connection_id"] if item else None

    def claim_number(self, number: str, connection_id: str) -> None:
        """Point a text number to its connection.

        Raises ConflictError `number_already_claimed` if a live connection of another merchant has
        it: nobody takes over a stranger's replies by naming his number.
        """
        key = keys.number(number)
        item = {"connection_id": connection_id}
        for _ in range(_ROUNDS):
            holder = self.by_number(number)
            if holder == connection_id:
                return
            if holder is not None and self._keeps(holder, connection_id):
                raise ConflictError(
                    "another merchant's connection has this number", code="number_already_claimed"
                )
            try:
                if holder is None:
                    self._table.put(key, item, "attribute_not_exists(pk)")
                else:
                    self._table.put(key, item, "#connection_id = :holder", holder=holder)
                return
            except ConditionFailedError:
                continue
        raise StorageUnavailableError("a number kept changing hands")

    def _keeps(self, holder: str, claimant: str) -> bool:
        if merchant_of(holder) == merchant_of(claimant):
            return False
        connection = self.get(holder, fresh=True)
        return connection is not None and connection.state is not ConnectionState.DISCONNECTED


def _our_own(refused: TransactionRefusedError, connection: Connection) -> bool:
    """Whether this very write is what stands in its way: stored, its answer lost, made again."""
    if not refused.answer_lost or (refusal := refused.at(0)) is None or refusal.item is None:
        return False
    stored = (refusal.item["version"], refusal.item["body"])
    return stored == (connection.version, connection_json(connection))


def _link(side: Side) -> RowKey:
    return keys.link(side.platform, side.account_id)


def _claim(connection: Connection, side: Side, *, shared: bool) -> dict[str, Any]:
    """Return the write that links an account: a set of connection ids, of one unless shared."""
    free = "attribute_not_exists(pk)"
    return update(
        _link(side),
        "SET #merchant_id = :merchant, #shared = :shared ADD #connections :own",
        f"{free} OR (#merchant_id = :merchant AND :shared = :yes)",
        merchant=connection.merchant_id,
        shared=shared,
        yes=True,
        own={connection.connection_id},
    )


def _release(
    connection: Connection, key: RowKey, stored: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """Return the write that takes this connection off a link as it was read; None = not on it."""
    own = connection.connection_id
    if stored is None or own not in stored["connections"]:
        return None
    seen = stored["connections"]
    if seen == {own}:
        return delete(key, "#connections = :seen", seen=seen)
    return update(key, "DELETE #connections :own", "#connections = :seen", own={own}, seen=seen)


def _already_linked(connection: Connection, refused: TransactionRefusedError) -> ConflictError:
    """Name the account that is taken and the connection that has it (TEA-02)."""
    for index, side in ((1, connection.destination), (2, connection.source)):
        refusal = refused.at(index)
        if refusal is not None:
            holders = sorted(refusal.item["connections"]) if refusal.item else []
            return ConflictError(
                f"this {side.platform} account is linked already",
                code="account_already_linked",
                extra={"platform": side.platform, "connection_id": next(iter(holders), None)},
            )
    return ConflictError("a connection of this id is there already")
