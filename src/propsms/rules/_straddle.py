"""Tell a listed word from two halves of its neighbours, because Han is written without spaces.

粉刷单元 holds the listed 刷单, but what stands there is 粉刷 and 单元. A word of two characters
is taken for such halves when the character before makes a word with its first, and its last
makes one with the character after. Both must: 欠费用 is still 欠 and 费用, and still owed.

Source: ``_halves.txt``, written for this file.
"""

from __future__ import annotations

from functools import lru_cache
from os.path import dirname, join

__all__ = ["straddles"]


def straddles(text: str, start: int, end: int) -> bool:
    """True if the two characters *start* to *end* are the halves of two common words.

    >>> straddles("粉刷单元门", 1, 3), straddles("在家刷单", 2, 4)
    (True, False)
    """
    if end - start != 2 or end == len(text):
        return False
    before, after = _halves().get(text[start:end], ("", ""))
    return text[end] in after and (before == "*" or (start > 0 and text[start - 1] in before))


@lru_cache(maxsize=1)
def _halves() -> dict[str, tuple[str, str]]:
    """By word: what makes a word with its first character, and what does with its second."""
    with open(join(dirname(__file__), "_halves.txt"), encoding="utf-8") as file:
        lines = [line.split() for line in file if not line.startswith("#")]
    known: dict[str, tuple[str, str]] = {}
    for word, halves in lines:
        before, _, after = halves.partition("|")
        known[word] = (before, after)
    return known
