"""Phone numbers to E.164. The one module that may load phonenumbers, and only when it must."""

from __future__ import annotations

import re

from concord.domain.errors import FieldError, InvalidInputError

# A number that is already E.164 is taken as it is: the library costs more to load than the whole
# answer. Carriers and platforms send this form.
_E164 = re.compile(r"\+(?:1[2-9]\d{9}|[2-9]\d{7,14})")


def normalise_phone(text: str, country: str, field: str = "point") -> str:
    """Return `text` as E.164, read as a national number of `country` (ISO 3166, e.g. US).

    Raises InvalidInputError with code `invalid_phone`.
    """
    candidate = text.strip()
    if _E164.fullmatch(candidate):
        return candidate
    import phonenumbers  # 48 MB on disk and slow to import; see above

    try:
        number = phonenumbers.parse(candidate, country)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        message = "give the number in E.164, for example +15551230000"
        raise InvalidInputError(
            "not a phone number", code="invalid_phone", errors=(FieldError(field, message),)
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
