"""The dossier: whatever is done to the file, the verifier names the event it was done to (L-01)."""

from __future__ import annotations

import copy
import hashlib
import hmac
import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concord.domain.consent import Signal, decide
from concord.domain.dossier import Finding, dossier, verify_dossier
from concord.domain.evidence import GENESIS, ConsentKey, Evidence, next_evidence, record_hash
from concord.domain.identity import Channel
from concord.domain.marks import Marks
from concord.domain.profiles import TEXT_EM_ALL_SMS, SignalKind

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY = ConsentKey("shop", "text_em_all:7", Channel.SMS, "v1.aa")
OTHER = ConsentKey("shop", "text_em_all:7", Channel.SMS, "v1.bb")
KINDS = (
    SignalKind.OPT_IN_REQUEST,
    SignalKind.JOIN,
    SignalKind.OPT_OUT,
    SignalKind.JOIN,
    SignalKind.UNSTOP,
    SignalKind.OPT_OUT,
)
N = len(KINDS)
EVERY = range(1, N + 1)
type Document = dict[str, Any]


def signer(secret: bytes) -> Callable[[bytes], str]:
    """Return a stand-in for Ed25519: what counts here is what is signed, not how."""
    return lambda data: hmac.new(secret, data, hashlib.sha256).hexdigest()


SIGN = signer(b"ours")


def good(data: bytes, signature: str) -> bool:
    """Check a signature of ours."""
    return hmac.compare_digest(SIGN(data).encode(), signature.encode("utf-8", "replace"))


def chain(key: ConsentKey = KEY, kinds: tuple[SignalKind, ...] = KINDS) -> list[Evidence]:
    """Return the evidence of a shopper's life with one shop."""
    marks, links = Marks(), list[Evidence]()
    for n, kind in enumerate(kinds):
        at = T0 + timedelta(hours=n)
        personal = {"text": f"shopper's words {n}", "ip": f"203.0.113.{n}"}
        signal = Signal(kind, at, at, "handset", {"event": f"e{n}"}, at, personal)
        decision = decide(marks, signal, TEXT_EM_ALL_SMS)
        links.append(
            next_evidence(
                key,
                seq=n + 1,
                prev=links[-1].hash if links else GENESIS,
                signal=signal,
                decision=decision,
                recorded_at=at,
                salt=hashlib.sha256(f"{key.point_id}{n}".encode()).digest()[:16],
            )
        )
        marks = decision.marks
    return links


WHOLE = dossier(KEY, chain(), T0, SIGN)
FOREIGN = dossier(OTHER, chain(OTHER), T0, SIGN)


def fresh() -> Document:
    """Return the untouched file, as it would be read from disk."""
    document: Document = json.loads(json.dumps(WHOLE))
    return document


def named(document: Document) -> set[int | None]:
    """Return the events that the verifier names."""
    return {finding.event for finding in verify_dossier(document, good)}


def rehash(event: Document) -> None:
    """Do what a forger who knows the format would do."""
    event["hash"] = record_hash(event["record"])


