"""What an event of a webhook says of consent, as a signal."""

from __future__ import annotations

from typing import Final

from concord.domain.canonical import sha256_hex
from concord.domain.connection import Connection
from concord.domain.consent import VIA_HANDSET, VIA_PLATFORM, Signal
from concord.domain.errors import InvalidInputError
from concord.domain.events import InboundText, OptedIn, OptedOut
from concord.domain.identity import Channel, event_key, normalise_email
from concord.domain.inbox import InboxEntry
from concord.domain.keywords import KeywordMatch, Meaning, classify
from concord.domain.phone import normalise_phone
from concord.domain.profiles import OPT_OUTS, SignalKind
from concord.domain.times import effective_at, to_rfc3339

_SIGNALS: Final = {
    Meaning.OPT_IN_AGAIN: SignalKind.UNSTOP,
    Meaning.JOIN: SignalKind.JOIN,
    Meaning.START: SignalKind.START,
    Meaning.HELP: SignalKind.HELP,
}
_CARRIER_WORDS: Final = {
    "stop": SignalKind.OPT_OUT,
    "start": SignalKind.START,
    "help": SignalKind.HELP,
}


def signal_of_text(connection: Connection, event: InboundText, entry: InboxEntry) -> Signal | None:
    """Return what a text means; None = nothing, for it is no handset's (a short code, a name).

    Raises InvalidInputError if what is no number says a keyword: that is kept as failed.
    """
    kind, word = _meaning(event, connection.settings.join_keyword)
    try:
        sender = normalise_phone(event.sender, connection.country, "from")
    except InvalidInputError:
        if kind is None:
            return None
        raise
    kind = kind or SignalKind.SIGN_OF_LIFE
    received = entry.request.received_at
    return Signal(
        kind=kind,
        effective_at=effective_at(event.occurred_at, received, live_opt_out=kind in OPT_OUTS),
        received_at=received,
        occurred_at=event.occurred_at,
        via=VIA_HANDSET,
        source={
            "platform": entry.platform,
            "connection_id": connection.connection_id,
            "event": event_key(event.event_id),
            "inbox_id": entry.inbox_id,
            "to": _number_texted(event.to, connection.country),
            **({"word": word.word, "word_source": word.source} if word else {}),
        },
        personal={"text": event.text, "from": sender},
    )


def signal_of_platform(
    connection: Connection, event: OptedOut | OptedIn, entry: InboxEntry
) -> tuple[Signal, Channel, str]:
    """Return what a platform was told, and the channel and the normalised point it speaks of.

    An opt-in that the shop passes on is only asked for where the profile wants the shopper's own
    word. Raises InvalidInputError if the point is none.
    """
    received = entry.request.received_at
    out = isinstance(event, OptedOut)
    if event.channel is Channel.SMS:
        point = normalise_phone(event.point, connection.country)
    else:
        point = normalise_email(event.point)
    asked_by_shop = entry.platform == connection.source.platform
    double = connection.profile(event.channel).double_opt_in
    opt_in = SignalKind.OPT_IN_REQUEST if asked_by_shop and double else SignalKind.OPT_IN
    signal = Signal(
        kind=SignalKind.OPT_OUT if out else opt_in,
        effective_at=effective_at(event.occurred_at, received, live_opt_out=out),
        received_at=received,
        occurred_at=event.occurred_at,
        via=VIA_PLATFORM,
        source={
            "platform": entry.platform,
            "connection_id": connection.connection_id,
            "event": event_key(event_name(entry, event)),
            "inbox_id": entry.inbox_id,
            "door": event.via,
            **({"list_id": event.list_id} if event.list_id else {}),
        },
        personal={"actor": event.actor, "point": point},
    )
    return signal, event.channel, point


def event_name(entry: InboxEntry, event: InboundText | OptedOut | OptedIn) -> str:
    """Return what names the event: its id, or where the platform gives none its own delivery.

    Then a platform's repeat is another event that says the same, and changes no state; a repeat of
    ours (rescue, replay) has the moment of the first.
    """
    if event.event_id is not None:
        return event.event_id
    return f"{to_rfc3339(entry.request.received_at)}|{sha256_hex(entry.request.body)}"


def _number_texted(to: str, country: str) -> str:
    """Return the number a text came to as E.164, or as it is: a short code, a name."""
    try:
        return normalise_phone(to, country, "to")
    except InvalidInputError:
        return to.strip()


def _meaning(
    event: InboundText, join_keyword: str
) -> tuple[SignalKind | None, KeywordMatch | None]:
    """Return what a text means: an opt-out is one whoever reads it so; the surer reading counts.

    What the carrier blocks is an explicit opt-out: were it taken for a likely one, a review could
    lift it here while the carrier goes on blocking. Of all else our own reading comes first.
    """
    word = classify(event.text, join_keyword)
    says_stop = word is not None and word.meaning is Meaning.OPT_OUT
    by_carrier = _CARRIER_WORDS.get((event.carrier_keyword or "").lower())
    if by_carrier is SignalKind.OPT_OUT:
        return by_carrier, word if says_stop else None
    if word is None:
        return by_carrier, None
    if says_stop:
        return (SignalKind.OPT_OUT if word.exact else SignalKind.ASSUMED_OPT_OUT), word
    return _SIGNALS[word.meaning], word
