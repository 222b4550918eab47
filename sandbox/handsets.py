"""The shoppers' phones of one platform: which texts each number received."""

from collections import defaultdict
from dataclasses import dataclass

from sandbox.clock import stamp
from sandbox.phones import to_e164


@dataclass(frozen=True, slots=True)
class Text:
    at: str
    sender: str
    text: str

    def view(self) -> dict[str, str]:
        return {"at": self.at, "from": self.sender, "text": self.text}


class Handsets:
    """Texts by receiving number, oldest first."""

    def __init__(self) -> None:
        self._texts: dict[str, list[Text]] = defaultdict(list)

    def deliver(self, to: str, sender: str, text: str) -> None:
        self._texts[to_e164(to)].append(Text(stamp(), to_e164(sender), text))

    def of(self, number: str) -> list[dict[str, str]]:
        return [text.view() for text in self._texts.get(to_e164(number), [])]

    def clear(self) -> None:
        self._texts.clear()
