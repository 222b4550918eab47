"""Rules of the admin services that no request over moto can reach: races, failures, edges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from concord.domain.audit import AuditEntry
from concord.domain.connection import Connection, ConnectionSettings, ConnectionState, Side
from concord.domain.errors import ConflictError, InvalidInputError, StorageUnavailableError
from concord.domain.events import ApiAnswer
from concord.domain.merchant import Merchant
from concord.domain.page import page, read_cursor, write_cursor
from concord.domain.task_rows import DueRow, TaskRef
from concord.domain.tasks import RowKey, TaskKind
from concord.platforms.registry import PlatformRegistry
from concord.ports import Clock, StoredAnswer
from concord.services.answer_once import AnswerOnce
from concord.services.change_connection import audit_entry, change_connection
from concord.services.check_settings import SettingsRules
from concord.services.manage_connections import ManageConnections
from concord.services.name_webhooks import NameWebhooks
from concord.services.read_health import Health, HeldWork, ReadHealth
from tests.support.builders import NOW, connection


class FixedClock:
    def now(self) -> Any:
        return NOW


class Notes:
    """Telemetry that remembers its log lines."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []

    def count(self, name: str, value: float = 1) -> None: ...
    def gauge(self, name: str, value: float) -> None: ...
    def bug(self, error: Exception) -> None: ...

    def info(self, code: str, **fields: object) -> None:
        self.lines.append((code, fields))


class RacedConnections:
    """Holds one connection; the first `lost` writes come too late because somebody else wrote."""

    def __init__(self, stored: Connection | None, lost: int = 0) -> None:
        self.stored = stored
        self.lost = lost
        self.audited: list[AuditEntry] = []
        self.freed = 0

    def get(self, connection_id: str, *, fresh: bool = False) -> Connection | None:
        assert fresh, "a change is decided upon what is there now"
        return self.stored

    def create(self, made: Connection, *, multi_link: bool, audit: AuditEntry) -> None:
        self.stored = made
        self.audited.append(audit)

    def update(self, changed: Connection, audit: AuditEntry) -> bool:
        assert self.stored is not None
        if self.lost:
            self.lost -= 1
            self.stored = replace(self.stored, version=self.stored.version + 1, country="CA")
            return False
        assert changed.version == self.stored.version + 1
        self.stored = changed
        self.audited.append(audit)
        return True

    def disconnect(self, changed: Connection, audit: AuditEntry) -> bool:
        self.freed += 1
        return self.update(changed, audit)


def _paused(connections: RacedConnections, state: ConnectionState) -> Connection:
    return change_connection(
        cast(Any, connections),
        "shop.abc123",
        lambda c: replace(c, state=state),
        lambda _, after: audit_entry(after, NOW, "", "moved", {}),
    )


def test_a_change_that_came_second_is_decided_again() -> None:
    """TEA-01: nothing that somebody else wrote meanwhile is lost."""
    connections = RacedConnections(connection(), lost=3)
    changed = _paused(connections, ConnectionState.PAUSED)
    assert (changed.state, changed.country) == (ConnectionState.PAUSED, "CA")
    assert len(connections.audited) == 1
    assert connections.audited[0].actor == "unknown"


def test_a_change_that_never_gets_through_is_a_conflict() -> None:
    """TEA-01: the caller is told, and may send it again."""
    with pytest.raises(ConflictError) as refusal:
        _paused(RacedConnections(connection(), lost=100), ConnectionState.PAUSED)
    assert refusal.value.code == "changed_meanwhile"


def test_only_the_end_frees_the_accounts_and_no_change_writes_nothing() -> None:
    """TEA-01, TEA-02: links go with `disconnected` alone."""
    connections = RacedConnections(connection())
    current = connections.stored
    assert current is not None
    assert _paused(connections, current.state) is current
    assert connections.audited == []
    _paused(connections, ConnectionState.PAUSED)
    assert connections.freed == 0
    _paused(connections, ConnectionState.DISCONNECTED)
    assert connections.freed == 1


class _Merchants:
    def get(self, merchant_id: str) -> Merchant:
        return Merchant(merchant_id, "Shop", "UTC", "US")


class _FailingSecrets:
    def stack_key(self) -> bytes:
        return b"k" * 32

    def check(self, secrets: object) -> None: ...

    def save(self, connection_id: str, secrets: object) -> None:
        raise StorageUnavailableError("parameter store: away")


