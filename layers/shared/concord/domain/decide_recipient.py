"""May this recipient get this text now? The one decision that preview and hand-over share (L-04).

Asked at every hand-over again, upon what is true at that moment; what was counted or planned
before decides nothing (TEA-09).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from concord.domain.caps import Cap
from concord.domain.chunks import Decided, Outcome
from concord.domain.consent_record import ConsentRecord
from concord.domain.hand_over import Purpose, refusal_to_send
from concord.domain.marks import Basis


class Reason(StrEnum):
    """Why a recipient is not texted, or not yet; stable words of reports and previews.

    OPTED_OUT, SUPPRESSED (the number is dead, R-07) and NOT_OPTED_IN are spelled by
    domain/hand_over.py. BASIS_NOT_ENOUGH: the law where she lives asks for a stronger consent.
    NO_LEGAL_HOUR: no hour of the coming days is legal everywhere she may be. CAPPED: she got as
    many texts as the merchant allows (R-02). QUIET_HOURS: she waits for the next legal hour (R-01).
    """

    OPTED_OUT = "opted_out_after_queue"
    NOT_OPTED_IN = "not_opted_in"
    SUPPRESSED = "suppressed"
    BASIS_NOT_ENOUGH = "basis_not_enough"
    NO_LEGAL_HOUR = "no_legal_hour"
    CAPPED = "capped"
    QUIET_HOURS = "quiet_hours"


class HoursRuling(Protocol):
    """What the law says of one moment: `until` is the next legal one if this is not; None = none.

    `rules` are the ids of the rules that were asked or that forbid, `local` her possible local
    times, as `zone HH:MM`.
    """

    @property
    def allowed(self) -> bool: ...

    @property
    def rules(self) -> tuple[str, ...]: ...

    @property
    def local(self) -> tuple[str, ...]: ...

    @property
    def until(self) -> datetime | None: ...


class RecipientLaw(Protocol):
    """The rules that hold where a recipient may be; `region` (`US-FL`) is "" if unknown."""

    def hours(self, point: str, region: str, at: datetime) -> HoursRuling:
        """Rule on texting a number at `at`."""

    def forbidden_basis(
        self, point: str, region: str, basis: Basis, given_at: datetime, at: datetime
    ) -> tuple[str, ...]:
        """Return the ids of the rules that a consent of this basis, given then, does not satisfy at
        `at`."""

    def caps_of(self, point: str, region: str, at: datetime) -> tuple[Cap, ...]:
        """Return every cap that binds a recipient."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """One of a slice: her number by its id, where she lives if that is known, her consent as it was
    read for this very question."""

    point_id: str
    region: str
    record: ConsentRecord | None


def decide_slice(
    recipients: Sequence[Recipient],
    *,
    at: datetime,
    lasts: timedelta,
    law: RecipientLaw,
    full: Callable[[Mapping[str, tuple[Cap, ...]]], Collection[str]],
) -> list[Decided]:
    """Return what becomes of each recipient of a slice at `at`, if texting it `lasts` so long.

    `full` is asked once, with the caps of those who would be texted and are bound by any: it books
    a text for each whose caps have room (or, in a preview, only looks) and returns the others.
    """

    def decided(each: Recipient, *, has_room: bool) -> Decided:
        return decide_recipient(
            each.record, region=each.region, at=at, lasts=lasts, law=law, has_room=has_room
        )

    found = [decided(each, has_room=True) for each in recipients]
    bound = {
        each.point_id: caps
        for each, known in zip(recipients, found, strict=True)
        if known.outcome is Outcome.PENDING and each.record is not None
        if (caps := law.caps_of(each.record.point, each.region, at))
    }
    refused = full(bound) if bound else ()
    return [
        decided(each, has_room=False) if each.point_id in refused else known
        for each, known in zip(recipients, found, strict=True)
    ]


def decide_recipient(
    record: ConsentRecord | None,
    *,
    region: str,
    at: datetime,
    lasts: timedelta,
    law: RecipientLaw,
    has_room: bool,
) -> Decided:
    """Return what becomes of a recipient at `at`: PENDING with no reason = may be texted now.

    `record` is her consent as it was read for this very question, `has_room` whether the
    frequency cap leaves room for one text more, `lasts` how much later than `at` the text may start
    at worst: nobody stops a bulk call, so its end must be legal too. The order counts:
    whoever opted out is told of as that, and only who would be texted takes room.
    """
    if record is None:
        return Decided(Outcome.SKIPPED, Reason.NOT_OPTED_IN)
    seq = record.version
    refusal = refusal_to_send(Purpose.MARKETING, record.marks)
    _, basis = record.marks.standing
    if refusal is not None or basis is None:
        return Decided(Outcome.SKIPPED, refusal or Reason.NOT_OPTED_IN, seq)
    # A basis that the law questions can only have come by a soft signal.
    given_at = record.marks.soft.at if record.marks.soft else record.updated_at
    if unmet := law.forbidden_basis(record.point, region, basis, given_at, at):
        return Decided(Outcome.SKIPPED, Reason.BASIS_NOT_ENOUGH, seq, unmet)
    now = ruling = law.hours(record.point, region, at)
    if now.allowed and lasts:
        ruling = law.hours(record.point, region, at + lasts)
    if not ruling.allowed:
        put_off = ruling.until is not None
        return Decided(
            Outcome.DEFERRED if put_off else Outcome.SKIPPED,
            Reason.QUIET_HOURS if put_off else Reason.NO_LEGAL_HOUR,
            seq,
            ruling.rules,
            now.local,
            ruling.until,
        )
    caps = tuple(cap.rule_id for cap in law.caps_of(record.point, region, at))
    if not has_room:
        return Decided(Outcome.SKIPPED, Reason.CAPPED, seq, caps, now.local)
    return Decided(Outcome.PENDING, "", seq, (*now.rules, *caps), now.local)
