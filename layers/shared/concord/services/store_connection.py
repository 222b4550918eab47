"""Store a new connection with its secrets and numbers, or finish what a lost call began."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Final

from concord.domain.connection import Connection, ConnectionState
from concord.domain.credentials import ConnectionSecrets
from concord.domain.errors import ConflictError, StorageError
from concord.ports import Clock, Connections, Secrets
from concord.services.change_connection import audit_entry, change_connection
from concord.services.keep_numbers import claim_numbers

# As long as an Idempotency-Key means the same call (services/answer_once.py).
_SAME_CALL: Final = timedelta(hours=24)


class StoreConnection:
    """The row comes first: its transaction decides who wins, and only the winner stores secrets.

    A process may die in between. A row without secrets would then stand in the way of every further
    try, so the repeat under the same Idempotency-Key recognises it and finishes it.
    """

    def __init__(self, connections: Connections, secrets: Secrets, clock: Clock) -> None:
        self._connections = connections
        self._secrets = secrets
        self._clock = clock

    def __call__(
        self, wanted: Connection, secrets: ConnectionSecrets, *, multi_link: bool, actor: str
    ) -> Connection:
        """Return the connection as it is stored: `wanted`, or the one that this call began before.

        Raises ConflictError `account_already_linked`, and `number_already_claimed`.
        """
        details = {"source": wanted.source.platform, "account": wanted.account}
        created = audit_entry(wanted, self._clock.now(), actor, "connection_requested", details)
        try:
            self._connections.create(wanted, multi_link=multi_link, audit=created)
        except ConflictError as taken:
            begun = self._begun(taken, wanted)
            if begun is None:
                raise
            return self._finished(begun, wanted, secrets, actor)
        with self._undone_if_refused(wanted):
            self._secrets.save(wanted.connection_id, secrets)
            claim_numbers(self._connections, wanted)
        return wanted

    def _begun(self, taken: ConflictError, wanted: Connection) -> Connection | None:
        """Return the connection that holds the account, if this very call made it."""
        holder = self._connections.get(str(taken.extra.get("connection_id")), fresh=True)
        ours = holder is not None and _same_call(holder, wanted)
        return holder if ours else None

    def _finished(
        self, begun: Connection, wanted: Connection, secrets: ConnectionSecrets, actor: str
    ) -> Connection:
        """Give it the secrets of this call: nobody was ever shown those of the first."""

        def renewed(current: Connection) -> Connection:
            if not _same_call(current, wanted):
                raise ConflictError("it was changed meanwhile", code="changed_meanwhile")
            return replace(
                current,
                tokens=wanted.tokens,
                connect_keys=wanted.connect_keys,
                secrets_version=version,
            )

        version = self._secrets.save(begun.connection_id, secrets)
        finished = change_connection(
            self._connections,
            begun.connection_id,
            renewed,
            lambda _, after: audit_entry(
                after, self._clock.now(), actor, "connection_request_repeated", {}
            ),
        )
        with self._undone_if_refused(finished):
            claim_numbers(self._connections, finished)
        return finished

    @contextmanager
    def _undone_if_refused(self, connection: Connection) -> Iterator[None]:
        """Without secrets or its number it can do nothing: free both accounts for another try."""
        try:
            yield
        except (StorageError, ConflictError):
            change_connection(
                self._connections,
                connection.connection_id,
                lambda c: replace(c, state=ConnectionState.DISCONNECTED),
                lambda _, after: audit_entry(
                    after, self._clock.now(), "concord", "connection_undone", {}
                ),
            )
            raise


def _same_call(stored: Connection, wanted: Connection) -> bool:
    """Whether `stored` is what the call for `wanted` began, and nobody has used it since."""
    return (
        bool(wanted.made_by)
        and (stored.made_by, stored.merchant_id) == (wanted.made_by, wanted.merchant_id)
        and stored.state is ConnectionState.REQUESTED
        and wanted.created_at < stored.created_at + _SAME_CALL
    )
