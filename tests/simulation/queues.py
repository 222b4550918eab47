"""The stream and the queues: at least once, late, out of order; what they lose, the sweep finds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from concord.entrypoint.observability import FunctionFailedError
from tests.simulation.wire import Wire
from tests.world.events import LambdaContext, sqs_event

if TYPE_CHECKING:
    from tests.simulation.house import House

# As the template has it: a message whose worker died comes again after this, and so often.
_VISIBILITY: Final = 180.0
_RECEIVES: Final = 5
_TASKS: Final = ("TU#", "TB#", "TP#", "TS#", "TN#")


class Stream:
    """Tells SyncRelay of new task rows, a few at a time."""

    def __init__(self, wire: Wire, house: House) -> None:
        self._wire = wire
        self._house = house
        self._waiting: list[tuple[str, str]] = []

    def takes(self, pk: str, sk: str) -> bool:
        """Take a new row, as the template filters them; whether it was one."""
        if not pk.startswith(_TASKS):
            return False
        if self._wire.chance(self._wire.troubles.dropped):
            self._wire.trace.count("records the stream lost")
            self._wire.trace.step(f"LOST {pk}/{sk}")
            return True
        self._waiting.append((pk, sk))
        if len(self._waiting) == 1:
            seconds = self._wire.dice.choice([0.1, 0.3, 2.0])
            self._house.spawn(seconds, "relay", self._relay)
        return True

    def _relay(self) -> None:
        from functions.sync.relay import lambda_handler

        batch, self._waiting = self._waiting, []
        records = [
            {
                "eventName": "INSERT",
                "dynamodb": {"Keys": {"pk": {"S": pk}, "sk": {"S": sk}}, "SequenceNumber": str(n)},
            }
            for n, (pk, sk) in enumerate(batch)
        ]
        lambda_handler({"Records": records}, LambdaContext())


class Queues:
    """SQS's client, and who delivers what it takes."""

    def __init__(self, wire: Wire, house: House) -> None:
        self._wire = wire
        self._house = house

    def send_message_batch(
        self,
        *,
        QueueUrl: str,
        Entries: list[dict[str, Any]],
    ) -> dict[str, Any]:
        """Take messages, but for those that fail inside a good answer."""
        wire, failed = self._wire, []
        wire.step(f"send {QueueUrl.rpartition('/')[2]} {len(Entries)}")
        for entry in Entries:
            if wire.virtual.in_process and wire.chance(wire.troubles.queue_fails):
                wire.trace.count("messages the queue refused")
                failed.append({"Id": entry["Id"], "Code": "InternalError", "SenderFault": False})
            else:
                self._take(json.loads(entry["MessageBody"]), entry["DelaySeconds"])
        wire.step("sent")
        return {"Successful": [], "Failed": failed}

    def _take(self, row: Mapping[str, str], delay: float) -> None:
        wire = self._wire
        wire.trace.count("messages")
        if wire.chance(wire.troubles.dropped):
            wire.trace.count("messages dropped")
            wire.trace.step(f"DROPPED {row['pk']}/{row['sk']}")
            return
        copies = 1
        if wire.chance(wire.troubles.repeated):
            wire.trace.count("messages repeated")
            copies = 2
        for _ in range(copies):
            seconds = wire.dice.choice([0.05, 0.2, 1.0])
            if wire.chance(wire.troubles.late):
                wire.trace.count("messages late")
                seconds = wire.dice.uniform(5, 1500)
            self._deliver(row, delay + seconds, 1)

    def _deliver(self, row: Mapping[str, str], seconds: float, receives: int) -> None:
        if receives > _RECEIVES:
            self._wire.trace.count("dead letters")
            return

        def again() -> None:
            self._deliver(row, _VISIBILITY, receives + 1)

        def work() -> None:
            try:
                answer = _worker(row["pk"])(sqs_event([row], receives), LambdaContext())
            except FunctionFailedError:
                again()
                return
            if answer["batchItemFailures"]:
                again()

        name = f"worker {row['pk']}/{row['sk']}#{receives}"
        self._house.spawn(seconds, name, work, again)


def _worker(pk: str) -> Any:
    """Return the function of a row's queue."""
    if pk.startswith("TN#"):
        from functions.expiry.run import lambda_handler
    else:
        from functions.sync.run_task import lambda_handler
    return lambda_handler
