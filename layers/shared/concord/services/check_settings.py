"""Judge what an operator wants a connection set to, and name every field that cannot be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from concord.domain.connection import (
    NULL_SAYS,
    ConnectionSettings,
    SegmentPrice,
    SenderChoice,
    Side,
)
from concord.domain.errors import FieldError, InvalidInputError, PlatformError
from concord.domain.identity import check_account_id
from concord.domain.keywords import is_usable_join_keyword
from concord.domain.phone import normalise_phone
from concord.domain.profiles import INTEGRATIONS
from concord.domain.texts import check_texts, with_changes
from concord.services.check_mails import checked_mails

# Texts a second: the slowest that a slice can be paced at, and beyond what any one number is given.
MIN_RATE: Final = 0.1
MAX_RATE: Final = 1000.0
# Seconds: reliability asks that a STOP is never further behind than a minute of the pace.
MAX_DEPTH: Final = 60


@dataclass(frozen=True, slots=True)
class SenderRules:
    """What choosing a platform to carry the texts comes to, as its folder declares it.

    `default_url` is where it is for everybody; None = each merchant has to say; "" = it has no
    address. `by_topic` = replies come without a path: the number texted alone tells whose they are.
    """

    default_url: str | None
    answers_stop: bool
    by_topic: bool


@dataclass(frozen=True, slots=True)
class SettingsRules:
    """The rules that need to know the deployment.

    `guard_url` raises a PlatformError for a base URL that may not be called; `senders` are the
    platforms that can carry a text; `has_programme` tells whether a merchant has a programme;
    `mail_identity` is the domain or address that our own mails may come from ("" = none).
    """

    guard_url: Callable[[str], object]
    senders: Mapping[str, SenderRules]
    has_programme: Callable[[str, str], bool]
    mail_identity: str = ""

    def sides(self, integration: str, source: Side, destination: Side) -> None:
        """Raise InvalidInputError naming what is wrong with the two accounts."""
        if integration not in INTEGRATIONS:
            known = ", ".join(sorted(INTEGRATIONS))
            raise _invalid(FieldError("integration", f"there are: {known}"))
        parts = zip(("source", "destination"), integration.split("-"), strict=True)
        wrong = [
            FieldError(f"{name}.platform", f"{integration} needs {platform} here")
            for (name, platform), side in zip(parts, (source, destination), strict=True)
            if side.platform != platform
        ]
        if wrong:
            raise _invalid(*wrong)
        for name, side in (("source", source), ("destination", destination)):
            check_account_id(side.account_id, f"{name}.account_id")
            self.url(side.base_url, f"{name}.base_url")

    def url(self, base_url: str, field: str) -> None:
        """Raise InvalidInputError unless this base URL may be called."""
        try:
            self.guard_url(base_url)
        except PlatformError:
            message = "use https and a host that this deployment allows (ALLOWED_HOSTS)"
            raise _invalid(FieldError(field, message)) from None

    def programme(self, merchant_id: str, programme_id: str | None) -> None:
        """Raise InvalidInputError unless it is a programme of this merchant, or none at all."""
        if programme_id is not None and not self.has_programme(merchant_id, programme_id):
            message = "this merchant has no such programme; make it first (PUT .../programmes/{id})"
            raise _invalid(FieldError("settings.programme", message))

    def settings(
        self, wanted: ConnectionSettings, country: str, destination: Side, integration: str
    ) -> ConnectionSettings:
        """Return the settings in their stored form. Raises InvalidInputError naming fields."""
        if not is_usable_join_keyword(wanted.join_keyword):
            message = "this word already means something else (STOP, HELP ...); choose another"
            raise _invalid(FieldError("settings.join_keyword", message))
        check_texts(wanted.texts)
        if wanted.rate is not None and not MIN_RATE <= wanted.rate <= MAX_RATE:
            message = f"texts a second, from {MIN_RATE:g} to {MAX_RATE:g}"
            raise _invalid(FieldError("settings.rate", message))
        if wanted.depth_seconds is not None and not 1 <= wanted.depth_seconds <= MAX_DEPTH:
            message = f"seconds that are handed over in one call, from 1 to {MAX_DEPTH}"
            raise _invalid(FieldError("settings.depth_seconds", message))
        number = wanted.fallback_number
        if number is not None:
            number = normalise_phone(number, country, "settings.fallback_number")
        sender = wanted.sender and self._sender(wanted.sender, country, destination)
        wanted = checked_mails(wanted, integration, self.mail_identity)
        return replace(wanted, fallback_number=number, sender=sender)

    def _sender(self, sender: SenderChoice, country: str, destination: Side) -> SenderChoice:
        rules = self.senders.get(sender.platform)
        if rules is None:
            known = ", ".join(sorted(self.senders))
            raise _invalid(FieldError("settings.sender.platform", f"there are: {known}"))
        if sender.settings and sender.platform == destination.platform:
            message = "this account is the destination: put them under destination.settings"
            raise _invalid(FieldError("settings.sender.settings", message))
        stops = rules.answers_stop if sender.answers_stop is None else sender.answers_stop
        chosen = replace(
            sender,
            base_url=self._sender_url(sender, rules, destination),
            sends_from=_origin(sender.sends_from.strip(), country),
            numbers=_numbers(sender.numbers, country),
            answers_stop=stops,
        )
        if rules.by_topic and not chosen.own_numbers:
            message = (
                "name the numbers that shoppers can reply to: on this platform nothing else tells "
                "whose a STOP is"
            )
            raise _invalid(FieldError("settings.sender.numbers", message))
        return chosen

    def _sender_url(self, sender: SenderChoice, rules: SenderRules, destination: Side) -> str:
        same = sender.platform == destination.platform
        base_url = sender.base_url or (destination.base_url if same else rules.default_url)
        if base_url is None:
            message = f"say where the account's API is: {sender.platform} has no address for all"
            raise _invalid(FieldError("settings.sender.base_url", message))
        if base_url:
            self.url(base_url, "settings.sender.base_url")
        return base_url


def _origin(sends_from: str, country: str) -> str:
    """Return what texts come from: a number is compared with the `to` of inbound texts, so it is
    spelled like that; a sender id, service or pool is not one."""
    if sends_from[:1] in "+(" or sends_from.isdigit():
        return normalise_phone(sends_from, country, "settings.sender.from")
    return sends_from


def _numbers(numbers: Iterable[str], country: str) -> tuple[str, ...]:
    named = (normalise_phone(number, country, "settings.sender.numbers") for number in numbers)
    return tuple(dict.fromkeys(named))


def patched(settings: ConnectionSettings, changes: Mapping[str, Any]) -> ConnectionSettings:
    """Return settings with `changes` merged in (RFC 7396): null or a null member = the default,
    except where null says something of its own (`NULL_SAYS`).

    Raises InvalidInputError for a text that does not exist.
    """
    values: dict[str, Any] = {}
    for name, value in changes.items():
        if name == "texts" and value is not None:
            values[name] = with_changes(settings.texts, value)
        else:
            given = value is not None or name in NULL_SAYS
            values[name] = value if given else _DEFAULTS[name]
    return replace(settings, **values)


def differences(before: ConnectionSettings, after: ConnectionSettings) -> dict[str, Any]:
    """Return `{field: {"from", "to"}}` for the audit trail; settings hold no secret."""
    return {
        name: {"from": old, "to": new} for name, old, new in _pairs(before, after) if old != new
    }


_NAMES: Final = (
    "join_keyword",
    "fallback_number",
    "texts",
    "require_signature",
    "sender",
    "rate",
    "depth_seconds",
    "segment_price",
    "sync_hours",
    "programme",
    "mails",
    "mail_from",
    "mail_reply_to",
    "mails_language",
)
_DEFAULTS: Final = {name: getattr(ConnectionSettings(), name) for name in _NAMES}


def _pairs(
    before: ConnectionSettings, after: ConnectionSettings
) -> Iterator[tuple[str, object, object]]:
    for name in _NAMES:
        yield name, _plain(getattr(before, name)), _plain(getattr(after, name))


def _plain(value: object) -> object:
    if isinstance(value, SenderChoice):
        plain = asdict(value)  # all of it: a field that is added is audited too
        return {"from": plain.pop("sends_from"), **plain, "numbers": list(value.numbers)}
    if isinstance(value, SegmentPrice):
        return asdict(value)
    return dict(value) if isinstance(value, Mapping) else value


def _invalid(*errors: FieldError) -> InvalidInputError:
    return InvalidInputError("the connection cannot be set up like this", errors=errors)
