"""Phone numbers: what they are, and how to show them without giving them away.

A mainland mobile in a common spelling is read by one pattern; every other number is
cleaned, checked against the traps of mainland numbering, and then left to
`phonenumbers`, which is imported when first needed. A number that is merely *possible*
is refused, because a message to a wrong number reaches a stranger.

Source of the mobile ranges: libphonenumber 9.0.43, metadata of region CN (a property
test holds the pattern equal to the installed release). Source of the traps: 工信部
《电信网编号计划》 (95, 96, 100, 106, 12 and 400 numbers), and the 15-digit 700 numbers of
its pilot of number protection, announced in July 2025.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast, final

from propsms._checks import instance, wrong_type
from propsms.errors import PhoneError

if TYPE_CHECKING:
    import phonenumbers

__all__ = ["PhoneKind", "PhoneNote", "PhoneNumber", "mask_numbers", "parse", "parse_with_notes"]


class PhoneKind(StrEnum):
    """What sort of number it is.

    A foreign number that may be mobile or fixed, as all of North America's, is `MOBILE`.
    """

    MOBILE = "mobile"
    LANDLINE = "landline"
    TOLL_FREE = "toll_free"
    SHORT = "short"
    SMS_PORT = "sms_port"
    PRIVACY = "privacy"
    OTHER = "other"


class PhoneNote(StrEnum):
    """What was odd about the spelling of a number that could still be read."""

    AREA_PREFIX_ON_SHORT_CODE = "area_prefix_on_short_code"
    LEADING_ZERO_400 = "leading_zero_400"


class _Fields:
    """Where a number keeps its parts; open, so that they can be filled in cheaply."""

    __slots__ = ("e164", "extension", "kind", "national")

    e164: str
    national: str
    kind: PhoneKind
    extension: str | None


@final
class PhoneNumber(_Fields):
    """A phone number whose repr, str and format are masked.

    Equal if all parts are equal; hashable, frozen, and cheap to make.

    Attributes:
        e164: ``+`` and up to 15 digits; empty for a number that has none (short codes, SMS
            ports, privacy numbers).
        national: The digits as dialled inside its country: 13900000001, 075520001234, 95588.
        kind: What sort of number it is.
        extension: Digits to dial once connected, or None.

    >>> number = parse("139 0000 0001")
    >>> number, number.kind.value
    (PhoneNumber(139****0001), 'mobile')

    .. versionadded:: 0.1.0
    """

    __slots__ = ()

    def __new__(
        cls, e164: str, national: str, kind: PhoneKind, extension: str | None = None
    ) -> PhoneNumber:
        """Put together a number that is known to be one; `parse` reads and checks a text."""
        return _make(e164, national, kind, extension)

    @property
    def masked(self) -> str:
        """The number with its middle hidden, for screens and logs."""
        if not self.e164 or self.e164.startswith("+86"):
            return _mask_digits(self.national)
        return f"+{_mask_digits(self.e164[1:])}"

    def __repr__(self) -> str:
        return f"PhoneNumber({self.masked})"

    def __str__(self) -> str:
        return self.masked

    def __format__(self, spec: str, /) -> str:
        return format(self.masked, spec)

    def __eq__(self, other: object) -> bool:
        if type(other) is not PhoneNumber:
            return NotImplemented
        return _parts(self) == _parts(other)

    def __hash__(self) -> int:
        return hash(_parts(self))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a PhoneNumber is frozen; {name} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a PhoneNumber is frozen; {name} cannot be deleted")

    def __reduce__(self) -> tuple[Any, ...]:
        return PhoneNumber, _parts(self)

    def __copy__(self) -> PhoneNumber:
        return self

    def __deepcopy__(self, memo: object) -> PhoneNumber:
        return self


require_number = instance(
    PhoneNumber, hint="use propsms.phone.parse", hint_zh="请用 propsms.phone.parse"
)
"""The validator of fields that hold a `PhoneNumber`; its message never shows what it got."""


def _make(e164: str, national: str, kind: PhoneKind, extension: str | None) -> PhoneNumber:
    # Plain stores, then the frozen class: a third of the time of four object.__setattr__.
    number: Any = _Fields()
    number.e164 = e164
    number.national = national
    number.kind = kind
    number.extension = extension
    number.__class__ = PhoneNumber
    return cast("PhoneNumber", number)


def _parts(number: PhoneNumber) -> tuple[str, str, PhoneKind, str | None]:
    return number.e164, number.national, number.kind, number.extension


# A subset of what libphonenumber calls a mobile, in the spellings 3-4-4 and without gaps.
_COMMON_MOBILE: Final = re.compile(
    r"(?:(?:\+|00)?86[ -]?)?"
    r"(1(?:[38][0-9]|4[57]|[59][0-35-9]|6[25-7]|7[0-35-8])[ -]?[0-9]{4}[ -]?[0-9]{4})"
).fullmatch
_MOBILE: Final = PhoneKind.MOBILE


def parse(raw: str, *, region: str = "CN") -> PhoneNumber:
    """Read a phone number in any common spelling.

    Taken are ``+86``, ``0086`` and ``86`` in front, spaces, hyphens, dots, brackets, full-width
    digits, the invisible marks that address books copy along, and an extension after 转,
    分机, ``ext``, ``x``, ``#`` or a last hyphen.

    Args:
        raw: The number as somebody wrote it.
        region: Where a number without a country code belongs, as ISO 3166 alpha-2.

    Returns:
        The number, with its kind; it is valid by the numbering plan, not known to be in use.

    Raises:
        PhoneError: *raw* is no valid number. Its ``reason`` says why in one word, such as
            ``area_code_missing``; its message shows the input masked.
        WrongTypeError: *raw* is no text, such as a number that a spreadsheet read as one.

    >>> parse("(0755) 2000-1234 转 801").extension
    '801'
    >>> parse("+86 139-0000-0001").national
    '13900000001'

    .. versionadded:: 0.1.0
    """
    try:
        found = _COMMON_MOBILE(raw)
    except TypeError:
        raise wrong_type("raw", raw, "str") from None
    if found and (region == "CN" or raw[0] == "+"):
        national = found[1]
        if len(national) != 11:
            national = national.replace("-", "").replace(" ", "")
        number: Any = _Fields()  # as _make does; a call less is a tenth of the time
        number.e164 = "+86" + national
        number.national = national
        number.kind = _MOBILE
        number.extension = None
        number.__class__ = PhoneNumber
        return cast("PhoneNumber", number)
    return parse_with_notes(raw, region=region)[0]


def parse_with_notes(raw: str, *, region: str = "CN") -> tuple[PhoneNumber, tuple[PhoneNote, ...]]:
    """Like `parse`, and tell what was odd about the spelling.

    Raises:
        PhoneError: As for `parse`.
        WrongTypeError: *raw* is no text.

    >>> parse_with_notes("0755-95588")[1]
    (<PhoneNote.AREA_PREFIX_ON_SHORT_CODE: 'area_prefix_on_short_code'>,)

    .. versionadded:: 0.1.0
    """
    core, extension = _cut_extension(_clean(raw))
    if not _CORE(core):
        raise _refusal(raw, "not_a_number")
    region = region.upper()
    found = _read(core, region)
    if found is None and extension is None and (cut := _TRAILING_EXTENSION(core)):
        found, extension = _read(cut[1], region), cut[2]
    if found is None:
        raise _refusal(raw, _why_not(core, region))
    number, notes = found
    if extension is not None:
        number = _make(number.e164, number.national, number.kind, extension)
    return number, notes


def mask_numbers(text: str) -> str:
    """Hide the middle of every phone number inside *text*, in time linear in its length.

    A number is seven digits or more, of any script, with gaps of spaces, hyphens, brackets or
    invisible marks between them; dates such as 2026-11-23 and amounts such as 1234.50 stay.

    >>> mask_numbers("139 0000 0001 refused on 2026-11-23")
    '139****0001 refused on 2026-11-23'

    .. versionadded:: 0.1.0
    """
    return _DATE_OR_NUMBER.sub(_mask_match, text)


# White space but line ends, hyphens and dashes, brackets, soft hyphen and invisible marks.
_GAP: Final = (
    r"(?:[^\S\r\n]|[-\u2010-\u2015\u2212\uff0d()\uff08\uff09\[\]"
    r"\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff])"
)
_DATE_OR_NUMBER: Final = re.compile(
    # A date of this century, which no mobile begins like, and not inside a longer run ...
    rf"(?<!\d)(?<!\d-)20\d\d([-/.])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])(?!\d)"
    # ... or a run of digits; a dot joins it only between groups of three digits or more.
    rf"|\d(?:(?:{_GAP}{{0,3}}|(?<=\d\d\d)\.(?=\d\d\d))\d){{6,}}"
)


def _mask_match(found: re.Match[str]) -> str:
    if found[1]:
        return found[0]
    digits = "".join(filter(str.isdecimal, found[0]))
    return _mask_digits(digits)


def _mask_digits(digits: str) -> str:
    head, tail = _shown(len(digits))
    if len(digits) == 13 and digits.startswith("86"):
        head = 5
    return f"{digits[:head]}****{digits[len(digits) - tail :]}"


def _shown(length: int) -> tuple[int, int]:
    """How many digits stay at the head and at the tail."""
    if length >= 11:
        return 3, 4
    if length >= 9:
        return 3, 2
    if length >= 7:
        return 2, 2
    return min(2, length // 2), 0


_MAX_LENGTH: Final = 100
_TO_ASCII: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    **dict.fromkeys([*range(0x2010, 0x2016), 0x2212], ord("-")),
    0x3000: ord(" "),
    0x3001: ord("/"),
    0x3010: ord("("),
    0x3011: ord(")"),
}


def _clean(raw: str) -> str:
    """ASCII where the meaning is the same, without invisible marks.

    NFKC would do more than is safe: it turns the ² of a footnote into a digit.
    """
    if not isinstance(raw, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong_type("raw", raw, "str")
    if len(raw) > _MAX_LENGTH:
        raise _refusal(raw, "too_long")
    text = raw.translate(_TO_ASCII).strip()
    if not text.isascii():
        text = "".join(map(_plain, text)).strip()
    if not text:
        raise _refusal(raw, "empty")
    return text.removeprefix("tel:").removeprefix("TEL:")


def _plain(character: str) -> str:
    if unicodedata.category(character) == "Cf":
        return ""
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    return " " if character.isspace() else character


_EXTENSION: Final = re.compile(
    r"(.*?[0-9)\]])\s*\(?(?:转|轉|分机号?|分機|内线|;ext=|ext(?:ension)?\.?|x|#|,)[\s:.\-]*([0-9]{1,6})\)?",
    re.IGNORECASE,
).fullmatch
_TRAILING_EXTENSION: Final = re.compile(r"(.+?)\s?-\s?([0-9]{1,6})").fullmatch
_CORE: Final = re.compile(r"(?:\(\s*)?\+?[0-9()\[\]\s.\-]*[0-9][)\]\s]*").fullmatch


def _cut_extension(text: str) -> tuple[str, str | None]:
    found = _EXTENSION(text)
    return (found[1], found[2]) if found else (text, None)


_Found = tuple[PhoneNumber, tuple[PhoneNote, ...]]

_SHORT: Final = re.compile(
    r"1[12][0-9]|1[0-2][0-9]{3}|11[68][0-9]{3}|9[56][0-9]{3,4}|1010[0-9]{4}"
).fullmatch
_AREA_AND_SHORT: Final = re.compile(
    r"0?(?:10|2[0-9]|[3-9][0-9]{2})(1[0-2][0-9]{3}|9[56][0-9]{3,4})"
).fullmatch
_TOLL_FREE: Final = re.compile(r"(0?)([48]00[0-9]{7})").fullmatch
# Ten digits are a Beijing number in 010-6, its 0 gone as after +86 or in Excel.
_SMS_PORT: Final = re.compile(r"106[0-9]{5,6}|106[0-9]{8,17}").fullmatch
_PRIVACY: Final = re.compile(r"700[0-9]{12}").fullmatch
_WITHOUT_E164: Final = (
    (_SHORT, PhoneKind.SHORT),
    (_PRIVACY, PhoneKind.PRIVACY),
    (_SMS_PORT, PhoneKind.SMS_PORT),
)
_LOCAL: Final = re.compile(r"[2-9][0-9]{6,7}").fullmatch


def _read(core: str, region: str) -> _Found | None:
    digits = "".join(filter(str.isdigit, core))
    if core.lstrip(" (").startswith("+"):
        if not digits.startswith("86"):
            return _ask_library(f"+{digits}", region)
        return _read_mainland(digits[2:], country=True)
    if region != "CN":
        return _ask_library(digits, region)
    if digits.startswith("0086"):
        return _read_mainland(digits[4:], country=True)
    if digits.startswith("00"):
        return _ask_library(f"+{digits[2:]}", region)
    if digits.startswith("86") and _TOLL_FREE(digits[2:]):
        return _read_mainland(digits[2:], country=True)
    return _read_mainland(digits, country=False)


def _read_mainland(digits: str, *, country: bool) -> _Found | None:
    """A mainland number without its country code; *country* says whether it had one."""
    for pattern, kind in _WITHOUT_E164:
        if pattern(digits):
            return _make("", digits, kind, None), ()
    if found := _TOLL_FREE(digits):
        notes = (PhoneNote.LEADING_ZERO_400,) if found[1] else ()
        return _make(f"+86{found[2]}", found[2], PhoneKind.TOLL_FREE, None), notes
    whole = country or digits.startswith("0")
    if whole and (found := _AREA_AND_SHORT(digits)) and _ask_library(digits, "CN"):
        number = _make("", found[1], PhoneKind.SHORT, None)
        return number, (PhoneNote.AREA_PREFIX_ON_SHORT_CODE,)
    if _LOCAL(digits) and not country:
        return None
    return _ask_library(f"+86{digits}" if country else digits, "CN")


def _ask_library(text: str, region: str) -> _Found | None:
    import phonenumbers  # noqa: PLC0415  its import alone takes longer than ours

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    shown = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    national = "".join(filter(str.isdecimal, shown))
    return _make(e164, national, _library_kind(number), None), ()


def _library_kind(number: phonenumbers.PhoneNumber) -> PhoneKind:
    import phonenumbers  # noqa: PLC0415

    types = phonenumbers.PhoneNumberType
    return {
        types.MOBILE: PhoneKind.MOBILE,
        types.FIXED_LINE_OR_MOBILE: PhoneKind.MOBILE,
        types.FIXED_LINE: PhoneKind.LANDLINE,
        types.TOLL_FREE: PhoneKind.TOLL_FREE,
    }.get(phonenumbers.number_type(number), PhoneKind.OTHER)


def _why_not(core: str, region: str) -> str:
    digits = "".join(filter(str.isdigit, core))
    if region == "CN" and "+" not in core and _LOCAL(digits):
        return "area_code_missing"
    if len(digits) < 7:
        return "too_short"
    return "not_valid"


_REASONS: Final = {
    "empty": ("is empty; give the number", "为空，请填写号码"),
    "too_long": ("is far too long for one number", "过长，不是一个号码"),
    "not_a_number": (
        "holds something that is no part of a number; give one number and nothing else",
        "含有号码以外的内容；请只填一个号码",
    ),
    "area_code_missing": (
        "lacks its area code; write it as 0755-XXXXXXXX",
        "缺少区号；请写成 0755-XXXXXXXX 的形式",
    ),
    "too_short": ("is too short", "位数不足"),
    "not_valid": (
        "is not valid in its country's numbering plan; check for a missing or extra digit",
        "不符合号码规则；请检查是否多位或少位",
    ),
}


def _refusal(raw: str, reason: str) -> PhoneError:
    shown = _mask_input(raw)
    english, chinese = _REASONS[reason]
    return PhoneError(
        f"the phone number {shown} {english}", f"电话号码 {shown} {chinese}", reason=reason
    )


def _mask_input(raw: str) -> str:
    """The head of *raw* with nearly every digit hidden, and nothing that could spoil a log."""
    shown = raw if len(raw) <= 30 else f"{raw[:30]}..."
    places = [i for i, character in enumerate(shown) if character.isnumeric()]
    hidden = set(places[2:-2] if len(places) > 6 else places[1:])
    masked = "".join("*" if i in hidden else c for i, c in enumerate(shown))
    return ascii(masked) if not masked.isprintable() else f"“{masked}”"
