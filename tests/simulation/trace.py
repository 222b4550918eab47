"""What happened, step by step: hashed always, readable where somebody asks."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Final

NEWEST: Final = 40


class Trace:
    """Every step of a run. The same seed has to leave the same `digest`, on any machine."""

    def __init__(self, now: Callable[[], datetime], say: Callable[[str], None] | None) -> None:
        self._now = now
        self._say = say
        self._hash = hashlib.sha256()
        self.steps = 0
        self.counts: Counter[str] = Counter()
        self.newest: list[str] = []

    def step(self, text: str) -> None:
        """Note one step; personal words may stand in it: everybody here is made up."""
        self.steps += 1
        line = f"{self.steps:6} {self._now():%Y-%m-%d %H:%M:%S.%f} {text}"
        self._hash.update(line.encode() + b"\n")
        self.newest = [*self.newest[1 - NEWEST :], line]
        if self._say is not None:
            self._say(line)

    def count(self, what: str, by: int = 1) -> None:
        """Count something that happened."""
        self.counts[what] += by

    @property
    def digest(self) -> str:
        """Return the hash of all steps so far."""
        return self._hash.hexdigest()
