"""Check the name and the texts of a card: length, hidden characters, and whose name it is."""

from __future__ import annotations

import re
import unicodedata
from itertools import accumulate
from typing import TYPE_CHECKING, Literal

from propsms.findings import Edit, Fix, Severity, Span

if TYPE_CHECKING:
    from propsms._callercard.codes import Reporter
    from propsms._callercard.model import CallerCard

__all__ = [
    "HIDDEN",
    "check_name",
    "check_texts",
    "compare_names",
    "find_link",
    "measure_text",
    "same_party",
    "shown_text",
]

_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_EMOJI = re.compile(
    "(?:[0-9#*]\ufe0f?\u20e3|[\u203c\u2049\u231a-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff\u20e3]"
    "[\ufe0f\u200d\U0001f3fb-\U0001f3ff]*)+"
)
_BEYOND_BMP = re.compile("[\U00010000-\U0010ffff]+")
_HIDDEN = (
    ("name.control_char", re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")),
    ("name.bidi_control", re.compile(f"[{_BIDI}]+")),
    (
        "name.invisible_char",
        re.compile(
            "[\xad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200d\u2060-\u2065\u206a-\u206f"
            "\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e01ff]+"
        ),
    ),
)
HIDDEN = re.compile(f"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff{_BIDI}]")
"""What no screen should be given: controls but line ends, halves of characters, directions."""
_NUMBER_ONLY = re.compile(r"[\s+＋]*\d(?:[\s\-－()（）]*\d){2,}[\s)）]*")
_LONG_NUMBER = re.compile(r"\d(?:[\s\-－]?\d){4,}")
_LINK = re.compile(
    r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{1,20}://|https?:|www\."
    r"|(?<![a-z0-9-])[a-z0-9][a-z0-9-]*\."
    r"(?:com|cn|net|org|top|cc|me|io|xyz|vip|info|shop|link|ltd|site|club|app|tv|co|wang|ink|fun)\b"
    r"|(?<![a-z0-9-])[a-z0-9][a-z0-9-]*\.[a-z]{2,6}/|(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])"
    r"|[\w\u4e00-\u9fff]\.(?:\u4e2d\u56fd|\u516c\u53f8|\u7f51\u7edc)",
    re.IGNORECASE | re.ASCII,
)
_NARROW = str.maketrans({0xFF01 + i: 0x21 + i for i in range(94)} | {"。": "."})


def find_link(text: str) -> Span | None:
    """Where the first link stands, full-width letters included; None if there is none.

    >>> find_link("详见ｗｗｗ．example"), find_link("3.5折")
    (Span(start=2, end=6), None)
    """
    match = _LINK.search(text.translate(_NARROW))
    return None if match is None else Span(*match.span())


_GOVERNMENT = re.compile(
    "公安|派出所|警察|警务|法院|检察院|人民政府|政府|税务|社保局|街道办|居委会|城管|消防救援"
    r"|\b(?:government|police|federal|ministry|tax bureau|court)\b",
    re.IGNORECASE,
)


def check_name(card: CallerCard, report: Reporter) -> None:
    """All that can be wrong with the display name."""
    name, profile = card.display_name, report.profile
    field = "display_name"
    if not _visible(name).strip():
        report.add("name.blank", field)
    length = measure_text(name, profile.length_unit)
    if profile.name_max is not None and length > profile.name_max:
        span = _excess(name, profile.length_unit, profile.name_max)
        report.add("name.too_long", field, span=span, length=length, limit=profile.name_max)
    for code, pattern in _HIDDEN:
        for match in pattern.finditer(_EMOJI.sub(lambda m: "x" * len(m[0]), name)):
            span = Span(*match.span())
            character = f"U+{ord(match[0][0]):04X}"
            report.add(code, field, span=span, fix=_deletion(span, safe=True), character=character)
    for match in _EMOJI.finditer(name):
        span = Span(*match.span())
        severity = Severity.ERROR if profile.refuses_emoji else None
        fix = _deletion(span, safe=False)
        report.add("name.emoji", field, span=span, fix=fix, severity=severity)
    _check_words(name, report)
    _check_owner(card, report)


def _check_words(name: str, report: Reporter) -> None:
    if _NUMBER_ONLY.fullmatch(name):
        report.add("name.is_phone_number", "display_name")
    elif match := _LONG_NUMBER.search(name):
        report.add("name.contains_number", "display_name", span=Span(*match.span()))
    for match in _GOVERNMENT.finditer(name):
        severity = Severity.ERROR if report.profile.refuses_government_words else None
        span = Span(*match.span())
        report.add(
            "name.government_word", "display_name", span=span, severity=severity, word=match[0]
        )


def _check_owner(card: CallerCard, report: Reporter) -> None:
    if not card.legal_name.strip():
        report.add("name.legal_name_missing", "legal_name")
        return
    relation = compare_names(card.display_name, card.legal_name)
    proofs = {"brand_authorization", "trademark"}
    if relation == "abbreviation":
        report.add("name.abbreviation", "display_name")
    elif relation == "unrelated" and not proofs & {paper.kind for paper in card.documents}:
        report.add("name.brand_proof_missing", "display_name")


def compare_names(
    display_name: str, legal_name: str
) -> Literal["same", "abbreviation", "unrelated"]:
    """Compare the name shown with the name on the licence.

    An abbreviation has all its characters in the licence's name, in that order.

    >>> compare_names("某某物业", "某某物业服务有限公司")
    'abbreviation'

    .. versionadded:: 0.1.0
    """
    shown, licence = _letters(display_name), _letters(legal_name)
    if shown == licence:
        return "same"
    rest = iter(licence)
    return "abbreviation" if shown and all(char in rest for char in shown) else "unrelated"


def same_party(one: str, other: str) -> bool:
    """Whether two names are one company's, full-width brackets and spaces apart."""
    return bool(_letters(one)) and _letters(one) == _letters(other)


def _letters(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(character for character in folded if character.isalnum())


def _visible(text: str) -> str:
    for _, pattern in _HIDDEN:
        text = pattern.sub("", text)
    return text


def _deletion(span: Span, *, safe: bool) -> Fix:
    return Fix((Edit(span, ""),), safe, "删去", "delete it")


def shown_text(card: CallerCard) -> str:
    """The text that a text-only service shows: the reason, or else name and service type."""
    return card.call_reason or f"{card.display_name} {card.service_type}".strip()


def check_texts(card: CallerCard, report: Reporter) -> None:
    """Check the text shown and the service type."""
    profile = report.profile
    text = shown_text(card)
    field = "call_reason" if card.call_reason else "display_name"
    length = measure_text(text, profile.length_unit)
    if profile.reason_max is not None and length > profile.reason_max:
        whole = card.call_reason or not card.service_type
        span = _excess(text, profile.length_unit, profile.reason_max) if whole else None
        report.add("text.too_long", field, span=span, length=length, limit=profile.reason_max)
    if profile.charset == "bmp":
        for run in _BEYOND_BMP.finditer(text):
            span = Span(*run.span()) if card.call_reason else None
            report.add("text.non_bmp", field, span=span, character=f"U+{ord(run[0][0]):X}")
    for place in ("display_name", "service_type", "call_reason"):
        if link := find_link(getattr(card, place) or ""):
            report.add("text.url", place, span=link)
    width = measure_text(card.service_type, "cjk2")
    if profile.usage_max is not None and width > profile.usage_max:
        span = _excess(card.service_type, "cjk2", profile.usage_max)
        report.add(
            "usage.too_wide", "service_type", span=span, length=width, limit=profile.usage_max
        )


def _excess(text: str, unit: str, limit: int) -> Span:
    """What stands past the limit."""
    widths = accumulate(measure_text(character, unit) for character in text)
    return Span(next(at for at, width in enumerate(widths) if width > limit), len(text))


def measure_text(text: str, unit: str) -> int:
    """The length of *text* in ``code_point``, ``utf16`` code units, or ``cjk2`` (wide is 2).

    >>> [measure_text("物业A😀", unit) for unit in ("code_point", "utf16", "cjk2")]
    [4, 5, 7]
    """
    if unit == "utf16":
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
    if unit == "cjk2":
        return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
    return len(text)
