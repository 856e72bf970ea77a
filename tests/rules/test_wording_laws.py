"""Laws of the wording rules: no disguise hides a word, and nothing harmless excuses one."""

from __future__ import annotations

import time
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from hypothesis import given, strategies as st

from propsms import profiles
from propsms.placeholders import Template, Variable, parse
from propsms.rules._fold import fold, variants
from propsms.rules._straddle import straddles
from propsms.rules._words import senses
from propsms.templates import fix, lint

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).parent / "labelled"
PROFILES = ("seed", "aliyun", "tencent", "huawei", "baidu")
DUNNING = frozenset({
    "dunning-wording", "dunning-legal-threat", "dunning-credit-threat", "dunning-utility-cutoff",
    "dunning-tone", "dunning-shaming", "dunning-false-urgency", "dunning-late-fee",
})  # fmt: skip
WORDING = DUNNING | {
    "banned-word", "carrier-word", "survey-loyalty", "app-promo", "personal-contact",
    "notice-marketing",
}  # fmt: skip


@lru_cache
def _texts() -> tuple[dict[str, Any], ...]:
    """Every text of the blind sets that stands by itself: no values, no padding, no markers."""
    return tuple(
        entry
        for name in ("blind_reference", "blind", "blind_after")
        for entry in tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))["text"]
        if not {"values", "numbers", "pad_to", "as_written"} & entry.keys()
        and "{" not in entry["text"]
    )


def _codes(text: str, kind: str, profile: str) -> frozenset[str]:
    found = lint(text, profile=profile, kind=kind, signature="绿苑物业")
    return WORDING & {finding.code for finding in found}


@lru_cache
def _wrong() -> tuple[tuple[str, str, str], ...]:
    """Text, kind and profile of what a wording rule finds fault with."""
    return tuple(
        (entry["text"], entry.get("kind", "notice"), profile)
        for entry in _texts()
        for profile in PROFILES
        if _codes(entry["text"], entry.get("kind", "notice"), profile)
    )


wrong = st.deferred(lambda: st.sampled_from(_wrong()))
_TRADITIONAL = {simple: chr(other) for other, simple in variants().items()}


def _wide(char: str) -> str:
    return chr(ord(char) + 0xFEE0) if char.isascii() and char.isalnum() else char


DISGUISES: dict[str, Callable[[str], str]] = {
    "zero-width space": lambda char: char + "\u200b",
    "word joiner": lambda char: char + "\u2060",
    "soft hyphen": lambda char: "\u00ad" + char,
    "variation selector": lambda char: char + "\ufe0f",
    "right-to-left mark": lambda char: char + "\u200f",
    "full width": _wide,
    "traditional": lambda char: _TRADITIONAL.get(char, char),
}


@given(case=wrong, how=st.sampled_from(sorted(DISGUISES)), where=st.integers(0))
def test_no_disguise_takes_a_finding_away(
    case: tuple[str, str, str], how: str, where: int
) -> None:
    """Each rule that spoke still speaks when some letters are disguised."""
    text, kind, profile = case
    hide = DISGUISES[how]
    hidden = "".join(hide(c) if where >> (n % 64) & 1 else c for n, c in enumerate(text))
    assert _codes(text, kind, profile) <= _codes(hidden, kind, profile)


@given(case=wrong, how=st.sampled_from(sorted(DISGUISES)))
def test_no_disguise_of_every_letter_takes_a_finding_away(
    case: tuple[str, str, str], how: str
) -> None:
    """Nor when all of them are."""
    text, kind, profile = case
    assert _codes(text, kind, profile) <= _codes("".join(map(DISGUISES[how], text)), kind, profile)


HARMLESS = ("感谢您的理解与支持。", "如有疑问请到前台。", "祝您生活愉快。", "本周三大堂保洁。")


@given(case=wrong, more=st.lists(st.sampled_from(HARMLESS), min_size=1, max_size=4))
def test_a_harmless_sentence_excuses_nothing(case: tuple[str, str, str], more: list[str]) -> None:
    """What was wrong stays wrong, whatever friendly words follow or stand in front."""
    text, kind, profile = case
    after = f"{text.rstrip('。')}。{''.join(more)}"
    before = "".join(more) + text
    assert _codes(text, kind, profile) <= _codes(after, kind, profile)
    assert _codes(text, kind, profile) <= _codes(before, kind, profile)


