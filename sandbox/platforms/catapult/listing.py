"""CATAPULT's lists of groups and shoppers, page by page (ours: no public contract)."""

import base64
import binascii
from collections.abc import Iterable
from typing import Any

from pydantic import Field
from starlette.requests import Request

from sandbox.accounts import Account, Seed
from sandbox.web import BadBodyError, parse


class PageQuery(Seed):
    """Query of a list. `cursor` is what the page before answered."""

    limit: int = Field(default=100, ge=1, le=1000)
    cursor: str | None = None


def groups_page(request: Request, account: Account) -> dict[str, Any]:
    """Return a page of groups: those that were made, and those that shoppers name."""
    named = {group: group for shopper in account.shoppers for group in shopper.groups}
    named |= {group.id: group.name for group in account.groups}
    rows = {group_id: {"id": group_id, "name": name} for group_id, name in named.items()}
    return _page(request, "groups", rows)


def shoppers_page(request: Request, account: Account) -> dict[str, Any]:
    """Return a page of shoppers, with all their numbers, flags and groups."""
    rows = {shopper.id: shopper.model_dump(exclude_none=True) for shopper in account.shoppers}
    return _page(request, "shoppers", rows)


def _page(request: Request, name: str, rows: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Cut a page: sorted by id and after the last id seen, so that nothing slips between pages."""
    query = parse(PageQuery, dict(request.query_params))
    after = _read(query.cursor) if query.cursor else ""
    ids = sorted(row_id for row_id in rows if row_id > after)
    taken, more = ids[: query.limit], len(ids) > query.limit
    return {
        name: [rows[row_id] for row_id in taken],
        "cursor": _written(taken) if more else None,
        "total": len(rows),
    }


def _written(ids: Iterable[str]) -> str:
    return base64.urlsafe_b64encode(max(ids).encode()).decode()


def _read(cursor: str) -> str:
    try:
        return base64.b64decode(cursor, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise BadBodyError("cursor: not one of ours") from None
