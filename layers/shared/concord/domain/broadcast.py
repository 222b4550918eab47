"""A broadcast: one text to the textable numbers of some groups, and its life (R-09)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from concord.domain.errors import ConflictError
from concord.domain.tasks import TaskKind, TaskSpec

_ID: Final = re.compile(r"\d{8}t\d{6}-[0-9a-f]{8}")


class BroadcastState(StrEnum):
    """Life of a broadcast; the last two are final."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    PLANNING = "planning"
    SENDING = "sending"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class Act(StrEnum):
    """What an operator may ask of a broadcast."""

    SCHEDULE = "schedule"
    SEND = "send"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


_POSSIBLE: Final[Mapping[BroadcastState, frozenset[Act]]] = {
    BroadcastState.DRAFT: frozenset({Act.SCHEDULE, Act.SEND, Act.CANCEL}),
    BroadcastState.SCHEDULED: frozenset({Act.SCHEDULE, Act.SEND, Act.PAUSE, Act.CANCEL}),
    BroadcastState.PLANNING: frozenset({Act.PAUSE, Act.CANCEL}),
    BroadcastState.SENDING: frozenset({Act.PAUSE, Act.CANCEL}),
    BroadcastState.PAUSED: frozenset({Act.RESUME, Act.CANCEL}),
    BroadcastState.FINISHED: frozenset(),
    BroadcastState.CANCELLED: frozenset(),
}


def check_act(state: BroadcastState, act: Act) -> None:
    """Raise ConflictError `invalid_transition` naming what is possible from here."""
    if act not in _POSSIBLE[state]:
        possible = ", ".join(sorted(_POSSIBLE[state])) or "nothing: it is final"
        raise ConflictError(
            f"a broadcast that is {state} cannot {act}; possible: {possible}",
            code="invalid_transition",
        )


@dataclass(frozen=True, slots=True)
class Draft:
    """What a marketer writes: at least one group, a text, a pace if it should be slower (R-08)."""

    name: str
    group_ids: tuple[str, ...]
    text: str = field(repr=False)
    rate: float | None = None
    send_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Frozen:
    """What was fixed when a broadcast started, so that nothing changes under way (TEA-10).

    `taken_at` is the moment of the audience: who became textable after it is not in. `body` is the
    whole text with its required footer, `segments` its price in segments. A slice has `slice_size`
    recipients: one bulk call, or at most ten for a sender that takes one text at a time; `rate` is
    in texts a second.
    """

    snapshot_id: str
    taken_at: datetime
    body: str = field(repr=False)
    segments: int
    rate: float
    slice_size: int
    bulk: bool

    def lasts(self, count: int) -> timedelta:
        """Return how much later than the first of so many texts the last one may start: none where
        each is looked at again before its own call."""
        return timedelta(seconds=count / self.rate if self.bulk else 0)


@dataclass(frozen=True, slots=True)
class Broadcast:
    """A broadcast as everybody reads it.

    `audience` is the number of recipients once planned (None before); `open_chunks` how many chunks
    are not done. `planned` = no chunk will come any more, but those of recipients who wait for
    morning. `held` says why we paused it ourselves, in a stable word. `report` counts outcomes by
    reason, once it is over.
    """

    broadcast_id: str
    merchant_id: str
    connection_id: str
    name: str
    group_ids: tuple[str, ...]
    text: str = field(repr=False)
    state: BroadcastState
    created_at: datetime
    rate: float | None = None
    send_at: datetime | None = None
    version: int = 1
    frozen: Frozen | None = None
    audience: int | None = None
    planned: bool = False
    open_chunks: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    held: str = ""
    made_by: str = ""
    report: Mapping[str, int] = field(default_factory=dict)

    @property
    def runs(self) -> bool:
        """Whether its texts may be handed over: also while the rest of it is being planned."""
        return self.state in (BroadcastState.PLANNING, BroadcastState.SENDING)

    @property
    def over(self) -> bool:
        """Whether no text of it will be handed over any more."""
        return self.state in (BroadcastState.FINISHED, BroadcastState.CANCELLED)


def plan_task(broadcast: Broadcast) -> TaskSpec:
    """Return the task that wakes the planner of a broadcast.

    There is one for each version that needs it: a planner works for the version that it was called
    for, so two never work on the same one, and who was called for an earlier version is done.
    """
    return TaskSpec(
        TaskKind.PLAN_BROADCAST,
        broadcast.connection_id,
        f"{broadcast.broadcast_id}.{broadcast.version}",
        {"broadcast_id": broadcast.broadcast_id, "version": broadcast.version},
    )


def cancelled_unstarted(broadcast: Broadcast, now: datetime, *, held: str = "") -> Broadcast:
    """Return the next version of a broadcast that ends before it started: nobody was texted."""
    return replace(
        broadcast,
        state=BroadcastState.CANCELLED,
        held=held,
        planned=True,
        audience=0,
        finished_at=now,
        version=broadcast.version + 1,
    )


def new_broadcast_id(at: datetime, token: str) -> str:
    """Return an id that sorts by creation: `<yyyymmdd>t<hhmmss>-<8 hex>`; `token` is random hex."""
    return f"{at.astimezone(UTC):%Y%m%dt%H%M%S}-{token[:8]}"


def is_broadcast_id(text: str) -> bool:
    """Whether `text` has the form of an id; anything else reads no row."""
    return _ID.fullmatch(text) is not None