@pytest.mark.parametrize("profile", profiles.names())
def test_every_listed_word_is_found_where_it_stands_alone(profile: str) -> None:
    """Between two commas no neighbour can lend it another meaning, unless its senses say so."""
    loaded = profiles.load(profile)
    for words in loaded.words:
        code = profiles.CATEGORIES[words.category]
        if words.severity == "off" or code not in WORDING:
            continue
        kind = "notice" if not words.kinds or "notice" in words.kinds else min(words.kinds)
        for word in words.words:
            sense = senses().get(fold(word).text)
            if sense and sense.only:
                continue  # it means what is listed in some company alone
            found = {f.code for f in lint(f"本小区，{word}，请知悉。", profile=loaded, kind=kind)}
            assert code in found, word


@pytest.mark.parametrize(
    ("text", "word", "halves"),
    [
        ("粉刷单元门厅", "刷单", True),
        ("增加群租房巡查", "加群", True),
        ("业主可发起诉求登记", "起诉", True),
        ("在家刷单赚钱", "刷单", False),
        ("您欠费用三百元", "欠费", False),
        ("起诉您", "起诉", False),
        ("将起诉", "起诉", False),
        ("赌博", "赌博", False),
    ],
)
def test_halves_of_two_words(text: str, word: str, halves: bool) -> None:
    """Only both neighbours together take a word apart."""
    at = text.index(word)
    assert straddles(text, at, at + len(word)) is halves


def test_a_word_that_is_solid_counts_between_two_words() -> None:
    """信贷 and 款项 stand there, and it is a loan all the same."""
    assert not straddles("信贷款项", 1, 3)
    assert "banned-word" in _codes("前台可办信贷款项。", "notice", "aliyun")


def _template(entry: dict[str, Any]) -> Template:
    return Template("t", entry["text"], entry.get("kind", "notice"), signature="绿苑物业")


@pytest.mark.parametrize("profile", PROFILES[1:])
def test_a_rewrite_of_a_demand_is_clean_of_what_it_mends(profile: str) -> None:
    """Where a rule of dunning offers another wording, taking it leaves nothing that it offers for."""
    mended = 0
    for entry in _texts():
        template = _template(entry)
        before = [f for f in lint(template, profile=profile) if f.code in DUNNING]
        if not any(finding.fix for finding in before):
            continue
        rewritten, _ = fix(template, profile=profile, unsafe=True)
        after = [f for f in lint(rewritten, profile=profile) if f.code in DUNNING]
        assert not [f.code for f in after if f.fix], (entry["text"], rewritten.text)
        assert {f.code for f in after} <= {f.code for f in before}, rewritten.text
        mended += rewritten.text != template.text
    assert mended >= 5


def test_markers_are_left_alone_by_a_rewrite() -> None:
    """A clause that holds a variable is not dropped."""
    template = Template(
        "t",
        "您3月物业费${fee}元待付，逾期将影响征信。",
        "dunning",
        signature="绿苑物业",
        variables=[Variable("fee", "money")],
    )
    rewritten, _ = fix(template, profile="aliyun", unsafe=True)
    assert [p.label for p in parse(rewritten.text)] == ["fee"]
    assert "征信" not in rewritten.text
    assert attrs.evolve(rewritten, text=template.text) == template


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("dunning", "物业费账单已出，如有疑问请联系我公司前台。"),
        ("notice", "您的物业费300元已缴纳成功，谢谢。"),
        ("notice", "已收到您缴纳的物业费300元。"),
        ("notice", "未交房的空置单元暂停供暖试压。"),
        ("notice", "您的访客码已过期，门禁权限失效，请重新登记。"),
        ("notice", "未结束施工的楼栋暂停供水，请提前储水。"),
        ("notice", "前台增加微信缴费渠道。"),
        ("notice", "燃气公司营业厅迁至文苑路8号。"),
        ("notice", "门岗拾得红包一个，请失主认领。"),
        ("notice", "明早气温低至零下5度，请做好水管保温。"),
        ("notice", "社区团购自提点改到东门。"),
        ("notice", "表格可在官网下载，填写后交前台。"),
        ("notice", "请关注大堂公示栏的停水安排。"),
        ("notice", "楼道堆物威胁消防安全，请自行清理。"),
    ],
)
@pytest.mark.parametrize("profile", PROFILES)
def test_property_work_that_only_sounds_like_it(profile: str, kind: str, text: str) -> None:
    """Receipts, works, lost property and weather are none of what the lists mean."""
    every_reminder = {"dunning-wording"} if (kind, profile) == ("dunning", "huawei") else set()
    assert _codes(text, kind, profile) <= every_reminder


