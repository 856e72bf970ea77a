"""Phone numbers: parse, kind, mask. (first cut; being replaced)"""

from __future__ import annotations

import re
from enum import StrEnum

import attrs

from propsms.errors import PhoneError

__all__ = ["PhoneKind", "PhoneNumber", "mask_numbers", "parse"]


class PhoneKind(StrEnum):
    """What sort of number it is."""

    MOBILE = "mobile"
    LANDLINE = "landline"
    TOLL_FREE = "toll_free"
    SHORT = "short"
    SMS_PORT = "sms_port"
    PRIVACY = "privacy"
    OTHER = "other"


@attrs.frozen(repr=False)
class PhoneNumber:
    """A number; repr and str are masked."""

    e164: str
    national: str
    kind: PhoneKind
    extension: str | None = None

    @property
    def masked(self) -> str:
        """The number with its middle hidden."""
        return self.e164[:6] + "****" + self.e164[-4:]

    def __repr__(self) -> str:
        return f"PhoneNumber({self.masked})"

    __str__ = __repr__


def parse(raw: str, *, region: str = "CN") -> PhoneNumber:
    """Parse."""
    import phonenumbers  # noqa: PLC0415

    try:
        number = phonenumbers.parse(raw, region)
    except phonenumbers.NumberParseException as error:
        raise PhoneError("not a phone number", "不是电话号码") from error
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return PhoneNumber(e164, str(number.national_number), PhoneKind.MOBILE)


def mask_numbers(text: str) -> str:
    """Hide the middle of every run of seven digits or more."""
    return re.sub(r"\d{7,}", lambda m: m[0][:3] + "****" + m[0][-2:], text)
