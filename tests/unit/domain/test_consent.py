"""The consent decision, row by row: what each signal does from each state, under each profile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from concord.domain.consent import (
    VIA_CARRIER,
    VIA_DEACTIVATED,
    VIA_PLATFORM,
    Decision,
    MessageKind,
    Signal,
    decide,
)
from concord.domain.hand_over import Purpose, refusal_to_send
from concord.domain.identity import Channel
from concord.domain.marks import Basis, Marks, State
from concord.domain.profiles import EMAIL, TEXT_EM_ALL_SMS, Profile, SignalKind, profile_for

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
K = SignalKind
M = MessageKind


def at(minutes: float) -> datetime:
    """Return a moment on the test's clock."""
    return T0 + timedelta(minutes=minutes)


def signal(
    kind: SignalKind, when: datetime, *, via: str = "handset", reviewed: datetime | None = None
) -> Signal:
    """Build a signal that was received when it happened."""
    return Signal(kind=kind, effective_at=when, received_at=when, via=via, reviewed_at=reviewed)


def say(
    marks: Marks,
    kind: SignalKind,
    when: datetime,
    profile: Profile = TEXT_EM_ALL_SMS,
    *,
    invited: datetime | None = None,
    reviewed: datetime | None = None,
    via: str = "handset",
) -> Decision:
    """Decide one signal."""
    return decide(marks, signal(kind, when, via=via, reviewed=reviewed), profile, invited)


def told(*kinds: SignalKind, profile: Profile = TEXT_EM_ALL_SMS) -> Marks:
    """Return the marks after these signals, one minute apart, from `T0` on."""
    marks = Marks()
    for minute, kind in enumerate(kinds):
        marks = say(marks, kind, at(minute), profile).marks
    return marks


UNKNOWN = Marks()
PENDING = told(K.OPT_IN_REQUEST)
IN = told(K.JOIN)
OUT = told(K.OPT_OUT)
DEAD = say(IN, K.HARD_FAILURE, at(30), via=VIA_CARRIER).marks
DEAD_PENDING = say(PENDING, K.HARD_FAILURE, at(30), via=VIA_CARRIER).marks
DEAD_OUT = say(OUT, K.HARD_FAILURE, at(30), via=VIA_CARRIER).marks
FUZZY = told(K.ASSUMED_OPT_OUT)
NOW = at(60)

