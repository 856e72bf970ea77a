"""Run rules over a text that was read once, and weigh what they find."""

from __future__ import annotations

import pkgutil
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Final

from propsms import rules
from propsms.errors import InvalidValueError
from propsms.findings import Finding, Severity
from propsms.profiles import CATEGORIES, load, names
from propsms.rules._rule import Rule
from propsms.rules._words import lexicon, union

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import date

    from propsms.profiles import Profile
    from propsms.rules._reading import Groups, Reading
    from propsms.rules._rule import Breach

__all__ = ["all_rules", "check", "get", "sources_of"]


@lru_cache(maxsize=1)
def all_rules() -> tuple[Rule, ...]:
    """Every rule, in order of its code: all that stand in the modules of this folder.

    >>> len(all_rules()) > 40
    True
    """
    found: dict[str, Rule] = {}
    for module in pkgutil.iter_modules(rules.__path__):
        if module.name.startswith("_"):
            continue
        for value in vars(import_module(f"{rules.__name__}.{module.name}")).values():
            if isinstance(value, Rule):
                found[value.code] = value
    return tuple(found[code] for code in sorted(found))


def get(code: str) -> Rule:
    """The rule *code*.

    Raises:
        InvalidValueError: There is none; the message names the nearest.

    >>> get("length-max").severity.value
    'error'
    """
    for rule in all_rules():
        if rule.code == code:
            return rule
    import difflib  # noqa: PLC0415 -- only for the message

    near = difflib.get_close_matches(code, [rule.code for rule in all_rules()], 3, 0.4)
    hint = ", ".join(near) or "propsms rule lists them all"
    raise InvalidValueError(
        f"there is no rule {code!r}; near: {hint}",
        f"没有规则“{code}”；相近的有:{hint}",
        field="code",
    )


@lru_cache(maxsize=1)
def _defaults() -> Groups:
    """The rules about texts that are on, grouped by what makes them possible."""
    groups: dict[Callable[[Reading], bool] | None, list[Rule]] = {}
    for rule in all_rules():
        if rule.default and not rule.values:
            groups.setdefault(rule.may, []).append(rule)
    return tuple((may, tuple(group)) for may, group in groups.items())


@lru_cache(maxsize=256)
def _chosen(
    profile: Profile, select: frozenset[str] | None, ignore: frozenset[str], *, values: bool
) -> dict[Rule, None]:
    """The rules that run for *profile*: each only if it states what the rule needs."""
    return dict.fromkeys(
        rule
        for rule in all_rules()
        if rule.values is values
        and (rule.code in select if select is not None else rule.default)
        and rule.code not in ignore
        and profile.severities.get(rule.code, Severity.INFO) is not None
        and rule.applies(profile)
    )


def check(
    reading: Reading,
    profile: Profile,
    *,
    select: Collection[str] | None = None,
    ignore: Collection[str] = (),
    today: date | None = None,
    values: bool = False,
) -> tuple[Finding, ...]:
    """Everything that *reading* breaks at *profile*, in order of place.

    Args:
        reading: The text.
        profile: Whose demands.
        select: Only these rules, also those that are off by default; None for all that are on.
        ignore: Not these.
        today: When given, a finding on a page older than a year says so.
        values: Run the rules about values instead of those about the text.
    """
    chosen = _chosen(
        profile,
        None if select is None else frozenset(select),
        frozenset(ignore) if ignore else _NOTHING,
        values=values,
    )
    lexicon(profile)  # so that the words of the text are known before the first rule
    likely = reading.candidates(union, _defaults())
    plain = select is None and not values
    every = likely if plain else chosen
    found: list[Finding] = []
    for rule in every:
        if plain and rule not in chosen:
            continue
        for breach in rule.find(reading, profile):
            finding = _weigh(rule, breach, profile, today)
            if finding is not None:
                found.append(finding)
    if len(found) > 1:
        found.sort(key=_place)
    return tuple(found)


_NOTHING: Final[frozenset[str]] = frozenset()


def _place(finding: Finding) -> tuple[int, str]:
    return (finding.span.start if finding.span is not None else -1, finding.code)


def _weigh(rule: Rule, breach: Breach, profile: Profile, today: date | None) -> Finding | None:
    fact = profile.facts.get(breach.fact) if breach.fact else None
    weight = breach.severity or (fact.severity if fact else None) or rule.severity.value
    weight = profile.severity.get(rule.code, weight)
    if weight == "off":
        return None
    keys = (fact.source if fact else ()) + breach.source
    zh, en = breach.message, breach.message_en
    if fact and fact.note:
        zh, en = f"{zh}({fact.note})", f"{en} ({fact.note_en or fact.note})"
    old = profile.stale(keys, today) if today is not None and keys else None
    if old is not None:
        day = old.dated or old.read
        zh += f"(依据是 {day} 的页面，已过一年，提交前请核对)"
        en += f" (the page is of {day}, over a year old: check it before you submit)"
    return Finding(
        code=rule.code,
        severity=Severity(weight),
        message=zh,
        message_en=en,
        span=breach.span,
        profile=profile.name,
        source=profile.cite(keys) if keys else breach.cite or rule.source,
        fix=breach.fix,
        field=breach.field,
    )


def sources_of(rule: Rule) -> list[str]:
    """Where *rule* is written: its own source, and those of the facts and lists that it reads."""
    told = [rule.source] if rule.source else []
    categories = {name for name, code in CATEGORIES.items() if code == rule.code}
    for name in names():
        profile = load(name)
        keys = [
            key
            for need in rule.needs
            if need in profile.facts
            for key in profile.facts[need].source
        ]
        keys += [
            key for words in profile.words if words.category in categories for key in words.source
        ]
        told += [f"{name}: {profile.sources[key]}" for key in dict.fromkeys(keys)]
    return told
