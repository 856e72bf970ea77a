"""Draw what a good card looks like on a phone, for people who decide about one.

The picture is ours, in no maker's design: which phones show a card, and how, is decided by
carriers and makers.
"""

from __future__ import annotations

import re
from base64 import b64encode
from html import escape
from typing import TYPE_CHECKING

from propsms._callercard.lint_name import measure_text
from propsms._callercard.properties import clean

if TYPE_CHECKING:
    from propsms._callercard.model import CallerCard, CardNumber

__all__ = ["phone_picture"]

_FRAME = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 520" width="{width}" height="520" \
role="img" aria-label="{label}" font-family="system-ui, 'PingFang SC', 'Noto Sans CJK SC', sans-serif">
{phones}</svg>
"""
_PHONE = """\
<g transform="translate({left} 10)">
<rect width="250" height="500" rx="30" fill="#1d2433" stroke="#0b0f18" stroke-width="6"/>
<rect x="95" y="14" width="60" height="8" rx="4" fill="#0b0f18"/>
<text x="125" y="66" fill="#9aa7c2" font-size="14" text-anchor="middle">{caption}</text>
{face}
<circle cx="70" cy="425" r="30" fill="#d9413b"/><circle cx="180" cy="425" r="30" fill="#2fa84f"/>
<text x="70" y="474" fill="#9aa7c2" font-size="13" text-anchor="middle">{decline}</text>
<text x="180" y="474" fill="#9aa7c2" font-size="13" text-anchor="middle">{answer}</text>
</g>
"""
_LINE = (
    '<text x="125" y="{y}" fill="{fill}" font-size="{size}" text-anchor="middle">{text}</text>\n'
)


def phone_picture(card: CallerCard, *, english: bool = False) -> str:
    """Draw two phones as an SVG: the call as a stranger sees it, and with the card.

    Args:
        card: The card; its first number is shown as a phone shows it.
        english: Whether the captions are English.

    .. versionadded:: 0.1.0
    """
    words = _ENGLISH if english else _CHINESE
    number = _shown(card.numbers[0]) if card.numbers else words["unknown"]
    without = _line(number, 215, size=22) + _line(words["unknown"], 250, fill="#9aa7c2", size=14)
    frame = {"decline": words["decline"], "answer": words["answer"]}
    phones = _PHONE.format(left=10, caption=words["without"], face=_disc("?") + without, **frame)
    phones += _PHONE.format(left=290, caption=words["with"], face=_face(card, number), **frame)
    label = escape(_xml(f"{words['with']}: {card.display_name} {card.service_type}"), quote=True)
    return _FRAME.format(width=550, label=label, phones=phones)


def _xml(text: str) -> str:
    """One line of what XML 1.0 has a place for."""
    return re.sub("[\ufffe\uffff]", "", clean(text).replace("\n", " ")).strip()


_CHINESE = {
    "without": "没有名片",
    "with": "有名片",
    "unknown": "未知号码",
    "decline": "拒接",
    "answer": "接听",
}
_ENGLISH = {
    "without": "without a card",
    "with": "with the card",
    "unknown": "unknown number",
    "decline": "decline",
    "answer": "answer",
}


def _face(card: CallerCard, number: str) -> str:
    lines = [
        (card.display_name, 215, "#ffffff", 26),
        (card.call_reason or card.service_type, 250, "#ffd27a", 17),
        (card.legal_name, 280, "#9aa7c2", 13),
        (number, 312, "#9aa7c2", 14),
    ]
    return _badge(card) + "".join(
        _line(text, y, fill=fill, size=size) for text, y, fill, size in lines
    )


def _line(text: str, y: int, *, fill: str = "#ffffff", size: int) -> str:
    text = _xml(text)
    width = measure_text(text, "cjk2")
    fitting = min(size, max(8, 460 // width)) if width else size
    return _LINE.format(y=y, fill=fill, size=fitting, text=escape(text))


def _badge(card: CallerCard) -> str:
    logo = card.logo
    shows = logo is not None and logo.format in {"png", "jpeg", "gif"} and not logo.problems
    if logo is None or logo.data is None or not shows:
        return _disc(_xml(card.display_name)[:1] or "?")
    data = b64encode(logo.data).decode()
    return f'<image x="80" y="90" width="90" height="90" href="data:image/{logo.format};base64,{data}"/>\n'


def _disc(character: str) -> str:
    return (
        '<circle cx="125" cy="135" r="45" fill="#3a6df0"/>\n'
        f'<text x="125" y="151" fill="#ffffff" font-size="44" text-anchor="middle">{escape(character)}</text>\n'
    )


def _shown(number: CardNumber) -> str:
    digits = number.digits
    if number.area:
        return f"{number.area} {digits.removeprefix(number.area)}"
    return f"{digits[:3]} {digits[3:-4]} {digits[-4:]}" if len(digits) >= 10 else digits
