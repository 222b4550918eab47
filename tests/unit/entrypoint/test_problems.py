"""Every error of the domain has exactly one answer."""

from __future__ import annotations

import inspect

import pytest

from concord.domain import errors
from concord.domain.errors import ConcordError, Fallback, FieldError, NotConfirmedError
from concord.entrypoint.problems import problem_of

# The contract, spelled out: class -> (status, code, Retry-After).
EXPECTED: dict[str, tuple[int, str, str | None]] = {
    "InvalidInputError": (422, "invalid_request", None),
    "NotFoundError": (404, "not_found", None),
    "ConflictError": (409, "conflict", None),
    "UnauthorizedError": (401, "unauthorized", None),
    "ForbiddenError": (403, "forbidden", None),
    "TooLargeError": (413, "body_too_large", None),
    "StorageError": (503, "storage_unavailable", "2"),
    "StorageUnavailableError": (503, "storage_unavailable", "2"),
    "ReceiptQueueError": (503, "storage_unavailable", "2"),
    "StackKeyError": (503, "stack_key_mismatch", "2"),
    "NotConfirmedError": (503, "opt_out_not_confirmed", "2"),
    "PlatformError": (502, "platform_error", None),
    "RetryableError": (502, "platform_unavailable", "5"),
    "ThrottledError": (503, "platform_throttled", "5"),
    "PermanentError": (502, "platform_refused", None),
    "OptedOutAtCarrierError": (502, "platform_refused", None),
    "CredentialsRejectedError": (422, "invalid_api_key", None),
    "OutcomeUnknownError": (504, "outcome_unknown", None),
}


FALLBACK = Fallback("operator", "Text STOP to +15550100200", "+15550100200")


def _classes() -> dict[str, type[ConcordError]]:
    return {
        name: kind
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, ConcordError) and kind is not ConcordError
    }


def _made(name: str) -> ConcordError:
    if name == "NotConfirmedError":
        return NotConfirmedError("what happened", fallback=FALLBACK)
    return _classes()[name]("what happened")


def test_the_table_is_complete() -> None:
    assert set(EXPECTED) == set(_classes())


@pytest.mark.parametrize("name", EXPECTED)
def test_status_and_code(name: str) -> None:
    problem = problem_of(_made(name))
    assert problem is not None
    status, code, retry_after = EXPECTED[name]
    assert (problem.status, problem.code) == (status, code)
    assert problem.headers.get("Retry-After") == retry_after
    body = problem.answer().body
    assert body is not None
    assert body["status"] == status
    assert body["title"]


def test_who_waits_learns_how_to_opt_out() -> None:
    """TEA-20, TEA-21: the fallback is a member of the problem, with all that it names."""
    problem = problem_of(NotConfirmedError("kept", fallback=FALLBACK))
    assert problem is not None
    assert problem.members["fallback"] == {
        "audience": "operator",
        "message": "Text STOP to +15550100200",
        "number": "+15550100200",
    }


@pytest.mark.parametrize("error", [ValueError("x"), KeyError(), ConcordError("bare")])
def test_what_nobody_foresaw_is_no_problem_of_the_domain(error: Exception) -> None:
    assert problem_of(error) is None


def test_fields_and_their_remedies_are_listed() -> None:
    problem = problem_of(
        errors.InvalidInputError(
            "Not valid.",
            code="invalid_phone",
            errors=(FieldError("point", "use E.164"), FieldError("via", "use pos")),
        )
    )
    assert problem is not None
    body = problem.answer().body
    assert body is not None
    assert body["code"] == "invalid_phone"
    assert body["errors"] == [
        {"field": "point", "message": "use E.164"},
        {"field": "via", "message": "use pos"},
    ]


def test_unauthorized_never_says_which() -> None:
    refusals = [
        errors.UnauthorizedError("no such connection", code="unknown", extra={"why": "id"}),
        errors.UnauthorizedError("the signature does not fit"),
        errors.UnauthorizedError(),
    ]
    answers = [p.answer() for e in refusals if (p := problem_of(e)) is not None]
    assert len(answers) == 3
    assert answers[0] == answers[1] == answers[2]


def test_extra_members_come_along_and_cannot_lie_about_the_status() -> None:
    problem = problem_of(
        errors.ConflictError(
            "Taken.", code="account_already_linked", extra={"connection_id": "m.x", "status": 200}
        )
    )
    assert problem is not None
    body = problem.answer().body
    assert body is not None
    assert body["connection_id"] == "m.x"
    assert body["status"] == 409


@pytest.mark.parametrize(("seconds", "header"), [(0.2, "1"), (7.1, "8"), (30.0, "30"), (0.0, "1")])
def test_retry_after_of_the_platform_is_never_undercut(seconds: float, header: str) -> None:
    problem = problem_of(errors.ThrottledError(retry_after=seconds))
    assert problem is not None
    assert problem.headers["Retry-After"] == header


def test_the_words_of_a_platform_are_scrubbed() -> None:
    problem = problem_of(errors.PermanentError("+14155550100 is blocked", reason="blocked"))
    assert problem is not None
    assert problem.detail == "*** is blocked"
    assert problem.members["reason"] == "blocked"
