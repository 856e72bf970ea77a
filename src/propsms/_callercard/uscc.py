"""Check a unified social credit code (统一社会信用代码) by its last character.

Source: GB 32100-2015, the alphabet of 31 characters and the check character.
"""

from __future__ import annotations

from typing import Final

__all__ = ["uscc_problem"]

_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def uscc_problem(code: str) -> str | None:
    """Say what is wrong with *code*: ``length``, ``alphabet``, ``check``; None if nothing is.

    >>> uscc_problem("91000000000000000A")
    'check'

    .. versionadded:: 0.1.0
    """
    if len(code) != 18:
        return "length"
    if any(character not in _ALPHABET for character in code):
        return "alphabet"
    total = sum(_ALPHABET.index(code[i]) * pow(3, i, 31) for i in range(17))
    return None if _ALPHABET[-total % 31] == code[17] else "check"
