"""The security pages point to tests that exist, in both languages to the same ones."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from tests.stores.test_mutants import MUTANTS

ROOT = Path(__file__).parents[1]
PAGES = ("docs/zh/background/codes.md", "docs/en/background/codes.md", "SECURITY.md")
THREATS = {"guessing", "pumping", "replay", "SIM change", "log leak", "store theft", "insider"}


def named_in(page: str) -> set[str]:
    text = (ROOT / page).read_text("utf-8")
    return set(re.findall(r"`((?:test|check)_\w+|tests/[\w/.]+)`", text))


@cache
def defined() -> set[str]:
    """Every test, and every check of the kit for hosts."""
    files = [*(ROOT / "tests").rglob("test_*.py"), ROOT / "src/propsms/testing/stores.py"]
    texts = (file.read_text("utf-8") for file in files)
    return {name for text in texts for name in re.findall(r"def ((?:test|check)_\w+)\(", text)}


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_exists(page: str) -> None:
    """A promise is worth the test that shows it."""
    named = named_in(page)
    assert named
    paths = {name for name in named if "/" in name}
    assert [] == [path for path in sorted(paths) if not (ROOT / path).exists()]
    assert set() == named - paths - defined()


def test_both_languages_name_the_same() -> None:
    """And every threat of the table has its row, with what shows it or that nothing can."""
    zh, en, _ = PAGES
    assert named_in(en) == named_in(zh)
    text = (ROOT / en).read_text("utf-8").partition("## Threats")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    assert {4} == {len(row) for row in rows}
    assert all("`test_" in row[2] or row[2] == "nothing to show" for row in rows[1:])
    assert [] == [name for name in THREATS if not any(row[0].startswith(name) for row in rows)]


def test_the_planted_bugs_are_counted() -> None:
    """The pages tell how many there are."""
    zh, en = ((ROOT / page).read_text("utf-8") for page in PAGES[:2])
    words, words_zh = {24: ("Twenty-four", "二十四")}[len(MUTANTS)]
    assert f"{words} bugs planted" in en
    assert f"埋下{words_zh}个错误" in zh
