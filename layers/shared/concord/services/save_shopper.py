"""Mirror a shopper of a shop: her points, so that consent finds her, and her departure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from concord.domain.canonical import canonical, sha256_hex
from concord.domain.connection import Connection
from concord.domain.consent import Signal, State
from concord.domain.errors import (
    ConflictError,
    FieldError,
    InvalidInputError,
    NotFoundError,
    StorageUnavailableError,
)
from concord.domain.events import ApiAnswer, RawRequest
from concord.domain.evidence import ConsentKey
from concord.domain.identity import (
    Channel,
    event_key,
    normalise_email,
    point_id,
    shopper_key,
    token_hash,
)
from concord.domain.inbox import Marker, RequestKind
from concord.domain.limits import TABLE_BUDGET
from concord.domain.phone import normalise_phone
from concord.domain.profiles import SignalKind
from concord.domain.shopper import Shopper
from concord.domain.tasks import TaskSpec
from concord.ports import ConsentStore, Shoppers
from concord.services.apply_signal import ApplySignal
from concord.services.authenticate import Authenticated, Authenticator
from concord.services.consent_tasks import push_task
from concord.services.parse_consent import json_object
from concord.services.safety_net import Call, SafetyNet

# Who closes an account is the shopper, wherever she does it.
_DEPARTURE: Final = "account"
_ATTEMPTS: Final = 5
_MAX_PHONES: Final = 20
_TEXTS: Final = ("first_name", "last_name", "created_at")


class SaveShopper:
    """`PUT /connect/{cid}/shoppers/{shopper_id}`."""

    def __init__(
        self, authenticator: Authenticator, shoppers: Shoppers, store: ConsentStore
    ) -> None:
        self._authenticator = authenticator
        self._shoppers = shoppers
        self._store = store

    def __call__(
        self, connection_id: str, connect_key: str, shopper_id: str, request: RawRequest
    ) -> ApiAnswer:
        """Return 201 for a new shopper, 200 for a known one; unchanged causes no work.

        A number that carries consent already is told to the shop: it waited for this shopper
        (TEA-12). Raises UnauthorizedError, InvalidInputError, ConflictError.
        """
        with self._store.within(TABLE_BUDGET):
            opened = _open(self._authenticator, connection_id, token_hash(connect_key), request)
            return self._save(opened, shopper_id, request)

    def _save(self, opened: Authenticated, shopper_id: str, request: RawRequest) -> ApiAnswer:
        connection = opened.connection
        if not connection.listens:
            raise ConflictError(
                f"this connection is {connection.state.value}", code="connection_not_connected"
            )
        data = json_object(request.body)
        digest = sha256_hex(canonical(data))
        name = shopper_key(opened.secrets.stack_key, connection.connection_id, shopper_id)
        for _ in range(_ATTEMPTS):
            before = self._shoppers.get(connection.merchant_id, connection.connection_id, name)
            if before is not None and before.active and before.digest == digest:
                return ApiAnswer(200, {"shopper_id": shopper_id, "changed": False})
            shopper = _shopper(opened, name, shopper_id, data, digest, before)
            if self._shoppers.save(shopper, before, _pushes(connection, shopper, before)):
                return ApiAnswer(
                    200 if before else 201, {"shopper_id": shopper_id, "changed": True}
                )
        raise StorageUnavailableError("this shopper kept changing")


class RemoveShopper:
    """`DELETE /connect/{cid}/shoppers/{shopper_id}`: deactivated, so both channels opt out."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        shoppers: Shoppers,
        apply_signal: ApplySignal,
        net: SafetyNet,
    ) -> None:
        self._authenticator = authenticator
        self._shoppers = shoppers
        self._apply_signal = apply_signal
        self._net = net

    def __call__(
        self, connection_id: str, connect_key: str, shopper_id: str, request: RawRequest
    ) -> ApiAnswer:
        """Return 200 once every point of hers is opted out; taken in every state of a connection.

        What could not be stored in time waits in the safety queue: 503 with the fallback.
        """
        hashed = token_hash(connect_key)
        return self._net.under(
            lambda: self.remove(connection_id, hashed, shopper_id, request),
            Call(RequestKind.SHOPPER, connection_id, hashed, request, topic=shopper_id),
            lambda: _DEPARTURE,
        )

    def remove(
        self, connection_id: str, hashed_key: str, shopper_id: str, request: RawRequest
    ) -> ApiAnswer:
        """The walk itself, without the safety net: WebhookRescue comes in here."""
        opened = _open(self._authenticator, connection_id, hashed_key, request)
        name = shopper_key(opened.secrets.stack_key, connection_id, shopper_id)
        shopper = self._shoppers.get(opened.connection.merchant_id, connection_id, name)
        if shopper is None:
            raise NotFoundError("no such shopper")
        for channel, points in ((Channel.SMS, shopper.phones), (Channel.EMAIL, shopper.emails)):
            for point in points.values():
                self._opt_out(opened, shopper, channel, point, request)
        if shopper.active:
            gone = replace(shopper, active=False, version=shopper.version + 1)
            if not self._shoppers.save(gone, shopper, ()):
                raise StorageUnavailableError("this shopper changed meanwhile")
        return ApiAnswer(200, {"shopper_id": shopper_id, "active": False})

    def _opt_out(
        self,
        opened: Authenticated,
        shopper: Shopper,
        channel: Channel,
        point: str,
        request: RawRequest,
    ) -> None:
        connection = opened.connection
        # Named after the version that was left: a repeat finds her inactive, one version later.
        left = shopper.version if shopper.active else shopper.version - 1
        name = f"deactivate|{shopper.shopper_key}|{left}|{channel}|{point}"
        self._apply_signal(
            connection=connection,
            stack_key=opened.secrets.stack_key,
            channel=channel,
            point=point,
            signal=Signal(
                kind=SignalKind.OPT_OUT,
                effective_at=request.received_at,
                received_at=request.received_at,
                via="account_deactivated",
                source={
                    "platform": connection.source.platform,
                    "connection_id": connection.connection_id,
                },
                personal={"shopper_id": shopper.shopper_id, "point": point},
            ),
            marker=Marker(
                merchant_id=connection.merchant_id,
                connection_id=connection.connection_id,
                event_key=event_key(name),
                body_hash="",
            ),
        )


