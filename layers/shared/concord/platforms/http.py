"""The only way out: an HTTP client that reaches allowed hosts at public addresses, nothing else."""

from __future__ import annotations

import ipaddress
import logging
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final
from urllib.parse import SplitResult, urlsplit

import httpx

from concord.domain.errors import PermanentError, RetryableError

# httpx logs every URL at INFO and httpcore every header at DEBUG: numbers and keys stand in both.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

type Resolver = Callable[[str, int], Sequence[str]]
type Address = ipaddress.IPv4Address | ipaddress.IPv6Address

TIMEOUT: Final = httpx.Timeout(connect=3.0, read=10.0, write=10.0, pool=3.0)
MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
_MAX_ADDRESSES: Final = 3
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# A name needs a last label with a letter first: 0x7f.1, 2130706433 and 127.0.0.1 are no names.
_HOST: Final = re.compile(rf"(?:{_LABEL}\.)*[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?")
_ALLOWED: Final = re.compile(
    rf"(?P<star>\*\.(?={_LABEL}\.))?(?P<host>[a-z0-9.-]+|\[[0-9a-f:]+\])(?::(?P<port>\d{{1,5}}))?"
)
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


def resolve(host: str, port: int) -> list[str]:
    """Return every address of `host`, IPv4 first: a Lambda outside a VPC has no IPv6."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    addresses = dict.fromkeys(str(entry[4][0]) for entry in found)
    return sorted(addresses, key=lambda address: ":" in address)


class GuardedHttp:
    """Implements platforms.base.Http: one client per base URL, kept for its connections.

    Many merchants share a client, so it keeps nothing of an answer: credentials go with each
    request, and a cookie that one merchant was given never goes out with another's.

    `allowed_hosts` are names, `*.example.com` for every name below one, `name:8443` for a port
    other than 443. `allow_private` is for the sandbox: http, addresses as hosts, loopback, private
    networks and any port become possible, but still for allowed hosts only.
    """

    def __init__(
        self,
        allowed_hosts: Sequence[str],
        *,
        allow_private: bool = False,
        resolver: Resolver = resolve,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._allowed = [_parse_allowed(entry) for entry in allowed_hosts if entry.strip()]
        self._allow_private = allow_private
        self._resolver = resolver
        self._transport = transport
        self._clients: dict[str, httpx.Client] = {}

    def client(self, base_url: str) -> httpx.Client:
        """Return the client of this base URL. Raises PermanentError `host_not_allowed`.

        It is bound to that URL's scheme, host and port, follows no redirect, uses no proxy.
        """
        known = self._clients.get(base_url)
        if known is not None:
            return known
        origin = self._check(base_url)
        client = httpx.Client(
            base_url=base_url,
            timeout=TIMEOUT,
            transport=GuardedTransport(
                origin,
                self._resolver,
                self._transport or httpx.HTTPTransport(trust_env=False, verify=_tls()),
                allow_private=self._allow_private,
            ),
            trust_env=False,
            follow_redirects=False,
            cookies=_no_cookies(),
            # Unpacked answers could be far larger than the cap; ours are small anyway.
            headers={"accept": "application/json", "accept-encoding": "identity"},
        )
        self._clients[base_url] = client
        return client

    def _check(self, base_url: str) -> Origin:
        """Return the origin of an acceptable base URL, or raise without quoting the URL."""
        parts = _split(base_url)
        host, port = _host_of(parts, allow_addresses=self._allow_private), _port_of(parts)
        schemes = ("https", "http") if self._allow_private else ("https",)
        if parts.scheme not in schemes or not self._is_allowed(host, port):
            raise _refused()
        return parts.scheme, host, port

    def _is_allowed(self, host: str, port: int) -> bool:
        for star, allowed, allowed_port in self._allowed:
            fits = host.endswith("." + allowed) if star else host == allowed
            any_port = self._allow_private and allowed_port is None
            if fits and (any_port or port == (allowed_port or 443)):
                return True
        return False


type Origin = tuple[str, str, int]


class GuardedTransport(httpx.BaseTransport):
    """Resolves the host itself, checks every address, and connects to what it checked.

    The name stays in the Host header and in TLS, so certificates are checked against the name. A
    second look-up never happens: a name that changes its address in between (rebinding) gains
    nothing.
    """

    def __init__(
        self,
        origin: Origin,
        resolver: Resolver,
        inner: httpx.BaseTransport,
        *,
        allow_private: bool = False,
    ) -> None:
        self._origin = origin
        self._resolver = resolver
        self._inner = inner
        self._allow_private = allow_private

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send to the first address that answers; nothing is repeated once it was sent."""
        host, port = request.url.host, request.url.port
        scheme = request.url.scheme
        if (scheme, host, port or _DEFAULT_PORTS.get(scheme, 0)) != self._origin:
            raise _refused()
        addresses = self._addresses(host, self._origin[2])
        for address in addresses[:-1]:
            try:
                return self._send(request, host, address)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue  # not connected means not sent: the next address may be tried
        return self._send(request, host, addresses[-1])

    def close(self) -> None:
        self._inner.close()

    def _send(self, request: httpx.Request, host: str, address: str) -> httpx.Response:
        pinned = httpx.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host},
        )
        response = self._inner.handle_request(pinned)
        if _is_packed(response):
            response.close()
            raise httpx.ReadError("the answer is packed, although only identity was asked for")
        assert isinstance(response.stream, httpx.SyncByteStream)
        response.stream = _Capped(response.stream)
        return response

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            found = list(self._resolver(host, port))[:_MAX_ADDRESSES]
        except (OSError, UnicodeError):
            raise RetryableError("the host name could not be resolved") from None
        if not found:
            raise RetryableError("the host name has no address")
        # One bad address spoils the name: an attacker chooses the order of the answers.
        for address in found:
            if not is_reachable(address, allow_private=self._allow_private):
                raise _refused()
        return found


