"""Find a member's account in a programme, by the merchant's own id of her."""

from __future__ import annotations

from dataclasses import dataclass, field

from concord.domain.errors import NotFoundError
from concord.domain.identity import (
    check_member,
    check_merchant_id,
    check_programme_id,
    member_key,
)
from concord.domain.merchant import Merchant
from concord.domain.points.account import AccountKey
from concord.domain.points.programme import Programme
from concord.ports import Merchants
from concord.ports.points import Programmes
from concord.services.authenticate import Authenticator


@dataclass(frozen=True, slots=True)
class Found:
    """Where an account is kept, by which rules, and for whom."""

    merchant: Merchant
    programme: Programme
    key: AccountKey
    member: str = field(repr=False)


class FindAccount:
    """Names accounts. Whoever was never given a point has an empty one: that is no error."""

    def __init__(
        self, merchants: Merchants, programmes: Programmes, authenticator: Authenticator
    ) -> None:
        self._merchants = merchants
        self._programmes = programmes
        self._authenticator = authenticator

    def __call__(self, merchant_id: str, programme_id: str, member: str) -> Found:
        """Return where the account of `member` is.

        Raises InvalidInputError, NotFoundError for merchant or programme, StackKeyError.
        """
        check_member(member)
        merchant = self._merchants.get(check_merchant_id(merchant_id))
        if merchant is None:
            raise NotFoundError("no such merchant")
        programme = self._programmes.get(merchant_id, check_programme_id(programme_id))
        if programme is None:
            raise NotFoundError("no such programme")
        stack_key = self._authenticator.stack_key_of(merchant_id)
        named = member_key(stack_key, merchant_id, programme_id, member)
        return Found(merchant, programme, AccountKey(merchant_id, programme_id, named), member)
