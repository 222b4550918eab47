"""SSM's JSON API, as much of it as `concord setup` needs: read by name, put without overwriting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import httpx

from cli.errors import CommandError
from cli.signing import Signer, SigV4

_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter to make. `secret` = SecureString."""

    name: str
    value: str
    secret: bool
    description: str


class ParameterStore:
    """Parameters of one region."""

    def __init__(
        self,
        region: str,
        credentials: Signer,
        endpoint_url: str | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        self.url = (endpoint_url or f"https://ssm.{region}.{suffix}").rstrip("/")
        self._http = httpx.Client(
            auth=SigV4(credentials, "ssm", region),
            timeout=httpx.Timeout(20, connect=5),
            # A retried put that did arrive answers "exists", so it may be repeated; only
            # connections that never came about are: httpx repeats no sent request.
            transport=transport or httpx.HTTPTransport(retries=_ATTEMPTS - 1),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def existing(self, *names: str) -> set[str]:
        """Return which of the names are there; nothing is decrypted."""
        answer = self._call("GetParameters", {"Names": list(names), "WithDecryption": False})
        return {str(found["Name"]) for found in answer.get("Parameters", [])}

    def read(self, name: str) -> str:
        """Return a value, decrypted. Raises CommandError."""
        answer = self._call("GetParameter", {"Name": name, "WithDecryption": True})
        return str(answer["Parameter"]["Value"])

    def create(self, parameter: Parameter) -> bool:
        """Put it unless it is there; tells whether it was put. SSM decides, so no race is lost."""
        body = {
            "Name": parameter.name,
            "Value": parameter.value,
            "Type": "SecureString" if parameter.secret else "String",
            "Description": parameter.description,
            "Overwrite": False,
        }
        try:
            self._call("PutParameter", body)
        except CommandError as error:
            if error.code == "ParameterAlreadyExists":
                return False
            raise
        return True

    def _call(self, action: str, body: Mapping[str, Any]) -> dict[str, Any]:
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"AmazonSSM.{action}",
        }
        try:
            answer = self._http.post(self.url + "/", json=body, headers=headers)
        except httpx.TransportError as error:
            raise CommandError(
                f"the parameter store at {self.url} does not answer",
                hints=("check --region and --endpoint-url, and whether the network reaches it",),
            ) from error
        try:
            told = answer.json()
        except ValueError:
            told = {}
        if not answer.is_success:
            raise _refused(action, answer.status_code, told if isinstance(told, dict) else {})
        content: dict[str, Any] = told
        return content


def _refused(action: str, status: int, told: Mapping[str, Any]) -> CommandError:
    code = str(told.get("__type") or "").rpartition("#")[2] or f"HTTP {status}"
    words = str(told.get("message") or told.get("Message") or "").strip()
    hints = (f"whoever runs setup needs ssm:{action} on the prefix",) if "Denied" in code else ()
    return CommandError(
        f"ssm:{action} was refused: {words or code}", code=code, status=status, hints=hints
    )
