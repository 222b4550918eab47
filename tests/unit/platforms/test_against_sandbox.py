"""Our clients against the sandbox's platforms: two readings of the same pages have to agree."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from concord.domain.contacts import (
    ELLITY_FIELDS,
    Contact,
    ContactList,
    FieldValue,
    SubscriberStatus,
)
from concord.domain.errors import (
    CredentialsRejectedError,
    OptedOutAtCarrierError,
    OutcomeUnknownError,
    PermanentError,
    RetryableError,
    ThrottledError,
)
from concord.domain.events import (
    CreditChanged,
    DeliveryReceipt,
    DeliveryStatus,
    Failure,
    OptedIn,
    OptedOut,
    PlatformEvent,
    RawRequest,
    SecretValue,
)
from concord.domain.identity import Channel
from concord.domain.outbound import AccountFacts, BulkText, Endpoint
from concord.domain.source import SourceGroup, SourceShopper
from concord.platforms.http import GuardedHttp
from concord.platforms.registry import PlatformRegistry
from concord.ports import BulkSender, ContactPeer
from sandbox.app import build
from sandbox.drop import ConnectionDroppedError
from tests.unit.platforms.kit import BULK, CONTACT, EVENT, NEW_LIST, PUSH, TEXT

TEA = {"consumer_key": "K", "consumer_secret": "S", "access_token": "T"}
SECRET = SecretValue("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
TWILIO = {"account_sid": "AC1", "auth_token": "token"}


class InProcess(httpx.BaseTransport):
    """Carries requests into an ASGI application."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return asyncio.run(self._call(request))
        except ConnectionDroppedError:
            raise httpx.RemoteProtocolError("closed", request=request) from None

    async def _call(self, request: httpx.Request) -> httpx.Response:
        forwarded = httpx.Request(
            request.method, request.url, headers=request.headers, content=request.read()
        )
        answer = await httpx.ASGITransport(self._app).handle_async_request(forwarded)
        return httpx.Response(
            answer.status_code, headers=answer.headers, content=await answer.aread()
        )


class Sandbox:
    """The sandbox in this process, and a registry that reaches it."""

    def __init__(self) -> None:
        self.received: list[httpx.Request] = []
        app, _ = build(httpx.AsyncClient(transport=httpx.MockTransport(self._receive)))
        transport = InProcess(app)
        self.control = httpx.Client(transport=transport, base_url="http://sandbox.local")
        http = GuardedHttp(
            ["sandbox.local"],
            allow_private=True,
            resolver=lambda host, port: ["127.0.0.1"],
            transport=transport,
        )
        self.registry = PlatformRegistry(http=http)

    def _receive(self, request: httpx.Request) -> httpx.Response:
        self.received.append(request)
        return httpx.Response(204)

    def receipts(self, platform: str, key: SecretValue | None = None) -> list[DeliveryReceipt]:
        """Have them told, and return what our adapter makes of each, its signature proved."""
        assert self.control.post(f"/{platform}/_receipts").is_success
        adapter = self.registry.webhook(platform)
        assert adapter is not None
        found: list[PlatformEvent] = []
        for sent in self.received:
            query = tuple(sent.url.params.multi_items())
            headers = {name.lower(): value for name, value in sent.headers.items()}
            url, at = str(sent.url), datetime.now(UTC)
            request = RawRequest("POST", headers, sent.content, at, url, query)
            assert adapter.verify(request, [key] if key else [], TWILIO)
            found += adapter.parse(request, {}).events
        assert all(isinstance(event, DeliveryReceipt) for event in found)
        return [event for event in found if isinstance(event, DeliveryReceipt)]

    def seed(self, platform: str, account: str, **seed: Any) -> dict[str, Any]:
        answer = self.control.put(f"/{platform}/_accounts/{account}", json=seed)
        assert answer.is_success
        return dict(answer.json())

    def fault(self, **fault: Any) -> None:
        assert self.control.post("/_faults", json=fault).is_success


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox()


def endpoint(platform: str, account: str, credentials: Mapping[str, str]) -> Endpoint:
    return Endpoint(account, f"http://sandbox.local/{platform}", {}, credentials)


