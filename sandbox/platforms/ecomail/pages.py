"""How Ecomail's lists go on: `page` and `per_page`, with the totals beside the data."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

_SIZE, _MAX_SIZE = 20, 100


def page(request: Request, items: list[dict[str, Any]]) -> JSONResponse:
    """Return one page of a list."""
    number = _number(request.query_params.get("page"), 1)
    size = min(_number(request.query_params.get("per_page"), _SIZE), _MAX_SIZE)
    first = (number - 1) * size
    data = items[first : first + size]
    return JSONResponse(
        {
            "current_page": number,
            "data": data,
            "from": first + 1 if data else None,
            "to": first + len(data) if data else None,
            "last_page": max(1, -(-len(items) // size)),
            "per_page": size,
            "total": len(items),
        }
    )


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() and int(text) > 0 else default
