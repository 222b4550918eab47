"""The wording of every text and fallback, with the merchant's own wording on top."""

from __future__ import annotations

from collections.abc import Mapping
from string import Template
from typing import Final

from concord.domain.canonical import sha256_hex
from concord.domain.consent import MessageKind
from concord.domain.errors import FieldError, InvalidInputError

# Names the wording below in evidence: raise it with every change of it.
BUILT_IN: Final = "built-in-1"
# No marketing in any of these (TEA-17; FCC: one confirmation, within five minutes).
DEFAULT_TEXTS: Final[Mapping[str, str]] = {
    MessageKind.OPT_IN_CONFIRMATION: "$merchant: you are subscribed to our texts. "
    "Reply STOP to end, HELP for help. Msg & data rates may apply.",
    MessageKind.OPT_OUT_CONFIRMATION: "$merchant: you are unsubscribed and will get no more texts. "
    "Text UNSTOP to subscribe again.",
    MessageKind.INVITATION: "$merchant: reply $join to get our texts. Reply STOP to opt out. "
    "Msg & data rates may apply.",
    MessageKind.HELP_REPLY: "$merchant texts: reply STOP to end, $join to subscribe. "
    "Msg & data rates may apply.",
}
FALLBACK_TEXTS: Final[Mapping[str, str]] = {
    "fallback_shopper": "We could not record your opt-out just now. "
    "To stop our texts, text STOP to $number.",
    "fallback_operator": "The opt-out could not be recorded. "
    "Tell the customer to text STOP to $number.",
    "fallback_shopper_neutral": "We could not record your opt-out just now. "
    "To stop the texts, reply STOP to any text you got from this shop.",
    "fallback_operator_neutral": "The opt-out could not be recorded. "
    "Tell the customer to reply STOP to any text they got from this shop.",
}
EDITABLE: Final = frozenset(DEFAULT_TEXTS) | {"fallback_shopper", "fallback_operator"}
_TOKENS: Final = ("merchant", "join")
_FALLBACK_TOKENS: Final = ("number",)  # all that `fallback` fills in; others would leave a gap
MAX_LENGTH: Final = 459


def render(kind: str, own: Mapping[str, str], *, merchant: str, join: str, number: str = "") -> str:
    """Return the text of `kind` with the merchant's wording if there is one."""
    wording = own.get(kind) or DEFAULT_TEXTS.get(kind) or FALLBACK_TEXTS[kind]
    return Template(wording).safe_substitute(merchant=merchant, join=join, number=number)


def fallback(audience: str, own: Mapping[str, str], number: str | None) -> str:
    """Return what a shopper or an operator is told when an opt-out could not be confirmed."""
    if not number:
        return FALLBACK_TEXTS[f"fallback_{audience}_neutral"]
    return render(f"fallback_{audience}", own, merchant="", join="", number=number)


def wording_version(kind: str, own: Mapping[str, str], connection_version: int) -> str:
    """Return what versions the wording of `kind`: the connection's settings, or these texts."""
    return f"settings-{connection_version}" if own.get(kind) else BUILT_IN


def wording_hash(text: str) -> str:
    """Return the SHA-256 of a wording, as evidence names it (R-03)."""
    return sha256_hex(text.encode())


def with_changes(own: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """Return the merchant's wording with `changes` merged in; None = the default.

    Raises InvalidInputError for an unknown kind, whatever it is to become.
    """
    errors = [_no_such_text(kind) for kind in changes if kind not in EDITABLE]
    if errors:
        raise InvalidInputError("the texts cannot be used", errors=tuple(errors))
    return {kind: text for kind, text in {**own, **changes}.items() if text is not None}


def _no_such_text(kind: str) -> FieldError:
    known = ", ".join(sorted(EDITABLE))
    return FieldError(f"settings.texts.{kind}", f"no such text; there are: {known}")


def check_texts(texts: Mapping[str, str]) -> None:
    """Raise InvalidInputError for an unknown kind, a $token it has not, or a text too long."""
    errors = []
    for kind, wording in texts.items():
        if kind not in EDITABLE:
            errors.append(_no_such_text(kind))
        elif not wording.strip() or len(wording) > MAX_LENGTH:
            errors.append(FieldError(f"settings.texts.{kind}", f"use 1 to {MAX_LENGTH} characters"))
        else:
            tokens = _FALLBACK_TOKENS if kind in FALLBACK_TEXTS else _TOKENS
            unknown = set(Template(wording).get_identifiers()).difference(tokens)
            if unknown or not Template(wording).is_valid():
                named = ", ".join(f"${token}" for token in tokens)
                message = f"only {named} can be filled in"
                errors.append(FieldError(f"settings.texts.{kind}", message))
    if errors:
        raise InvalidInputError("the texts cannot be used", errors=tuple(errors))
