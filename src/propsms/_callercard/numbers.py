"""What a number is on a card: its sort, its tel URI, and why it may not stand there.

`propsms.phone` reads the number and knows the traps of mainland numbering; a card asks further
whether people who see the number may call it back. A number that is merely *possible*, such as
a fixed line without its area code, never gets an international form.

Sources: 工信部《电信网编号计划》 (95 codes are nationwide, 96 codes regional; 100, 106, 11 and 12);
RFC 3966 §5.1.5 and §5.3 (short numbers, extensions).
"""

from __future__ import annotations

import re

import attrs

from propsms._checks import Word
from propsms.errors import PhoneError
from propsms.phone import PhoneKind, PhoneNote, PhoneNumber, mask_numbers, parse, parse_with_notes

__all__ = ["CardNumberKind", "NumberReading", "read_number"]


class CardNumberKind(Word):
    """What sort of number it is, as far as a card cares.

    .. versionadded:: 0.1.0
    """

    MOBILE = "mobile"
    FIXED = "fixed"
    SVC400 = "svc400"
    SVC800 = "svc800"
    SVC95 = "svc95"
    SVC96 = "svc96"
    CARRIER = "carrier"
    EMERGENCY = "emergency"
    PUBLIC = "public"
    SMSPORT = "smsport"
    PRIVACY700 = "privacy700"
    OTHER = "other"


def _masked(number: str | None) -> str:
    return repr(number and mask_numbers(number))


@attrs.frozen
class NumberReading:
    """What a raw text turned out to be.

    Attributes:
        kind: The sort; `OTHER` for a foreign number and for what cannot be read.
        digits: The digits as dialled at home, without country code or extension.
        e164: The international form, or None where the number has none or is not certain.
        area: The area code with its zero, such as ``0755``, or None.
        ext: The extension, or None.
        problems: Codes of what is wrong with it, such as ``num.area_code_missing``.
    """

    kind: CardNumberKind
    digits: str = attrs.field(repr=_masked)
    e164: str | None = attrs.field(default=None, repr=_masked)
    area: str | None = None
    ext: str | None = None
    problems: tuple[str, ...] = ()

    @property
    def tel_uri(self) -> str | None:
        """The number as a tel URI (RFC 3966), or None if it has no certain one."""
        if self.e164:
            return f"tel:{self.e164}" + (f";ext={self.ext}" if self.ext else "")
        if self.kind in {CardNumberKind.SVC95, CardNumberKind.SVC96}:
            return f"tel:{self.digits};phone-context=+86{(self.area or '').lstrip('0')}"
        return None


def read_number(raw: str) -> NumberReading:
    """Read *raw* as a number that a company might put on its card; never raises.

    >>> reading = read_number("0755-95588")
    >>> reading.kind.value, reading.problems
    ('svc95', ('num.area_prefix_on_short_code',))
    """
    try:
        number = parse(raw)
    except PhoneError as error:
        return _unread(raw, error)
    if number.kind is _MOBILE and number.e164.startswith(_MAINLAND):
        return NumberReading(
            CardNumberKind.MOBILE, number.national, number.e164, None, number.extension
        )
    notes = parse_with_notes(raw)[1] if number.kind in _NOTED else ()
    match number.kind:
        case PhoneKind.SHORT:
            return _short(raw, number.national, notes)
        case PhoneKind.SMS_PORT:
            kind, code = CardNumberKind.SMSPORT, "num.smsport"
            return NumberReading(kind, number.national, problems=(code,))
        case PhoneKind.PRIVACY:
            kind, code = CardNumberKind.PRIVACY700, "num.privacy700"
            return NumberReading(kind, number.national, problems=(code,))
        case _:
            return _ordinary(number, notes)


_MOBILE = PhoneKind.MOBILE
_NOTED = {PhoneKind.SHORT, PhoneKind.TOLL_FREE}
_MAINLAND = "+86"


def _unread(raw: str, error: PhoneError) -> NumberReading:
    digits = "".join(filter(str.isdecimal, raw))
    if vars(error).get("reason") == "area_code_missing":
        problems = ("num.area_code_missing",)
        return NumberReading(CardNumberKind.FIXED, digits, problems=problems)
    return NumberReading(CardNumberKind.OTHER, digits, problems=("num.invalid",))


_SHORT_CODES = (
    (re.compile(r"95\d{3,4}"), CardNumberKind.SVC95, ""),
    (re.compile(r"110|112|119|120|122"), CardNumberKind.EMERGENCY, "num.emergency"),
    (re.compile(r"10[01]\d{2}|1010\d{4}"), CardNumberKind.CARRIER, "num.carrier_hotline"),
    (re.compile(r"\d+"), CardNumberKind.PUBLIC, "num.public_hotline"),
)


def _short(raw: str, code: str, notes: tuple[PhoneNote, ...]) -> NumberReading:
    """95 codes are nationwide, so an area code before one is odd; 96 codes are regional."""
    if code.startswith("96"):
        before = "".join(filter(str.isdecimal, raw))[: -len(code)].removeprefix("86").lstrip("0")
        area = f"0{before}" if before else None
        return NumberReading(CardNumberKind.SVC96, code, area=area)
    kind, problem = next((k, p) for pattern, k, p in _SHORT_CODES if pattern.fullmatch(code))
    problems: tuple[str, ...] = (problem,) if problem else ()
    if PhoneNote.AREA_PREFIX_ON_SHORT_CODE in notes:
        problems += ("num.area_prefix_on_short_code",)
    return NumberReading(kind, code, problems=problems)


def _ordinary(number: PhoneNumber, notes: tuple[PhoneNote, ...]) -> NumberReading:
    digits, ext = number.national, number.extension
    kind, area = CardNumberKind.OTHER, None
    if number.e164.startswith(_MAINLAND):
        kind = _mainland_kind(number)
    if kind is CardNumberKind.FIXED:
        area = digits[: 3 if digits[1] in "12" else 4]
    problems = ("num.leading_zero_400",) if PhoneNote.LEADING_ZERO_400 in notes else ()
    return NumberReading(kind, digits, number.e164, area, ext, problems)


def _mainland_kind(number: PhoneNumber) -> CardNumberKind:
    if number.kind is PhoneKind.TOLL_FREE:
        is_400 = number.national.startswith("400")
        return CardNumberKind.SVC400 if is_400 else CardNumberKind.SVC800
    is_fixed = number.kind is PhoneKind.LANDLINE
    return CardNumberKind.FIXED if is_fixed else CardNumberKind.OTHER