# From, signal -> state, basis, rejection, texts, peers told.
TEA = [
    (UNKNOWN, K.JOIN, State.OPTED_IN, Basis.EXPLICIT, None, (M.OPT_IN_CONFIRMATION,), True),
    (PENDING, K.JOIN, State.OPTED_IN, Basis.EXPLICIT, None, (M.OPT_IN_CONFIRMATION,), True),
    (IN, K.JOIN, State.OPTED_IN, Basis.EXPLICIT, None, (), False),
    (OUT, K.JOIN, State.OPTED_OUT, Basis.EXPLICIT, "must_text_unstop", (), False),
    (FUZZY, K.JOIN, State.OPTED_OUT, Basis.ASSUMED, "must_text_unstop", (), False),
    (UNKNOWN, K.START, State.UNKNOWN, None, None, (), False),
    (PENDING, K.START, State.PENDING, None, None, (), False),
    (IN, K.START, State.OPTED_IN, Basis.EXPLICIT, None, (), False),
    (OUT, K.START, State.OPTED_OUT, Basis.EXPLICIT, "must_text_unstop", (), False),
    (UNKNOWN, K.UNSTOP, State.OPTED_IN, Basis.EXPLICIT, None, (M.OPT_IN_CONFIRMATION,), True),
    (PENDING, K.UNSTOP, State.OPTED_IN, Basis.EXPLICIT, None, (M.OPT_IN_CONFIRMATION,), True),
    (IN, K.UNSTOP, State.OPTED_IN, Basis.EXPLICIT, None, (), False),
    (OUT, K.UNSTOP, State.OPTED_IN, Basis.EXPLICIT, None, (M.OPT_IN_CONFIRMATION,), True),
    (FUZZY, K.UNSTOP, State.OPTED_IN, Basis.EXPLICIT, None, (M.OPT_IN_CONFIRMATION,), True),
    (UNKNOWN, K.HELP, State.UNKNOWN, None, None, (M.HELP_REPLY,), False),
    (PENDING, K.HELP, State.PENDING, None, None, (M.HELP_REPLY,), False),
    (IN, K.HELP, State.OPTED_IN, Basis.EXPLICIT, None, (M.HELP_REPLY,), False),
    (OUT, K.HELP, State.OPTED_OUT, Basis.EXPLICIT, None, (M.HELP_REPLY,), False),
    (UNKNOWN, K.OPT_OUT, State.OPTED_OUT, Basis.EXPLICIT, None, (M.OPT_OUT_CONFIRMATION,), True),
    (PENDING, K.OPT_OUT, State.OPTED_OUT, Basis.EXPLICIT, None, (M.OPT_OUT_CONFIRMATION,), True),
    (IN, K.OPT_OUT, State.OPTED_OUT, Basis.EXPLICIT, None, (M.OPT_OUT_CONFIRMATION,), True),
    (OUT, K.OPT_OUT, State.OPTED_OUT, Basis.EXPLICIT, None, (), True),
    (FUZZY, K.OPT_OUT, State.OPTED_OUT, Basis.EXPLICIT, None, (), True),
    (
        IN,
        K.ASSUMED_OPT_OUT,
        State.OPTED_OUT,
        Basis.ASSUMED,
        None,
        (M.OPT_OUT_CONFIRMATION,),
        True,
    ),
    (OUT, K.ASSUMED_OPT_OUT, State.OPTED_OUT, Basis.EXPLICIT, None, (), True),
    (UNKNOWN, K.OPT_IN_REQUEST, State.PENDING, None, None, (M.INVITATION,), False),
    (IN, K.OPT_IN_REQUEST, State.OPTED_IN, Basis.EXPLICIT, None, (), False),
    (OUT, K.OPT_IN_REQUEST, State.OPTED_OUT, Basis.EXPLICIT, "must_text_unstop", (), False),
    (FUZZY, K.OPT_IN_REQUEST, State.OPTED_OUT, Basis.ASSUMED, "must_text_unstop", (), False),
    (UNKNOWN, K.IMPORT, State.OPTED_IN, Basis.IMPORTED, None, (), True),
    (OUT, K.IMPORT, State.OPTED_OUT, Basis.EXPLICIT, "must_text_unstop", (), False),
    (FUZZY, K.IMPORT, State.OPTED_OUT, Basis.ASSUMED, "must_text_unstop", (), False),
    (PENDING, K.OPT_IN, State.OPTED_IN, Basis.EXPLICIT, None, (), True),
    (OUT, K.OPT_IN, State.OPTED_OUT, Basis.EXPLICIT, "must_text_unstop", (), False),
    (OUT, K.OWN_OPT_IN, State.OPTED_OUT, Basis.EXPLICIT, "must_text_unstop", (), False),
]


@pytest.mark.parametrize(("marks", "kind", "state", "basis", "rejection", "texts", "peers"), TEA)
def test_text_em_all_profile(
    marks: Marks,
    kind: SignalKind,
    state: State,
    basis: Basis | None,
    rejection: str | None,
    texts: tuple[MessageKind, ...],
    peers: bool,
) -> None:
    """TEA-12, TEA-13, TEA-16, TEA-17, TEA-18, TEA-19: the whole table, peers told (TEA-11)."""
    found = say(marks, kind, NOW)
    assert (found.state, found.basis, found.rejection) == (state, basis, rejection)
    assert found.messages == texts
    assert found.tell_peers is peers
    assert found.before is marks.standing[0]


@pytest.mark.parametrize("via", ["web_cart", "pos", "web_office", "handset"])
def test_opt_out_is_the_same_through_every_door(via: str) -> None:
    """TEA-19: web cart, cashier and back office end like a STOP."""
    found = say(IN, K.OPT_OUT, NOW, via=via)
    assert found.state is State.OPTED_OUT
    assert found.messages == (M.OPT_OUT_CONFIRMATION,)
    assert found.tell_peers


def test_a_platforms_echo_of_an_opt_out_is_not_told_again() -> None:
    """TEA-11: what a platform repeats, it heard from us; telling it again would never end."""
    assert say(IN, K.OPT_OUT, NOW, via=VIA_PLATFORM).tell_peers
    assert not say(OUT, K.OPT_OUT, NOW, via=VIA_PLATFORM).tell_peers
    assert say(OUT, K.OPT_OUT, NOW, via="pos").tell_peers


