"""What must never stand in anything that functions print, queue or raise."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator

import pytest

# Every number of a walk is +1555 and seven digits, every address ends like an example's.
PATTERNS = (
    re.compile(r"(?<![0-9A-Za-z])(?:\+|%2B)?1?555\d{7}(?![0-9A-Za-z])"),
    re.compile(r"[^\s\"'<>@]+(?:@|%40)[\w.-]*example\.com", re.IGNORECASE),
    re.compile(r"whsec_[A-Za-z0-9+/=]{8,}"),
    re.compile(r"\bck_[A-Za-z0-9_-]{8,}"),
)


def found_in(text: str, *words: str) -> Iterator[str]:
    """Yield every canary in `text`: by pattern, and the given words in any case."""
    for pattern in PATTERNS:
        yield from pattern.findall(text)
    low = text.lower()
    yield from (word for word in words if word.lower() in low)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a walk whose captured output holds a canary, whatever else it proved."""
    report = yield
    said = "".join(text for name, text in report.sections if name.startswith("Captured std"))
    if report.passed and (hits := set(found_in(said))):
        report.outcome = "failed"
        report.longrepr = f"{item.name} let out {sorted(hits)}"
    return report
