"""Connections: life, secrets in rotation, numbers, and which side is which."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from concord.domain.connection import (
    Connection,
    ConnectionSettings,
    ConnectionState,
    HashedSecret,
    SenderChoice,
    Side,
    check_transition,
)
from concord.domain.errors import ConflictError
from concord.domain.identity import Channel, token_hash
from concord.domain.profiles import EMAIL, TEXT_EM_ALL_SMS

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
S = ConnectionState
ALLOWED = {
    (S.REQUESTED, S.PENDING),
    (S.PENDING, S.CONNECTED),
    (S.CONNECTED, S.PAUSED),
    (S.PAUSED, S.CONNECTED),
    (S.REQUESTED, S.DISCONNECTED),
    (S.PENDING, S.DISCONNECTED),
    (S.CONNECTED, S.DISCONNECTED),
    (S.PAUSED, S.DISCONNECTED),
}
TWILIO = SenderChoice("twilio", "https://api.twilio.test", "+12025550199", True, "AC1")


def connection(**changes: Any) -> Connection:
    """Return a connected connection of one shop."""
    made = Connection(
        connection_id="shop.c1",
        merchant_id="shop",
        merchant_name="Corner Shop",
        country="US",
        integration="catapult-text_em_all",
        state=S.CONNECTED,
        source=Side("catapult", "77", "https://pos.test"),
        destination=Side("text_em_all", "42", "https://tea.test"),
        settings=ConnectionSettings(),
        key_fingerprint="f",
        tokens=(HashedSecret(token_hash("now")),),
        connect_keys=(HashedSecret(token_hash("key")),),
        created_at=NOW,
        text_numbers=(("+12025550101", "1"), ("+12025550102", "2")),
        first_number="+12025550101",
    )
    return dataclasses.replace(made, **changes)


@pytest.mark.parametrize("current", list(S))
@pytest.mark.parametrize("wanted", list(S))
def test_transitions(current: ConnectionState, wanted: ConnectionState) -> None:
    """TEA-01: every pair of states; a refusal names what is possible from here."""
    if (current, wanted) in ALLOWED:
        check_transition(current, wanted)
        return
    with pytest.raises(ConflictError) as caught:
        check_transition(current, wanted)
    assert caught.value.code == "invalid_transition"
    possible = [b for a, b in sorted(ALLOWED) if a is current]
    for state in possible:
        assert state.value in str(caught.value)
    assert ("final" in str(caught.value)) is (not possible)


@pytest.mark.parametrize(
    ("at", "accepted"),
    [
        (NOW - timedelta(days=1), True),
        (NOW - TICK, True),
        (NOW, False),
        (NOW + timedelta(days=1), False),
    ],
)
def test_a_rotated_secret_works_until_its_time_is_up(at: datetime, accepted: bool) -> None:
    """TEA-01: during the grace both open the door; afterwards only the new one."""
    rotated = (HashedSecret(token_hash("old"), NOW), HashedSecret(token_hash("new")))
    made = connection(tokens=rotated, connect_keys=rotated)
    for accepts in (made.accepts_token, made.accepts_connect_key):
        assert accepts(token_hash("old"), at) is accepted
        assert accepts(token_hash("new"), at)
        assert not accepts(token_hash("other"), at)
        assert not accepts("", at)


def test_tokens_and_connect_keys_are_different_doors() -> None:
    """R-32: the one does not open the other's; without any, nothing opens."""
    made = connection()
    assert made.accepts_token(token_hash("now"), NOW)
    assert not made.accepts_token(token_hash("key"), NOW)
    assert made.accepts_connect_key(token_hash("key"), NOW)
    assert not made.accepts_connect_key(token_hash("now"), NOW)
    assert not connection(tokens=()).accepts_token(token_hash("now"), NOW)


def test_only_the_accounts_numbers_are_its_own() -> None:
    """TEA-03, TEA-18: any of its numbers; not another merchant's; the sender's while it sends."""
    made = connection()
    assert made.owns_number("+12025550101")
    assert made.owns_number("+12025550102")
    assert not made.owns_number("+12025550103")
    assert not made.owns_number("")
    assert not made.owns_number(TWILIO.sends_from)
    other = connection(settings=ConnectionSettings(sender=TWILIO))
    assert other.owns_number(TWILIO.sends_from)
    assert other.owns_number("+12025550101")


