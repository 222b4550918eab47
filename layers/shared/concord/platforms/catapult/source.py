"""CATAPULT's groups and shoppers, read page by page over configurable paths, paging and fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import httpx

from concord.domain.errors import RetryableError
from concord.domain.events import UnparseableError
from concord.domain.outbound import Endpoint
from concord.domain.source import SourceGroup, SourcePage, SourceShopper
from concord.platforms.base import Http
from concord.platforms.calls import exchange
from concord.platforms.catapult.client import auth_headers, filled, refusal, texts_of
from concord.platforms.catapult.paging import Paging
from concord.platforms.checked import MAX_ID, Fields, name_map

PATHS: Final = {
    "groups": "/accounts/{account_id}/groups",
    "shoppers": "/accounts/{account_id}/shoppers",
}
# Where in an answer the list is: a dotted path.
LISTS: Final = {"groups": "groups", "shoppers": "shoppers"}
# Ours -> theirs. `number` and `group_id` are looked for in entries that are objects.
GROUP_FIELDS: Final = {"id": "id", "name": "name"}
SHOPPER_FIELDS: Final = {
    "id": "id",
    "first_name": "first_name",
    "last_name": "last_name",
    "email": "email",
    "phones": "phones",
    "number": "number",
    "groups": "groups",
    "group_id": "id",
    "guest": "guest",
    "country": "address.country",
    "region": "address.region",
    "postal_code": "address.postal_code",
}
_YES: Final = frozenset({"true", "yes", "y", "1"})
_MAX_NAME: Final = 500


class CatapultSource:
    """ShopperSource of one CATAPULT account."""

    def __init__(self, endpoint: Endpoint, http: Http) -> None:
        self._client = http.client(endpoint.base_url)
        self._headers = auth_headers(endpoint)
        self._paging = Paging.of(endpoint.settings)
        paths = {**PATHS, **texts_of(endpoint.settings, "paths")}
        account = {"account_id": endpoint.account_id}
        self._paths = {name: filled(paths[name], account) for name in PATHS}
        self._lists = {**LISTS, **name_map(endpoint.settings, "lists")}
        self._group_fields = {**GROUP_FIELDS, **texts_of(endpoint.settings, "group_fields")}
        self._shopper_fields = {**SHOPPER_FIELDS, **_names(endpoint.settings)}

    def groups(self, cursor: str | None) -> SourcePage[SourceGroup]:
        """Read the next groups; one without a name is named after its id."""
        return self._page("groups", cursor, self._group)

    def shoppers(self, cursor: str | None) -> SourcePage[SourceShopper]:
        """Read the next shoppers."""
        return self._page("shoppers", cursor, self._shopper)

    def _page[T](
        self, name: str, cursor: str | None, entry: Callable[[Mapping[str, Any]], T]
    ) -> SourcePage[T]:
        target, params = self._paging.request(self._client.base_url, self._paths[name], cursor)
        answer = exchange(
            self._client, "GET", target, refusal=refusal, headers=self._headers, params=params
        )
        listed = self._listed(name, answer)
        items, unreadable = [], 0
        for each in listed:
            try:
                items.append(entry(each if isinstance(each, Mapping) else {"id": each}))
            except UnparseableError:
                unreadable += 1
        return SourcePage(
            items=tuple(items),
            cursor=self._paging.following(self._client.base_url, answer, cursor, len(listed)),
            total=self._paging.total(answer),
            unreadable=unreadable,
        )

    def _listed(self, name: str, answer: httpx.Response) -> list[Any]:
        """Return the list of an answer. Raises RetryableError: a page without one is no page."""
        where = self._lists[name]
        try:
            body = answer.json()
        except (ValueError, RecursionError):
            body = None
        if where and isinstance(body, Mapping):
            body = Fields(body, {"list": where}).raw("list")
        if not isinstance(body, list):
            raise RetryableError("no answer (the page could not be read)")
        return body

    def _group(self, data: Mapping[str, Any]) -> SourceGroup:
        fields = Fields(data, self._group_fields)
        group_id = fields.text("id", MAX_ID)
        return SourceGroup(group_id, _optional(fields, "name") or group_id)

    def _shopper(self, data: Mapping[str, Any]) -> SourceShopper:
        fields = Fields(data, self._shopper_fields)
        phones = self._shopper_fields["phones"]
        places = phones if isinstance(phones, list) else [phones]
        found = (
            number
            for place in places
            for number in _each(Fields(data, {"it": place}).raw("it"), self._inner("number"))
        )
        return SourceShopper(
            shopper_id=fields.text("id", MAX_ID),
            first_name=_optional(fields, "first_name"),
            last_name=_optional(fields, "last_name"),
            email=_optional(fields, "email"),
            phones=tuple(dict.fromkeys(found)),
            group_ids=tuple(dict.fromkeys(_each(fields.raw("groups"), self._inner("group_id")))),
            guest=str(fields.raw("guest")).lower() in _YES,
            country=_optional(fields, "country"),
            region=_optional(fields, "region"),
            postal_code=_optional(fields, "postal_code"),
        )

    def _inner(self, name: str) -> str:
        return str(self._shopper_fields[name])


def _names(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return their names of a shopper's fields; her numbers may stand in several."""
    phones = name_map(settings, "shopper_fields").get("phones")
    several = [p for p in phones if isinstance(p, str)] if isinstance(phones, list) else []
    return {**texts_of(settings, "shopper_fields"), **({"phones": several} if several else {})}


def _optional(fields: Fields, name: str) -> str:
    """Return a text, "" for anything else: an odd name must not lose a shopper."""
    try:
        return (fields.optional(name, _MAX_NAME) or "").strip()
    except UnparseableError:
        return ""


def _each(value: Any, inner: str) -> Iterator[str]:
    """Yield the texts of a list of texts, of whole numbers or of objects with one; or of one."""
    for entry in value if isinstance(value, list) else [value]:
        data = entry if isinstance(entry, Mapping) else {"it": entry}
        names = {"it": inner} if isinstance(entry, Mapping) else {}
        if text := _optional(Fields(data, names), "it"):
            yield text
