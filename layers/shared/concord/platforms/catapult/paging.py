"""How a list goes on: by a cursor in the body, by page numbers, or by the URL of the next page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from concord.domain.errors import PermanentError
from concord.platforms.calls import json_object
from concord.platforms.checked import Fields, name_map

CURSOR: Final = "cursor"
PAGE: Final = "page"
LINK: Final = "link"
STYLES: Final = frozenset({CURSOR, PAGE, LINK})
# What setting `paging` may name, and its defaults. `next` and `total` are dotted paths.
DEFAULTS: Final[Mapping[str, str | int]] = {
    "style": CURSOR,
    "cursor_param": "cursor",
    "page_param": "page",
    "first_page": 1,
    "size_param": "limit",
    "size": 100,
    "next": "cursor",
    "total": "total",
}
_MAX_CURSOR: Final = 2_000
_MAX_SIZE: Final = 1_000

type Params = dict[str, str]


@dataclass(frozen=True, slots=True)
class Paging:
    """How one account's lists are paged; our cursor is theirs, a page number, or a URL."""

    style: str
    cursor_param: str
    page_param: str
    first_page: int
    size_param: str
    size: int
    next_field: str
    total_field: str

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Paging:
        """Return what the settings say. Raises PermanentError `unknown_paging`."""
        given = name_map(settings, "paging")
        chosen = {**DEFAULTS, **{k: v for k, v in given.items() if v is not None}}
        numbers = [chosen["first_page"], chosen["size"]]
        good = chosen["style"] in STYLES and all(type(number) is int for number in numbers)
        if not good or not 1 <= chosen["size"] <= _MAX_SIZE:
            raise PermanentError("settings.paging cannot be followed", reason="unknown_paging")
        return cls(
            style=chosen["style"],
            cursor_param=str(chosen["cursor_param"]),
            page_param=str(chosen["page_param"]),
            first_page=chosen["first_page"],
            size_param=str(chosen["size_param"]),
            size=chosen["size"],
            # A next URL has a name of its own by default: `next`, beside the header `Link`.
            next_field=str(given.get("next") or ("next" if chosen["style"] == LINK else CURSOR)),
            total_field=str(chosen["total"]),
        )

    def request(self, base: httpx.URL, path: str, cursor: str | None) -> tuple[str, Params | None]:
        """Return what to ask for: path and parameters, or the URL that the page before named."""
        if self.style == LINK and cursor is not None:
            return _within(base, cursor), None
        params = {self.size_param: str(self.size)} if self.size_param else {}
        if self.style == PAGE:
            params[self.page_param] = cursor or str(self.first_page)
        elif cursor is not None:
            params[self.cursor_param] = cursor
        return path, params

    def following(
        self, base: httpx.URL, answer: httpx.Response, cursor: str | None, listed: int
    ) -> str | None:
        """Return our cursor of the next page, None if this was the last.

        Raises PermanentError `paging_loops` for a page that names itself as the next, and
        `paging_leaves_host` for a next URL that is somewhere else: our key would go with it.
        """
        if self.style == PAGE:
            # A page may hold less than was asked for; only an empty one says that it is the last.
            number = int(cursor) if cursor else self.first_page
            return str(number + 1) if listed else None
        named = self._named(answer)
        if named is None:
            return None
        if self.style == LINK:
            named = _within(base, str(answer.request.url.join(named)))
        if len(named) > _MAX_CURSOR:
            raise PermanentError("a cursor is too long to keep", reason="paging_too_long")
        if named == (cursor or str(answer.request.url)):
            raise PermanentError("a page names itself as the next one", reason="paging_loops")
        return named

    def total(self, answer: httpx.Response) -> int | None:
        """Return how many the whole list has, None if they do not say."""
        value = Fields(json_object(answer), {"total": self.total_field}).raw("total")
        return value if type(value) is int and value >= 0 else None

    def _named(self, answer: httpx.Response) -> str | None:
        if self.style == LINK and (url := answer.links.get("next", {}).get("url")):
            return url
        value = Fields(json_object(answer), {"next": self.next_field}).raw("next")
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        return value if isinstance(value, str) and value else None


def _within(base: httpx.URL, url: str) -> str:
    """Return the URL if it is of the account's own scheme, host and port."""
    try:
        found = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        raise PermanentError("the next page has no URL", reason="paging_leaves_host") from None
    if (found.scheme, found.host, found.port) != (base.scheme, base.host, base.port) or (
        found.userinfo
    ):
        raise PermanentError("the next page is on another host", reason="paging_leaves_host")
    return str(found)
