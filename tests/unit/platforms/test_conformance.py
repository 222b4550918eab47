"""What every platform has to do, run over the registry: a new one is tested by being listed."""

from __future__ import annotations

import dataclasses
import functools
import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

import concord.platforms
from concord.domain.contacts import ELLITY_FIELDS
from concord.domain.errors import (
    CredentialsRejectedError,
    OptedOutAtCarrierError,
    OutcomeUnknownError,
    PermanentError,
    PlatformError,
    RetryableError,
    ThrottledError,
)
from concord.domain.events import (
    DeliveryReceipt,
    DeliveryStatus,
    Failure,
    RawRequest,
    UnparseableError,
)
from concord.domain.outbound import BulkHandedOver
from concord.platforms.http import GuardedHttp
from concord.platforms.registry import PLATFORMS, PlatformRegistry, platform_named
from concord.ports import ContactPeer, WebhookAdapter
from tests.unit.platforms.kit import (
    BULK,
    CONTACT,
    EVENT,
    FUZZ_WEBHOOKS,
    NEW_LIST,
    NOW,
    TEXT,
    TOGETHER,
    Answer,
    BulkCase,
    Fixture,
    PlatformCase,
    WebhookCase,
    case_of,
    describe,
    fixtures_of,
)

CASES = {name: case_of(folder) for name, folder in PLATFORMS.items()}
WITH_WEBHOOK = [name for name, case in CASES.items() if case.webhook]
SIGNED = [name for name, case in CASES.items() if case.webhook and not case.webhook.unsigned]
UNSIGNED = [name for name in WITH_WEBHOOK if name not in SIGNED]
HERE = Path(__file__).parent


def _adapter(name: str) -> WebhookAdapter:
    adapter = PlatformRegistry().webhook(name)
    assert adapter is not None
    return adapter


def _webhook_case(name: str) -> WebhookCase:
    case = CASES[name].webhook
    assert case is not None
    return case


def _all_fixtures() -> Iterator[tuple[str, Fixture]]:
    for name, folder in PLATFORMS.items():
        for fixture in fixtures_of(folder):
            yield name, fixture


def _signed(name: str) -> RawRequest:
    return _webhook_case(name).sign(fixtures_of(PLATFORMS[name])[0].request)


@functools.cache
def _good_requests(name: str) -> list[tuple[RawRequest, Mapping[str, Any]]]:
    """Return all fixtures of a platform as it would send them, with their settings."""
    case = CASES[name].webhook
    return [
        (case.sign(each.request) if case else each.request, each.settings)
        for each in fixtures_of(PLATFORMS[name])
    ]


def _verifies(name: str, request: RawRequest) -> bool:
    case = _webhook_case(name)
    return _adapter(name).verify(request, case.secrets, case.credentials)


# --- completeness ----------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "folder"), PLATFORMS.items())
def test_every_platform_is_complete(name: str, folder: str) -> None:
    """Promise 6: a platform is one folder, and it comes with README, fixtures and tests."""
    package = Path(concord.platforms.__path__[0]) / folder
    assert "http" in (package / "README.md").read_text(), "the README links their documentation"
    assert list((HERE / folder).glob("test_*.py")), "the platform has tests of its own"
    events = importlib.import_module(f"concord.platforms.{folder}.webhook").EVENTS
    assert {fixture.event for fixture in fixtures_of(folder)} == set(events)


@pytest.mark.parametrize("name", PLATFORMS)
def test_a_case_covers_each_capability(name: str) -> None:
    """A capability that is registered cannot dodge the suite."""
    platform, case = platform_named(name), CASES[name]
    assert platform is not None
    assert platform.name == name == case.name
    assert (platform.webhook is None) == (case.webhook is None)
    assert (platform.sender is None) == (case.sender is None)
    assert (platform.bulk_sender is None) == (case.bulk is None)
    assert (platform.consent_peer is None) == (case.peer is None)
    assert (platform.shopper_source is None) == (case.source is None)
    assert (platform.contact_peer is None) == (case.contacts is None)
    assert (platform.checker is None) == (case.checker is None)


