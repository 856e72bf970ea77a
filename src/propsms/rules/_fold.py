"""See through spelling that hides a word: full-width, invisible, traditional, spaced out.

The folded text has one character for each of the given one, invisible ones apart; offsets
lead back where some were dropped.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from os.path import dirname, join
from typing import Final, NamedTuple

from propsms._placeholders.lazy import late

__all__ = [
    "INVISIBLE",
    "SPACERS",
    "Folded",
    "fold",
    "is_simple",
    "squeeze",
    "traditional",
    "variants",
]

# Zero-width and directional marks, soft hyphen, variation selectors, tags, fillers.
INVISIBLE: Final = late(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
_ODD: Final = late(
    "[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\u2460-\u24ff\u2100-\u214f\u3200-\u33ff\uf900-\ufaff"
    "\U0001d400-\U0001d7ff\U0001f100-\U0001f1ff\u2e80-\u2fdf\u3000]"
)
SPACERS: Final = frozenset(" \u3000.*_-·|/~^+=、")  # with which a word is spaced out
_SPACED: Final = late("(?<=[\u4e00-\u9fff])[ \u3000.*_\\-·|/~^+=、]{1,3}(?=[\u4e00-\u9fff])")


class Folded(NamedTuple):
    """A folded text, and where each of its characters stood; None when each stood as it is."""

    text: str
    offsets: tuple[int, ...] | None = None

    def place(self, start: int, end: int) -> tuple[int, int]:
        """The given text's offsets of a part of the folded one."""
        if self.offsets is None:
            return start, end
        return self.offsets[start], self.offsets[end - 1] + 1


def is_simple(text: str) -> bool:
    """True if *text* holds nothing but simplified Han and plain signs: nothing to take off."""
    return _is_gb2312(text) and _WIDE.search(text) is None


_WIDE: Final = late("[\u3000\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\u2460-\u249b]")


def fold(text: str, *, simple: bool | None = None) -> Folded:
    """*text* in lower case, with disguises taken off and half-width punctuation.

    *simple* says what `is_simple` said of it, where that is known.

    >>> fold("加ＱＱ").text, fold("貸\u200b款").text
    ('加qq', '贷款')
    """
    if is_simple(text) if simple is None else simple:
        return Folded(_half_width_signs(text.lower()))
    offsets = None
    if INVISIBLE.search(text):
        offsets = tuple(n for n, c in enumerate(text) if not INVISIBLE.match(c))
        text = "".join(text[n] for n in offsets)
    if _ODD.search(text):
        text = _ODD.sub(_plain, text)
    if not _is_gb2312(text):
        text = text.translate(variants())
    lowered = text.lower()
    return Folded(_half_width_signs(lowered if len(lowered) == len(text) else text), offsets)


_SIGNS: Final = tuple(
    zip("\uff0c\uff1b\uff1a\uff01\uff1f\uff08\uff09\uff0e", ",;:!?().", strict=True)
)


def _half_width_signs(text: str) -> str:
    """*text* with half-width punctuation, which the rules' patterns are written in."""
    for wide, half in _SIGNS:
        if wide in text:
            text = text.replace(wide, half)
    return text


def squeeze(folded: Folded) -> Folded | None:
    """*folded* without the signs that space out a word; None when there are none.

    >>> squeeze(fold("贷 款")).text
    '贷款'
    """
    if not _SPACED.search(folded.text):
        return None
    dropped = {n for found in _SPACED.finditer(folded.text) for n in range(*found.span())}
    kept = [n for n in range(len(folded.text)) if n not in dropped]
    origin = folded.offsets or range(len(folded.text))
    return Folded("".join(folded.text[n] for n in kept), tuple(origin[n] for n in kept))


def traditional(text: str) -> list[re.Match[str]]:
    """Each run of traditional Han in *text*."""
    return [] if _is_gb2312(text) else list(_runs().finditer(text))


def _plain(found: re.Match[str]) -> str:
    plain = unicodedata.normalize("NFKC", found[0])
    return plain if len(plain) == 1 else found[0]


def _is_gb2312(text: str) -> bool:
    try:
        text.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


@lru_cache(maxsize=1)
def variants() -> dict[int, str]:
    """Traditional Han to simplified, for `str.translate`."""
    with open(join(dirname(__file__), "_traditional.txt"), encoding="utf-8") as file:
        lines = file.read().splitlines()
    rows = [line for line in lines if not line.startswith("#")]
    return str.maketrans("".join(rows[::2]), "".join(rows[1::2]))  # type: ignore[return-value]


@lru_cache(maxsize=1)
def _runs() -> re.Pattern[str]:
    return re.compile("[" + "".join(map(chr, variants())) + "]+")
