"""A warm webhook beside the two SDK calls that it makes, and the verifier beside a bare hmac."""

from __future__ import annotations

import base64
import hmac
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import boto3
from botocore import handlers

from bench.recording import recorded_stop
from bench.stub import Cassette, Context
from concord.domain.events import RawRequest, SecretValue
from concord.platforms import standard_webhooks

ROUNDS: Final = 40
_CALLS: Final = 25
_VERIFIES: Final = 500
_BODY: Final = b"{" + b"x" * 3070 + b"}"  # 3 kB, as reliability.md 3 says


@dataclass(frozen=True, slots=True)
class Pair:
    """CPU microseconds of one call, ours and the rival's, and the median of the rounds' ratios."""

    ours: float
    rival: float
    ratio: float


def warm_webhook(rounds: int = ROUNDS) -> Pair:
    """Measure handler against SDK calls: same parameters, same stubbed answers, in turns."""
    cassette = recorded_stop()
    with _played(cassette):
        from functions.webhooks.receive import lambda_handler

        client = boto3.session.Session().client("dynamodb")
        context = Context()

        def ours() -> None:
            answer = lambda_handler(cassette.event, context)
            assert answer["statusCode"] == 204, answer

        def rival() -> None:
            client.get_item(**cassette.calls["GetItem"])
            client.transact_write_items(**cassette.calls["TransactWriteItems"])

        return side_by_side(ours, rival, rounds, _CALLS)


def webhook_verify(rounds: int = ROUNDS) -> Pair:
    """Measure the Standard Webhooks verifier on 3 kB against one HMAC over the same bytes."""
    secret = "whsec_" + base64.b64encode(bytes(range(32))).decode()
    now = datetime.now(UTC)
    headers = standard_webhooks.sign(secret, "msg_1", int(now.timestamp()), _BODY)
    request = RawRequest("POST", headers, _BODY, received_at=now)
    secrets = [SecretValue(secret)]
    signed, key = b"msg_1.1." + _BODY, bytes(range(32))

    def ours() -> None:
        assert standard_webhooks.verify(request, secrets)

    def rival() -> None:
        hmac.digest(key, signed, "sha256")

    return side_by_side(ours, rival, rounds, _VERIFIES)


def side_by_side(
    ours: Callable[[], Any], rival: Callable[[], Any], rounds: int, calls: int
) -> Pair:
    """Run both in turns, `calls` at a time; the first round warms up and does not count."""
    spent: list[tuple[float, float]] = []
    for number in range(-1, rounds):
        if number % 2:
            one, other = _spent(ours, calls), _spent(rival, calls)
        else:
            other, one = _spent(rival, calls), _spent(ours, calls)
        if number >= 0:
            spent.append((one, other))
    return Pair(
        statistics.median(one for one, _ in spent),
        statistics.median(other for _, other in spent),
        statistics.median(one / other for one, other in spent),
    )


def _spent(call: Callable[[], Any], calls: int) -> float:
    started = time.process_time_ns()
    for _ in range(calls):
        call()
    return (time.process_time_ns() - started) / calls / 1000


@contextmanager
def _played(cassette: Cassette) -> Iterator[None]:
    """Answer from the recording, in the environment of it, with everything of ours cold."""
    from concord import bootstrap

    before = dict(os.environ)
    session = boto3.DEFAULT_SESSION
    hook = ("before-send", cassette.answer)
    handlers.BUILTIN_HANDLERS.insert(0, hook)
    os.environ.update(cassette.environment)
    boto3.DEFAULT_SESSION = None
    bootstrap.forget()
    try:
        yield
    finally:
        bootstrap.forget()
        boto3.DEFAULT_SESSION = session
        os.environ.clear()
        os.environ.update(before)
        handlers.BUILTIN_HANDLERS.remove(hook)