def test_text_em_all(sandbox: Sandbox) -> None:
    """TEA-17, TEA-23, R-10: numbers, a text, its look-up, the opt state."""
    seed = {"text_numbers": ["+15558880100", "+15558880101"], "credentials": TEA}
    numbers = sandbox.seed("text_em_all", "tea-1", **seed)["text_numbers"]
    there = endpoint("text_em_all", "tea-1", TEA)
    checker = sandbox.registry.checker("text_em_all", there)
    sender = sandbox.registry.sender("text_em_all", there)
    peer = sandbox.registry.consent_peer("text_em_all", there)
    assert checker is not None
    assert sender is not None
    assert peer is not None
    assert checker.check() == AccountFacts(tuple((n["number"], str(n["id"])) for n in numbers))
    text = TEXT.__class__(
        TEXT.to, TEXT.body, TEXT.reference, TEXT.sends_from, str(numbers[0]["id"])
    )
    assert sender.find(text) is None
    assert sender.send(text) == sender.find(text)
    received = sandbox.control.get(f"/text_em_all/_handset/{TEXT.to}").json()
    assert [(r["from"], r["text"]) for r in received] == [("+15558880100", TEXT.body)]
    assert peer.set_consent(PUSH)
    contact = sandbox.control.get(f"/text_em_all/_contacts/{TEXT.to}").json()
    assert contact == {"opted_in": False}


def bulk(sandbox: Sandbox, **options: Any) -> tuple[BulkSender, BulkText]:
    """Seed an account as `options` say; return our bulk sender there, and a text of its."""
    wiring = {"webhook_url": "http://concord.test/w", "webhook_secret": SECRET.value}
    seed = {"text_numbers": ["+15558880100"], "credentials": TEA, **wiring, **options}
    number_id = sandbox.seed("text_em_all", "tea-1", **seed)["text_numbers"][0]["id"]
    there = endpoint("text_em_all", "tea-1", TEA)
    sender = sandbox.registry.bulk_sender("text_em_all", there)
    assert sender is not None
    return sender, dataclasses.replace(BULK, sends_from_id=str(number_id))


def counts(sandbox: Sandbox) -> dict[str, int]:
    rows = sandbox.control.get("/text_em_all/_texts").json()
    return {row["to"]: row["count"] for row in rows}


def test_a_broadcast(sandbox: Sandbox) -> None:
    """TEA-09, R-10: one call texts everybody once, and is found by its name afterwards."""
    sender, text = bulk(sandbox)
    assert sender.find_bulk(text) is None
    sent = sender.send_bulk(text)
    assert sender.find_bulk(text) == sent
    assert counts(sandbox) == {number: 1 for _, number in BULK.recipients}
    other = dataclasses.replace(text, reference=f"{text.reference}0")
    assert sender.find_bulk(other) is None


def test_a_lost_broadcast_is_found_and_one_that_never_came_is_not(sandbox: Sandbox) -> None:
    """R-10: both look alike to the caller, and only the look-up tells them apart."""
    sender, text = bulk(sandbox)
    never = {"platform": "text_em_all", "path": "/broadcasts", "method": "POST", "times": 1}
    sandbox.fault(**never, status=502)
    with pytest.raises(OutcomeUnknownError):
        sender.send_bulk(text)
    assert sender.find_bulk(text) is None
    sandbox.fault(**never, lose_answer=True)
    with pytest.raises(OutcomeUnknownError):
        sender.send_bulk(text)
    found = sender.find_bulk(text)
    assert found is not None
    assert counts(sandbox) == {number: 1 for _, number in BULK.recipients}


def test_a_filter_that_is_not_applied_is_noticed(sandbox: Sandbox) -> None:
    """R-10: other broadcasts in the answer do not mean that ours is absent."""
    sender, text = bulk(sandbox, ignore_filters=True)
    sender.send_bulk(dataclasses.replace(text, reference="another"))
    with pytest.raises(PermanentError) as caught:
        sender.find_bulk(text)
    assert caught.value.reason == "lookup_unsupported"


