"""The signed calls of one Text-Em-All account, and what its refusals mean."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import httpx

from concord.domain.errors import OptedOutAtCarrierError, PermanentError, PlatformError
from concord.domain.outbound import Endpoint
from concord.platforms.base import Http
from concord.platforms.calls import Refusal, exchange, words
from concord.platforms.text_em_all.oauth import OAuth1

# NoValidBroadcastContacts: every recipient opted out.
NOBODY_LEFT: Final = 3005
# Theirs -> ours. Only numbers that somebody has seen; the rest is refused with their words.
ERRORS: Final[Mapping[int, type[PermanentError]]] = {NOBODY_LEFT: OptedOutAtCarrierError}


def refusal(status: int, body: Mapping[str, Any]) -> PlatformError | None:
    """Read `{ErrorCode, ErrorName, ErrorType, Message}`."""
    code = body.get("ErrorCode")
    known = ERRORS.get(code) if isinstance(code, int) else None
    return known(words(body)) if known else None


class Account:
    """Makes an account's calls; raises the PlatformErrors of `calls.exchange`."""

    def __init__(
        self, endpoint: Endpoint, http: Http, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._client = http.client(endpoint.base_url)
        self._auth = _auth(endpoint, clock)

    def get(self, path: str) -> httpx.Response:
        """Read something. Their filter operators have no value, so the path is spelled whole."""
        return exchange(self._client, "GET", path, refusal=refusal, auth=self._auth)

    def send(self, path: str, body: Mapping[str, Any]) -> httpx.Response:
        """Post what must not happen twice: a lost answer is OutcomeUnknownError."""
        return exchange(
            self._client, "POST", path, sends=True, refusal=refusal, auth=self._auth, json=body
        )

    def put(self, path: str, body: Mapping[str, Any], refusal: Refusal) -> httpx.Response:
        """Put what may happen twice."""
        return exchange(self._client, "PUT", path, refusal=refusal, auth=self._auth, json=body)


def number_id(sends_from_id: str) -> int:
    """Return the TextNumberID to send from. Raises PermanentError `no_text_number`."""
    if not (sends_from_id.isascii() and sends_from_id.isdecimal()):
        raise PermanentError("the sending number has no TextNumberID", reason="no_text_number")
    return int(sends_from_id)


def cannot_look_up() -> PermanentError:
    """Return the error that says: whether it is there cannot be known."""
    return PermanentError("texts cannot be looked up here", reason="lookup_unsupported")


def _auth(endpoint: Endpoint, clock: Callable[[], float]) -> OAuth1:
    given, settings = endpoint.credentials, endpoint.settings
    key, secret = given.get("consumer_key", ""), given.get("consumer_secret", "")
    if settings.get("lowercase_credentials") is True:
        # Their .NET client signs with both in lower case; keys are GUIDs, so it rarely matters.
        key, secret = key.lower(), secret.lower()
    token, token_secret = given.get("access_token", ""), given.get("token_secret", "")
    return OAuth1(key, secret, token, token_secret, clock=clock)
