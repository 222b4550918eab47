"""/v1/...: what operators do. Everything it offers is in docs/openapi.json."""

from typing import Any, Final

from concord.bootstrap import public_base_url
from concord.entrypoint.admin.operations import Operation
from concord.entrypoint.http import http_api
from concord.entrypoint.observability import observed
from functions.admin.routes import NOUNS

OPERATIONS: Final[tuple[Operation, ...]] = tuple(
    operation for noun in NOUNS for operation in noun.operations.declared
)

api = http_api(public_base_url=public_base_url)
for _noun in NOUNS:
    api.include_router(_noun.operations.router)


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return api.resolve(event, context)
