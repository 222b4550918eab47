"""The shoppers' phones of one platform: which texts each number received."""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sandbox.clock import now, stamp
from sandbox.phones import to_e164


@dataclass(slots=True)
class Text:
    """A text that arrives at `at`, unless its carrier withdraws it before."""

    at: datetime
    sender: str
    text: str
    withdrawn: bool = False

    @property
    def arrived(self) -> bool:
        return not self.withdrawn and self.at <= now()

    def view(self) -> dict[str, str]:
        return {"at": stamp(self.at), "from": self.sender, "text": self.text}


class Handsets:
    """Texts by receiving number, oldest first. One on its way is not there yet."""

    def __init__(self) -> None:
        self._texts: dict[str, list[Text]] = defaultdict(list)

    def deliver(self, to: str, sender: str, text: str, at: datetime | None = None) -> Text:
        """Send a text; it arrives at `at`, by default now."""
        sent = Text(at or now(), to_e164(sender), text)
        self._texts[to_e164(to)].append(sent)
        return sent

    def withdraw(self, to: str, senders: Collection[str]) -> None:
        """Take back what is on its way from these numbers: its receiver opted out."""
        for text in self._texts.get(to_e164(to), []):
            if text.sender in senders and not text.arrived:
                text.withdrawn = True

    def arrive(self) -> None:
        """Let everything that is on its way arrive now."""
        for texts in self._texts.values():
            for text in texts:
                text.at = min(text.at, now())

    def of(self, number: str) -> list[dict[str, str]]:
        arrived = [text for text in self._texts.get(to_e164(number), []) if text.arrived]
        return [text.view() for text in sorted(arrived, key=lambda text: text.at)]

    def count(self, to: str | None, words: str | None) -> list[dict[str, str | int]]:
        """Return how often each number got each text, the most frequent first."""
        counted = Counter(
            (number, text.text)
            for number, texts in self._texts.items()
            for text in texts
            if text.arrived and words in (None, text.text)
            if to is None or number == to_e164(to)
        )
        return [
            {"to": number, "text": text, "count": times}
            for (number, text), times in counted.most_common()
        ]

    def clear(self) -> None:
        self._texts.clear()