def test_nobody_is_left_of_a_broadcast(sandbox: Sandbox) -> None:
    """R-07: 3005, once everybody texted STOP there."""
    sender, text = bulk(sandbox)
    for _, number in BULK.recipients:
        stop = {"from": number, "to": "+15558880100", "text": "STOP"}
        sandbox.control.post("/text_em_all/_handset", json=stop)
    with pytest.raises(OptedOutAtCarrierError):
        sender.send_bulk(text)
    assert counts(sandbox) == {}


def test_a_broadcast_too_fast_says_when(sandbox: Sandbox) -> None:
    """R-08: and texts nobody."""
    sender, text = bulk(sandbox, calls_per_second=1)
    sender.send_bulk(text)
    with pytest.raises(ThrottledError) as caught:
        sender.send_bulk(text)
    assert caught.value.retry_after == 1.0
    assert set(counts(sandbox).values()) == {1}


def test_receipts_of_a_broadcast(sandbox: Sandbox) -> None:
    """R-07, R-15: by number, under the slice's reference; a dead number and an opt-out there."""
    (_, ada), (_, ben), (_, cem) = BULK.recipients
    options = {"hold": True, "fail_numbers": {ben: "disconnected"}}
    sender, text = bulk(sandbox, receipts=options)
    stop = {"from": cem, "to": "+15558880100", "text": "STOP"}
    sandbox.control.post("/text_em_all/_handset", json=stop)
    sandbox.received.clear()
    sent = sender.send_bulk(text)

    receipts = sandbox.receipts("text_em_all", SECRET)
    assert {receipt.reference for receipt in receipts} == {text.reference}
    assert {receipt.message_id for receipt in receipts} == {sent.message_id}
    last = {receipt.to: receipt for receipt in sorted(receipts, key=lambda each: each.status.rank)}
    assert {to: (each.status, each.failure) for to, each in last.items()} == {
        ada: (DeliveryStatus.DELIVERED, None),
        ben: (DeliveryStatus.FAILED, Failure.HARD),
        cem: (DeliveryStatus.FAILED, Failure.OPTED_OUT),
    }


@pytest.mark.parametrize(("code", "failure"), [("30005", Failure.HARD), ("30003", Failure.SOFT)])
def test_receipts_of_twilio(sandbox: Sandbox, code: str, failure: Failure) -> None:
    """R-07, R-15: signed by the account's token, with our reference from the callback's query."""
    options = {"hold": True, "fail_numbers": {TEXT.to: code}}
    seed = {"text_numbers": ["+15558880100"], "credentials": TWILIO, "receipts": options}
    sandbox.seed("twilio", "AC1", **seed)
    sender = sandbox.registry.sender("twilio", endpoint("twilio", "AC1", TWILIO))
    assert sender is not None
    text = dataclasses.replace(TEXT, receipt_url="http://concord.test/w/token/r")
    sender.send(text)
    first, last = sandbox.receipts("twilio")
    assert (first.status, first.failure) == (DeliveryStatus.SENT, None)
    assert (last.status, last.failure, last.code) == (DeliveryStatus.FAILED, failure, code)
    assert (last.reference, last.to) == (TEXT.reference, TEXT.to)


def test_text_em_all_refuses_a_wrong_secret(sandbox: Sandbox) -> None:
    sandbox.seed("text_em_all", "tea-1", text_numbers=["+15558880100"], credentials=TEA)
    wrong = endpoint("text_em_all", "tea-1", {**TEA, "consumer_secret": "X"})
    checker = sandbox.registry.checker("text_em_all", wrong)
    assert checker is not None
    with pytest.raises(CredentialsRejectedError):
        checker.check()


def test_catapult(sandbox: Sandbox) -> None:
    """TEA-17: the shop shows the flag; a number nobody carries is unmatched."""
    shopper = {"id": "s-1", "phones": [{"number": "+15551230000", "opted_in": True}]}
    sandbox.seed("catapult", "cat-1", credentials={"api_key": "key"}, shoppers=[shopper])
    there = endpoint("catapult", "cat-1", {"api_key": "key"})
    peer = sandbox.registry.consent_peer("catapult", there)
    checker = sandbox.registry.checker("catapult", there)
    assert peer is not None
    assert checker is not None
    assert checker.check() == AccountFacts()
    assert peer.set_consent(PUSH) is True
    shown = sandbox.control.get("/catapult/_shoppers/cat-1/s-1").json()
    assert shown["phones"] == [{"number": "+15551230000", "opted_in": False}]
    other = PUSH.__class__("+15551239999", "sms", False, PUSH.changed_at, "push-0002")
    assert peer.set_consent(other) is False


