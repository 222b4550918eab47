"""The guarded HTTP client: hostile URLs, hostile DNS, redirects, proxies, logs."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Sequence

import httpx
import pytest

from concord.domain.errors import (
    OutcomeUnknownError,
    PermanentError,
    PlatformError,
    RetryableError,
)
from concord.domain.outbound import Endpoint
from concord.platforms import http as guard
from concord.platforms.calls import exchange
from concord.platforms.catapult.client import CatapultClient
from concord.platforms.http import GuardedHttp, is_reachable

PUBLIC = "93.184.216.34"
ALLOWED = ["api.example.com", "*.shops.example.org", "ported.example.net:8443"]


class Network:
    """A fake resolver and a fake network that remembers what reached it."""

    def __init__(self, *addresses: str) -> None:
        self.addresses: Sequence[str] = addresses or (PUBLIC,)
        self.requests: list[httpx.Request] = []
        self.resolved: list[tuple[str, int]] = []
        self.answer = httpx.Response(200, json={})

    def resolve(self, host: str, port: int) -> Sequence[str]:
        self.resolved.append((host, port))
        return self.addresses

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answer

    def http(self, allowed: Sequence[str] = ALLOWED, *, private: bool = False) -> GuardedHttp:
        return GuardedHttp(
            allowed,
            allow_private=private,
            resolver=self.resolve,
            transport=httpx.MockTransport(self.handle),
        )


# Reliability 39: forty ways in. The first group is refused by spelling, before any look-up.
HOSTILE_URLS = [
    "http://api.example.com",
    "ftp://api.example.com",
    "file:///etc/passwd",
    "gopher://api.example.com:70/",
    "//api.example.com",
    "api.example.com",
    "",
    "https://",
    "https://evil.example.com",
    "https://api.example.com.evil.com",
    "https://notapi.example.com",
    "https://example.com",
    "https://shops.example.org",
    "https://evil-shops.example.org",
    "https://user@api.example.com",
    "https://user:password@api.example.com",
    "https://api.example.com@evil.com",
    "https://api.example.com:password@evil.com",
    "https://evil.com#@api.example.com",
    "https://evil.com?@api.example.com",
    "https://evil.com\\@api.example.com",
    "https://api.example.com\\.evil.com",
    "https://api.example.com%00.evil.com",
    "https://api.example.com%2eevil.com",
    "https://api.example.com.",
    "https://api.example.com\n.evil.com",
    "https://api.example.com\t",
    " https://api.example.com",
    "https://\uff41pi.example.com",
    "https://api\u3002example.com",
    "https://api.example.com:8443",
    "https://api.example.com:99999",
    "https://api.example.com:port",
    "https://ported.example.net",
    "https://127.0.0.1",
    "https://2130706433",
    "https://0x7f000001",
    "https://0x7f.1",
    "https://0177.0.0.1",
    "https://127.1",
    "https://169.254.169.254/latest/meta-data/",
    "https://[::1]",
    "https://[::ffff:169.254.169.254]",
    "https://[fe80::1%25eth0]",
    "https://localhost",
]
# The second group looks fine and resolves to where nobody may go.
HOSTILE_ADDRESSES = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "169.254.170.2",
    "100.64.0.1",
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2001:0:7f00:1::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "not an address",
    "0x7f.1",
]


@pytest.mark.parametrize("url", HOSTILE_URLS)
def test_a_hostile_url_is_refused(url: str) -> None:
    """Reliability 39: odd spellings of hosts get no client, and the refusal quotes none of it."""
    network = Network()
    with pytest.raises(PermanentError) as caught:
        network.http().client(url)
    assert caught.value.reason == "host_not_allowed"
    assert str(caught.value) == "this host may not be called"
    assert network.resolved == []


@pytest.mark.parametrize("address", HOSTILE_ADDRESSES)
def test_a_hostile_address_is_refused(address: str) -> None:
    """Reliability 39: an allowed name that leads inside is not called, nor one that partly does."""
    for addresses in ([address], [PUBLIC, address]):
        network = Network(*addresses)
        client = network.http().client("https://api.example.com")
        with pytest.raises(PermanentError) as caught:
            client.get("/x")
        assert caught.value.reason == "host_not_allowed"
        assert network.requests == []


@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:220:1:248:1893:25c8:1946"])
def test_a_public_address_is_pinned_and_the_name_kept(address: str) -> None:
    network = Network(address)
    client = network.http().client("https://api.example.com/v1")
    assert client.get("/account").status_code == 200
    (request,) = network.requests
    assert request.url.host == address
    assert request.url.path == "/v1/account"
    assert request.headers["host"] == "api.example.com"
    assert request.extensions["sni_hostname"] == "api.example.com"


def test_rebinding_gains_nothing() -> None:
    """Reliability 39: each request is resolved once, and what was checked is what is called."""
    network = Network()
    client = network.http().client("https://api.example.com")
    client.get("/x")
    assert len(network.resolved) == 1
    network.addresses = ["169.254.169.254"]
    with pytest.raises(PermanentError):
        client.get("/x")
    assert [request.url.host for request in network.requests] == [PUBLIC]


@pytest.mark.parametrize("target", ["https://169.254.169.254/", "https://evil.com/", "http://x/"])
def test_a_redirect_is_not_followed(target: str) -> None:
    """Reliability 39: a redirect is an answer like any other, and an error."""
    network = Network()
    network.answer = httpx.Response(307, headers={"location": target})
    client = network.http().client("https://api.example.com")
    with pytest.raises(PermanentError) as caught:
        exchange(client, "GET", "/x")
    assert caught.value.reason == "redirected"
    assert len(network.requests) == 1


@pytest.mark.parametrize(
    "url", ["https://evil.com/x", "https://a.shops.example.org/x", "http://api.example.com/x"]
)
def test_a_client_stays_with_its_origin(url: str) -> None:
    """A link in an answer cannot lead a client, and its credentials, to another host."""
    network = Network()
    client = network.http().client("https://api.example.com")
    with pytest.raises(PermanentError):
        client.get(url)
    assert network.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com",
        "https://API.example.com:443/base",
        "https://a.shops.example.org",
        "https://a.b.shops.example.org",
        "https://ported.example.net:8443",
    ],
)
def test_allowed_hosts_are_reached(url: str) -> None:
    network = Network()
    assert network.http().client(url).get("/x").status_code == 200


@pytest.mark.parametrize("entry", ["*", "*.com", "https://api.example.com", "a b", "*.*.com"])
def test_a_list_that_would_allow_too_much_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="allowed host"):
        GuardedHttp([entry])


def test_an_empty_list_allows_nothing() -> None:
    with pytest.raises(PermanentError):
        GuardedHttp([""]).client("https://api.example.com")


def test_the_next_address_is_tried_only_while_nothing_was_sent() -> None:
    network = Network("93.184.216.34", "93.184.216.35")
    errors: list[type[httpx.TransportError]] = [httpx.ConnectError]

    def handle(request: httpx.Request) -> httpx.Response:
        network.requests.append(request)
        if errors:
            raise errors.pop()("lost", request=request)
        return network.answer

    http = GuardedHttp(ALLOWED, resolver=network.resolve, transport=httpx.MockTransport(handle))
    client = http.client("https://api.example.com")
    assert client.post("/x", json={"n": 1}).status_code == 200
    assert [request.url.host for request in network.requests] == list(network.addresses)
    errors.append(httpx.ReadTimeout)
    with pytest.raises(httpx.ReadTimeout):
        client.post("/x", json={"n": 1})
    assert len(network.requests) == 3


class TestSandbox:
    """`allow_private`: the local stack, and still only what is listed."""

    def test_http_loopback_and_ports(self) -> None:
        network = Network("127.0.0.1")
        client = network.http(["127.0.0.1", "localhost"], private=True)
        assert client.client("http://127.0.0.1:8123/twilio").get("/x").status_code == 200
        assert client.client("http://localhost:8123").get("/x").status_code == 200

    @pytest.mark.parametrize("url", ["http://127.0.0.2:1", "http://evil.com", "ftp://127.0.0.1"])
    def test_the_list_still_counts(self, url: str) -> None:
        with pytest.raises(PermanentError):
            Network("127.0.0.1").http(["127.0.0.1"], private=True).client(url)

    @pytest.mark.parametrize(
        "address",
        [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "2001:0:a9fe:a9fe::1",
            "fe80::1",
            "224.0.0.1",
            "0.0.0.0",
        ],
    )
    def test_instance_metadata_is_out_of_reach_even_here(self, address: str) -> None:
        assert not is_reachable(address, allow_private=True)

    def test_private_networks_are_reached(self) -> None:
        assert is_reachable("10.0.0.1", allow_private=True)
        assert is_reachable("::ffff:10.0.0.1", allow_private=True)


def test_a_name_without_an_address_is_tried_again() -> None:
    network = Network()
    network.addresses = []
    with pytest.raises(RetryableError):
        network.http().client("https://api.example.com").get("/x")


def test_a_failing_look_up_is_tried_again_and_says_no_name() -> None:
    def resolve(host: str, port: int) -> Sequence[str]:
        raise OSError(f"no such host {host}")

    client = GuardedHttp(ALLOWED, resolver=resolve).client("https://api.example.com")
    with pytest.raises(RetryableError) as caught:
        client.get("/x")
    assert "example" not in str(caught.value)


def test_environment_proxies_play_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://proxy.evil.com:3128")
    network = Network()
    network.http().client("https://api.example.com").get("/x")
    assert [request.url.host for request in network.requests] == [PUBLIC]


def test_no_url_and_no_body_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Reliability 37: httpx logs URLs by default; numbers stand in them."""
    caplog.set_level(logging.DEBUG)
    network = Network()
    client = network.http().client("https://api.example.com")
    client.get("/contacts/+15551230000?q=+15551230000")
    assert caplog.records == []


