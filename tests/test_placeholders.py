"""Markers of every dialect, and texts that a maths renderer ate."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given, strategies as st

from propsms.errors import InvalidValueError, TemplateError
from propsms.findings import Span
from propsms.placeholders import (
    Dialect,
    Template,
    Variable,
    VariableType,
    eat_maths,
    is_mangled,
    parse,
    require_one_dialect,
    restorations,
    restore,
    split_signature,
)

# The nine texts of the seed document's appendix as printed, and as they were written.
NINE = [
    (
        "【XX物业】您的门禁验证码为:${1},5分钟内有效。请勿泄露给他人。",
        "【XX物业】您的门禁验证码为:${1},5分钟内有效。请勿泄露给他人。",
    ),
    (
        "【XX物业】您正在登录物业服务平台,校验码为:${1}。如非本人操作,请忽略本短信。",
        "【XX物业】您正在登录物业服务平台,校验码为:${1}。如非本人操作,请忽略本短信。",
    ),
    (
        "【XX物业】您正在修改手机号码,验证码为:${1}(5分钟有效),为保障账户安全,请勿向任何人提供此验证码。",
        "【XX物业】您正在修改手机号码,验证码为:${1}(5分钟有效),为保障账户安全,请勿向任何人提供此验证码。",
    ),
    (
        "【XX物业】接自来水公司通知,因管道维修,本小区将于1日{2}时至3时停水,请提前储备生活用水。如有疑问,请致电{4}。",
        "【XX物业】接自来水公司通知,因管道维修,本小区将于${1}日${2}时至${3}时停水,请提前储备生活用水。如有疑问,请致电${4}。",
    ),
    (
        "【XX物业】本周六下午1点在小区广场举办{2}活动,欢迎各位业主积极参与,现场有精美礼品赠送!",
        "【XX物业】本周六下午${1}点在小区广场举办${2}活动,欢迎各位业主积极参与,现场有精美礼品赠送!",
    ),
    (
        "【XX物业】您有一个快递已到达物业中心,取件码为1,请于{2}前领取。如有疑问,请致电${3}。",
        "【XX物业】您有一个快递已到达物业中心,取件码为${1},请于${2}前领取。如有疑问,请致电${3}。",
    ),
    (
        "【XX物业】温馨提醒:您1年{2}月的物业费${3}元即将到期,推荐使用微信公众号在线缴费,方便快捷。",
        "【XX物业】温馨提醒:您${1}年${2}月的物业费${3}元即将到期,推荐使用微信公众号在线缴费,方便快捷。",
    ),
    (
        "【XX物业】提醒:您位于1的物业费已逾期{2}天,当前欠费${3}元。请及时缴纳,以免影响信用记录。",
        "【XX物业】提醒:您位于${1}的物业费已逾期${2}天,当前欠费${3}元。请及时缴纳,以免影响信用记录。",
    ),
    (
        "【XX物业】最终告知:您欠缴物业费1元,逾期{2}天。我们将于${3}日启动法律程序,可能影响您的征信。请立即缴清!",
        "【XX物业】最终告知:您欠缴物业费${1}元,逾期${2}天。我们将于${3}日启动法律程序,可能影响您的征信。请立即缴清!",
    ),
]


@pytest.mark.parametrize(("printed", "written"), NINE)
def test_nine_seed_texts(printed: str, written: str) -> None:
    """Each comes back exactly, and eating it again gives the printed one."""
    assert written == restore(printed)
    assert printed == eat_maths(written)
    assert written == restore(written)
    assert not is_mangled(written)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("报修单${order}已派", [("order", Dialect.NAMED)]),
        ("${1}日${20}时", [("1", Dialect.NUMBERED), ("20", Dialect.NUMBERED)]),
        ("{1}日{2}时", [("1", Dialect.BRACED), ("2", Dialect.BRACED)]),
        ("#code#和#m#", [("code", Dialect.HASHED), ("m", Dialect.HASHED)]),
        ("{{1}}", [("1", Dialect.DOUBLE)]),
        ("{{ 1 }}", [("1", Dialect.DOUBLE)]),
        (
            "${PHONE}${CHARDIGIT}${DATETIME}${MONEY}${TEXT}",
            [(t, Dialect.TYPED) for t in ("PHONE", "CHARDIGIT", "DATETIME", "MONEY", "TEXT")],
        ),
        (
            "${TXT_1}${NUM_20}${DATE}${TIME}",
            [(t, Dialect.TYPED_NUMBERED) for t in ("TXT_1", "NUM_20", "DATE", "TIME")],
        ),
        ("${房号}", [("房号", Dialect.NAMED)]),
        ("3#楼2#单元停水", []),
        ("{}${}##", []),
        ("{未闭合", []),
        ("固定文字", []),
        ("{" + "a" * 65 + "}", []),
    ],
)
def test_parse(text: str, expected: list[tuple[str, Dialect]]) -> None:
    """Every dialect is told from its form."""
    found = parse(text)
    assert expected == [(p.label, p.dialect) for p in found]
    assert not any(p.fullwidth for p in found)


@pytest.mark.parametrize("text", ["车位费｛1｝元", "车位费＄｛1｝元", "验证码＃code＃", "{1｝"])
def test_fullwidth(text: str) -> None:
    """Full-width signs are read, and marked."""
    (found,) = parse(text)
    assert found.fullwidth
    assert found.span == Span(found.start, found.end)


@given(st.text("${}#1a＄｛｝＃停", max_size=60))
def test_parse_spans(text: str) -> None:
    """Markers stand apart, in order, inside the text."""
    end = 0
    for found in parse(text):
        assert end <= found.start < found.end <= len(text)
        assert found.label in text[found.start : found.end]
        end = found.end


@pytest.mark.parametrize(
    "text", ["{" * 10_000, "${" * 10_000, "#" * 10_000, "{1" * 10_000, "#a" * 1]
)
def test_parse_is_linear(text: str) -> None:
    """Ten thousand openings end soon and find nothing."""
    assert () == parse(text)


# -- Eating and restoring ------------------------------------------------------------------------

_fixed = st.text("停水请于日时点前楼，。", max_size=8)


@given(st.lists(_fixed, min_size=2, max_size=8))
def test_restore_inverts_eating(parts: list[str]) -> None:
    """Without digits in the fixed text the inverse is unique, so it is found."""
    text = parts[0] + "".join(f"${{{n}}}{part}" for n, part in enumerate(parts[1:], 1))
    assert text == restore(eat_maths(text))


_digits = st.text("停水日1234时", max_size=8)


@given(st.lists(_digits, min_size=2, max_size=8))
def test_restore_never_guesses(parts: list[str]) -> None:
    """With digits in the fixed text, a restored text is the original or nothing was changed."""
    text = parts[0] + "".join(f"${{{n}}}{part}" for n, part in enumerate(parts[1:], 1))
    eaten = eat_maths(text)
    if eaten == text:
        assert text == restore(text)
        return
    assert restore(eaten) in (text, eaten)
    found = restorations(eaten)
    assert text in found or len(found) == 9
    assert len(found) == len(set(found))


@pytest.mark.parametrize(
    "text",
    [
        "将于${1}日${2}时停水",
        "将于{1}日{2}时停水",
        "您的验证码为${code}",
        "#code#分钟",
        "固定文字1日2时",
        "{{1}}日{{2}}时",
        "价格$5和$6",
        "{备注}",
        "",
    ],
)
def test_whole_texts_stay(text: str) -> None:
    """Nothing is changed that is whole."""
    assert not is_mangled(text)
    assert text == restore(text)


@pytest.mark.parametrize(
    "text",
    [
        "1号楼将于1日{2}时停水",  # two places fit
        "将于某日{2}时停水",  # no place fits
        "将于1日{3}时停水",  # not the second
        "将于${1}日{2}时停水",  # the whole one comes first
        "将于1日{2}时${4}",  # a gap
        "将于1日{2}时$5元",  # a sign of its own
    ],
)
def test_ambiguous_stays(text: str) -> None:
    """What has no unique inverse is left for a person."""
    assert text == restore(text)


def test_names_make_it_unique() -> None:
    """Named markers come back when the names are known."""
    written = "尊敬的${name}:${fee}元"
    assert "尊敬的name:{fee}元" == eat_maths(written)
    assert written == restore("尊敬的name:{fee}元", ["name", "fee"])


def test_no_restoration_for_double_braces() -> None:
    """A text of another dialect is not touched."""
    assert () == restorations("{{2}}")


# -- Signatures and values ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("【绿苑物业】您好", ("绿苑物业", 6)),
        (" 【绿苑】您好", ("绿苑", 5)),
        ("您好【绿苑】", (None, 0)),
        ("【】您好", ("", 2)),
        ("【未闭合", (None, 0)),
    ],
)
def test_split_signature(text: str, expected: tuple[str | None, int]) -> None:
    """Only what opens the text is its signature."""
    assert expected == split_signature(text)


def test_variable_bounds() -> None:
    """A variable's declaration is checked once, when made."""
    assert VariableType.MONEY is Variable("fee", "money").type
    for length in (0, 501, True):
        with pytest.raises(InvalidValueError, match="max_length"):
            Variable("fee", max_length=length)
    with pytest.raises(ValueError, match="name"):
        Variable("a b")
    with pytest.raises(InvalidValueError, match="twice"):
        Template("t", "x", "notice", variables=[Variable("a"), Variable("a")])


