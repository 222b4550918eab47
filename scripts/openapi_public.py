"""What docs/openapi.json says of the public APIs, webhooks and Connect, as a table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from concord.domain.identity import Channel
from concord.domain.marks import Basis, State
from concord.services.parse_consent import VIAS

PROBLEM_JSON: Final = "application/problem+json"
_TEXT: Final = {"type": "string"}
_MAYBE: Final = {"type": ["string", "null"]}
_TIME: Final = {"type": "string", "format": "date-time"}
_ANY: Final = {"type": "string", "minLength": 1, "pattern": r"^[A-Za-z0-9+@._-]+$"}
_AMOUNT: Final = {
    "type": "string",
    "pattern": r"^[0-9]{1,12}(\.[0-9]{1,4})?$",
    "description": "A decimal number as text, before tax.",
}
_GROUP_ID: Final = {"type": "string", "minLength": 1, "maxLength": 100}
_PATH: Final = {
    "merchant_id": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,47}$"},
    "channel": {"type": "string", "enum": list(Channel)},
    "group_id": {**_GROUP_ID, "description": "The shop's own, encoded."},
    "shopper_id": {"type": "string", "minLength": 1, "description": "The shop's own, encoded."},
    "order_id": {
        "type": "string",
        "minLength": 1,
        "maxLength": 200,
        "description": "The shop's own, encoded.",
    },
}
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
_FALLBACK: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["audience", "message", "number"],
    "properties": {
        "audience": {"enum": ["shopper", "operator"]},
        "message": _TEXT,
        "number": _MAYBE,
    },
}

SCHEMAS: Final[dict[str, Any]] = {
    "ConsentCall": {
        "type": "object",
        "required": ["event_id", "action", "channel", "point", "via"],
        "properties": {
            "event_id": _TEXT,
            "action": {"enum": ["opt_in", "opt_out"]},
            "channel": {"enum": list(Channel)},
            "point": _TEXT,
            "via": {"enum": list(VIAS)},
            "actor": _MAYBE,
            "shopper_id": _MAYBE,
            "occurred_at": {"type": ["string", "null"], "format": "date-time"},
            "evidence": {
                "type": ["object", "null"],
                "properties": {"text": _MAYBE, "ip": _MAYBE, "user_agent": _MAYBE},
            },
        },
        "description": "What is not required may be absent, null or empty. Anything else that "
        "cannot be used is an error in an opt-in; an opt-out is applied without it.",
    },
    "ConsentState": {
        "type": "object",
        "required": ["state", "basis", "point"],
        "properties": {
            "state": {"enum": list(State)},
            "basis": {"enum": [*Basis, None]},
            "point": _TEXT,
            "updated_at": _TIME,
            "consent_event_id": _TEXT,
        },
    },
    "OptOutNotConfirmed": {
        "allOf": [{"$ref": "#/components/schemas/Unavailable"}],
        "description": "Any consent call that could not be stored in time, opt-ins too.",
        "properties": {"code": {"const": "opt_out_not_confirmed"}},
    },
    "Unavailable": {
        "allOf": [{"$ref": "#/components/schemas/Problem"}],
        "description": "Our failure while somebody waits: how to opt out by text.",
        "required": ["fallback"],
        "properties": {"status": {"const": 503}, "fallback": _FALLBACK},
    },
    "Shopper": {
        "type": "object",
        "properties": {
            "first_name": _TEXT,
            "last_name": _TEXT,
            "email": _TEXT,
            "phones": {"type": "array", "items": _TEXT},
            "groups": {
                "type": ["array", "null"],
                "items": _GROUP_ID,
                "description": "All her groups; absent or null leaves them as they are.",
            },
            "guest": {"type": "boolean"},
            "created_at": _TIME,
            "attributes": {"type": "object"},
        },
    },
    "Group": {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "maxLength": 200, "pattern": r"\S"},
            "shopper_ids": {
                "type": ["array", "null"],
                "items": {"type": "string", "minLength": 1},
                "description": "All members, by the shop's own ids; who is not known yet joins "
                "when she is saved. Absent or null leaves the members as they are.",
            },
        },
    },
    "GroupSaved": {
        "type": "object",
        "required": ["group_id", "name", "members"],
        "properties": {
            "group_id": _TEXT,
            "name": _TEXT,
            "members": {"type": ["integer", "null"], "description": "How many the list names."},
        },
    },
    "GroupDeleted": {
        "type": "object",
        "required": ["group_id", "deleted"],
        "properties": {"group_id": _TEXT, "deleted": {"const": True}},
    },
    "Order": {
        "type": "object",
        "required": ["order_id", "status", "subtotal_ex_tax", "currency"],
        "properties": {
            "order_id": {"type": "string", "minLength": 1, "maxLength": 200},
            "status": {
                "type": "string",
                "minLength": 1,
                "maxLength": 50,
                "description": "`completed` earns; `cancelled` (or `refunded`, `voided`) gives all "
                "back, for good; any other word says that it is not completed yet.",
            },
            "completed_at": {
                "type": ["string", "null"],
                "format": "date-time",
                "description": "Required of a completed order: its points are dated by this day.",
            },
            "customer": {
                "type": ["object", "null"],
                "properties": {"id": {"type": ["string", "null"], "maxLength": 128}},
                "description": "`id` is the shop's own; without one it is a guest, who earns "
                "nothing. Nothing else of it is kept.",
            },
            "subtotal_ex_tax": _AMOUNT,
            "currency": {
                "type": "string",
                "pattern": "^[A-Z]{3}$",
                "description": "ISO 4217; that of the programme.",
            },
            "lines": {"description": "Not needed, and not kept."},
        },
        "description": "An order as it is now: sent again, it is changed; unchanged, nothing is "
        "written.",
    },
    "Refund": {
        "type": "object",
        "required": ["refund_id", "amount_ex_tax"],
        "properties": {
            "refund_id": {"type": "string", "minLength": 1, "maxLength": 200},
            "amount_ex_tax": _AMOUNT,
        },
        "description": "May come before its order, and counts when that comes.",
    },
    "OrderKept": {
        "type": "object",
        "required": ["order_id", "points", "reason", "changed"],
        "properties": {
            "order_id": _TEXT,
            "points": {
                "type": "integer",
                "minimum": 0,
                "description": "What the order comes to, refunds deducted. Booked within seconds.",
            },
            "reason": {
                "enum": ["no_member", "not_completed", "cancelled", "order_unknown", None],
                "description": "Why it earns nothing; null = it earns.",
            },
            "changed": {"type": "boolean", "description": "False = all of it was known."},
        },
    },
    "ShopperSaved": {
        "type": "object",
        "required": ["shopper_id", "changed"],
        "properties": {"shopper_id": _TEXT, "changed": {"type": "boolean"}},
    },
    "ShopperRemoved": {
        "type": "object",
        "required": ["shopper_id", "active"],
        "properties": {"shopper_id": _TEXT, "active": {"const": False}},
    },
}


def path_parameters(names: Iterable[str]) -> list[dict[str, Any]]:
    """Return the parameters of a path, in its order."""
    return [
        {"name": name, "in": "path", "required": True, "schema": _PATH.get(name, _ANY)}
        for name in names
    ]


def _json(schema: str, kind: str = "application/json") -> dict[str, Any]:
    return {kind: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _operation(
    name: str,
    tag: str,
    summary: str,
    parameters: tuple[str, ...],
    answers: dict[str, str | None],
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return one operation. `answers` maps a status to a schema; None = no JSON, or any problem."""
    described: dict[str, Any] = {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "security": [{"connectKey": []}] if tag == "connect" else [],
        "parameters": path_parameters(parameters),
        "responses": {
            status: {"description": _WORDS[status], **_content(status, schema)}
            for status, schema in answers.items()
        },
    }
    if body is not None:
        described["requestBody"] = {"required": True, "content": body}
    return described


