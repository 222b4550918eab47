"""The rulings of features.md 1f that the domain decides alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from concord.domain.consent import Signal, decide
from concord.domain.evidence import ConsentKey
from concord.domain.identity import Channel, point_id
from concord.domain.marks import Basis, Marks, State
from concord.domain.profiles import EMAIL, TEXT_EM_ALL_SMS, Profile, SignalKind

T0 = datetime(2026, 5, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _after(profile: Profile, *kinds: SignalKind) -> Marks:
    marks = Marks()
    for n, kind in enumerate(kinds):
        marks = decide(marks, Signal(kind, T0 + n * HOUR, T0 + n * HOUR, "test"), profile).marks
    return marks


@pytest.mark.parametrize("profile", [TEXT_EM_ALL_SMS, EMAIL], ids=lambda p: p.name)
@pytest.mark.parametrize("later", [SignalKind.IMPORT, SignalKind.OPT_IN, SignalKind.OPT_IN_REQUEST])
def test_an_explicit_opt_out_beats_every_later_value(profile: Profile, later: SignalKind) -> None:
    """Ruling 1, R-06: later bulk, imported and asked values never touch an explicit opt-out."""
    marks = _after(profile, SignalKind.OPT_OUT, later, later, later)
    assert marks.standing == (State.OPTED_OUT, Basis.EXPLICIT)


@pytest.mark.parametrize(
    ("kind", "lifts"),
    [(SignalKind.START, False), (SignalKind.JOIN, False), (SignalKind.UNSTOP, True)],
)
def test_only_the_profiles_word_lifts_our_own_block(kind: SignalKind, lifts: bool) -> None:
    """Ruling 2, TEA-18: START or YES may lift the carrier's block; ours needs UNSTOP."""
    state, _ = _after(TEXT_EM_ALL_SMS, SignalKind.OPT_OUT, kind).standing
    assert (state is State.OPTED_IN) is lifts


def test_an_import_is_never_taken_for_explicit_consent() -> None:
    """Ruling 1: imported consent says so."""
    imported = _after(TEXT_EM_ALL_SMS, SignalKind.IMPORT)
    assert imported.standing == (State.OPTED_IN, Basis.IMPORTED)


def test_the_scope_of_consent_is_account_and_channel() -> None:
    """Ruling 6, TEA-03, TEA-04, R-32: another merchant, account or channel is another consent."""
    key, number = b"k" * 32, "+12025550123"
    keys = {
        ConsentKey(merchant, account, channel, point_id(key, merchant, channel, number))
        for merchant in ("a", "b")
        for account in ("text_em_all:1", "text_em_all:2")
        for channel in Channel
    }
    assert len(keys) == 8
    assert len({k.point_id for k in keys}) == 4
