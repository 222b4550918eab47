"""Builds the worker of chunks: the part of bootstrap that only BroadcastSend needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from concord.adapters.dynamodb.caps import DynamoDbCaps
from concord.adapters.dynamodb.slice_reads import DynamoDbHandOverReads
from concord.bootstrap.broadcasts import finish_broadcast
from concord.services.claim_slice import ClaimSlice
from concord.services.close_chunk import CloseChunk
from concord.services.give_back_chunk import GiveBackChunk
from concord.services.hand_over_slice import HandOverSlice
from concord.services.hold_broadcast import HoldBroadcast
from concord.services.judge_refusal import JudgeRefusal
from concord.services.open_carrier import OpenCarrier
from concord.services.resolve_slice import ResolveSlice
from concord.services.send_chunk import SendChunk
from concord.services.skip_refused import SkipRefused
from concord.services.start_run import StartRun

if TYPE_CHECKING:
    from concord.bootstrap.parts import Parts


def send_chunk(parts: Parts) -> SendChunk:
    """Return the worker over the adapters that `parts` holds."""
    clock, telemetry, chunks = parts.clock, parts.telemetry, parts.chunks
    reads = DynamoDbHandOverReads(parts.table)
    claim = ClaimSlice(
        reads=reads,
        connections=parts.connections,
        chunks=chunks,
        caps=DynamoDbCaps(parts.table),
        safety=parts.safety_depth,
        clock=clock,
    )
    judge = JudgeRefusal(parts.tasks, parts.apply_signal, parts.authenticator)
    skip = SkipRefused(judge, clock)
    return SendChunk(
        tasks=parts.tasks,
        connections=parts.connections,
        reads=reads,
        chunks=chunks,
        sleeper=parts.sleeper,
        start=StartRun(
            chunks=chunks,
            pace=parts.pace,
            sleeper=parts.sleeper,
            open_carrier=OpenCarrier(parts.reach, parts.authenticator),
            queue=parts.queue,
            clock=clock,
        ),
        claim=claim,
        hand_over=HandOverSlice(claim=claim, skip=skip, clock=clock, telemetry=telemetry),
        resolve=ResolveSlice(
            reads=reads, receipts=parts.receipts, skip=skip, clock=clock, telemetry=telemetry
        ),
        close=CloseChunk(
            chunks=chunks,
            pace=parts.pace,
            queue=parts.queue,
            finish=finish_broadcast(parts),
            resolve=parts.resolve_uncertain,
            clock=clock,
        ),
        give_back=GiveBackChunk(
            reads=reads,
            pace=parts.pace,
            hold=HoldBroadcast(parts.broadcasts, clock),
            defer=parts.defer,
            queue=parts.queue,
            clock=clock,
            telemetry=telemetry,
        ),
        clock=clock,
    )
