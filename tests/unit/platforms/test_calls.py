"""What is shared by all calls: scrubbing, Retry-After, requests that cannot be spelled."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from concord.domain.errors import PermanentError
from concord.platforms.calls import MAX_RETRY_AFTER, exchange, retry_after, scrub, words
from concord.platforms.checked import digits_to_e164, e164_to_digits
from tests.unit.platforms.kit import Answer, answering, guarded

NOW = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("To +1 (555) 123-0000 failed", "To [number] failed"),
        ("5551230000 and 555.123.0000", "[number] and [number]"),
        ("jo.doe+x@example.com unknown", "[address] unknown"),
        ("see https://api.example.com/x?key=1", "see [url]"),
        ("key sk_live_0123456789abcdefghij bad", "key [token] bad"),
        ("DESTINATION_PHONE_NUMBER_OPTED_OUT", "DESTINATION_PHONE_NUMBER_OPTED_OUT"),
        ("code 21211 is short", "code 21211 is short"),
        ("two\nlines", "two lines"),
        ("x " * 500, "x " * 100),
    ],
)
def test_words_are_scrubbed(text: str, scrubbed: str) -> None:
    """Reliability 37: their words go into logs and rows, so nothing personal may stand in them."""
    assert scrub(text) == scrubbed


def test_words_may_be_missing() -> None:
    assert words({"message": {"a": 1}}) == "no words"
    assert words({"description": "No."}) == "No."


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": " 12 "}, 12.0),
        ({"retry-after": "999999999"}, MAX_RETRY_AFTER),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after": "Sun, 01 Mar 2026 10:00:30 GMT"}, 30.0),
        ({"retry-after": "Sun, 01 Mar 2026 09:00:00 GMT"}, 0.0),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds


def test_a_date_is_measured_by_their_own_clock() -> None:
    headers = {
        "date": "Sun, 01 Mar 2020 10:00:00 GMT",
        "retry-after": "Sun, 01 Mar 2020 10:00:09 GMT",
    }
    assert retry_after(headers) == 9.0


def test_a_key_that_is_no_header_is_not_quoted() -> None:
    client = answering(Answer(200)).client("https://api.example.com")
    with pytest.raises(PermanentError) as caught:
        exchange(client, "GET", "/x", headers={"x-api-key": "schlüssel"})
    assert caught.value.reason == "invalid_request"
    assert "schl" not in str(caught.value)


def test_what_our_own_side_refuses_was_not_sent() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.LocalProtocolError("Illegal header value", request=request)

    client = guarded(refuse).client("https://api.example.com")
    with pytest.raises(PermanentError) as caught:
        exchange(client, "POST", "/x", sends=True)
    assert caught.value.reason == "invalid_request"


@pytest.mark.parametrize(
    ("digits", "e164"),
    [("5551230000", "+15551230000"), ("445551230000", "+445551230000")],
)
def test_digits_and_e164_are_two_spellings_of_one_number(digits: str, e164: str) -> None:
    assert digits_to_e164(digits) == e164
    assert e164_to_digits(e164) == digits


@pytest.mark.parametrize(
    ("spelled", "e164"),
    [("(555) 123-0000", "+15551230000"), ("+1 555 123 0000", "+15551230000"), ("292929", "292929")],
)
def test_other_spellings_are_understood(spelled: str, e164: str) -> None:
    assert digits_to_e164(spelled) == e164
