"""The Feed: Text-Em-All's paging and its `Field~operator~value` filters."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from sandbox.platforms.text_em_all.store import ApiError

_DEFAULT_PAGE_SIZE = 10
_MAX_PAGE_SIZE = 1000


def read_query(query: str, filters: frozenset[str]) -> tuple[dict[str, int], dict[str, str]]:
    """Split a query into paging (`page`, `pagesize`) and `~eq~` filters on the known fields."""
    paging: dict[str, int] = {}
    wanted: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        parts = name.split("~", 2)
        if name in {"page", "pagesize"} and value.isdigit() and int(value) > 0:
            paging[name] = int(value)
        elif len(parts) == 3 and parts[1] == "eq" and parts[0] in filters and not value:
            wanted[parts[0]] = parts[2]
        else:
            raise ApiError(400, 1001, "InvalidParameter", "Unknown or malformed query parameter")
    return paging, wanted


def feed(
    items: list[dict[str, Any]], url: str, paging: dict[str, int], wanted: dict[str, str]
) -> dict[str, Any]:
    """Return one page; `Size` counts every item that passed the filters."""
    kept = [item for item in items if all(item[name] == value for name, value in wanted.items())]
    page = paging.get("page", 1)
    size = min(paging.get("pagesize", _DEFAULT_PAGE_SIZE), _MAX_PAGE_SIZE)
    start = (page - 1) * size

    def link(number: int) -> str:
        operators = "".join(f"&{name}~eq~{value}" for name, value in wanted.items())
        return f"{url}?{urlencode({'page': number, 'pagesize': size})}{operators}"

    return {
        "Size": len(kept),
        "Items": kept[start : start + size],
        "Previous": link(page - 1) if page > 1 else None,
        "Next": link(page + 1) if start + size < len(kept) else None,
    }
