"""The people of the broadcast steps: groups that overlap, shared numbers, one who is asleep."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from sandbox.demo.stage import Person

# Wherever the day of this machine is: some of these places are awake, and some are asleep.
_PLACES: Final = (
    ("+1646", "America/New_York", 7),
    ("+1310", "America/Los_Angeles", 7),
    ("+8190", "Asia/Tokyo", 8),
    ("+9198", "Asia/Kolkata", 8),
    ("+4477", "Europe/London", 8),
)
_DAY: Final = range(10, 19)
_NIGHT: Final = (22, 23, 0, 1, 2, 3, 4, 5, 6)


@dataclass(frozen=True, slots=True)
class Group:
    """A group in CATAPULT; `members` by name."""

    group_id: str
    name: str


VIP, COFFEE, AWAY, NEW = (
    Group("vip", "VIP club"),
    Group("coffee", "Coffee lovers"),
    Group("away", "Away"),
    Group("new", "Newcomers"),
)


@dataclass(frozen=True, slots=True)
class Member:
    """A shopper with her groups, and those of her numbers that are opted in."""

    person: Person
    groups: tuple[Group, ...]
    opted_in: tuple[str, ...]

    def seed(self) -> dict[str, object]:
        """Return her as CATAPULT keeps her."""
        return {
            "id": self.person.shopper_id,
            "first_name": self.person.name,
            "phones": list(self.person.numbers),
            "groups": [group.group_id for group in self.groups],
        }


def gather(now: datetime | None = None) -> list[Member]:
    """Return everybody: 20 in two groups that overlap, and those who make counting hard."""
    awake, asleep = prefixes(now or datetime.now(UTC))
    people = [_member(f"Guest {n}", awake, (VIP,)) for n in range(1, 9)]
    people += [_member(f"Guest {n}", awake, (COFFEE,)) for n in range(9, 15)]
    people += [_member(f"Guest {n}", awake, (VIP, COFFEE)) for n in range(15, 19)]
    una = _numbers(awake, 3)
    people.append(Member(_person("Una", una), (VIP,), una[:2]))
    (shared,) = _numbers(awake, 1)
    people += [
        Member(_person(name, (shared,)), (group,), (shared,))
        for name, group in (("Lea", VIP), ("Lou", COFFEE))
    ]
    people.append(Member(_person("Vic", ()), (VIP,), ()))
    people.append(Member(_person("Wim", _numbers(awake, 1)), (VIP,), ()))
    people.append(_member("Zoe", asleep, (AWAY,)))
    people += [Member(_person(f"New {n}", _numbers(awake, 1)), (NEW,), ()) for n in (1, 2)]
    return people


def prefixes(now: datetime) -> tuple[tuple[str, int], tuple[str, int]]:
    """Return where it is day and where it is night: how numbers begin, and how many digits
    follow."""
    hours = [(place, now.astimezone(ZoneInfo(place[1])).hour) for place in _PLACES]
    day = next(place for place, hour in hours if hour in _DAY)
    night = next(place for place, hour in hours if hour in _NIGHT)
    return (day[0], day[2]), (night[0], night[2])


def numbers_of(members: list[Member], *groups: Group) -> set[str]:
    """Return the distinct numbers that a broadcast to these groups may text."""
    return {
        number
        for member in members
        if set(member.groups) & set(groups)
        for number in member.opted_in
    }


def counts_of(members: list[Member], group: Group) -> tuple[int, int, int]:
    """Return (shoppers, opted-in shoppers, numbers to text) of a group."""
    mine = [member for member in members if group in member.groups]
    return len(mine), sum(bool(m.opted_in) for m in mine), len(numbers_of(members, group))


def _member(name: str, place: tuple[str, int], groups: tuple[Group, ...]) -> Member:
    numbers = _numbers(place, 1)
    return Member(_person(name, numbers), groups, numbers)


def _person(name: str, numbers: tuple[str, ...]) -> Person:
    return Person(name, f"s{random.randrange(10**9):09}", numbers)


def _numbers(place: tuple[str, int], count: int) -> tuple[str, ...]:
    prefix, digits = place
    return tuple(
        f"{prefix}{random.choice('23456789')}{random.randrange(10 ** (digits - 1)):0{digits - 1}}"
        for _ in range(count)
    )