@pytest.mark.parametrize("name", PLATFORMS)
def test_where_a_platform_is_for_everybody_can_be_called(name: str) -> None:
    """Promise 6: the address stands in its folder; NO_URL is for those that an SDK finds."""
    platform = platform_named(name)
    assert platform is not None
    if platform.default_url:
        host = urlsplit(platform.default_url).hostname
        assert GuardedHttp([str(host)]).client(platform.default_url)


def test_no_folder_is_left_out_of_the_registry() -> None:
    """Promise 6: the one list is complete."""
    root = Path(concord.platforms.__path__[0])
    assert {path.parent.name for path in root.glob("*/__init__.py")} == set(PLATFORMS.values())


def test_an_unknown_platform_has_no_capability() -> None:
    registry = PlatformRegistry()
    assert registry.webhook("nobody") is None
    assert platform_named("nobody") is None


# --- webhooks --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "fixture"), [pytest.param(n, f, id=f"{n}-{f.path.stem}") for n, f in _all_fixtures()]
)
def test_each_fixture_parses_to_the_events_beside_it(name: str, fixture: Fixture) -> None:
    """R-15, R-24: what a platform sent is what we understood."""
    parse = CASES[name].parse or _adapter(name).parse
    parsed = parse(fixture.request, fixture.settings)
    assert [describe(event) for event in parsed.events] == fixture.events
    assert parsed.unknown_type is None
    assert parsed.event_id == (parsed.events[0].event_id or "")


def _receipts(name: str) -> list[DeliveryReceipt]:
    parse = CASES[name].parse or _adapter(name).parse
    found = [parse(each.request, each.settings) for each in fixtures_of(PLATFORMS[name])]
    return [e for each in found for e in each.events if isinstance(e, DeliveryReceipt)]


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.sender])
def test_a_failed_text_says_what_it_means_for_its_number(name: str) -> None:
    """R-07, R-15: hard, soft or opted out for each that failed; and every receipt has a number."""
    receipts = _receipts(name)
    for receipt in receipts:
        assert (receipt.failure is not None) == (receipt.status is DeliveryStatus.FAILED)
        assert receipt.to == TEXT.to
        assert TEXT.to not in repr(receipt)
    assert {DeliveryStatus.DELIVERED, DeliveryStatus.FAILED} <= {r.status for r in receipts}
    assert any(receipt.hard for receipt in receipts), "a fixture shows a number that is dead"


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.sender])
def test_one_table_holds_what_suppresses(name: str) -> None:
    """R-07: one table in the folder, which names what suppresses and nothing that is soft."""
    folder = importlib.import_module(f"concord.platforms.{PLATFORMS[name]}.codes")
    assert folder.FAILURES
    assert Failure.SOFT not in folder.FAILURES.values()


@pytest.mark.parametrize(
    ("name", "fixture"),
    [pytest.param(n, f, id=f"{n}-{f.path.stem}") for n, f in _all_fixtures() if n in WITH_WEBHOOK],
)
def test_a_good_signature_passes(name: str, fixture: Fixture) -> None:
    assert _verifies(name, _webhook_case(name).sign(fixture.request))


@pytest.mark.parametrize("name", SIGNED)
def test_a_tampered_body_fails(name: str) -> None:
    request = _signed(name)
    middle = len(request.body) // 2
    flipped = bytes([request.body[middle] ^ 1])
    for body in (
        request.body[:-3],
        request.body[:middle] + flipped + request.body[middle + 1 :],
        b"",
    ):
        assert not _verifies(name, dataclasses.replace(request, body=body))


@pytest.mark.parametrize("name", SIGNED)
def test_a_missing_header_fails(name: str) -> None:
    request = _signed(name)
    for missing in _webhook_case(name).signature_headers:
        headers = {key: value for key, value in request.headers.items() if key != missing}
        assert headers != request.headers
        assert not _verifies(name, dataclasses.replace(request, headers=headers))


@pytest.mark.parametrize("name", SIGNED)
def test_a_wrong_secret_fails(name: str) -> None:
    """Reliability 2: the signature of one merchant opens no other merchant's door."""
    case, request = _webhook_case(name), _signed(name)
    assert not _adapter(name).verify(request, case.wrong_secrets, case.wrong_credentials)
    assert not _adapter(name).verify(request, (), {})