def test_catapult_is_read_page_by_page(sandbox: Sandbox) -> None:
    """TEA-05, TEA-08: groups and shoppers with all their numbers, and no consent of theirs."""
    shoppers = [
        {"id": f"s-{n}", "phones": [f"+1555123{n:04d}", "+15551230000"], "groups": ["vip"]}
        for n in range(5)
    ]
    groups = [{"id": "vip", "name": "VIP"}]
    key = {"api_key": "key"}
    sandbox.seed("catapult", "cat-1", credentials=key, shoppers=shoppers, groups=groups)
    there = Endpoint("cat-1", "http://sandbox.local/catapult", {"paging": {"size": 2}}, key)
    source = sandbox.registry.shopper_source("catapult", there)
    assert source is not None
    assert source.groups(None).items == (SourceGroup("vip", "VIP"),)
    read: list[SourceShopper] = []
    cursor: str | None = None
    for _ in range(3):
        page = source.shoppers(cursor)
        read, cursor = [*read, *page.items], page.cursor
        assert page.total == 5
    assert cursor is None
    assert [each.shopper_id for each in read] == [each["id"] for each in shoppers]
    assert read[3].phones == ("+15551230003", "+15551230000")
    assert read[3].group_ids == ("vip",)


def test_twilio(sandbox: Sandbox) -> None:
    """R-07, R-10: a text, its look-up, and the block after STOP."""
    sandbox.seed("twilio", "AC1", text_numbers=["+15558880100"], credentials=TWILIO)
    there = endpoint("twilio", "AC1", TWILIO)
    sender, checker = (
        sandbox.registry.sender("twilio", there),
        sandbox.registry.checker("twilio", there),
    )
    assert sender is not None
    assert checker is not None
    assert checker.check() == AccountFacts()
    sent = sender.send(TEXT)
    assert sender.find(TEXT) == sent
    stop = {"from": TEXT.to, "to": TEXT.sends_from, "text": "STOP"}
    sandbox.control.post("/twilio/_handset", json=stop)
    with pytest.raises(OptedOutAtCarrierError):
        sender.send(TEXT)


@pytest.mark.parametrize("platform", ["text_em_all", "twilio"])
def test_ordered_faults(sandbox: Sandbox, platform: str) -> None:
    """Their 503 speaks for itself, so it is a retry; 429 says when."""
    credentials = TEA if platform == "text_em_all" else TWILIO
    account = "tea-1" if platform == "text_em_all" else "AC1"
    sandbox.seed(platform, account, text_numbers=["+15558880100"], credentials=credentials)
    sender = sandbox.registry.sender(platform, endpoint(platform, account, credentials))
    assert sender is not None
    sandbox.fault(platform=platform, status=503, times=1)
    with pytest.raises(RetryableError):
        sender.send(TEXT)
    sandbox.fault(platform=platform, status=429, retry_after=7, times=1)
    with pytest.raises(ThrottledError) as caught:
        sender.send(TEXT)
    assert caught.value.retry_after == 7.0


# --- Ecomail and Ellity --------------------------------------------------------------------------

ECO = {"api_key": "eco-key"}


def ecomail(sandbox: Sandbox, key: Mapping[str, str] = ECO, **options: Any) -> ContactPeer:
    """Seed an account with list 7; return our client there."""
    sandbox.seed("ecomail", "eco-1", credentials=ECO, **options)
    wiring = {"name": "Customers", "webhook_url": "http://concord.test/w", "custom_fields": OWN}
    assert sandbox.control.put("/ecomail/_lists/eco-1/7", json=wiring).is_success
    peer = sandbox.registry.contact_peer("ecomail", endpoint("ecomail", "eco-1", key))
    assert peer is not None
    return peer


OWN = {"shoe_size": "int"}