def changed(value: Any) -> Any:
    """Return another value of the same kind."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case str():
            return ("1" if value[:1] == "0" else "0") + value[1:]
        case list():
            return [*value, {"kind": "invitation", "sha256": "0" * 64}]
        case dict():
            return {**value, "extra": "x"}
        case _:
            return "something"


FIELDS = sorted(WHOLE["events"][0]["record"])


def test_an_untouched_dossier_proves_itself() -> None:
    """L-01, R-03: chain and signature are in order."""
    assert verify_dossier(fresh(), good) == []
    assert WHOLE["count"] == N
    assert WHOLE["head"] == WHOLE["events"][-1]["hash"]
    assert WHOLE["format"] == "concord-dossier-1"


@pytest.mark.parametrize("count", range(N + 1))
def test_a_chain_of_any_length_proves_itself(count: int) -> None:
    """L-01: an empty one, too."""
    made = dossier(KEY, chain(kinds=KINDS[:count]), T0, SIGN)
    assert verify_dossier(json.loads(json.dumps(made)), good) == []


@pytest.mark.parametrize(("n", "field"), [*itertools.product(EVERY, FIELDS)])
def test_a_changed_field_is_named(n: int, field: str) -> None:
    """L-01: every field of every event, and that event alone is named."""
    document = fresh()
    record = document["events"][n - 1]["record"]
    record[field] = changed(record[field])
    assert named(document) == {n}


@pytest.mark.parametrize(("n", "field"), [*itertools.product(EVERY, FIELDS)])
def test_a_changed_field_with_a_matching_hash_is_named(n: int, field: str) -> None:
    """L-01: a new hash does not help: the next event, or the signed head, knows."""
    document = fresh()
    event = document["events"][n - 1]
    event["record"][field] = changed(event["record"][field])
    rehash(event)
    assert named(document) == {n}


@pytest.mark.parametrize(("n", "field"), [*itertools.product(EVERY, FIELDS)])
def test_a_removed_or_added_field_is_named(n: int, field: str) -> None:
    """L-01: nothing can be taken from a record or put into it."""
    document = fresh()
    del document["events"][n - 1]["record"][field]
    assert named(document) == {n}
    document = fresh()
    document["events"][n - 1]["record"][f"{field}_"] = 1
    assert named(document) == {n}


@pytest.mark.parametrize("n", EVERY)
@pytest.mark.parametrize("value", ["other", 1, None, "", ["shopper's words"], True])
def test_a_changed_personal_value_is_named(n: int, value: object) -> None:
    """L-01, R-03: the plain text is bound to its event."""
    document = fresh()
    document["events"][n - 1]["personal"]["text"] = value
    assert named(document) == {n}


def test_a_number_for_its_digits_is_no_personal_value() -> None:
    """L-01: 4711 is not what was committed to as "4711"."""
    signal = Signal(SignalKind.JOIN, T0, T0, "pos", personal={"actor": "4711"})
    decision = decide(Marks(), signal, TEXT_EM_ALL_SMS)
    link = next_evidence(
        KEY, seq=1, prev=GENESIS, signal=signal, decision=decision, recorded_at=T0, salt=b"s" * 16
    )
    document = dossier(KEY, [link], T0, SIGN)
    document["events"][0]["personal"]["actor"] = 4711
    assert named(document) == {1}


@pytest.mark.parametrize("n", EVERY)
def test_damage_beside_the_record_is_named(n: int) -> None:
    """L-01, R-25: salt, personal fields and anything added; half an erasure is none."""

    def salt(event: Document) -> None:
        event["salt"] = changed(event["salt"])

    def upper(event: Document) -> None:
        event["salt"] = " " + event["salt"]

    def short(event: Document) -> None:
        event["salt"] = event["salt"][:-2]

    def text(event: Document) -> None:
        event["salt"] = "not hex"

    def no_salt(event: Document) -> None:
        event["salt"] = None

    def no_field(event: Document) -> None:
        del event["personal"]["ip"]

    def no_personal(event: Document) -> None:
        event["personal"] = {}

    def more(event: Document) -> None:
        event["personal"]["name"] = "x"

    def other_hash(event: Document) -> None:
        event["hash"] = changed(event["hash"])

    def no_hash(event: Document) -> None:
        del event["hash"]

    def remark(event: Document) -> None:
        event["remark"] = "verified by nobody"

    def no_record(event: Document) -> None:
        event["record"] = None

    damages = (salt, upper, short, text, no_salt, no_field, no_personal, more)
    for damage in (*damages, other_hash, no_hash, remark, no_record):
        document = fresh()
        damage(document["events"][n - 1])
        assert named(document) == {n}, damage.__name__


def test_a_salt_that_nothing_was_committed_with_is_named() -> None:
    """L-01: an event without personal fields has no salt, so that nothing in the file is free."""
    signal = Signal(SignalKind.LAPSE, T0, T0, "schedule")
    decision = decide(Marks(), signal, TEXT_EM_ALL_SMS)
    link = next_evidence(
        KEY, seq=1, prev=GENESIS, signal=signal, decision=decision, recorded_at=T0, salt=b"s" * 16
    )
    document = dossier(KEY, [link], T0, SIGN)
    assert verify_dossier(document, good) == []
    document["events"][0]["salt"] = "00" * 16
    assert named(document) == {1}


@pytest.mark.parametrize("n", EVERY)
def test_a_dropped_event_is_named(n: int) -> None:
    """L-01: the first, one in the middle, the last: the place where it is missing, alone."""
    document = fresh()
    del document["events"][n - 1]
    assert named(document) == {n}
    assert "missing" in verify_dossier(document, good)[0].reason


@pytest.mark.parametrize("kept", range(N))
def test_a_missing_tail_is_named(kept: int) -> None:
    """L-01: nothing inside the chain shows it; the signed count does."""
    document = fresh()
    document["events"] = document["events"][:kept]
    assert verify_dossier(document, good) == [
        Finding(kept + 1, f"is missing: the signed count is {N}")
    ]


@pytest.mark.parametrize(("first", "gap"), [*itertools.product(EVERY, range(2, 4))])
def test_a_gap_is_named_by_its_first_event(first: int, gap: int) -> None:
    """L-01: several in a row."""
    document = fresh()
    del document["events"][first - 1 : first - 1 + gap]
    assert named(document) == {first}


@pytest.mark.parametrize(("a", "b"), [*itertools.combinations(EVERY, 2)])
def test_swapped_events_are_named(a: int, b: int) -> None:
    """L-01: both of them, alone."""
    document = fresh()
    events = document["events"]
    events[a - 1], events[b - 1] = events[b - 1], events[a - 1]
    assert named(document) == {a, b}


@pytest.mark.parametrize(("n", "where"), [*itertools.product(EVERY, EVERY)])
def test_a_repeated_event_is_named(n: int, where: int) -> None:
    """L-01: wherever the copy is put, that place is named first."""
    document = fresh()
    document["events"].insert(where, copy.deepcopy(document["events"][n - 1]))
    # Put right before its original, the copy is the one that stands in place.
    place = where + 2 if where == n - 1 else where + 1
    assert verify_dossier(document, good)[0].event == place


@pytest.mark.parametrize("n", EVERY)
def test_an_event_of_another_chain_is_named(n: int) -> None:
    """L-01: same number, same format, another shopper."""
    document = fresh()
    document["events"][n - 1] = copy.deepcopy(FOREIGN["events"][n - 1])
    assert named(document) == {n}


def test_an_added_event_is_named() -> None:
    """L-01: however well it is forged, it was not counted."""
    document = fresh()
    event = copy.deepcopy(document["events"][-1])
    event["record"] |= {"seq": N + 1, "prev": document["head"], "to": "opted_in"}
    rehash(event)
    document["events"].append(event)
    assert named(document) == {N + 1}


@pytest.mark.parametrize("start", EVERY)
def test_a_chain_recomputed_from_an_event_on_ends_in_a_head_nobody_signed(start: int) -> None:
    """L-01: the forger has to move the head; with it the signature breaks."""
    document = fresh()
    document["events"][start - 1]["record"]["to"] = "opted_in_really"
    previous = document["events"][start - 2]["hash"] if start > 1 else GENESIS
    for event in document["events"][start - 1 :]:
        event["record"]["prev"] = previous
        rehash(event)
        previous = event["hash"]
    assert verify_dossier(document, good) == [Finding(N, "is not the head that was signed")]
    document["head"] = previous
    assert named(document) == {None}


@pytest.mark.parametrize("name", ["format", "consent_key", "count", "head", "exported_at"])
def test_the_statement_is_signed_in_full(name: str) -> None:
    """L-01: each member of the statement."""
    document = fresh()
    document[name] = changed(document[name])
    assert None in named(document)
    document = fresh()
    del document[name]
    assert None in named(document)


def test_another_key_is_no_signature() -> None:
    """L-01: signed by somebody else, unsigned, or with a signature of another file."""
    for signature in (dossier(KEY, chain(), T0, signer(b"theirs"))["signature"], "", None, 7):
        assert named({**fresh(), "signature": signature}) == {None}
    assert named({**fresh(), "signature": FOREIGN["signature"]}) == {None}


def test_a_file_under_another_consent_key_names_every_event() -> None:
    """L-01: a dossier of one shopper cannot be shown for another's."""
    document = {**fresh(), "consent_key": FOREIGN["consent_key"]}
    assert named(document) == {*EVERY, None}