@pytest.mark.parametrize("name", UNSIGNED)
def test_what_nobody_signs_says_so(name: str) -> None:
    """R-32: its URL lets it in, and `unsigned` keeps an opt-in waiting for proof."""
    adapter = _adapter(name)
    for request, _ in _good_requests(name):
        assert adapter.verify(request, (), {})
        assert adapter.unsigned(request)


@pytest.mark.parametrize("name", SIGNED)
def test_what_is_signed_says_so(name: str) -> None:
    """R-32: a good signature is never taken for none."""
    for request, _ in _good_requests(name):
        assert not _adapter(name).unsigned(request)


@pytest.mark.parametrize("name", [name for name in WITH_WEBHOOK if _webhook_case(name).expires])
@pytest.mark.parametrize(("seconds", "accepted"), [(-301, 0), (-300, 1), (300, 1), (301, 0)])
def test_a_stale_timestamp_fails(name: str, seconds: int, accepted: int) -> None:
    """Reliability 5: the clock window is 300 s on both sides."""
    late = dataclasses.replace(_signed(name), received_at=NOW + timedelta(seconds=seconds))
    assert _verifies(name, late) is bool(accepted)


@pytest.mark.parametrize("name", PLATFORMS)
@FUZZ_WEBHOOKS
@given(data=st.data())
def test_verify_and_parse_are_total(name: str, data: st.DataObject) -> None:
    """Reliability 2: any header and any body is accepted or refused, never another error.

    Drawing a mutation takes far longer than a webhook, so each is put into TOGETHER of them: the
    fixtures in turn, and another place in the body each time.
    """
    good = _good_requests(name)
    names = st.sampled_from(
        [*{header: 0 for each, _ in good for header in each.headers}, "x-other"]
    )
    mangled = data.draw(st.dictionaries(names, st.text(st.characters(), max_size=80), max_size=3))
    added, removed = data.draw(st.binary(max_size=20)), data.draw(st.integers(0, 20))
    first, step = data.draw(st.integers(0, 9_999)), data.draw(st.integers(1, 999))
    for number in range(TOGETHER):
        request, account = good[(first + number) % len(good)]
        place = (first + number * step) % (len(request.body) + 1)
        body = request.body[:place] + added + request.body[place + removed :]
        headers = {**request.headers, **mangled}
        _is_understood_or_refused(
            name, dataclasses.replace(request, headers=headers, body=body), account
        )


def _is_understood_or_refused(name: str, mutated: RawRequest, account: Mapping[str, Any]) -> None:
    case = CASES[name]
    if case.webhook:
        assert _verifies(name, mutated) in (True, False)
    try:
        parsed = (case.parse or _adapter(name).parse)(mutated, account)
    except UnparseableError:
        return
    for event in parsed.events:
        repr(event).encode()  # nothing that cannot be stored came through


# --- calls -----------------------------------------------------------------------------------

OWN = b"their own error body"
SENDS = [
    (Answer(400, OWN), PermanentError),
    (Answer(401, OWN), CredentialsRejectedError),
    (Answer(403, OWN), CredentialsRejectedError),
    (Answer(404, OWN), PermanentError),
    (Answer(409, OWN), PermanentError),
    (Answer(429, OWN), ThrottledError),
    (Answer(500, OWN), OutcomeUnknownError),
    (Answer(502, b"<html>"), OutcomeUnknownError),
    (Answer(503, OWN), RetryableError),
    (Answer(503, b"<html>"), OutcomeUnknownError),
    (Answer(504, b"<html>"), OutcomeUnknownError),
    (Answer(302, b"", {"location": "https://169.254.169.254/"}), PermanentError),
    (Answer(200, b"<html>"), OutcomeUnknownError),
    (Answer(lost="refused"), RetryableError),
    (Answer(lost="connect_timeout"), RetryableError),
    (Answer(lost="read_timeout"), OutcomeUnknownError),
    (Answer(lost="reset"), OutcomeUnknownError),
    (Answer(lost="closed"), OutcomeUnknownError),
]
IDEMPOTENT = [
    (answer, RetryableError if expected is OutcomeUnknownError else expected)
    for answer, expected in SENDS
    # A 2xx is enough for a push, and some 404s mean "nobody there": see each platform's own tests.
    if answer.status not in (200, 404) or answer.lost
]


