"""What has to be true, each day and at the end."""

from __future__ import annotations

from datetime import datetime

from tests.simulation.acts import Acts
from tests.simulation.books import Books
from tests.simulation.contacts import Contacts
from tests.simulation.house import House
from tests.simulation.watch import Watch, must


class Checks:
    """All of it. What can be seen at once is seen by the watch, at each write."""

    def __init__(self, house: House, acts: list[Acts]) -> None:
        self.house = house
        self.acts = acts
        self.watch = Watch(house, acts)
        self.opened = {each.shop.merchant_id: each.shop.today() for each in acts}

    def meanwhile(self) -> None:
        """Look at what has to be true on any day."""
        must(not self.house.bugs, "unhandled errors:", self.house.bugs)

    def at_the_end(self, last_hour: datetime) -> None:
        """Look at everything, once nothing is left to do."""
        self.meanwhile()
        must(not self.house.open_tasks(), "tasks that never end", self.house.open_tasks())
        for each in self.acts:
            shop = each.shop
            members = [m for m in self.watch.members.values() if m.shop is shop]
            opened = self.opened[shop.merchant_id]
            Books(shop, each.told, members, opened).check(last_hour)
            Contacts(shop, each.told, self.watch).check()