def test_secret_types() -> None:
    """Codes and numbers are never shown."""
    assert VariableType.CODE.is_secret
    assert not VariableType.MONEY.is_secret


def test_category_is_for_notices() -> None:
    """A code has no category."""
    assert "urgent" == Template("t", "x", "notice", "urgent").category
    with pytest.raises(InvalidValueError, match="category"):
        Template("t", "x", "otp", "urgent")


def test_names_of_variables() -> None:
    """Numbers and types take the declared variables in order; names are their own."""
    both = [Variable("room", "address"), Variable("fee", "money")]
    assert ("room", "fee") == Template("t", "{1}欠{2}", "notice", variables=both).names
    assert ("fee", "room") == Template("t", "{2}欠{1}", "notice", variables=both).names
    assert ("room", "fee") == Template("t", "${TEXT}欠${MONEY}", "notice", variables=both).names
    assert ("1", "2") == Template("t", "${TEXT}欠${MONEY}", "notice").names
    assert ("1", "3") == Template("t", "{1}欠{3}", "notice").names
    assert ("1",) == Template("t", "{1}", "notice", variables=[Variable("1", "money")]).names
    assert ("9999",) == Template("t", "{9999}", "notice", variables=both).names


def test_template_parts() -> None:
    """Signature and body are told apart; what is undeclared is text."""
    inside = Template("t", "【绿苑】您好", "notice", signature="别的")
    assert ("绿苑", "您好") == (inside.signed, inside.body)
    outside = Template("t", "您好${a}", "notice", signature="绿苑")
    assert ("绿苑", "您好${a}") == (outside.signed, outside.body)
    assert VariableType.TEXT is outside.variable("a").type
    assert "variable" == outside.variable("有 空格").name
    assert "再见" == outside.with_text("再见").text
    assert hash(outside) == hash(Template("t", "您好${a}", "notice", signature="绿苑"))
    assert outside == pickle.loads(pickle.dumps(outside))


def test_one_dialect() -> None:
    """Mixed or damaged markers are named before anything is rendered."""
    assert None is require_one_dialect(Template("t", "固定", "notice"))
    assert Dialect.BRACED is require_one_dialect(Template("t", "{1}", "notice"))
    named = Template("t", "${a}${DATE}", "notice")
    assert require_one_dialect(named) in (Dialect.NAMED, Dialect.TYPED_NUMBERED)
    for text in ("${1}日{2}时", "{1}#code#", "｛1｝"):
        with pytest.raises(TemplateError, match="lint --fix"):
            require_one_dialect(Template("t", text, "notice"))
