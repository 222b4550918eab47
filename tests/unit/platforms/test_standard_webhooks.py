"""Standard Webhooks: the official vectors, the edges, and the official library in the same run."""

from __future__ import annotations

import base64
import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import standardwebhooks.webhooks
from hypothesis import given
from hypothesis import strategies as st

from concord.domain.events import RawRequest, SecretValue
from concord.platforms.standard_webhooks import ID, SIGNATURE, TIMESTAMP, sign, verify
from tests.unit.platforms.kit import FUZZ

# github.com/standard-webhooks/standard-webhooks, libraries/python/tests/test_webhooks.py
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
STAMP = 1614265330
BODY = b'{"test": 2432232314}'
OFFICIAL = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
DECOY = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
NOW = datetime.fromtimestamp(STAMP, UTC)
GOOD = {ID: MESSAGE_ID, TIMESTAMP: str(STAMP), SIGNATURE: OFFICIAL}


def request(headers: dict[str, str], body: bytes = BODY, at: datetime = NOW) -> RawRequest:
    return RawRequest("POST", headers, body, at)


def accepts(headers: dict[str, str], *secrets: str, body: bytes = BODY, at: datetime = NOW) -> bool:
    return verify(request(headers, body, at), [SecretValue(s) for s in secrets or (SECRET,)])


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return `accepts` of the official library, at our clock; its escapes count as refusals."""

    class Frozen(datetime):
        at = NOW

        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return cls.at

    monkeypatch.setattr(standardwebhooks.webhooks, "datetime", Frozen)

    def library_accepts(
        headers: dict[str, str], secret: str = SECRET, body: bytes = BODY, at: datetime = NOW
    ) -> bool:
        Frozen.at = at
        try:
            standardwebhooks.webhooks.Webhook(secret).verify(body, headers, json_parse=False)
        except Exception:
            return False
        return True

    return library_accepts


def test_the_official_signature_is_made() -> None:
    """Reliability 1."""
    assert sign(SECRET, MESSAGE_ID, STAMP, BODY) == GOOD


TABLE = {
    "good": (GOOD, True),
    "no id": ({**GOOD, ID: ""}, False),
    "no timestamp": ({**GOOD, TIMESTAMP: ""}, False),
    "no signature": ({**GOOD, SIGNATURE: ""}, False),
    "timestamp is a word": ({**GOOD, TIMESTAMP: "hello"}, False),
    "wrong signature": ({**GOOD, SIGNATURE: OFFICIAL.replace("E=", "A=")}, False),
    "several, one right": (
        {**GOOD, SIGNATURE: " ".join([DECOY, DECOY.replace("v1", "v2"), OFFICIAL, DECOY])},
        True,
    ),
    "right digest, wrong version": ({**GOOD, SIGNATURE: OFFICIAL.replace("v1", "v2")}, False),
    "asymmetric only": ({**GOOD, SIGNATURE: OFFICIAL.replace("v1,", "v1a,")}, False),
    "no version": ({**GOOD, SIGNATURE: OFFICIAL.removeprefix("v1,")}, False),
    "another id": ({**GOOD, ID: "msg_other"}, False),
}


@pytest.mark.parametrize(("headers", "accepted"), TABLE.values(), ids=TABLE)
def test_the_official_table(headers: dict[str, str], accepted: bool, library: Any) -> None:
    """Reliability 1: the same table on ours and on `standardwebhooks`."""
    assert accepts(headers) is accepted
    assert library(headers) is accepted


@pytest.mark.parametrize("secret", [SECRET, SECRET.removeprefix("whsec_")])
def test_the_prefix_may_be_left_out(secret: str, library: Any) -> None:
    assert accepts(GOOD, secret)
    assert library(GOOD, secret)


@pytest.mark.parametrize("seconds", [-301, -300, -1, 0, 1, 299, 300, 301])
def test_the_window_is_300_seconds_on_both_sides(seconds: int, library: Any) -> None:
    """Reliability 5: edges 300 / 301, as the library has them."""
    at = NOW + timedelta(seconds=seconds)
    assert accepts(GOOD, at=at) is (abs(seconds) <= 300)
    assert library(GOOD, at=at) is (abs(seconds) <= 300)


def test_half_a_second_beyond_the_window_is_beyond_it(library: Any) -> None:
    at = NOW + timedelta(seconds=300.5)
    assert accepts(GOOD, at=at) is library(GOOD, at=at) is False


def test_any_of_several_secrets_opens_the_door() -> None:
    """A rotation accepts the old and the new secret, until the old one expires."""
    other = "whsec_c2VjcmV0LW9mLWFub3RoZXItZW5kcG9pbnQ="
    assert accepts(GOOD, other, SECRET)
    expired = SecretValue(SECRET, expires_at=NOW)
    assert not verify(request(GOOD), [SecretValue(other), expired])
    fresh = dataclasses.replace(expired, expires_at=NOW + timedelta(seconds=1))
    assert verify(request(GOOD), [fresh])


def test_both_secrets_of_a_sender_in_rotation_sign() -> None:
    other = "whsec_c2VjcmV0LW9mLWFub3RoZXItZW5kcG9pbnQ="
    headers = sign(SECRET, MESSAGE_ID, STAMP, BODY, other)
    assert accepts(headers, SECRET)
    assert accepts(headers, other)


@pytest.mark.parametrize("raw", ["client secret, raw!", "geheimnis-ö"])
def test_a_raw_secret_is_the_key_itself(raw: str) -> None:
    headers = sign(raw, MESSAGE_ID, STAMP, BODY)
    assert accepts(headers, raw)
    assert accepts(headers, "whsec_" + base64.b64encode(raw.encode()).decode())


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not base64!", "whsec_ö"])
def test_a_secret_without_a_key_opens_nothing(secret: str) -> None:
    empty_key = sign("x", MESSAGE_ID, STAMP, BODY)
    assert not accepts(empty_key, secret)
    with pytest.raises(ValueError, match="no key"):
        sign(secret, MESSAGE_ID, STAMP, BODY)


@pytest.mark.parametrize(
    "stamp", ["1614265330.0", " 1614265330", "+1614265330", "١٦١٤٢٦٥٣٣٠", "9" * 400, "nan", "-1"]
)
def test_a_timestamp_is_plain_digits(stamp: str) -> None:
    # Signed over the odd spelling itself, so that only the spelling can be what is refused.
    headers = sign(SECRET, MESSAGE_ID, stamp, BODY)  # type: ignore[arg-type]
    assert headers[TIMESTAMP] == stamp
    assert not accepts(headers)


mutated_text = st.text(st.characters(), max_size=60)
header_values = st.one_of(
    mutated_text,
    st.sampled_from([OFFICIAL, DECOY, MESSAGE_ID, str(STAMP), "v1,", "v1", ",", " ", "v1,ö"]),
    st.builds(lambda a, b: f"{a} {b}", mutated_text, st.just(OFFICIAL)),
)


@FUZZ
@given(
    headers=st.dictionaries(st.sampled_from([ID, TIMESTAMP, SIGNATURE]), header_values),
    body=st.one_of(st.just(BODY), st.binary(max_size=60)),
    secret=st.one_of(st.just(SECRET), mutated_text, mutated_text.map(lambda t: "whsec_" + t)),
)
def test_the_verifier_is_total(headers: dict[str, str], body: bytes, secret: str) -> None:
    """Reliability 2: accept or refuse, never an error, and nobody else's signature passes."""
    given_headers = {**GOOD, **headers}
    accepted = accepts(given_headers, secret, body=body)
    # Only the one true message under the one true key verifies: all else is a forgery.
    entries = given_headers[SIGNATURE].split(" ")
    true_message = (
        given_headers[ID] == MESSAGE_ID
        and given_headers[TIMESTAMP] == str(STAMP)
        and OFFICIAL in entries
        and body == BODY
    )
    if secret == SECRET:
        assert accepted is true_message
    else:
        assert not accepted


def test_the_library_escapes_where_ours_refuses() -> None:
    """Reliability 2, side by side: why the library is not on the answer path."""
    hostile = [
        (GOOD, b"\xff"),
        ({**GOOD, SIGNATURE: "v1"}, BODY),
        ({**GOOD, SIGNATURE: "v1,a,b"}, BODY),
        ({**GOOD, SIGNATURE: "v1,!"}, BODY),
        ({**GOOD, ID: "\ud800"}, BODY),
    ]
    now = str(int(datetime.now(UTC).timestamp()))
    escapes = 0
    for headers, body in hostile:
        assert accepts(headers, body=body) is False
        try:
            standardwebhooks.webhooks.Webhook(SECRET).verify(body, {**headers, TIMESTAMP: now})
        except standardwebhooks.webhooks.WebhookVerificationError:
            continue
        except Exception:
            escapes += 1
    assert escapes >= 4
