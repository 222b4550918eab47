"""Properties of consent that no table can show: order, repetition, and what lifts an opt-out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from concord.domain.consent import Signal, decide
from concord.domain.hand_over import Purpose, refusal_to_send
from concord.domain.marks import Basis, Marks, SoftMark, State
from concord.domain.profiles import EMAIL, TEXT_EM_ALL_SMS, Profile, SignalKind

T0 = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
# Few distinct moments, so that ties happen; days apart, so that asks lapse (30 days).
moments = st.integers(0, 80).map(lambda n: T0 + n * DAY) | st.integers(0, 3).map(
    lambda n: T0 + timedelta(seconds=n)
)
maybe = st.none() | moments
soft_marks = st.builds(SoftMark, moments, st.booleans(), st.sampled_from(Basis))
texts = st.frozensets(moments, max_size=4)
marks = st.builds(
    Marks, maybe, maybe, st.none() | soft_marks, maybe, maybe, texts, texts, maybe, maybe
)
profiles = st.sampled_from([TEXT_EM_ALL_SMS, EMAIL])


@st.composite
def signals(draw: st.DrawFn, kinds: Sequence[SignalKind] = tuple(SignalKind)) -> Signal:
    """Draw one signal; it may have been received long after it took effect."""
    kind = draw(st.sampled_from(kinds))
    effective = draw(moments)
    review = kind in (SignalKind.REVIEW_CONFIRMED, SignalKind.REVIEW_DISMISSED)
    return Signal(
        kind=kind,
        effective_at=effective,
        received_at=effective + draw(st.sampled_from([timedelta(0), DAY, 9 * DAY])),
        via=draw(st.sampled_from(["handset", "pos", "import", "platform"])),
        reviewed_at=draw(moments) if review else None,
    )


def fold(said: Sequence[Signal], profile: Profile, start: Marks | None = None) -> Marks:
    """Return the marks after `said`, decided one after the other."""
    found = start or Marks()
    for one in said:
        found = decide(found, one, profile).marks
    return found


@given(marks, marks)
def test_merge_is_commutative(a: Marks, b: Marks) -> None:
    """R-06: which of two came first does not matter."""
    assert a.merge(b) == b.merge(a)


@given(marks, marks, marks)
def test_merge_is_associative(a: Marks, b: Marks, c: Marks) -> None:
    """R-06: nor how they were put together."""
    assert a.merge(b).merge(c) == a.merge(b.merge(c))


@given(marks, marks)
def test_merge_is_idempotent_and_only_raises(a: Marks, b: Marks) -> None:
    """R-06: nor how often; and no mark is ever lowered."""
    both = a.merge(b)
    assert a.merge(a) == a
    assert both.merge(a) == both == both.merge(b)
    assert both.assumed >= a.assumed
    assert both.dismissed >= a.dismissed
    assert a.merge(Marks()) == a


@settings(max_examples=400)
@given(st.data(), st.lists(signals(), max_size=12), profiles)
def test_any_order_and_repetition_ends_in_the_same_standing(
    data: st.DataObject, said: list[Signal], profile: Profile
) -> None:
    """R-06, TEA-11 (reliability 8): permuted and repeated signals end as they do in order."""
    in_order = fold(sorted(said, key=lambda one: one.effective_at), profile)
    repeated = said + (data.draw(st.lists(st.sampled_from(said), max_size=8)) if said else [])
    shuffled = fold(data.draw(st.permutations(repeated)), profile)
    assert shuffled == in_order
    assert shuffled.standing == in_order.standing


def fuzzy(at: datetime) -> Signal:
    """Return a text that reads like an opt-out."""
    return Signal(SignalKind.ASSUMED_OPT_OUT, at, at, "handset")


def verdict(at: datetime, kind: SignalKind) -> Signal:
    """Return what a person decided about the text of that moment, long after all of them."""
    judged = T0 + 100 * DAY
    return Signal(kind, judged, judged, "review", reviewed_at=at)


verdicts = st.dictionaries(
    moments,
    st.sampled_from([None, SignalKind.REVIEW_CONFIRMED, SignalKind.REVIEW_DISMISSED]),
    max_size=6,
)


@settings(max_examples=400)
@given(st.data(), verdicts, st.lists(moments, max_size=3))
def test_each_likely_opt_out_is_settled_by_itself_in_any_order(
    data: st.DataObject, judged: Mapping[datetime, SignalKind | None], unstops: list[datetime]
) -> None:
    """R-05, R-06: out while one text stands that was not dismissed and that no UNSTOP outdates;
    explicitly, if one of those was confirmed; and each of them was given out for review once."""
    said = [Signal(SignalKind.JOIN, T0, T0, "handset")]
    said += [fuzzy(at) for at in judged]
    said += [verdict(at, kind) for at, kind in judged.items() if kind]
    said += [Signal(SignalKind.UNSTOP, at, at, "handset") for at in unstops]
    repeated = said + data.draw(st.lists(st.sampled_from(said), max_size=6))
    found, reviews = Marks(), list[datetime]()
    for one in data.draw(st.permutations(repeated)):
        decision = decide(found, one, TEXT_EM_ALL_SMS)
        found = decision.marks
        reviews += [one.effective_at] if decision.review else []

    standing = {
        at: kind
        for at, kind in judged.items()
        if kind is not SignalKind.REVIEW_DISMISSED and all(at >= back for back in unstops)
    }
    confirmed = SignalKind.REVIEW_CONFIRMED in standing.values()
    if standing:
        basis = Basis.EXPLICIT if confirmed else Basis.ASSUMED
        assert found.standing == (State.OPTED_OUT, basis)
    else:
        assert found.standing == (State.OPTED_IN, Basis.EXPLICIT)
    assert len(reviews) == len(set(reviews))
    # One that an explicit opt-out of that time or later covers has nothing left to be decided.
    explicit = [at for at, kind in judged.items() if kind is SignalKind.REVIEW_CONFIRMED]
    uncovered = {at for at in standing if not any(at <= out for out in explicit)}
    assert uncovered <= set(reviews) <= set(judged)


@settings(max_examples=400)
@given(st.data(), st.lists(signals(), max_size=12), moments, profiles)
def test_nothing_but_the_profiles_act_lifts_an_opt_out(
    data: st.DataObject, said: list[Signal], stopped: datetime, profile: Profile
) -> None:
    """R-06, TEA-18, ruling 1: syncs, imports, replays and requests never undo an opt-out."""
    stop = Signal(SignalKind.OPT_OUT, stopped, stopped, "handset")
    lifted = any(one.kind in profile.lifts and one.effective_at > stopped for one in said)
    if lifted:
        said = [one for one in said if one.kind not in profile.lifts]
    found = fold(data.draw(st.permutations([*said, stop])), profile)
    assert found.standing == (State.OPTED_OUT, Basis.EXPLICIT)
    assert refusal_to_send(Purpose.MARKETING, found) == "opted_out_after_queue"


@given(marks, st.lists(signals([k for k in SignalKind if k is not SignalKind.UNSTOP])))
def test_a_standing_opt_out_survives_every_sequence_without_unstop(
    start: Marks, said: list[Signal]
) -> None:
    """R-06, TEA-18: whatever was before it, whatever comes after it."""
    out = replace(start, out_at=T0 + 100 * DAY)
    for one in said:
        found = decide(out, one, TEXT_EM_ALL_SMS)
        out = found.marks
        assert found.state is State.OPTED_OUT
        assert all(m.value in ("help_reply",) for m in found.messages)


@given(marks, profiles)
def test_the_newest_act_of_the_profile_always_lifts(start: Marks, profile: Profile) -> None:
    """TEA-18: nobody can be locked out: UNSTOP (e-mail: her own act) brings anybody back."""
    (act,) = profile.lifts
    now = T0 + 100 * DAY
    calm = replace(start, soft=None)
    found = decide(calm, Signal(act, now, now, "handset"), profile)
    assert found.state is State.OPTED_IN
    assert found.rejection is None


@given(marks, signals(), profiles)
@example(Marks(), Signal(SignalKind.REVIEW_CONFIRMED, T0, T0, "review"), EMAIL)
def test_a_refused_opt_in_gets_no_text_and_a_repeat_changes_nothing(
    start: Marks, said: Signal, profile: Profile
) -> None:
    """TEA-18, TEA-17: a refusal is silent; the same signal again sends no text but HELP's."""
    first = decide(start, said, profile)
    if first.rejection:
        assert (first.state, first.messages) == (State.OPTED_OUT, ())
        assert first.rejection == profile.rejection
    again = decide(first.marks, said, profile, invited_at=said.effective_at)
    assert again.marks == first.marks
    assert (again.before, again.state) == (first.state, first.state)
    assert all(m.value == "help_reply" for m in again.messages)


