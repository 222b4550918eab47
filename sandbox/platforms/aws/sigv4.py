"""AWS Signature Version 4, the receiving side, for body-signed JSON requests."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from urllib.parse import quote

_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,\s]+)/(?P<date>\d{8})/(?P<region>[^/]+)/"
    r"(?P<service>[^/]+)/aws4_request,\s*SignedHeaders=(?P<headers>[a-z0-9;-]+),\s*"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Authorization:
    """The parts of a SigV4 Authorization header."""

    access_key: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str


def parse(header: str) -> Authorization | None:
    """Read the header, or return None when it is not SigV4."""
    found = _HEADER.fullmatch(header)
    if found is None:
        return None
    return Authorization(
        found["key"],
        found["date"],
        found["region"],
        found["service"],
        tuple(found["headers"].split(";")),
        found["signature"],
    )


def verify(
    authorization: Authorization,
    secret: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
) -> bool:
    """Tell whether the signature fits a request without a query; `headers` are lower-case."""
    canonical_headers = "".join(
        f"{name}:{' '.join(headers.get(name, '').split())}\n"
        for name in authorization.signed_headers
    )
    canonical = "\n".join(
        [
            method,
            quote(path, safe="/-._~"),
            "",
            canonical_headers,
            ";".join(authorization.signed_headers),
            hashlib.sha256(body).hexdigest(),
        ]
    )
    scope = f"{authorization.date}/{authorization.region}/{authorization.service}/aws4_request"
    signed = "\n".join(
        [
            "AWS4-HMAC-SHA256",
            headers.get("x-amz-date", ""),
            scope,
            hashlib.sha256(canonical.encode()).hexdigest(),
        ]
    )
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    expected = hmac.digest(key, signed.encode(), "sha256").hex()
    return hmac.compare_digest(expected, authorization.signature)
