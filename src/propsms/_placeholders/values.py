"""What a value of each type looks like, in one pattern a type.

These are the bounds that hold everywhere; what one provider asks beyond them stands in its
profile and is checked by ``lint_values``. No pattern admits a control character, so values
can be joined by NUL and checked in one match. Nor does one admit a bidirectional control, which
would turn round the text behind it (Unicode Technical Report 36 §2.5, bidirectional text
spoofing).
"""

from __future__ import annotations

import calendar
import re
from typing import TYPE_CHECKING, Final

from propsms._placeholders.lazy import late

if TYPE_CHECKING:
    from propsms.placeholders import Variable

__all__ = ["describe", "has_false_day", "pattern_of", "shown"]

_MONTH_DAY: Final = (
    r"(?:(?:0?[13578]|1[02]){0}(?:3[01]|[12]\d|0?[1-9])"
    r"|(?:0?[469]|11){0}(?:30|[12]\d|0?[1-9])"
    r"|0?2{0}(?:[12]\d|0?[1-9]))"
)
_YEAR: Final = r"(?:19|20)\d{2}"
_COMPACT: Final = r"(?:(?:0[13578]|1[02])(?:3[01]|[12]\d|0[1-9])|(?:0[469]|11)(?:30|[12]\d|0[1-9])|02(?:[12]\d|0[1-9]))"
_DATE: Final = (
    rf"(?:{_YEAR}-{_MONTH_DAY.format('-')}|{_YEAR}年{_MONTH_DAY.format('月')}日"
    rf"|{_MONTH_DAY.format('月')}日|{_YEAR}/{_MONTH_DAY.format('/')}|{_YEAR}{_COMPACT}"
    rf"|{_MONTH_DAY.format('[-/]')}|{_YEAR}(?:年|-)(?:0?[1-9]|1[0-2])月?"
    r"|(?:本|下)?(?:周|星期)[一二三四五六日天]|今[天日]|明[天日])"
)
_CLOCK: Final = (
    r"(?:(?:上午|下午|中午|晚上|晚|早上|凌晨)?(?:24:00|(?:[01]?\d|2[0-3])(?:[:\uff1a][0-5]\d(?:[:\uff1a][0-5]\d)?"
    r"|[点时](?:[0-5]?\d分|半|整)?)))"
)
_TIME: Final = rf"(?:{_CLOCK}(?:(?:-|—|~|至|到){_CLOCK})?|上午|下午|中午|晚上|全天)"

_PATTERNS: Final[dict[str, str]] = {
    "code": r"[0-9A-Za-z]{4,10}",
    "phone": r"\+?[0-9](?:[0-9-]{1,17}[0-9])(?:转[0-9]{1,6})?",
    "date": _DATE,
    "time": _TIME,
    "datetime": rf"(?:{_DATE}(?: ?{_TIME})?|{_TIME})",
    "money": r"[0-9]{1,12}(?:\.[0-9]{1,2})?",
    "number": r"-?[0-9]{1,20}(?:\.[0-9]{1,6})?",
    "name": r"[\u3400-\u9fff\U00020000-\U0003ffffA-Za-z·. *]{1,40}",
    "unit": r"[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]{1,60}",
    "address": r"[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]{1,80}",
    "plate": r"[\u4e00-\u9fff]?[A-Z0-9·]{4,9}[\u4e00-\u9fff]?",
    "pickup_code": r"[0-9A-Za-z][0-9A-Za-z_-]{0,15}",
    "identifier": r"[0-9A-Za-z][0-9A-Za-z_-]{0,49}",
    "link": r"[0-9A-Za-z_.~%=&?-][0-9A-Za-z_.~%=&?/-]{0,99}",
    "text": r"[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]{1,500}",
}

_SAID: Final[dict[str, tuple[str, str]]] = {
    "code": ("4 to 10 digits or letters", "4 到 10 位数字或字母"),
    "phone": ("digits and hyphens, 3 to 20", "3 到 20 位数字和连字符"),
    "date": ("a date such as 2026-03-01 or 3月1日", "日期，如 2026-03-01 或 3月1日"),
    "time": ("a time such as 9:00 or 9:00-11:00", "时间，如 9:00 或 9:00-11:00"),
    "datetime": (
        "a date, a time or both, such as 2026-03-01 9:00",
        "日期或时间，如 2026-03-01 9:00",
    ),
    "money": (
        "digits with at most two decimals and no currency sign",
        "数字，至多两位小数，不带货币符号",
    ),
    "number": ("digits, perhaps with a sign and decimals", "数字，可带负号和小数"),
    "name": ("1 to 40 Han characters or letters", "1 到 40 个汉字或字母"),
    "unit": ("1 to 60 printable characters on one line", "1 到 60 个可见字符，不换行"),
    "address": ("1 to 80 printable characters on one line", "1 到 80 个可见字符，不换行"),
    "plate": ("a licence plate such as 浙A12345", "车牌号，如 浙A12345"),
    "pickup_code": ("1 to 16 digits, letters, - or _", "1 到 16 位数字、字母、- 或 _"),
    "identifier": ("1 to 50 digits, letters, - or _", "1 到 50 位数字、字母、- 或 _"),
    "link": ("the tail of a link, without http:// and host", "链接的末尾，不含 http:// 和域名"),
    "text": ("1 to 500 printable characters on one line", "1 到 500 个可见字符，不换行"),
}


def pattern_of(variable: Variable) -> str:
    """The pattern that a whole value of *variable* matches; it never crosses a NUL."""
    pattern = _PATTERNS[variable.type.value]
    if variable.max_length is None:
        return pattern
    if pattern.startswith("[^"):  # plain text: the bound is the repeat itself
        return re.sub(r"\{1,\d+\}$", f"{{1,{variable.max_length}}}", pattern)
    return rf"(?=[^\x00]{{1,{variable.max_length}}}(?:\x00|\Z)){pattern}"


def describe(variable: Variable) -> tuple[str, str]:
    """What a value of *variable* must be, in English and Chinese."""
    said, said_zh = _SAID[variable.type.value]
    if variable.max_length is None:
        return said, said_zh
    most = variable.max_length
    return f"{said}, at most {most} characters", f"{said_zh}，最多 {most} 个字符"


def shown(variable: Variable, value: str, *, secret: bool) -> str:
    """The value as an error may show it: not at all if it is *secret* or of such a type."""
    if secret or variable.type.is_secret:
        return f"({len(value)} characters, hidden)"
    from propsms.phone import mask_numbers  # noqa: PLC0415 -- only for an error

    masked = mask_numbers(value)  # before it is cut: the head of a number is not known for one
    return repr(masked[:40] + ("..." if len(masked) > 40 else ""))


_LEAP: Final = late(r"((?:19|20)\d{2})\D?0?2\D?29")


def has_false_day(value: str) -> bool:
    """True if *value* names the 29th of February of a year that has none.

    >>> has_false_day("2026-02-29"), has_false_day("2028年2月29日")
    (True, False)
    """
    return any(not calendar.isleap(int(year)) for year in _LEAP.findall(value))
