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
from propsms.rules._rule import SETTLED, SHAPED, Rule
from propsms.rules._words import lexicon, union

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import date

    from propsms.profiles import Profile
    from propsms.rules._reading import Plan, Plans, Reading
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
    hint = f"near: {', '.join(near)}" if near else "propsms rule lists them all"
    hint_zh = f"相近的有：{'、'.join(near)}" if near else "propsms rule 可列出全部"
    raise InvalidValueError(
        f"there is no rule {code!r}; {hint}",
        f"没有规则“{code}”；{hint_zh}",
        field="code",
    )


@lru_cache(maxsize=256)
def _chosen(
    profile: Profile,
    select: frozenset[str] | None,
    ignore: frozenset[str],
    *,
    values: bool,
    sends: bool = False,
) -> tuple[Rule, ...]:
    """The rules that run for *profile*: each only if it states what the rule needs."""
    return tuple(
        rule
        for rule in all_rules()
        if rule.values is values
        and rule.sends is sends
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
    sends: bool = False,
) -> tuple[Finding, ...]:
    """Everything that *reading* breaks at *profile*, in order of place.

    Args:
        reading: The text.
        profile: Whose demands.
        select: Only these rules, also those that are off by default; None for all that are on.
        ignore: Not these.
        today: When given, a finding on a page older than a year says so.
        values: Run the rules about values instead of those about the text.
        sends: Run the rules about planned sends instead.
    """
    lexicon(profile)  # so that the words of the text are known before the first rule
    left_out = frozenset(ignore) if ignore else _NOTHING
    plans = reading.plans(union, _known())
    if select is None and not values and not sends:
        plan = plans.get((profile, left_out)) or _plan(reading, profile, left_out, plans)
    else:
        wanted = None if select is None else frozenset(select)
        chosen = _chosen(profile, wanted, left_out, values=values, sends=sends)
        plan = tuple((rule, None) for rule in chosen)
    found: list[Finding] = []
    for rule, may in plan:
        if may is not None and not may(reading):
            continue
        for breach in rule.find(reading, profile):
            finding = _weigh(rule, breach, profile, today)
            if finding is not None:
                found.append(finding)
    if len(found) > 1:
        found.sort(key=_place)
    return tuple(found)


_NOTHING: Final[frozenset[str]] = frozenset()


@lru_cache(maxsize=1)
def _known() -> dict[object, Plans]:
    """The plans of each shape of text; made after all rules were loaded."""
    all_rules()
    return {}


def _plan(reading: Reading, profile: Profile, ignore: frozenset[str], plans: Plans) -> Plan:
    """The rules that a text of this shape may break at *profile*, and what to ask it itself."""
    plan: list[tuple[Rule, Callable[[Reading], bool] | None]] = []
    for rule in _chosen(profile, None, ignore, values=False):
        may = rule.may
        if may is not None and may in SHAPED:
            if not may(reading):
                continue
            may = None
        if rule.find in SETTLED and not any(True for _ in rule.find(reading, profile)):
            continue
        plan.append((rule, may))
    plans[profile, ignore] = tuple(plan)
    return plans[profile, ignore]


def _place(finding: Finding) -> tuple[int, str]:
    return (finding.span.start if finding.span is not None else -1, finding.code)


def _weigh(rule: Rule, breach: Breach, profile: Profile, today: date | None) -> Finding | None:
    fact = profile.facts.get(breach.fact) if breach.fact else None
    weight = profile.severity.get(rule.code) or breach.severity or (fact and fact.severity)
    if weight == "off":
        return None
    keys = fact.source + breach.source if fact else breach.source
    zh, en = breach.message, breach.message_en
    if fact and fact.note:
        zh, en = f"{zh}（{fact.note}）", f"{en} ({fact.note_en or fact.note})"
    old = profile.stale(keys, today) if today is not None and keys else None
    if old is not None:
        day = old.dated or old.read
        zh += f"（依据是 {day} 的页面，已过一年，提交前请核对）"
        en += f" (the page is of {day}, over a year old: check it before you submit)"
    return Finding(
        rule.code,
        _SEVERITIES[weight] if weight else rule.severity,
        zh,
        en,
        breach.span,
        profile.name,
        profile.cite(keys) if keys else breach.cite or rule.source,
        breach.fix,
        breach.field,
    )


_SEVERITIES: Final = {severity.value: severity for severity in Severity}


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
