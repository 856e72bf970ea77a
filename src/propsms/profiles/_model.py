"""A profile in memory: facts with their sources, checked once, when read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from propsms._placeholders.lazy import lazy
from propsms.findings import Severity
from propsms.profiles._schema import FACTS

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping
    from datetime import date

    from propsms._kinds import MessageKind
    from propsms.placeholders import Dialect, VariableType

__all__ = ["Fact", "Profile", "Source", "TypeRule", "WordList"]


@attrs.frozen
class Source:
    """A page that a fact was read on.

    Attributes:
        key: Its short name in the profile.
        dated: The date printed on it, or None.
        read: The day on which it was read.
        grade: official, copy, third-party or design.
    """

    key: str
    title: str
    url: str
    dated: date | None
    read: date
    grade: str

    def __str__(self) -> str:
        printed = f"dated {self.dated}" if self.dated else "undated"
        grade = "" if self.grade == "official" else f", {self.grade}"
        return f"{self.title}, {self.url} ({printed}, read {self.read}{grade})"


@attrs.frozen
class Fact:
    """One thing that a provider asks, and where it says so.

    Attributes:
        value: In the shape that `FACTS` names.
        source: Keys of the profile's sources.
        severity: How the rule that reads it weighs a breach; None for the rule's own weight.
        rival: What another page says; None when the pages agree.
        rival_source: Where it says so.
        note: What to tell with a finding, in Chinese.
        note_en: The same in English.
    """

    value: Any
    source: tuple[str, ...]
    severity: str | None = None
    rival: Any = None
    rival_source: tuple[str, ...] = ()
    note: str = ""
    note_en: str = ""


@attrs.frozen
class TypeRule:
    """What a provider calls a type of variable, and what it asks of its values."""

    type: VariableType
    source: tuple[str, ...]
    attribute: str = ""
    pattern: re.Pattern[str] | None = None
    length: tuple[int, int] | None = None
    note: str = ""
    note_en: str = ""


@attrs.frozen
class WordList:
    """Words that a provider refuses, of one category.

    Attributes:
        category: A key of `CATEGORIES`.
        words: As listed.
        severity: error, warning, info or off.
        kinds: Only in texts of these kinds; empty for all.
        note: What to write instead, in Chinese.
        note_en: The same in English.
        allow: Phrases in which the words are meant otherwise, for this list alone.
        added_by: The name of the profile that adds it to another's lists; empty for the
            provider's own.
    """

    category: str
    words: tuple[str, ...]
    source: tuple[str, ...]
    severity: str = "error"
    kinds: frozenset[MessageKind] = frozenset()
    note: str = ""
    note_en: str = ""
    allow: tuple[str, ...] = ()
    added_by: str = ""


@attrs.frozen(slots=False, eq=False)
class Profile:
    """Everything that is known of one provider's demands on texts.

    Attributes:
        name: As in ``lint(..., profile=name)``.
        grade: How good the evidence is, at the weakest that counts.
        read: The day on which the sources were read.
        unknown: Keys of `FACTS` that were looked for and not found.
        channels: What may carry a text where no wording passes.
        severity: Rules that weigh otherwise here: code to error, warning, info or off.
    """

    name: str
    title: str
    title_en: str
    grade: str
    read: date
    sources: Mapping[str, Source] = attrs.field(factory=dict[str, Source])
    facts: Mapping[str, Fact] = attrs.field(factory=dict[str, Fact])
    types: Mapping[VariableType, TypeRule] = attrs.field(factory=dict["VariableType", TypeRule])
    words: tuple[WordList, ...] = ()
    unknown: frozenset[str] = frozenset()
    severity: Mapping[str, str] = attrs.field(factory=dict[str, str])
    note: str = ""
    note_en: str = ""
    channels: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Profile({self.name!r})"

    def get(self, key: str, default: Any = None) -> Any:
        """The value of the fact *key*, or *default* when the provider is not known to say.

        Raises:
            KeyError: There is no such fact in `FACTS`.
        """
        fact = self.facts.get(key)
        if fact is None:
            _ = FACTS[key]
            return default
        return fact.value

    @lazy
    def dialect(self) -> Dialect | None:
        """The dialect that `convert` writes for this provider; None when it is not known."""
        styles: tuple[Dialect, ...] = self.get("styles") or ()
        return styles[0] if styles else None

    @lazy
    def signs(self) -> tuple[frozenset[str], tuple[str, ...]]:
        """The forbidden signs: single ones, and longer ones; brackets have rules of their own."""
        listed: tuple[str, ...] = self.get("symbols") or ()
        wanted = [sign for sign in listed if sign not in "[]【】"]
        return frozenset(s for s in wanted if len(s) == 1), tuple(s for s in wanted if len(s) > 1)

    @lazy
    def sign_heads(self) -> frozenset[str]:
        """The characters that a forbidden sign begins with."""
        signs, longer = self.signs
        alike: tuple[str, ...] = self.get("symbols_alike") or ()
        return signs | {sign[0] for sign in (*longer, *alike)}

    @lazy
    def lists(self) -> Mapping[str, WordList]:
        """The first list of each category."""
        return {words.category: words for words in reversed(self.words)}

    def cite(self, keys: tuple[str, ...]) -> str:
        """The sources behind *keys*, each with address, printed date and day of reading."""
        told = self._cited.get(keys)
        if told is None:
            told = self._cited[keys] = "; ".join(str(self.sources[key]) for key in keys)
        return told

    @lazy
    def _cited(self) -> dict[tuple[str, ...], str]:
        return {}

    def weigh(self, code: str, default: str) -> str:
        """How the rule *code* weighs here: error, warning, info or off."""
        return self.severity.get(code, default)

    def stale(self, keys: tuple[str, ...], today: date) -> Source | None:
        """The source that is older than a year on *today*, if every one of *keys* is.

        A page counts from the date printed on it, or else from the day it was read.
        """
        found = [self.sources[key] for key in keys]
        newest = max(found, key=lambda s: s.dated or s.read, default=None)
        if newest is None:
            return None
        return newest if (today - (newest.dated or newest.read)).days > 365 else None

    @lazy
    def severities(self) -> Mapping[str, Severity | None]:
        """The overrides as `Severity`; None means off."""
        return {c: None if s == "off" else Severity(s) for c, s in self.severity.items()}