def test_one_confirmation_per_opt_out() -> None:
    """TEA-17: repeated STOPs are confirmed once; after an UNSTOP the next one is again."""
    sent: list[MessageKind] = []
    marks = Marks()
    steps = (K.JOIN, K.OPT_OUT, K.OPT_OUT, K.OPT_OUT, K.UNSTOP, K.UNSTOP, K.OPT_OUT, K.OPT_OUT)
    for minute, kind in enumerate(steps):
        found = say(marks, kind, at(minute))
        sent += found.messages
        marks = found.marks
    assert sent == [
        M.OPT_IN_CONFIRMATION,
        M.OPT_OUT_CONFIRMATION,
        M.OPT_IN_CONFIRMATION,
        M.OPT_OUT_CONFIRMATION,
    ]


def test_second_join_is_not_confirmed_again() -> None:
    """TEA-16: pending + JOIN is confirmed once."""
    first = say(PENDING, K.JOIN, at(5))
    assert first.messages == (M.OPT_IN_CONFIRMATION,)
    assert say(first.marks, K.JOIN, at(6)).messages == ()


def test_a_late_stop_beats_a_newer_join() -> None:
    """TEA-18, R-06: a JOIN could never have lifted the STOP, so it does not matter which came."""
    found = say(told(K.HELP, K.JOIN), K.OPT_OUT, at(0))
    assert found.state is State.OPTED_OUT
    assert found.messages == (M.OPT_OUT_CONFIRMATION,)


def test_a_late_stop_from_before_an_unstop_changes_nothing() -> None:
    """TEA-18: UNSTOP overtook the STOP that it answers."""
    found = say(say(IN, K.UNSTOP, at(10)).marks, K.OPT_OUT, at(9))
    assert found.state is State.OPTED_IN
    assert (found.messages, found.tell_peers) == ((), False)


def test_a_late_unstop_from_before_a_stop_changes_nothing() -> None:
    """TEA-18: an UNSTOP lifts what came before it, never what came after."""
    found = say(say(IN, K.OPT_OUT, at(10)).marks, K.UNSTOP, at(9))
    assert found.state is State.OPTED_OUT
    assert (found.messages, found.tell_peers) == ((), False)


@pytest.mark.parametrize("kinds", [(K.OPT_OUT, K.UNSTOP), (K.UNSTOP, K.OPT_OUT)])
def test_at_a_tie_out_wins(kinds: tuple[SignalKind, ...]) -> None:
    """R-06: of two signals of one moment the opt-out counts."""
    marks = Marks()
    for kind in kinds:
        marks = say(marks, kind, at(1)).marks
    assert marks.standing == (State.OPTED_OUT, Basis.EXPLICIT)
    assert say(marks, K.UNSTOP, at(1) + TICK).state is State.OPTED_IN


# --- invitations -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "invited"),
    [
        (timedelta(0), False),
        (timedelta(hours=24) - TICK, False),
        (timedelta(hours=24), True),
        (timedelta(hours=25), True),
    ],
)
def test_invitation_guard(after: timedelta, invited: bool) -> None:
    """TEA-15: a repeated request within 24 h brings no second invitation."""
    found = say(PENDING, K.OPT_IN_REQUEST, T0 + after, invited=T0)
    assert found.state is State.PENDING
    assert found.messages == ((M.INVITATION,) if invited else ())


@pytest.mark.parametrize(
    ("age", "state"),
    [
        (timedelta(days=30) - TICK, State.PENDING),
        (timedelta(days=30), State.UNKNOWN),
        (timedelta(days=31), State.UNKNOWN),
    ],
)
def test_pending_lapses_after_thirty_days(age: timedelta, state: State) -> None:
    """TEA-15: pending lapses after 30 days, and nobody is told."""
    found = say(PENDING, K.LAPSE, T0 + age, via="schedule")
    assert found.state is state
    assert (found.messages, found.tell_peers) == ((), False)


def test_a_lapse_does_not_touch_a_renewed_request() -> None:
    """TEA-15: the shopper was asked again in time; that ask has its own thirty days."""
    renewed = say(PENDING, K.OPT_IN_REQUEST, T0 + timedelta(days=29), invited=T0)
    assert renewed.messages == (M.INVITATION,)
    found = say(renewed.marks, K.LAPSE, T0 + timedelta(days=30))
    assert found.state is State.PENDING
    assert say(found.marks, K.LAPSE, T0 + timedelta(days=59)).state is State.UNKNOWN


