"""What a cashier, a back office user or a web cart reads after asking Concord for a change."""

from typing import Any

_UNCONFIRMED = (
    "The change could not be confirmed. Please try again; to stop texts at once, "
    "reply STOP to any text from this shop."
)


def message_for(status: int, body: Any) -> str:
    """Turn Concord's answer into the sentence on the screen."""
    answer = body if isinstance(body, dict) else {}
    if status == 503:
        return _fallback(answer)
    if status == 200:
        return _done(answer.get("state"))
    if status == 409:
        return _conflict(answer)
    if status == 422:
        return "This phone number is not valid. Please check it."
    return _UNCONFIRMED


def unreachable() -> str:
    """Return what the till shows when nobody answered in time."""
    return _UNCONFIRMED


def _fallback(answer: dict[str, Any]) -> str:
    fallback = answer.get("fallback")
    if not isinstance(fallback, dict) or not fallback.get("message"):
        return _UNCONFIRMED
    message, number = str(fallback["message"]), fallback.get("number")
    # The wording usually holds the number already; nobody may be left without it.
    return message if not number or str(number) in message else f"{message} ({number})"


def _done(state: Any) -> str:
    if state == "opted_in":
        return "This number is opted in for text marketing."
    if state == "opted_out":
        return "This number is opted out. It gets no more marketing texts."
    if state == "pending":
        return "A text was sent to this number. Reply JOIN to it to finish."
    return "The request was accepted."


def _conflict(answer: dict[str, Any]) -> str:
    code = answer.get("code")
    if code == "must_text_unstop":
        number = answer.get("text_to")
        return f"This number opted out. To get texts again, text UNSTOP to {number or 'the shop'}."
    if code == "connection_not_connected":
        return "Text marketing is not connected yet. Nobody was opted in."
    return "The request was refused; nothing was changed."
