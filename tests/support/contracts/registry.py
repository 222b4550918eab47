"""The contracts of Connections, Merchants, Audit, Reviews, Shoppers, Idempotency and Jobs."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import MISSING, astuple, fields, replace
from datetime import timedelta
from typing import Any

import pytest

from concord.adapters.dynamodb import keys
from concord.adapters.dynamodb.audit import DynamoDbAudit
from concord.adapters.dynamodb.connections import DynamoDbConnections
from concord.adapters.dynamodb.idempotency import DynamoDbIdempotency
from concord.adapters.dynamodb.import_parts import DynamoDbImportParts
from concord.adapters.dynamodb.jobs import DynamoDbJobs
from concord.adapters.dynamodb.merchants import DynamoDbMerchants
from concord.adapters.dynamodb.reviews import DynamoDbReviews
from concord.adapters.dynamodb.shoppers import DynamoDbShoppers
from concord.adapters.dynamodb.table import Table
from concord.adapters.dynamodb.tasks import DynamoDbTasks
from concord.adapters.dynamodb.untold import DynamoDbUntold
from concord.domain.audit import AuditEntry
from concord.domain.connection import Connection, ConnectionSettings, ConnectionState, Side
from concord.domain.errors import ConflictError
from concord.domain.jobs import Job
from concord.domain.merchant import Merchant
from concord.domain.review import ReviewKind
from concord.domain.shopper import Carriers
from concord.domain.task_rows import Finish
from concord.domain.tasks import Task, TaskKind
from concord.ports import StoredAnswer
from tests.support.builders import (
    CONNECTION,
    MERCHANT,
    NOW,
    POINT,
    at,
    audit,
    connection,
    consent_key,
    push,
    review,
    shopper,
)
from tests.support.contracts.consent import refaulted
from tests.support.contracts.tasks import PUSH, leased
from tests.support.counting import counted


class Ticks:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def side(platform: str, account: str) -> Side:
    return Side(platform, account, "https://x.example.com")


def create(table: Table, made: Connection, *, multi_link: bool = False) -> None:
    DynamoDbConnections(table).create(made, multi_link=multi_link, audit=audit())


class ConnectionsContract:
    """What every Connections does."""

    def test_every_field_survives_storage(self, table: Table) -> None:
        made = connection(secrets_version=7)
        for value in (made, made.settings):
            for each in fields(value):
                if each.default is not MISSING and each.name != "version":
                    assert getattr(value, each.name) != each.default, f"{each.name} proves nothing"
        create(table, made)
        assert DynamoDbConnections(table).get(CONNECTION) == made

    def test_defaults_survive_storage(self, table: Table) -> None:
        made = connection(settings=ConnectionSettings(), text_numbers=(), first_number=None)
        create(table, made)
        assert DynamoDbConnections(table).get(CONNECTION) == made

    def test_one_request_when_cold_and_none_for_five_seconds(self, table: Table) -> None:
        create(table, connection())
        clock = Ticks()
        connections = DynamoDbConnections(table, clock)
        with counted(table.client) as requests:
            connections.get(CONNECTION)
            clock.now += 4.9
            connections.get(CONNECTION)
            assert requests.total() == 1
            connections.get(CONNECTION, fresh=True)
            assert requests.total() == 2
            clock.now += 5
            connections.get(CONNECTION)
            assert requests.total() == 3

    def test_a_change_shows_within_five_seconds(self, table: Table) -> None:
        """Rules, Storage: state, settings and rotation hold everywhere within 5 s."""
        create(table, connection())
        clock = Ticks()
        here, there = DynamoDbConnections(table, clock), DynamoDbConnections(table)
        here.get(CONNECTION)
        paused = connection(state=ConnectionState.PAUSED, version=2)
        assert there.update(paused, audit("state"))
        clock.now += 5
        assert here.get(CONNECTION) == paused

    def test_memory_is_there_when_the_table_is_not(self, table: Table) -> None:
        """TEA-20: the fallback number is known without any request, however old."""
        create(table, connection())
        clock = Ticks()
        connections = DynamoDbConnections(table, clock)
        assert connections.get_stale(CONNECTION) is None
        connections.get(CONNECTION)
        clock.now += 1e6
        with counted(table.client) as requests:
            assert connections.get_stale(CONNECTION) == connection()
        assert requests.total() == 0

    @pytest.mark.parametrize("odd", ["shop.none", "", "x", "shop#.a", "a/b.c"])
    def test_what_is_not_there_is_never_remembered(self, table: Table, odd: str) -> None:
        connections = DynamoDbConnections(table)
        assert connections.get(odd) is None
        if odd == "shop.none":
            create(table, connection("shop.none"))
            assert connections.get(odd) is not None

    def test_an_account_is_linked_once(self, table: Table) -> None:
        """TEA-02: a second link from either side is refused and names the first."""
        create(table, connection())
        for part in ("source", "destination"):
            other = {"source": "destination", "destination": "source"}[part]
            taken = connection("shop.second", **{other: side("other", "9")})
            with pytest.raises(ConflictError) as refused:
                create(table, taken)
            assert refused.value.code == "account_already_linked"
            assert refused.value.extra["connection_id"] == CONNECTION
        assert DynamoDbConnections(table).get("shop.second") is None
        assert len(list(DynamoDbAudit(table).of(MERCHANT, CONNECTION))) == 1

    def test_a_shop_may_have_several_accounts_by_leave_only(self, table: Table) -> None:
        """TEA-04: the shop's side may be linked again with multi_link; the other never, and no
        other merchant's."""
        create(table, connection())
        second = connection("shop.second", destination=side("text_em_all", "888"))
        create(table, second, multi_link=True)
        stranger = connection("thief.x", destination=side("text_em_all", "999"))
        with pytest.raises(ConflictError):
            create(table, stranger, multi_link=True)
        with pytest.raises(ConflictError):
            create(table, connection("shop.third", source=side("catapult", "S2")), multi_link=True)
        assert {c.connection_id for c in DynamoDbConnections(table).of_merchant(MERCHANT)} == {
            CONNECTION,
            "shop.second",
        }

    def test_a_create_whose_answer_was_lost_is_done(self, table: Table) -> None:
        """Reliability 13: or the operator would be told that her own link is in the way."""
        faulty, _ = refaulted(table, lambda _, n: "lost" if n == 1 else None)
        create(faulty, connection())
        assert DynamoDbConnections(table).get(CONNECTION) == connection()

    def test_the_first_of_two_updates_wins(self, table: Table) -> None:
        create(table, connection())
        connections = DynamoDbConnections(table)
        first = connection(version=2, merchant_name="First")
        assert connections.update(first, audit("patch"))
        assert not connections.update(replace(first, merchant_name="Second"), audit("patch"))
        assert connections.get(CONNECTION, fresh=True) == first
        assert len(list(DynamoDbAudit(table).of(MERCHANT, CONNECTION))) == 2

    def test_an_update_whose_answer_was_lost_is_done(self, table: Table) -> None:
        """Reliability 13."""
        create(table, connection())
        faulty, _ = refaulted(table, lambda _, n: "lost" if n == 1 else None)
        assert DynamoDbConnections(faulty).update(connection(version=2), audit("patch"))

    def test_disconnecting_frees_both_accounts(self, table: Table) -> None:
        """TEA-01, TEA-02: final, and both accounts can be linked again."""
        create(table, connection())
        gone = connection(state=ConnectionState.DISCONNECTED, version=2)
        connections = DynamoDbConnections(table)
        assert connections.disconnect(gone, audit("state"))
        assert not connections.disconnect(gone, audit("state"))
        assert connections.linked("text_em_all", "777") == []
        create(table, connection("shop.second"))
        assert connections.get(CONNECTION, fresh=True) == gone

    def test_disconnecting_leaves_the_others_of_a_shared_account(self, table: Table) -> None:
        """TEA-04."""
        create(table, connection())
        second = connection("shop.second", destination=side("text_em_all", "888"))
        create(table, second, multi_link=True)
        connections = DynamoDbConnections(table)
        assert connections.linked("catapult", "S1") == [CONNECTION, "shop.second"]
        assert connections.disconnect(connection(version=2), audit("state"))
        assert connections.linked("catapult", "S1") == ["shop.second"]
        with pytest.raises(ConflictError) as refused:
            create(table, connection("shop.third"))
        assert refused.value.extra["connection_id"] == "shop.second"
        assert connections.disconnect(replace(second, version=2), audit("state"))
        create(table, connection("shop.third"))

    def test_a_number_belongs_to_one_live_connection(self, table: Table) -> None:
        create(table, connection())
        create(
            table,
            connection("thief.x", source=side("a", "1"), destination=side("b", "2")),
        )
        connections = DynamoDbConnections(table)
        assert connections.by_number(POINT) is None
        connections.claim_number(POINT, CONNECTION)
        connections.claim_number(POINT, CONNECTION)
        with pytest.raises(ConflictError, match="another merchant"):
            connections.claim_number(POINT, "thief.x")
        assert connections.by_number(POINT) == CONNECTION
        gone = connection(state=ConnectionState.DISCONNECTED, version=2)
        connections.disconnect(gone, audit("state"))
        connections.claim_number(POINT, "thief.x")
        assert connections.by_number(POINT) == "thief.x"


