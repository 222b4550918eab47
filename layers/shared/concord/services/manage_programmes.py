"""Programmes: by which rules a merchant's shoppers earn points, keep them and lose them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from concord.domain.audit import AuditEntry
from concord.domain.errors import ConflictError, NotFoundError
from concord.domain.identity import check_merchant_id, check_programme_id
from concord.domain.page import Page, page
from concord.domain.points.programme import Programme
from concord.ports import Clock, Merchants
from concord.ports.points import Programmes

_ATTEMPTS: Final = 8


class ManageProgrammes:
    """Reads and writes programmes. What was booked already stays as it was booked."""

    def __init__(self, merchants: Merchants, programmes: Programmes, clock: Clock) -> None:
        self._merchants = merchants
        self._programmes = programmes
        self._clock = clock

    def put(self, programme: Programme, actor: str) -> Programme:
        """Create or replace a programme; its `version` is ours. The same again changes nothing.

        Raises InvalidInputError, NotFoundError if there is no such merchant, ConflictError.
        """
        check_programme_id(programme.programme_id)
        self._check_merchant(programme.merchant_id)
        for _ in range(_ATTEMPTS):
            before = self._programmes.get(programme.merchant_id, programme.programme_id)
            if before is not None and replace(programme, version=before.version) == before:
                return before
            after = replace(programme, version=before.version + 1 if before else 1)
            if self._programmes.save(after, self._audit(before, after, actor)):
                return after
        raise ConflictError("the programme kept changing; send it again", code="changed_meanwhile")

    def get(self, merchant_id: str, programme_id: str) -> Programme:
        """Return a programme. Raises InvalidInputError, NotFoundError."""
        check_merchant_id(merchant_id)
        found = self._programmes.get(merchant_id, check_programme_id(programme_id))
        if found is None:
            raise NotFoundError("no such programme")
        return found

    def list(self, merchant_id: str, limit: int, cursor: str | None) -> Page[Programme]:
        """Return a page of a merchant's programmes, by id. Raises NotFoundError."""
        self._check_merchant(merchant_id)
        every = self._programmes.of(merchant_id)
        return page(every, limit, cursor, lambda each: each.programme_id)

    def _check_merchant(self, merchant_id: str) -> None:
        if self._merchants.get(check_merchant_id(merchant_id)) is None:
            raise NotFoundError("no such merchant")

    def _audit(self, before: Programme | None, after: Programme, actor: str) -> AuditEntry:
        changed = {"was": _told(before), "is": _told(after)} if before else {"is": _told(after)}
        return AuditEntry(
            merchant_id=after.merchant_id,
            connection_id="",
            at=self._clock.now(),
            actor=actor or "unknown",
            action="programme_put",
            details={"programme_id": after.programme_id, **changed},
        )


def _told(programme: Programme) -> Mapping[str, Any]:
    """Return a programme's rules, as JSON can hold them."""
    valid, reward = programme.valid_for, programme.newsletter_reward
    return {
        "name": programme.name,
        "currency": programme.currency,
        "points_per_unit": format(programme.points_per_unit, "f"),
        "rounding": programme.rounding.value,
        "valid_days": valid.days if valid else None,
        "valid_months": valid.months if valid else None,
        "month_end": valid.month_end.value if valid and valid.months else None,
        "refund_policy": programme.refund_policy.value,
        "pending_days": programme.pending_days,
        "notice_days": programme.notice_days,
        "reward_points": reward.points if reward else None,
        "reward_taken_back": reward.take_back if reward else None,
    }