def told(sandbox: Sandbox, platform: str) -> list[PlatformEvent]:
    """Return what our adapter makes of each webhook that came."""
    adapter = sandbox.registry.webhook(platform)
    assert adapter is not None
    found: list[PlatformEvent] = []
    for sent in sandbox.received:
        request = RawRequest("POST", {}, sent.content, datetime.now(UTC))
        found += adapter.parse(request, {}).events
    sandbox.received.clear()
    return found


def test_an_ecomail_key_is_checked(sandbox: Sandbox) -> None:
    """ECO-03, ECO-20: the right key lists, a wrong one is told from a network error."""
    ecomail(sandbox)
    right, wrong = (endpoint("ecomail", "eco-1", key) for key in (ECO, {"api_key": "no"}))
    checkers = [sandbox.registry.checker("ecomail", there) for there in (right, wrong)]
    assert checkers[0] is not None
    assert checkers[1] is not None
    assert checkers[0].check() == AccountFacts()
    with pytest.raises(CredentialsRejectedError, match="API key"):
        checkers[1].check()
    sandbox.fault(platform="ecomail", status=0, times=1)
    with pytest.raises(RetryableError):
        checkers[0].check()


def test_ecomail_fields_are_made_once(sandbox: Sandbox) -> None:
    """ECO-04, ECO-05: all fields after activation, none by a second one, foreign ones stay."""
    peer = ecomail(sandbox)
    made = peer.make_list(NEW_LIST)
    assert peer.lists() == (ContactList("7", "Customers"), made)
    assert peer.ensure_fields("7", ELLITY_FIELDS) == len(ELLITY_FIELDS)
    assert peer.ensure_fields("7", ELLITY_FIELDS) == 0
    [first, _] = sandbox.control.get("/ecomail/_lists/eco-1").json()
    fields = {key: field["type"] for key, field in first["list"]["custom_fields"].items()}
    assert fields == {**OWN, **{key: kind.value for key, kind in ELLITY_FIELDS.items()}}
    assert set(first["subscribers"].values()) == {0}, "the technical contact is gone"
    assert sandbox.received == [], "nobody signed up"


def test_ecomail_shows_the_fields_before_it_hears_the_event(sandbox: Sandbox) -> None:
    """ECO-06, ECO-10: written, seen to stand there, then told; our own write is echoed."""
    peer = ecomail(sandbox)
    with pytest.raises(PermanentError) as caught:
        peer.emit(EVENT)
    assert caught.value.reason == "unknown_subscriber"
    assert peer.subscriber("7", CONTACT.email) is None
    assert peer.upsert("7", CONTACT)
    assert not peer.upsert("7", CONTACT)
    stands = peer.subscriber("7", CONTACT.email)
    assert stands is not None
    assert stands.status is SubscriberStatus.SUBSCRIBED
    assert stands.shows(CONTACT.fields)
    peer.emit(EVENT)
    [event] = sandbox.control.get("/ecomail/_events/eco-1").json()
    assert (event["category"], event["action"], event["label"]) == ("ellity", "change", "credit")
    echo = OptedIn(None, Channel.EMAIL, CONTACT.email, via="list", list_id="7")
    assert told(sandbox, "ecomail") == [echo, echo]


def test_ecomail_fields_are_emptied(sandbox: Sandbox) -> None:
    """ECO-10: what expires next may be nothing."""
    peer = ecomail(sandbox)
    soon: dict[str, FieldValue] = {
        "ellity_next_expiration_date": date(2026, 4, 1),
        "ellity_next_expiration_value_num": 5,
    }
    peer.upsert("7", dataclasses.replace(CONTACT, fields=soon))
    nothing: dict[str, FieldValue] = dict.fromkeys(soon)
    peer.upsert("7", dataclasses.replace(CONTACT, fields=nothing))
    stands = peer.subscriber("7", CONTACT.email)
    assert stands is not None
    assert stands.shows(nothing)
    assert not stands.shows(soon)


