"""CATAPULT's consent flag, over configurable paths, fields and auth header."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from concord.domain.errors import (
    CredentialsRejectedError,
    PermanentError,
    PlatformError,
    RetryableError,
)
from concord.domain.outbound import AccountFacts, ConsentPush, Endpoint
from concord.domain.times import to_rfc3339
from concord.platforms.base import Http
from concord.platforms.calls import exchange, json_object, read, words
from concord.platforms.catapult.payloads import Account
from concord.platforms.checked import name_map

PATHS: Final = {
    "set_consent": "/accounts/{account_id}/text-consents",
    "check": "/accounts/{account_id}",
}
AUTH_HEADER: Final = "X-Api-Key"
# Ours -> theirs. `shopper_id` is sent only where the settings name a field for it.
FIELDS: Final = {"phone": "phone", "opted_in": "opted_in", "changed_at": "changed_at"}


def _permanent(reason: str) -> Callable[[str], PlatformError]:
    return lambda detail: PermanentError(detail, reason=reason)


# Codes of the Loyalty Redemption API, the only public list (docs: README).
ERRORS: Final[Mapping[int, Callable[[str], PlatformError]]] = {
    1: CredentialsRejectedError,
    2: _permanent("unmatched"),
    3: _permanent("invalid_program"),
    4: RetryableError,  # data access: their storage, not our request
    5: _permanent("insufficient_balance"),
    6: _permanent("already_complete"),
    7: _permanent("idempotency_reused"),
    8: _permanent("idempotency_reused"),
    9: _permanent("zero_points"),
    10: _permanent("no_preauthorization"),
}


class CatapultClient:
    """ConsentPeer and AccountChecker of one CATAPULT account."""

    def __init__(self, endpoint: Endpoint, http: Http) -> None:
        self._client = http.client(endpoint.base_url)
        self._account_id = endpoint.account_id
        self._headers = auth_headers(endpoint)
        self._paths = {**PATHS, **texts_of(endpoint.settings, "paths")}
        self._fields = {**FIELDS, **texts_of(endpoint.settings, "fields")}

    def set_consent(self, push: ConsentPush) -> bool:
        """Set the flag of a number, shopper by shopper where their API wants a shopper.

        False when no shopper there carries the number. Where one shopper is refused, the others
        are told all the same; then the error is raised, a retryable one before a permanent one.
        """
        per_shopper = "{shopper_id}" in self._paths["set_consent"] or "shopper_id" in self._fields
        targets = push.shopper_ids if per_shopper else (None,)
        reached, problems = False, []
        # Every call is made: one shopper's success or refusal says nothing about the next one's.
        for shopper_id in targets:
            try:
                reached = self._set(push, shopper_id) or reached
            except PlatformError as problem:
                problems.append(problem)
        if problems:
            # What may heal comes first: the push is repeated, and the others are told once more.
            raise min(problems, key=lambda problem: isinstance(problem, PermanentError))
        return reached

    def check(self) -> AccountFacts:
        """Read the account; it has no text numbers of its own."""
        path = self._path("check", {"account_id": self._account_id})
        answer = exchange(self._client, "GET", path, refusal=refusal, headers=self._headers)
        found = read(answer, Account).account_id
        if found is not None and found != self._account_id:
            raise PermanentError("the key belongs to another account", reason="wrong_account")
        return AccountFacts()

    def _set(self, push: ConsentPush, shopper_id: str | None) -> bool:
        values = {"account_id": self._account_id, "phone": push.point}
        fields: dict[str, object] = {
            "phone": push.point,
            "opted_in": push.opted_in,
            "changed_at": to_rfc3339(push.changed_at),
        }
        key = push.idempotency_key
        if shopper_id is not None:
            values["shopper_id"] = fields["shopper_id"] = shopper_id
            # One key per shopper, or the second call would be a repeat of the first.
            key = f"{key}.{hashlib.sha256(shopper_id.encode()).hexdigest()[:16]}"
        body = {self._fields[name]: fields[name] for name in fields if name in self._fields}
        headers = {**self._headers, "Idempotency-Key": key}
        path = self._path("set_consent", values)
        try:
            answer = exchange(
                self._client, "PUT", path, refusal=refusal, headers=headers, json=body
            )
        except PermanentError as error:
            if error.reason == "unmatched":
                return False
            raise
        # Any 2xx is done; only a counted zero says that nobody was reached.
        return json_object(answer).get("updated") != 0

    def _path(self, name: str, values: Mapping[str, str]) -> str:
        return filled(self._paths[name], values)


def auth_headers(endpoint: Endpoint) -> dict[str, str]:
    """Return the header that carries the key."""
    header = endpoint.settings.get("auth_header")
    name = header if isinstance(header, str) and header else AUTH_HEADER
    return {name: endpoint.credentials.get("api_key", "")}


def filled(template: str, values: Mapping[str, str]) -> str:
    """Return a path template with its `{names}` replaced by quoted values."""
    for key, value in values.items():
        template = template.replace(f"{{{key}}}", quote(value, safe=""))
    return template


def refusal(status: int, body: Mapping[str, Any]) -> PlatformError | None:
    """Read `{code, description}`."""
    code = body.get("code")
    if status == 404:
        # "No such shopper" or, with another code or none, "no such path": the settings are wrong.
        return PermanentError(words(body), reason="unmatched" if code == 2 else "not_found")
    known_error = ERRORS.get(code) if isinstance(code, int) else None
    return known_error(words(body)) if known_error else None


def texts_of(settings: Mapping[str, Any], key: str) -> dict[str, str]:
    """Return the texts in the mapping `settings[key]`: a null there says nothing."""
    found = name_map(settings, key)
    return {name: value for name, value in found.items() if isinstance(value, str) and value}
