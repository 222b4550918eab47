"""Our own mails about points: who sends a customer's mails, and what ours say (ECO-19).

A platform's automations can mail on our events. Where a merchant has none, or switched them off, we
mail ourselves. For one event it is always one of the two.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from concord.domain.contacts import TrackerEvent


class MailedBy(StrEnum):
    """Who mails a customer about her points: the platform, on our event, or we ourselves."""

    PLATFORM = "platform"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail, plain text. What is personal stays out of its repr.

    `shop` is the name that it comes from, `sender` that name's address; whoever answers, or wants
    no more of them, writes to `reply_to`.
    """

    to: str = field(repr=False)
    shop: str
    sender: str = field(repr=False)
    reply_to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)


def mail_of(event: TrackerEvent, pin: str, shop: str, sender: str, reply_to: str) -> Mail:
    """Return the mail that says what `event` would. A PIN stands in the text alone: subjects are
    shown on locked screens, and kept by every server on the way."""
    shop = _line(shop)
    subject, news = _news(event, pin)
    text = (
        f"Hello,\n\n{news}\n\n{shop}\n\n-- \n"
        f"You get this mail because you have a loyalty account at {shop}. "
        f"If you want no more mails, write to {reply_to}.\n"
    )
    return Mail(event.email, shop, sender, reply_to, f"{shop}: {subject}", text)


def _news(event: TrackerEvent, pin: str) -> tuple[str, str]:
    """Return subject and text of what happened, in English: the house has no other language."""
    if isinstance(event.value, str):  # a PIN's event has no value
        return "your new PIN", f"Your PIN is now: {pin}"
    value = event.value
    if "expires_on" in value:
        words = f"{value['credits']} of your points expire at the end of {value['expires_on']}."
        return "points of yours expire soon", words
    words = f"Your points changed by {value['change']:+}. Your balance is now {value['credits']}."
    return "your points have changed", words


def _line(text: str) -> str:
    """Return a text as one line: it becomes part of a header."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())
