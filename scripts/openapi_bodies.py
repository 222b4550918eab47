"""The bodies of the public APIs, as docs/openapi.json shows them."""

from __future__ import annotations

from typing import Any, Final

from concord.domain.identity import Channel
from concord.domain.marks import Basis, State
from concord.services.parse_consent import VIAS

_TEXT: Final = {"type": "string"}
_MAYBE: Final = {"type": ["string", "null"]}
_TIME: Final = {"type": "string", "format": "date-time"}
_AMOUNT: Final = {
    "type": "string",
    "pattern": r"^[0-9]{1,12}(\.[0-9]{1,4})?$",
    "description": "A decimal number as text, before tax.",
}
GROUP_ID: Final = {"type": "string", "minLength": 1, "maxLength": 100}
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
                "items": GROUP_ID,
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
