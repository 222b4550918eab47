"""Phone numbers to E.164. The one module that may load phonenumbers, and only when it must."""

from __future__ import annotations

import re

from concord.domain.errors import FieldError, InvalidInputError

# A full North American number is taken as it is: loading the library costs a cold start some 30 ms
# of CPU, and carriers and platforms send this form. Elsewhere a plus proves nothing: "+4402079..."
# and "+442079..." are one number, and two spellings of one number would be two consents.
_NORTH_AMERICAN = re.compile(r"\+1[2-9][0-9]{9}")


def normalise_phone(text: str, country: str, field: str = "point") -> str:
    """Return `text` as E.164, read as a national number of `country` (ISO 3166, e.g. US).

    Raises InvalidInputError with code `invalid_phone`.
    """
    candidate = text.strip()
    if _NORTH_AMERICAN.fullmatch(candidate):
        return candidate
    import phonenumbers  # 3 MB in the layer, and slow to import; see above

    try:
        number = phonenumbers.parse(candidate, country)
    except phonenumbers.NumberParseException:
        number = None
    # is_possible_number would also take a local number without its area code.
    if number is None or (
        phonenumbers.is_possible_number_with_reason(number)
        != phonenumbers.ValidationResult.IS_POSSIBLE
    ):
        message = "give the number in E.164, for example +15551230000"
        raise InvalidInputError(
            "not a phone number", code="invalid_phone", errors=(FieldError(field, message),)
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
