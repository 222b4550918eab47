"""AWS Signature Version 4 for httpx, made by botocore's own signer."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any, Protocol

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from cli.errors import usage_error


class Signer(Protocol):
    """Whoever can sign: fixed keys, or a profile whose keys are renewed as they expire."""

    def get_frozen_credentials(self) -> Any: ...


class SigV4(httpx.Auth):
    """Signs the request as it goes out: method, URL, host and the hash of its body.

    It runs once per attempt, so a retry after a long pause never carries an old date.
    """

    requires_request_body = True

    def __init__(self, credentials: Signer, service: str, region: str) -> None:
        self._credentials = credentials
        self._service = service
        self._region = region

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        """Add Authorization, X-Amz-Date and, for temporary keys, X-Amz-Security-Token."""
        # Only these are signed: httpx's own headers may be changed on the way (User-Agent ...).
        headers = {
            name: request.headers[name]
            for name in ("Host", "Content-Type", "X-Amz-Target")
            if name in request.headers
        }
        signed = AWSRequest(request.method, str(request.url), headers=headers, data=request.content)
        frozen = self._credentials.get_frozen_credentials()
        SigV4Auth(frozen, self._service, self._region).add_auth(signed)
        for name in ("Authorization", "X-Amz-Date", "X-Amz-Security-Token"):
            if name in signed.headers:
                request.headers[name] = signed.headers[name]
        yield request


def fixed_credentials(access_key_id: str, secret_access_key: str) -> Signer:
    """Return credentials that stand in stack.json."""
    signer: Signer = Credentials(access_key_id, secret_access_key)
    return signer


def session_credentials(profile: str | None) -> tuple[Signer, str | None]:
    """Return what the AWS environment, a profile or SSO gives, and the region it names."""
    # Half a second to import, and the local stack does without.
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    try:
        session = Session(profile=profile)
        credentials = session.get_credentials()
        region = os.environ.get("AWS_REGION") or session.get_config_variable("region")
    except BotoCoreError as error:
        raise usage_error(f"AWS credentials cannot be used: {error}") from error
    if credentials is None:
        raise usage_error(
            "no AWS credentials found",
            "name a profile with --profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        )
    return credentials, region
