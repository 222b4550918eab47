"""What our own mails about points say, by language: subjects and texts, filled in by `mails`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class MailLanguage(StrEnum):
    """A language that our own mails are written in."""

    EN = "en"
    CS = "cs"


@dataclass(frozen=True, slots=True)
class MailTexts:
    """Of each event a subject and a text, and the `frame` around the text. What is filled in stands
    in braces; no text depends on a number being one or many."""

    frame: str
    credit: tuple[str, str]
    expiry: tuple[str, str]
    pin: tuple[str, str]


TEXTS: Final[Mapping[MailLanguage, MailTexts]] = {
    MailLanguage.EN: MailTexts(
        frame="Hello,\n\n{news}\n\n{shop}\n\n-- \n"
        "You get this mail because you have a loyalty account at {shop}. "
        "If you want no more mails, write to {reply_to}.\n",
        credit=(
            "your points have changed",
            "Your points changed by {change:+}. Your balance is now {credits}.",
        ),
        expiry=(
            "points of yours expire soon",
            "{credits} of your points expire at the end of {on:%Y-%m-%d}.",
        ),
        pin=("your new PIN", "Your PIN is now: {pin}"),
    ),
    MailLanguage.CS: MailTexts(
        frame="Dobrý den,\n\n{news}\n\n{shop}\n\n-- \n"
        "Tento e-mail dostáváte, protože máte věrnostní účet u {shop}. "
        "Pokud další e-maily nechcete, napište na {reply_to}.\n",
        credit=("změna vašich bodů", "Změna vašich bodů: {change:+}. Nový zůstatek: {credits}."),
        expiry=(
            "vaše body brzy propadnou",
            "Počet vašich bodů, které propadnou na konci dne {on.day}. {on.month}. {on.year}: "
            "{credits}.",
        ),
        pin=("váš nový PIN", "Váš nový PIN: {pin}"),
    ),
}