SUBSETS = [picked for size in range(N + 1) for picked in itertools.combinations(EVERY, size)]


@pytest.mark.parametrize("erased", SUBSETS)
def test_erased_personal_fields_leave_a_proof(erased: tuple[int, ...]) -> None:
    """R-25, L-01: salt and plain text go together, of any subset, and the chain still verifies."""
    document = fresh()
    for n in erased:
        document["events"][n - 1] |= {"salt": None, "personal": {}}
    assert verify_dossier(document, good) == []
    for n in erased:
        del document["events"][n - 1]["salt"], document["events"][n - 1]["personal"]
    assert verify_dossier(document, good) == []
    if erased:
        document["events"][erased[0] - 1]["record"]["to"] = "x"
        assert named(document) == {erased[0]}


# --- total -----------------------------------------------------------------------------------

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=6)
    | st.sampled_from(["\ud800", GENESIS, "00" * 16])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["record", "hash", "salt", "personal", "seq", "prev", "\udc00"])
            | st.text(max_size=3),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from([*WHOLE]) | st.text(max_size=3), JSON))
def test_the_verifier_is_total_on_any_object(document: Document) -> None:
    """L-01: any JSON object is judged, and never found in order."""
    assert verify_dossier(document, good)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    nested = [
        deeper
        for name, item in inner
        for deeper in (_paths(item, (*path, name)) if isinstance(item, dict | list) else [])
    ]
    return nested + [(*path, n) for n in (value if isinstance(value, dict) else range(len(value)))]


PATHS = _paths(json.loads(json.dumps(WHOLE)))


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(PATHS), JSON)
def test_no_change_anywhere_goes_unseen(path: tuple[Any, ...], value: Any) -> None:
    """L-01: any value of the file replaced by any other is found, and its event is named."""
    document = fresh()
    holder: Any = document
    for step in path[:-1]:
        holder = holder[step]
    before = holder[path[-1]]
    holder[path[-1]] = value
    if json.dumps(before) == json.dumps(value):
        return
    found = named(document)
    if path[0] == "events" and len(path) > 1:
        assert found == {path[1] + 1}
    else:
        assert found


def test_an_endlessly_deep_file_is_judged() -> None:
    """L-01: depth is no way to make the verifier fall over."""
    deep: Any = []
    for _ in range(200_000):
        deep = [deep]
    document = {**fresh(), "consent_key": deep}
    document["events"][2]["record"]["source"] = deep
    assert {3, None} <= named(document)
    while deep:  # let go of it level by level
        deep = deep.pop()
