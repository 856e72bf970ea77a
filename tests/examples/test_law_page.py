"""The page on the law says the same in both languages, each claim with where it stands."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def _claims(language: str) -> list[list[str]]:
    """The cells of each row: the rule, its source, what the library does."""
    text = (ROOT / "docs" / language / "background" / "law.md").read_text("utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return [row for row in rows if row[0] not in {"规则", "rule"}]


def test_every_claim_has_its_source_and_both_languages_name_the_same_articles() -> None:
    zh, en = _claims("zh"), _claims("en")
    assert len(zh) == len(en) > 30
    for ours, theirs in zip(zh, en, strict=True):
        assert 3 == len(ours) == len(theirs)
        numbers = [set(re.findall(r"\d+", source)) for _, source, _ in (ours, theirs)]
        assert numbers[0] == numbers[1], ours[0]
        assert numbers[0], ours[0]
        sure = [("确定" in ours[1], "较弱" in ours[1]), ("sure" in theirs[1], "weak" in theirs[1])]
        assert sure[0] == sure[1], ours[0]
        assert any(sure[0]), ours[0]


def test_the_page_says_first_that_it_is_no_legal_advice() -> None:
    for language, words in (("zh", "不是法律意见"), ("en", "not legal advice")):
        text = (ROOT / "docs" / language / "background" / "law.md").read_text("utf-8")
        assert words in text.partition("## ")[0]
