"""Secrets in the parameter store: one request brings the stack key and a connection's own."""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from concord.adapters.clients import client as new_client
from concord.domain.credentials import ConnectionSecrets
from concord.domain.errors import (
    FieldError,
    InvalidInputError,
    StackKeyError,
    StorageUnavailableError,
)
from concord.domain.events import SecretValue
from concord.domain.times import from_rfc3339, to_rfc3339

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

CONNECT: Final = 0.3
READ: Final = 0.5
_FRESH_FOR: Final = 60.0
_REMEMBERED: Final = 1000
# Of a standard parameter: an advanced one costs money for every connection.
MAX_VALUE: Final = 4096
# A second attempt only after a quick failure: whoever waits for the answer waits for this too.
_QUICK: Final = 0.1


@dataclass(frozen=True, slots=True)
class _Stored:
    """A parameter as it was found."""

    value: str = field(repr=False)
    version: int


class SsmSecrets:
    """Secrets under `<prefix>/`: `stack-key`, `dossier-key`, `connections/<connection>`.

    Keys of 32 bytes are stored in base64; a connection's secrets as one JSON object.
    """

    def __init__(
        self,
        prefix: str,
        client: SSMClient | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prefix = prefix.rstrip("/")
        self._given = client
        self._monotonic = monotonic
        self._stack_key: bytes | None = None
        self._memory: dict[str, tuple[float, int, ConnectionSecrets]] = {}

    @property
    def client(self) -> SSMClient:
        """Return the client, built when it is first needed."""
        if self._given is None:
            self._given = new_client("ssm", connect=CONNECT, read=READ)
        return self._given

    # --- a connection ------------------------------------------------------------------------

    def load(self, connection_id: str, version: int | None) -> ConnectionSecrets:
        """Return a version of the secrets, from memory for 60 s; None = the newest, as it is now.

        What is not there holds no secret. Raises StackKeyError, StorageUnavailableError.
        """
        if version is not None and (known := self._remembered(connection_id, version)) is not None:
            return known
        own = self._connection(connection_id)
        found = self._read("stack-key", own if version is None else f"{own}:{version}")
        stored = found.get(own)
        key = self._key_from(found["stack-key"].value if "stack-key" in found else None)
        secrets = secrets_from(key, stored.value if stored else "{}")
        if stored is not None:
            self._remember(connection_id, stored.version, secrets)
        return secrets

    def _remembered(self, connection_id: str, version: int) -> ConnectionSecrets | None:
        if connection_id not in self._memory:
            return None
        at, known, secrets = self._memory[connection_id]
        return secrets if known == version and self._monotonic() - at < _FRESH_FOR else None

    def _remember(self, connection_id: str, version: int, secrets: ConnectionSecrets) -> None:
        self._memory.pop(connection_id, None)
        self._memory[connection_id] = (self._monotonic(), version, secrets)
        if len(self._memory) > _REMEMBERED:
            del self._memory[next(iter(self._memory))]

    def check(self, secrets: ConnectionSecrets) -> None:
        """Raise InvalidInputError if a parameter cannot hold them."""
        if len(secrets_json(secrets).encode()) > MAX_VALUE:
            message = (
                f"all secrets of a connection together may have {MAX_VALUE:,} bytes as JSON: "
                "shorten credentials, or let retired webhook secrets end first"
            )
            raise InvalidInputError(
                "the secrets are too long", errors=(FieldError("credentials", message),)
            )

    def save(self, connection_id: str, secrets: ConnectionSecrets) -> int:
        """Write a connection's secrets, encrypted, as a version of their own; returns it."""
        self.check(secrets)
        name = f"{self._prefix}/{self._connection(connection_id)}"
        value = secrets_json(secrets)
        written = self._request(
            lambda: self.client.put_parameter(
                Name=name, Value=value, Type="SecureString", Overwrite=True
            )
        )
        self._memory.pop(connection_id, None)
        return int(written["Version"])

    @staticmethod
    def _connection(connection_id: str) -> str:
        return f"connections/{connection_id}"

    # --- the stack's own ---------------------------------------------------------------------

    def stack_key(self) -> bytes:
        """Return the stack key; it never changes, so it is asked for once."""
        if self._stack_key is None:
            return self._key_from(self._value("stack-key"))
        return self._stack_key

    def dossier_key(self) -> bytes:
        """Return the Ed25519 private key that signs dossiers. Raises StackKeyError."""
        key = _key(self._value("dossier-key"))
        if key is None:
            raise StackKeyError("there is no dossier key: run `concord setup`", code="no_key")
        return key

    def dossier_public_key(self) -> str | None:
        """Return the public key of dossiers in base64, if setup made one."""
        return self._value("dossier-public-key")

    def _key_from(self, stored: str | None) -> bytes:
        key = _key(stored)
        if key is None:
            raise StackKeyError("there is no stack key: run `concord setup`", code="no_stack_key")
        self._stack_key = key
        return key

    # --- requests ----------------------------------------------------------------------------

    def _value(self, name: str) -> str | None:
        found = self._read(name).get(name)
        return found.value if found else None

    def _read(self, *names: str) -> dict[str, _Stored]:
        """Return the parameters that exist, by name without the prefix, in one request.

        A name may end in `:<version>`; what is found is named without.
        """
        full: Sequence[str] = [f"{self._prefix}/{name}" for name in names]
        answer = self._request(
            lambda: self.client.get_parameters(Names=list(full), WithDecryption=True)
        )
        return {
            found["Name"].removeprefix(f"{self._prefix}/"): _Stored(
                found["Value"], found["Version"]
            )
            for found in answer.get("Parameters", [])
        }

    def _request(self, make: Callable[[], Any]) -> Mapping[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        for last in (False, True):
            started = self._monotonic()
            try:
                answer: Mapping[str, Any] = make()
            except (ClientError, BotoCoreError) as error:
                if last or self._monotonic() - started >= _QUICK:
                    # Never chained: the SDK's error can quote what was sent.
                    raise StorageUnavailableError(f"parameter store: {_code(error)}") from None
            else:
                return answer
        raise AssertionError("unreachable")


def _code(error: Exception) -> str:
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code") or type(error).__name__)


def _key(stored: str | None) -> bytes | None:
    if stored is None:
        return None
    try:
        key = base64.b64decode(stored.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != 32:
        raise StackKeyError("a key is not base64 of 32 bytes", code="damaged_key")
    return key


# --- form ------------------------------------------------------------------------------------


def secrets_json(secrets: ConnectionSecrets) -> str:
    """Return a connection's secrets as they are stored; the stack key is not among them."""
    return json.dumps(
        {
            "webhook_secrets": [
                {
                    "value": secret.value,
                    "expires_at": to_rfc3339(secret.expires_at) if secret.expires_at else None,
                }
                for secret in secrets.webhook_secrets
            ],
            "source": dict(secrets.source),
            "destination": dict(secrets.destination),
            "sender": dict(secrets.sender),
        },
        separators=(",", ":"),
        ensure_ascii=False,
    )


def secrets_from(stack_key: bytes, stored: str) -> ConnectionSecrets:
    """Return the secrets that the stored JSON holds; none of them if it is `{}`."""
    data = json.loads(stored)
    return ConnectionSecrets(
        stack_key=stack_key,
        webhook_secrets=tuple(
            SecretValue(
                value=secret["value"],
                expires_at=from_rfc3339(secret["expires_at"]) if secret["expires_at"] else None,
            )
            for secret in data.get("webhook_secrets", [])
        ),
        source=data.get("source", {}),
        destination=data.get("destination", {}),
        sender=data.get("sender", {}),
    )
