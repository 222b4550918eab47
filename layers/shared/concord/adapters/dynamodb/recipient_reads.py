"""What is shown of recipients beside their slices: their numbers, and the evidence decided upon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from concord.adapters.dynamodb import keys
from concord.adapters.dynamodb.consent_items import evidence_from, record_from
from concord.adapters.dynamodb.table import Table
from concord.domain.evidence import ConsentKey
from concord.ports.broadcasts import KnownRecipient


class DynamoDbRecipientReads:
    """RecipientReads over the one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def known(self, wanted: Sequence[tuple[ConsentKey, int]]) -> Mapping[str, KnownRecipient]:
        """Read states and evidence strongly, a hundred items a request."""
        rows = [keys.consent_state(key) for key, _ in wanted]
        rows += [keys.evidence(key, seq) for key, seq in wanted if seq]
        found = self._table.get_many(rows)
        shown: dict[str, KnownRecipient] = {}
        for key, seq in wanted:
            state = found.get(keys.consent_state(key))
            event = found.get(keys.evidence(key, seq))
            shown[key.point_id] = KnownRecipient(
                point=record_from(key, state).point if state else "",
                evidence=evidence_from(event) if event else None,
            )
        return shown
