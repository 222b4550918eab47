"""Reads the Markdown pages of the repository: links, headings, fenced blocks."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FOLDERS = ("bench", "cli", "docs", "events", "functions", "layers", "sandbox", "tests")

_FENCE = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
_HEADING = re.compile(r"^#{1,6} (.+?)\s*$", re.MULTILINE)


def pages() -> list[Path]:
    """Return every page of the repository; what is made (environments, builds) is left out."""
    found = [page for folder in _FOLDERS for page in (ROOT / folder).rglob("*.md")]
    return sorted([*ROOT.glob("*.md"), *found])


def blocks(text: str, *languages: str) -> list[str]:
    """Return the fenced blocks in one of these languages."""
    return [match[2] for match in _FENCE.finditer(text) if match[1] in languages]


def links(text: str) -> list[str]:
    """Return the targets of all links outside code."""
    prose = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", text))
    return _LINK.findall(prose)


def anchors(text: str) -> set[str]:
    """Return the anchors of all headings, made as GitHub makes them."""
    return set(_slugs(_FENCE.sub("", text)))


def _slugs(text: str) -> Iterator[str]:
    seen: dict[str, int] = {}
    for heading in _HEADING.findall(text):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        count = seen[slug] = seen.get(slug, -1) + 1
        yield f"{slug}-{count}" if count else slug