class _Capped(httpx.SyncByteStream):
    """A body that ends in an error when it grows past the cap; it is never unpacked after this."""

    def __init__(self, inner: httpx.SyncByteStream) -> None:
        self._inner = inner

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for part in self._inner:
            size += len(part)
            if size > MAX_ANSWER_BYTES:
                raise httpx.ReadError("the answer is too large")
            yield part

    def close(self) -> None:
        self._inner.close()


def is_reachable(address: str, *, allow_private: bool = False) -> bool:
    """Whether an address (as a resolver gave it) may be connected to.

    Addresses that carry an IPv4 address inside (mapped, 6to4, Teredo, NAT64) are judged by it.
    """
    try:
        found: Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    judged = [found, *_embedded(found)]
    if any(ip.is_multicast or ip.is_unspecified or ip.is_link_local for ip in judged):
        return False  # never, not even in the sandbox: instance metadata lives there
    return allow_private or all(ip.is_global and not ip.is_reserved for ip in judged)


def _embedded(address: Address) -> list[Address]:
    if isinstance(address, ipaddress.IPv4Address):
        return []
    inner: list[Address] = []
    if address.ipv4_mapped:
        inner.append(address.ipv4_mapped)
    if address.sixtofour:
        inner.append(address.sixtofour)
    if address.teredo:
        inner.extend(address.teredo)
    if address in _NAT64 or int(address) < 2**32:  # the latter: the old ::a.b.c.d form
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return inner


def _split(base_url: str) -> SplitResult:
    # What urlsplit forgives (control characters, backslashes, spaces, other scripts) is refused.
    if not re.fullmatch(r"[!#-\[\]-~]+", base_url) or "#" in base_url or "?" in base_url:
        raise _refused()
    try:
        parts = urlsplit(base_url)
    except ValueError:
        raise _refused() from None
    if "@" in parts.netloc or "%" in parts.netloc:
        raise _refused()
    return parts


def _host_of(parts: SplitResult, *, allow_addresses: bool) -> str:
    host = (parts.hostname or "").lower()
    if len(host) <= 253 and _HOST.fullmatch(host):
        return host
    if allow_addresses:
        try:
            return str(ipaddress.ip_address(host))
        except ValueError:
            pass
    raise _refused()


def _port_of(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        raise _refused() from None
    return port or _DEFAULT_PORTS.get(parts.scheme, 0)


def _parse_allowed(entry: str) -> tuple[bool, str, int | None]:
    found = _ALLOWED.fullmatch(entry.strip().lower())
    if found is None:
        raise ValueError("an allowed host is a name, *.name.tld or name:port")
    port = found["port"]
    return found["star"] is not None, found["host"].strip("[]"), int(port) if port else None


def _refused() -> PermanentError:
    return PermanentError("this host may not be called", reason="host_not_allowed")


def _no_cookies() -> CookieJar:
    """Return a jar that takes no cookie: a policy without an allowed domain refuses them all."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=()))


def _is_packed(response: httpx.Response) -> bool:
    codings = response.headers.get("content-encoding", "").split(",")
    return not {coding.strip().lower() for coding in codings} <= {"", "identity"}


@cache
def _tls() -> ssl.SSLContext:
    """Return one context for all clients: each reads every certificate again."""
    return httpx.create_ssl_context(trust_env=False)
