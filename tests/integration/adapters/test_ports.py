"""Every storage port is implemented: mypy checks the types here, the test that it can be built."""

from __future__ import annotations

from concord import ports
from concord.adapters.dynamodb.audit import DynamoDbAudit
from concord.adapters.dynamodb.broadcasts import DynamoDbBroadcasts
from concord.adapters.dynamodb.connections import DynamoDbConnections
from concord.adapters.dynamodb.consent_store import DynamoDbConsentStore
from concord.adapters.dynamodb.group_lists import DynamoDbGroups
from concord.adapters.dynamodb.group_repair import DynamoDbGroupRepair
from concord.adapters.dynamodb.groups import DynamoDbContributions, DynamoDbGroupAudience
from concord.adapters.dynamodb.idempotency import DynamoDbIdempotency
from concord.adapters.dynamodb.import_parts import DynamoDbImportParts
from concord.adapters.dynamodb.inbox import DynamoDbInbox
from concord.adapters.dynamodb.jobs import DynamoDbJobs
from concord.adapters.dynamodb.merchants import DynamoDbMerchants
from concord.adapters.dynamodb.nights import DynamoDbNights, DynamoDbReports
from concord.adapters.dynamodb.orders import DynamoDbOrders
from concord.adapters.dynamodb.reviews import DynamoDbReviews
from concord.adapters.dynamodb.shoppers import DynamoDbShoppers
from concord.adapters.dynamodb.table import Table
from concord.adapters.dynamodb.tasks import DynamoDbTasks
from concord.adapters.parameters import SsmSecrets
from concord.adapters.sqs import SqsSafetyQueue, SqsTaskQueue
from concord.ports.nights import Nights, Reports
from concord.ports.orders import Orders


def test_every_storage_port_has_its_adapter_and_none_makes_a_client_yet() -> None:
    """Reliability 35: building the adapters touches no SDK client."""
    table = Table("t")
    tasks = DynamoDbTasks(table)
    consent: ports.ConsentStore = DynamoDbConsentStore(table)
    rows: ports.Tasks = tasks
    connections: ports.Connections = DynamoDbConnections(table)
    shoppers: ports.Shoppers = DynamoDbShoppers(table, tasks)
    inbox: ports.Inbox = DynamoDbInbox(table)
    merchants: ports.Merchants = DynamoDbMerchants(table)
    audit: ports.Audit = DynamoDbAudit(table)
    reviews: ports.Reviews = DynamoDbReviews(table)
    answers: ports.Idempotency = DynamoDbIdempotency(table)
    jobs: ports.Jobs = DynamoDbJobs(table)
    parts: ports.ImportParts = DynamoDbImportParts(table)
    _broadcasts: ports.Broadcasts = DynamoDbBroadcasts(table)
    audience: ports.GroupAudience = DynamoDbGroupAudience(table)
    contributions: ports.Contributions = DynamoDbContributions(table)
    groups: ports.Groups = DynamoDbGroups(table)
    repair: ports.GroupRepair = DynamoDbGroupRepair(table)
    _nights: Nights = DynamoDbNights(table)
    _reports: Reports = DynamoDbReports(table)
    queue = SqsTaskQueue(str)
    safety = SqsSafetyQueue("s")
    secrets = SsmSecrets("/concord/x")
    _tasks: ports.TaskQueue = queue
    _safety: ports.SafetyQueue = safety
    _secrets: ports.Secrets = secrets
    orders: Orders = DynamoDbOrders(table)
    stores = (consent, rows, connections, shoppers, inbox, merchants, audit, reviews, answers)
    assert table._given is None
    assert all(
        each is not None
        for each in (*stores, jobs, parts, audience, contributions, groups, repair, orders)
    )
    assert [each._given for each in (queue, safety, secrets)] == [None] * 3
