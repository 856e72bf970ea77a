"""The facts of the built-in profiles: the figures that the pages give, and what they leave open."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from propsms.placeholders import Dialect, VariableType
from propsms.profiles import FACTS, load, names

OUTSIDE = [name for name in names() if name != "seed"]
READ = date(2026, 11, 23)
BY_NUMBER = {Dialect.NUMBERED, Dialect.BRACED, Dialect.TYPED_NUMBERED}
BY_NAME = {Dialect.NAMED, Dialect.HASHED}

# Read off the pages once more, apart from the files: provider, fact, value.
FIGURES: list[tuple[str, str, Any]] = [
    ("aliyun", "length_max", 500),
    ("aliyun", "signature_length", (2, 12)),
    ("aliyun", "variable_length", 35),
    ("aliyun", "otp_code_length", (4, 6)),
    ("aliyun", "otp_keywords", ("验证码", "注册码", "校验码", "动态码", "动态密码")),
    ("aliyun", "phones_max", 2),
    ("aliyun", "marketing_optout", ("拒收请回复R",)),
    ("aliyun", "otp_per_day", 10),
    ("tencent", "length_max", 500),
    ("tencent", "signature_length", (2, 12)),
    ("tencent", "otp_code_length", (1, 6)),
    ("tencent", "marketing_window", ("08:00", "22:00")),
    ("tencent", "industries_otp_only", ("房地产", "教育")),
    ("huawei", "length_max", 500),
    ("huawei", "variables_max_otp", 1),
    ("huawei", "variables_max_notice", 20),
    ("huawei", "variables_max_marketing", 0),
    ("huawei", "variable_length", 20),
    ("huawei", "signature_length", (2, 16)),
    ("huawei", "otp_code_length", (1, 8)),
    ("huawei", "otp_keywords", ("验证码", "注册码", "校验码", "动态码")),
    ("huawei", "length_counts_maximum", True),
    ("huawei", "otp_per_day", 50),
    ("huawei-intl", "otp_code_length", (1, 6)),
    ("huawei-intl", "adjacent_max", 4),
    ("huawei-intl", "length_max", 500),
    ("baidu", "length_max", 600),
    ("baidu", "otp_code_length", (1, 10)),
    ("baidu", "variable_length", 50),
    ("baidu", "industries_otp_only", ("金融", "房地产", "移民", "教育培训")),
    ("volcengine", "length_max", 1000),
    ("volcengine", "variables_max_notice", 10),
    ("volcengine", "variable_length", 35),
    ("volcengine", "signature_length", (2, 25)),
    ("volcengine", "marketing_window", ("08:00", "21:30")),
    ("ctyun", "length_max", 500),
    ("ctyun", "name_reserved", ("email", "mobile", "id", "nick", "site")),
    ("qiniu", "length_max", 500),
    ("qiniu", "length_max_sent", 600),
    ("qiniu", "marketing_optout", ("回TD退订", "回T退订")),
    ("qiniu", "marketing_window", ("08:00", "20:00")),
    ("qiniu", "otp_per_day", 50),
    ("yunpian", "signature_place", "head"),
    ("cmas", "signature_place", "code"),
]


@pytest.mark.parametrize(("name", "key", "value"), FIGURES)
def test_figures(name: str, key: str, value: Any) -> None:
    """The file says what the page says."""
    assert value == load(name).get(key)


# Where two pages of one provider disagree, both stand in the file (breaking one is a warning).
CONFLICTS = [
    ("aliyun", "signature_length", (2, 18)),
    ("tencent", "review_hours", "每日 9:00 至 23:00"),
    ("huawei", "signature_length", (2, 32)),
    ("huawei", "marketing_window", ("08:00", "21:00")),
    ("huawei", "landline_variable_allowed", False),
    ("huawei-intl", "adjacent_max", 1),
    ("volcengine", "link_variable_allowed", True),
]


@pytest.mark.parametrize(("name", "key", "rival"), CONFLICTS)
def test_conflicts_are_kept_with_both_sources(name: str, key: str, rival: Any) -> None:
    """Nobody has to guess which page won, or what the other one said."""
    fact = load(name).facts[key]
    assert rival == fact.rival != fact.value
    assert fact.source
    assert fact.rival_source


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_was_not_found_is_said_to_be_unknown(name: str) -> None:
    """Every fact is stated, or said to be unknown, or does not fit the provider's markers."""
    profile = load(name)
    styles = set(profile.get("styles"))
    unfit = set() if styles & BY_NUMBER else {"contiguous_numbers"}
    unfit |= set() if styles & BY_NAME else {"name_pattern", "name_reserved"}
    assert set(FACTS) - set(profile.facts) - profile.unknown - unfit == set()


