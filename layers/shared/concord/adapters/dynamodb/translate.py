"""The one translator from what botocore raises to what the rest of the house understands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
)
from botocore.parsers import ResponseParserError

from concord.adapters.dynamodb.marshal import Item, from_item
from concord.domain.errors import StorageError, StorageUnavailableError

# Nothing was written, and the same request may be sent again.
_AGAIN: Final = frozenset(
    {
        "TransactionConflictException",
        "TransactionConflict",
        "TransactionInProgressException",
        "ProvisionedThroughputExceededException",
        "ProvisionedThroughputExceeded",
        "ThrottlingException",
        "ThrottlingError",
        "Throttling",
        "RequestLimitExceeded",
        "TooManyRequestsException",
    }
)
# The service broke while it worked: the write may or may not be in.
_BROKEN: Final = frozenset(
    {"InternalServerError", "InternalFailure", "ServiceUnavailable", "ServiceUnavailableException"}
)
# Somebody has to repair the deployment; until then the table is as good as gone.
_OUT_OF_REACH: Final = frozenset(
    {
        "AccessDeniedException",
        "AccessDenied",
        "ExpiredTokenException",
        "ExpiredToken",
        "IncompleteSignature",
        "InvalidSignatureException",
        "KMSAccessDeniedException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "ResourceNotFoundException",
        "UnrecognizedClientException",
    }
)


class ConditionFailedError(StorageError):
    """The condition of a single write did not hold; `item` is what is stored, if it was asked for.

    `answer_lost`: an earlier attempt of the same write got no answer, so it may be its own effect
    that made the condition fail.
    """

    code = "condition_failed"

    def __init__(self, item: Item | None = None, *, answer_lost: bool = False) -> None:
        super().__init__("a condition did not hold")
        self.item = item
        self.answer_lost = answer_lost


@dataclass(frozen=True, slots=True)
class Refusal:
    """The item of a transaction whose condition did not hold, and what is stored there."""

    index: int
    item: Item | None


class TransactionRefusedError(StorageError):
    """Nothing was written: the conditions of `refusals` did not hold."""

    code = "transaction_refused"

    def __init__(self, refusals: tuple[Refusal, ...], *, answer_lost: bool = False) -> None:
        super().__init__("a condition of a transaction did not hold")
        self.refusals = refusals
        self.answer_lost = answer_lost

    def at(self, index: int) -> Refusal | None:
        """Return the refusal of the transaction's item `index`, if it was refused."""
        return next((r for r in self.refusals if r.index == index), None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to raise, whether the request may be repeated first, and what is known of it."""

    error: Exception
    again: bool = False
    answer_lost: bool = False


def judge(error: ClientError | BotoCoreError, *, answer_lost: bool = False) -> Verdict:
    """Return the verdict on one failed request. Codes that we do not know stay as they are."""
    if isinstance(error, ClientError):
        return _judge_answer(error, answer_lost)
    name = type(error).__name__
    if isinstance(error, ConnectTimeoutError | EndpointConnectionError):
        return Verdict(StorageUnavailableError(name), again=True)
    if isinstance(error, HTTPClientError | ResponseParserError):
        return Verdict(StorageUnavailableError(name), again=True, answer_lost=True)
    return Verdict(StorageUnavailableError(name))


def _judge_answer(error: ClientError, answer_lost: bool) -> Verdict:
    code = str(error.response.get("Error", {}).get("Code", ""))
    if code == "ConditionalCheckFailedException":
        stored = error.response.get("Item")
        item = from_item(stored) if stored else None
        return Verdict(ConditionFailedError(item, answer_lost=answer_lost))
    if code == "TransactionCanceledException":
        return _judge_cancellation(error, answer_lost)
    if code in _AGAIN:
        return Verdict(StorageUnavailableError(code), again=True)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _BROKEN or status >= 500:
        return Verdict(StorageUnavailableError(code), again=True, answer_lost=True)
    if code in _OUT_OF_REACH:
        return Verdict(StorageUnavailableError(code))
    return Verdict(error)


def _judge_cancellation(error: ClientError, answer_lost: bool) -> Verdict:
    reasons: list[dict[str, Any]] = error.response.get("CancellationReasons", [])
    refusals = tuple(
        Refusal(index, from_item(reason["Item"]) if reason.get("Item") else None)
        for index, reason in enumerate(reasons)
        if reason.get("Code") == "ConditionalCheckFailed"
    )
    # A condition that failed is an answer, even when another item was in conflict as well.
    if refusals:
        return Verdict(TransactionRefusedError(refusals, answer_lost=answer_lost))
    codes = {str(reason.get("Code")) for reason in reasons} - {"None"}
    if codes and codes <= _AGAIN:
        return Verdict(StorageUnavailableError(", ".join(sorted(codes))), again=True)
    return Verdict(error)
