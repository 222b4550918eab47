"""What the admin API answers about everything but connections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, RootModel

from concord.domain.consent import Basis, State
from concord.domain.evidence import Evidence
from concord.domain.identity import Channel
from concord.domain.merchant import Merchant
from concord.entrypoint.admin.requests import BodyState


class Answer(BaseModel):
    """An answer; optional members are null, never absent."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class MerchantAnswer(Answer):
    """A merchant."""

    merchant_id: str
    name: str
    time_zone: str
    country: str
    allow_multi_link: bool
    quiet_hours: dict[str, Any]
    frequency_cap: dict[str, Any]

    @classmethod
    def of(cls, merchant: Merchant) -> MerchantAnswer:
        """Return the answer about `merchant`."""
        return cls(
            merchant_id=merchant.merchant_id,
            name=merchant.name,
            time_zone=merchant.time_zone,
            country=merchant.country,
            allow_multi_link=merchant.allow_multi_link,
            quiet_hours=dict(merchant.quiet_hours),
            frequency_cap=dict(merchant.frequency_cap),
        )


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


class ConsentAnswer(Answer):
    """What is known of a point at one messaging account, and how it came to be."""

    channel: Channel
    point: str
    account: str
    state: State
    basis: Basis | None
    updated_at: AwareDatetime | None
    events: list[ConsentEvent]


class Dossier(RootModel[dict[str, Any]]):
    """The signed file: `concord consents verify FILE --key` checks it offline."""


class RowResult(Answer):
    """What became of a row; rows are counted from 1."""

    row: int
    result: str


class ImportAnswer(Answer):
    """What became of an import; `complete` false = send the rows `not_processed` again."""

    import_id: str
    dry_run: bool
    complete: bool
    total: int
    counts: dict[str, int]
    results: list[RowResult]


class ReviewAnswer(Answer):
    """Something that a person should look at."""

    review_id: str
    kind: str
    channel: Channel
    point: str | None
    text: str | None
    consent_event_id: str | None
    created_at: AwareDatetime


class ReviewPage(Answer):
    """Open reviews."""

    items: list[ReviewAnswer]
    cursor: str | None


class Decided(Answer):
    """What a decision came to; null where no consent was concerned."""

    review_id: str
    decision: str
    state: State | None
    basis: Basis | None
    consent_event_id: str | None


class InboxAnswer(Answer):
    """A kept body, without the body: that is personal data."""

    inbox_id: str
    connection_id: str
    platform: str
    topic: str
    kind: str
    state: BodyState
    received_at: AwareDatetime
    error: str | None
    replays: int


class InboxPage(Answer):
    """Kept bodies, oldest first. A page may be empty and still have a cursor."""

    items: list[InboxAnswer]
    cursor: str | None


class Replayed(Answer):
    """What became of a body that was applied again."""

    inbox_id: str
    state: BodyState


class JobStarted(Answer):
    """Work that outlasts a request: ask `GET /v1/jobs/{job_id}`."""

    job_id: str


class JobAnswer(Answer):
    """How far a job is."""

    job_id: str
    state: str
    done: int
    total: int
    created: int
    updated: int
    skipped: dict[str, int]
    result: dict[str, Any] | None

    @classmethod
    def of(cls, job_id: str, job: Mapping[str, Any]) -> JobAnswer:
        """Return the answer about a stored job."""
        return cls(
            job_id=job_id,
            state=job["state"],
            skipped=dict(job.get("skipped") or {}),
            result=job.get("result"),
            **{name: int(job.get(name) or 0) for name in ("done", "total", "created", "updated")},
        )


class HealthAnswer(Answer):
    """Whether work moves. `complete` false: more is due than could be looked at, so at least this.

    Queue figures are depths, null = could not be asked; the age of messages is on the dashboard.
    """

    status: Literal["ok", "attention"]
    oldest_unsynced_opt_out_seconds: int
    overdue_tasks: int
    oldest_overdue_task_seconds: int
    complete: bool
    queues: dict[str, dict[str, int | None]]
    stack_key_present: bool
    public_key: str | None
