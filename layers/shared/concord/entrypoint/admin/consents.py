"""One point's consent and its proof."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AwareDatetime, Field, RootModel

from concord.domain.evidence import Evidence
from concord.domain.identity import Channel
from concord.domain.marks import Basis, State
from concord.entrypoint.admin.base import Answer, Point, Sent


class PointPost(Sent):
    """A number or an address."""

    channel: Channel = Channel.SMS
    point: Point


class ConsentEvent(Answer):
    """One link of the chain of evidence, with the personal fields that it commits to."""

    consent_event_id: str
    seq: int
    kind: str
    via: str
    before: Annotated[str, Field(alias="from")]
    after: Annotated[str, Field(alias="to")]
    basis: str | None
    rejection: str | None
    source: dict[str, str]
    occurred_at: str | None
    effective_at: str
    received_at: str
    recorded_at: str
    texts: list[dict[str, str]]
    personal: dict[str, str]
    hash: str

    @classmethod
    def of(cls, evidence: Evidence) -> ConsentEvent:
        """Return the answer about `evidence`."""
        record = evidence.record
        names = ("seq", "kind", "via", "from", "to", "basis", "rejection", "source")
        times = ("occurred_at", "effective_at", "received_at", "recorded_at", "texts")
        return cls.model_validate(
            {
                **{name: record[name] for name in (*names, *times)},
                "consent_event_id": evidence.evidence_id,
                "personal": dict(evidence.personal),
                "hash": evidence.hash,
            }
        )


class SuppressedAnswer(Answer):
    """Since when nothing reaches a number, and the carrier's code that says so."""

    since: AwareDatetime
    reason: str


class ConsentAnswer(Answer):
    """What is known of a point at one messaging account, and how it came to be."""

    channel: Channel
    point: str
    account: str
    state: State
    basis: Basis | None
    suppressed: SuppressedAnswer | None
    updated_at: AwareDatetime | None
    events: list[ConsentEvent]


class Dossier(RootModel[dict[str, Any]]):
    """The signed file: `concord consents verify FILE --key` checks it offline."""
