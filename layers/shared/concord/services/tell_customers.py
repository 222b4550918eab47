"""The two who can tell a customer that something changed: her list's platform, and our own mails.

The worker of events chooses one of them, once (ECO-19); how often one is asked is its business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from concord.domain.connection import Connection
from concord.domain.contact_fields import pin_of
from concord.domain.contacts import SubscriberStatus, TrackerEvent
from concord.domain.errors import PermanentError
from concord.domain.mails import mail_of
from concord.domain.shopper import Shopper
from concord.ports import ConsentStore, ContactPeer
from concord.ports.mails import Mailer
from concord.services.contact_tasks import PIN
from concord.services.email_opt_out import opted_out

# Whom the platform would mail: nobody who left there, complained, or cannot be reached.
_MAILED: Final = frozenset({SubscriberStatus.SUBSCRIBED, SubscriberStatus.SOFT_BOUNCED})


@dataclass(frozen=True, slots=True)
class News:
    """What is told, to whom. Her fields show it already."""

    connection: Connection
    peer: ContactPeer
    shopper: Shopper
    event: TrackerEvent


class Teller(Protocol):
    """Can tell a customer."""

    def declines(self, news: News) -> str | None:
        """Return why nobody is told, as a stable word; None = she may be."""

    def tell(self, news: News) -> str | None:
        """Tell it, once; returns why nobody was told after all, None = she was. Raises the
        PlatformErrors; a lost answer is OutcomeUnknownError."""


class TellPlatform:
    """Tells the platform, whose automations may mail her. It knows itself who has opted out."""

    def declines(self, news: News) -> str | None:
        """Decline nothing: that is up to the platform."""
        return None

    def tell(self, news: News) -> None:
        """Emit the event; the platform declines nothing."""
        news.peer.emit(news.event)


class TellByMail:
    """Mails her ourselves. An opt-out of e-mail always wins: ours, and what the list shows."""

    def __init__(self, store: ConsentStore, mailer: Mailer) -> None:
        self._store = store
        self._mailer = mailer

    def declines(self, news: News) -> str | None:
        """Look whether one of her addresses opted out, here or at the platform."""
        connection, event = news.connection, news.event
        if self._opted_out(news):
            return "opted_out"
        if event.label == PIN and pin_of(news.shopper) is None:
            return "no_pin"
        if connection.contact_list is None:
            return "no_list"
        shown = news.peer.subscriber(connection.contact_list, event.email)
        return None if shown is not None and shown.status in _MAILED else "not_subscribed"

    def tell(self, news: News) -> str | None:
        """Send the mail. She may have opted out since it was decided: that is looked at last."""
        connection = news.connection
        sender = connection.settings.mail_from
        if not sender:
            # It was to be ours, and is not any more; telling the platform could tell her twice.
            raise PermanentError("mail_from is not set any more", reason="no_mail_from")
        reply_to = connection.settings.mail_reply_to or sender
        pin = pin_of(news.shopper) or ""
        shop, language = connection.merchant_name, connection.settings.mails_language
        mail = mail_of(news.event, pin, shop, sender, reply_to, language)
        if self._opted_out(news):
            return "opted_out"
        self._mailer.send(mail)
        return None

    def _opted_out(self, news: News) -> bool:
        points = news.shopper.emails
        return any(opted_out(self._store, news.connection, point) for point in points)
