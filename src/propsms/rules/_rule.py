"""A rule: data that explains it, and a pure function that finds where a text breaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import attrs

from propsms.findings import Edit, Fix, Severity, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from propsms.profiles import Profile
    from propsms.rules._reading import Reading

__all__ = [
    "Breach",
    "Example",
    "Rule",
    "by_shape",
    "replace",
    "settled",
    "with_chars",
    "with_signs",
]


class Breach(NamedTuple):
    """One place where a text breaks a rule.

    Attributes:
        message: What is wrong and what to write instead, in Chinese.
        message_en: The same in English.
        span: Where, or None for the whole.
        fact: The fact of the profile that it breaks; its sources are cited and its weight holds.
        source: Keys of the profile's sources, where no fact is meant (word lists).
        severity: Instead of the fact's and the rule's: error, warning, info or off.
        cite: A source in words, for what stands on law or on our own judgement.
        fix: A change that mends it.
        field: What it is about when not a text: ``values.code``.
    """

    message: str
    message_en: str
    span: Span | None = None
    fact: str = ""
    source: tuple[str, ...] = ()
    severity: str | None = None
    cite: str = ""
    fix: Fix | None = None
    field: str = ""


class Example(NamedTuple):
    """A text that shows a rule, and for whom; *sends* are seconds and texts to one number."""

    text: str
    profile: str = "seed"
    kind: str = "notice"
    signature: str | None = "绿苑物业"
    variables: tuple[tuple[str, str], ...] | None = None
    industry: str = ""
    send_at: str = ""
    values: tuple[tuple[str, object], ...] = ()
    registered: str = ""
    filing: str = ""
    sends: tuple[tuple[int, str], ...] = ()


@attrs.frozen(eq=False, kw_only=True)
class Rule:
    """One thing that a text may do wrong.

    Attributes:
        code: Its stable name; never given to another rule.
        summary: What it finds, in Chinese.
        summary_en: The same in English.
        why: What goes wrong otherwise, in Chinese.
        why_en: The same in English.
        find: From a text, read once, and a profile to the breaches.
        may: False of a text that breaks the rule at no provider; it is asked once for all
            of them. None runs the rule on every text.
        bad: A text that breaks it.
        good: A text that keeps it.
        severity: Its weight, where neither the profile nor the fact says otherwise.
        needs: Facts of which the profile must state at least one; empty for all profiles.
        fix: ``safe``, ``unsafe`` or ``none``: whether it can mend what it finds.
        source: Where it is written, when not in a profile.
        default: False if it must be selected by name.
        values: True if it looks at values, not at the text; ``lint_values`` runs it.
        sends: True if it looks at planned sends; ``check_sends`` runs it.
    """

    code: str
    summary: str
    summary_en: str
    why: str
    why_en: str
    find: Callable[[Reading, Profile], Iterable[Breach]]
    may: Callable[[Reading], bool] | None = None
    bad: Example
    good: Example
    severity: Severity = Severity.ERROR
    needs: tuple[str, ...] = ()
    fix: str = "none"
    source: str = ""
    default: bool = True
    values: bool = False
    sends: bool = False

    def __repr__(self) -> str:
        return f"Rule({self.code!r})"

    def applies(self, profile: Profile) -> bool:
        """True if *profile* states what the rule needs."""
        return not self.needs or any(key in profile.facts for key in self.needs)


_Find = TypeVar("_Find", bound="Callable[..., object]")

# What `Rule.may` asks is the same for all texts of one `Reading.shape`, where it is listed here;
# so it is asked once for a shape, and a common text costs one look-up in place of sixty calls.
SHAPED: Final[set[Callable[[Reading], bool]]] = set()
SETTLED: Final[set[Callable[..., object]]] = set()
CHARS: Final[set[str]] = set()
SIGNS: Final[set[str]] = set()


def by_shape(may: Callable[[Reading], bool]) -> Callable[[Reading], bool]:
    """Say that *may* looks at nothing but what `Reading.shape` holds."""
    SHAPED.add(may)
    return may


def settled(find: _Find) -> _Find:
    """Say that what *find* finds goes by `Reading.shape` and the profile alone.

    Where it finds nothing it is not asked again for another text of that shape.
    """
    SETTLED.add(find)
    return find


def with_chars(chars: Collection[str]) -> Callable[[Reading], bool]:
    """True of a text that has one of *chars*."""
    wanted = frozenset(chars)
    CHARS.update(wanted)
    return by_shape(lambda reading: not wanted.isdisjoint(reading.chars))


def with_signs(signs: Collection[str]) -> Callable[[Reading], bool]:
    """True of a text that, folded, has one of *signs*."""
    wanted = frozenset(signs)
    SIGNS.update(wanted)
    return by_shape(lambda reading: not wanted.isdisjoint(reading.signs))


@by_shape
def has_markers(reading: Reading) -> bool:
    """True if the text has a variable marker."""
    return bool(reading.placeholders)


@by_shape
def has_variables(reading: Reading) -> bool:
    """True if variables are declared."""
    return bool(reading.template.variables)


@by_shape
def has_words(reading: Reading) -> bool:
    """True if a listed word stands in the text."""
    return bool(reading.words)


@by_shape
def is_about_fees(reading: Reading) -> bool:
    """True if the text speaks of fees or arrears."""
    return reading.is_about_fees


@by_shape
def may_ask_for_money(reading: Reading) -> bool:
    """True if a listed word stands in the text, or it speaks of fees."""
    return bool(reading.words) or reading.is_about_fees


def replace(span: Span, text: str, summary: str, summary_en: str, *, safe: bool = False) -> Fix:
    """The fix that puts *text* where *span* stands."""
    return Fix((Edit(span, text),), safe=safe, summary=summary, summary_en=summary_en)
