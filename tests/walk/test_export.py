"""A one-off export of all customers: counted right, safe to run twice, to kill and to interrupt."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from concord.adapters.dynamodb import shoppers
from concord.domain.contact_export import COUNTING_READS, REFUSED_IN_A_ROW
from concord.domain.identity import Channel, point_id, shopper_key
from concord.domain.shopper import Shopper
from concord.services import export_contacts, write_contacts
from tests.world.crashes import Scene, dies_everywhere
from tests.world.exporting import LIST, Exporting, exporting, new_email
from tests.world.faults import Request, Wire, settle
from tests.world.world import TABLE, World

BULK = f"POST /ecomail/lists/{LIST}/subscribe-bulk"


@pytest.fixture
def shop(house: World) -> Exporting:
    return exporting(house, newsletter_reward={"points": 50, "take_back": True})


def _known(shop: Exporting, name: str, email: str = "", **more: Any) -> None:
    """Let the shop have known a customer since before it exported any: no task, no HTTP."""
    parts = shop.world.parts
    stack_key = parts.secrets.stack_key()
    key = shopper_key(stack_key, shop.connection_id, name)
    address = point_id(stack_key, shop.merchant_id, Channel.EMAIL, email)
    shopper = Shopper(
        merchant_id=shop.merchant_id,
        connection_id=shop.connection_id,
        shopper_key=key,
        shopper_id=name,
        profile={"first_name": "Ana", **more},
        phones={},
        emails={address: email} if email else {},
        digest="d",
    )
    assert parts.shoppers.save(shopper.following(None, shop.world.clock.now()), None, ())


def _leaves_email(shop: Exporting, email: str) -> None:
    body = {"action": "opt_out", "channel": "email", "point": email, "via": "account"}
    answer = shop.connect("POST", "/consents", {"event_id": f"out-{email}", **body})
    assert answer["statusCode"] == 200


def _starts(shop: Exporting) -> str:
    answer = shop.admin("POST", "/exports")
    assert answer["statusCode"] == 202, answer
    return str(shop.world.body(answer)["job_id"])


def _job(shop: Exporting, job_id: str) -> dict[str, Any]:
    return shop.world.body(shop.world.admin("GET", f"/v1/jobs/{job_id}"))


def _exports(shop: Exporting) -> dict[str, Any]:
    """Export all, to the end; return the job's counts."""
    job_id = _starts(shop)
    for _ in range(4):
        settle(shop.world)
        job = _job(shop, job_id)
        if job["state"] in ("done", "failed"):
            break
    names = ("state", "done", "total", "created", "updated", "skipped")
    return {name: job[name] for name in names}


def _counts(**more: Any) -> dict[str, Any]:
    found = {"created": 0, "updated": 0, "skipped": {}, **more}
    done = found["created"] + found["updated"] + sum(found["skipped"].values())
    return {"state": "done", "done": done, "total": done, **found}


def _calls(shop: Exporting, end: str) -> int:
    return sum(c["path"].endswith(end) for c in shop.world.sandbox.calls("ecomail"))


_REFUSED = "refused-{}@shop.example"


