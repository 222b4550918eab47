"""Secrets in the parameter store: one request brings the stack key and a connection's own."""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from concord.adapters.clients import client as new_client
from concord.domain.errors import StackKeyError, StorageUnavailableError
from concord.domain.events import SecretValue
from concord.domain.times import from_rfc3339, to_rfc3339
from concord.ports import ConnectionSecrets

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

CONNECT: Final = 0.3
READ: Final = 0.5
_FRESH_FOR: Final = 60.0
_REMEMBERED: Final = 1000
# A second attempt only after a quick failure: whoever waits for the answer waits for this too.
_QUICK: Final = 0.1


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
        self._memory: dict[str, tuple[float, ConnectionSecrets]] = {}

    @property
    def _client(self) -> SSMClient:
        if self._given is None:
            self._given = new_client("ssm", connect=CONNECT, read=READ)
        return self._given

    # --- a connection ------------------------------------------------------------------------

    def load(self, connection_id: str, *, fresh: bool = False) -> ConnectionSecrets:
        """Return the secrets, at most 60 s old. Raises StackKeyError, StorageUnavailableError."""
        known = self._memory.get(connection_id)
        if known is not None and not fresh and self._monotonic() - known[0] < _FRESH_FOR:
            return known[1]
        own = self._connection(connection_id)
        found = self._read("stack-key", own)
        secrets = secrets_from(self._key_from(found.get("stack-key")), found.get(own, "{}"))
        self._memory.pop(connection_id, None)
        self._memory[connection_id] = (self._monotonic(), secrets)
        if len(self._memory) > _REMEMBERED:
            del self._memory[next(iter(self._memory))]
        return secrets

    def save(self, connection_id: str, secrets: ConnectionSecrets) -> None:
        """Write a connection's secrets, encrypted."""
        name = f"{self._prefix}/{self._connection(connection_id)}"
        value = secrets_json(secrets)
        self._request(
            lambda: self._client.put_parameter(
                Name=name, Value=value, Type="SecureString", Overwrite=True
            )
        )
        self._memory.pop(connection_id, None)

    def delete(self, connection_id: str) -> None:
        """Delete a connection's secrets; those that are gone already are fine."""
        name = f"{self._prefix}/{self._connection(connection_id)}"
        self._request(lambda: self._client.delete_parameter(Name=name), fine="ParameterNotFound")
        self._memory.pop(connection_id, None)

    @staticmethod
    def _connection(connection_id: str) -> str:
        return f"connections/{connection_id}"

    # --- the stack's own ---------------------------------------------------------------------

    def stack_key(self) -> bytes:
        """Return the stack key; it never changes, so it is asked for once."""
        if self._stack_key is None:
            return self._key_from(self._read("stack-key").get("stack-key"))
        return self._stack_key

    def dossier_key(self) -> bytes:
        """Return the Ed25519 private key that signs dossiers. Raises StackKeyError."""
        key = _key(self._read("dossier-key").get("dossier-key"))
        if key is None:
            raise StackKeyError("there is no dossier key: run `concord setup`", code="no_key")
        return key

    def dossier_public_key(self) -> str | None:
        """Return the public key of dossiers in base64, if setup made one."""
        return self._read("dossier-public-key").get("dossier-public-key")

    def _key_from(self, stored: str | None) -> bytes:
        key = _key(stored)
        if key is None:
            raise StackKeyError("there is no stack key: run `concord setup`", code="no_stack_key")
        self._stack_key = key
        return key

    # --- requests ----------------------------------------------------------------------------

    def _read(self, *names: str) -> dict[str, str]:
        """Return the parameters that exist, by name without the prefix, in one request."""
        full: Sequence[str] = [f"{self._prefix}/{name}" for name in names]
        answer = self._request(
            lambda: self._client.get_parameters(Names=list(full), WithDecryption=True)
        )
        return {
            found["Name"].removeprefix(f"{self._prefix}/"): found["Value"]
            for found in answer.get("Parameters", [])
        }

    def _request(self, make: Callable[[], Any], *, fine: str | None = None) -> Mapping[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        for last in (False, True):
            started = self._monotonic()
            try:
                answer: Mapping[str, Any] = make()
            except (ClientError, BotoCoreError) as error:
                code = _code(error)
                if code == fine:
                    return {}
                if last or self._monotonic() - started >= _QUICK:
                    # Never chained: the SDK's error can quote what was sent.
                    raise StorageUnavailableError(f"parameter store: {code}") from None
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
