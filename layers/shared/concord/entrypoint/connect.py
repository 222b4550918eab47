"""The Connect API's own failure answer: a person waits, and must learn how to opt out by text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from concord.domain.errors import Fallback, NotConfirmedError
from concord.domain.texts import fallback
from concord.entrypoint.http import AdaptProblem
from concord.entrypoint.problems import INTERNAL, Problem, offered, problem_of


def unconfirmed(fallback_number: Callable[[], str | None]) -> AdaptProblem:
    """Return what puts the fallback into a server-side problem (TEA-20..22).

    Whatever carries an opt-out raises NotConfirmedError with a fallback of its own
    (services/safety_net.py). This is for the other calls, and for what fails before any service is
    there: a missing variable, say. The connection is not known here, so the number is the stack's
    own or none. A bug is 503 `opt_out_not_confirmed` and never a bare 500.
    """

    def adapt(problem: Problem) -> Problem:
        if "fallback" in problem.members:
            return problem
        number = fallback_number()
        way_out = Fallback("shopper", fallback("shopper", {}, number), number)
        if problem.status is not INTERNAL.status:
            return replace(problem, members={**problem.members, "fallback": offered(way_out)})
        detail = "If this was an opt-out, it is not confirmed yet."
        return problem_of(NotConfirmedError(detail, fallback=way_out)) or problem

    return adapt