class _Refusing(httpx.BaseTransport):
    """Ecomail, refusing each call that writes one of the addresses `_REFUSED`."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner
        self.bulks: list[int] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/subscribe-bulk"):
            return self._inner.handle_request(request)
        data = json.loads(request.content)["subscriber_data"]
        self.bulks.append(len(data))
        if any(each["email"].startswith("refused-") for each in data):
            return httpx.Response(422, json={"errors": {"email": ["invalid"]}})
        return self._inner.handle_request(request)


@contextmanager
def _refusing(house: World) -> Iterator[list[int]]:
    """Let Ecomail refuse them; yields how many contacts each bulk has brought."""
    real = house.http.transport
    house.http.transport = refusing = _Refusing(real)
    house.cold()
    try:
        yield refusing.bulks
    finally:
        house.http.transport = real
        house.cold()


def _row(shop: Exporting) -> dict[str, str]:
    own = f"TB#{shop.merchant_id}#export_contacts#{shop.connection_id}#run"
    return {"pk": own, "sk": "TASK"}


# --- what it comes to ----------------------------------------------------------------------------


def test_all_customers_are_exported_once(shop: Exporting) -> None:
    """ECO-18, ECO-01: 2,000 customers; all are counted; again = no write call."""
    quiet = {"name": "Customers", "webhook_url": None}
    shop.world.sandbox.put(f"/ecomail/_lists/{shop.ecomail}/{LIST}", json=quiet)
    emails = [new_email() for _ in range(1_950)]
    for number, email in enumerate(emails):
        _known(shop, f"c-{number}", email)
    for number in range(1_950, 2_000):
        _known(shop, f"c-{number}")
    _leaves_email(shop, emails[7])
    settle(shop.world)

    left_out = {"no_email": 50, "opted_out": 1}
    assert _exports(shop) == _counts(created=1_949, skipped=left_out)
    assert [email for email in emails if not shop.subscriber(email)] == [emails[7]]
    assert 20 <= _calls(shop, "subscribe-bulk") <= 40

    written = _calls(shop, "subscribe-bulk")
    assert _exports(shop) == _counts(skipped={"unchanged": 1_949, **left_out})
    assert _calls(shop, "subscribe-bulk") == written


def test_who_changed_is_updated(shop: Exporting) -> None:
    """ECO-18: her newest fields are written, with one call for all, whatever became of her push."""
    emails = [new_email() for _ in range(3)]
    for number, email in enumerate(emails):
        _known(shop, f"c-{number}", email)
    assert _exports(shop) == _counts(created=3)
    shop.customer("c-1", emails[1], attributes={"pin": "4711"})
    _lose_pushes(shop)
    assert _exports(shop) == _counts(updated=1, skipped={"unchanged": 2})
    assert shop.fields(emails[1])["ellity_pin"] == "4711"


def test_our_own_write_is_no_sign_up(house: World, shop: Exporting) -> None:
    """ECO-18, ECO-11: the webhook tells of whom we add; only who joins by herself is rewarded, also
    if she had left the list before anybody told us of it."""
    added, left = new_email(), new_email()
    there = f"/ecomail/_lists/{shop.ecomail}/{LIST}"
    house.sandbox.put(there, json={"webhook_url": None})
    shop.form(left, joins=True)
    shop.form(left, joins=False)
    house.sandbox.put(there, json={"webhook_url": shop.webhooks["ecomail"]})
    for name, email in (("c-1", added), ("c-2", left)):
        _known(shop, name, email)
    assert _exports(shop) == _counts(created=2)
    assert shop.subscriber(left)[str(LIST)]["status"] == 2, "nobody is subscribed again"
    assert [_balance(shop, name) for name in ("c-1", "c-2")] == [0, 0]
    shop.form(left, joins=True)
    settle(house)
    assert [_balance(shop, name) for name in ("c-1", "c-2")] == [0, 50]


def _balance(shop: Exporting, customer: str) -> int:
    path = f"/v1/merchants/{shop.merchant_id}/programmes/beans/accounts/{customer}"
    return int(shop.world.body(shop.world.admin("GET", path))["balance"])


def test_one_export_runs_at_a_time(house: World, shop: Exporting) -> None:
    """ECO-18: a second start is answered with the first; the next one is another."""
    first = _starts(shop)
    assert _starts(shop) == first
    settle(house)
    assert _starts(shop) != first


def test_an_export_needs_a_list_and_a_connection(house: World, shop: Exporting) -> None:
    """ECO-18: 409 with the reason, and no job."""
    texting = house.shop("texting").admin("POST", "/exports")
    assert (texting["statusCode"], house.body(texting)["code"]) == (409, "no_lists")
    shop.admin("PATCH", "", {"destination": {"settings": {"list_id": None}}})
    answer = shop.admin("POST", "/exports")
    assert (answer["statusCode"], house.body(answer)["code"]) == (409, "no_list")
    shop.admin("PATCH", "", {"destination": {"settings": {"list_id": str(LIST)}}})
    shop.move("paused")
    answer = shop.admin("POST", "/exports")
    assert (answer["statusCode"], house.body(answer)["code"]) == (409, "connection_not_connected")
    assert not [row for row in house.rows("TB#") if "#export_contacts#" in row["pk"]]


# --- what may go wrong ---------------------------------------------------------------------------


def test_retry_after_is_waited_for(house: World, shop: Exporting) -> None:
    """ECO-18, R-31: throttled, it begins its part again when the platform said, not before."""
    _known(shop, "c-1", new_email())
    job_id = _starts(shop)
    house.sandbox.fault(platform="ecomail", status=429, retry_after=200, times=1)
    house.pump()
    house.clock.advance(timedelta(seconds=190))
    house.sweep()
    house.pump()
    assert (_job(shop, job_id)["state"], _calls(shop, "subscribe-bulk")) == ("running", 1)
    house.clock.advance(timedelta(seconds=120))
    house.sweep()
    settle(house)
    assert _job(shop, job_id)["created"] == 1
    assert _calls(shop, "subscribe-bulk") == 2


def test_what_concerns_all_ends_the_job_and_can_be_retried(house: World, shop: Exporting) -> None:
    """ECO-18: the list is gone, so nobody is tried alone; the reason is shown; the retry of an
    operator begins anew and counts everybody."""
    for number in range(2):
        _known(shop, f"c-{number}", new_email())
    job_id = _starts(shop)
    house.sandbox.fault(platform="ecomail", status=404, times=1)
    settle(house)
    job = _job(shop, job_id)
    assert (job["state"], job["result"]) == ("failed", {"reason": "not_found"})
    assert _calls(shop, "subscribe-bulk") == 1
    (failure,) = house.body(shop.admin("GET", "/failures"))["items"]
    assert failure["kind"] == "export_contacts"
    shop.admin("POST", f"/failures/{failure['failure_id']}/retry")
    settle(house)
    job = _job(shop, job_id)
    assert (job["state"], job["created"], job["done"]) == ("done", 2, 2)


def test_whoever_is_refused_is_left_out_and_the_others_are_written(
    house: World, shop: Exporting
) -> None:
    """ECO-18: two of sixty are refused; they are found by halves, and are no sign-up of ours."""
    emails = [_REFUSED.format(n) if n in (4, 13) else new_email() for n in range(60)]
    for number, email in enumerate(emails):
        _known(shop, f"c-{number}", email)
    with _refusing(house) as bulks:
        assert _exports(shop) == _counts(created=58, skipped={"refused": 2})
        assert max(bulks) >= 20
        assert len(bulks) < 40, "not one by one"
        bulks.clear()
        assert _exports(shop) == _counts(skipped={"unchanged": 58, "refused": 2})
        assert max(bulks) == 2, "they alone are tried again"
        assert bulks.count(1) == 2
    assert [email for email in emails if not shop.subscriber(email)] == [emails[4], emails[13]]
    marks = [r["subscribed"] for r in house.rows("CX#") if r["sk"].startswith("SUBSCRIPTION")]
    assert sorted(marks) == [False] * 2 + [True] * 58


class _Dropping(httpx.BaseTransport):
    """Ecomail, passing over the addresses `_REFUSED` of a bulk without a word."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/subscribe-bulk"):
            body = json.loads(request.content)
            data = body["subscriber_data"]
            taken = [each for each in data if not each["email"].startswith("refused-")]
            body["subscriber_data"] = taken
            headers = {n: v for n, v in request.headers.items() if n != "content-length"}
            request = httpx.Request(request.method, request.url, headers=headers, json=body)
        return self._inner.handle_request(request)


