"""CATAPULT read page by page: every style of paging, their names, and pages that are none."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

from concord.domain.errors import PermanentError, RetryableError, ThrottledError
from concord.domain.source import SourceGroup, SourceShopper
from tests.unit.platforms.catapult.case import source
from tests.unit.platforms.kit import Answer, answering, guarded

ALL = [{"id": f"s{number}", "phones": [f"+1555000{number:04d}"]} for number in range(5)]
ADA = {
    "id": 7,
    "first_name": " Ada ",
    "last_name": "L",
    "email": "ada@example.com",
    "phones": ["+15550000001", {"number": "(555) 000-0002", "opted_in": True}, "+15550000001"],
    "groups": ["vip", {"id": 12, "name": "Bakery"}, "vip"],
    "guest": True,
    "address": {"country": "US", "region": "FL", "postal_code": "33101", "street": "1 Main St"},
}


class Shop:
    """Pages of `ALL`, two at a time; `shown` says how a page names the next one."""

    def __init__(self, shown: Callable[[httpx.Request, int, bool], Mapping[str, Any]]) -> None:
        self.shown = shown
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        query = request.url.params
        start = int(query.get("cursor") or 0) or 2 * (int(query.get("page") or 1) - 1)
        headers = {}
        body = {
            "shoppers": ALL[start : start + 2],
            **self.shown(request, start + 2, start + 2 < len(ALL)),
        }
        if "Link" in body:
            headers["Link"] = body.pop("Link")
        return httpx.Response(200, json=body, headers=headers)


def _read_all(shop: Shop, **settings: object) -> list[str]:
    """Follow the cursors to the end; return the ids that were read."""
    reader, cursor, ids = source(guarded(shop), **settings), None, []
    for _ in range(10):
        page = reader.shoppers(cursor)
        ids += [each.shopper_id for each in page.items]
        cursor = page.cursor
        if cursor is None:
            return ids
    raise AssertionError("it never ends")


IDS = ["s0", "s1", "s2", "s3", "s4"]
NEXT = "https://api.example.com/pos/accounts/cat-1/shoppers?page={}"


def test_by_a_cursor_in_the_body() -> None:
    """TEA-05: our own shape, with the account's key on every request."""
    shop = Shop(lambda _, after, more: {"cursor": str(after) if more else None, "total": 5})
    assert _read_all(shop) == IDS
    paths = [request.url.raw_path.decode() for request in shop.requests]
    assert paths == [
        "/pos/accounts/cat-1/shoppers?limit=100",
        "/pos/accounts/cat-1/shoppers?limit=100&cursor=2",
        "/pos/accounts/cat-1/shoppers?limit=100&cursor=4",
    ]
    assert {request.headers["x-api-key"] for request in shop.requests} == {"catapult-key"}


@pytest.mark.parametrize("last", [{}, {"cursor": ""}, {"cursor": None}, {"cursor": True}])
def test_no_cursor_is_the_end(last: dict[str, Any]) -> None:
    assert source(answering(_page(**last))).shoppers(None).cursor is None


def test_by_page_numbers() -> None:
    """Only an empty page is the end: one may hold less than was asked for."""
    shop = Shop(lambda *_: {})
    paging = {"style": "page", "size_param": "per", "size": 50}
    assert _read_all(shop, paging=paging) == IDS
    pages = [request.url.params["page"] for request in shop.requests]
    assert pages == ["1", "2", "3", "4"]
    assert shop.requests[0].url.params["per"] == "50"


@pytest.mark.parametrize(
    "shown",
    [
        lambda _, after, more: {"next": NEXT.format(after // 2 + 1)} if more else {},
        lambda _, after, more: {"next": f"?page={after // 2 + 1}"} if more else {"next": None},
        lambda _, after, more: (
            {"Link": f'<{NEXT.format(after // 2 + 1)}>; rel="next"'} if more else {}
        ),
        lambda _, after, more: (
            {"Link": f'</pos/accounts/cat-1/shoppers?page={after // 2 + 1}>; rel="next"'}
            if more
            else {}
        ),
    ],
    ids=["url", "relative", "header", "header-relative"],
)
def test_by_the_url_of_the_next_page(shown: Any) -> None:
    shop = Shop(shown)
    assert _read_all(shop, paging={"style": "link"}) == IDS
    asked = [f"https://{r.headers['host']}{r.url.raw_path.decode()}" for r in shop.requests]
    assert asked[1:] == [NEXT.format(2), NEXT.format(3)]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.com/pos/accounts/cat-1/shoppers",
        "http://api.example.com/pos",
        "https://api.example.com:8443/pos",
        "https://someone@api.example.com/pos",
        "//169.254.169.254/latest/meta-data",
        "https://api.example.com.evil.test/pos",
    ],
)
def test_no_next_url_leaves_the_host(url: str) -> None:
    """R-32: our key goes with every request, so it goes nowhere else."""
    shop = Shop(lambda *_: {"next": url})
    reader = source(guarded(shop), paging={"style": "link"})
    for cursor in (None, url):
        with pytest.raises(PermanentError) as caught:
            reader.shoppers(cursor)
        assert caught.value.reason == "paging_leaves_host"
        assert "evil" not in str(caught.value)
    assert len(shop.requests) == 1


@pytest.mark.parametrize("paging", [{}, {"style": "link"}])
def test_a_page_that_names_itself_ends_the_read(paging: dict[str, Any]) -> None:
    """A list that never ends would be read for ever."""
    named = "7" if not paging else NEXT.format(7)
    shop = Shop(lambda *_: {"cursor": "7", "next": NEXT.format(7)})
    with pytest.raises(PermanentError) as caught:
        source(guarded(shop), paging=paging).shoppers(named)
    assert caught.value.reason == "paging_loops"