def _spoken(case: PlatformCase, answer: Answer) -> Answer:
    return dataclasses.replace(answer, body=case.refused) if answer.body == OWN else answer


def _id(value: object) -> str:
    if isinstance(value, Answer):
        return value.lost or f"{value.status}{'-own' if value.body == OWN else ''}"
    return str(getattr(value, "__name__", value))


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.sender])
@pytest.mark.parametrize(("answer", "expected"), SENDS, ids=_id)
def test_a_sender_says_what_to_do(name: str, answer: Answer, expected: type[Exception]) -> None:
    """R-10: a lost answer is an unknown outcome on every platform, never a retry."""
    case = CASES[name]
    assert case.sender is not None
    with pytest.raises(PlatformError) as caught:
        case.sender(_spoken(case, answer)).send(TEXT)
    assert type(caught.value) is expected
    assert TEXT.to not in str(caught.value)
    assert "://" not in str(caught.value)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.sender])
def test_a_sender_hands_over(name: str) -> None:
    case = CASES[name]
    assert case.sender is not None
    assert case.sender(Answer(200, case.accepted)).send(TEXT).message_id == case.message_id


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.sender])
@pytest.mark.parametrize(
    "headers",
    [
        {"retry-after": "7"},
        {
            "date": "Sun, 01 Mar 2026 10:00:00 GMT",
            "retry-after": "Sun, 01 Mar 2026 10:00:07 GMT",
        },
    ],
)
def test_throttling_says_when(name: str, headers: dict[str, str]) -> None:
    case = CASES[name]
    assert case.sender is not None
    with pytest.raises(ThrottledError) as caught:
        case.sender(Answer(429, case.refused, headers)).send(TEXT)
    assert caught.value.retry_after == 7.0


# --- a text to many ---------------------------------------------------------------------------

WITH_BULK = [name for name, case in CASES.items() if case.bulk]
# A look-up may be repeated; what it was told for good is that it cannot be known.
LOOKED_UP = [
    (Answer(401, OWN), CredentialsRejectedError, None),
    (Answer(403, OWN), CredentialsRejectedError, None),
    (Answer(400, OWN), PermanentError, "lookup_unsupported"),
    (Answer(404, OWN), PermanentError, "lookup_unsupported"),
    (Answer(429, OWN, {"retry-after": "7"}), ThrottledError, None),
    (Answer(500, OWN), RetryableError, None),
    (Answer(503, b"<html>"), RetryableError, None),
    (Answer(200, b"<html>"), RetryableError, None),
    (Answer(lost="refused"), RetryableError, None),
    (Answer(lost="read_timeout"), RetryableError, None),
]


def _bulk_case(name: str) -> BulkCase:
    case = CASES[name].bulk
    assert case is not None
    return case


def _silent(name: str) -> Sequence[bytes]:
    return _bulk_case(name).silent


def _says_nothing_personal(error: Exception) -> bool:
    shown = f"{error}{error!r}"
    return not any(number in shown for _, number in BULK.recipients) and "://" not in shown


@pytest.mark.parametrize("name", WITH_BULK)
@pytest.mark.parametrize(("answer", "expected"), SENDS, ids=_id)
def test_a_bulk_sender_says_what_to_do(
    name: str, answer: Answer, expected: type[Exception]
) -> None:
    """R-10: a slice whose answer was lost is an unknown outcome: up to 600 people at once."""
    with pytest.raises(PlatformError) as caught:
        _bulk_case(name).sender(_spoken(CASES[name], answer)).send_bulk(BULK)
    assert type(caught.value) is expected
    assert _says_nothing_personal(caught.value)


@pytest.mark.parametrize("name", WITH_BULK)
def test_a_bulk_sender_hands_over(name: str) -> None:
    """TEA-09: one call carries the slice, and its id comes back."""
    case = _bulk_case(name)
    assert case.sender(Answer(200, case.accepted)).send_bulk(BULK) == BulkHandedOver(
        case.message_id
    )


