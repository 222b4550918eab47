"""Export the proof of one point's consent: a signed file that verifies offline (L-01, R-03)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from concord.domain.dossier import dossier
from concord.domain.identity import Channel
from concord.ports import Clock, ConsentStore, Secrets
from concord.services.look_up_consent import LookUpConsent

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
    ) -> None:
        """`sign` takes the private key (32 raw bytes) and a message; it answers in base64."""
        self._consents = consents
        self._store = store
        self._secrets = secrets
        self._sign = sign
        self._clock = clock

    def __call__(self, connection_id: str, channel: Channel, point: str) -> dict[str, Any]:
        """Return the dossier; a point never seen has one without events."""
        key, _ = self._consents.key(connection_id, channel, point)
        private_key = self._secrets.dossier_key()
        return dossier(
            key,
            tuple(self._store.evidence(key)),
            self._clock.now(),
            lambda statement: self._sign(private_key, statement),
        )
