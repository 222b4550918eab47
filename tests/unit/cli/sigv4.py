"""What the receiving side of SigV4 computes, with botocore's own signer, from what it got."""

from __future__ import annotations

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


def expected_authorization(request: httpx.Request, secret: str) -> str:
    """Return the header that botocore would have sent for exactly these bytes."""
    got = request.headers["Authorization"]
    scope = got.partition("Credential=")[2].partition(",")[0].split("/")
    access_key, _, region, service, _ = scope
    names = got.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    token = request.headers.get("X-Amz-Security-Token")
    auth = SigV4Auth(Credentials(access_key, secret, token), service, region)
    seen = AWSRequest(
        request.method,
        str(request.url),
        headers={name: request.headers[name] for name in names},
        data=request.content,
    )
    seen.context["timestamp"] = request.headers["X-Amz-Date"]
    canonical = auth.canonical_request(seen)
    signature = auth.signature(auth.string_to_sign(seen, canonical), seen)
    credential, signed = "/".join(scope), ";".join(names)
    return (
        f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signed}, Signature={signature}"
    )
