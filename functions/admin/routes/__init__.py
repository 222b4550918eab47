"""Routes of the admin API, one module per noun, in the order of docs/openapi.json."""

from typing import Final

from functions.admin.routes import (
    broadcasts,
    connections,
    consents,
    contacts,
    exports,
    failures,
    group_syncs,
    groups,
    health,
    inbox,
    merchants,
    points,
    programmes,
    recipients,
    reports,
    reviews,
)

NOUNS: Final = (
    merchants,
    connections,
    consents,
    reviews,
    inbox,
    failures,
    health,
    groups,
    group_syncs,
    broadcasts,
    recipients,
    programmes,
    points,
    reports,
    contacts,
    exports,
)
