"""The operations of the public APIs, webhooks and Connect, as docs/openapi.json shows them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from concord.domain.identity import Channel
from scripts.openapi_bodies import GROUP_ID

PROBLEM_JSON: Final = "application/problem+json"
_ANY: Final = {"type": "string", "minLength": 1, "pattern": r"^[A-Za-z0-9+@._-]+$"}
_PATH: Final = {
    "merchant_id": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,47}$"},
    "channel": {"type": "string", "enum": list(Channel)},
    "group_id": {**GROUP_ID, "description": "The shop's own, encoded."},
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
