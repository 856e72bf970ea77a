"""How well the rules judge texts that were labelled blind: precision and recall per provider.

`labelled/blind_reference.toml` and `labelled/blind.toml` were written and committed by someone who
had not seen the rules, `labelled/blind_other.toml` and `labelled/blind_everyday.toml`
by two authors who wrote none; `labelled/blind_figures.toml` keeps what the first run gave, beside the
figures of today. `python tests/rules/test_blind.py` prints today's in the form of that file.
"""

from __future__ import annotations

import re
import sys
import tomllib
from functools import lru_cache
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from propsms import profiles
from propsms.findings import Finding, Severity, rejects
from propsms.placeholders import Dialect, Template, Variable, parse
from propsms.templates import lint, lint_values

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parent / "labelled"
DOCS = Path(__file__).parents[2] / "docs"
SETS = ("blind_reference", "blind", "blind_after", "blind_last", "blind_other", "blind_everyday")
SHOWN = ("blind_everyday", "blind_other", "blind_last", "blind_after", "blind", "blind_reference")
FIVE = ("seed", "aliyun", "tencent", "huawei", "baidu")
GROUPS = {"five": FIVE, "four": FIVE[1:], "all": (*FIVE, *(set(profiles.names()) - set(FIVE)))}
LEVELS = ("ok", "warn", "reject")
INSIDE = frozenset({"seed", "yunpian"})  # the text itself holds the signature


class Case(NamedTuple):
    """A text as one provider gets it, and what was said of it before any rule ran."""

    profile: str
    entry: dict[str, Any]
    label: str

    @property
    def name(self) -> str:
        """What the figures call it."""
        return f"{self.profile} {self.entry['name']}"

    def findings(self) -> tuple[Finding, ...]:
        """What the rules say of the text, and of its values where it has some."""
        template = _template(self.entry, self.profile)
        values = {**self.entry.get("values", {}), **self.entry.get("numbers", {})}
        said = lint(template, profile=self.profile)
        if not values:
            return said
        renamed = {new: values[old] for old, new in _names(self.entry, self.profile).items()}
        return (*said, *lint_values(template, renamed, profile=self.profile))


class Score(NamedTuple):
    """Refusals due, given and rightly given; the texts that came out wrong."""

    texts: int
    due: int
    given: int
    right: int
    misses: tuple[str, ...]

    @property
    def precision(self) -> float:
        """Of the refusals given, how many were due."""
        return self.right / self.given if self.given else 1.0

    @property
    def recall(self) -> float:
        """Of the refusals due, how many were given."""
        return self.right / self.due if self.due else 1.0


@lru_cache
def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def _cases(name: str) -> list[Case]:
    return [
        Case(profile, entry, level)
        for entry in _read(name)["text"]
        for profile, level in _labels(entry)
        if level in LEVELS
    ]


def _labels(entry: dict[str, Any]) -> list[tuple[str, str]]:
    """The verdict due of each provider: by provider, or by verdict and group."""
    by_verdict = [
        (profile, level)
        for level in LEVELS
        for group in entry.get(level, ())
        for profile in GROUPS.get(group, (group,))
    ]
    return [*entry.get("labels", {}).items(), *by_verdict]


def _names(entry: dict[str, Any], profile: str) -> dict[str, str]:
    """The entry's names of its variables, and the profile's."""
    found = dict.fromkeys(re.findall(r"\$\{(\w+)\}", entry["text"]))
    return {name: _named(profile, place, name) for place, name in enumerate(found, start=1)}


def _named(profile: str, place: int, name: str) -> str:
    match profiles.load(profile).dialect:
        case Dialect.NUMBERED | Dialect.BRACED | Dialect.POSITION:
            return str(place)
        case Dialect.TYPED_NUMBERED:
            return "TXT_20"
        case _:
            return name.upper() if profile == "baidu" else name


def _template(entry: dict[str, Any], profile: str) -> Template:
    text, kinds = entry["text"], entry.get("types", [])
    if not entry.get("as_written"):
        names, dialect = _names(entry, profile), profiles.load(profile).dialect
        text = re.sub(r"\$\{(\w+)\}", lambda m: dialect.write(names[m[1]]), text)
    if length := entry.get("pad_to"):
        text = "".join(islice(cycle(text), length - 1)) + "。"
    variables: dict[str, Variable] = {}
    for place, (marker, kind) in enumerate(zip(parse(text), kinds, strict=False), start=1):
        typed = marker.dialect in {Dialect.TYPED, Dialect.TYPED_NUMBERED}
        name = f"v{place}" if typed else marker.label
        variables.setdefault(name, Variable(name, kind))
    signature = entry.get("signature", "绿苑物业") or None
    if signature and profile in INSIDE and not text.startswith("【"):
        text, signature = (text if entry.get("as_written") else f"【{signature}】{text}"), None
    return Template(
        entry["name"],
        text,
        entry.get("kind", "notice"),
        signature=signature,
        variables=variables.values(),
    )


