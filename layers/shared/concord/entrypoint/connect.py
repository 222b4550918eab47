"""The Connect API's own failure answer: a person waits, and must learn how to opt out by text."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Final

from concord.config import settings
from concord.domain.texts import fallback
from concord.entrypoint.problems import INTERNAL, Problem

_RETRY_AFTER: Final = "2"


def unconfirmed(problem: Problem) -> Problem:
    """Return a server-side problem with the fallback in it (TEA-20..22).

    The services answer so themselves for whatever carries an opt-out (services/safety_net.py). This
    is for the other calls, and for what fails before any service is there: a missing variable, say.
    The connection is not known here, so the number is the stack's own or none. A bug is 503
    `opt_out_not_confirmed` and never a bare 500.
    """
    if "fallback" in problem.members:
        return problem
    number = settings().fallback_number
    message = fallback("shopper", {}, number)
    offered = {"audience": "shopper", "message": message, "number": number}
    members = {**problem.members, "fallback": offered}
    if problem.status is not INTERNAL.status:
        return replace(problem, members=members)
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "opt_out_not_confirmed",
        "If this was an opt-out, it is not confirmed yet.",
        members,
        {"Retry-After": _RETRY_AFTER},
    )
