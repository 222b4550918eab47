"""Judge who a connection's mails are to come from, and name every field that cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from concord.domain.connection import ConnectionSettings
from concord.domain.errors import FieldError, InvalidInputError
from concord.domain.identity import normalise_email
from concord.domain.mails import MailedBy
from concord.domain.profiles import EXPORTS_CONTACTS


def checked_mails(
    wanted: ConnectionSettings, integration: str, identity: str
) -> ConnectionSettings:
    """Return the settings with their addresses in stored form. Raises InvalidInputError naming
    fields and remedies.

    `identity` is the domain or address that the stack may send mails from; "" = none.
    """
    checked = replace(
        wanted,
        mail_from=_address(wanted.mail_from, "settings.mail_from"),
        mail_reply_to=_address(wanted.mail_reply_to, "settings.mail_reply_to"),
    )
    errors = tuple(_wrong(checked, integration, identity.lower()))
    if errors:
        raise InvalidInputError("these mails cannot be sent", errors=errors)
    return checked


def _wrong(wanted: ConnectionSettings, integration: str, identity: str) -> Iterator[FieldError]:
    sender = wanted.mail_from
    if sender and identity and not _belongs(sender, identity):
        message = f"this stack sends from {identity} alone (MailIdentity): use an address of it"
        yield FieldError("settings.mail_from", message)
    if wanted.mails is not MailedBy.OWN:
        return
    if integration not in EXPORTS_CONTACTS:
        message = "there are no mails about points here; only a connection to a contact list has"
        yield FieldError("settings.mails", message)
    if not identity:
        message = "this stack sends no mails: deploy it with MailIdentity, an identity of SES"
        yield FieldError("settings.mails", message)
    if not sender:
        yield FieldError("settings.mail_from", "say which address our own mails come from")


def _belongs(address: str, identity: str) -> bool:
    """Whether an identity (an address, or a domain with its subdomains) covers an address."""
    domain = address.rpartition("@")[2]
    return address == identity or domain == identity or domain.endswith(f".{identity}")


def _address(text: str | None, field: str) -> str | None:
    if text is None:
        return None
    address = normalise_email(text, field)
    if not address.isascii() or any(each in address for each in '<>(),;:\\"'):
        message = "use letters of ASCII alone, such as shop@example.com"
        raise InvalidInputError(
            "the address cannot stand in a mail", errors=(FieldError(field, message),)
        )
    return address