@pytest.mark.parametrize(
    "text",
    [
        "不交物业费的住户将被停电。",
        "没交齐物业费的家庭，今冬暖气不予开通。",
        "逾期仍未付款的，将暂停您家的燃气供应。",
        "欠费住户的电梯卡将限制使用。",
        "拖欠物业费的车辆，道闸不再放行。",
        "请于周五前交物业费，否则断电。",
        "管理费再拖着不付，我们就拉闸。",
    ],
)
@pytest.mark.parametrize("kind", ["notice", "dunning"])
def test_a_cut_off_is_seen_in_other_words(kind: str, text: str) -> None:
    """Civil Code 944(3) bars the means, whatever it is called and whatever the text is filed as."""
    assert "dunning-utility-cutoff" in _codes(text, kind, "seed")


def test_a_list_means_its_words_in_other_wordings_too() -> None:
    """Aliyun lists 代办年检 and Tencent 慈善捐款; neither is got round by another order or word."""
    assert "banned-word" in _codes("门岗可代办车辆年检。", "notice", "aliyun")
    assert "banned-word" not in _codes("电梯年检请代办人员到前台登记。", "notice", "aliyun")
    assert "banned-word" in _codes("东门设慈善募捐箱。", "notice", "tencent")


@pytest.mark.parametrize(
    ("text", "profile"),
    [
        ("我司将向法院提起诉讼案件。", "aliyun"),
        ("中医美容养生馆开业。", "aliyun"),
        ("前台出售香烟酒水。", "aliyun"),
        ("您已中奖品一份，请领取。", "tencent"),
        ("上网贷款当天到账。", "baidu"),
        ("全场一半价格出售。", "seed"),
    ],
)
def test_two_neighbours_do_not_excuse_what_they_mean_themselves(text: str, profile: str) -> None:
    """The halves of 提起 and 诉讼案 still speak of a suit."""
    assert _codes(text, "notice", profile)


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        ("您3月物业费1200元待付，欠费1200元。", "您3月物业费1200元待付，账单金额1200元。"),
        ("您有账单待付。不交物业费的住户，将停水停电。", "您有账单待付。"),
        ("账单已寄出。若仍不缴纳物业费，我司将起诉。", "账单已寄出。"),
        ("账单已寄出，影响征信。", "账单已寄出。"),
        ("账单已寄出。拖欠物业费的，名单将公示，直至付清。", "账单已寄出。"),
        ("催款通知：3月账单已寄出。", "账单通知：3月账单已寄出。"),
        ("请于周五前缴清，谢谢。", "请于周五前办理，谢谢。"),
        ("您已欠费3个月。", "您已欠费3个月。"),
        ("物业费未缴清，谢谢。", "物业费未缴清，谢谢。"),
        ("不交物业费的住户，将停水停电。", "不交物业费的住户，将停水停电。"),
    ],
)
def test_a_rewrite_is_a_sentence_or_is_not_offered(text: str, rewritten: str) -> None:
    """A threat goes with the condition that it hangs on; what has no lawful short form stays."""
    template = Template("t", text, "dunning", signature="绿苑物业")
    assert rewritten == fix(template, profile="aliyun", unsafe=True)[0].text


@pytest.mark.parametrize("kind", ["notice", "dunning"])
def test_a_very_long_row_of_threats_is_judged_in_linear_time(kind: str) -> None:
    """Looking back from each threat over the whole text would take minutes."""
    began = time.perf_counter()
    assert _codes("物业费未交停止门禁" * 20_000, kind, "aliyun")
    assert time.perf_counter() - began < 30  # a second or two; a hundred when it is quadratic
