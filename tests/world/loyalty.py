"""A merchant with a programme of points, in a world: members earn, and nights go by."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from concord.adapters.dynamodb.nights import DynamoDbReports
from concord.domain.connection import ConnectionSettings, ConnectionState, Side
from concord.domain.identity import key_fingerprint
from concord.domain.points.account import Account, AccountKey, Pending
from concord.domain.points.posting import Entry, Occasion, accrue, pend
from concord.domain.points.programme import Programme
from concord.domain.points.report import DayReport
from concord.domain.times import local_date
from concord.services.post_points import Decide, PostPoints
from tests.support.builders import audit, connection
from tests.world.faults import settle
from tests.world.world import World

ONE_DAY = timedelta(days=1)


class Loyalty:
    """One programme of one merchant; members are those that a test names."""

    def __init__(
        self, house: World, merchant_id: str = "m1", zone: str = "America/New_York", **rules: Any
    ) -> None:
        self.house = house
        self.merchant_id = merchant_id
        self.zone = zone
        self.rules = {"name": "Points", "currency": "USD", **rules}
        self.moves_to(zone)
        self.version = 0
        self.saves()

    @classmethod
    def of(cls, house: World, merchant_id: str, zone: str) -> Loyalty:
        """Return a merchant whose programme is there already, in a zone."""
        made = cls.__new__(cls)
        made.house, made.merchant_id = house, merchant_id
        made.moves_to(zone)
        return made

    # --- who and where -----------------------------------------------------------------------

    def moves_to(self, zone: str) -> None:
        """Put the merchant, through the admin API."""
        self.zone = zone
        body = {"name": "Green Grocer", "time_zone": zone, "country": "US"}
        put = self.house.admin("PUT", f"/v1/merchants/{self.merchant_id}", body)
        assert put["statusCode"] in (200, 201), put

    def saves(self, **rules: Any) -> None:
        """Save the programme with other rules."""
        self.rules |= rules
        self.version += 1
        made = Programme(self.merchant_id, "main", version=self.version, **self.rules)
        assert self.house.parts.programmes.save(made)

    def listens(self, name: str = "list", programme: str | None = "main") -> str:
        """Connect a list of contacts, which is told of points; returns the connection's id."""
        account, name = name, f"{self.merchant_id}.{name}"
        made = connection(
            connection_id=name,
            integration="ellity-ecomail",
            state=ConnectionState.CONNECTED,
            source=Side("ellity", f"e-{self.merchant_id}-{account}", "https://e.test"),
            destination=Side("ecomail", f"c-{self.merchant_id}-{account}", "https://c.test"),
            # Its shop knows none of the members: whatever there is to tell, there is nobody.
            key_fingerprint=key_fingerprint(self.house.parts.secrets.stack_key(), name),
        )
        made = replace(made, settings=ConnectionSettings(programme=programme), made_by=name)
        written = replace(audit(connection_id=made.connection_id), merchant_id=self.merchant_id)
        self.house.parts.connections.create(made, multi_link=True, audit=written)
        return made.connection_id

    # --- time --------------------------------------------------------------------------------

    @property
    def today(self) -> date:
        """Return the merchant's day."""
        return local_date(self.house.clock.now(), self.zone)

    def at(self, day: date, hour: int = 1, minute: int = 0) -> datetime:
        """Return a moment of the merchant's, in UTC."""
        return datetime.combine(day, time(hour, minute), ZoneInfo(self.zone))

    def becomes(self, day: date, hour: int = 12) -> None:
        """Let time go on to an hour of a day of the merchant's; no schedule runs meanwhile."""
        self.house.clock.advance(self.at(day, hour) - self.house.clock.now())
        assert self.today == day

    def night(self, as_of: datetime | None = None) -> None:
        """Run the hourly schedule, and all that follows from it."""
        self.house.hourly(as_of)
        settle(self.house)

    def nights(self, count: int) -> None:
        """Let days go by, each with its night."""
        for _ in range(count):
            self.becomes(self.today + ONE_DAY, 1)
            self.night()

    # --- members -----------------------------------------------------------------------------

    def key(self, member: str) -> AccountKey:
        """Return a member's account."""
        return AccountKey(self.merchant_id, "main", f"v1.{member:0>32}")

    def books(self, member: str, entry_id: str, decide: Decide) -> None:
        """Book something."""
        post = PostPoints(self.house.parts.ledger, self.house.clock, lambda _: ())
        assert post(self.key(member), entry_id, decide, member=member).entry

    def earns(self, member: str, points: int, last_day: date | None, order: str = "o-1") -> None:
        """Book points that can be used through a day."""
        why = self._why(order)
        self.books(member, order, lambda account: accrue(account, points, last_day, why))

    def waits(self, member: str, points: int, until: date, last_day: date, order: str) -> None:
        """Book points in a return window."""
        why, waiting = self._why(order), Pending(order, until, last_day, points)
        self.books(member, order, lambda account: pend(account, waiting, why))

    def _why(self, order: str) -> Occasion:
        return Occasion(order, self.house.clock.now(), self.today)

    # --- what came of it ---------------------------------------------------------------------

    def account(self, member: str) -> Account:
        """Return what a member has."""
        return self.house.parts.ledger.account(self.key(member))

    def entries(self, member: str) -> list[Entry]:
        """Return a member's entries, but for those that only earned."""
        found = self.house.parts.ledger.entries(self.key(member))
        return [entry for entry in found if entry.entry_id.startswith(("expire:", "activate:"))]

    def told(self, member: str) -> dict[str, int]:
        """Return of which days a member was told, and how many days ahead."""
        rows = self.house.rows(f"L#{self.merchant_id}#main#{self.key(member).member_key}")
        notices = [row for row in rows if row["sk"].startswith("NOTICE#")]
        return {row["sk"].removeprefix("NOTICE#"): row["days"] for row in notices}

    def hints(self) -> list[str]:
        """Return the days of the hints that stand."""
        return sorted(row["pk"].split("#")[2] for row in self.house.rows("LH#"))

    def through(self) -> str:
        """Return the last day whose night is done."""
        (row,) = [r for r in self.house.rows("TZ#") if r["sk"] == self.merchant_id]
        assert row["pk"] == f"TZ#{self.zone}"
        return str(row["through"])

    def report(self, day: date) -> DayReport | None:
        """Return the report of a day."""
        return DynamoDbReports(self.house.parts.table).get(self.merchant_id, "main", day)