@pytest.mark.parametrize("marks", [IN, OUT, FUZZY, UNKNOWN])
def test_a_lapse_touches_nothing_but_pending(marks: Marks) -> None:
    """TEA-15: only the pending state can lapse."""
    found = say(marks, K.LAPSE, T0 + timedelta(days=90))
    assert marks.standing == found.marks.standing


def test_a_lapsed_number_can_be_invited_and_join_again() -> None:
    """TEA-13, TEA-15: after the lapse it is `unknown` again in every way."""
    lapsed = say(PENDING, K.LAPSE, T0 + timedelta(days=30)).marks
    again = say(lapsed, K.OPT_IN_REQUEST, T0 + timedelta(days=31), invited=T0)
    assert (again.state, again.messages) == (State.PENDING, (M.INVITATION,))
    assert say(lapsed, K.JOIN, T0 + timedelta(days=31)).messages == (M.OPT_IN_CONFIRMATION,)


# --- likely opt-outs and their review ----------------------------------------------------------


@pytest.mark.parametrize("before", [UNKNOWN, PENDING, IN, told(K.IMPORT)])
def test_a_likely_opt_out_blocks_and_its_dismissal_restores(before: Marks) -> None:
    """R-05: a fuzzy hit suppresses at once and waits; only its dismissal restores what was."""
    fuzzy = say(before, K.ASSUMED_OPT_OUT, NOW)
    assert (fuzzy.state, fuzzy.basis, fuzzy.review) == (State.OPTED_OUT, Basis.ASSUMED, True)
    assert refusal_to_send(Purpose.MARKETING, fuzzy.marks) == "opted_out_after_queue"
    dismissed = say(fuzzy.marks, K.REVIEW_DISMISSED, at(90), reviewed=NOW)
    assert dismissed.marks.standing == before.standing
    assert dismissed.tell_peers is (before.standing[0] is State.OPTED_IN)


def test_confirming_a_likely_opt_out_makes_it_explicit() -> None:
    """R-05: from then on it is an opt-out like any other, which no later dismissal undoes."""
    fuzzy = say(IN, K.ASSUMED_OPT_OUT, NOW).marks
    confirmed = say(fuzzy, K.REVIEW_CONFIRMED, at(90), reviewed=NOW, via="review")
    assert (confirmed.state, confirmed.basis) == (State.OPTED_OUT, Basis.EXPLICIT)
    assert (confirmed.messages, confirmed.tell_peers) == ((), False)
    assert confirmed.marks == replace(fuzzy, out_at=NOW, assumed=frozenset())
    undone = say(confirmed.marks, K.REVIEW_DISMISSED, at(91), reviewed=NOW)
    assert (undone.state, undone.basis) == (State.OPTED_OUT, Basis.EXPLICIT)
    assert say(undone.marks, K.UNSTOP, at(92)).state is State.OPTED_IN


def test_a_confirmation_after_a_dismissal_opts_out_again_and_is_told() -> None:
    """R-05: the second look found an opt-out after all."""
    fuzzy = say(IN, K.ASSUMED_OPT_OUT, NOW).marks
    dismissed = say(fuzzy, K.REVIEW_DISMISSED, at(90), reviewed=NOW).marks
    found = say(dismissed, K.REVIEW_CONFIRMED, at(91), reviewed=NOW)
    assert (found.state, found.tell_peers) == (State.OPTED_OUT, True)


@pytest.mark.parametrize(("first", "second"), [(10, 11), (11, 10)])
def test_a_dismissal_covers_the_one_text_that_was_judged(first: float, second: float) -> None:
    """R-05: of two texts, dismissing the older or the newer one leaves the other; both restore."""
    marks = say(say(IN, K.ASSUMED_OPT_OUT, at(10)).marks, K.ASSUMED_OPT_OUT, at(11)).marks
    one = say(marks, K.REVIEW_DISMISSED, at(20), reviewed=at(first))
    assert (one.state, one.basis, one.tell_peers) == (State.OPTED_OUT, Basis.ASSUMED, False)
    assert refusal_to_send(Purpose.MARKETING, one.marks) == "opted_out_after_queue"
    both = say(one.marks, K.REVIEW_DISMISSED, at(21), reviewed=at(second))
    assert (both.marks.standing, both.tell_peers) == (IN.standing, True)


