"""Read the numbers of a card, traps first.

`phonenumbers` answers whether a number could be dialled; a card needs to know whether people
who see it may trust it. So a pre-parser takes what the library gets wrong or cannot name: short
codes behind an area code, a 400 number behind a zero, extensions, a fixed line without its area.
Only what is left goes to `propsms.phone`, and a number that is merely *possible* is never shown.

Sources: ITU-T E.164; RFC 3966 §5.1.5 and §5.3 (short numbers, extensions); the readings of
phonenumbers 9.0.43 were taken by running it.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum

import attrs

from propsms.errors import PhoneError
from propsms.phone import PhoneKind, mask_numbers, parse

__all__ = ["CardNumberKind", "NumberReading", "read_number"]


class CardNumberKind(StrEnum):
    """What sort of number it is, as far as a card cares."""

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


@attrs.frozen
class NumberReading:
    """What a raw text turned out to be.

    Attributes:
        kind: The sort; `OTHER` for a foreign number and for what cannot be read.
        digits: The digits alone, without country code, area prefix of a short code, or extension.
        e164: The international form, or None where the number has none or is not certain.
        area: The area code with its zero, such as ``0755``, or None.
        ext: The extension, or None.
        problems: Codes of what is wrong with it, such as ``num.area_code_missing``.
    """

    kind: CardNumberKind
    digits: str = attrs.field(repr=mask_numbers)
    e164: str | None = attrs.field(default=None, repr=lambda text: mask_numbers(str(text)))
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


_EXTENSION = re.compile(
    r"[(\s]*(?:转|轉|分机|分機|ext\.?|x|#)[\s:]*(\d{1,6})[)\s]*$", re.IGNORECASE
)
_HYPHEN_EXTENSION = re.compile(
    r"(?P<main>(?:\+?86[- ]*)?(?:\(?0\d{2,3}\)?[- ]?\d{7,8}|0?400-?\d{3}-?\d{4}))-(?P<ext>\d{1,6})"
)
_SEPARATORS = re.compile(r"[\s\-‐-―−()./·]+")
_COUNTRY = re.compile(r"(?:\+86|0086|86(?=1\d{10}$|0?400\d{7}$|0\d{9,11}$))")
_AREA = r"(?:010|02\d|0[3-9]\d{2})"
_SHORT_BEHIND_AREA = re.compile(rf"({_AREA})?(9[56]\d{{3,4}})")
_FOUR_HUNDRED = re.compile(r"(0?)(400\d{7})")


def read_number(raw: str) -> NumberReading:
    """Read *raw* as a number that a company might put on its card; never raises.

    >>> read_number("0755-95588")
    NumberReading(kind=<CardNumberKind.SVC95: 'svc95'>, digits=95588, e164=None, area=None, \
ext=None, problems=('num.area_prefix_on_short_code',))
    """
    main, ext = _cut_extension(_western(raw))
    packed = _SEPARATORS.sub("", main)
    local = _COUNTRY.sub("", packed, count=1) if _COUNTRY.match(packed) else packed
    reading = _special(local) or _library(packed, local)
    return attrs.evolve(reading, ext=ext) if ext else reading


def _western(raw: str) -> str:
    """NFKC, which turns full-width digits, plus and brackets into ours."""
    return unicodedata.normalize("NFKC", raw).strip()


def _cut_extension(text: str) -> tuple[str, str | None]:
    if (glued := _HYPHEN_EXTENSION.fullmatch(text)) is not None:
        return glued["main"], glued["ext"]
    if (marked := _EXTENSION.search(text)) is not None and marked.start() > 0:
        return text[: marked.start()], marked[1]
    return text, None


def _special(local: str) -> NumberReading | None:
    """What the rules of mainland numbering decide before any library is asked."""
    kind = CardNumberKind
    if (short := _SHORT_BEHIND_AREA.fullmatch(local)) is not None:
        return _service_code(short[1], short[2])
    if (four := _FOUR_HUNDRED.fullmatch(local)) is not None:
        problems = ("num.leading_zero_400",) if four[1] else ()
        return NumberReading(kind.SVC400, four[2], f"+86{four[2]}", problems=problems)
    for pattern, refused, code in _REFUSED:
        if pattern.fullmatch(local):
            return NumberReading(refused, local, problems=(code,))
    if re.fullmatch(r"[2-8]\d{6,7}", local):
        return NumberReading(kind.FIXED, local, problems=("num.area_code_missing",))
    return None


_REFUSED = (
    (re.compile(r"100\d{2,3}"), CardNumberKind.CARRIER, "num.carrier_hotline"),
    (re.compile(r"110|112|119|120|122"), CardNumberKind.EMERGENCY, "num.emergency"),
    (re.compile(r"1[12]\d(?:\d{2})?"), CardNumberKind.PUBLIC, "num.public_hotline"),
    (re.compile(r"106\d{2,17}"), CardNumberKind.SMSPORT, "num.smsport"),
    (re.compile(r"700\d{12}"), CardNumberKind.PRIVACY700, "num.privacy700"),
)


def _service_code(area: str | None, code: str) -> NumberReading:
    """95 codes are nationwide, so an area code before one is wrong; 96 codes are regional."""
    if code.startswith("96"):
        return NumberReading(CardNumberKind.SVC96, code, area=area)
    problems = ("num.area_prefix_on_short_code",) if area else ()
    return NumberReading(CardNumberKind.SVC95, code, problems=problems)


_KINDS = {PhoneKind.MOBILE: CardNumberKind.MOBILE, PhoneKind.LANDLINE: CardNumberKind.FIXED}


def _library(packed: str, local: str) -> NumberReading:
    digits = re.sub(r"\D", "", local)
    try:
        number = parse(packed)
    except PhoneError:
        return NumberReading(CardNumberKind.OTHER, digits, problems=("num.invalid",))
    if not number.e164.startswith("+86"):
        return NumberReading(CardNumberKind.OTHER, number.e164[1:], number.e164)
    national = number.e164[3:]
    if number.kind is PhoneKind.TOLL_FREE and national.startswith("800"):
        return NumberReading(CardNumberKind.SVC800, national, number.e164)
    kind = _KINDS.get(number.kind, CardNumberKind.OTHER)
    if kind is CardNumberKind.FIXED:
        area = "0" + national[: 2 if national[0] in "12" else 3]
        return NumberReading(kind, "0" + national, number.e164, area=area)
    return NumberReading(kind, national, number.e164)