@pytest.mark.parametrize("name", OUTSIDE)
def test_every_fact_can_be_looked_up(name: str) -> None:
    """Each source has an address and a day; each note stands in both languages."""
    profile = load(name)
    assert READ == profile.read
    for source in profile.sources.values():
        assert source.title
        assert source.url.startswith(("https://", "public code"))
        assert source.dated is None or date(2012, 1, 1) < source.dated <= source.read
    noted = [*profile.facts.values(), *profile.types.values(), *profile.words]
    assert all(bool(one.note) is bool(one.note_en) for one in noted)
    assert profile.note
    assert profile.note_en


@pytest.mark.parametrize("name", OUTSIDE)
def test_sources_are_used(name: str) -> None:
    """A page nobody cites is a leftover; a profile that extends another cites its pages too."""
    profile = load(name)
    cited = {k for f in profile.facts.values() for k in (*f.source, *f.rival_source)}
    cited |= {k for one in (*profile.types.values(), *profile.words) for k in one.source}
    own = set(profile.sources) - (set(load("huawei").sources) if name == "huawei-intl" else set())
    spare = {"AL16", "TX5", "HW21", "HW14", "VE3"}  # named in a note or for a single figure
    assert own - cited - spare == set()


@pytest.mark.parametrize("name", ["yunpian", "cmas"])
def test_thin_evidence_says_so(name: str) -> None:
    """Next to nothing is known, so the grade and the note must tell it."""
    profile = load(name)
    assert profile.grade == "third-party"
    assert "不等于会通过" in profile.note
    assert not profile.words


@pytest.mark.parametrize("name", ["aliyun", "huawei"])
def test_every_type_has_the_providers_own_attribute(name: str) -> None:
    """Where attributes must be declared, each of our types that a text uses knows its own."""
    types = load(name).types
    used = {"code", "phone", "date", "time", "datetime", "money", "name", "address", "text"}
    assert used <= {kind.value for kind in types}
    assert all(rule.attribute for rule in types.values())


@pytest.mark.parametrize(
    ("name", "kind", "good", "bad"),
    [
        ("aliyun", "code", "58392", "583"),
        ("aliyun", "phone", "0571-82123000", "12"),
        ("aliyun", "money", "99.5", "99元"),
        ("aliyun", "name", "王小明", "Wang"),
        ("aliyun", "pickup_code", "12-3-456", "A1234"),
        ("aliyun", "link", "a8Xk2", "https://example.cn"),
        ("tencent", "code", "583920", "A58392"),
        ("huawei", "code", "12345678", "123456789"),
        ("huawei", "phone", "+86-95001", "95001-"),
        ("huawei", "text", "3栋2单元", "3栋.2单元"),
        ("huawei", "money", "叁佰元", "¥300"),
        ("huawei", "date", "2026年3月1日", "3月1日"),
        ("huawei-intl", "date", "2026/3/1", "2026-03-01"),
        ("qiniu", "code", "583920", "58392A"),
        ("ctyun", "phone", "0571-880000", "400-123-1234-5"),
    ],
)
def test_patterns(name: str, kind: str, good: str, bad: str) -> None:
    """The shape of a value as the provider's page gives it."""
    pattern = load(name).types[VariableType(kind)].pattern
    assert pattern is not None
    assert pattern.fullmatch(good)
    assert not pattern.fullmatch(bad)


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("aliyun", {"催款", "上门追讨", "法律维权", "调解", "问卷调查", "积分兑换", "代办年检"}),
        ("tencent", {"催款", "征信", "法律维权", "年检", "问卷调查", "积分领取", "招商", "招募"}),
        ("huawei", {"催款", "征信黑名单", "法院诉讼", "传票", "烟", "酒", "茶叶", "评价", "养老"}),
        (
            "baidu",
            {"催款还款", "催收", "法律维权", "逾期", "影响征信", "流量充值", "回复确认收货"},
        ),
        ("qiniu", {"催款", "电信", "移动", "联通", "货到付款"}),
        ("volcengine", {"催款", "会所", "营业厅", "移动", "面试招聘"}),
    ],
)
def test_listed_words(name: str, listed: set[str]) -> None:
    """Strings that the pages print stand in the lists, letter by letter."""
    words = {word for group in load(name).words for word in group.words}
    assert listed <= words
