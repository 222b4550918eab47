"""Every relative link in the documentation leads somewhere, to a heading too if it names one."""

from pathlib import Path

import pytest

from tests.docs.pages import ROOT, anchors, links, pages

_ELSEWHERE = ("http://", "https://", "mailto:")


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_resolve(page: Path) -> None:
    """Files exist inside the repository, and a `#part` is a heading of the page it names."""
    broken = []
    for link in links(page.read_text()):
        if link.startswith(_ELSEWHERE):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or not target.is_relative_to(ROOT):
            broken.append(f"{link}: no such file")
        elif anchor and anchor not in anchors(target.read_text()):
            broken.append(f"{link}: no such heading")
    assert broken == []


def test_the_reader_finds_links_and_headings() -> None:
    """The two readers above see what they should: otherwise nothing here could fail."""
    code = "`[no](x.md)`\n```md\n[no](y.md)\n# no\n```\n"
    text = f"# One `two`, three\n[a](b.md#c)\n{code}# One two three\n"
    assert links(text) == ["b.md#c"]
    assert anchors(text) == {"one-two-three", "one-two-three-1"}
