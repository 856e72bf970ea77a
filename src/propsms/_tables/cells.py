"""Read one cell, and undo what Excel does to numbers and dates.

Each function takes the text of a cell and returns a value, or raises `CellError` with a
reason in Chinese and in English.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final

from propsms.errors import PhoneError
from propsms.phone import parse
from propsms.sending_hours import shanghai_day

if TYPE_CHECKING:
    from collections.abc import Callable

    from propsms.phone import PhoneNumber

__all__ = [
    "CellError",
    "parse_amount",
    "parse_choice",
    "parse_date",
    "parse_flag",
    "parse_phone",
    "parse_tags",
    "parse_text",
    "tidy",
]


class CellError(ValueError):
    """A cell cannot be read; `zh` and `en` say why and what to write instead."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en


_EXCEL_TEXT: Final = re.compile(r'="(.*)"', re.DOTALL).fullmatch


def tidy(text: str) -> str:
    """*text* without white space around it, nor what marks a number as text in Excel."""
    text = text.strip().strip("\ufeff\u200b").strip()
    if found := _EXCEL_TEXT(text):
        text = found[1].strip()
    return text.removeprefix("'")


def parse_text(text: str) -> str:
    """The text itself; a line break inside it becomes a space."""
    return " ".join(text.split()) if "\n" in text or "\r" in text else text


_SCIENTIFIC: Final = re.compile(r"[+-]?[0-9]+(?:\.([0-9]+))?[eE]\+?([0-9]{1,2})").fullmatch
_TRAILING_ZEROS: Final = re.compile(r"(\+?[0-9]{3,})\.0*").fullmatch


def parse_phone(text: str) -> PhoneNumber:
    """A phone number, also as Excel shows it: 13900000001.0, or 1.3900000001E+10."""
    if found := _TRAILING_ZEROS(text):
        text = found[1]
    elif found := _SCIENTIFIC(text):
        if len(found[1] or "") < int(found[2]):
            raise CellError(
                "号码已被 Excel 截成科学计数法，无法还原；请把该列设为文本后重新导出",
                "Excel has cut this number to its first digits; "
                "format the column as text and export again",
            )
        text = str(int(Decimal(text)))
    try:
        return parse(text)
    except PhoneError as error:
        raise CellError(error.message_zh, error.message) from error


_DATE: Final = re.compile(
    r"([0-9]{4})\s*(?:([-/.])\s*([0-9]{1,2})\s*\2\s*([0-9]{1,2})"
    r"|年\s*([0-9]{1,2})\s*月\s*([0-9]{1,2})\s*[日号]?)"
    r"(?:[\sT]+[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?"
).fullmatch
_COMPACT: Final = re.compile(r"((?:19|20)[0-9]{2})([0-9]{2})([0-9]{2})").fullmatch
_SERIAL: Final = re.compile(r"([3-6][0-9]{4})(?:\.[0-9]*)?").fullmatch
_EXCEL_DAY_0: Final = date(1899, 12, 30)  # ECMA-376 part 1 §18.17.4.1, the 1900 system


def parse_date(text: str) -> date:
    """A day: 2026-01-05, 2026/1/5, 2026.1.5, 20260105, 2026年1月5日, or Excel's day number.

    A time behind it is left out; with a time zone it is the day in Shanghai.
    """
    text = _narrow(text)
    try:
        if found := _DATE(text) or _COMPACT(text):
            year, month, day = (int(n) for n in found.groups() if n and n.isdigit())
            return date(year, month, day)
        if found := _SERIAL(text):
            return _EXCEL_DAY_0 + timedelta(days=int(found[1]))
        if len(text) > 10 and (moment := datetime.fromisoformat(text)).tzinfo is not None:
            return shanghai_day(moment)
    except (ValueError, OverflowError):
        if _DATE(text) or _COMPACT(text):
            raise CellError(
                "没有这一天，请核对年、月、日", "there is no such day; check year, month and day"
            ) from None
    raise CellError(
        "日期须写成 2026-01-05、2026/1/5 或 2026年1月5日",
        "a date must be written as 2026-01-05, 2026/1/5 or 2026年1月5日",
    )


_MONEY_SIGNS: Final = re.compile(r"[\s¥￥元]|RMB|CNY|人民币", re.IGNORECASE)
_AMOUNT: Final = re.compile(r"[+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]*)?").fullmatch
_FEN: Final = Decimal("0.01")
_FLOAT_NOISE: Final = Decimal("0.000001")
_LARGEST: Final = Decimal(10) ** 12


def parse_amount(text: str) -> Decimal:
    """An amount in yuan: 1200, 1,200.50, ¥1,200.50, 1200.5元, and (12.00) for minus 12."""
    plain = _MONEY_SIGNS.sub("", _narrow(text))
    if plain.startswith("(") and plain.endswith(")"):
        plain = f"-{plain[1:-1]}"
    if not _AMOUNT(plain):
        raise CellError(
            "金额须写成 1200.50 或 1,200.50", "an amount must be written as 1200.50 or 1,200.50"
        )
    try:
        amount = Decimal(plain.replace(",", ""))
        rounded = amount.quantize(_FEN)
    except InvalidOperation:
        rounded = amount = _LARGEST
    if abs(amount) >= _LARGEST:
        raise CellError("金额须小于一万亿元", "an amount must be below a million million yuan")
    if abs(amount - rounded) > _FLOAT_NOISE:
        raise CellError("金额最多两位小数", "an amount has at most two decimals, the fen")
    return rounded


_YES: Final = {"是", "有", "已", "已绑定", "绑定", "y", "yes", "true", "t", "1", "√", "✓", "对"}
_NO: Final = {"否", "无", "未", "未绑定", "没有", "n", "no", "false", "f", "0", "×", "x", "-"}


def parse_flag(text: str) -> bool:
    """Yes or no: 是, 有, √, y, 1; 否, 无, ×, n, 0."""
    word = _narrow(text).casefold()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise CellError("须填“是”或“否”", "must be yes or no (是 or 否)")


def parse_tags(text: str) -> tuple[str, ...]:
    """Words with commas, semicolons, 、 or white space between them."""
    return tuple(filter(None, re.split(r"[,;|\s、\uff0c\uff1b]+", text)))


def parse_choice(choices: dict[str, str]) -> Callable[[str], str]:
    """A parser that knows these words, whatever their case, and gives what they stand for."""
    samples = {meaning: word for word, meaning in reversed(choices.items())}
    known = "、".join(reversed(samples.values()))
    unknown = f"须为{known}之一", f"must be one of {', '.join(reversed(samples))}"

    def parse_one(text: str) -> str:
        word = _narrow(text).casefold()
        if word not in choices:
            raise CellError(*unknown)
        return choices[word]

    return parse_one


def _narrow(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()
