"""What a look at a list comes to, by what it showed and when a webhook told of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from concord.domain.contacts import SubscriberStatus
from concord.domain.exports import Export, Subscription
from concord.domain.sign_ups import (
    CONFIRMATION_LOOKS,
    ECHO_WINDOW,
    LATEST_ECHO,
    Look,
    next_look,
    noticed,
)

T = datetime(2026, 3, 1, 9, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
UNHEARD = Subscription("shop", "c-1", "7", "p-1")
OURS = replace(UNHEARD, subscribed=True, wrote_at=T)
IN, OUT = SubscriberStatus.SUBSCRIBED, SubscriberStatus.UNSUBSCRIBED
UNCONFIRMED = SubscriberStatus.UNCONFIRMED


def _look(heard: timedelta | None = None, since: timedelta | None = None) -> Look:
    """Return a look at who stands in the list, by times from our own write on."""
    return Look(
        IN,
        subscribed_at=None if since is None else T + since,
        heard_at=None if heard is None else T + heard,
    )


@pytest.mark.parametrize(
    ("heard", "since", "hers"),
    [
        (timedelta(), None, False),  # our write is still on its way
        (MINUTE, MINUTE, False),
        (ECHO_WINDOW, ECHO_WINDOW, False),
        (2 * HOUR, None, False),  # late, and the list says nothing
        (2 * HOUR, timedelta(seconds=1), False),  # late, and it stands since our write
        (2 * HOUR, 2 * HOUR, True),
        (2 * HOUR, -HOUR, False),
        (MINUTE, HOUR, False),  # their clock is ahead of ours
        (-HOUR, 2 * HOUR, False),  # what was heard before we wrote
        (LATEST_ECHO, None, False),
        (LATEST_ECHO + MINUTE, None, True),
        (LATEST_ECHO + MINUTE, timedelta(), True),  # a sign-up may not move their time
        (None, 2 * HOUR, False),  # nobody told of anything
    ],
)
def test_an_echo_is_told_from_a_sign_up(
    heard: timedelta | None, since: timedelta | None, hers: bool
) -> None:
    """ECO-11, ECO-13: by the list's own word, else by how late it comes; in doubt it is an echo."""
    known = noticed(OURS, _look(heard, since))
    assert (known.signed, known.changes) == ((True, 1) if hers else (False, 0))
    assert known.subscribed


def test_a_sign_up_counts_once() -> None:
    """ECO-11, ECO-13: whatever is heard of it afterwards."""
    known = noticed(OURS, _look(2 * HOUR, 2 * HOUR))
    for heard in (2 * HOUR, 3 * HOUR, 50 * HOUR):
        assert noticed(known, _look(heard, heard)) == known


def test_an_opt_out_elsewhere_is_undone_by_a_newer_sign_up_alone() -> None:
    """ECO-11, ECO-12: by what was heard after it, and is no echo; she counts as signed since."""
    known = noticed(OURS, _look(2 * HOUR, 2 * HOUR))
    assert known.signed_at == T + 2 * HOUR
    out_at = T + 5 * HOUR
    for heard in (None, 2 * HOUR, 5 * HOUR):
        assert noticed(known, replace(_look(heard, 5 * HOUR), out_at=out_at)) == known
    echo = replace(known, wrote_at=T + 6 * HOUR)
    assert noticed(echo, replace(_look(6 * HOUR, 6 * HOUR), out_at=out_at)) == echo
    back = noticed(known, replace(_look(6 * HOUR, 6 * HOUR), out_at=out_at))
    assert (back.signed_at, back.changes) == (T + 6 * HOUR, known.changes + 1)
    before = replace(_look(6 * HOUR, 6 * HOUR), out_at=T + HOUR)
    assert noticed(known, before) == known