def test_a_late_text_from_before_a_dismissal_blocks_and_is_reviewed_by_itself() -> None:
    """R-05: nobody has read it yet, whatever was decided about a newer one."""
    newer = say(IN, K.ASSUMED_OPT_OUT, at(11)).marks
    dismissed = say(newer, K.REVIEW_DISMISSED, at(20), reviewed=at(11)).marks
    late = say(dismissed, K.ASSUMED_OPT_OUT, at(10))
    assert (late.state, late.basis, late.review) == (State.OPTED_OUT, Basis.ASSUMED, True)
    assert (late.messages, late.tell_peers) == ((M.OPT_OUT_CONFIRMATION,), True)
    found = say(late.marks, K.REVIEW_DISMISSED, at(30), reviewed=at(10))
    assert found.marks.standing == IN.standing


@pytest.mark.parametrize(("confirmed", "dismissed"), [(10, 11), (11, 10)])
def test_of_two_texts_one_confirmed_and_one_dismissed(confirmed: float, dismissed: float) -> None:
    """R-05: one that was meant is enough, in whichever order they are judged; UNSTOP lifts it."""
    marks = say(say(IN, K.ASSUMED_OPT_OUT, at(10)).marks, K.ASSUMED_OPT_OUT, at(11)).marks
    verdicts = [(K.REVIEW_CONFIRMED, confirmed), (K.REVIEW_DISMISSED, dismissed)]
    for judged in (verdicts, verdicts[::-1]):
        found = marks
        for kind, text in judged:
            found = say(found, kind, at(20), reviewed=at(text)).marks
        assert found.standing == (State.OPTED_OUT, Basis.EXPLICIT)
        assert say(found, K.UNSTOP, at(30)).state is State.OPTED_IN


def test_each_text_asks_for_review_once() -> None:
    """R-05: a second text has a review of its own; one that is known or settled has none again."""
    first = say(IN, K.ASSUMED_OPT_OUT, at(10))
    second = say(first.marks, K.ASSUMED_OPT_OUT, at(11))
    assert (first.review, second.review) == (True, True)
    assert not say(second.marks, K.ASSUMED_OPT_OUT, at(10)).review
    dismissed = say(second.marks, K.REVIEW_DISMISSED, at(20), reviewed=at(10)).marks
    assert not say(dismissed, K.ASSUMED_OPT_OUT, at(10)).review
    assert not say(dismissed, K.OPT_OUT, at(21)).review


def test_a_likely_opt_out_behind_an_explicit_one_is_reviewed_too() -> None:
    """R-05: an UNSTOP from between the two lifts the explicit one alone."""
    found = say(OUT, K.ASSUMED_OPT_OUT, at(10))
    assert (found.basis, found.review) == (Basis.EXPLICIT, True)
    assert say(found.marks, K.UNSTOP, at(5)).basis is Basis.ASSUMED


def test_a_dismissal_never_lifts_an_explicit_opt_out() -> None:
    """R-05, R-06: only the act of the profile does."""
    marks = say(say(IN, K.ASSUMED_OPT_OUT, at(10)).marks, K.OPT_OUT, at(11)).marks
    found = say(marks, K.REVIEW_DISMISSED, at(20), reviewed=at(10))
    assert (found.state, found.basis) == (State.OPTED_OUT, Basis.EXPLICIT)


def test_an_unstop_settles_earlier_likely_opt_outs() -> None:
    """R-05: a late text from before the UNSTOP neither blocks nor asks for review."""
    marks = say(UNKNOWN, K.UNSTOP, at(10)).marks
    late = say(marks, K.ASSUMED_OPT_OUT, at(9))
    assert (late.state, late.review, late.messages) == (State.OPTED_IN, False, ())
    tied = say(marks, K.ASSUMED_OPT_OUT, at(10))
    assert (tied.state, tied.review) == (State.OPTED_OUT, True)


# --- e-mail ------------------------------------------------------------------------------------


def test_email_is_lifted_by_the_shoppers_own_act_alone() -> None:
    """TEA-18, ruling 2: e-mail knows no UNSTOP, pos and import cannot lift, her own act can."""
    out = told(K.OPT_IN, K.OPT_OUT, profile=EMAIL)
    for kind in (K.OPT_IN, K.IMPORT, K.OPT_IN_REQUEST):
        refused = say(out, kind, NOW, EMAIL)
        assert (refused.state, refused.rejection) == (State.OPTED_OUT, "must_opt_in_personally")
        assert refused.messages == ()
    assert say(out, K.UNSTOP, NOW, EMAIL).state is State.OPTED_OUT
    own = say(out, K.OWN_OPT_IN, NOW, EMAIL)
    assert (own.state, own.basis, own.rejection) == (State.OPTED_IN, Basis.EXPLICIT, None)
    assert own.tell_peers


