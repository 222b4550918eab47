"""A shopper with a number of her own: what she does, and what her acts came to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from concord.domain.tasks import TaskKind, TaskSpec
from tests.world.shop import Shop, new_number
from tests.world.signing import signed_inbound

type Deliver = Callable[[int], Any]
"""Delivers the same event again; the argument is the queue's receive count."""


@dataclass(frozen=True)
class Effect:
    """What one event may cause once, counted where it shows."""

    evidence: int
    texts: int
    state: str
    at_text_em_all: bool | None
    at_catapult: bool


class Person:
    """A shopper with a number of her own, which CATAPULT carries unless it is a stranger's."""

    def __init__(self, shop: Shop, *, carried: bool = True) -> None:
        self.shop = shop
        self.number = new_number()
        self.id = f"s{self.number}"
        if carried:
            shop.shopper(self.id, self.number)

    def text(self, words: str, to: str = "") -> Deliver:
        """Return the delivery of one signed text of hers, to the shop's number or another."""
        shop, house = self.shop, self.shop.world
        path = shop.webhooks["text_em_all"].split("/test", 1)[1]
        at = house.clock.now()
        body, headers = signed_inbound(
            shop.webhook_secret, self.number, to or shop.text_number, words, at=at
        )
        return lambda _: house.receive(path, body, headers)

    def texts(self, words: str) -> Person:
        """Let her text, and everything that follows from it happen."""
        self.text(words)(1)
        self.shop.world.pump()
        return self

    def effect(self) -> Effect:
        house = self.shop.world
        mine = [r for r in house.rows("C#") if r["sk"] == "STATE" and r["point"] == self.number]
        pk = mine[0]["pk"] if mine else "-"
        evidence = [r for r in house.rows("C#") if r["pk"] == pk and r["sk"].startswith("E#")]
        return Effect(
            evidence=len(evidence),
            texts=len(self.shop.inbox_of(self.number)),
            state=self.shop.consent(self.number),
            at_text_em_all=self.shop.contact(self.number),
            at_catapult=self.shop.phones(self.id)[self.number],
        )

    def rows(self, kind: str) -> list[dict[str, str]]:
        """Return the keys of her open tasks whose row key holds `kind`."""
        house = self.shop.world
        found = [r for r in house.rows("T") if "due_pk" in r and kind in f"{r['pk']}{r['sk']}"]
        return [{"pk": r["pk"], "sk": r["sk"]} for r in found]

    def queue_marketing(self, words: str) -> None:
        """Insert a queued marketing text, as a broadcast will."""
        house = self.shop.world
        state = next(r for r in house.rows("C#") if r.get("point") == self.number)
        _, _, account, channel, point_id = state["pk"].split("#")
        payload = {"account": account, "channel": channel, "point_id": point_id, "text": words}
        spec = TaskSpec(
            TaskKind.SEND_TEXT,
            self.shop.connection_id,
            task_id=f"bc-{self.number}",
            payload={**payload, "purpose": "marketing"},
        )
        house.parts.tasks.ensure(self.shop.merchant_id, spec, house.clock.now())
