"""Consent profiles: per integration and channel, what opts in, what lifts an opt-out, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from concord.domain.identity import Channel


class SignalKind(StrEnum):
    """Everything that can be said about a point."""

    OPT_OUT = "opt_out"
    ASSUMED_OPT_OUT = "assumed_opt_out"
    UNSTOP = "unstop"
    JOIN = "join"
    START = "start"
    HELP = "help"
    OPT_IN = "opt_in"
    OWN_OPT_IN = "own_opt_in"
    OPT_IN_REQUEST = "opt_in_request"
    IMPORT = "import"
    LAPSE = "lapse"
    REVIEW_CONFIRMED = "review_confirmed"
    REVIEW_DISMISSED = "review_dismissed"
    HARD_FAILURE = "hard_failure"
    SIGN_OF_LIFE = "sign_of_life"


# What takes consent away, said outright or likely meant.
OPT_OUTS: Final = frozenset({SignalKind.OPT_OUT, SignalKind.ASSUMED_OPT_OUT})


@dataclass(frozen=True, slots=True)
class Profile:
    """How one integration reads signals on one channel.

    lifts             the acts that raise `back_at`: the only way out of an explicit opt-out
    double_opt_in     an opt-in asked by a third party waits for the shopper's own JOIN
    invitation_guard  no second invitation within this time (TEA-15)
    lapse_after       a pending opt-in is forgotten after this time (TEA-15)
    rejection         the code that a refused opt-in gets
    told              the sides (source, destination) that keep a flag and are told of each change
    """

    name: str
    channel: Channel
    lifts: frozenset[SignalKind]
    double_opt_in: bool
    sends_texts: bool
    rejection: str
    invitation_guard: timedelta = timedelta(hours=24)
    lapse_after: timedelta = timedelta(days=30)
    told: tuple[str, ...] = ()


TEXT_EM_ALL_SMS: Final = Profile(
    name="text_em_all.sms",
    channel=Channel.SMS,
    lifts=frozenset({SignalKind.UNSTOP}),
    double_opt_in=True,
    sends_texts=True,
    rejection="must_text_unstop",
    told=("source", "destination"),
)
EMAIL: Final = Profile(
    name="email",
    channel=Channel.EMAIL,
    lifts=frozenset({SignalKind.OWN_OPT_IN}),
    double_opt_in=False,
    sends_texts=False,
    rejection="must_opt_in_personally",
)
# Who signs up at Ecomail does so herself, by a form or a double opt-in there: that lifts too. It
# counts once a fetch confirms it, since Ecomail signs nothing; until then it is pending.
ECOMAIL_EMAIL: Final = Profile(
    name="ecomail.email",
    channel=Channel.EMAIL,
    lifts=frozenset({SignalKind.OWN_OPT_IN, SignalKind.OPT_IN}),
    double_opt_in=False,
    sends_texts=False,
    rejection="must_opt_in_personally",
    told=("destination",),
)
# A shop without texts may still say what its shoppers said of them: it is kept, and nobody texts.
KEPT_SMS: Final = Profile(
    name="kept.sms",
    channel=Channel.SMS,
    lifts=frozenset({SignalKind.UNSTOP, SignalKind.OWN_OPT_IN}),
    double_opt_in=False,
    sends_texts=False,
    rejection="must_opt_in_personally",
)

_PROFILES: Final = {
    ("catapult-text_em_all", Channel.SMS): TEXT_EM_ALL_SMS,
    ("catapult-text_em_all", Channel.EMAIL): EMAIL,
    ("ellity-ecomail", Channel.SMS): KEPT_SMS,
    ("ellity-ecomail", Channel.EMAIL): ECOMAIL_EMAIL,
}
INTEGRATIONS: Final = frozenset(name for name, _ in _PROFILES)
# Those whose destination is a list of contacts, which is kept as the shop knows its shoppers.
EXPORTS_CONTACTS: Final = frozenset({"ellity-ecomail"})
# Platforms that only tell us things: an account there has no credentials that we could use.
NEVER_CALLED: Final = frozenset({"ellity"})


def profile_for(integration: str, channel: Channel) -> Profile:
    """Return the profile of an integration's channel. KeyError: a name that was never valid."""
    return _PROFILES[integration, channel]
