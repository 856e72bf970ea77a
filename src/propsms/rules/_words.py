"""Find the listed words of a profile, and leave alone those that mean something else.

A dictionary on the first two characters of each word is met with the characters of the text;
only words whose first two stand in it side by side are looked for. So a long list costs hardly
more than a short one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import attrs

from propsms.findings import Span
from propsms.profiles import CATEGORIES, WordList
from propsms.rules._fold import fold
from propsms.rules._straddle import straddles
from propsms.rules._table import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from propsms.profiles import Profile
    from propsms.rules._fold import Folded
    from propsms.rules._reading import Reading

__all__ = ["Hit", "Sense", "Union", "exempt_hits", "find_hits", "lexicon", "senses", "union"]


class Hit(NamedTuple):
    """A listed word in a text.

    Attributes:
        word: As the list has it.
        span: Where it stands in the text.
        words: The list.
        hidden: True if its letters were spaced out or disguised.
    """

    word: str
    span: Span
    words: WordList
    hidden: bool = False


class Sense(NamedTuple):
    """When a word is meant as listed.

    Attributes:
        only: It counts only inside one of these phrases (patterns); empty for everywhere.
        unless: It does not count inside one of these.
        why: What it means otherwise.
    """

    only: tuple[str, ...]
    unless: tuple[str, ...]
    why: str


_WINDOW: Final = 18  # a collocation reaches no further than this on either side


@lru_cache(maxsize=1)
def senses() -> dict[str, Sense]:
    """The words that have more than one meaning in property work, from ``words.toml``."""
    return {
        same: Sense(tuple(entry.get("only", ())), tuple(entry.get("unless", ())), entry["why"])
        for word, entry in table()["senses"].items()
        for same in (word, *entry.get("same", ()))
    }


@lru_cache(maxsize=512)
def _any(phrases: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(phrases))


class _Lexicon:
    """A profile's words, as folded."""

    def __init__(self, profile: Profile) -> None:
        self.entries: dict[str, list[tuple[str, WordList]]] = {}
        for words in (*profile.words, *_base_lists(profile)):
            if words.severity == "off":
                continue
            for word in (*words.words, *_other_wordings(words)):
                self.entries.setdefault(fold(word).text, []).append((word, words))
        self.keys = frozenset(self.entries)


class Union:
    """The words of all profiles seen so far, by their first two characters.

    Attributes:
        version: Counts up when words come in.
    """

    def __init__(self) -> None:
        self.version = 0
        self._known: set[str] = set()
        self._pairs: dict[str, list[str]] = {}
        self._heads: dict[str, tuple[tuple[str, str, list[str]], ...]] = {}
        self._firsts: frozenset[str] = frozenset()
        self._single: frozenset[str] = frozenset()

    def take(self, words: frozenset[str]) -> None:
        """Add what is new of *words*."""
        fresh = words - self._known
        for word in fresh:
            if len(word) > 1:
                self._pairs.setdefault(word[:2], []).append(word)
        if fresh:
            grouped: dict[str, list[tuple[str, str, list[str]]]] = {}
            for pair, having in self._pairs.items():
                grouped.setdefault(pair[0], []).append((pair[1], pair, having))
            self._heads = {first: tuple(group) for first, group in grouped.items()}
            self._known |= fresh
            self._firsts = frozenset(self._heads)
            self._single = frozenset(word for word in self._known if len(word) == 1)
            self.version += 1

    def find(self, reading: Reading) -> frozenset[str]:
        """The words that stand in the text."""
        signs, text, heads = reading.signs, reading.folded.text, self._heads
        found = [
            word
            for first in self._firsts & signs
            for second, pair, having in heads[first]
            if second in signs and pair in text  # a set tells sooner than a search
            for word in having
            if word in text
        ]
        found += self._single & signs
        if reading.squeezed is not None:
            tight = reading.squeezed.text
            found += [word for word in self._known if word in tight]
        return frozenset(found)


union: Final = Union()


# A category that stands for a plain refusal, where the profile gives no list.
_BY_FACT: Final = {
    "promotion": "notice_marketing_allowed",
    "invitation": "invitations_allowed",
}