def _content(status: str, schema: str | None) -> dict[str, Any]:
    if status >= "400":
        return {"content": _json(schema or "Problem", PROBLEM_JSON)}
    return {"content": _json(schema)} if schema is not None else {}


_WEBHOOK: Final = ("platform", "connection_id", "token")
_TOPIC: Final = (*_WEBHOOK, "topic")
_WEBHOOK_ANSWERS: Final = dict.fromkeys(("200", "202", "204", "401", "409", "413", "503"))
_ANY_BODY: Final[dict[str, Any]] = {"*/*": {"schema": {}}}
_SHOPPER: Final = ("connection_id", "shopper_id")
_GROUP: Final = ("connection_id", "group_id")
_ORDER_ANSWERS: Final = {
    "202": "OrderKept",
    **dict.fromkeys(("401", "409", "413", "422")),
    "503": "Unavailable",
}

PATHS: Final[dict[str, dict[str, Any]]] = {
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
            _TOPIC,
            _WEBHOOK_ANSWERS,
            _ANY_BODY,
        ),
        "get": _operation(
            "refuse_webhook_topic_get", "webhooks", "Always 405.", _TOPIC, {"405": None}
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
            {
                "200": "ConsentState",
                **dict.fromkeys(("401", "422")),
                "503": "Unavailable",
            },
        )
    },
    "/connect/{connection_id}/shoppers/{shopper_id}": {
        "put": _operation(
            "save_shopper",
            "connect",
            "Mirror a shopper.",
            _SHOPPER,
            {
                **dict.fromkeys(("200", "201"), "ShopperSaved"),
                **dict.fromkeys(("401", "409", "413", "422")),
                "503": "Unavailable",
            },
            _json("Shopper"),
        ),
        "delete": _operation(
            "remove_shopper",
            "connect",
            "A shopper was deactivated: both channels are opted out.",
            _SHOPPER,
            {
                "200": "ShopperRemoved",
                **dict.fromkeys(("401", "404", "413")),
                "503": "OptOutNotConfirmed",
            },
        ),
    },
    "/connect/{connection_id}/orders": {
        "post": _operation(
            "take_order",
            "connect",
            "Tell of an order, completed or not: its points follow.",
            ("connection_id",),
            _ORDER_ANSWERS,
            _json("Order"),
        )
    },
    "/connect/{connection_id}/orders/{order_id}/refunds": {
        "post": _operation(
            "take_refund",
            "connect",
            "Tell of a refund: the points of its part are taken back.",
            ("connection_id", "order_id"),
            _ORDER_ANSWERS,
            _json("Refund"),
        )
    },
    "/connect/{connection_id}/groups/{group_id}": {
        "put": _operation(
            "put_group",
            "connect",
            "Name a group, and perhaps say who is in it: 202, and it is worked off.",
            _GROUP,
            {
                **dict.fromkeys(("200", "201", "202"), "GroupSaved"),
                **dict.fromkeys(("401", "409", "413", "422")),
                "503": "Unavailable",
            },
            _json("Group"),
        ),
        "delete": _operation(
            "delete_group",
            "connect",
            "Delete a group: all its members leave it. As often as you like.",
            _GROUP,
            {
                "202": "GroupDeleted",
                **dict.fromkeys(("401", "409", "413", "422")),
                "503": "Unavailable",
            },
        ),
    },
}
