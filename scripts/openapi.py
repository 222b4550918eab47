"""Write docs/openapi.json: the admin API from its own declarations, the public ones from a table.

`python -m scripts.openapi` writes the file; a test fails when it is out of date.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from concord.entrypoint.admin.operations import Operation
from functions.admin.app import OPERATIONS
from scripts.openapi_bodies import SCHEMAS
from scripts.openapi_public import PATHS, PROBLEM_JSON, path_parameters

FILE: Final = Path(__file__).resolve().parent.parent / "docs" / "openapi.json"
_REF: Final = "#/components/schemas/{model}"
_WORDS: Final = {
    403: "The caller may not do this.",
    404: "Nothing by that id is visible to this caller.",
    409: "The request contradicts what is already true; `code` says in which way.",
    413: "The body is too large.",
    422: "The request does not fit; `errors` names each field and the remedy.",
    500: "Our fault.",
    502: "A platform refused or could not be reached.",
    503: "The table, a key or a platform is away: try again.",
    504: "A platform was asked and its answer was lost.",
}
_WRITES_ONLY: Final = (409, 413)
# Reads that not every connection can be asked for.
_READS_THAT_CONFLICT: Final = frozenset({"list_contact_lists"})
_DONE: Final = {200: "Done.", 201: "Made.", 202: "Taken; it goes on as a job."}


def document() -> dict[str, Any]:
    """Return the whole OpenAPI 3.1 document."""
    refs, schemas = _schemas(OPERATIONS)
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        described = _described(operation, refs)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    for path, methods in PATHS.items():
        paths[path] = dict(methods)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Concord",
            "version": "0.1.0",
            "description": "Keeps marketing consent in agreement between a retailer's systems. "
            "Errors are RFC 9457 problem details with a stable `code`; times are RFC 3339 UTC; "
            "numbers are E.164.",
        },
        "servers": [{"url": "/"}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted({**schemas, **SCHEMAS, "Problem": _problem()}.items())),
            "responses": _responses(),
            "securitySchemes": {
                "sigv4": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "AWS Signature Version 4, service execute-api.",
                    "x-amazon-apigateway-authtype": "awsSigv4",
                },
                "connectKey": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def render() -> str:
    """Return the document as it stands in docs/."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def _schemas(
    operations: Iterable[Operation],
) -> tuple[dict[type[BaseModel], Mapping[str, Any]], dict[str, Any]]:
    wanted: dict[tuple[type[BaseModel], Any], None] = {}
    for operation in operations:
        for answer in (operation.answer, *operation.also.values()):
            wanted[answer, "serialization"] = None
        if operation.body is not None:
            wanted[operation.body, "validation"] = None
    found, schema = models_json_schema(list(wanted), ref_template=_REF)
    refs: dict[type[BaseModel], Mapping[str, Any]] = {
        model: ref for (model, _), ref in found.items() if issubclass(model, BaseModel)
    }
    return refs, dict(schema["$defs"])


def _described(
    operation: Operation, refs: Mapping[type[BaseModel], Mapping[str, Any]]
) -> dict[str, Any]:
    named = re.findall(r"{(\w+)}", operation.path)
    done = {
        str(status): {
            "description": _DONE[status],
            "content": {"application/json": {"schema": refs[answer]}},
        }
        for status, answer in {operation.status: operation.answer, **operation.also}.items()
    }
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "security": [{"sigv4": []}],
        "parameters": [*path_parameters(named), *_query_parameters(operation)],
        "responses": done | _problems(operation),
    }
    if operation.idempotent:
        described["parameters"].append(_IDEMPOTENCY_KEY)
    if operation.body is not None:
        content: dict[str, Any] = {"application/json": {"schema": refs[operation.body]}}
        if operation.accepts_csv:
            content["text/csv"] = {"schema": {"type": "string"}}
            described["parameters"].append(_ATTESTATION)
        described["requestBody"] = {"required": True, "content": content}
    return described


_IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and body are answered alike for 24 h, without secrets.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
_ATTESTATION: Final = {
    "name": "X-Attestation",
    "in": "header",
    "required": False,
    "description": "Needed with text/csv: where the consents come from and who vouches for it.",
    "schema": {"type": "string"},
}


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    schema = operation.query.model_json_schema(ref_template=_REF)
    kinds = schema.get("$defs", {})
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", []),
            "schema": _inline(field, kinds),
        }
        for name, field in schema["properties"].items()
    ]


def _inline(field: Mapping[str, Any], kinds: Mapping[str, Any]) -> dict[str, Any]:
    """Return a query parameter's schema without null: what is not sent is not there."""
    choices = [each for each in field.get("anyOf", [field]) if each.get("type") != "null"]
    chosen = dict(choices[0])
    if "$ref" in chosen:
        chosen = dict(kinds[chosen["$ref"].rpartition("/")[2]])
    if "default" in field and field["default"] is not None:
        chosen["default"] = field["default"]
    return {name: value for name, value in chosen.items() if name != "title"}


def _problems(operation: Operation) -> dict[str, Any]:
    without = set(_WRITES_ONLY) if operation.method == "GET" else set()
    if operation.name in _READS_THAT_CONFLICT:
        without.discard(409)
    codes = [code for code in _WORDS if code not in without]
    return {str(code): {"$ref": f"#/components/responses/{code}"} for code in codes}


def _responses() -> dict[str, Any]:
    content = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {str(code): {"description": words, "content": content} for code, words in _WORDS.items()}


def _problem() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "type": "object",
        "description": "RFC 9457; `code` is stable, `detail` is for people.",
        "required": ["type", "title", "status", "code"],
        "properties": {
            "type": text,
            "title": text,
            "status": {"type": "integer"},
            "code": text,
            "detail": text,
            "connection_id": {**text, "description": "The other one, in account_already_linked."},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["field", "message"],
                    "properties": {"field": text, "message": text},
                },
            },
        },
    }


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