class MerchantsContract:
    """What every Merchants and Audit does."""

    def test_a_merchant_is_written_with_its_audit(self, table: Table) -> None:
        merchants = DynamoDbMerchants(table)
        assert merchants.get("m") is None
        made = Merchant("m", "Søn", "Europe/Oslo", "NO", True, {"from": "21:00"}, {"max": 1.5})
        merchants.put(made, AuditEntry("m", "", NOW, "op", "create", {"to": {"name": "Søn"}}))
        merchants.put(
            replace(made, name="New"), AuditEntry("m", "", at(1), "op", "update", {"n": [1]})
        )
        assert merchants.get("m") == replace(made, name="New")
        trail = list(DynamoDbAudit(table).of("m", ""))
        assert [(entry.action, entry.details) for entry in trail] == [
            ("update", {"n": [1]}),
            ("create", {"to": {"name": "Søn"}}),
        ]

    def test_a_merchant_is_not_among_its_connections(self, table: Table) -> None:
        DynamoDbMerchants(table).put(Merchant(MERCHANT, "x", "UTC", "US"), audit(connection_id=""))
        create(table, connection())
        assert list(DynamoDbConnections(table).of_merchant(MERCHANT)) == [connection()]


class ReviewsContract:
    """What every Reviews does."""

    def test_reviews_are_listed_by_kind(self, table: Table) -> None:
        reviews = DynamoDbReviews(table)
        fuzzy, unmatched = review("a"), replace(review("b", ReviewKind.UNMATCHED), reviewed_at=None)
        for each in (fuzzy, unmatched, fuzzy):
            reviews.put(each)
        assert list(reviews.of(MERCHANT, CONNECTION, ReviewKind.FUZZY)) == [fuzzy]
        assert reviews.get(MERCHANT, CONNECTION, ReviewKind.UNMATCHED, "b") == unmatched
        reviews.delete(fuzzy)
        reviews.delete(fuzzy)
        assert list(reviews.of(MERCHANT, CONNECTION, ReviewKind.FUZZY)) == []

    def test_that_a_point_is_unmatched_shows_where_it_is_pushed_from(self, table: Table) -> None:
        """TEA-12, promise 5: who carries a point and whether a review waits: one request."""
        reviews, shoppers = DynamoDbReviews(table), DynamoDbShoppers(table, DynamoDbTasks(table))
        waiting = replace(review("v1.aaaa", ReviewKind.UNMATCHED), point_id="v1.aaaa")
        for _ in range(2):
            reviews.put(waiting)
            with counted(table.client) as requests:
                found = shoppers.carrying(MERCHANT, CONNECTION, "v1.aaaa")
            assert found == Carriers((), unmatched=True)
            assert requests == {"Query": 1}
        shoppers.save(shopper(), None, [])
        found = shoppers.carrying(MERCHANT, CONNECTION, "v1.aaaa")
        assert found == Carriers(("S-1",), unmatched=True)
        for _ in range(2):
            reviews.delete(waiting)
            assert not shoppers.carrying(MERCHANT, CONNECTION, "v1.aaaa").unmatched
        reviews.put(replace(review("f"), point_id="v1.aaaa"))
        assert not shoppers.carrying(MERCHANT, CONNECTION, "v1.aaaa").unmatched


