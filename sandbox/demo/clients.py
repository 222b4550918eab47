"""The hands of the demo: Concord's APIs and the sandbox's controls, over HTTP."""

import json
import os
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ROOT: Final = Path(__file__).resolve().parents[2]
_TIMEOUT: Final = httpx.Timeout(30, connect=5)


class NoStackError(Exception):
    """There is no stack to play on; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Stack:
    """What stack.json says of the running stack."""

    api_url: str
    endpoint_url: str
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    sandbox_url: str
    functions: dict[str, str]
    table: str
    file: Path


def read_stack() -> Stack:
    """Read `.local/stack.json`; CONCORD_LOCAL_DIR names another instance's folder."""
    file = ROOT / (os.environ.get("CONCORD_LOCAL_DIR") or ".local") / "stack.json"
    try:
        content = json.loads(file.read_text())
    except FileNotFoundError:
        raise NoStackError("no stack is up: start it with `make up`") from None
    names = {one.name for one in fields(Stack)} - {"file"}
    return Stack(file=file, **{name: content[name] for name in names})


class SigV4(httpx.Auth):
    """Signs as AWS asks for; the local gateway checks it too."""

    requires_request_body = True

    def __init__(self, stack: Stack, service: str = "execute-api") -> None:
        key = Credentials(stack.access_key_id, stack.secret_access_key)
        self._signer = SigV4Auth(key, service, stack.region)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        kept = ("host", "content-type", "x-amz-target")
        headers = {name: request.headers[name] for name in kept if name in request.headers}
        signed = AWSRequest(request.method, str(request.url), headers=headers, data=request.content)
        self._signer.add_auth(signed)
        request.headers["Authorization"] = signed.headers["Authorization"]
        request.headers["X-Amz-Date"] = signed.headers["X-Amz-Date"]
        yield request


def client(base_url: str, **options: Any) -> httpx.Client:
    """Return a client that ignores proxies: everything is on this machine."""
    return httpx.Client(base_url=base_url, timeout=_TIMEOUT, trust_env=False, **options)


class Sandbox:
    """The simulated platforms' controls."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = client(url)

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """Make a control call and return its answer, whatever it is."""
        return self._http.request(method, path, json=body, **options)

    def _ask(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        answer = self.call(method, path, body, **options)
        answer.raise_for_status()
        return answer.json()

    def put_account(self, platform: str, account_id: str, **content: Any) -> None:
        self._ask("PUT", f"/{platform}/_accounts/{account_id}", content)

    def text(self, sender: str, to: str, text: str, **fixed: str) -> httpx.Response:
        """Text from a shopper's handset; the answer is that of Concord's webhook."""
        message = {"from": sender, "to": to, "text": text, **fixed}
        return self.call("POST", "/text_em_all/_handset", message)

    def texts(self, number: str) -> list[dict[str, str]]:
        """Return the texts that a number received, oldest first."""
        found: list[dict[str, str]] = self._ask("GET", f"/text_em_all/_handset/{number}")
        return found

    def contact(self, account_id: str, number: str) -> bool | None:
        """Return what Text-Em-All shows of a number; None = it was told nothing."""
        where = {"account_id": account_id}
        answer = self._ask("GET", f"/text_em_all/_contacts/{number}", params=where)
        shown: bool | None = answer["opted_in"]
        return shown

    def shopper(self, account_id: str, shopper_id: str) -> dict[str, bool]:
        """Return what CATAPULT shows of a shopper: her numbers and their flags."""
        answer = self._ask("GET", f"/catapult/_shoppers/{account_id}/{shopper_id}")
        return {phone["number"]: phone["opted_in"] for phone in answer["phones"]}

    def pos(self, account_id: str, via: str, action: str, point: str, **more: str) -> "Seen":
        """Let a cashier, a web cart or the back office act; return what that person sees."""
        asked = {"account_id": account_id, "via": via, "action": action, "point": point, **more}
        answer = self.call("POST", "/catapult/_pos", asked)
        seen = answer.json()
        body = seen.get("body")
        return Seen(answer.status_code, str(seen.get("message", "")), body if body else {})

    def calls(self, platform: str) -> list[dict[str, Any]]:
        """Return every request that a platform got since the last reset."""
        found: list[dict[str, Any]] = self._ask("GET", "/_calls", params={"platform": platform})
        return found

    def fault(self, **fault: Any) -> None:
        """Order the next matching calls to fail, until `reset` unless it says `times`."""
        self._ask("POST", "/_faults", fault)

    def reset(self) -> None:
        """Forget faults, calls and texts; accounts stay."""
        self._ask("POST", "/_reset")


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody at a till, a desk or a web cart got to see."""

    status: int
    message: str
    body: Mapping[str, Any]


class Connect:
    """The API that a POS or web shop calls, with one connection's key."""

    def __init__(self, stack: Stack, connection_id: str, key: str) -> None:
        bearer = {"Authorization": f"Bearer {key}"}
        self._http = client(f"{stack.api_url}/connect/{connection_id}", headers=bearer)

    def state(self, number: str) -> str:
        """Return the consent of a number as the shop reads it."""
        answer = self.call("GET", f"/consents/sms/{number}")
        answer.raise_for_status()
        return str(answer.json()["state"])

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """Make one call and return its answer, whatever it is."""
        return self._http.request(method, path, json=body, **options)


class Admin:
    """The operators' API, signed with SigV4."""

    def __init__(self, stack: Stack, **options: Any) -> None:
        self._http = client(f"{stack.api_url}/v1", auth=options.pop("auth", SigV4(stack)))

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """Make one call and return its answer, whatever it is."""
        return self._http.request(method, path, json=body, **options)

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """Make one call that has to succeed."""
        answer = self.call(method, path, body, **options)
        answer.raise_for_status()
        return answer.json() if answer.content else None
