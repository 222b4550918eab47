"""What the services need of the world, as Protocols. Adapters and platforms implement these."""

from concord.ports.accounts import (
    Audit,
    Connections,
    Idempotency,
    ImportParts,
    Jobs,
    Merchants,
    Reviews,
    Secrets,
    Shoppers,
    StoredAnswer,
)
from concord.ports.broadcasts import Broadcasts, Caps, Chunks, Tallies
from concord.ports.consents import (
    AlreadySeen,
    CommitResult,
    Committed,
    ConsentCommit,
    ConsentStore,
    Inbox,
    Stale,
)
from concord.ports.groups import Contributions, GroupAudience, GroupRepair, Groups
from concord.ports.platforms import (
    AccountChecker,
    BulkSender,
    ConsentPeer,
    Platforms,
    ShopperSource,
    TextSender,
    TopicAdapter,
    WebhookAdapter,
)
from concord.ports.receipts import HandedOverSlices, ReceiptQueue, Receipts
from concord.ports.tasks import SafetyQueue, TaskQueue, Tasks, Untold
from concord.ports.world import Clock, Telemetry

__all__ = [
    "AccountChecker",
    "AlreadySeen",
    "Audit",
    "Broadcasts",
    "BulkSender",
    "Caps",
    "Chunks",
    "Clock",
    "CommitResult",
    "Committed",
    "Connections",
    "ConsentCommit",
    "ConsentPeer",
    "ConsentStore",
    "Contributions",
    "GroupAudience",
    "GroupRepair",
    "Groups",
    "HandedOverSlices",
    "Idempotency",
    "ImportParts",
    "Inbox",
    "Jobs",
    "Merchants",
    "Platforms",
    "ReceiptQueue",
    "Receipts",
    "Reviews",
    "SafetyQueue",
    "Secrets",
    "ShopperSource",
    "Shoppers",
    "Stale",
    "StoredAnswer",
    "Tallies",
    "TaskQueue",
    "Tasks",
    "Telemetry",
    "TextSender",
    "TopicAdapter",
    "Untold",
    "WebhookAdapter",
]
