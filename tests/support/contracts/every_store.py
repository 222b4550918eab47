"""All storage contracts: no emulator is tested with fewer than another."""

from __future__ import annotations

from typing import Final

from tests.support.contracts.broadcasts import BroadcastsContract
from tests.support.contracts.consent import ConsentStoreContract, InboxContract
from tests.support.contracts.credits import CreditsContract
from tests.support.contracts.exports import ExportsContract, SubscriptionsContract
from tests.support.contracts.groups import ContributionsContract
from tests.support.contracts.nights import NightsContract, ReportsContract
from tests.support.contracts.orders import OrdersContract
from tests.support.contracts.points import LedgerContract, ProgrammesContract
from tests.support.contracts.registry import (
    AnswersContract,
    ConnectionsContract,
    MerchantsContract,
    ReviewsContract,
    ShoppersContract,
    UntoldContract,
)
from tests.support.contracts.sending import CapsContract, ChunksContract, PaceContract
from tests.support.contracts.tasks import TasksContract

CONTRACTS: Final[tuple[type, ...]] = (
    AnswersContract,
    BroadcastsContract,
    CapsContract,
    ChunksContract,
    ConnectionsContract,
    ConsentStoreContract,
    ContributionsContract,
    CreditsContract,
    ExportsContract,
    InboxContract,
    LedgerContract,
    MerchantsContract,
    NightsContract,
    OrdersContract,
    PaceContract,
    ProgrammesContract,
    ReportsContract,
    ReviewsContract,
    ShoppersContract,
    SubscriptionsContract,
    TasksContract,
    UntoldContract,
)


def suites() -> dict[str, type]:
    """Return what a module of tests adds to its globals: each contract by the name pytest finds."""
    return {f"Test{each.__name__.removesuffix('Contract')}": each for each in CONTRACTS}