def test_whoever_left_ecomail_stays_away(sandbox: Sandbox) -> None:
    """ECO-13: her unsubscription is an opt-out to us, and no write of ours undoes it."""
    peer = ecomail(sandbox)
    peer.upsert("7", CONTACT)
    told(sandbox, "ecomail")
    form = {"account_id": "eco-1", "list_id": 7, "email": CONTACT.email, "action": "unsubscribe"}
    assert sandbox.control.post("/ecomail/_form", json=form).json() == {"statuses": [204]}
    out = OptedOut(None, Channel.EMAIL, CONTACT.email, via="list", list_id="7")
    assert told(sandbox, "ecomail") == [out]
    peer.upsert("7", CONTACT)
    peer.upsert_many("7", [CONTACT])
    stands = peer.subscriber("7", CONTACT.email)
    assert stands is not None
    assert stands.status is SubscriberStatus.UNSUBSCRIBED
    assert sandbox.received == []


def test_ecomail_is_told_of_a_consent(sandbox: Sandbox) -> None:
    """Promise 2: an opt-out given to us ends her subscription, quietly; her opt-in renews it."""
    ecomail(sandbox).upsert("7", CONTACT)
    sandbox.received.clear()
    there = dataclasses.replace(endpoint("ecomail", "eco-1", ECO), settings={"list_id": "7"})
    peer, contacts = (
        sandbox.registry.consent_peer("ecomail", there),
        sandbox.registry.contact_peer("ecomail", there),
    )
    assert peer is not None
    assert contacts is not None
    out = dataclasses.replace(PUSH, point=CONTACT.email, channel="email")
    for opted_in, status in ((False, "unsubscribed"), (True, "subscribed")):
        assert peer.set_consent(dataclasses.replace(out, opted_in=opted_in))
        shown = contacts.subscriber("7", CONTACT.email)
        assert shown is not None
        assert shown.status == status
    echo = OptedIn(None, Channel.EMAIL, CONTACT.email, via="list", list_id="7")
    assert told(sandbox, "ecomail") == [echo]
    assert not peer.set_consent(dataclasses.replace(out, point="nobody@shop.example"))


def test_ecomail_takes_everybody_in_bulk(sandbox: Sandbox) -> None:
    """ECO-18: 3,001 contacts are two calls, and nobody is dropped; twice makes nobody new."""
    peer = ecomail(sandbox)
    sandbox.control.put("/ecomail/_lists/eco-1/7", json={"webhook_url": None})
    people = [Contact(f"c{n}@shop.example", fields={"ellity_credit": "1"}) for n in range(3001)]
    assert peer.upsert_many("7", people) == 3001
    assert peer.upsert_many("7", people) == 0
    assert peer.subscriber("7", people[-1].email) is not None
    calls = sandbox.control.get("/_calls?platform=ecomail").json()
    assert len([call for call in calls if call["path"].endswith("-bulk")]) == 4


def test_ecomail_says_when_to_come_back(sandbox: Sandbox) -> None:
    """Platform page: the limit per key, waited for by Retry-After."""
    peer = ecomail(sandbox, calls_per_minute=2)
    peer.lists()
    peer.lists()
    with pytest.raises(ThrottledError) as caught:
        peer.lists()
    assert caught.value.retry_after is not None
    assert 0 < caught.value.retry_after <= 60
    sandbox.control.post("/ecomail/_wait", json={"seconds": caught.value.retry_after})
    peer.lists()


def test_an_ecomail_event_whose_answer_is_lost_may_have_been_told(sandbox: Sandbox) -> None:
    """ECO-06: an unknown outcome, never a blind repeat; a write is simply repeated."""
    peer = ecomail(sandbox)
    sandbox.fault(platform="ecomail", lose_answer=True, times=2)
    with pytest.raises(RetryableError):
        peer.upsert("7", CONTACT)
    with pytest.raises(OutcomeUnknownError):
        peer.emit(EVENT)
    assert len(sandbox.control.get("/ecomail/_events/eco-1").json()) == 1


def test_ellity_tells_what_a_customer_has(sandbox: Sandbox) -> None:
    """ECO-07: the template of our README, filled in by them."""
    sandbox.seed("ellity", "shop-4", webhook_url="http://concord.test/w")
    customer = {"id": "8812", "email": CONTACT.email, "credit": 120}
    change = {"account_id": "shop-4", "customer": customer, "delta": -20}
    assert sandbox.control.post("/ellity/_credit", json=change).is_success
    assert told(sandbox, "ellity") == [CreditChanged(None, "8812", CONTACT.email, 120, -20)]
