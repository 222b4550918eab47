"""The admin API over HTTP: signed, repeated where that is safe, its errors in plain words."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import httpx

from cli.errors import CommandError, problem
from cli.signing import SigV4
from cli.target import START, Target

# The gateway gives up after 29 s; by then it has answered.
TIMEOUT: Final = httpx.Timeout(35, connect=5)
_PASSING: Final = frozenset({429, 500, 502, 503, 504})
_LONGEST_PAUSE: Final = 30.0
_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a call is made before we give up; pauses double from `first`, with jitter."""

    attempts: int = 3
    first: float = 0.5
    outlasts_restarts: bool = False

    def pause(self, attempt: int, retry_after: str | None) -> float:
        """Return the seconds to wait after this attempt (1-based); what the server says counts."""
        if retry_after and retry_after.isascii() and retry_after.isdigit():
            return min(float(retry_after), 4 * _LONGEST_PAUSE)
        longest: float = min(self.first * 2.0 ** (attempt - 1), _LONGEST_PAUSE)
        return longest * random.uniform(0.5, 1)


ONCE: Final = Patience(attempts=1)
PATIENT: Final = Patience(attempts=8, first=1, outlasts_restarts=True)


class Api:
    """Calls `/v1`. Reads are repeated on passing failures; writes only where the caller says so."""

    def __init__(
        self,
        target: Target,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.target = target
        self._sleep = sleep
        self._http = httpx.Client(
            base_url=target.api_url,
            auth=SigV4(target.credentials, "execute-api", target.region),
            timeout=TIMEOUT,
            transport=transport,
            trust_env=not target.local,
            headers={"Accept": "application/json"},
        )

    def get(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Read."""
        return self.call("GET", path, params=params, patience=Patience())

    def post(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        patience: Patience = ONCE,
    ) -> dict[str, Any]:
        """Do. Give `patience` only where doing it twice is doing it once."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else None
        return self.call("POST", path, body or {}, params, headers, patience)

    def pages(self, path: str, limit: int, params: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Yield at most `limit` items of a list, page by page."""
        cursor: str | None = None
        left = limit
        while left > 0:
            size = {"limit": str(min(left, _PAGE))}
            at = {"cursor": cursor} if cursor else {}
            answer = self.get(path, {**params, **size, **at})
            items = answer.get("items", [])[:left]
            yield from items
            left -= len(items)
            cursor = answer.get("cursor")
            if not cursor:  # a filtered page may be empty, and more may follow
                return

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        patience: Patience = ONCE,
    ) -> dict[str, Any]:
        """Make one request and return its JSON. Raises CommandError."""
        attempt = 1
        while True:
            last = attempt == patience.attempts
            try:
                answer = self._http.request(
                    method, f"/v1{path}", json=body, params=params, headers=headers
                )
            except httpx.TransportError as error:
                # Where nobody listens, another try a second later meets nobody either.
                nobody = isinstance(error, httpx.ConnectError) and not patience.outlasts_restarts
                if last or nobody:
                    raise self._unreachable(error) from error
                pause = patience.pause(attempt, None)
            else:
                if answer.is_success:
                    return self._json(answer)
                if last or answer.status_code not in _PASSING:
                    raise problem(answer)
                pause = patience.pause(attempt, answer.headers.get("Retry-After"))
            self._sleep(pause)
            attempt += 1

    def _unreachable(self, error: httpx.TransportError) -> CommandError:
        if isinstance(error, httpx.TimeoutException):
            return CommandError(
                "the API did not answer in time",
                hints=("it may have done what you asked: look before you repeat it",),
            )
        hint = START if self.target.local else "check --api-url and your network"
        return CommandError(f"nothing answers at {self.target.api_url}", hints=(hint,))

    @staticmethod
    def _json(answer: httpx.Response) -> dict[str, Any]:
        if not answer.content:
            return {}
        try:
            body = answer.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise CommandError(
                "the answer is not Concord's: is this the address of its API?",
                hints=("it is the stack's output ApiUrl, with the stage at its end",),
                status=answer.status_code,
            )
        return body


def segment(text: str) -> str:
    """Return an id as one segment of a path."""
    return quote(text, safe="")
