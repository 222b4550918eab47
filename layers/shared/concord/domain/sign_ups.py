"""What a look at a newsletter's list comes to: a sign-up of hers, the echo of ours, or nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from concord.domain.contacts import SubscriberStatus
from concord.domain.exports import Subscription

# Around our own write: the call itself, and what their clock and ours differ by.
ECHO_WINDOW: Final = timedelta(minutes=15)
# How late the echo of our write, or its repeat, may come. How often the list's webhook is tried
# again is not documented; their other one is for 8 h, and this is three times as long.
LATEST_ECHO: Final = timedelta(hours=24)
# When it is looked whether she confirmed: nobody tells of that. Most do at once or never.
CONFIRMATION_LOOKS: Final = (
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(days=1),
    timedelta(days=3),
    timedelta(days=7),
)
# Asked again within it, the looks of before go on: a form can be sent a thousand times.
_ASKED_ANEW: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Look:
    """What a list showed of an address, and what made us look.

    `subscribed_at` is the earliest moment that the list's own word of it may mean, None = it says
    nothing. `heard_at` is when a webhook told of the address, None = none did. `opted_in`: she is
    by our record; `out_at`: since when she is out by it, None = she is not.
    """

    status: SubscriberStatus
    subscribed_at: datetime | None = None
    heard_at: datetime | None = None
    opted_in: bool = False
    out_at: datetime | None = None

    @property
    def subscribed(self) -> bool:
        """Whether the list has her."""
        return self.status is SubscriberStatus.SUBSCRIBED

    @property
    def heard_since_out(self) -> bool:
        """Whether a webhook told of her after she opted out, or she did not."""
        return self.heard_at is not None and (self.out_at is None or self.heard_at > self.out_at)

    def is_no_echo(self, wrote_at: datetime | None) -> bool:
        """Whether a webhook told of somebody else's act than our own write at `wrote_at`.

        A webhook has neither id nor time, so an echo that comes late or twice cannot be told from
        her own sign-up by itself. Beyond LATEST_ECHO it is none. Before that only the list's word
        counts, that she was subscribed after our write. In doubt it is an echo: a sign-up that was
        missed can be made good by the shop, points for nothing are noticed by nobody.
        """
        if self.heard_at is None:
            return False
        if wrote_at is None or self.heard_at > wrote_at + LATEST_ECHO:
            return True
        settled = wrote_at + ECHO_WINDOW
        since = self.subscribed_at
        return self.heard_at > settled and since is not None and since > settled


def noticed(known: Subscription, look: Look) -> Subscription:
    """Return what is known after a look; `known` itself where it showed nothing new."""
    if known.asked_at is not None and look.out_at is not None and look.out_at >= known.asked_at:
        known = replace(known, asked_at=None)  # she thought better of it
    if look.subscribed:
        return _stands_there(known, look)
    if look.status is SubscriberStatus.UNCONFIRMED:
        return _is_unconfirmed(known, look)
    known = replace(known, asked_at=None)
    return _changed(known, None) if known.subscribed else known


def next_look(asked_at: datetime, now: datetime) -> datetime | None:
    """Return when it is looked next whether she confirmed; None = that was all."""
    return next((asked_at + each for each in CONFIRMATION_LOOKS if asked_at + each > now), None)


def _stands_there(known: Subscription, look: Look) -> Subscription:
    since, out_at = known.signed_at, look.out_at
    if since is not None and (out_at is None or out_at < since):
        return replace(known, asked_at=None)
    if _confirmed(known, look):
        return _changed(replace(known, asked_at=None), known.asked_at)
    no_echo = look.is_no_echo(known.wrote_at)
    if since is not None:
        # She opted out elsewhere since, and the list was told: she signed up once more, or somebody
        # else put her there.
        return _changed(known, look.heard_at) if no_echo and look.heard_since_out else known
    if known.subscribed:
        return _changed(known, look.heard_at) if no_echo else known
    if look.opted_in and (known.wrote_at is None or not no_echo):
        return replace(known, subscribed=True)  # by us: that is no sign-up of hers there
    # She was not there by all we knew, and not by an act of ours. Whom no webhook told of may have
    # been put there by anybody, while she opted out elsewhere.
    return _changed(known, look.heard_at) if look.heard_at else known


def _confirmed(known: Subscription, look: Look) -> bool:
    """Whether she stands there since she confirmed what she asked for, and not since we wrote."""
    if known.asked_at is None:
        return False
    if known.wrote_at is None or known.wrote_at < known.asked_at:
        return True
    return look.subscribed_at is not None and look.subscribed_at > known.wrote_at + ECHO_WINDOW


def _is_unconfirmed(known: Subscription, look: Look) -> Subscription:
    """She registered, and has to confirm: only what a webhook told of, and not our own write."""
    ours = known.subscribed and not known.signed
    if look.heard_at is not None and (not ours or look.is_no_echo(known.wrote_at)):
        if known.asked_at is None or look.heard_at >= known.asked_at + _ASKED_ANEW:
            known = replace(known, asked_at=look.heard_at)
        ours = False
    return known if ours or not known.subscribed else _changed(known, None)


def _changed(known: Subscription, signed_at: datetime | None) -> Subscription:
    """Count a change that is not ours: its reward is due. None = she left."""
    subscribed = signed_at is not None
    return replace(known, subscribed=subscribed, signed_at=signed_at, changes=known.changes + 1)