def _base_lists(profile: Profile) -> Iterator[WordList]:
    """What a category that the profile lists means, in our reading."""
    base: dict[str, dict[str, list[str]]] = table()["base"]
    for category, entry in base.items():
        own = next((w for w in profile.words if w.category == category), None)
        if own is not None:
            yield attrs.evolve(own, words=tuple(entry["words"]))
        elif category in _BY_FACT and profile.get(_BY_FACT[category]) is False:
            fact = profile.facts[_BY_FACT[category]]
            yield WordList(category, tuple(entry["words"]), fact.source, fact.severity or "error")


def _other_wordings(words: WordList) -> Iterator[str]:
    """Words that say the same as one of the list's."""
    also: dict[str, list[str]] = table()["also"]
    known = set(words.words)
    for word in words.words:
        for other in also.get(word, ()):
            if other not in known:
                known.add(other)
                yield other


_lexicons: dict[int, tuple[Profile, _Lexicon]] = {}


def lexicon(profile: Profile) -> _Lexicon:
    """The words of *profile*; the union knows them from then on."""
    kept = _lexicons.get(id(profile))
    if kept is None or kept[0] is not profile:
        if len(_lexicons) > 64:
            _lexicons.clear()
        kept = _lexicons[id(profile)] = (profile, _Lexicon(profile))
        union.take(kept[1].keys)
    return kept[1]


def find_hits(reading: Reading, profile: Profile) -> dict[str, list[Hit]]:
    """The listed words that stand in the text and mean what is listed, by rule."""
    own = lexicon(profile)
    found: dict[str, list[Hit]] = {}
    for folded in own.keys & reading.words:
        for word, words in own.entries[folded]:
            if words.kinds and reading.kind not in words.kinds:
                continue
            hits = _places(reading, folded, word, words, meant=True)
            if hits:
                found.setdefault(CATEGORIES[words.category], []).extend(hits)
    return {code: _longest(hits) for code, hits in found.items()}


def exempt_hits(reading: Reading, profile: Profile) -> list[Hit]:
    """The listed words that stand in the text but mean something else."""
    own = lexicon(profile)
    return [
        hit
        for folded in sorted(own.keys & reading.words)
        for word, words in own.entries[folded]
        for hit in _places(reading, folded, word, words, meant=False)
    ]


def _places(
    reading: Reading, folded: str, word: str, words: WordList, *, meant: bool
) -> list[Hit]:
    text = reading.folded
    hits = _search(text, folded, word, words, meant=meant)
    if not hits and reading.squeezed is not None and meant:
        tight = _search(reading.squeezed, folded, word, words, meant=True)
        hits = [hit._replace(hidden=True) for hit in tight]
    return hits


def _search(text: Folded, folded: str, word: str, words: WordList, *, meant: bool) -> list[Hit]:
    hits: list[Hit] = []
    at = text.text.find(folded)
    while at >= 0 and len(hits) < 20:
        end = at + len(folded)
        if _is_meant(text.text, at, end, folded, words.allow) is meant:
            hits.append(Hit(word, Span(*text.place(at, end)), words))
        at = text.text.find(folded, end)
    return hits


def _is_meant(text: str, start: int, end: int, word: str, allow: tuple[str, ...]) -> bool:
    window = text[max(0, start - _WINDOW) : end + _WINDOW]
    shift = start - max(0, start - _WINDOW)
    inside = (shift, shift + end - start)
    if any(_covers_phrase(window, phrase, inside) for phrase in allow):
        return False
    if straddles(text, start, end):
        return False
    sense = senses().get(word)
    if sense is None:
        return True
    if sense.unless and _covers(_any(sense.unless), window, inside):
        return False
    return not sense.only or _covers(_any(sense.only), window, inside)


def _covers(pattern: re.Pattern[str], window: str, inside: tuple[int, int]) -> bool:
    return any(m.start() <= inside[0] and inside[1] <= m.end() for m in pattern.finditer(window))


def _covers_phrase(window: str, phrase: str, inside: tuple[int, int]) -> bool:
    return _covers(re.compile(re.escape(fold(phrase).text)), window, inside)


def _longest(hits: list[Hit]) -> list[Hit]:
    """Without hits that lie inside a longer one; two lists may name the same word."""
    kept: list[Hit] = []
    for hit in sorted(hits, key=lambda h: (h.span.start, -h.span.end)):
        if not kept or hit.span.end > kept[-1].span.end:
            kept.append(hit)
    return kept