@given(marks, st.sampled_from(Purpose))
def test_an_opted_out_number_gets_two_kinds_of_text_at_most(start: Marks, purpose: Purpose) -> None:
    """TEA-22: its opt-out confirmation and an answer to HELP; marketing needs an opt-in."""
    state, _ = start.standing
    sent = refusal_to_send(purpose, start) is None
    if state is State.OPTED_OUT and sent:
        assert purpose in (Purpose.CONFIRM_OPT_OUT, Purpose.HELP)
    if purpose is Purpose.MARKETING:
        assert sent is (state is State.OPTED_IN and not start.suppressed)


@settings(max_examples=300)
@given(st.data(), st.lists(signals(), max_size=12), profiles)
def test_the_newest_word_on_a_number_decides_whether_it_is_texted(
    data: st.DataObject, said: list[Signal], profile: Profile
) -> None:
    """R-07: dead from a hard failure on until a later sign of life, in any order, and neither
    changes what consent means."""
    failures = [one.effective_at for one in said if one.kind is SignalKind.HARD_FAILURE]
    life = [
        one.effective_at
        for one in said
        if one.kind is not SignalKind.HARD_FAILURE
        and (one.via == "handset" or one.kind is SignalKind.OWN_OPT_IN)
    ]
    found = fold(data.draw(st.permutations(said)), profile)
    assert found.suppressed is (bool(failures) and (not life or max(failures) >= max(life)))
    about_the_number = (SignalKind.HARD_FAILURE, SignalKind.SIGN_OF_LIFE)
    without = fold([one for one in said if one.kind not in about_the_number], profile)
    assert found.standing == without.standing
    if found.suppressed:
        assert refusal_to_send(Purpose.MARKETING, found) is not None
        assert refusal_to_send(Purpose.INVITE, found) is not None
        assert refusal_to_send(Purpose.HELP, found) is None


@given(marks, marks)
def test_settling_never_changes_what_marks_mean(a: Marks, b: Marks) -> None:
    """R-06: what is dropped mattered no more, now or after anything else is merged."""
    assert a.settled().standing == a.standing
    assert a.settled().merge(b).standing == a.merge(b).standing
    assert a.settled().merge(b).suppressed is a.merge(b).suppressed
    assert a.settled().merge(b).settled() == a.merge(b).settled()
