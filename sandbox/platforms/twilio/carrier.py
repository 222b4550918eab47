"""Twilio's own handling of STOP, START and HELP (error 23002 page, Advanced Opt-Out page)."""

from dataclasses import dataclass, field

STOP_WORDS = frozenset(
    {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}
)
START_WORDS = frozenset({"START", "YES", "UNSTOP"})
HELP_WORDS = frozenset({"HELP", "INFO"})

_REPLIES = {
    "STOP": "You have successfully been unsubscribed. You will not receive any more messages "
    "from this number. Reply START to resubscribe.",
    "START": "You have successfully been re-subscribed to messages from this number. "
    "Reply HELP for help. Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
    "HELP": "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
}


def classify(text: str) -> str | None:
    """Return STOP, START or HELP when the whole text is one of the words."""
    word = text.strip().upper()
    if word in STOP_WORDS:
        return "STOP"
    if word in START_WORDS:
        return "START"
    return "HELP" if word in HELP_WORDS else None


@dataclass(slots=True)
class Carrier:
    """Which shoppers are blocked, by account, own number and shopper's number."""

    blocked: set[tuple[str, str, str]] = field(default_factory=set)

    def receive(self, account_id: str, own: str, shopper: str, text: str) -> str | None:
        """Apply an inbound text and return Twilio's own reply; a repeated word gets none."""
        kind = classify(text)
        key = (account_id, own, shopper)
        if kind == "STOP":
            if key in self.blocked:
                return None
            self.blocked.add(key)
        elif kind == "START":
            if key not in self.blocked:
                return None
            self.blocked.discard(key)
        return _REPLIES[kind] if kind else None

    def blocks(self, account_id: str, own: str, shopper: str) -> bool:
        return (account_id, own, shopper) in self.blocked
