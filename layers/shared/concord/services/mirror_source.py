"""Save what a shop's list shows of a shopper, the way her shop's own call would save her."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from concord.domain.canonical import canonical, sha256_hex
from concord.domain.connection import Connection
from concord.domain.errors import InvalidInputError
from concord.domain.groups import is_group_id
from concord.domain.identity import normalise_email
from concord.domain.phone import normalise_phone
from concord.domain.shopper import Shopper
from concord.domain.source import SourceShopper
from concord.domain.sync import (
    INVALID_EMAIL,
    INVALID_GROUP,
    INVALID_PHONE,
    NEWER,
    TOO_MANY_PHONES,
    UNCHANGED,
    ShopperOutcome,
)
from concord.services.authenticate import Authenticated
from concord.services.mirror_shopper import MirrorShopper, shopper_of
from concord.services.parse_shopper import MAX_GROUPS, MAX_PHONES, ShopperCall

_NOTHING_KNOWN: Final[Mapping[str, Any]] = {
    "first_name": "",
    "last_name": "",
    "created_at": "",
    "groups": [],
    "guest": False,
    "attributes": {},
}


class MirrorSource:
    """Mirrors listed shoppers, and takes those out of their groups who are listed no more.

    Whatever a list shows of consent is nothing to us (R-06): no consent is read or written here.
    """

    def __init__(self, mirror: MirrorShopper) -> None:
        self._mirror = mirror

    def __call__(
        self, opened: Authenticated, listed: SourceShopper, at: datetime
    ) -> tuple[str, ShopperOutcome]:
        """Save a shopper of a page that was asked for at `at`; returns our key of her, and what
        became of her.

        What the shop said of her after `at` stands. Repeated with the same `at`, it tells what the
        first time came to. Raises StorageUnavailableError.
        """
        call, lost = _as_call(listed, opened.connection.country)
        shown = shopper_of(opened, listed.shopper_id, call)
        newer = False

        def change(before: Shopper | None) -> Shopper | None:
            nonlocal newer
            newer = before is not None and before.spoken_of_after(at)
            if newer:
                return None
            wanted = _merged(shown, before)
            return None if _same(wanted, before) else wanted

        saved = self._mirror.by_key(opened.connection, shown.shopper_key, change, at)
        before = saved.before
        if before is None:
            outcome = ShopperOutcome(created=True, lost=lost)
        elif before.saved_at == at:  # by this very page: its worker died, or ran out of time
            new = before.version == 1
            outcome = ShopperOutcome(created=new, updated=not new, lost=lost)
        elif saved.changed:
            outcome = ShopperOutcome(updated=True, lost=lost)
        else:
            outcome = ShopperOutcome(skipped=NEWER if newer else UNCHANGED, lost=lost)
        return shown.shopper_key, outcome

    def leaves(
        self, connection: Connection, shopper_key: str, began: datetime, at: datetime
    ) -> bool:
        """Take a shopper out of all her groups whom a full read that `began` then did not list;
        False = she has none, or the shop spoke of her since. Her consent stays as it is.

        Repeated with the same `at`, it tells what the first time came to.
        """

        def change(before: Shopper | None) -> Shopper | None:
            if before is None or not before.active:
                return None
            if before.saved_at == at:  # by us: a worker died, perhaps before all that it causes
                leaving = before.unfinished
            else:
                leaving = bool(before.groups) and not before.spoken_of_after(began)
            if not leaving:
                return None
            return _sealed(replace(before, profile={**before.profile, "groups": []}))

        saved = self._mirror.by_key(connection, shopper_key, change, at)
        return saved.changed or (saved.before is not None and saved.before.saved_at == at)


# --- what a list shows -----------------------------------------------------------------------


def _as_call(listed: SourceShopper, country: str) -> tuple[ShopperCall, tuple[str, ...]]:
    """Return a listed shopper as a call, and why which parts of her were left out."""
    lost: list[str] = []

    def each[T](values: Iterable[str], read: Callable[[str], T], reason: str) -> list[T]:
        found: dict[T, None] = {}
        for value in values:
            try:
                found[read(value)] = None
            except InvalidInputError:
                lost.append(reason)
        return list(found)

    phones = each(listed.phones, lambda text: normalise_phone(text, country), INVALID_PHONE)
    emails = each(filter(None, [listed.email]), normalise_email, INVALID_EMAIL)
    groups = each(listed.group_ids, _group_id, INVALID_GROUP)
    lost += [TOO_MANY_PHONES] * len(phones[MAX_PHONES:])
    lost += [INVALID_GROUP] * len(groups[MAX_GROUPS:])
    address = {
        "country": listed.country,
        "region": listed.region,
        "postal_code": listed.postal_code,
    }
    profile = {
        "first_name": listed.first_name,
        "last_name": listed.last_name,
        "groups": groups[:MAX_GROUPS],
        "guest": listed.guest,
        "attributes": {name: value for name, value in address.items() if value},
    }
    call = ShopperCall(profile, tuple(phones[:MAX_PHONES]), tuple(emails), digest="")
    return call, tuple(lost)


def _group_id(text: str) -> str:
    if not is_group_id(text):
        raise InvalidInputError("not a group id")
    return text


# --- before and after ------------------------------------------------------------------------


def _merged(shown: Shopper, before: Shopper | None) -> Shopper:
    """Return her as the list shows her. What a list does not show at all is kept as it was: a name,
    an address, an e-mail address, and whatever else her shop's own call said."""
    known = before.profile if before is not None else _NOTHING_KNOWN
    said = {name: value for name, value in shown.profile.items() if value != ""}
    attributes = {**(known.get("attributes") or {}), **shown.profile["attributes"]}
    profile = {**_NOTHING_KNOWN, **known, **said, "attributes": attributes}
    if before is not None and set(before.groups) == set(profile["groups"]):
        profile["groups"] = known.get("groups") or []  # in the order that they have
    emails = shown.emails or (before.emails if before is not None else {})
    return _sealed(replace(shown, profile=profile, emails=emails))


def _sealed(shopper: Shopper) -> Shopper:
    """Return her with a digest that no call has: the next call of her shop counts as a change."""
    said = [dict(shopper.profile), sorted(shopper.phones), sorted(shopper.emails)]
    return replace(shopper, digest=sha256_hex(b"list|" + canonical(said)))


def _same(wanted: Shopper, before: Shopper | None) -> bool:
    """Whether nothing would change, and all that her last save causes is done."""
    return (
        before is not None
        and before.active
        and not before.unfinished
        and before.profile == wanted.profile
        and before.phones == wanted.phones
        and before.emails == wanted.emails
    )
