"""The stage: a shop of its own on the stack, people in it, and what they can check."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from sandbox.demo.cafe import Cafe
from sandbox.demo.campaign import Campaign
from sandbox.demo.clients import Admin, Connect, Sandbox, Seen, Stack
from sandbox.demo.command import Concord
from sandbox.demo.shop import Shop, open_shop
from sandbox.demo.told import Sides, Told

PATIENCE: Final = 15.0
_PAUSE: Final = 0.05


class MissError(Exception):
    """Something is not as it should be; the text is one line for the person who watches."""


def expect(holds: bool, what: str, saw: object = None) -> None:
    """Stop the demo unless it holds."""
    if not holds:
        raise MissError(what if saw is None else f"{what}; saw {saw}")


def until[T](
    what: str, probe: Callable[[], T], holds: Callable[[T], bool], patience: float = PATIENCE
) -> T:
    """Ask again and again until it holds; MissError names what was seen last."""
    deadline = time.monotonic() + patience
    while True:
        seen = probe()
        if holds(seen):
            return seen
        if time.monotonic() > deadline:
            raise MissError(f"expected within {patience:.0f} s: {what}; saw {seen}")
        time.sleep(_PAUSE)


@dataclass(frozen=True, slots=True)
class Person:
    """A shopper as CATAPULT knows her; `number` is the one she texts from."""

    name: str
    shopper_id: str
    numbers: tuple[str, ...]

    @property
    def number(self) -> str:
        return self.numbers[0]


class Timer:
    """Time since it was made."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def __call__(self) -> float:
        return time.monotonic() - self._begun


class Stage:
    """Everything that a step needs: the shop's APIs, the platforms, a way to tell."""

    def __init__(self, stack: Stack, told: Told) -> None:
        self.stack = stack
        self.told = told
        self.sandbox = Sandbox(stack.sandbox_url)
        self.admin = Admin(stack)
        self.concord = Concord(stack)
        self.shop: Shop = open_shop(stack, self.admin, self.sandbox)
        self.campaign = Campaign()
        self.cafe = Cafe(stack, self.admin, self.sandbox)
        self.connect = Connect(stack, self.shop.connection_id, self.shop.connect_key)

    # --- people ---------------------------------------------------------------------------------

    def shoppers(self, *names: str, numbers: int = 1) -> list[Person]:
        """Let people become customers in CATAPULT, opted in to nothing."""
        people = [
            Person(name, f"s{random.randrange(10**9):09}", tuple(new_numbers(numbers)))
            for name in names
        ]
        seeds = [
            {"id": p.shopper_id, "first_name": p.name, "phones": list(p.numbers)} for p in people
        ]
        self.sandbox.put_account("catapult", self.shop.source_account, shoppers=seeds)
        return people

    def joined(self, *names: str) -> list[Person]:
        """Return customers who joined by text, both sides told and the confirmation received.

        One after the other: a burst would make a laptop start one more Lambda worker for each.
        """
        people = self.shoppers(*names)
        for person in people:
            self.text(person, "JOIN")
            self.settled(person, opted_in=True, texts=1)
        return people

    def text(self, person: Person, words: str, answer: int = 204) -> None:
        """Let her text the shop; Concord's answer to the webhook has to be `answer`."""
        got = self.sandbox.text(person.number, self.shop.number, words)
        expect(got.status_code == answer, f'"{words}" is answered {answer}', got.status_code)

    def at_shop(self, person: Person, via: str, action: str, *, status: int) -> Seen:
        """Let somebody act for her in the shop's own systems; return what they see."""
        seen = self.sandbox.pos(self.shop.source_account, via, action, person.number, actor="ada")
        expect(seen.status == status, f"{action} via {via} is answered {status}", seen.status)
        return seen

    # --- what is true now -----------------------------------------------------------------------

    def state(self, person: Person) -> str:
        """Return her consent as Concord has it now."""
        return self.connect.state(person.number)

    def expect_state(self, person: Person, state: str) -> None:
        """Check her consent once: this does not wait."""
        saw = self.state(person)
        expect(saw == state, f"{person.name} is {state} at once", saw)

    def sides(self, person: Person) -> Sides:
        """Return what the two platforms show of her."""
        contact = self.sandbox.contact(self.shop.account, person.number)
        flags = self.sandbox.shopper(self.shop.source_account, person.shopper_id)
        return Sides(contact, tuple(flags[number] for number in person.numbers))

    def texts(self, person: Person) -> list[str]:
        """Return the texts she received."""
        return [text["text"] for text in self.sandbox.texts(person.number)]

    def settled(self, person: Person, *, opted_in: bool, texts: int) -> Sides:
        """Wait until both sides show it and she has exactly so many texts."""
        others = (False,) * (len(person.numbers) - 1)
        wanted = Sides(opted_in, (opted_in, *others))
        sides = until(
            f"both sides show {person.name} {'in' if opted_in else 'out'}",
            lambda: self.sides(person),
            lambda seen: seen == wanted,
        )
        self.expect_texts(person, texts)
        return sides

    def expect_texts(self, person: Person, count: int) -> None:
        """Wait for her texts; one too many is a miss at once."""
        got = until(
            f"{person.name} gets {count} text(s)",
            lambda: len(self.texts(person)),
            lambda seen: seen >= count,
        )
        expect(got == count, f"{person.name} gets {count} text(s) and no more", got)

    def evidence(self, person: Person) -> str:
        """Return the id of the newest evidence on her number."""
        asked = {"channel": "sms", "point": person.number}
        path = f"/connections/{self.shop.connection_id}/consents/lookup"
        events: Sequence[dict[str, Any]] = self.admin.ask("POST", path, asked)["events"]
        expect(bool(events), f"there is evidence on {person.name}")
        return str(events[-1]["consent_event_id"])

    def catapult_answers(self, person: Person) -> list[int | None]:
        """Return how CATAPULT answered each call about her number since the last reset."""
        return [
            call["status"]
            for call in self.sandbox.calls("catapult")
            if call["method"] == "PUT" and call["body"]["phone"] == person.number
        ]


def new_numbers(count: int) -> list[str]:
    """Return North American numbers that no run used before, in all likelihood."""
    return [
        f"+1{random.choice('23456789')}{random.randrange(10**2):02}"
        f"{random.choice('23456789')}{random.randrange(10**6):06}"
        for _ in range(count)
    ]


def explain(error: httpx.HTTPError) -> str:
    """Say what an API answered instead of what it should have."""
    if isinstance(error, httpx.HTTPStatusError):
        answer = error.response
        where = f"{answer.request.method} {answer.request.url.path}"
        return f"{where} was answered {answer.status_code}: {answer.text[:300]}"
    return f"the stack does not answer ({type(error).__name__}): is it up? try `make up`"