def test_a_connection_whose_secrets_cannot_be_stored_is_undone() -> None:
    """TEA-02: both accounts are free again, or nobody could ever link them."""
    connections = RacedConnections(None)
    rules = SettingsRules(lambda _: None, {}, lambda *_: False)
    manage = ManageConnections(
        cast(Any, connections),
        cast(Any, _Merchants()),
        cast(Any, _FailingSecrets()),
        rules,
        FixedClock(),
        lambda n: b"\x07" * n,
        NameWebhooks(PlatformRegistry()),
        lambda _: None,
        lambda *_: None,
    )
    with pytest.raises(StorageUnavailableError):
        manage.create(
            "shop",
            integration="catapult-text_em_all",
            source=Side("catapult", "c", "https://c.example"),
            destination=Side("text_em_all", "t", "https://t.example"),
            settings=ConnectionSettings(),
            credentials={},
            base_url="https://concord.example",
            actor="ana",
        )
    assert connections.stored is not None
    assert connections.stored.state is ConnectionState.DISCONNECTED
    assert connections.freed == 1
    assert [entry.action for entry in connections.audited] == [
        "connection_requested",
        "connection_undone",
    ]


class _Answers:
    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], StoredAnswer] = {}

    def find(self, merchant_id: str, key: str) -> StoredAnswer | None:
        return self.kept.get((merchant_id, key))

    def store(self, merchant_id: str, key: str, answer: StoredAnswer, now: object) -> None:
        self.kept[merchant_id, key] = answer


def test_an_answer_is_kept_per_merchant_and_without_secrets() -> None:
    """R-27, R-32: a key of one merchant is nothing to another; secrets are never kept."""
    answers, calls = _Answers(), iter(range(10))
    idempotent = AnswerOnce(answers, FixedClock(), Notes())

    def call(merchant: str, key: str | None = "k", body: str = "b") -> ApiAnswer:
        return idempotent(
            merchant,
            key,
            body,
            lambda: ApiAnswer(201, {"n": next(calls), "secret": "s"}),
            lambda answer: {**answer, "secret": None},
        )

    assert call("a").body == {"n": 0, "secret": "s"}
    assert call("a").body == {"n": 0, "secret": None}
    assert call("a").headers == {"Idempotent-Replayed": "true"}
    assert call("b").body == {"n": 1, "secret": "s"}
    assert call("a", None).body == {"n": 2, "secret": "s"}
    with pytest.raises(ConflictError) as refusal:
        call("a", body="other")
    assert refusal.value.code == "idempotency_key_reused"


class _FullAnswers(_Answers):
    def store(self, merchant_id: str, key: str, answer: StoredAnswer, now: object) -> None:
        raise ValueError("the item is too large")


def test_an_answer_that_cannot_be_kept_is_given_all_the_same() -> None:
    """R-27: the work is done and its secrets are shown this once; only a log line tells of it."""
    notes = Notes()
    idempotent = AnswerOnce(_FullAnswers(), FixedClock(), notes)
    answer = idempotent("a", "k", "b", lambda: ApiAnswer(201, {"secret": "s"}))
    assert (answer.status, answer.body) == (201, {"secret": "s"})
    assert notes.lines == [("answer_not_kept", {"reason": "ValueError"})]


def test_a_page_goes_on_where_the_last_one_ended_though_the_item_is_gone() -> None:
    """R-27: a review that was decided between two pages loses nobody else his place."""
    items = ["a", "b", "c", "d"]
    first = page(items, 2, None, str)
    assert first.items == ("a", "b")
    assert page(["a", "c", "d"], 2, first.cursor, str).items == ("c", "d")
    newest = page(reversed(items), 3, None, str, descending=True)
    assert newest.items == ("d", "c", "b")
    last = page(reversed([*items, "e"]), 3, newest.cursor, str, descending=True)
    assert (last.items, last.cursor) == (("a",), None)


@pytest.mark.parametrize("cursor", ["!!", "a", "\N{SNOWMAN}", "//8="])
def test_a_cursor_that_we_did_not_write_is_refused(cursor: str) -> None:
    """R-27: 422 naming the parameter."""
    with pytest.raises(InvalidInputError) as refusal:
        read_cursor(cursor)
    assert refusal.value.errors[0].field == "cursor"


def test_a_cursor_comes_back_whatever_it_holds() -> None:
    """R-27: positions are ids and times, and a cursor is safe in a URL."""
    for position in ("m1.abc", "2026-11-21T08:30:00.123456Z", "v1.ff", "ž?&="):
        assert read_cursor(write_cursor(position)) == position
        assert write_cursor(position).replace("-", "").replace("_", "").isalnum()