class UntoldContract:
    """What every Untold does."""

    def test_a_point_is_untold_until_it_is_told(self, table: Table) -> None:
        """TEA-11: once, however often it is put; of this merchant's account and no other."""
        untold = DynamoDbUntold(table)
        first, second = consent_key(), consent_key("v1.bbbb")
        for key in (first, second, first):
            untold.put(key)
        assert list(untold.of(MERCHANT, first.account)) == [first, second]
        assert list(untold.of(MERCHANT, "text_em_all:other")) == []
        assert list(untold.of("other", first.account)) == []
        untold.delete(first)
        untold.delete(first)
        assert list(untold.of(MERCHANT, first.account)) == [second]


def _all_of(part: Callable[[str], tuple[Any, str | None]]) -> list[Any]:
    """Return what is in all parts of a table, one after the other."""
    found, cursor = part("")
    parts = [found]
    while cursor is not None:
        found, cursor = part(cursor)
        parts.append(found)
    return parts


class ShoppersContract:
    """What every Shoppers does."""

    def stores(self, table: Table) -> tuple[DynamoDbShoppers, DynamoDbTasks]:
        tasks = DynamoDbTasks(table)
        return DynamoDbShoppers(table, tasks), tasks

    def carrying(self, table: Table, point_id: str = "v1.aaaa") -> list[str]:
        return list(self.stores(table)[0].carrying(MERCHANT, CONNECTION, point_id).shopper_ids)

    def test_a_shopper_is_found_by_each_of_her_points(self, table: Table) -> None:
        shoppers, _ = self.stores(table)
        assert shoppers.get(MERCHANT, CONNECTION, "k1") is None
        assert shoppers.save(shopper(), None, [])
        assert shoppers.get(MERCHANT, CONNECTION, "k1") == shopper()
        assert self.carrying(table) == ["S-1"]
        assert self.carrying(table, "v1.eeee") == ["S-1"]
        assert self.carrying(table, "v1.none") == []

    def test_active_shoppers_are_named_and_counted_in_parts(self, table: Table) -> None:
        """ECO-18: those of one connection alone, however the table is cut."""
        shoppers, _ = self.stores(table)
        for key in ("k1", "k2"):
            assert shoppers.save(shopper(shopper_key=key), None, ())
        assert shoppers.save(shopper(shopper_key="k3", active=False), None, ())
        assert shoppers.save(shopper(connection_id="shop.other"), None, ())
        assert _all_of(lambda after: shoppers.count(MERCHANT, CONNECTION, after)) == [2]
        names = _all_of(lambda after: astuple(shoppers.names(MERCHANT, CONNECTION, after)))
        assert sorted(name for part in names for name in part) == ["k1", "k2"]

    def test_several_are_read_together(self, table: Table) -> None:
        """ECO-18: whoever is not there is left out."""
        shoppers, _ = self.stores(table)
        for key in ("k1", "k2"):
            assert shoppers.save(shopper(shopper_key=key), None, ())
        found = shoppers.get_many(MERCHANT, CONNECTION, ["k2", "k9", "k1"])
        assert found == {key: shopper(shopper_key=key) for key in ("k1", "k2")}

    def test_a_number_can_have_several_shoppers(self, table: Table) -> None:
        """TEA-08: a number shared by two."""
        shoppers, _ = self.stores(table)
        shoppers.save(shopper(), None, [])
        shoppers.save(shopper(shopper_key="k2", shopper_id="S-2"), None, [])
        assert self.carrying(table) == ["S-1", "S-2"]
        away = shopper(2, shopper_key="k2", shopper_id="S-2", active=False)
        shoppers.save(away, shopper(shopper_key="k2", shopper_id="S-2"), [])
        carriers = shoppers.carrying(MERCHANT, CONNECTION, "v1.aaaa")
        assert carriers == Carriers(("S-1",), left=("S-2",))

    def test_when_a_point_was_hers_survives_storage(self, table: Table) -> None:
        """TEA-19: a late departure asks for it."""
        shoppers, _ = self.stores(table)
        first = shopper().following(None, at(0))
        second = shopper(phones={"v1.bbbb": "+15550100002"}).following(first, at(5))
        assert shoppers.save(first, None, [])
        assert shoppers.save(second, first, [])
        assert shoppers.get(MERCHANT, CONNECTION, "k1") == second
        assert second.given_up
        gone = replace(second, active=False, version=second.version + 1, left_at=at(9))
        assert shoppers.save(gone, second, ())
        assert shoppers.get(MERCHANT, CONNECTION, "k1") == gone
        assert (gone.spoken_of_after(at(8)), gone.spoken_of_after(at(9))) == (True, False)
        assert gone.following(gone, at(10)).left_at == at(9), "a list takes her groups, no more"

    def test_a_number_that_she_gave_up_is_hers_no_more(self, table: Table) -> None:
        shoppers, _ = self.stores(table)
        shoppers.save(shopper(), None, [])
        moved = shopper(2, phones={"v1.bbbb": "+15550100002"})
        assert shoppers.save(moved, shopper(), [])
        assert self.carrying(table) == []
        assert self.carrying(table, "v1.bbbb") == ["S-1"]
        link = table.get(keys.carrier(MERCHANT, CONNECTION, "v1.aaaa", "k1"))
        assert link is not None
        assert link["expires_at"] > time.time() + 86_400  # who counts groups anew finds her by it
        assert shoppers.save(shopper(3), moved, [])
        put_back = table.get(keys.carrier(MERCHANT, CONNECTION, "v1.aaaa", "k1"))
        assert put_back == {**{n: link[n] for n in ("pk", "sk")}, "version": 3}

    def test_a_late_delete_spares_a_link_that_was_put_back(self, table: Table) -> None:
        """TEA-12: at no moment is a link missing that her own item has."""
        shoppers, _ = self.stores(table)
        shoppers.save(shopper(), None, [])
        without = shopper(2, phones={})

        def plan(operation: str, _: int) -> None:
            if operation == "update_item":
                assert shoppers.save(shopper(3), without, [])

        faulty, _ = refaulted(table, plan)
        assert self.stores(faulty)[0].save(without, shopper(), ())
        assert self.carrying(table) == ["S-1"]
        link = table.get(keys.carrier(MERCHANT, CONNECTION, "v1.aaaa", "k1"))
        assert link is not None
        assert "expires_at" not in link

    def test_the_second_of_two_saves_is_stale(self, table: Table) -> None:
        shoppers, _ = self.stores(table)
        shoppers.save(shopper(), None, [])
        assert not shoppers.save(shopper(), None, [])
        moved = shopper(2, phones={"v1.bbbb": "+15550100002"})
        assert shoppers.save(moved, shopper(), [])
        assert not shoppers.save(shopper(2, phones={}), shopper(), [])
        assert self.carrying(table, "v1.bbbb") == ["S-1"]

    def test_work_is_inserted_before_she_counts_as_unchanged(self, table: Table) -> None:
        """R-12: a crash between the shopper and her tasks leaves her looking changed."""
        shoppers, tasks = self.stores(table)

        class Crash(Exception): ...

        def ensure(*_: Any) -> None:
            stored = shoppers.get(MERCHANT, CONNECTION, "k1")
            assert stored is not None
            assert stored.digest == ""
            raise Crash

        broken = DynamoDbTasks(table)
        broken.ensure = ensure  # type: ignore[assignment,method-assign]
        with pytest.raises(Crash):
            DynamoDbShoppers(table, broken).save(shopper(), None, [push()])
        left = shoppers.get(MERCHANT, CONNECTION, "k1")
        assert left is not None
        assert shoppers.save(shopper(2), left, [push()])
        assert shoppers.get(MERCHANT, CONNECTION, "k1") == shopper(2)
        assert tasks.get(PUSH) is not None

    def test_a_worker_that_looked_too_early_looks_again(self, table: Table) -> None:
        """TEA-12."""
        shoppers, tasks = self.stores(table)
        tasks.ensure(MERCHANT, push(1), NOW)
        running: Task = leased(tasks)
        shoppers.save(shopper(), None, [push(1)])
        assert tasks.finish_push(running, 1) is Finish.NEWER


