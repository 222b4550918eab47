"""How long a request waits in the safety queue between two tries."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from unittest.mock import create_autospec

import pytest

from concord.domain.errors import StorageUnavailableError, UnauthorizedError
from concord.domain.events import RawRequest
from concord.domain.inbox import RequestKind, SafetyMessage
from concord.ports import Connections, ConsentStore, Telemetry
from concord.services.ingest_sms import IngestSms
from concord.services.ingest_webhook import IngestWebhook
from concord.services.record_consent import RecordConsent
from concord.services.remove_shopper import RemoveShopper
from concord.services.rescue_request import RescueRequest
from tests.support.builders import NOW

MESSAGE = SafetyMessage(
    kind=RequestKind.WEBHOOK,
    connection_id="shop.c",
    request=RawRequest("POST", {}, b"{}", NOW, "", (), ""),
    verified=True,
    platform="text_em_all",
)

AWAY = StorageUnavailableError()
WEEK = timedelta(days=7)


class Inbox:
    """A safety queue that notes what is put off."""

    def __init__(self) -> None:
        self.waits: list[tuple[str, int]] = []
        self.renewed: list[SafetyMessage] = []
        self.away = False

    def put(self, message: SafetyMessage) -> None:
        if self.away:
            raise StorageUnavailableError
        self.renewed.append(message)

    def put_off(self, receipt: str, seconds: int) -> None:
        self.waits.append((receipt, seconds))


class FixedClock:
    def now(self) -> datetime:
        return NOW


def rescue(inbox: Inbox, problem: Exception | None, first_wait: int = 30) -> RescueRequest:
    ingest: Any = create_autospec(IngestWebhook, instance=True)
    ingest.ingest.side_effect = problem
    return RescueRequest(
        ingest=ingest,
        ingest_sms=create_autospec(IngestSms, instance=True),
        record_consent=create_autospec(RecordConsent, instance=True),
        remove_shopper=create_autospec(RemoveShopper, instance=True),
        connections=create_autospec(Connections, instance=True),
        store=create_autospec(ConsentStore, instance=True),
        safety=inbox,
        first_wait=first_wait,
        clock=FixedClock(),
        telemetry=create_autospec(Telemetry, instance=True),
        new_inbox_id=lambda _: "20261121T120000000000-a1",
    )


def waits(first_wait: int, receives: range, problem: Exception = AWAY) -> list[int]:
    inbox = Inbox()
    run = rescue(inbox, problem, first_wait)
    for count in receives:
        with pytest.raises(type(problem)):
            run(MESSAGE, count, f"receipt {count}", NOW)
    assert inbox.renewed == []
    assert [receipt for receipt, _ in inbox.waits] == [f"receipt {count}" for count in receives]
    return [seconds for _, seconds in inbox.waits]


def test_waits_double_from_half_a_minute_to_half_an_hour() -> None:
    """TEA-22: a short outage delays an opt-out by seconds, and a long one is not hammered."""
    assert waits(30, range(1, 10)) == [30, 60, 120, 240, 480, 960, 1800, 1800, 1800]


def test_the_first_wait_is_a_setting() -> None:
    """RESCUE_FIRST_WAIT: the local stack, where somebody watches, begins with a second."""
    assert waits(1, range(1, 13)) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1800]


def test_receives_last_longer_than_a_message_lives() -> None:
    """1,000 receives: a message is renewed after a week, and is no dead letter before that."""
    assert sum(waits(30, range(1, 1000))) > WEEK.total_seconds()


@pytest.mark.parametrize("problem", [AWAY, ZeroDivisionError()])
def test_what_has_waited_for_a_week_is_renewed(problem: Exception) -> None:
    """TEA-22: the queue would forget it after 14 days, and so would its dead-letter queue."""
    inbox = Inbox()
    rescue(inbox, problem)(MESSAGE, 400, "receipt", NOW - WEEK)  # returns: the old one is deleted
    assert inbox.renewed == [MESSAGE]
    with pytest.raises(type(problem)):
        rescue(inbox, problem)(MESSAGE, 399, "receipt", NOW - WEEK + timedelta(seconds=1))
    assert inbox.renewed == [MESSAGE]


def test_the_old_message_stays_where_a_new_one_cannot_be_put() -> None:
    """TEA-22: it is hidden, as after any failure, and renewed at its next try."""
    inbox = Inbox()
    inbox.away = True
    with pytest.raises(StorageUnavailableError):
        rescue(inbox, AWAY)(MESSAGE, 400, "receipt", NOW - WEEK)
    assert inbox.waits == [("receipt", 1800)]


@pytest.mark.parametrize("problem", [None, UnauthorizedError("a wrong token")])
def test_what_came_home_or_was_refused_is_not_put_off(problem: Exception | None) -> None:
    """It leaves the queue: nothing raises, nothing waits."""
    inbox = Inbox()
    rescue(inbox, problem)(MESSAGE, 1, "receipt", NOW)
    assert inbox.waits == []


def test_a_bug_of_ours_waits_as_long_as_an_outage() -> None:
    """An opt-out that met one is there when it is repaired, and is no dead letter before that."""
    assert waits(30, range(1, 8), ZeroDivisionError()) == [30, 60, 120, 240, 480, 960, 1800]
