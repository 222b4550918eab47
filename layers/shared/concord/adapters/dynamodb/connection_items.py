"""A connection as JSON text: free-form settings fit, and it costs one decode to read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from concord.domain.connection import (
    Connection,
    ConnectionSettings,
    ConnectionState,
    HashedSecret,
    SegmentPrice,
    SenderChoice,
    Side,
)
from concord.domain.mail_texts import MailLanguage
from concord.domain.mails import MailedBy
from concord.domain.times import from_rfc3339, to_rfc3339


def connection_json(connection: Connection) -> str:
    """Return everything of a connection but its version, which is an attribute of its own."""
    settings = connection.settings
    return json.dumps(
        {
            "connection_id": connection.connection_id,
            "merchant_id": connection.merchant_id,
            "merchant_name": connection.merchant_name,
            "country": connection.country,
            "integration": connection.integration,
            "state": connection.state.value,
            "source": _side_json(connection.source),
            "destination": _side_json(connection.destination),
            "settings": {
                "join_keyword": settings.join_keyword,
                "fallback_number": settings.fallback_number,
                "texts": dict(settings.texts),
                "require_signature": settings.require_signature,
                "sender": _sender_json(settings.sender) if settings.sender else None,
                "rate": settings.rate,
                "depth_seconds": settings.depth_seconds,
                "segment_price": settings.segment_price and asdict(settings.segment_price),
                "sync_hours": settings.sync_hours,
                "programme": settings.programme,
                "mails": settings.mails.value,
                "mail_from": settings.mail_from,
                "mail_reply_to": settings.mail_reply_to,
                "mails_language": settings.mails_language.value,
            },
            "key_fingerprint": connection.key_fingerprint,
            "tokens": _secrets_json(connection.tokens),
            "connect_keys": _secrets_json(connection.connect_keys),
            "created_at": to_rfc3339(connection.created_at),
            "text_numbers": [list(pair) for pair in connection.text_numbers],
            "first_number": connection.first_number,
            "public_url": connection.public_url,
            "secrets_version": connection.secrets_version,
            "secrets_before": [[v, to_rfc3339(until)] for v, until in connection.secrets_before],
            "made_by": connection.made_by,
        },
        separators=(",", ":"),
        ensure_ascii=False,
        sort_keys=True,
    )


def connection_from(body: str, version: int) -> Connection:
    """Return the connection that the JSON text holds."""
    data = json.loads(body)
    settings = data["settings"]
    sender, price = settings["sender"], settings.get("segment_price")
    return Connection(
        connection_id=data["connection_id"],
        merchant_id=data["merchant_id"],
        merchant_name=data["merchant_name"],
        country=data["country"],
        integration=data["integration"],
        state=ConnectionState(data["state"]),
        source=Side(**data["source"]),
        destination=Side(**data["destination"]),
        settings=ConnectionSettings(
            join_keyword=settings["join_keyword"],
            fallback_number=settings["fallback_number"],
            texts=settings["texts"],
            require_signature=settings["require_signature"],
            sender=_sender_from(sender) if sender else None,
            # Rows from before these fields have none.
            rate=settings.get("rate"),
            depth_seconds=settings.get("depth_seconds"),
            segment_price=SegmentPrice(**price) if price else None,
            sync_hours=settings.get("sync_hours", ConnectionSettings().sync_hours),
            programme=settings.get("programme"),
            mails=MailedBy(settings.get("mails", MailedBy.PLATFORM)),
            mail_from=settings.get("mail_from"),
            mail_reply_to=settings.get("mail_reply_to"),
            mails_language=MailLanguage(settings.get("mails_language", MailLanguage.EN)),
        ),
        key_fingerprint=data["key_fingerprint"],
        tokens=_secrets_from(data["tokens"]),
        connect_keys=_secrets_from(data["connect_keys"]),
        created_at=from_rfc3339(data["created_at"]),
        version=version,
        text_numbers=tuple((number, number_id) for number, number_id in data["text_numbers"]),
        first_number=data["first_number"],
        public_url=data["public_url"],
        secrets_version=data["secrets_version"],
        secrets_before=tuple(
            (v, from_rfc3339(until)) for v, until in data.get("secrets_before", ())
        ),
        made_by=data.get("made_by", ""),  # rows from before this field have none
    )


def _side_json(side: Side) -> dict[str, Any]:
    return {
        "platform": side.platform,
        "account_id": side.account_id,
        "base_url": side.base_url,
        "settings": dict(side.settings),
    }


def _sender_json(sender: SenderChoice) -> dict[str, Any]:
    return {
        "platform": sender.platform,
        "base_url": sender.base_url,
        "sends_from": sender.sends_from,
        "answers_stop": sender.answers_stop,
        "account_id": sender.account_id,
        "settings": dict(sender.settings),
        "numbers": list(sender.numbers),
    }


def _sender_from(stored: dict[str, Any]) -> SenderChoice:
    # Rows from before a sender had numbers hold none.
    return SenderChoice(**{**stored, "numbers": tuple(stored.get("numbers", ()))})


def _secrets_json(secrets: Iterable[HashedSecret]) -> list[dict[str, str | None]]:
    def until(at: datetime | None) -> str | None:
        return to_rfc3339(at) if at else None

    return [{"hash": secret.hash, "expires_at": until(secret.expires_at)} for secret in secrets]


def _secrets_from(stored: list[dict[str, str | None]]) -> tuple[HashedSecret, ...]:
    def secret(data: dict[str, str | None]) -> HashedSecret:
        until = data["expires_at"]
        return HashedSecret(str(data["hash"]), from_rfc3339(until) if until else None)

    return tuple(map(secret, stored))
