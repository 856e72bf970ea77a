"""The schema of profiles: every bad key is named with its path, and what is missing is unknown."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st

from propsms.errors import InvalidValueError, TemplateError
from propsms.findings import Severity
from propsms.placeholders import Dialect, VariableType
from propsms.profiles import ALL, FACTS, Profile, load, names, parse_profile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BASE: dict[str, Any] = {
    "name": "own",
    "title": "自有",
    "title_en": "Own",
    "grade": "design",
    "read": date(2026, 11, 1),
    "sources": {"A": {"title": "合同", "url": "附件", "dated": date(2026, 1, 1)}},
}


def own(**more: Any) -> Profile:
    """A small profile with *more* in it."""
    return parse_profile({**BASE, **more}, where="own.toml")


def test_names_come_from_the_folder() -> None:
    """A new profile is one new file."""
    assert "seed" == names()[0]
    assert {"aliyun", "tencent", "huawei", "baidu"} <= set(names())
    assert names() == tuple(ALL)
    assert "ALL" == repr(ALL)


def test_what_is_told_in_chinese_has_its_punctuation() -> None:
    """No half-width comma stands beside a Han character in a note or a title."""
    for profile in map(load, ALL):
        entries = (*profile.facts.values(), *profile.types.values(), *profile.words)
        titles = [source.title for source in profile.sources.values()]
        for told in [profile.title, profile.note, *titles, *(entry.note for entry in entries)]:
            assert not re.search("[\u4e00-\u9fff”][,;:!?()]|[,;:!?()][\u4e00-\u9fff“]", told)


def test_every_profile_cites_every_fact() -> None:
    """No figure without a source, no source without a day of reading."""
    for name in names():
        profile = load(name)
        assert name == profile.name
        assert f"Profile({name!r})" == repr(profile)
        for fact in profile.facts.values():
            assert "read 20" in profile.cite(fact.source)
        for words in profile.words:
            assert profile.cite(words.source)
        for rule in profile.types.values():
            assert profile.cite(rule.source)
        assert not profile.unknown & set(profile.facts)


def test_values() -> None:
    """Facts come in their shape."""
    profile = own(
        facts={
            "length_max": {"value": 300, "source": ["A"], "severity": "warning"},
            "signature_length": {
                "value": [2, 8],
                "source": ["A"],
                "rival": [2, 9],
                "rival_source": ["A"],
            },
            "styles": {"value": ["{n}"], "source": ["A"]},
            "marketing_window": {"value": ["08:00", "22:00"], "source": ["A"]},
        },
        types={
            "code": {"pattern": "\\d+", "length": [4, 6], "source": ["A"], "attribute": "数字"}
        },
        words=[{"category": "debt", "words": ["催款"], "source": ["A"], "kinds": ["notice"]}],
        unknown=["symbols"],
        severity={"emoji": "off", "newline": "error"},
        channels=["letter"],
        note="注",
        note_en="note",
    )
    assert 300 == profile.get("length_max")
    assert (2, 9) == profile.facts["signature_length"].rival
    assert Dialect.BRACED is profile.dialect
    assert (4, 6) == profile.types[VariableType.CODE].length
    assert {"emoji": None, "newline": Severity.ERROR} == profile.severities
    assert "warning" == profile.weigh("x", "warning")
    assert "off" == profile.weigh("emoji", "warning")
    assert None is profile.get("symbols")
    assert 7 == profile.get("links_max", 7)
    assert "debt" in profile.lists
    assert profile is load(profile)
    with pytest.raises(KeyError):
        profile.get("nonsense")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"colour": 1}, r"own\.toml: unknown key 'colour'"),
        ({"name": ""}, r"own\.toml: name: expected a text"),
        ({"grade": "good"}, r"own\.toml: grade: expected one of official"),
        ({"read": "2026"}, r"own\.toml: read: expected a date"),
        ({"read": None}, r"own\.toml: read: expected the day"),
        ({"sources": {"A": {"title": "x"}}}, r"sources\.A: url"),
        (
            {"sources": {"A": {"title": "x", "url": "y", "when": 1}}},
            r"sources\.A: unknown key 'when'",
        ),
        ({"sources": {"A": 1}}, r"sources: A: expected a table"),
        ({"sources": 1}, r"sources: expected a table"),
        ({"facts": {"lenght": {"value": 1, "source": ["A"]}}}, r"facts: unknown key 'lenght'"),
        (
            {"facts": {"length_max": {"value": "x", "source": ["A"]}}},
            r"facts\.length_max\.value: expected a whole",
        ),
        ({"facts": {"length_max": {"value": 1}}}, r"facts\.length_max\.source"),
        ({"facts": {"length_max": {"value": 1, "source": []}}}, "at least one source"),
        (
            {"facts": {"length_max": {"value": 1, "source": ["Z"]}}},
            r"keys of \[sources\], got 'Z'",
        ),
        ({"facts": {"length_max": {"value": 1, "source": ["A"], "rival": 2}}}, "rival_source"),
        ({"facts": {"length_max": {"value": 1, "source": ["A"], "severity": "bad"}}}, "severity"),
        ({"facts": {"length_max": {"value": 1, "source": ["A"], "why": 1}}}, "unknown key 'why'"),
        ({"facts": {"name_pattern": {"value": "[", "source": ["A"]}}}, "a regular expression"),
        ({"facts": {"name_pattern": {"value": 3, "source": ["A"]}}}, "a regular expression"),
        ({"facts": {"styles": {"value": ["<n>"], "source": ["A"]}}}, "a list of"),
        ({"facts": {"signature_place": {"value": "end", "source": ["A"]}}}, '"head", "apart"'),
        ({"facts": {"signature_length": {"value": [5, 2], "source": ["A"]}}}, "two whole numbers"),
        ({"facts": {"marketing_window": {"value": ["8", "22"], "source": ["A"]}}}, "two times"),
        ({"types": {"kode": {"source": ["A"]}}}, r"types\.kode: expected one of code"),
        ({"words": 1}, r"words: expected \[\[words\]\]"),
        ({"words": [1]}, r"words\[0\]: expected a table"),
        ({"words": [{"category": "x", "words": ["a"], "source": ["A"]}]}, r"words\[0\]\.category"),
        (
            {"words": [{"category": "debt", "words": [], "source": ["A"], "kinds": ["sms"]}]},
            "kinds",
        ),
        ({"words": [{"category": "debt", "words": [""], "source": ["A"]}]}, r"words\[0\]\.words"),
        ({"unknown": ["nonsense"]}, "unknown: expected keys of"),
        (
            {"unknown": ["length_max"], "facts": {"length_max": {"value": 1, "source": ["A"]}}},
            "no key that",
        ),
        ({"severity": {"emoji": "loud"}}, r"severity\.emoji"),
        ({"extends": "nobody"}, "no profile 'nobody'"),
    ],
)
def test_faults_are_named(more: dict[str, Any], told: str) -> None:
    """The path of the bad key, what was expected, what was found."""
    with pytest.raises((InvalidValueError, TemplateError), match=told) as caught:
        own(**more)
    assert caught.value.message_zh


def test_extending() -> None:
    """What is said anew wins, the rest stays; an unknown fact may become known."""
    base = load("seed")
    mine = parse_profile(
        {
            "name": "mine",
            "extends": "seed",
            "facts": {"repeat_allowed": {"value": False, "source": ["S32"]}},
            "words": [{"category": "other", "words": ["甲"], "source": ["S32"]}],
        }
    )
    assert base.title == mine.title
    assert base.read == mine.read
    assert base.get("length_max") == mine.get("length_max")
    assert len(base.words) + 1 == len(mine.words)
    assert "repeat_allowed" not in mine.unknown


def test_files(tmp_path: Path) -> None:
    """A path is read as it is; what is not TOML is named."""
    file = tmp_path / "x.toml"
    with pytest.raises(TemplateError, match="cannot read"):
        load(file)
    file.write_text("name = ", "utf-8")
    with pytest.raises(TemplateError, match="not TOML"):
        load(str(file))
    file.write_text('name = "x"\nextends = "seed"\n', "utf-8-sig")
    assert "x" == load(file).name


def test_stale() -> None:
    """A fact is as old as its newest page; an undated page counts from its reading."""
    profile = own(
        sources={
            "A": {"title": "a", "url": "u", "dated": date(2025, 1, 1)},
            "B": {"title": "b", "url": "u"},
        }
    )
    assert "A" == getattr(profile.stale(("A",), date(2026, 1, 2)), "key", None)
    assert None is profile.stale(("A",), date(2026, 1, 1))
    assert None is profile.stale(("A", "B"), date(2027, 11, 1))
    assert None is profile.stale((), date(2030, 1, 1))
    assert None is own().dialect


def _told(act: Callable[[], object], otherwise: str) -> str:
    """The message of the error that *act* raises, or *otherwise* when it raises none."""
    try:
        act()
    except InvalidValueError as error:
        return error.message
    return otherwise


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    st.sampled_from(["facts", "sources", "types", "words", "unknown", "severity", "channels"]),
    _anything,
)
def test_any_table(key: str, value: Any) -> None:
    """Whatever a file holds, it is read or refused by name."""
    assert key in _told(lambda: own(**{key: value}), key)


@given(st.sampled_from(sorted(FACTS)), _anything)
def test_any_fact(key: str, value: Any) -> None:
    """Every fact has a shape that is checked."""
    assert key in _told(lambda: own(facts={key: {"value": value, "source": ["A"]}}), key)


def test_a_fault_is_told_with_its_line(tmp_path: Path) -> None:
    """File, line, what was expected, and the key that was most likely meant."""
    own = tmp_path / "ours.toml"
    head = 'name="ours"\nextends="seed"\n[sources.c]\ntitle="x"\nurl="y"\n[facts]\n'
    own.write_text(head + 'lenght_max = { value = 1, source = ["c"] }\n', "utf-8")
    with pytest.raises(
        InvalidValueError, match=r"ours\.toml:7: facts: unknown key.*known are length_max"
    ):
        load(own)
    own.write_text(head + 'length_max = { value = "x", source = ["c"] }\n', "utf-8")
    with pytest.raises(
        InvalidValueError, match=r"ours\.toml:7: facts\.length_max\.value: expected a whole"
    ):
        load(own)
    words = '[[words]]\ncategory="other"\nwords=["x"]\nsource=["c"]\n'
    own.write_text(head + words + words + 'severity="loud"\n', "utf-8")
    with pytest.raises(InvalidValueError, match=r"ours\.toml:15: words\[1\]: severity: expected"):
        load(own)
    own.write_text("name = = 1\n", "utf-8")
    with pytest.raises(TemplateError, match=r"ours\.toml:1: it is not TOML"):
        load(own)
