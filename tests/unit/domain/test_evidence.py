"""Evidence records: what they hold, what they commit to, and that nothing personal is in them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from concord.domain.canonical import canonical
from concord.domain.consent import Signal, decide
from concord.domain.evidence import (
    GENESIS,
    ConsentKey,
    Evidence,
    commitment,
    marks_record,
    next_evidence,
    record_hash,
)
from concord.domain.identity import Channel
from concord.domain.marks import Basis, Marks, SoftMark
from concord.domain.profiles import TEXT_EM_ALL_SMS, SignalKind

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY = ConsentKey("shop", "text_em_all:7", Channel.SMS, "v1." + "ab" * 32)
SALT = bytes(range(16))


def link(signal: Signal, salt: bytes = SALT, seq: int = 1, prev: str = GENESIS) -> Evidence:
    """Return the evidence of one signal on an untouched key."""
    return next_evidence(
        KEY,
        seq=seq,
        prev=prev,
        signal=signal,
        decision=decide(Marks(), signal, TEXT_EM_ALL_SMS),
        recorded_at=T0 + timedelta(seconds=1),
        salt=salt,
        texts=({"kind": "opt_in_confirmation", "sha256": "0" * 64},),
    )


def test_record_says_everything_about_a_change() -> None:
    """R-03: text, channel, IP, user agent, actor, time and evidence of one change."""
    personal = {"text": "join!", "ip": "198.51.100.7", "user_agent": "UA/1", "actor": "till 4"}
    source = {"platform": "text_em_all", "event": "e1"}
    signal = Signal(SignalKind.JOIN, T0, T0 + timedelta(seconds=2), "handset", source, T0, personal)
    found = link(signal)
    assert found.record == {
        "v": 1,
        "seq": 1,
        "prev": GENESIS,
        "consent_key": {
            "merchant": "shop",
            "account": "text_em_all:7",
            "channel": "sms",
            "point_id": KEY.point_id,
        },
        "kind": "join",
        "via": "handset",
        "source": source,
        "occurred_at": "2026-03-01T12:00:00.000000Z",
        "effective_at": "2026-03-01T12:00:00.000000Z",
        "received_at": "2026-03-01T12:00:02.000000Z",
        "recorded_at": "2026-03-01T12:00:01.000000Z",
        "from": "unknown",
        "to": "opted_in",
        "basis": "explicit",
        "rejection": None,
        "marks": {
            "alive_at": "2026-03-01T12:00:00.000000Z",
            "soft": {"at": "2026-03-01T12:00:00.000000Z", "opted_in": True, "basis": "explicit"},
        },
        "personal": {name: commitment(SALT, name, value) for name, value in personal.items()},
        "texts": [{"kind": "opt_in_confirmation", "sha256": "0" * 64}],
    }
    assert found.personal == personal
    assert found.salt == SALT.hex()
    assert found.hash == hashlib.sha256(canonical(found.record)).hexdigest()
    assert found.evidence_id == f"ev_{found.hash[:24]}"


def test_a_refusal_is_evidence_too() -> None:
    """TEA-18, R-03: what was asked and refused stands in the chain with its code."""
    out = decide(Marks(), Signal(SignalKind.OPT_OUT, T0, T0, "handset"), TEXT_EM_ALL_SMS).marks
    asked = Signal(SignalKind.OPT_IN_REQUEST, T0, T0, "pos")
    decision = decide(out, asked, TEXT_EM_ALL_SMS)
    found = next_evidence(
        KEY, seq=2, prev="p", signal=asked, decision=decision, recorded_at=T0, salt=SALT
    )
    assert found.record["rejection"] == "must_text_unstop"
    assert (found.record["from"], found.record["to"]) == ("opted_out", "opted_out")


def test_empty_personal_fields_are_left_out() -> None:
    """R-03: an empty field says nothing; a record without any needs no salt."""
    found = link(Signal(SignalKind.HELP, T0, T0, "handset", personal={"actor": "", "ip": ""}))
    assert (found.record["personal"], found.personal, found.salt) == ({}, {}, None)


def test_marks_record_names_every_mark() -> None:
    """R-03: the state after each event can be read from the chain."""
    moments = [T0 + timedelta(minutes=n) for n in range(7)]
    full = Marks(
        out_at=moments[0],
        back_at=moments[1],
        soft=SoftMark(T0, opted_in=False, basis=Basis.GENERAL),
        asked_at=moments[2],
        lapsed_at=moments[3],
        assumed=frozenset(moments[4:]),
        dismissed=frozenset(moments[5:6]),
        dead_at=moments[5],
        alive_at=moments[6],
    )
    found = marks_record(full)
    assert set(found) == set(Marks.__dataclass_fields__)
    assert found["dismissed"] == ["2026-03-01T12:05:00.000000Z"]
    assert found["soft"] == {
        "at": "2026-03-01T12:00:00.000000Z",
        "opted_in": False,
        "basis": "general",
    }
    assert marks_record(Marks()) == {}


@given(st.permutations([T0 + timedelta(minutes=n) for n in range(6)]))
def test_the_same_marks_are_the_same_record(said: list[datetime]) -> None:
    """R-03: texts that came in another order leave the same bytes, hence the same hash."""
    marks = Marks()
    for at in said:
        marks = marks.merge(Marks(assumed=frozenset({at}), dismissed=frozenset({at})))
    found = marks_record(marks)
    assert found["assumed"] == found["dismissed"] == sorted(found["assumed"])
    assert len(found["assumed"]) == 6


def test_a_commitment_depends_on_salt_name_and_value() -> None:
    """R-25: equal values are not recognisable across records and fields."""
    made = {
        commitment(salt, name, value)
        for salt in (b"a" * 16, b"b" * 16)
        for name in ("ip", "actor")
        for value in ("1", "2")
    }
    assert len(made) == 8


@given(
    personal=st.dictionaries(
        st.sampled_from(["text", "ip", "user_agent", "actor", "point", "shopper_id"]),
        st.text().map(lambda value: "¤" + value),
        min_size=1,
    ),
    salt=st.binary(min_size=12, max_size=12).map(lambda tail: b"salt" + tail),
)
def test_no_personal_value_stands_in_a_record(personal: dict[str, str], salt: bytes) -> None:
    """R-03, R-25: the hashed bytes hold commitments only, the repr nothing personal at all."""
    found = link(Signal(SignalKind.JOIN, T0, T0, "handset", personal=personal), salt)
    text = canonical(found.record).decode()
    for name, value in found.personal.items():
        assert "¤" not in text
        assert "¤" not in repr(found)
        assert found.record["personal"][name] == commitment(salt, name, value)
    assert salt.hex() not in text
    assert salt.hex() not in repr(found)


def test_half_a_surrogate_pair_cannot_stop_an_opt_out() -> None:
    """R-05, TEA-22: a text cut in mid-emoji is legal JSON; its evidence can be stored and sent."""
    found = link(Signal(SignalKind.OPT_OUT, T0, T0, "handset", personal={"text": "STOP \ud83d"}))
    assert found.personal["text"].startswith("STOP ")
    assert found.personal["text"].encode("utf-8")
    assert found.record["personal"]["text"] == commitment(SALT, "text", found.personal["text"])


def test_the_hash_of_a_record_never_changes() -> None:
    """L-01: dossiers exported years ago must verify, so the canonical form is frozen."""
    record = {"b": [1, None, True, "é"], "a": {"z": "1", "y": 2}}
    assert canonical(record) == '{"a":{"y":2,"z":"1"},"b":[1,null,true,"é"]}'.encode()
    assert record_hash(record) == hashlib.sha256(canonical(record)).hexdigest()
