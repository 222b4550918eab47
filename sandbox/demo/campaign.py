"""What the broadcast steps of the demo tell each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.demo.crowd import Member
    from sandbox.demo.stage import Person


@dataclass
class Campaign:
    """The people, the broadcast as `CONNECTION/BROADCAST`, what was foreseen, who said STOP."""

    members: list[Member] = field(default_factory=list)
    broadcast: str = ""
    preview: dict[str, Any] = field(default_factory=dict)
    stopped: Person | None = None