def _open(
    authenticator: Authenticator, connection_id: str, hashed_key: str, request: RawRequest
) -> Authenticated:
    return authenticator.open(
        connection_id, lambda c, at: c.accepts_connect_key(hashed_key, at), request.received_at
    )


def _shopper(
    opened: Authenticated,
    name: str,
    shopper_id: str,
    data: Mapping[str, Any],
    digest: str,
    before: Shopper | None,
) -> Shopper:
    connection = opened.connection
    errors = [
        FieldError(field, "give a text")
        for field in _TEXTS
        if not isinstance(data.get(field) or "", str)
    ]
    phones = _points(data.get("phones"), "phones", errors)
    groups = _points(data.get("groups"), "groups", errors, limit=1000)
    email = data.get("email") or ""
    if not isinstance(email, str):
        errors.append(FieldError("email", "give a text"))
    if errors:
        raise InvalidInputError("the shopper has wrong fields", errors=tuple(errors))

    def named(channel: Channel, points: list[str]) -> dict[str, str]:
        key = opened.secrets.stack_key
        return {point_id(key, connection.merchant_id, channel, p): p for p in points}

    clean = [
        normalise_phone(phone, connection.country, f"phones[{n}]") for n, phone in enumerate(phones)
    ]
    return Shopper(
        merchant_id=connection.merchant_id,
        connection_id=connection.connection_id,
        shopper_key=name,
        shopper_id=shopper_id,
        profile={
            **{field: data.get(field) or "" for field in _TEXTS},
            "groups": groups,
            "guest": bool(data.get("guest")),
            "attributes": data.get("attributes") or {},
        },
        phones=named(Channel.SMS, clean),
        emails=named(Channel.EMAIL, [normalise_email(email)] if email else []),
        digest=digest,
        version=(before.version if before else 0) + 1,
    )


def _points(
    value: object, name: str, errors: list[FieldError], limit: int = _MAX_PHONES
) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        errors.append(FieldError(name, "give a list of texts"))
        return []
    if len(value) > limit:
        errors.append(FieldError(name, f"at most {limit}"))
    return value


def _pushes(
    connection: Connection, shopper: Shopper, before: Shopper | None
) -> tuple[TaskSpec, ...]:
    """Return a push to the shop for each number that this shopper did not carry before."""
    known = before.phones if before is not None and before.active else {}
    specs = []
    for point in shopper.phones:
        if point not in known:
            key = ConsentKey(connection.merchant_id, connection.account, Channel.SMS, point)
            specs.append(push_task(connection, connection.source.platform, key, 0, State.UNKNOWN))
    return tuple(specs)