@pytest.mark.parametrize("name", WITH_BULK)
def test_nobody_left_is_no_failure_of_the_call(name: str) -> None:
    """R-07: all of them opted out there: nothing was sent, and nobody tries again."""
    case = _bulk_case(name)
    with pytest.raises(OptedOutAtCarrierError):
        case.sender(Answer(400, case.nobody_left)).send_bulk(BULK)


@pytest.mark.parametrize("name", WITH_BULK)
def test_bulk_throttling_says_when(name: str) -> None:
    """R-08: their own Retry-After."""
    with pytest.raises(ThrottledError) as caught:
        _bulk_case(name).sender(Answer(429, b"{}", {"retry-after": "7"})).send_bulk(BULK)
    assert caught.value.retry_after == 7.0


@pytest.mark.parametrize("name", WITH_BULK)
def test_a_bulk_text_is_found_by_its_name_or_known_to_be_absent(name: str) -> None:
    """R-10: what arrived is not sent again, and what never arrived is."""
    case = _bulk_case(name)
    found = case.sender(Answer(200, case.found)).find_bulk(BULK)
    assert found == BulkHandedOver(case.message_id)
    assert case.sender(Answer(200, case.absent)).find_bulk(BULK) is None


@pytest.mark.parametrize(
    ("name", "body"),
    [pytest.param(n, b, id=f"{n}-{i}") for n in WITH_BULK for i, b in enumerate(_silent(n))],
)
def test_a_look_up_that_proves_nothing_says_so(name: str, body: bytes) -> None:
    """R-10: "not there" is believed of an applied filter only: else all are texted twice."""
    with pytest.raises(PermanentError) as caught:
        _bulk_case(name).sender(Answer(200, body)).find_bulk(BULK)
    assert caught.value.reason == "lookup_unsupported"


@pytest.mark.parametrize("name", WITH_BULK)
@pytest.mark.parametrize(("answer", "expected", "reason"), LOOKED_UP, ids=_id)
def test_a_look_up_says_what_to_do(
    name: str, answer: Answer, expected: type[Exception], reason: str | None
) -> None:
    """R-10: trouble with a look-up is never taken for "not there"."""
    with pytest.raises(PlatformError) as caught:
        _bulk_case(name).sender(_spoken(CASES[name], answer)).find_bulk(BULK)
    assert type(caught.value) is expected
    assert getattr(caught.value, "reason", None) == reason
    assert _says_nothing_personal(caught.value)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.sender])
def test_every_sender_has_a_pace(name: str) -> None:
    """R-08: a long text takes longer where the carrier counts segments."""
    platform, registry = platform_named(name), PlatformRegistry()
    assert platform is not None
    assert registry.rate(name) == platform.rate > 0
    share = 3 if platform.paced_by_segments else 1
    assert registry.rate(name, 3) == pytest.approx(platform.rate / share)
    readme = Path(concord.platforms.__path__[0]) / PLATFORMS[name] / "README.md"
    assert "## Rate" in readme.read_text(), "the README says where the rate comes from"


def test_nobody_has_a_pace_of_his_own() -> None:
    """R-08: an unknown platform is slow rather than unbounded."""
    assert PlatformRegistry().rate("nobody") == 1.0


# --- consent and credentials ------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.peer])
@pytest.mark.parametrize(("answer", "expected"), IDEMPOTENT, ids=_id)
def test_a_push_can_be_repeated(name: str, answer: Answer, expected: type[Exception]) -> None:
    """TEA-17: consent pushes are idempotent, so a lost answer is simply tried again."""
    case = CASES[name]
    assert case.peer is not None
    peer = case.peer(_spoken(case, answer))
    with pytest.raises(PlatformError) as caught:
        peer.set_consent(case.push)
    assert type(caught.value) is expected
    assert case.push.point not in str(caught.value)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.source])
