"""Our own mails about points: who sends a customer's mails, and what ours say (ECO-19).

A platform's automations can mail on our events. Where a merchant has none, or switched them off, we
mail ourselves. For one event it is always one of the two.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from concord.domain.contacts import TrackerEvent
from concord.domain.mail_texts import TEXTS, MailLanguage, MailTexts


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


def mail_of(
    event: TrackerEvent,
    pin: str,
    shop: str,
    sender: str,
    reply_to: str,
    language: MailLanguage = MailLanguage.EN,
) -> Mail:
    """Return the mail that says what `event` would. A PIN stands in the text alone: subjects are
    shown on locked screens, and kept by every server on the way."""
    shop, texts = _line(shop), TEXTS[language]
    subject, news = _news(texts, event, pin)
    text = texts.frame.format(news=news, shop=shop, reply_to=reply_to)
    return Mail(event.email, shop, sender, reply_to, f"{shop}: {subject}", text)


def _news(texts: MailTexts, event: TrackerEvent, pin: str) -> tuple[str, str]:
    """Return subject and text of what happened."""
    if isinstance(event.value, str):  # a PIN's event has no value
        subject, text = texts.pin
        return subject, text.format(pin=pin)
    value = event.value
    subject, text = texts.expiry if "expires_on" in value else texts.credit
    on = date.fromisoformat(str(value["expires_on"])) if "expires_on" in value else None
    return subject, text.format(**value, on=on)


def _line(text: str) -> str:
    """Return a text as one line: it becomes part of a header."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())