class AnswersContract:
    """What every Idempotency and Jobs does."""

    def test_an_answer_is_kept_for_a_day(self, table: Table) -> None:
        now = NOW
        answers = DynamoDbIdempotency(table, now=lambda: now)
        first = StoredAnswer("h1", 201, {"connection_id": "x", "connect_key": None})
        answers.store(MERCHANT, "key", first, NOW)
        answers.store(MERCHANT, "key", StoredAnswer("h2", 200, {}), NOW)
        assert answers.find(MERCHANT, "key") == first
        assert answers.find("other", "key") is None
        now = NOW + timedelta(hours=24)
        assert answers.find(MERCHANT, "key") is None
        second = StoredAnswer("h2", 200, {})
        answers.store(MERCHANT, "key", second, now)
        assert answers.find(MERCHANT, "key") == second

    def test_a_job_is_read_back(self, table: Table) -> None:
        jobs = DynamoDbJobs(table)
        job = Job("shop.j1", TaskKind.IMPORT_CONSENTS, NOW, total=3, counted=True)
        jobs.put(MERCHANT, job)
        assert jobs.get("shop.j1") == job
        job = replace(job.tell(created=1, skipped=[("invalid_phone", 2)]), cursor="0:2", begun=0)
        jobs.put(MERCHANT, job)
        assert jobs.get("shop.j1") == job
        assert jobs.get("shop.j2") is None
        assert jobs.get("no job id") is None
        with pytest.raises(ValueError, match="another merchant"):
            jobs.put("other", job)

    def test_a_file_waits_in_parts(self, table: Table) -> None:
        """R-26: what was put comes back in its order, and goes with nothing but the job left."""
        parts, jobs = DynamoDbImportParts(table), DynamoDbJobs(table)
        jobs.put(MERCHANT, Job("shop.j1", TaskKind.IMPORT_CONSENTS, NOW))
        rows = [{"point": f"+1{n}", "evidence": 'form "1"\n\u2028' * 20} for n in range(900)]
        parts.put("shop.j1", "forms", ({**row, "channel": None} for row in rows))
        found = list(itertools.takewhile(bool, (parts.get("shop.j1", n) for n in range(99))))
        assert len(found) > 2
        assert [row for part in found if part for row in part.rows] == rows
        assert {part.attestation for part in found if part} == {"forms"}
        assert parts.get("shop.j2", 0) is None
        parts.note("shop.j1", 5, {b"12345678", b"abcdefgh"})
        parts.note("shop.j1", 10, {b"ABCDEFGH"})
        parts.note("shop.j1", 11, set())
        assert parts.noted("shop.j1", 9) == {b"12345678", b"abcdefgh"}
        assert len(parts.noted("shop.j1", 10)) == 3
        for _ in range(2):
            parts.forget("shop.j1")
        assert parts.get("shop.j1", 0) is None
        assert parts.noted("shop.j1", 99) == set()
        assert jobs.get("shop.j1") is not None