class _Due:
    """A due index of these (kind, seconds since it was made, seconds until it is due)."""

    def __init__(self, *rows: tuple[str, int, int]) -> None:
        self._rows = rows

    def due(self, before: datetime) -> Iterator[DueRow]:
        for kind, age, until in self._rows:
            created, due_at = NOW - timedelta(seconds=age), NOW + timedelta(seconds=until)
            yield DueRow(RowKey("C#p" if kind == "lapse" else "TU#p", "s"), kind, due_at, created)

    def identify(self, key: RowKey) -> TaskRef | None:
        if key.pk == "C#p":
            return None
        return TaskRef("shop", TaskKind.PUSH_CONSENT, "shop.c1", "t")


class _Known:
    """One connection, in a state."""

    def __init__(self, state: ConnectionState) -> None:
        self._connection = replace(connection("shop.c1"), state=state)

    def get(self, connection_id: str) -> Connection:
        assert connection_id == "shop.c1"
        return self._connection


class _Keys:
    def stack_key(self) -> bytes:
        return b"k" * 32

    def dossier_public_key(self) -> None: ...


class _Ticking:
    """A clock on which each look takes a second."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


_CALM = {"waiting": 0, "in_flight": 0, "delayed": 0, "dead_letters": 0}


def _health(
    *rows: tuple[str, int, int],
    clock: Clock | None = None,
    state: ConnectionState = ConnectionState.CONNECTED,
    safety: Mapping[str, int | None] = _CALM,
) -> Health:
    return ReadHealth(
        tasks=cast(Any, _Due(*rows)),
        connections=cast(Any, _Known(state)),
        secrets=cast(Any, _Keys()),
        queues=lambda: {"urgent": {"dead_letters": 0, "waiting": 7}, "safety": safety},
        clock=clock or FixedClock(),
    )()


@pytest.mark.parametrize("depth", ["waiting", "in_flight", "delayed"])
@pytest.mark.parametrize("value", [1, None])
def test_what_waits_in_the_safety_queue_needs_a_look(depth: str, value: int | None) -> None:
    """R-31, TEA-22: it may be an opt-out that is not applied; unknown is no good news."""
    assert _health().healthy
    assert not _health(safety={**_CALM, depth: value}).healthy
    assert not _health(safety={}).healthy


def test_a_paused_connection_that_holds_work_needs_a_look() -> None:
    """R-31, TEA-01: who holds work is named, with since when; before a start it is no alarm."""
    rows = [("send_text", 50, 10), ("push_consent", 700, 10), ("lapse", 9_000, 10)]
    paused = _health(*rows, state=ConnectionState.PAUSED)
    since = NOW - timedelta(seconds=700)
    assert paused.held == (HeldWork("shop.c1", ConnectionState.PAUSED, since),)
    assert not paused.healthy
    pending = _health(*rows, state=ConnectionState.PENDING)
    assert [held.state for held in pending.held] == [ConnectionState.PENDING]
    assert pending.healthy
    assert _health(*rows).held == ()
    assert _health(state=ConnectionState.PAUSED).held == ()


def test_the_oldest_opt_out_counts_from_when_it_was_said() -> None:
    """R-31: other pushes do not count, nor does the moment of the next try."""
    ill = _health(("push_consent", 900, 540), ("push_consent_out", 300, 540), ("lapse", 99, 540))
    assert (ill.backlog.oldest_opt_out, ill.backlog.overdue, ill.healthy) == (300, 0, False)
    well = _health()
    assert (well.backlog.oldest_opt_out, well.backlog.complete, well.healthy) == (0, True, True)


def test_an_invitation_that_waits_for_its_hour_is_not_overdue() -> None:
    """R-31, TEA-15: they lapse on the hour; anything else is late after two minutes."""
    assert _health(("lapse", 99, -3000)).healthy
    late = _health(("lapse", 99, -3000), ("send_text", 99, -121), ("send_text", 99, -119)).backlog
    assert (late.overdue, late.oldest_overdue) == (1, 121)


def test_an_opt_out_behind_a_long_backlog_is_seen() -> None:
    """R-31: the index comes shard by shard, and the last may hold what matters most."""
    many = [("replay_inbox", 9, 60)] * 10_001
    assert _health(*many, ("push_consent_out", 300, 60)).backlog.oldest_opt_out == 300


def test_a_look_that_could_not_be_finished_is_no_good_news() -> None:
    """R-31: the answer comes in time, and says that there is more."""
    cut = _health(*[("replay_inbox", 9, 60)] * 100, clock=_Ticking())
    assert (cut.backlog.complete, cut.healthy) == (False, False)