def test_fallback_number() -> None:
    """TEA-23: the first number ever seen; an override wins; cleared, the default is back."""
    newer = (("+12025550100", "0"), *connection().text_numbers)
    assert connection(text_numbers=newer).fallback_number == "+12025550101"
    assert connection(text_numbers=()).fallback_number == "+12025550101"
    own = ConnectionSettings(fallback_number="+12025550177")
    assert connection(settings=own).fallback_number == "+12025550177"
    assert connection(settings=ConnectionSettings()).fallback_number == "+12025550101"
    assert connection(first_number=None).fallback_number is None


def test_consent_is_scoped_by_the_messaging_account() -> None:
    """TEA-03, TEA-04: not by who carries the texts, nor by the number."""
    assert connection().account == "text_em_all:42"
    assert connection(settings=ConnectionSettings(sender=TWILIO)).account == "text_em_all:42"


def test_who_sends_and_who_answers_stop() -> None:
    """TEA-17: Text-Em-All leaves STOP and HELP to us; Twilio confirms them itself."""
    own, twilio = connection(), connection(settings=ConnectionSettings(sender=TWILIO))
    assert (own.sender_platform, own.carrier_answers_stop) == ("text_em_all", False)
    assert (twilio.sender_platform, twilio.carrier_answers_stop) == ("twilio", True)


def test_sides_by_platform() -> None:
    """TEA-02: each platform of a connection, and no other."""
    made = connection(settings=ConnectionSettings(sender=TWILIO))
    assert made.side("catapult") is made.source
    assert made.side("text_em_all") is made.destination
    assert made.side("twilio") == Side("twilio", "AC1", "https://api.twilio.test", {})
    assert made.side("aws") is None
    assert connection().side("twilio") is None


def test_profiles_of_a_connection() -> None:
    """TEA-18: by its integration, per channel."""
    assert connection().profile(Channel.SMS) is TEXT_EM_ALL_SMS
    assert connection().profile(Channel.EMAIL) is EMAIL


@pytest.mark.parametrize("state", list(S))
def test_who_listens(state: ConnectionState) -> None:
    """TEA-01: connected and paused take every signal; the others opt-outs alone."""
    assert connection(state=state).listens is (state in (S.CONNECTED, S.PAUSED))


@pytest.mark.parametrize(
    ("sender", "platform", "any_text"),
    [
        (None, "text_em_all", False),
        (TWILIO, "twilio", False),
        (dataclasses.replace(TWILIO, sends_from="MG1"), "twilio", True),
        (dataclasses.replace(TWILIO, sends_from="MG1"), "text_em_all", False),
        (dataclasses.replace(TWILIO, platform="text_em_all", sends_from="x"), "text_em_all", False),
    ],
)
def test_whose_texts_count_whatever_number_they_came_to(
    sender: SenderChoice | None, platform: str, any_text: bool
) -> None:
    """TEA-18: only those of a sender whose numbers nobody told us, on its own webhook."""
    made = connection(settings=ConnectionSettings(sender=sender))
    assert made.takes_any_text_of(platform) is any_text


def test_the_secrets_that_counted_at_a_moment_are_known_for_a_month() -> None:
    """R-32, TEA-22: a request that waited is measured by what counted when it came."""
    first, second = NOW, NOW + timedelta(days=1)
    changed = connection(secrets_version=1).with_secrets(2, first).with_secrets(3, second)
    assert changed.secrets_version == 3
    assert changed.secrets_version_at(first - TICK) == 1
    assert changed.secrets_version_at(first) == 2
    assert changed.secrets_version_at(second - TICK) == 2
    assert changed.secrets_version_at(second) == 3
    later = changed.with_secrets(4, first + timedelta(days=30))
    assert [version for version, _ in later.secrets_before] == [3, 2]


def test_an_ended_secret_is_revoked_and_remembered_for_a_while() -> None:
    """R-32: what came before its end may still be on its way."""
    old = HashedSecret(token_hash("old"), NOW)
    known = connection(tokens=(HashedSecret(token_hash("new")), old))
    assert known.revoked(old.hash, NOW)
    assert not known.revoked(old.hash, NOW - TICK)
    assert not known.revoked(token_hash("new"), NOW)
    assert not known.revoked(token_hash("never"), NOW)
    assert old.remembered(NOW + timedelta(days=30) - TICK)
    assert not old.remembered(NOW + timedelta(days=30))