@pytest.mark.parametrize("kind", list(SignalKind))
@pytest.mark.parametrize("marks", [UNKNOWN, IN, OUT])
def test_email_never_causes_a_text(kind: SignalKind, marks: Marks) -> None:
    """TEA-17: texts are for numbers."""
    assert say(marks, kind, NOW, EMAIL, reviewed=at(1)).messages == ()


@pytest.mark.parametrize("marks", [UNKNOWN, PENDING, IN, OUT, FUZZY])
def test_a_hard_failure_stops_sends_and_says_nothing_of_consent(marks: Marks) -> None:
    """R-07: no state changes, nobody is told, nothing is sent; a later sign of life lifts it."""
    dead = say(marks, K.HARD_FAILURE, NOW, via=VIA_CARRIER)
    assert dead.marks.suppressed
    assert (dead.before, dead.state) == (marks.standing[0], marks.standing[0])
    assert (dead.messages, dead.tell_peers, dead.review, dead.rejection) == ((), False, False, None)

    alive = say(dead.marks, K.SIGN_OF_LIFE, at(61))
    assert not alive.marks.suppressed
    assert alive.marks.standing == marks.standing
    assert (alive.messages, alive.tell_peers) == ((), False)


@pytest.mark.parametrize(
    ("kind", "via", "revives"),
    [
        (K.JOIN, "handset", True),
        (K.HELP, "handset", True),
        (K.START, "handset", True),
        (K.UNSTOP, "handset", True),
        (K.OPT_OUT, "handset", True),
        (K.ASSUMED_OPT_OUT, "handset", True),
        (K.OWN_OPT_IN, "web_cart", True),
        (K.OPT_IN_REQUEST, "pos", False),
        (K.OPT_IN, "platform", False),
        (K.OPT_OUT, "pos", False),
        (K.IMPORT, "import", False),
        (K.REVIEW_DISMISSED, "review", False),
        (K.LAPSE, "schedule", False),
    ],
)
def test_what_shows_that_a_number_lives(kind: SignalKind, via: str, revives: bool) -> None:
    """R-07: what comes from the handset, or from herself; what others say of her does not."""
    assert say(DEAD, kind, NOW, via=via, reviewed=at(1)).marks.suppressed is not revives


def test_at_a_tie_a_number_is_dead() -> None:
    """R-07: a failure and a text of the same moment: no marketing until the next sign."""
    assert say(DEAD, K.SIGN_OF_LIFE, at(30)).marks.suppressed
    assert not say(DEAD, K.SIGN_OF_LIFE, at(30) + TICK).marks.suppressed


def test_profiles_by_integration_and_channel() -> None:
    """TEA-18: the profile is data, per integration and channel."""
    assert profile_for("catapult-text_em_all", Channel.SMS) is TEXT_EM_ALL_SMS
    assert profile_for("catapult-text_em_all", Channel.EMAIL) is EMAIL
    assert TEXT_EM_ALL_SMS.lifts == {K.UNSTOP}
    assert EMAIL.lifts == {K.OWN_OPT_IN}
    with pytest.raises(KeyError):
        profile_for("nobody", Channel.SMS)


# --- hand-over ---------------------------------------------------------------------------------

