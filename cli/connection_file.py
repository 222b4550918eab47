"""What `concord connect` sends: from a YAML or JSON file, from flags, and from questions."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from cli.errors import usage_error

# What connecting by flags alone asks for. A platform that is not here is connected by a file that
# names its credentials with null: those are asked for as well.
CREDENTIALS: Final = {
    "catapult": ("api_key",),
    "ecomail": ("api_key",),
    "text_em_all": ("consumer_key", "consumer_secret", "access_token"),
}
_TOP: Final = frozenset({"merchant", "integration", "source", "destination", "settings"})
_MERCHANT: Final = ("name", "time_zone", "country")


def read_connection_file(file: Path) -> dict[str, Any]:
    """Return the file as a mapping with `merchant` as one too. `-` is stdin."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        content = json.loads(text) if text.lstrip().startswith("{") else _yaml(text)
    except OSError as error:
        raise usage_error(f"{file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise usage_error(f"{file} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise usage_error(f"{file} holds no mapping", f"its members: {', '.join(sorted(_TOP))}")
    unknown = sorted(str(name) for name in set(content) - _TOP)
    if unknown:
        raise usage_error(
            f"{file}: unknown member {', '.join(unknown)}", f"known: {', '.join(sorted(_TOP))}"
        )
    for name in _TOP - {"integration"}:
        if name == "merchant" and isinstance(content.get(name), str):
            content[name] = {"id": content[name]}
        elif not isinstance(content.get(name, {}), dict):
            raise usage_error(f"{file}: {name} is not a mapping")
    return content


def _yaml(text: str) -> Any:
    import yaml  # only for those who write YAML

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        # The library would quote the line, and lines here hold secrets.
        where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ValueError(f"it is not valid YAML{where}") from None


def with_flags(content: Mapping[str, Any], flags: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the content with each flag that was given (`source.account_id`) put into its place."""
    made: dict[str, Any] = json.loads(json.dumps(content, default=str))
    for path, value in flags.items():
        if value is not None:
            put(made, path, value)
    return made


def put(target: dict[str, Any], path: str, value: object) -> None:
    """Set `a.b.c` in nested mappings, making those that are missing."""
    *parents, last = path.split(".")
    for name in parents:
        inner = target.get(name)
        if not isinstance(inner, dict):
            inner = target[name] = {}
        target = inner
    target[last] = value


def split_merchant(content: Mapping[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Return the merchant's id, what is known of the merchant, and the connection's own body."""
    merchant = dict(content.get("merchant") or {})
    merchant_id = str(merchant.pop("id", "") or "")
    if not merchant_id:
        raise usage_error("which merchant? give an id with --merchant, or merchant.id in the file")
    body = {name: value for name, value in content.items() if name != "merchant"}
    body.setdefault("integration", "catapult-text_em_all")
    for name, platform in zip(
        ("source", "destination"), str(body["integration"]).partition("-")[::2], strict=True
    ):
        side = body[name] = dict(body.get(name) or {})
        side.setdefault("platform", platform)
        known = dict.fromkeys(CREDENTIALS.get(str(side["platform"]), ()))
        side["credentials"] = {**known, **dict(side.get("credentials") or {})}
    return merchant_id, merchant, body


def fill(body: dict[str, Any], ask: Callable[[str, bool], str]) -> None:
    """Ask for what is missing: accounts and addresses in the open, credentials without echo."""
    for name in ("source", "destination"):
        side = body[name]
        platform = side["platform"]
        for key, words in (("account_id", "account"), ("base_url", "address of its API (https)")):
            if not side.get(key):
                side[key] = ask(f"{platform}: {words}", False)
        _fill_secrets(side["credentials"], platform, ask)
    sender = (body.get("settings") or {}).get("sender")
    if isinstance(sender, dict) and isinstance(sender.get("credentials"), dict):
        _fill_secrets(sender["credentials"], str(sender.get("platform", "sender")), ask)


def _fill_secrets(
    credentials: dict[str, Any], platform: str, ask: Callable[[str, bool], str]
) -> None:
    for key, value in credentials.items():
        if value in (None, ""):
            credentials[key] = ask(f"{platform}: {key}", True)


def fill_merchant(merchant: dict[str, Any], ask: Callable[[str, str | None], str]) -> None:
    """Ask for what a new merchant needs: name, IANA time zone, ISO country."""
    examples = {"time_zone": "America/New_York", "country": "US"}
    for name in _MERCHANT:
        if not merchant.get(name):
            merchant[name] = ask(f"merchant's {name.replace('_', ' ')}", examples.get(name))
