"""A world with a connected shop, whose functions run as processes of their own."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final
from unittest.mock import patch

import boto3
import httpx

from concord.adapters.dynamodb.programmes import DynamoDbProgrammes
from concord.adapters.dynamodb.table import Table
from concord.domain.points.programme import Programme
from tests.walk.privilege.processes import QUEUES, Processes, Use
from tests.world.events import LambdaContext, sqs_event
from tests.world.shop import Shop, new_number
from tests.world.signing import signed, signed_inbound
from tests.world.world import ACCOUNT, PREFIX, TABLE, World, world

# Longer than the queue's own visibility: so it shows that the function hid a message.
_RESCUE_FIRST_WAIT: Final = 300


class Stage:
    """What scenarios play on."""

    def __init__(self, house: World, processes: Processes, shop: Shop) -> None:
        self.house = house
        self.processes = processes
        self.shop = shop

    # --- doors -------------------------------------------------------------------------------

    def webhook(self, body: bytes, headers: Mapping[str, str], **more: str) -> dict[str, Any]:
        """Deliver a webhook of Text-Em-All; `path` overrides where to."""
        path = self.shop.webhooks["text_em_all"].split("/test", 1)[1]
        return self.house.receive(more.get("path", path), body, headers)

    def text(self, number: str, words: str, **more: Any) -> dict[str, Any]:
        """Deliver a signed text; `to` and `event_id` may be given."""
        to = more.pop("to", self.shop.text_number)
        at = self.house.clock.now()
        secret = self.shop.webhook_secret
        return self.webhook(*signed_inbound(secret, number, to, words, at=at, **more))

    def event(self, **payload: Any) -> dict[str, Any]:
        """Deliver a signed body of any kind."""
        body = json.dumps(payload)
        event_id = str(payload.get("id", "e-1"))
        headers = signed(self.shop.webhook_secret, body, event_id, self.house.clock.now())
        return self.webhook(body.encode(), headers)

    def consent(self, number: str, action: str, **more: Any) -> dict[str, Any]:
        """Record a consent at the till."""
        body = {"event_id": f"e-{number}-{action}", "action": action, "channel": "sms"}
        return self.shop.connect(
            "POST", "/consents", {**body, "via": "pos", "point": number, **more}
        )

    def admin(self, method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
        """Call the admin API; `{c}` and `{m}` stand for the connection and the merchant."""
        path = path.format(c=self.shop.connection_id, m=self.shop.merchant_id)
        return self.house.body(self.house.admin(method, path, body, **more))

    def sms(self, body: Mapping[str, Any]) -> None:
        """Deliver what AWS End User Messaging put into its queue."""
        from functions.webhooks.receive_sms import lambda_handler

        lambda_handler(sqs_event([body]), LambdaContext())

    def rescue(self) -> None:
        """Deliver what is in the safety queue, with the receipt that SQS gave."""
        from functions.webhooks.rescue import lambda_handler

        for message in list(self.house.ground.take("safety")):
            event = sqs_event([json.loads(message["Body"])])
            event["Records"][0]["receiptHandle"] = message["ReceiptHandle"]
            if not lambda_handler(event, LambdaContext())["batchItemFailures"]:
                self.house.ground.gone("safety", message)

    def tasks(self, *parts: str) -> list[dict[str, str]]:
        """Return the keys of open tasks that hold all of `parts`."""
        rows = [(r["pk"], r["sk"]) for r in self.house.rows("T") if "due_pk" in r]
        return [{"pk": p, "sk": s} for p, s in rows if all(part in f"{p} {s}" for part in parts)]

    def run(self, *parts: str, but_not: Sequence[Mapping[str, str]] = ()) -> None:
        """Run the open tasks that hold all of `parts`, whatever the queues say."""
        for row in self.tasks(*parts):
            if row not in but_not:
                self.house.run_task(row)

    def sender(self, sends_from: str) -> None:
        """Let AWS End User Messaging carry the texts."""
        sender: dict[str, Any] = {"platform": "aws", "from": sends_from, "answers_stop": False}
        if not sends_from.startswith("+"):
            sender["numbers"] = [new_number()]  # those that a pool or a sender id stands for
        self.admin("PATCH", "/v1/connections/{c}", {"settings": {"sender": sender}})
        self.admin("POST", "/v1/connections/{c}/check")
        self.processes.cold()

    def earns(self, **rules: Any) -> None:
        """Let the shop's orders earn points in a programme of its merchant."""
        programme = Programme(self.shop.merchant_id, "main", "Main", "USD", **rules)
        assert DynamoDbProgrammes(Table(TABLE)).save(programme)
        self.admin("PATCH", "/v1/connections/{c}", {"settings": {"programme": "main"}})
        self.processes.cold()

    def joined(self) -> str:
        """Return a number that opted in, with all that follows from it done."""
        number = new_number()
        self.text(number, "JOIN")
        self.house.pump()
        return number

    @contextmanager
    def away(self, *services: str) -> Iterator[None]:
        """Make AWS services unreachable for the functions."""
        self.processes.away = frozenset(services)
        try:
            yield
        finally:
            self.processes.away = frozenset()

    @contextmanager
    def answers_lost(self) -> Iterator[None]:
        """Let platforms do their work, and lose what they answer."""
        wire = self.house.http.transport
        self.house.http.transport = _LosingAnswers(wire)
        try:
            yield
        finally:
            self.house.http.transport = wire

    # --- what came of it ---------------------------------------------------------------------

    def outcome(self) -> Any:
        """Return what anybody could notice: the answers, the rows, the queues, the texts."""
        return {
            "answers": self.processes.answers,
            "rows": sorted(Counter(filter(None, map(_kind, self.house.rows()))).items()),
            "messages": {name: self._depth(name) for name in QUEUES},
            "hidden": self._hidden(),
            "texts": sum(len(each) for each in self._handsets()),
            "parameters": len(boto3.client("ssm").describe_parameters()["Parameters"]),
        }

    def _depth(self, name: str) -> int:
        from moto.sqs.models import sqs_backends

        return len(sqs_backends[ACCOUNT]["us-east-1"].queues[name]._messages)

    def _hidden(self) -> int:
        """Count the messages that a function hid for longer than their queue would."""
        from moto.core.utils import unix_time_millis
        from moto.sqs.models import sqs_backends

        queue = sqs_backends[ACCOUNT]["us-east-1"].queues["safety"]
        long = unix_time_millis() + _RESCUE_FIRST_WAIT * 500
        return sum(message.visible_at > long for message in queue._messages)

    def _handsets(self) -> Iterator[list[str]]:
        for row in self.house.rows("C#"):
            if row["sk"] == "STATE" and "@" not in str(row.get("point")):
                yield self.shop.inbox_of(row["point"])