@pytest.mark.parametrize("dropped", [*({n} for n in range(6)), {1, 2, 5}, set(range(6))])
def test_whoever_is_passed_over_without_a_word_is_left_out(
    house: World, shop: Exporting, dropped: set[int]
) -> None:
    """ECO-18: Ecomail says nothing of an address that it does not like; she holds nobody up, and is
    not counted as written. Alone she is left out too."""
    for number in range(6):
        _known(shop, f"c-{number}", _REFUSED.format(number) if number in dropped else new_email())
    house.http.transport = _Dropping(house.http.transport)
    house.cold()
    job_id = _starts(shop)
    while (job := _job(shop, job_id))["state"] not in ("done", "failed"):
        house.clock.advance(timedelta(minutes=1))
        house.sweep()
        house.pump()
    taken = 6 - len(dropped)
    assert (job["state"], job["created"]) == ("done", taken)
    assert job["skipped"] == {"refused": len(dropped)}
    rows = [row for row in house.rows("CX#") if row["sk"].startswith("EXPORT")]
    assert len(rows) == taken, "whoever is not there is tried again by the next export"


def test_a_list_that_is_slow_has_passed_over_nobody(house: World, shop: Exporting) -> None:
    """ECO-18: it shows them only at the third look."""
    for number in range(3):
        _known(shop, f"c-{number}", new_email())
    house.sandbox.fault(platform="ecomail", method="GET", status=404, times=2)
    assert _exports(shop) == _counts(created=3)


