"""Say why a number was texted in a broadcast, or why not (L-02, L-09)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from concord.domain.broadcast import Broadcast
from concord.domain.chunks import Outcome
from concord.domain.errors import NotFoundError
from concord.domain.evidence import Evidence
from concord.domain.explain import explain_rules
from concord.domain.identity import Channel
from concord.domain.recipients import Placed
from concord.ports import Connections
from concord.ports.broadcasts import Broadcasts, Chunks, RecipientReads
from concord.services.change_connection import find_connection
from concord.services.look_up_consent import LookUpConsent
from concord.services.read_recipients import ReadRecipients

_NOT_IN_IT: Final = "not_in_audience"
_REASONS: Final = {
    "opted_out_after_queue": "She had opted out when her turn came, after the audience was frozen.",
    "not_opted_in": "She had not opted in when her turn came.",
    "suppressed": "Her number is dead: a carrier reported a hard failure.",
    "basis_not_enough": "The law where she may be asks for a stronger consent than hers.",
    "no_legal_hour": "No hour of the coming days is legal everywhere she may be.",
    "capped": "She had got as many texts as the frequency cap allows.",
    "quiet_hours": "It was not a legal hour where she may be, so she waited for the next.",
    "opted_out_at_carrier": "The carrier said that she had opted out; that was applied here too.",
    "cancelled": "The broadcast was cancelled before her turn came.",
    "connection_disconnected": "The connection was disconnected before her turn came.",
}


@dataclass(frozen=True, slots=True)
class Why:
    """What was decided for one number: where she stands (None = in no chunk), the evidence that it
    rested on, and sentences. `outcome` is that of her place, or `not_in_audience`."""

    outcome: str
    placed: Placed | None
    evidence: Evidence | None
    explanation: tuple[str, ...]


class ExplainRecipient:
    """Reads back what was decided; nothing is decided again."""

    def __init__(
        self,
        *,
        connections: Connections,
        broadcasts: Broadcasts,
        chunks: Chunks,
        consents: LookUpConsent,
        recipients: ReadRecipients,
        reads: RecipientReads,
    ) -> None:
        self._connections = connections
        self._broadcasts = broadcasts
        self._chunks = chunks
        self._consents = consents
        self._recipients = recipients
        self._reads = reads

    def __call__(self, connection_id: str, broadcast_id: str, point: str) -> Why:
        """Explain one number. Raises NotFoundError, InvalidInputError `invalid_phone`."""
        find_connection(self._connections, connection_id)
        broadcast = self._broadcasts.get(connection_id, broadcast_id)
        if broadcast is None:
            raise NotFoundError("no such broadcast")
        key, _ = self._consents.key(connection_id, Channel.SMS, point)
        steps = list(self._steps(broadcast, key.point_id))
        if not steps:
            return Why(_NOT_IN_IT, None, None, self._absent(broadcast, connection_id, point))
        last = steps[-1]
        known = self._reads.known([(key, last.decided.consent_seq)])[key.point_id]
        sentences = [sentence for step in steps for sentence in _sentences(step)]
        consent = _consent(known.evidence) if last.decided.consent_seq else ()
        return Why(
            last.decided.outcome.value,
            last,
            known.evidence,
            tuple(dict.fromkeys((*consent, *sentences))),
        )

    def _steps(self, broadcast: Broadcast, point_id: str) -> Iterator[Placed]:
        """Yield every place that a number had, from the plan's chunk to where she is now."""
        names = (broadcast.merchant_id, broadcast.connection_id, broadcast.broadcast_id)
        # By name, so that a chunk comes before those that were put off from it.
        for tally in self._chunks.tallies(*names):
            if not tally.first <= point_id <= tally.last:
                continue
            chunk = self._chunks.get(tally.key)
            if chunk is None:
                continue
            place = bisect_left(chunk.points, point_id)
            if place < len(chunk.points) and chunk.points[place] == point_id:
                everybody = self._recipients.placed(chunk)
                yield next(each for each in everybody if each.place == place)

    def _absent(self, broadcast: Broadcast, connection_id: str, point: str) -> tuple[str, ...]:
        frozen = broadcast.frozen
        if frozen is None:
            return ("The broadcast has not begun: nobody is in its audience yet.",)
        taken = f"{frozen.taken_at:%Y-%m-%d %H:%M} UTC"
        view = self._consents(connection_id, Channel.SMS, point)
        return (
            f"The number was not in the audience, which was fixed at {taken}: then it was in none "
            "of the groups, or could not be texted.",
            f"Today its state is {view.state}.",
        )


def _sentences(step: Placed) -> Iterator[str]:
    """Yield what was decided at one place, and each rule that was asked or that forbade."""
    decided = step.decided
    at = f" at {step.decided_at:%Y-%m-%d %H:%M:%S} UTC" if step.decided_at else ""
    if decided.local:
        yield f"Decided{at}; it was {', '.join(_clock(each) for each in decided.local)}."
    elif at:
        yield f"Decided{at}."
    match decided.outcome:
        case Outcome.SENT:
            yield "The text was handed over."
        case Outcome.UNCERTAIN:
            yield "Nobody knows whether the text was handed over; it is not sent again."
        case Outcome.AGAIN:
            yield "The sender took nothing at that moment, so she was tried again."
        case Outcome.PENDING:
            yield "Her turn has not come yet." if not at else "The outcome is not known yet."
        case Outcome.DEFERRED | Outcome.SKIPPED:
            yield _REASONS.get(decided.reason, f"Reason: {decided.reason.replace('_', ' ')}.")
    yield from explain_rules(decided.rules)


def _consent(evidence: Evidence | None) -> tuple[str, ...]:
    if evidence is None:
        return ("The consent that it rested on is not stored any more.",)
    record = evidence.record
    basis = f" ({record['basis']})" if record["basis"] else ""
    return (
        f"Consent {evidence.evidence_id}: {record['to']}{basis}, by {record['kind']} via "
        f"{record['via']}, effective {record['effective_at']}.",
    )


def _clock(local: str) -> str:
    zone, _, at = local.rpartition(" ")
    return f"{at} in {zone}"
