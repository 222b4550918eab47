"""Pages of rows that hold text and numbers alone, read past the SDK's parser.

That parser walks every attribute by its model, which is most of what reading a large audience
costs; JSON has them in the form that marshal.py takes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def of_plain_rows(client: DynamoDBClient) -> DynamoDBClient:
    """Let a client hand on the items of its queries as they came, and return it.

    Only for rows without binary attributes, which would come as base64: marshal.py refuses them.
    """
    client.meta.events.register("before-parse.dynamodb.Query", _take_items)
    return client


def _take_items(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any
) -> None:
    """Leave the parser a page without items, and add them to what it makes of that."""
    if response_dict["status_code"] != 200:
        return
    page = json.loads(response_dict["body"])
    customized_response_dict["Items"] = page.pop("Items", [])
    response_dict["body"] = json.dumps(page).encode()