@pytest.mark.parametrize(
    "paging",
    [{"style": "guess"}, {"size": 0}, {"size": "all"}, {"size": 10_000}, {"first_page": "a"}],
)
def test_unknown_paging_is_refused_before_a_call(paging: dict[str, Any]) -> None:
    with pytest.raises(PermanentError) as caught:
        source(guarded(Shop(lambda *_: {})), paging=paging)
    assert caught.value.reason == "unknown_paging"


def _page(*entries: Any, **more: Any) -> Answer:
    return Answer(200, json.dumps({"shoppers": entries, **more}).encode())


def test_a_shopper_has_all_her_numbers_and_groups() -> None:
    """TEA-08: texts, objects, one number twice; her flag there is not ours to read (R-06)."""
    page = source(answering(_page(ADA, total=1))).shoppers(None)
    assert page.items == (
        SourceShopper(
            shopper_id="7",
            first_name="Ada",
            last_name="L",
            email="ada@example.com",
            phones=("+15550000001", "(555) 000-0002"),
            group_ids=("vip", "12"),
            guest=True,
            country="US",
            region="FL",
            postal_code="33101",
        ),
    )
    assert (page.cursor, page.total, page.unreadable) == (None, 1, 0)
    assert "Ada" not in repr(page.items)
    assert "555" not in repr(page.items)


def test_their_real_names_are_settings() -> None:
    """Platform page: paths, lists and names are not public."""
    entry = {
        "CustomerNo": "A-1",
        "Name": {"First": "Ada"},
        "Home": "5550000001",
        "Mobile": [{"No": 5550000002}],
        "Clubs": [{"ClubId": "vip"}],
        "IsGuest": "Yes",
        "State": "TX",
    }
    body = json.dumps({"data": {"customers": [entry], "count": 1}, "meta": {"after": "x"}})
    seen: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.raw_path.decode())
        return httpx.Response(200, content=body)

    page = source(
        guarded(handle),
        auth_header="X-Passport-Key",
        paths={"shoppers": "/passport/{account_id}/customers"},
        lists={"shoppers": "data.customers"},
        paging={"next": "meta.after", "total": "data.count", "size_param": "", "size": 10},
        shopper_fields={
            "id": "CustomerNo",
            "first_name": "Name.First",
            "phones": ["Home", "Mobile", "Work"],
            "number": "No",
            "groups": "Clubs",
            "group_id": "ClubId",
            "guest": "IsGuest",
            "region": "State",
        },
    ).shoppers(None)
    assert seen == ["/pos/passport/cat-1/customers"]
    assert page.items == (
        SourceShopper(
            "A-1", "Ada", "", "", ("5550000001", "5550000002"), ("vip",), True, "", "TX", ""
        ),
    )
    assert (page.cursor, page.total) == ("x", 1)


def test_groups_are_named_after_their_ids_if_nothing_else_names_them() -> None:
    """TEA-06: a group in the list has a name that a person can read."""
    body = json.dumps({"groups": [{"id": "vip", "name": "VIP"}, {"id": 7, "name": None}, "x"]})
    page = source(answering(Answer(200, body.encode()))).groups(None)
    assert page.items == (SourceGroup("vip", "VIP"), SourceGroup("7", "7"), SourceGroup("x", "x"))


def test_a_list_may_be_the_whole_answer() -> None:
    answer = Answer(200, json.dumps([{"id": "s1"}]).encode())
    page = source(answering(answer), lists={"shoppers": ""}).shoppers(None)
    assert (page.items, page.total) == ((SourceShopper("s1"),), None)


@pytest.mark.parametrize(
    "entry", [{}, {"id": ""}, {"id": None}, {"id": "x" * 201}, {"id": {"a": 1}}, None, [1], 7.5]
)
def test_an_entry_without_an_id_spoils_no_page(entry: Any) -> None:
    """Nobody is left out for it, and the read knows that somebody was not understood."""
    page = source(answering(_page({"id": "s1"}, entry, {"id": "s2"}))).shoppers(None)
    assert [each.shopper_id for each in page.items] == ["s1", "s2"]
    assert page.unreadable == 1


@pytest.mark.parametrize(
    "odd",
    [
        {"phones": None, "groups": None},
        {"phones": {"number": None}, "groups": 7.5},
        {"phones": [None, [], {}, 7.5, True], "groups": [{}, None]},
        {"first_name": ["x"], "email": {"a": 1}, "address": "here", "guest": [1]},
    ],
)
def test_what_cannot_be_read_of_her_is_left_out(odd: dict[str, Any]) -> None:
    page = source(answering(_page({"id": "s1", **odd}))).shoppers(None)
    assert page.items == (SourceShopper("s1"),)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{}", b'{"shoppers":{}}', b'{"shoppers":null}', b"7", b"[" * 9999]
)
def test_a_page_without_a_list_is_no_empty_page(body: bytes) -> None:
    """TEA-10: taken for an empty one, it would end the list, and empty every group."""
    with pytest.raises(RetryableError):
        source(answering(Answer(200, body))).shoppers(None)


def test_a_throttled_page_says_when() -> None:
    """R-10: their Retry-After is passed on."""
    with pytest.raises(ThrottledError) as caught:
        source(answering(Answer(429, b"{}", {"retry-after": "7"}))).shoppers(None)
    assert caught.value.retry_after == 7.0
