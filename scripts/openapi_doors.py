"""The public doors for docs/openapi.json: webhooks and the Connect API, as a table."""

from __future__ import annotations

from typing import Any, Final

_PROBLEM: Final = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_TEXT: Final = {"type": "string"}
_WORDS: Final = {
    "200": "Done.",
    "201": "Made.",
    "202": "Kept: it is applied as soon as we can.",
    "204": "Done, a duplicate, or nothing for us.",
    "401": "Wrong token, key or signature; never says which.",
    "404": "Nothing by that id.",
    "405": "Webhooks are posted.",
    "409": "Refused; `code` says why (must_text_unstop, event_id_reused, ...).",
    "413": "Over 256 KB.",
    "422": "A field is wrong.",
    "503": "Not recorded: try again, or tell the shopper what `fallback` says.",
}
_VIA: Final = ["web_cart", "pos", "web_office", "account", "checkout"]

SCHEMAS: Final[dict[str, Any]] = {
    "ConsentCall": {
        "type": "object",
        "required": ["event_id", "action", "channel", "point", "via"],
        "properties": {
            "event_id": _TEXT,
            "action": {"enum": ["opt_in", "opt_out"]},
            "channel": {"enum": ["sms", "email"]},
            "point": _TEXT,
            "via": {"enum": _VIA},
            "actor": _TEXT,
            "shopper_id": _TEXT,
            "occurred_at": {"type": "string", "format": "date-time"},
            "evidence": {
                "type": "object",
                "properties": {"text": _TEXT, "ip": _TEXT, "user_agent": _TEXT},
            },
        },
    },
    "ConsentState": {
        "type": "object",
        "required": ["state"],
        "properties": {
            "state": {"enum": ["unknown", "pending", "opted_in", "opted_out"]},
            "basis": {"type": ["string", "null"]},
            "point": _TEXT,
            "updated_at": {"type": "string", "format": "date-time"},
            "consent_event_id": _TEXT,
        },
    },
    "OptOutNotConfirmed": {
        "type": "object",
        "required": ["code", "fallback"],
        "properties": {
            "code": {"const": "opt_out_not_confirmed"},
            "fallback": {
                "type": "object",
                "required": ["audience", "message", "number"],
                "properties": {
                    "audience": {"enum": ["shopper", "operator"]},
                    "message": _TEXT,
                    "number": {"type": ["string", "null"]},
                },
            },
        },
    },
    "Shopper": {
        "type": "object",
        "properties": {
            "first_name": _TEXT,
            "last_name": _TEXT,
            "email": _TEXT,
            "phones": {"type": "array", "items": _TEXT},
            "groups": {"type": "array", "items": _TEXT},
            "guest": {"type": "boolean"},
            "created_at": {"type": "string", "format": "date-time"},
            "attributes": {"type": "object"},
        },
    },
}


def _json(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _operation(
    name: str,
    tag: str,
    summary: str,
    parameters: tuple[str, ...],
    answers: dict[str, str | None],
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return one operation. `answers` maps a status to a schema; None = no JSON of ours."""
    described: dict[str, Any] = {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "security": [{"connectKey": []}] if tag == "connect" else [],
        "parameters": [
            {"name": each, "in": "path", "required": True, "schema": _TEXT} for each in parameters
        ],
        "responses": {
            status: {"description": _WORDS[status], **_content(status, schema)}
            for status, schema in answers.items()
        },
    }
    if body is not None:
        described["requestBody"] = {"required": True, "content": body}
    return described


def _content(status: str, schema: str | None) -> dict[str, Any]:
    if schema is not None:
        return {"content": _json(schema)}
    return {"content": _PROBLEM} if status >= "400" else {}


_WEBHOOK: Final = ("platform", "connection_id", "token")
_WEBHOOK_ANSWERS: Final = dict.fromkeys(("200", "202", "204", "401", "409", "413", "503"))
_ANY_BODY: Final[dict[str, Any]] = {"*/*": {"schema": {}}}
_SHOPPER: Final = ("connection_id", "shopper_id")

DOORS: Final[dict[str, dict[str, Any]]] = {
    "/webhooks/{platform}/{connection_id}/{token}": {
        "post": _operation(
            "receive_webhook",
            "webhooks",
            "A platform reports an event, signed in its own way.",
            _WEBHOOK,
            _WEBHOOK_ANSWERS,
            _ANY_BODY,
        ),
        "get": _operation("refuse_webhook_get", "webhooks", "Always 405.", _WEBHOOK, {"405": None}),
    },
    "/webhooks/{platform}/{connection_id}/{token}/{topic}": {
        "post": _operation(
            "receive_webhook_topic",
            "webhooks",
            "As above, where a platform needs one URL per topic.",
            (*_WEBHOOK, "topic"),
            _WEBHOOK_ANSWERS,
            _ANY_BODY,
        ),
    },
    "/connect/{connection_id}/consents": {
        "post": _operation(
            "record_consent",
            "connect",
            "A POS or web shop records an opt-in or opt-out and waits for it.",
            ("connection_id",),
            {
                "200": "ConsentState",
                **dict.fromkeys(("401", "409", "413", "422")),
                "503": "OptOutNotConfirmed",
            },
            _json("ConsentCall"),
        )
    },
    "/connect/{connection_id}/consents/{channel}/{point}": {
        "get": _operation(
            "read_consent",
            "connect",
            "What is known of a point.",
            ("connection_id", "channel", "point"),
            {"200": "ConsentState", **dict.fromkeys(("401", "422", "503"))},
        )
    },
    "/connect/{connection_id}/shoppers/{shopper_id}": {
        "put": _operation(
            "save_shopper",
            "connect",
            "Mirror a shopper.",
            _SHOPPER,
            dict.fromkeys(("200", "201", "401", "409", "413", "422", "503")),
            _json("Shopper"),
        ),
        "delete": _operation(
            "remove_shopper",
            "connect",
            "A shopper was deactivated: both channels are opted out.",
            _SHOPPER,
            dict.fromkeys(("200", "401", "404", "503")),
        ),
    },
}
