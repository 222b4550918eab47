"""Export the proof of one point's consent: a signed file that verifies offline (L-01, R-03)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from concord.domain.dossier import dossier
from concord.domain.evidence import GENESIS, ConsentKey, Evidence
from concord.domain.identity import Channel
from concord.domain.metrics import Metric
from concord.ports import Clock, ConsentStore, Secrets, Telemetry
from concord.services.look_up_consent import LookUpConsent

_READS: Final = 2

type Sign = Callable[[bytes, bytes], str]


class ExportDossier:
    """Signs a point's chain of evidence."""

    def __init__(
        self,
        consents: LookUpConsent,
        store: ConsentStore,
        secrets: Secrets,
        sign: Sign,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        """`sign` takes the private key (32 raw bytes) and a message; it answers in base64."""
        self._consents = consents
        self._store = store
        self._secrets = secrets
        self._sign = sign
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, connection_id: str, channel: Channel, point: str) -> dict[str, Any]:
        """Return the dossier; a point never seen has one without events."""
        key, _ = self._consents.key(connection_id, channel, point)
        private_key = self._secrets.dossier_key()
        stated, events = self._chain(key)
        return dossier(
            key,
            events,
            self._clock.now(),
            lambda statement: self._sign(private_key, statement),
            stated,
        )

    def _chain(self, key: ConsentKey) -> tuple[tuple[int, str], tuple[Evidence, ...]]:
        """Return (count, head) as the state has them, and the events that were found.

        Read once more if they differ: a signal may have been committed in between. If they still
        do, evidence was lost: the file is made all the same and says what is missing.
        """
        for _ in range(_READS):
            record = self._store.load(key)
            stated = (record.version, record.head) if record else (0, GENESIS)
            events = tuple(self._store.evidence(key))
            if stated == (len(events), events[-1].hash if events else GENESIS):
                return stated, events
        self._telemetry.count(Metric.EVIDENCE_BROKEN)
        self._telemetry.info("evidence_broken", expected=stated[0], found=len(events))
        return stated, events
