"""What we know of a contact at the platform that we export to: what we wrote, and what it told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime

from concord.domain.events import CreditChanged


@dataclass(frozen=True, slots=True)
class Export:
    """What the last confirmed write of a shopper's contact said. `digest` tells an unchanged one.

    `version` is that of the shopper, `seq` that of her points in `programme` ("" = those that her
    shop's own loyalty system keeps): an event that is about one of them may go out once this is as
    far. `merchant_id`, `connection_id`, `shopper_key`: whose it is.
    `place` is which address in which list it was written to; "" = none, for she opted out and is
    not in the list: nobody is there to be told anything.
    """

    merchant_id: str
    connection_id: str
    shopper_key: str
    digest: str = ""
    version: int = 0
    seq: int = 0
    place: str = ""
    programme: str = ""

    def covers(self, version: int, seq: int = 0, programme: str = "") -> bool:
        """Whether the fields show at least this version, and this seq of a programme's points."""
        shown = self.seq if self.programme == programme else 0
        return self.version >= version and shown >= seq


@dataclass(frozen=True, slots=True)
class Subscription:
    """Whether an address is subscribed to one list, as far as we know (ECO-11, ECO-12).

    `subscribed` is written before we subscribe somebody ourselves, and with it `wrote_at`, the time
    of that: our own write is no sign-up, and what comes back of it neither. `asked_at`: since when
    a registration of hers waits for her to confirm it, None = none does.
    `signed_at`: when she signed up herself, as far as we heard of it, None = she did not, or has
    left the list since. `changes` counts how often what is not ours changed, so that no event of a
    platform without ids counts twice; `settled` is the last of which the reward is done. What was
    given stands in the ledger alone.
    """

    merchant_id: str
    connection_id: str
    list_id: str
    point_id: str
    subscribed: bool = False
    changes: int = 0
    settled: int = 0
    # Whose sign-up it is, once that was found out: the merchant's own id of her, and the programme.
    # An address that moves on to another customer earns nothing a second time.
    member: str = field(default="", repr=False)
    programme: str = ""
    # The reward waits for the customer to appear (ECO-11): nobody carries this address yet.
    parked: bool = False
    wrote_at: datetime | None = None
    asked_at: datetime | None = None
    signed_at: datetime | None = None
    version: int = 0

    @property
    def signed(self) -> bool:
        """Whether she stands in the list by a sign-up of her own."""
        return self.signed_at is not None


@dataclass(frozen=True, slots=True)
class Credit:
    """What a shop's own loyalty system told last of a customer's points.

    `credit` is her balance, `delta` its last change, `on` the merchant's day of it. `received_at`
    is when its webhook came. `seq` rises by one with each change; 0 = nothing was told yet.
    """

    merchant_id: str
    connection_id: str
    shopper_key: str
    credit: int = 0
    delta: int = 0
    on: date | None = None
    received_at: datetime | None = None
    seq: int = 0

    def told(self, event: CreditChanged, received_at: datetime, on: date) -> Credit | None:
        """Return what holds after `event`; None = it is the same again, or came before this.

        Ellity gives neither ids nor times: of two words the one received last counts. Where it does
        not say by how much the balance changed, the last one known tells.
        """
        known = self.received_at
        if known is not None and (event.credit == self.credit or received_at < known):
            return None
        return replace(
            self,
            credit=event.credit,
            delta=event.credit - self.credit if event.delta is None else event.delta,
            on=on,
            received_at=received_at,
            seq=self.seq + 1,
        )
