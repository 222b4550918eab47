"""The storage contracts over DynamoDB Local."""

from __future__ import annotations

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


class TestConsentStore(ConsentStoreContract): ...


class TestInbox(InboxContract): ...


class TestTasks(TasksContract): ...


class TestConnections(ConnectionsContract): ...


class TestOrders(OrdersContract): ...


class TestCredits(CreditsContract): ...


class TestExports(ExportsContract): ...


class TestSubscriptions(SubscriptionsContract): ...


class TestMerchants(MerchantsContract): ...


class TestReviews(ReviewsContract): ...


class TestUntold(UntoldContract): ...


class TestShoppers(ShoppersContract): ...


class TestAnswers(AnswersContract): ...


class TestBroadcasts(BroadcastsContract): ...


class TestContributions(ContributionsContract): ...


class TestChunks(ChunksContract): ...


class TestPace(PaceContract): ...


class TestCaps(CapsContract): ...


class TestProgrammes(ProgrammesContract): ...


class TestLedger(LedgerContract): ...


class TestNights(NightsContract): ...


class TestReports(ReportsContract): ...