@pytest.mark.parametrize("answer_of", ["groups", "shoppers"])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        *IDEMPOTENT,
        (Answer(404, OWN), PermanentError),
        (Answer(200, b"<html>"), RetryableError),
        (Answer(200, b"[" * 100_000), RetryableError),
        (Answer(200, b'"a text"'), RetryableError),
    ],
    ids=_id,
)
def test_a_source_says_what_to_do(
    name: str, answer_of: str, answer: Answer, expected: type[Exception]
) -> None:
    """TEA-05: a page that did not come is read again; it is never taken for an empty one."""
    case = CASES[name]
    assert case.source is not None
    source = case.source(_spoken(case, answer))
    with pytest.raises(PlatformError) as caught:
        getattr(source, answer_of)(None)
    assert type(caught.value) is expected
    assert "://" not in str(caught.value)


# --- contacts ----------------------------------------------------------------------------------

WITH_CONTACTS = [name for name, case in CASES.items() if case.contacts]
REPEATABLE: Mapping[str, Callable[[ContactPeer], object]] = {
    "lists": lambda peer: peer.lists(),
    "ensure_fields": lambda peer: peer.ensure_fields("7", ELLITY_FIELDS),
    "upsert": lambda peer: peer.upsert("7", CONTACT),
    "update": lambda peer: peer.update("7", CONTACT),
    "upsert_many": lambda peer: peer.upsert_many("7", [CONTACT]),
    "subscriber": lambda peer: peer.subscriber("7", CONTACT.email),
}
ONCE_ONLY: Mapping[str, Callable[[ContactPeer], object]] = {
    "make_list": lambda peer: peer.make_list(NEW_LIST),
    "emit": lambda peer: peer.emit(EVENT),
}


def _fails(name: str, call: Callable[[ContactPeer], object], answer: Answer) -> PlatformError:
    case = CASES[name]
    assert case.contacts is not None
    with pytest.raises(PlatformError) as caught:
        call(case.contacts(_spoken(case, answer)))
    shown = f"{caught.value}{caught.value!r}"
    assert not any(said in shown for said in (CONTACT.email, "Novak", "4711", "://"))
    return caught.value


@pytest.mark.parametrize("name", WITH_CONTACTS)
@pytest.mark.parametrize("call", REPEATABLE)
@pytest.mark.parametrize(
    ("answer", "expected"), [*IDEMPOTENT, (Answer(200, b"<html>"), RetryableError)], ids=_id
)
def test_contacts_can_be_written_again(
    name: str, call: str, answer: Answer, expected: type[Exception]
) -> None:
    """ECO-20: each failure has its own class, and whatever may be repeated is."""
    assert type(_fails(name, REPEATABLE[call], answer)) is expected


@pytest.mark.parametrize("name", WITH_CONTACTS)
@pytest.mark.parametrize("call", ONCE_ONLY)
@pytest.mark.parametrize(
    ("answer", "expected"),
    [each for each in SENDS if each[0].status != 200 or each[0].lost],
    ids=_id,
)
def test_what_may_happen_once_is_never_repeated_blindly(
    name: str, call: str, answer: Answer, expected: type[Exception]
) -> None:
    """ECO-06: an event whose answer was lost may have been told."""
    assert type(_fails(name, ONCE_ONLY[call], answer)) is expected


@pytest.mark.parametrize("name", WITH_CONTACTS)
@pytest.mark.parametrize("call", [*REPEATABLE, *ONCE_ONLY])
def test_contact_throttling_says_when(name: str, call: str) -> None:
    """Platform page: 1,000 calls a minute, and their own Retry-After."""
    made = {**REPEATABLE, **ONCE_ONLY}[call]
    problem = _fails(name, made, Answer(429, b"{}", {"retry-after": "17"}))
    assert isinstance(problem, ThrottledError)
    assert problem.retry_after == 17.0


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.checker])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(401, OWN), CredentialsRejectedError),
        (Answer(403, OWN), CredentialsRejectedError),
        (Answer(500, OWN), RetryableError),
        (Answer(lost="read_timeout"), RetryableError),
        (Answer(lost="refused"), RetryableError),
    ],
    ids=_id,
)
def test_a_check_says_what_is_wrong(name: str, answer: Answer, expected: type[Exception]) -> None:
    case = CASES[name]
    assert case.checker is not None
    with pytest.raises(PlatformError) as caught:
        case.checker(_spoken(case, answer)).check()
    assert type(caught.value) is expected
