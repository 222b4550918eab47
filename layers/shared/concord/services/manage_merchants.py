"""Merchants: who they are, and whether they may link several messaging accounts (TEA-04)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Final
from zoneinfo import ZoneInfo

from concord.domain.audit import AuditEntry
from concord.domain.caps import parse_cap
from concord.domain.errors import (
    FieldError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    StorageUnavailableError,
)
from concord.domain.identity import check_merchant_id
from concord.domain.merchant import Merchant
from concord.domain.merchant_window import parse_quiet_hours
from concord.ports import Clock, Connections, Merchants
from concord.services.change_connection import audit_entry, change_connection

_ATTEMPTS: Final = 5


class ManageMerchants:
    """Reads and writes merchants; connections carry a copy of the name and the country."""

    def __init__(
        self,
        merchants: Merchants,
        connections: Connections,
        clock: Clock,
        operator_arns: Sequence[str],
    ) -> None:
        self._merchants = merchants
        self._connections = connections
        self._clock = clock
        self._operator_arns = tuple(operator_arns)

    def get(self, merchant_id: str) -> Merchant:
        """Return the merchant. Raises NotFoundError."""
        merchant = self._merchants.get(check_merchant_id(merchant_id))
        if merchant is None:
            raise NotFoundError("no such merchant")
        return merchant

    def put(self, merchant: Merchant, actor: str) -> tuple[Merchant, bool]:
        """Create or replace; returns the merchant and whether it is new.

        `allow_multi_link` has a route of its own and is kept as it is; so is the day that it was
        where he moved from. Raises InvalidInputError
        that names what is wrong with the time zone, the quiet hours or the frequency cap.
        """
        check_merchant_id(merchant.merchant_id)
        _check_time_zone(merchant.time_zone)
        parse_quiet_hours(merchant.quiet_hours)
        parse_cap(merchant.frequency_cap)
        for _ in range(_ATTEMPTS):
            before = self._merchants.get(merchant.merchant_id)
            merchant = self._kept(merchant, before)
            audit = self._audit(merchant, actor, "merchant_put")
            if merchant == before or self._merchants.put(merchant, audit, before):
                break
        else:
            raise StorageUnavailableError("this merchant kept changing")
        if before is not None:
            self._carry_over(merchant, actor)
        return merchant, before is None

    def allow_multi_link(
        self, merchant_id: str, allowed: bool, caller_arn: str, actor: str
    ) -> Merchant:
        """Set the switch. Only callers whose ARN an operator pattern names may (TEA-04)."""
        if not self._is_operator(caller_arn):
            raise ForbiddenError("only an operator role may set allow_multi_link")
        action = "multi_link_allowed" if allowed else "multi_link_forbidden"
        for _ in range(_ATTEMPTS):
            before = self.get(merchant_id)
            merchant = replace(before, allow_multi_link=allowed)
            if self._merchants.put(merchant, self._audit(merchant, actor, action), before):
                return merchant
        raise StorageUnavailableError("this merchant kept changing")

    def _kept(self, merchant: Merchant, before: Merchant | None) -> Merchant:
        """Return the merchant with what is not his to send."""
        if before is None:
            return replace(merchant, allow_multi_link=False, not_before=None)
        moves = merchant.time_zone != before.time_zone
        not_before = before.day(self._clock.now()) if moves else before.not_before
        return replace(merchant, allow_multi_link=before.allow_multi_link, not_before=not_before)

    def _is_operator(self, caller_arn: str) -> bool:
        # Without an identity (a local gateway) only the pattern that means everybody fits.
        if not caller_arn:
            return "*" in self._operator_arns
        return any(fnmatchcase(caller_arn, pattern) for pattern in self._operator_arns)

    def _carry_over(self, merchant: Merchant, actor: str) -> None:
        """Give every connection the new name and country, so that one read has all it needs."""
        now = self._clock.now()
        for stale in self._connections.of_merchant(merchant.merchant_id):
            if (stale.merchant_name, stale.country) == (merchant.name, merchant.country):
                continue
            change_connection(
                self._connections,
                stale.connection_id,
                lambda c: replace(c, merchant_name=merchant.name, country=merchant.country),
                lambda _, after: audit_entry(after, now, actor, "merchant_changed", {}),
            )

    def _audit(self, merchant: Merchant, actor: str, action: str) -> AuditEntry:
        return AuditEntry(
            merchant_id=merchant.merchant_id,
            connection_id="",
            at=self._clock.now(),
            actor=actor or "unknown",
            action=action,
            details={
                "name": merchant.name,
                "time_zone": merchant.time_zone,
                "country": merchant.country,
                "allow_multi_link": merchant.allow_multi_link,
            },
        )


def _check_time_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        message = "give an IANA time zone, for example America/New_York"
        raise InvalidInputError(
            "unknown time zone", errors=(FieldError("time_zone", message),)
        ) from None
