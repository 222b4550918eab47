"""What carries a broadcast's texts: the sender's adapter, its number, and where receipts go."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from concord.domain.broadcast import Frozen
from concord.domain.chunks import Slice, slice_reference
from concord.domain.connection import Connection
from concord.domain.errors import PermanentError
from concord.domain.outbound import BulkText, OutboundText
from concord.domain.pacing import SenderAccount, sender_account
from concord.ports import BulkSender, TextSender
from concord.services.authenticate import Authenticator
from concord.services.reach_platforms import ReachPlatforms


@dataclass(frozen=True, slots=True)
class Carrier:
    """A sender as one chunk needs it: `bulk` takes a slice in one call, `single` a text."""

    account: SenderAccount
    body: str = field(repr=False)
    number: str
    number_id: str
    receipt_url: str | None = field(repr=False)
    bulk: BulkSender | None = None
    single: TextSender | None = None

    def text(self, part: Slice, place: int, to: str, at: datetime | None) -> OutboundText:
        """Return the text for one recipient, under the name of her place."""
        return OutboundText(
            to=to,
            body=self.body,
            reference=slice_reference(part.key, part.number, place),
            sends_from=self.number,
            sends_from_id=self.number_id,
            receipt_url=self.receipt_url,
            attempted_at=at,
        )

    def bulk_text(self, part: Slice, to: tuple[tuple[int, str], ...]) -> BulkText:
        """Return the one call for a slice."""
        return BulkText(
            recipients=to,
            body=self.body,
            reference=slice_reference(part.key, part.number),
            sends_from=self.number,
            sends_from_id=self.number_id,
            receipt_url=self.receipt_url,
            attempted_at=part.claimed_at,
        )


class OpenCarrier:
    """Builds carriers."""

    def __init__(self, reach: ReachPlatforms, authenticator: Authenticator) -> None:
        self._reach = reach
        self._authenticator = authenticator

    def __call__(self, connection: Connection, frozen: Frozen) -> Carrier:
        """Return what carries the broadcast. Raises PermanentError `no_sender`, or with what makes
        the sender unusable."""
        bulk = self._reach.bulk_sender(connection) if frozen.bulk else None
        single = None if frozen.bulk else self._reach.sender(connection)
        if bulk is None and single is None:
            raise PermanentError("nothing carries this broadcast's texts", reason="no_sender")
        number, number_id = _origin(connection)
        return Carrier(
            account=sender_account(connection),
            body=frozen.body,
            number=number,
            number_id=number_id,
            receipt_url=self._authenticator.receipt_url(connection),
            bulk=bulk,
            single=single,
        )


def _origin(connection: Connection) -> tuple[str, str]:
    """Return the number to send from, and the platform's id for it."""
    sender, numbers = connection.settings.sender, dict(connection.text_numbers)
    if sender is not None:
        own = sender.platform == connection.destination.platform
        known = numbers.get(sender.sends_from) if own else None
        return sender.sends_from, known or sender.sends_from
    return connection.text_numbers[0] if connection.text_numbers else ("", "")
