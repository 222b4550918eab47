"""Parts of other countries that keep a time of their own, by ISO 3166-2, and whose law they follow.

Source: IANA time zone database, release 2026f; ISO 3166-2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ZONES_OF_PART: Final[Mapping[str, str]] = {
    "AU-ACT": "Australia/Sydney",
    "AU-NSW": "Australia/Sydney Australia/Adelaide Australia/Lord_Howe",
    "AU-NT": "Australia/Darwin",
    "AU-QLD": "Australia/Brisbane",
    "AU-SA": "Australia/Adelaide",
    "AU-TAS": "Australia/Sydney",
    "AU-VIC": "Australia/Sydney",
    "AU-WA": "Australia/Perth Australia/Eucla",
    "ES-CN": "Atlantic/Canary",
    "PT-20": "Atlantic/Azores",
    "PT-30": "Europe/Lisbon",
}

# Territories with a country code of their own where the law of another country is taken to hold.
LAW_OF: Final[Mapping[str, str]] = {
    "AX": "FI",
    "BL": "FR",
    "CC": "AU",
    "CX": "AU",
    "GF": "FR",
    "GP": "FR",
    "MF": "FR",
    "MQ": "FR",
    "PM": "FR",
    "RE": "FR",
    "SJ": "NO",
    "YT": "FR",
}

# Addresses name these as countries; the law of the United States names them as its territories.
UNITED_STATES_TERRITORIES: Final = frozenset({"AS", "GU", "MP", "PR", "VI"})
