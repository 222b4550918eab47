"""python -m scripts.new_platform NAME: a platform that passes the conformance suite, to change."""

from __future__ import annotations

import argparse
import keyword
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
TEMPLATES: Final = Path(__file__).parent / "platform_templates"
REGISTRY: Final = "layers/shared/concord/platforms/registry.py"
PACKAGE: Final = "layers/shared/concord/platforms/$name"
# Template -> where it goes.
FILES: Final = {
    "init.py.tmpl": f"{PACKAGE}/__init__.py",
    "webhook.py.tmpl": f"{PACKAGE}/webhook.py",
    "codes.py.tmpl": f"{PACKAGE}/codes.py",
    "payloads.py.tmpl": f"{PACKAGE}/payloads.py",
    "client.py.tmpl": f"{PACKAGE}/client.py",
    "README.md.tmpl": f"{PACKAGE}/README.md",
    "fixture_inbound.json.tmpl": "events/webhooks/$name/inbound_text__stop.json",
    "fixture_delivery.json.tmpl": "events/webhooks/$name/delivery__delivered.json",
    "fixture_failed.json.tmpl": "events/webhooks/$name/delivery__failed.json",
    "case.py.tmpl": "tests/unit/platforms/$name/case.py",
    "test.py.tmpl": "tests/unit/platforms/$name/test_$name.py",
}
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LIST: Final = re.compile(r"(PLATFORMS: Final = \{\n)((?:    \"[^\n]*\n)*)(\})")
_IMPORTS: Final = re.compile(r"(?:from (?:concord|tests)\.[^\n]*\n)+")


class ScaffoldError(Exception):
    """The platform cannot be made; the message says why."""


def scaffold(name: str, root: Path = ROOT) -> list[Path]:
    """Write the platform's files and its registry line; return what was written or changed."""
    if not _NAME.fullmatch(name):
        raise ScaffoldError(f"{name!r} is no folder name: use lower case letters, digits and '_'")
    if keyword.iskeyword(name):
        raise ScaffoldError(f"{name!r} is a Python keyword: choose another name")
    values = {"name": name, "Name": "".join(part.capitalize() for part in name.split("_"))}
    targets = {
        template: root / Template(target).substitute(values) for template, target in FILES.items()
    }
    for target in targets.values():
        if target.exists():
            raise ScaffoldError(f"{target.relative_to(root)} exists already")
    registry = root / REGISTRY
    listed = _with_line(registry.read_text(), name)
    for template, target in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        text = Template((TEMPLATES / template).read_text()).substitute(values)
        target.write_text(_sorted_imports(text) if target.suffix == ".py" else text)
    registry.write_text(listed)
    return [*targets.values(), registry]


def _with_line(registry: str, name: str) -> str:
    """Return the registry's source with one more line, in order."""
    found = _LIST.search(registry)
    if found is None:
        raise ScaffoldError(f"{REGISTRY} holds no list of platforms")
    lines = found[2].splitlines(keepends=True)
    line = f'    "{name}": "{name}",\n'
    if any(entry.startswith(f'    "{name}":') for entry in lines):
        raise ScaffoldError(f"{name} is registered already")
    body = "".join(sorted([*lines, line]))
    return registry[: found.start()] + found[1] + body + found[3] + registry[found.end() :]


def _sorted_imports(source: str) -> str:
    """Sort each block of our own imports: where a name falls depends on the name."""

    def in_order(block: re.Match[str]) -> str:
        lines = block[0].splitlines(keepends=True)
        return "".join(sorted(lines, key=lambda line: line.split()[1]))

    return _IMPORTS.sub(in_order, source)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the platform and say what comes next."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="folder name, such as acme_text")
    parser.add_argument("--root", type=Path, default=ROOT, help="checkout to write into")
    given = parser.parse_args(arguments)
    try:
        written = scaffold(given.name, given.root)
    except ScaffoldError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for path in written:
        sys.stdout.write(f"{path.relative_to(given.root)}\n")
    sys.stdout.write(f"next: .venv/bin/pytest tests/unit/platforms -k {given.name}\n")
    sys.stdout.write("then: docs/adding-a-platform.md, step 2\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
