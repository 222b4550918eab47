"""The storage contracts over moto."""

from __future__ import annotations

import itertools

import pytest

from concord.adapters.dynamodb.consent_items import put_state, record_from
from concord.adapters.dynamodb.consent_store import DynamoDbConsentStore
from concord.adapters.dynamodb.marshal import from_item
from concord.adapters.dynamodb.table import Table
from concord.domain.marks import Marks
from concord.domain.profiles import SignalKind
from concord.ports import Committed
from tests.support.builders import at, commit, consent_key
from tests.support.contracts.every_store import suites
from tests.support.contracts.groups import ContributionsProperty

globals().update(suites())


class TestMarks:
    def test_every_fuzzy_text_and_every_dismissal_survives_storage(self, table: Table) -> None:
        """R-05: to the microsecond, or a dismissal would not meet the text that was judged."""
        store = DynamoDbConsentStore(table)
        record = None
        kinds = (SignalKind.ASSUMED_OPT_OUT, SignalKind.REVIEW_DISMISSED)
        moments = [at(n + n / 1_000_000) for n in (3, 1, 2)]
        for kind, when in itertools.product(kinds, moments):
            assert store.commit(commit(record, kind=kind, when=when)) == Committed()
            record = store.load(consent_key())
        assert record is not None
        said = frozenset(moments)
        assert record.marks == Marks(assumed=said, dismissed=said, alive_at=max(moments))

    def test_a_mark_of_another_version_is_not_read_past(self) -> None:
        """R-05: an opt-out that this version has no name for must not be lost in silence."""
        item = from_item(put_state(commit())["Put"]["Item"])
        item["marks"]["assumed_at"] = item["marks"]["out_at"]
        with pytest.raises(TypeError, match="assumed_at"):
            record_from(consent_key(), item)


class TestContributionsProperty(ContributionsProperty): ...
