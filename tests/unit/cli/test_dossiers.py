"""`concord consents show|export|verify`, over dossiers that the domain really built."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from concord.domain.consent import Decision, Signal, decide
from concord.domain.dossier import dossier
from concord.domain.evidence import GENESIS, ConsentKey, Evidence, next_evidence
from concord.domain.identity import Channel
from concord.domain.marks import Marks
from concord.domain.profiles import TEXT_EM_ALL_SMS, SignalKind
from tests.unit.cli.fake_api import Cli, FakeApi

_PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_KEY = base64.b64encode(_PRIVATE.public_key().public_bytes_raw()).decode()
_OTHER = base64.b64encode(Ed25519PrivateKey.generate().public_key().public_bytes_raw()).decode()
_POINT = "+15551230000"
_STORY = (
    (SignalKind.JOIN, "handset", {"text": "Join"}),
    (SignalKind.OPT_OUT, "handset", {"text": "please stop texting me"}),
    (SignalKind.IMPORT, "import", {"attestation": "paper forms"}),
    (SignalKind.UNSTOP, "handset", {"text": "UNSTOP"}),
)


def sign(statement: bytes) -> str:
    return base64.b64encode(_PRIVATE.sign(statement)).decode()


def build() -> dict[str, Any]:
    """Return the signed dossier of a number that joined, left, was imported, and came back."""
    key = ConsentKey("shop", "text_em_all:4711", Channel.SMS, "v1." + "ab" * 32)
    at, marks, prev = datetime(2026, 11, 21, 8, 30, tzinfo=UTC), Marks(), GENESIS
    events: list[Evidence] = []
    for number, (kind, via, personal) in enumerate(_STORY, 1):
        at += timedelta(hours=1)
        signal = Signal(kind, at, at, via, personal=personal)
        decision: Decision = decide(marks, signal, TEXT_EM_ALL_SMS)
        record = next_evidence(
            key,
            seq=number,
            prev=prev,
            signal=signal,
            decision=decision,
            recorded_at=at,
            salt=bytes([number]) * 16,
        )
        events.append(record)
        marks, prev = decision.marks, record.hash
    return json.loads(json.dumps(dossier(key, events, at, sign)))  # type: ignore[no-any-return]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "dossier.json"
    made.write_text(json.dumps(build()))
    return made


def test_a_whole_dossier_proves_itself_offline(concord: Cli, api: FakeApi, file: Path) -> None:
    """L-01: one exported file, one public key, no network."""
    concord.stack = None
    result = concord("consents", "verify", file, "--key", _KEY)
    assert result.exit_code == 0, result.output
    assert f"{file.name} proves 4 events." in result.stdout.replace("\n", "")
    table = result.stdout
    for words in ("join", "opt_out", "import (must_text_unstop)", "unstop", "2026-11-21 09:30:00Z"):
        assert words in table
    assert [line.split()[-1] for line in table.splitlines() if "2026-11-21 " in line][1:] == [
        "opted_in",
        "opted_out",
        "opted_out",
        "opted_in",
    ]
    assert "please stop" not in result.output
    assert api.requests == []


def change_value(document: dict[str, Any]) -> None:
    document["events"][1]["record"]["to"] = "opted_in"


def change_text(document: dict[str, Any]) -> None:
    document["events"][1]["personal"]["text"] = "thanks"


def drop_tail(document: dict[str, Any]) -> None:
    del document["events"][-1]


def drop_middle(document: dict[str, Any]) -> None:
    del document["events"][1]


def reorder(document: dict[str, Any]) -> None:
    events = document["events"]
    events[1], events[2] = events[2], events[1]


@pytest.mark.parametrize(
    ("breaks", "event", "reason"),
    [
        (change_value, 2, "was changed"),
        (change_text, 2, "the field text is not what was committed to"),
        (drop_tail, 4, "missing: the signed count is 4"),
        (drop_middle, 2, "written as event 3"),
        (reorder, 2, "written as event 3"),
    ],
)
def test_a_broken_dossier_names_the_event(
    concord: Cli, file: Path, breaks: Callable[[dict[str, Any]], None], event: int, reason: str
) -> None:
    """L-01: mutate, drop, reorder or truncate any event: `verify` names it."""
    document = build()
    breaks(document)
    file.write_text(json.dumps(document))
    result = concord("consents", "verify", file, "--key", _KEY)
    assert result.exit_code == 1
    assert "proves nothing" in result.stdout
    assert any(
        line.startswith(f"  event {event} ") and reason in line
        for line in result.stdout.splitlines()
    ), result.stdout
    machine = json.loads(concord("consents", "verify", file, "--key", _KEY, "--json").stdout)
    assert machine["proven"] is False
    assert event in {finding["event"] for finding in machine["findings"]}


def test_another_key_proves_nothing(concord: Cli, file: Path) -> None:
    result = concord("consents", "verify", file, "--key", _OTHER)
    assert result.exit_code == 1
    assert "the file: the signature does not fit" in result.stdout


def test_the_key_comes_from_a_file_or_the_stack(
    concord: Cli, api: FakeApi, file: Path, tmp_path: Path
) -> None:
    key_file = tmp_path / "key.txt"
    key_file.write_text(_KEY + "\n")
    assert concord("consents", "verify", file, "--key", f"@{key_file}").exit_code == 0
    api.on("GET", "/health", {"status": "ok", "public_key": _KEY})
    assert concord("consents", "verify", file, "--ask-stack").exit_code == 0
    api.on("GET", "/health", {"status": "ok", "public_key": None})
    none = concord("consents", "verify", file, "--ask-stack")
    assert (none.exit_code, "concord setup" in none.stderr) == (1, True)


@pytest.mark.parametrize(
    "words", [[], ["--key", "short"], ["--key", "@nowhere"], ["--key", _KEY, "--ask-stack"]]
)
def test_a_key_that_is_none_is_a_misuse_not_a_verdict(
    concord: Cli, file: Path, words: list[str]
) -> None:
    result = concord("consents", "verify", file, *words)
    assert result.exit_code == 2
    assert "proves" not in result.stdout


@pytest.mark.parametrize(
    ("text", "exit_code"),
    [
        ("", 2),
        ("{", 2),
        ("\xff", 2),
        ("[]", 1),
        ('{"events": [], "events": []}', 1),
        ('{"a": NaN}', 1),
        ("[" * 100_000, 1),
    ],
)
def test_what_is_no_dossier_is_told_plainly(
    concord: Cli, file: Path, text: str, exit_code: int
) -> None:
    """Members named twice could show a reader one thing and the verifier another."""
    file.write_bytes(text.encode("latin-1"))
    result = concord("consents", "verify", file, "--key", _KEY)
    assert result.exit_code == exit_code
    assert "is not a dossier" in result.stderr
    assert "Traceback" not in result.output


def test_a_forged_name_cannot_paint_a_verdict(concord: Cli, file: Path) -> None:
    document = build()
    document["events"][0]["record"]["seq"] = "\x1b[2K\x1b[1Aproves 4 events"
    file.write_text(json.dumps(document))
    result = concord("consents", "verify", file, "--key", _KEY)
    assert result.exit_code == 1
    assert "\x1b[2K" not in result.output


def test_export_writes_what_verify_proves(concord: Cli, api: FakeApi, tmp_path: Path) -> None:
    """L-01: export, then verify, without anything in between."""
    api.on("POST", "/connections/shop.x1/consents/dossier", build())
    output = tmp_path / "out.json"
    result = concord("consents", "export", "shop.x1", _POINT, "-o", output)
    assert result.exit_code == 0, result.output
    assert output.stat().st_mode & 0o077 == 0
    assert api.bodies() == [{"channel": "sms", "point": _POINT}]
    assert _POINT not in str(api.requests[0].url)
    assert _POINT not in result.output
    assert concord("consents", "verify", output, "--key", _KEY).exit_code == 0


def test_export_leaves_nothing_behind_where_it_cannot_write(
    concord: Cli, api: FakeApi, tmp_path: Path
) -> None:
    api.on("POST", "/connections/shop.x1/consents/dossier", build())
    result = concord("consents", "export", "shop.x1", _POINT, "-o", tmp_path / "no" / "x.json")
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


def test_show_tells_state_and_events(concord: Cli, api: FakeApi) -> None:
    event = {**build()["events"][1]["record"], "consent_event_id": "ev_1", "personal": {}}
    answer = {
        "channel": "email",
        "point": "a@example.com",
        "state": "opted_out",
        "basis": "explicit",
        "updated_at": "2026-11-21T10:30:00Z",
        "events": [event],
    }
    api.on("POST", "/connections/shop.x1/consents/lookup", answer)
    result = concord("consents", "show", "shop.x1", "a@example.com")
    assert result.exit_code == 0, result.output
    assert api.bodies() == [{"channel": "email", "point": "a@example.com"}]
    assert "opted_out" in result.stdout
    assert "2026-11-21 10:30:00Z" in result.stdout
    unknown = {**answer, "state": "unknown", "basis": None, "updated_at": None, "events": []}
    api.on("POST", "/connections/shop.x1/consents/lookup", unknown)
    assert "never seen" in concord("consents", "show", "shop.x1", _POINT).stdout


def test_show_tells_why_a_number_is_suppressed(concord: Cli, api: FakeApi) -> None:
    """R-07: since when, the carrier's code, and what lifts it."""
    answer = {
        "channel": "sms",
        "point": _POINT,
        "state": "opted_in",
        "basis": "explicit",
        "suppressed": {"since": "2026-11-21T11:00:00Z", "reason": "30005"},
        "updated_at": "2026-11-21T10:30:00Z",
        "events": [],
    }
    api.on("POST", "/connections/shop.x1/consents/lookup", answer)
    shown = " ".join(concord("consents", "show", "shop.x1", _POINT).stdout.split())
    assert "suppressed since 2026-11-21 11:00:00Z (30005): any text from the handset" in shown
    api.on("POST", "/connections/shop.x1/consents/lookup", {**answer, "suppressed": None})
    assert "suppressed" not in concord("consents", "show", "shop.x1", _POINT).stdout