@lru_cache
def _scores(name: str) -> dict[str, Score]:
    judged = [(case, rejects(case.findings())) for case in _cases(name)]
    scores: dict[str, Score] = {}
    for profile in sorted({case.profile for case, _ in judged}):
        mine = [
            (case, refused, case.label == "reject")
            for case, refused in judged
            if case.profile == profile
        ]
        scores[profile] = Score(
            len(mine),
            sum(due for *_, due in mine),
            sum(refused for _, refused, _ in mine),
            sum(refused and due for _, refused, due in mine),
            tuple(
                f"{case.name}: {'let pass' if due else 'wrongly refused'}"
                for case, refused, due in mine
                if refused is not due
            ),
        )
    return scores


def test_every_blind_label_cites_a_page_that_is_named() -> None:
    """A label without a source is an opinion."""
    known = _read("blind_sources").keys()
    for name in SETS:
        for entry in _read(name)["text"]:
            cited = set(entry.get("cite") or re.findall(r"\[([A-Z]+[0-9]+)\]", entry["why"]))
            assert cited or re.search(r"§|seed", entry["why"]), entry["name"]
            assert cited <= known, entry["name"]


@pytest.mark.parametrize("profile", FIVE)
def test_our_own_blind_set_is_large_and_half_of_it_traps(profile: str) -> None:
    """At least forty texts each, half of them made to mislead."""
    traps = [case.entry.get("trap", False) for case in _cases("blind") if case.profile == profile]
    assert len(traps) >= 40
    assert 2 * sum(traps) >= len(traps)


def test_no_text_is_judged_twice_for_one_provider() -> None:
    """A provider in two lists of one text would be counted twice."""
    names = [(name, case.name) for name in SETS for case in _cases(name)]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("name", SETS)
def test_the_figures_are_those_on_record(name: str) -> None:
    """A refusal that was foreseen stays foreseen, and a text let pass stays let pass."""
    recorded = _read("blind_figures")["final"][name]
    for profile, score in _scores(name).items():
        kept = Score(**{**recorded[profile], "misses": tuple(recorded[profile]["misses"])})
        assert score.precision >= kept.precision, score.misses
        assert score.recall >= kept.recall, score.misses
        assert kept == score, "better than on record: write the figures anew"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_tells_the_figures_and_names_every_miss(language: str) -> None:
    """The docs give each provider's first-run figures, and every text that came out wrong."""
    page = (DOCS / language / "background" / "what-providers-refuse.md").read_text("utf-8")
    figures = _read("blind_figures")
    for profile in profiles.names():
        cells = [_cell(figures["first"][name].get(profile)) for name in SHOWN]
        assert f"| {' | '.join(cells)} |" in page, profile
    for scores in figures["first"].values():
        for miss in (miss for score in scores.values() for miss in score["misses"]):
            assert f"`{miss.split(': ')[0].split()[1]}`" in page, miss


def _cell(kept: dict[str, Any] | None) -> str:
    if kept is None:
        return "-"
    score = Score(**{**kept, "misses": ()})
    return f"{score.precision:.2f} / {score.recall:.2f}"


def main() -> None:
    """Write today's figures as they stand in the file; with -v, every text that differs, and why."""
    for name in SETS:
        for profile, score in _scores(name).items():
            misses = "".join(f'\n  "{miss}",' for miss in score.misses)
            end = "\n" if misses else ""
            sys.stdout.write(
                f"\n[final.{name}.{profile}]\n"
                f"texts = {score.texts}\ndue = {score.due}\n"
                f"given = {score.given}\nright = {score.right}\n"
                f"misses = [{misses}{end}]\n"
            )
    if "-v" in sys.argv:
        sys.stdout.writelines(_differences())


def _differences() -> Iterator[str]:
    for case in (case for name in SETS for case in _cases(name)):
        findings = case.findings()
        codes = {level: {f.code for f in findings if f.severity is level} for level in Severity}
        errors, warnings = codes[Severity.ERROR], codes[Severity.WARNING]
        said = "reject" if errors else "warn" if warnings else "ok"
        named = set(case.entry.get("codes", ()))
        if said != case.label or (said == "reject" and named and not named & errors):
            yield f"{case.label:6} -> {said:6} {case.name}: {errors or warnings} {named or ''}\n"


if __name__ == "__main__":
    main()