P = Purpose
AFTER = "opted_out_after_queue"
MATRIX = [
    (P.CONFIRM_OPT_IN, UNKNOWN, "not_opted_in"),
    (P.CONFIRM_OPT_IN, PENDING, "not_opted_in"),
    (P.CONFIRM_OPT_IN, IN, None),
    (P.CONFIRM_OPT_IN, OUT, AFTER),
    (P.CONFIRM_OPT_IN, FUZZY, AFTER),
    (P.CONFIRM_OPT_OUT, UNKNOWN, "opted_in_again"),
    (P.CONFIRM_OPT_OUT, PENDING, "opted_in_again"),
    (P.CONFIRM_OPT_OUT, IN, "opted_in_again"),
    (P.CONFIRM_OPT_OUT, OUT, None),
    (P.CONFIRM_OPT_OUT, FUZZY, None),
    (P.INVITE, UNKNOWN, "no_longer_pending"),
    (P.INVITE, PENDING, None),
    (P.INVITE, IN, "no_longer_pending"),
    (P.INVITE, OUT, AFTER),
    (P.INVITE, FUZZY, AFTER),
    (P.HELP, UNKNOWN, None),
    (P.HELP, PENDING, None),
    (P.HELP, IN, None),
    (P.HELP, OUT, None),
    (P.HELP, FUZZY, None),
    (P.MARKETING, UNKNOWN, "not_opted_in"),
    (P.MARKETING, PENDING, "not_opted_in"),
    (P.MARKETING, IN, None),
    (P.MARKETING, OUT, AFTER),
    (P.MARKETING, FUZZY, AFTER),
    (P.CONFIRM_OPT_IN, DEAD, "suppressed"),
    (P.CONFIRM_OPT_IN, DEAD_PENDING, "suppressed"),
    (P.CONFIRM_OPT_IN, DEAD_OUT, AFTER),
    (P.CONFIRM_OPT_OUT, DEAD, "opted_in_again"),
    (P.CONFIRM_OPT_OUT, DEAD_PENDING, "opted_in_again"),
    (P.CONFIRM_OPT_OUT, DEAD_OUT, None),
    (P.INVITE, DEAD, "suppressed"),
    (P.INVITE, DEAD_PENDING, "suppressed"),
    (P.INVITE, DEAD_OUT, AFTER),
    (P.HELP, DEAD, None),
    (P.HELP, DEAD_PENDING, None),
    (P.HELP, DEAD_OUT, None),
    (P.MARKETING, DEAD, "suppressed"),
    (P.MARKETING, DEAD_PENDING, "suppressed"),
    (P.MARKETING, DEAD_OUT, AFTER),
]


@pytest.mark.parametrize(("purpose", "marks", "reason"), MATRIX)
def test_what_may_be_handed_over(purpose: Purpose, marks: Marks, reason: str | None) -> None:
    """TEA-22, TEA-09, TEA-15, R-07: every purpose in every state, asked again at hand-over."""
    assert refusal_to_send(purpose, marks) == reason


def test_the_hand_over_table_is_whole() -> None:
    """TEA-22: a new purpose must say what it may do in every state."""
    assert {purpose for purpose, _, _ in MATRIX} == set(Purpose)
    assert len(MATRIX) == len(Purpose) * 8


def test_a_signals_repr_shows_nothing_personal() -> None:
    """R-03: what proves a signal is the shopper's; a repr ends in a log."""
    said = Signal(K.OPT_OUT, T0, T0, "handset", personal={"text": "canary words"})
    assert "canary" not in repr(said)


@pytest.mark.parametrize(
    ("via", "before", "confirmed"),
    [
        ("handset", (), True),
        ("pos", (), True),
        (VIA_CARRIER, (K.JOIN,), False),
        (VIA_DEACTIVATED, (), False),
        (VIA_DEACTIVATED, (K.JOIN,), True),
        (VIA_DEACTIVATED, (K.OPT_IN_REQUEST,), True),
    ],
)
def test_who_hears_of_an_opt_out(via: str, before: tuple[SignalKind, ...], confirmed: bool) -> None:
    """TEA-17: one confirmation, but none to a number that never heard of us or left long ago."""
    decision = say(told(*before), K.OPT_OUT, at(60), via=via)

    assert decision.state is State.OPTED_OUT
    assert decision.messages == ((M.OPT_OUT_CONFIRMATION,) if confirmed else ())


def test_what_can_never_matter_again_is_dropped() -> None:
    """R-05: a machine that answers for ever cannot make a state grow past what a row may hold."""
    marks = Marks()
    for minute in range(200):
        marks = say(marks, K.ASSUMED_OPT_OUT, at(minute)).marks
    assert len(marks.assumed) == 200

    stopped = say(marks, K.OPT_OUT, at(300)).marks
    assert (stopped.assumed, stopped.standing[0]) == (frozenset(), State.OPTED_OUT)
    back = say(stopped, K.UNSTOP, at(301)).marks
    assert back.standing[0] is State.OPTED_IN
    late = say(back, K.ASSUMED_OPT_OUT, at(5)).marks
    assert (late.assumed, late.standing[0]) == (frozenset(), State.OPTED_IN)
