"""Changes of consent that no peer was told of: their account had no connection."""

from __future__ import annotations

from collections.abc import Iterator

from concord.adapters.dynamodb import keys
from concord.adapters.dynamodb.table import Table
from concord.domain.evidence import ConsentKey
from concord.domain.tasks import RowKey


class DynamoDbUntold:
    """Untold over the one table: a partition for each account, a row for each point."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, key: ConsentKey) -> None:
        """Remember that this state was not told; once, however often it is put."""
        self._table.put(keys.untold(key), {})

    def of(self, merchant_id: str, account: str) -> Iterator[ConsentKey]:
        """Yield what was not told of an account, page by page, read strongly."""
        for item in self._table.query("pk = :pk", pk=keys.untold_pk(merchant_id, account)):
            yield keys.untold_key_of(RowKey(item["pk"], item["sk"]))

    def delete(self, key: ConsentKey) -> None:
        """Forget it, once it is on its way."""
        self._table.delete(keys.untold(key))