def test_where_nobody_is_taken_the_job_fails(
    house: World, shop: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ECO-18: so many refused in a row are about none of them; whoever was written stays."""
    assert REFUSED_IN_A_ROW >= 100
    monkeypatch.setattr(export_contacts, "REFUSED_IN_A_ROW", 3)
    for number in range(2):
        _known(shop, f"c-{number}", _REFUSED.format(number))
    with _refusing(house):
        assert _exports(shop) == _counts(skipped={"refused": 2}), "two may be two bad addresses"
        _known(shop, "c-2", _REFUSED.format(2))
        job_id = _starts(shop)
        settle(house)
    job = _job(shop, job_id)
    assert (job["state"], job["result"]) == ("failed", {"reason": "refused"})


def test_how_many_there_are_is_known_from_the_beginning(
    house: World, shop: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ECO-18: counted before the first is written; who is new meanwhile is in the end's total."""
    monkeypatch.setattr(export_contacts, "_PART", 1)
    monkeypatch.setattr(shoppers, "_SCANNED", 5)
    for number in range(6):
        _known(shop, f"c-{number}", new_email())
    seen: list[tuple[int, int]] = []
    wire, job_id = Wire(house), _starts(shop)

    def looks(request: Request) -> None:
        if request.name == BULK:
            job = _job(shop, job_id)
            seen.append((job["done"], job["total"]))

    wire.calm()
    with wire.failing(before=looks):
        settle(house)
    assert len(seen) >= 2, seen
    assert seen[0] == (0, 6)
    assert seen[1][0] > 0
    assert {total for _, total in seen} == {6}
    assert _job(shop, job_id)["total"] == 6


def test_a_table_too_large_to_count_is_exported_all_the_same(
    house: World, shop: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ECO-18: counting is bounded; the total is then known at the end alone."""
    reads: list[str] = []

    def never_ends(self: object, merchant: str, connection: str, after: str) -> tuple[int, str]:
        reads.append(after)
        return 1, f"pk|{len(reads)}"

    monkeypatch.setattr(shoppers.DynamoDbShoppers, "count", never_ends)
    _known(shop, "c-1", new_email())
    wire, job_id = Wire(house), _starts(shop)
    totals: list[int] = []

    def looks(request: Request) -> None:
        if request.name == BULK:
            totals.append(_job(shop, job_id)["total"])

    wire.calm()
    with wire.failing(before=looks):
        settle(house)
    assert totals == [0]
    assert len(reads) == COUNTING_READS
    assert reads[:3] == ["", "pk|1", "pk|2"]
    job = _job(shop, job_id)
    assert (job["done"], job["total"]) == (1, 1)


def test_a_push_in_the_middle_is_not_undone(house: World, shop: Exporting) -> None:
    """ECO-18, ECO-17: she changes and is pushed after the export read her, before it writes her:
    the list ends with her newest state, and so does our row."""
    email = new_email()
    _known(shop, "c-1", email)
    wire = Wire(house)
    changed: list[str] = []

    def changes(request: Request) -> None:
        if request.name == BULK and not changed:
            changed.append("4712")
            shop.customer("c-1", email, attributes={"pin": "4712"})
            (push,) = (r for r in house.rows("TB#") if "#push_contact#" in r["pk"])
            house.run_task({"pk": push["pk"], "sk": push["sk"]})
            assert shop.fields(email)["ellity_pin"] == "4712"

    job_id = _starts(shop)
    wire.calm()
    with wire.failing(before=changes):
        house.run_task(_row(shop))
    assert changed
    settle(house)
    assert shop.fields(email)["ellity_pin"] == "4712"
    assert (_job(shop, job_id)["state"], _job(shop, job_id)["created"]) == ("done", 1)
    before = len(house.sandbox.calls("ecomail"))
    assert _exports(shop) == _counts(skipped={"unchanged": 1})
    assert len(house.sandbox.calls("ecomail")) == before


def test_an_export_that_dies_anywhere_counts_everybody_once(
    house: World, shop: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ECO-18, reliability 12: new, changed, unchanged, opted out, without address."""
    monkeypatch.setattr(write_contacts, "_WORKERS", 1)  # its requests are numbered
    house.sandbox.put(f"/ecomail/_lists/{shop.ecomail}/{LIST}", json={"webhook_url": None})
    wire = Wire(house)
    hers, out = new_email(), new_email()
    _known(shop, "c-1", new_email())
    _known(shop, "c-2", hers)
    _exports(shop)
    _known(shop, "c-4", out)
    _known(shop, "c-5")
    _leaves_email(shop, out)
    settle(house)
    pins = itertools.count(4711)

    def stage() -> Scene:
        new, pin = new_email(), str(next(pins))
        _known(shop, "c-3", new)
        shop.customer("c-2", hers, attributes={"pin": pin})
        _lose_pushes(shop)
        job_id = _starts(shop)

        def outcome() -> dict[str, Any]:
            job = _job(shop, job_id)
            rows = [r for r in house.rows("CX#") if r["sk"] == "EXPORT"]
            names = ("state", "done", "total", "created", "updated", "skipped")
            return {
                **{name: job[name] for name in names},
                "there": [bool(shop.subscriber(email)) for email in (new, hers, out)],
                "newest": shop.fields(hers)["ellity_pin"] == pin,
                "rows": len(rows),
            }

        return Scene(lambda times: house.run_task(_row(shop), times), outcome)

    left_out = {"unchanged": 1, "opted_out": 1, "no_email": 1}
    expected = _counts(created=1, updated=1, skipped=left_out)
    expected |= {"there": [True, True, False], "newest": True, "rows": 3}
    assert dies_everywhere(wire, house, stage, expected) > 20


def _lose_pushes(shop: Exporting) -> None:
    """Let the pushes of single customers get lost: an export writes her state all the same."""
    for row in shop.world.rows("TB#"):
        key = {name: {"S": row[name]} for name in ("pk", "sk")}
        shop.world.dynamodb.delete_item(TableName=TABLE, Key=key)