def _kind(row: Mapping[str, Any]) -> str:
    """Return what a row is and how it stands, without its names; "" where it hangs on random ids
    how many there are: a group's counters lie where its shoppers' keys say."""
    pk, sk = str(row["pk"]).partition("#")[0], str(row["sk"]).partition("#")[0]
    if pk == "GC":
        return ""
    sk = sk if sk.isalpha() and sk.isupper() else "-"
    standing = ("state", "active", "want", "version", "attempts", "error", "again", "due_pk")
    shown = {name: row[name] for name in standing if name in row}
    if "due_pk" in shown:
        shown["due_pk"] = "due"
    return f"{pk} {sk} {shown}"


class _LosingAnswers(httpx.BaseTransport):
    def __init__(self, wire: httpx.BaseTransport) -> None:
        self._wire = wire

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._wire.handle_request(request)
        raise httpx.ReadTimeout("no answer", request=request)


type Scenario = Callable[[Stage], None]


@contextmanager
def stage(denied: Use | None = None) -> Iterator[Stage]:
    """Yield a stage; from then on `denied` is refused to its function."""
    with world() as house, _delayed_for_good():
        _furnish(house)
        processes = Processes(house, denied)
        with processes.running():
            shop = house.shop()
            processes.cold()
            processes.answers.clear()
            processes.enforced = True
            yield Stage(house, processes, shop)


@contextmanager
def _delayed_for_good() -> Iterator[None]:
    """Let no delayed message come: moto counts seconds on the real clock, and so a scenario would
    end in another way on a busy machine. What is due is run by its row."""
    from moto.sqs.models import Message

    with patch.object(Message, "delayed", property(lambda message: message.delayed_until > 0)):
        yield


def _furnish(house: World) -> None:
    """Give the queues their dead letters and the parameters the public key, as a stack has them."""
    os.environ["RESCUE_FIRST_WAIT"] = str(_RESCUE_FIRST_WAIT)
    for name in ("urgent", "bulk", "plan", "send", "night", "receipt", "safety", "aws_inbound"):
        dead = house.sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        arn = house.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
        policy = {"deadLetterTargetArn": arn["Attributes"]["QueueArn"], "maxReceiveCount": 1000}
        house.sqs.set_queue_attributes(
            QueueUrl=house.urls[name], Attributes={"RedrivePolicy": json.dumps(policy)}
        )
    name = f"{PREFIX}/dossier-public-key"
    boto3.client("ssm").put_parameter(Name=name, Value="cHVibGlj", Type="String")
