"""Which Concord is meant, where its API is, and who signs: the local stack, or one in AWS."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cli.errors import MISUSED, CommandError, usage_error
from cli.signing import Signer, fixed_credentials, session_credentials

START: Final = "start the local stack with: make up"
_GATEWAY: Final = re.compile(r"https://[a-z0-9]+\.execute-api\.([a-z0-9-]+)\.amazonaws\.com")


def local_stack() -> Path:
    """Return where `make up` writes its stack.json; CONCORD_LOCAL_DIR names another instance."""
    return Path(os.environ.get("CONCORD_LOCAL_DIR") or ".local") / "stack.json"


@dataclass(frozen=True, slots=True)
class Target:
    """An API to talk to. `local` = an emulator on this machine, named by a stack.json."""

    api_url: str
    region: str
    credentials: Signer = field(repr=False)
    local: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """What the command line says about the target."""

    stack: Path | None = None
    api_url: str | None = None
    region: str | None = None
    profile: str | None = None

    def resolve(self) -> Target:
        """Return the target: --stack, else --api-url, else the local stack if one is up."""
        if self.stack and self.api_url:
            raise usage_error("--stack and --api-url name two targets: give one of them")
        if self.api_url:
            return self._in_aws(self.api_url.rstrip("/"))
        if self.stack is None and (self.profile or self.region):
            raise usage_error(
                "--profile and --region need the address of the API in AWS",
                "give it with --api-url or CONCORD_API_URL; it is the stack's output ApiUrl",
            )
        return self._local(self.stack or local_stack())

    def _local(self, file: Path) -> Target:
        stack = read_stack(file)
        return Target(
            api_url=stack["api_url"].rstrip("/"),
            region=stack["region"],
            credentials=fixed_credentials(stack["access_key_id"], stack["secret_access_key"]),
            local=True,
        )

    def _in_aws(self, api_url: str) -> Target:
        if not re.match(r"https?://[^/\s]+", api_url):
            raise usage_error("--api-url is not an address: it begins with https://")
        credentials, default_region = session_credentials(self.profile)
        named = _GATEWAY.match(api_url)
        region = self.region or (named[1] if named else None) or default_region
        if not region:
            raise usage_error("which AWS region? give it with --region")
        return Target(api_url, region, credentials, local=False)


_NEEDED: Final = ("api_url", "endpoint_url", "region", "access_key_id", "secret_access_key")


def read_stack(file: Path) -> dict[str, Any]:
    """Return the content of a stack.json. Raises CommandError that says how to get one."""
    try:
        stack = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CommandError(
            f"no stack is up here: {file} does not exist",
            hints=(START, "or name one in AWS with --api-url or CONCORD_API_URL"),
            exit_code=MISUSED,
        ) from None
    except (OSError, ValueError) as error:
        raise usage_error(f"{file} cannot be read: {error}") from error
    missing = [name for name in _NEEDED if not (isinstance(stack, dict) and stack.get(name))]
    if missing:
        raise usage_error(f"{file} lacks {', '.join(missing)}", START)
    content: dict[str, Any] = stack
    return content
