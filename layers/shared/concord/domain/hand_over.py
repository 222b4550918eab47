"""The last question before a text is handed over: may it still go?"""

from __future__ import annotations

from enum import StrEnum

from concord.domain.marks import Marks, State


class Purpose(StrEnum):
    """Why a text is about to leave; decides whether an opted-out number may get it."""

    CONFIRM_OPT_IN = "opt_in_confirmation"
    CONFIRM_OPT_OUT = "opt_out_confirmation"
    INVITE = "invitation"
    HELP = "help_reply"
    MARKETING = "marketing"


def refusal_to_send(purpose: Purpose, marks: Marks) -> str | None:
    """Return why this text may not be handed over now, or None. Asked again at every hand-over.

    An opted-out number gets its single opt-out confirmation and an answer to HELP, nothing else;
    so does a suppressed one, which may still be out (R-07).
    """
    state, _ = marks.standing
    if purpose is Purpose.HELP:
        return None
    if purpose is Purpose.CONFIRM_OPT_OUT:
        return None if state is State.OPTED_OUT else "opted_in_again"
    if state is State.OPTED_OUT:
        return "opted_out_after_queue"
    if marks.suppressed:
        return "suppressed"
    if purpose is Purpose.INVITE:
        return None if state is State.PENDING else "no_longer_pending"
    return None if state is State.OPTED_IN else "not_opted_in"