def test_who_was_not_there_signed_up() -> None:
    """ECO-11: and nobody did of whom no webhook told, or whom a consent given to us put there."""
    assert noticed(UNHEARD, _look(MINUTE)).signed
    assert noticed(UNHEARD, _look()) == UNHEARD
    passed_on = noticed(UNHEARD, replace(_look(MINUTE), opted_in=True))
    assert (passed_on.subscribed, passed_on.signed, passed_on.changes) == (True, False, 0)
    written = replace(UNHEARD, wrote_at=T)
    assert not noticed(written, replace(_look(MINUTE), opted_in=True)).signed
    assert noticed(written, replace(_look(HOUR, HOUR), opted_in=True)).signed


def test_leaving_is_a_change_also_in_the_window() -> None:
    """ECO-12: who left, and joins again at once, is there by her own act."""
    left = noticed(OURS, Look(OUT, heard_at=T + MINUTE))
    assert (left.subscribed, left.signed, left.changes) == (False, False, 1)
    assert noticed(left, Look(OUT, heard_at=T + MINUTE)) == left
    assert noticed(left, _look(2 * MINUTE)).signed


# --- double opt-in -------------------------------------------------------------------------------


def test_a_registration_is_confirmed_by_a_look() -> None:
    """ECO-11: no webhook tells of it; until then nothing is given."""
    asked = noticed(UNHEARD, Look(UNCONFIRMED, heard_at=T))
    assert (asked.asked_at, asked.subscribed, asked.changes) == (T, False, 0)
    assert noticed(asked, Look(UNCONFIRMED)) == asked
    confirmed = noticed(asked, _look())
    assert (confirmed.signed, confirmed.changes, confirmed.asked_at) == (True, 1, None)


def test_who_registers_again_is_waited_for_anew_once_a_day() -> None:
    """ECO-13: a form that is sent a thousand times makes no thousand tasks."""
    asked = noticed(UNHEARD, Look(UNCONFIRMED, heard_at=T))
    assert noticed(asked, Look(UNCONFIRMED, heard_at=T + 23 * HOUR)) == asked
    again = noticed(asked, Look(UNCONFIRMED, heard_at=T + 24 * HOUR))
    assert again.asked_at == T + 24 * HOUR


def test_an_opt_out_ends_the_waiting() -> None:
    """An opt-out always wins: one that is newer than the registration; an older one is lifted."""
    asked = noticed(UNHEARD, Look(UNCONFIRMED, heard_at=T))
    assert noticed(asked, Look(OUT)).asked_at is None
    newer = noticed(asked, replace(_look(), out_at=T + MINUTE))
    assert (newer.asked_at, newer.signed) == (None, False)
    assert noticed(asked, replace(_look(), out_at=T - MINUTE)).signed


def test_whom_we_wrote_to_the_list_asked_for_nothing() -> None:
    """ECO-11: neither by the echo of it, nor does it confirm what she asked for before."""
    unconfirmed = Look(UNCONFIRMED, heard_at=T + MINUTE)
    assert noticed(OURS, unconfirmed) == OURS
    asked = replace(UNHEARD, asked_at=T - HOUR)
    for known in (replace(asked, wrote_at=T), replace(OURS, asked_at=T - HOUR)):
        assert not noticed(known, _look()).signed
        assert noticed(known, _look(since=HOUR)).signed


def test_the_looks_end() -> None:
    """ECO-11: a handful of looks within a week, each later than the last."""
    now, looks = T, []
    while (at := next_look(T, now)) is not None:
        looks.append(at - T)
        now = at
    assert looks == list(CONFIRMATION_LOOKS)
    assert len(looks) <= 6
    assert looks[-1] <= timedelta(days=7)


def test_the_fields_of_one_programme_show_nothing_of_another() -> None:
    """ECO-10: the numbers of two programmes, or of Ellity's word, are not one line."""
    export = Export("shop", "c-1", "s-1", version=3, seq=50, programme="")
    assert export.covers(3, 50)
    assert not export.covers(3, 4, "beans")
    assert replace(export, programme="beans").covers(0, 4, "beans")
    assert replace(export, programme="beans").covers(3)
