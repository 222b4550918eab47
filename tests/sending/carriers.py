"""Senders that take texts in memory: what they took, when, and what may go wrong with a call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from concord.domain.errors import (
    OptedOutAtCarrierError,
    OutcomeUnknownError,
    PermanentError,
)
from concord.domain.outbound import BulkHandedOver, BulkText, Endpoint, HandedOver, OutboundText
from tests.support.virtual import Virtual


@dataclass
class Call:
    """One call as the sender saw it begin."""

    at: datetime
    reference: str
    numbers: tuple[str, ...]


@dataclass
class Carrier:
    """A sender, one by one and in bulk. `fault(call)` may raise before anything is taken; the name
    it returns says what happens after that: `lost` = the answer does not come back."""

    virtual: Virtual
    latency: Callable[[], float] = lambda: 0.05
    lookups: bool = True
    fault: Callable[[Call], str | None] = lambda call: None
    began: Callable[[Call], None] = lambda call: None
    calls: list[Call] = field(default_factory=list)
    taken: dict[str, tuple[str, ...]] = field(default_factory=dict)
    refused: dict[str, dict[int, str]] = field(default_factory=dict)
    out: set[str] = field(default_factory=set)
    invalid: set[str] = field(default_factory=set)

    @property
    def texts(self) -> Counter[str]:
        """Return how often each number was texted."""
        return Counter(number for numbers in self.taken.values() for number in numbers)

    # --- TextSender --------------------------------------------------------------------------

    def send(self, text: OutboundText) -> HandedOver:
        fate = self._begin(text.reference, (text.to,))
        if text.to in self.out:
            raise OptedOutAtCarrierError("out")
        if text.to in self.invalid:
            raise PermanentError("not a number", reason="invalid_number")
        self._take(text.reference, (text.to,), fate)
        return HandedOver(f"m-{text.reference}")

    def find(self, text: OutboundText) -> HandedOver | None:
        self._look_up()
        return HandedOver(f"m-{text.reference}") if text.reference in self.taken else None

    # --- BulkSender --------------------------------------------------------------------------

    def send_bulk(self, text: BulkText) -> BulkHandedOver:
        fate = self._begin(text.reference, tuple(number for _, number in text.recipients))
        refused = {
            place: "opted_out_at_carrier" if number in self.out else "invalid_number"
            for place, number in text.recipients
            if number in self.out | self.invalid
        }
        left = tuple(number for place, number in text.recipients if place not in refused)
        if not left and set(refused.values()) == {"opted_out_at_carrier"}:
            raise OptedOutAtCarrierError("all of them")
        self.refused[text.reference] = refused
        self._take(text.reference, left, fate)
        return BulkHandedOver(f"m-{text.reference}", refused)

    def find_bulk(self, text: BulkText) -> BulkHandedOver | None:
        self._look_up()
        if text.reference not in self.taken:
            return None
        return BulkHandedOver(f"m-{text.reference}", self.refused[text.reference])

    # --- how ---------------------------------------------------------------------------------

    def _begin(self, reference: str, numbers: tuple[str, ...]) -> str | None:
        call = Call(self.virtual.now(), reference, numbers)
        self.calls.append(call)
        self.began(call)
        fate = self.fault(call)
        self.virtual.wait(self.latency())
        return fate

    def _take(self, reference: str, numbers: tuple[str, ...], fate: str | None) -> None:
        if fate == "never_came":
            raise OutcomeUnknownError("timed out")
        assert reference not in self.taken, f"{reference} was handed over twice"
        self.taken[reference] = numbers
        if fate == "lost":
            raise OutcomeUnknownError("timed out")

    def _look_up(self) -> None:
        self.virtual.wait(self.latency())
        if not self.lookups:
            raise PermanentError("no look-ups here", reason="lookup_unsupported")


class Platforms:
    """ports.Platforms with one carrier for everything, in bulk or not."""

    def __init__(self, carrier: Carrier, *, bulk: bool) -> None:
        self._carrier = carrier
        self.bulk = bulk

    def sender(self, platform: str, endpoint: Endpoint) -> Any:
        return None if self.bulk else self._carrier

    def bulk_sender(self, platform: str, endpoint: Endpoint) -> Any:
        return self._carrier if self.bulk else None

    def consent_peer(self, platform: str, endpoint: Endpoint) -> Any:
        return None

    def rate(self, platform: str) -> float:
        return 1.0
