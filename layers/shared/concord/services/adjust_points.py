"""Give a member points by hand, or take some away: with a reason, by somebody, once (R-22)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from concord.domain.audit import AuditEntry
from concord.domain.errors import ConflictError
from concord.domain.points import posting
from concord.domain.points.account import Account
from concord.domain.points.posting import Entry, EntryKind, Occasion, Posting
from concord.domain.points.programme import Programme, RefundPolicy
from concord.ports import Clock
from concord.services.find_account import FindAccount, Found
from concord.services.post_points import PostPoints


class AdjustPoints:
    """Books adjustments. Who did it and why stands in the entry and in the audit trail."""

    def __init__(
        self,
        find_account: FindAccount,
        post_points: PostPoints,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._find_account = find_account
        self._post_points = post_points
        self._clock = clock
        self._random_bytes = random_bytes

    def __call__(
        self,
        merchant_id: str,
        programme_id: str,
        member: str,
        amount: int,
        *,
        reason: str,
        actor: str,
        request_hash: str = "",
    ) -> Entry:
        """Book `amount` points (not 0, negative = taken away); the same keyed request books once.

        New points expire as the programme says, from today. Raises as FindAccount, and
        ConflictError `insufficient_points`.
        """
        found = self._find_account(merchant_id, programme_id, member)
        now = self._clock.now()
        entry_id = f"adjust:{request_hash or self._random_bytes(16).hex()}"
        today = found.merchant.day(now)
        why = Occasion(entry_id, now, today, {"reason": reason, "actor": actor})
        posted = self._post_points(
            found.key,
            entry_id,
            lambda account: adjusted(account, amount, found.programme, why),
            member=member,
            audit=_audit(found, now, amount, why),
        )
        if posted.entry is None:
            raise ConflictError(
                "there are fewer points than that",
                code="insufficient_points",
                extra={"balance": posted.account.balance},
            )
        return posted.entry


def adjusted(account: Account, amount: int, programme: Programme, why: Occasion) -> Posting | None:
    """Return what an adjustment comes to; None = the balance is less than it takes."""
    if amount > 0:
        expires_on = programme.expires_on(why.today)
        return posting.accrue(account, amount, expires_on, why, EntryKind.ADJUST)
    if account.balance < -amount:
        return None
    return posting.reverse(account, -amount, RefundPolicy.CLAMP, why, kind=EntryKind.ADJUST)


def _audit(found: Found, now: datetime, amount: int, why: Occasion) -> AuditEntry:
    """Return the audit entry; it names the member as keys do."""
    return AuditEntry(
        merchant_id=found.key.merchant_id,
        connection_id="",
        at=now,
        actor=str(why.details["actor"]),
        action="points_adjusted",
        details={
            "programme_id": found.key.programme_id,
            "member_key": found.key.member_key,
            "amount": amount,
            "reason": why.details["reason"],
            "entry_id": why.entry_id,
        },
    )