def test_an_endless_answer_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MAX_ANSWER_BYTES", 1_000)
    network = Network()
    network.answer = httpx.Response(200, content=iter([b"x" * 600, b"x" * 600]))
    with pytest.raises(PlatformError):
        exchange(network.http().client("https://api.example.com"), "GET", "/x")


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "identity, gzip", "br", "deflate", "made-up"])
def test_a_packed_answer_is_not_unpacked(coding: str) -> None:
    """A few packed kilobytes can hold any number of megabytes: the cap counts what is read."""
    network = Network()
    unpacked = 3 * guard.MAX_ANSWER_BYTES
    network.answer = httpx.Response(
        200,
        headers={"content-encoding": coding},
        stream=httpx.ByteStream(gzip.compress(b"0" * unpacked)),
    )
    client = network.http().client("https://api.example.com")
    with pytest.raises(RetryableError):
        exchange(client, "GET", "/x")
    with pytest.raises(OutcomeUnknownError):
        exchange(client, "POST", "/x", sends=True)


def test_an_answer_that_says_identity_is_read() -> None:
    network = Network()
    network.answer = httpx.Response(200, headers={"content-encoding": "Identity"}, json={"a": 1})
    answer = exchange(network.http().client("https://api.example.com"), "GET", "/x")
    assert answer.json() == {"a": 1}


def test_no_cookie_of_one_merchant_goes_out_with_anothers() -> None:
    """R-32: merchants share a client, and its host's session cookies would cross between them."""
    network = Network()
    network.answer = httpx.Response(
        200, headers=[("set-cookie", "a=1; Path=/"), ("set-cookie", "b=2; Max-Age=99")], json={}
    )
    http = network.http()
    for merchant in ("one", "two"):
        endpoint = Endpoint(merchant, "https://api.example.com", {}, {"api_key": f"key-{merchant}"})
        CatapultClient(endpoint, http).check()
    assert [request.headers["x-api-key"] for request in network.requests] == ["key-one", "key-two"]
    assert not any("cookie" in request.headers for request in network.requests)
    assert not http.client("https://api.example.com").cookies


def test_timeouts_are_explicit() -> None:
    client = Network().http().client("https://api.example.com")
    assert (client.timeout.connect, client.timeout.read) == (3.0, 10.0)


def test_one_client_per_base_url() -> None:
    http = Network().http()
    first = http.client("https://api.example.com")
    assert http.client("https://api.example.com") is first
