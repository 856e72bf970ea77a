"""Linting, fixing, verdicts, measuring and drift."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings, strategies as st

from propsms import profiles
from propsms.errors import InvalidValueError, TemplateError
from propsms.findings import Severity, rejects
from propsms.messages import MessageKind
from propsms.placeholders import Template, Variable
from propsms.profiles import names
from propsms.rules import all_rules
from propsms.templates import (
    PlannedSend,
    Verdict,
    VerdictLevel,
    check_sends,
    convert,
    drift,
    fix,
    lint,
    lint_values,
    measure,
    missing_ids,
    parse_library,
    verdicts,
)

if TYPE_CHECKING:
    from pathlib import Path

OTP = "您的门禁验证码为${1},5分钟内有效。"


def codes(text: str, **options: object) -> set[str]:
    """The codes of what is found."""
    return {finding.code for finding in lint(text, **options)}  # type: ignore[arg-type]


# -- The seed profile, figure by figure -------------------------------------------------------------


def test_length_counts_every_sign() -> None:
    """500 characters pass, 501 do not; punctuation and signature count."""
    body = "【绿苑物业】" + "请,。!" * 123 + "好好"
    assert 500 == len(body)
    assert "length-max" not in codes(body, kind="notice")
    assert "length-max" in codes(body + "。", kind="notice")
    outside = body[6:]
    assert "length-max" not in codes(outside, kind="notice", signature="绿苑物业")
    assert "length-max" in codes(outside + "。", kind="notice", signature="绿苑物业")


@pytest.mark.parametrize(("count", "found"), [(20, False), (21, True)])
def test_notice_variables(count: int, found: bool) -> None:
    """A notice takes twenty variables."""
    text = "【绿苑】" + "".join(f"第{n}项为${{{n}}}楼。" for n in range(1, count + 1))
    assert found == ("variable-count" in codes(text, kind="notice"))


def test_one_variable_in_a_code() -> None:
    """A code text takes one."""
    assert set() == codes(OTP, kind="otp", signature="绿苑")
    two = "您的验证码为${1},请在${2}分钟内使用。"
    assert {"variable-count"} == codes(two, kind="otp", signature="绿苑")


@pytest.mark.parametrize("sign", ["¥", "\uffe5", "★", "&", "√"])
def test_forbidden_symbols(sign: str) -> None:
    """The seed's signs are found, and only those."""
    assert "special-symbol" in codes(f"【绿苑】今晚{sign}停水,请储水。", kind="notice")


@pytest.mark.parametrize("word", ["验证码", "校验码", "动态码", "注册码"])
def test_four_keywords(word: str) -> None:
    """Each of the four is enough."""
    assert set() == codes(f"【绿苑】您的门禁{word}为${{1}},5分钟内有效。", kind="otp")
    assert {"otp-keyword"} == codes("【绿苑】您的口令为${1},5分钟内有效。", kind="otp")


@pytest.mark.parametrize(
    "text", ["【绿苑】${1}", "【绿苑】${1},${2}。", "【绿苑】尊敬的业主您好:${1}"]
)
def test_purpose_must_show(text: str) -> None:
    """Fixed text that says nothing is refused."""
    assert "all-variable" in codes(text, kind="notice")


@pytest.mark.parametrize(
    ("text", "signature", "signed"),
    [
        ("【绿苑】今晚停水。", None, True),
        ("今晚停水。", "绿苑", True),
        ("今晚停水。【绿苑】", None, False),
        ("今晚停水。", None, False),
    ],
)
def test_signature_in_front(text: str, signature: str | None, signed: bool) -> None:
    """It opens the text, or stands beside it."""
    found = "signature-head-required" in codes(text, kind="notice", signature=signature)
    assert signed != found


def test_kind_and_signature_of_a_template() -> None:
    """What is given wins over what the template says."""
    template = Template("t", OTP, "otp", signature="绿苑")
    assert () == lint(template)
    assert {"variable-unused"} == {
        f.code for f in lint(Template("t", "【绿苑】停水", "notice", variables=[Variable("a")]))
    }
    notice = Template("t", "今晚停水。", "notice", "urgent", "绿苑")
    assert {"otp-keyword"} == {f.code for f in lint(notice, kind="otp")}
    assert "绿苑" == fix(Template("t", OTP, "otp"), signature="绿苑")[0].signature
    with pytest.raises(InvalidValueError, match="got int"):
        lint(3)  # type: ignore[arg-type]
    with pytest.raises(TemplateError, match="no profile 'nobody'"):
        lint(OTP, profile="nobody")


def test_options() -> None:
    """Rules are chosen; marketing has hours."""
    text = "★今晚停水"
    assert {"special-symbol"} == codes(text, select=["special-symbol"])
    assert "special-symbol" not in codes(text, ignore=["special-symbol"])
    ad = "会员业主家政活动周六开始,拒收请回复R"
    at_night = lint(ad, profile="tencent", kind="marketing", signature="绿苑", send_at=time(23))
    assert {"marketing-window"} == {f.code for f in at_night}
    assert "industry-gate" in codes("停水", profile="tencent", industry="real-estate")


# -- Fixing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "profile", "kind", "mended"),
    [
        ("【绿苑】将于1日{2}时停电。", "seed", "notice", "【绿苑】将于${1}日${2}时停电。"),
        ("【绿苑】车位费＄｛1｝元", "seed", "notice", "【绿苑】车位费${1}元"),
        ("【绿苑】★停水★", "seed", "notice", "【绿苑】停水"),
        ("【绿苑】物业&业主", "seed", "notice", "【绿苑】物业和业主"),
        ("【绿苑】车位费¥${1}", "seed", "notice", "【绿苑】车位费${1}元"),
        ("【绿苑】车位费\uffe5100元", "seed", "notice", "【绿苑】车位费100元"),
        ("【绿苑】今晚停水😊", "seed", "notice", "【绿苑】今晚停水"),
        ("【绿苑】今晚\u200b停水", "seed", "notice", "【绿苑】今晚停水"),
        ("【绿苑】１２号楼停水", "seed", "notice", "【绿苑】12号楼停水"),
        ("今晚停水【绿苑】", "seed", "notice", "【绿苑】今晚停水"),
        (
            "【绿苑】您的验证码为#code#,5分钟内有效。",
            "seed",
            "otp",
            "【绿苑】您的验证码为${1},5分钟内有效。",
        ),
        ("[缴费]可在前台办理。", "aliyun", "notice", "(缴费)可在前台办理。"),
        ("会员活动周六开始,回T退订", "aliyun", "marketing", "会员活动周六开始,拒收请回复R"),
        ("会员活动周六开始", "aliyun", "marketing", "会员活动周六开始,拒收请回复R"),
        ("今晚停水,拒收请回复R", "aliyun", "notice", "今晚停水"),
    ],
)
def test_safe_fixes(text: str, profile: str, kind: str, mended: str) -> None:
    """What is certain is mended, and the rest stays."""
    found, _ = fix(text, profile=profile, kind=kind)
    assert _half(mended) == _half(found.text)


@pytest.mark.parametrize(
    ("text", "profile", "kind", "mended"),
    [
        ("本月繳費通知已发出。", "aliyun", "notice", "本月缴费通知已发出。"),
        ("请用威信缴费。", "aliyun", "notice", "请用微信缴费。"),
        ("【绿苑】您的访客密码为${1}。", "seed", "otp", "【绿苑】您的访客验证码为${1}。"),
        ("【绿苑】${3}栋${5}日清洗水箱", "seed", "notice", "【绿苑】${1}栋${2}日清洗水箱"),
        ("【绿苑】账单已出,否则影响征信。", "seed", "dunning", "【绿苑】账单已出。"),
        ("【绿苑】停水。\n请储水。", "seed", "notice", "【绿苑】停水。请储水。"),
    ],
)
def test_unsafe_fixes(text: str, profile: str, kind: str, mended: str) -> None:
    """Changes of wording are made only when asked for."""
    assert text == fix(text, profile=profile, kind=kind)[0].text
    assert mended == fix(text, profile=profile, kind=kind, unsafe=True)[0].text


_WIDE = str.maketrans(",;:!?()", "\uff0c\uff1b\uff1a\uff01\uff1f\uff08\uff09")


def _half(text: str) -> str:
    """*text* with half-width punctuation."""
    return text.translate(
        {
            ord(wide): half
            for half, wide in zip(
                ",;:!?()", "\uff0c\uff1b\uff1a\uff01\uff1f\uff08\uff09", strict=True
            )
        }
    )


@given(st.data())
def test_punctuation_of_either_width(data: st.DataObject) -> None:
    """A text says the same with full-width punctuation as with half-width."""
    text = data.draw(_texts)
    kind = data.draw(_kinds)
    for name in ("seed", "aliyun", "huawei"):
        wide = {f.code for f in lint(text.translate(_WIDE), profile=name, kind=kind)}
        half = {f.code for f in lint(text, profile=name, kind=kind)}
        assert wide - _ABOUT_SIGNS == half - _ABOUT_SIGNS


_ABOUT_SIGNS = {"url-fixed", "contact-count", "special-symbol", "otp-purity"}


def test_fix_keeps_signature_and_names() -> None:
    """A signature that leaves the text is kept; values keep their names."""
    template = Template(
        "t", "【绿苑】${room}停水,${day}恢复。", "notice", variables=[Variable("room", "address")]
    )
    at_tencent, left = fix(template, profile="tencent")
    assert "{1}停水,{2}恢复。" == at_tencent.text
    assert ("绿苑", ("room", "day")) == (at_tencent.signed, at_tencent.names)
    assert "address" == at_tencent.variable("room").type
    assert not rejects(left)
    back, _ = fix(at_tencent, profile="aliyun")
    assert ("${room}停水,${day}恢复。", ("room", "day")) == (back.text, back.names)


_parts = st.sampled_from(
    [
        "请",
        "您",
        "停水",
        "今晚",
        "${1}",
        "${2}",
        "${a}",
        "{1}",
        "{2}",
        "#a#",
        "1日",
        "3",
        "12号",
        "元",
        "¥",
        "¥5",
        "★",
        "&",
        "[",
        "]",
        "验证码",
        "密码",
        "征信",
        "起诉",
        ",后果自负",
        "不缴",
        "停电",
        "。",
        ",",
        "威信",
        "缴费",
        "繳費",
        "拒收请回复R",
        "回T退订",
        "😀",
        "\u200b",
        "１２",
        "\n",
        "！",
        "!",
        "!!",
        "立即缴清",
        "http://t.cn/a",
        "400-000-0000",
    ]
)
_texts = st.builds(
    lambda head, parts: head + "".join(parts),
    st.sampled_from(["", "【绿苑物业】", "【绿苑】"]),
    st.lists(_parts, max_size=12),
)
_kinds = st.sampled_from(["otp", "notice", "dunning", "marketing"])
_profiles = st.sampled_from(profiles.names())


@given(_texts, _kinds, _profiles, st.booleans())
@settings(max_examples=100)
def test_fixing_twice_changes_nothing_more(text: str, kind: str, name: str, unsafe: bool) -> None:
    """The second fix finds nothing to do, and what is left is what lint finds."""
    once, left = fix(text, profile=name, kind=kind, unsafe=unsafe)
    again, _ = fix(once, profile=name, unsafe=unsafe)
    assert once.text == again.text
    assert left == lint(once, profile=name)


@given(_texts, _kinds, _profiles)
@settings(max_examples=100)
def test_safe_fixes_keep_variables_and_numbers(text: str, kind: str, name: str) -> None:
    """No variable and no number is lost, and no error comes in that was not there."""
    before = Template("t", text, kind)
    after, left = fix(before, profile=name)
    if "placeholder-mangled" not in {f.code for f in lint(before, profile=name)}:
        assert len(before.placeholders) == len(after.placeholders)
        assert _numbers(before) == _numbers(after)
    errors = {f.code for f in lint(before, profile=name) if f.severity is Severity.ERROR}
    declared = {"attribute-generic", "attribute-missing"}  # a fix declares variables
    fresh = {f.code for f in left if f.severity is Severity.ERROR} - errors - declared
    assert not fresh or "placeholder-mangled" in errors


def _numbers(template: Template) -> list[str]:
    """The numbers of the fixed text, half-width, markers left out."""
    text = template.text
    for placeholder in reversed(template.placeholders):
        text = f"{text[: placeholder.start]}|{text[placeholder.end :]}"
    for ordinal in "①②③":
        text = text.replace(ordinal, "")
    half = "".join(chr(ord(c) - 0xFEE0) if "０" <= c <= "９" else c for c in text)
    return re.findall(r"\d+", half.replace("\u200b", ""))


# -- Verdicts ----------------------------------------------------------------------------------

NINE = [
    ("otp", "您的门禁验证码为:${1},5分钟内有效。请勿泄露给他人。", "ooooo"),
    ("otp", "您正在登录物业服务平台,校验码为:${1}。如非本人操作,请忽略本短信。", "oowoo"),
    ("otp", "您正在修改手机号码,验证码为:${1}(5分钟有效),为保障账户安全,请勿向任何人提供此验证码。", "ooooo"),
    ("notice", ("接自来水公司通知,因管道维修,本小区将于${1}日${2}时至${3}时停水,请提前储备生活用水。"
     "如有疑问,请致电${4}。"), "ooooo"),
    ("notice", "本周六下午${1}点在小区广场举办${2}活动,欢迎各位业主积极参与,现场有精美礼品赠送!", "rrrrr"),
    ("notice", "您有一个快递已到达物业中心,取件码为${1},请于${2}前领取。如有疑问,请致电${3}。", "ooooo"),
    ("dunning", "温馨提醒:您${1}年${2}月的物业费${3}元即将到期,推荐使用微信公众号在线缴费,方便快捷。", "o?rr?"),
    ("dunning", "提醒:您位于${1}的物业费已逾期${2}天,当前欠费${3}元。请及时缴纳,以免影响信用记录。", "wrrrr"),
    ("dunning", ("最终告知:您欠缴物业费${1}元,逾期${2}天。我们将于${3}日启动法律程序,可能影响您的征信。"
     "请立即缴清!"), "wrrrr"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "wanted"), NINE)
def test_nine_seed_texts(kind: str, text: str, wanted: str) -> None:
    """The nine texts come out as the comparison of the seed's appendix with the pages says."""
    told = verdicts(
        f"【XX物业】{text}", ["seed", "aliyun", "tencent", "huawei", "baidu"], kind=kind
    )
    got = "".join(verdict.level.value[0] for verdict in told.values())
    matches = [w in ("?", g) for w, g in zip(wanted, got, strict=True)]
    assert all(matches), got


def test_verdict_values() -> None:
    """A verdict tells level, reasons, fixed text, and the channel when no wording passes."""
    told = verdicts("【绿苑】★9月物业费账单已出,请及时缴纳。", ["seed", "huawei"], kind="dunning")
    assert VerdictLevel.REJECT is told["seed"].level
    assert "special-symbol" in told["seed"].reasons
    assert "【绿苑】9月物业费账单已出,请及时缴纳。" == told["seed"].fixed
    assert not told["seed"].hopeless
    assert told["huawei"].hopeless
    assert "letter" in told["huawei"].channels
    threat = "物业费逾期3天,我们将于8日启动法律程序。"
    told = verdicts(threat, ["seed", "aliyun"], kind="dunning", signature="绿苑")
    assert [verdict.hopeless for verdict in told.values()] == [False, True]
    assert told["aliyun"].channels == ("letter", "voice", "visit")
    mendable = "请核对物业费账单,否则影响征信。"
    told = verdicts(mendable, ["aliyun"], kind="dunning", signature="绿苑")
    assert told["aliyun"].level is VerdictLevel.REJECT
    assert not told["aliyun"].hopeless
    clean = verdicts("【绿苑】今晚停水,请提前储水。", ["seed"])["seed"]
    assert (VerdictLevel.OK, (), None) == (clean.level, clean.reasons, clean.fixed)
    warned = verdicts("【绿苑】今晚停水。\n请储水。", ["seed"])["seed"]
    assert (VerdictLevel.WARN, ("newline",)) == (warned.level, warned.reasons)


def test_verdicts_take_all_profiles() -> None:
    """Without a list, every built-in profile answers."""
    told = verdicts(
        "【绿苑物业】今晚停水,请提前储水。", industry="property", today=date(2026, 11, 23)
    )
    assert set(profiles.names()) == set(told)
    assert "industry-gate" in told["tencent"].reasons


# -- Values and measures -----------------------------------------------------------------------


def test_lint_values() -> None:
    """The provider's own demands on values, with the variable named."""
    template = Template("t", "请联系${who}", "notice", variables=[Variable("who", "text")])
    assert () == lint_values(template, {"who": "物业前台"}, profile="aliyun")
    found = lint_values(template, {"who": "13900000001"}, profile="aliyun")
    assert {("value-contact", "values.who")} == {(f.code, f.field) for f in found}
    missing = lint_values(template, {"other": "x"}, profile="aliyun")
    assert ["values.who", "values.other"] == [f.field for f in missing]
    code = lint_values("验证码{1}", {"1": "A1"}, profile="tencent", kind="otp")
    assert code
    assert all("A1" not in f.message + f.message_en for f in code)


def test_measure() -> None:
    """Typical and worst from the types, then row by row."""
    template = Template(
        "t",
        "停水范围:${area}。",
        "notice",
        signature="绿苑",
        variables=[Variable("area", "address", 60)],
    )
    told = measure(template, profile="seed", price=Decimal("0.05"))
    assert (18, 70, 1) == (told.typical.length, told.worst.length, told.worst.segments)
    rows = [{"area": "三栋"}, {"area": "三栋二单元" * 12}, {"area": "x" * 61}, {}]
    counted = measure(template, rows, profile="huawei", price=Decimal("0.05"))
    assert (2, {1: 2}, 2) == (counted.rows, dict(counted.segments), counted.total_segments)
    assert Decimal("0.10") == counted.total_cost
    assert [(2, "value-length"), (3, "render"), (4, "render")] == [
        (f.row, f.code) for f in counted.faults
    ]
    nothing = measure(template, [], signature="别家")
    assert (0, 0, None) == (nothing.rows, nothing.typical.length, nothing.total_cost)


def test_measure_finds_long_rows() -> None:
    """A row that gets too long is named before the campaign."""
    template = Template("t", "【绿苑】" + "请储水。" * 100 + "${a}", "notice")
    told = measure(template, [{"a": "好"}, {"a": "好" * 200}])
    assert [(2, "length-max")] == [(f.row, f.code) for f in told.faults]
    assert {7: 1, 10: 1} == told.segments or 2 == sum(told.segments.values())


# -- Drift -------------------------------------------------------------------------------------

LIBRARY = parse_library(
    '[templates.a]\nkind="notice"\ntext="【绿苑】${room}停水。"\n[templates.a.ids]\ntencent="1"\n'
    '[templates.b]\nkind="notice"\ntext="停电。"\n[templates.b.ids]\ntencent="2"\naliyun="SMS_2"\n'
)


def test_drift() -> None:
    """What was filed and what stands in the file are compared without markers' names."""
    assert () == drift(LIBRARY, {"1": "{1}停水。", "2": "停电。"}, provider="tencent")
    found = drift(LIBRARY, {"1": "{1}断水。", "3": "x"}, provider="tencent")
    assert ["template-drift", "template-not-filed", "template-unknown"] == [f.code for f in found]
    assert () == drift(LIBRARY, {}, provider="outbox")


def test_missing_ids() -> None:
    """A text without an id is found before sending."""
    assert ["templates.a.ids.aliyun"] == [
        f.field for f in missing_ids(LIBRARY, ["aliyun", "tencent"])
    ]


# -- Bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0",
        "\ud800",
        "\u202e停水\u202c",
        "{" * 10_000,
        "${" * 10_000,
        "#" * 10_000,
        "【" * 10_000,
        "1" * 10_000,
        "-" * 10_000,
        "!" * 10_000,
        "a." * 5_000,
        "逾期" * 5_000,
        "不缴" * 5_000,
        "http://" * 2_000,
        "征 信 " * 3_000,
        "，" * 10_000,
    ],
    ids=lambda text: repr(text[:4]),
)
def test_bad_input_ends(text: str) -> None:
    """No text makes a rule fail or hang."""
    for name in profiles.names():
        lint(text, profile=name, kind="dunning")
    fix(text, kind="dunning")


@pytest.mark.parametrize("sign", ["\u200b", "★", "😀", "¥"])
def test_a_long_run_is_mended_whole(sign: str) -> None:
    """Ten thousand neighbours are mended in one call, and quickly enough to wait for."""
    mended, _ = fix("【绿苑】停水" + sign * 10_000 + "请储水", kind="notice", unsafe=True)
    assert mended.text == fix(mended, unsafe=True)[0].text
    if sign != "¥":
        assert "【绿苑】停水请储水" == mended.text


def test_a_megabyte_is_read() -> None:
    """A line of a megabyte is judged in linear time."""
    text = "【绿苑】" + "请储水,电话400-000-0000。{1}" * 40_000
    assert len(text) > 1_000_000 // 2
    assert "length-max" in codes(text, kind="notice", select=["length-max", "url-fixed"])
    lint(text, kind="notice")


@given(st.text(max_size=60), _kinds)
def test_any_text(text: str, kind: str) -> None:
    """Any text is judged and fixed without an exception."""
    for name in ("seed", "aliyun", "huawei"):
        fix(text, profile=name, kind=kind, unsafe=True)


def test_company_profile(tmp_path: Path) -> None:
    """A company overrides a provider in a file of its own; a bad key is named."""
    own = tmp_path / "ours.toml"
    own.write_text(
        'name = "ours"\nextends = "aliyun"\n[severity]\napp-promo = "off"\n'
        '[sources.O1]\ntitle="合同"\nurl="附件"\nread=2026-11-01\n'
        '[facts]\nlength_max = { value = 300, source = ["O1"] }\n',
        "utf-8",
    )
    found = lint("请储水。" * 76, profile=own, kind="notice", signature="绿苑")
    assert "300" in next(f.message for f in found if f.code == "length-max")
    assert {"ours"} == {f.profile for f in found}
    own.write_text(
        'name="x"\nextends="seed"\n[facts]\nlenght_max={value=1,source=["S32"]}', "utf-8"
    )
    with pytest.raises(InvalidValueError, match="lenght_max"):
        lint("x", profile=str(own))


@given(
    text=st.text(max_size=60) | st.sampled_from(["", *(rule.bad.text for rule in all_rules())]),
    tail=st.text("【】[]¥$★☆●\n\r{}1#a费交拒退.:/w微@12345 繳\u200b", max_size=12),
    kind=st.sampled_from(MessageKind),
    signature=st.sampled_from([None, "", "绿苑物业", "测试", "[a]"]),
    profile=st.sampled_from(names()),
)
def test_no_rule_is_passed_over(
    text: str, tail: str, kind: MessageKind, signature: str | None, profile: str
) -> None:
    """What the shape of a text lets us skip is what running every rule would not find either."""
    chosen = [rule.code for rule in all_rules() if rule.default]
    told = lint(text + tail, profile=profile, kind=kind, signature=signature)
    assert (
        lint(text + tail, profile=profile, kind=kind, signature=signature, select=chosen) == told
    )


def test_ok_where_little_is_known_says_so() -> None:
    """No finding of a provider that publishes nothing is not a promise."""
    told = verdicts("【绿苑物业】今晚停水，请提前储水。")
    thin = {name for name, verdict in told.items() if verdict.is_thin}
    assert {"cmas", "ctyun", "yunpian"} == thin
    assert "没有报错不等于会通过" in told["cmas"].note
    assert "no finding does not mean" in told["yunpian"].note_en
    assert "" == told["aliyun"].note == told["aliyun"].note_en
    assert not Verdict("own", ()).is_thin


def test_signs_like_those_of_the_seed() -> None:
    """The seed gives examples; signs of the same kind are a warning there."""
    found = lint("【绿苑物业】◆停水通知★今晚22时起停水。")
    assert [("special-symbol", "warning"), ("special-symbol", "error")] == [
        (f.code, f.severity.value) for f in found
    ]


def test_counted_markers_take_declared_names() -> None:
    """``${TXT_2}`` is the second variable, so none is left unused."""
    declared = [Variable("a", "address"), Variable("b", "date")]
    given_ = Template(
        "t", "${a}栋将于${b}停水。", "notice", signature="绿苑物业", variables=declared
    )
    own = convert(given_, to="huawei-intl").as_template()
    assert ("a", "b") == own.names
    assert () == lint(own, profile="huawei-intl", select=["variable-unused"])
    assert "TXT_9" in Template("t", "${TXT_9}", "notice", variables=declared).names


def test_fix_gets_to_the_end_past_a_fix_that_would_harm() -> None:
    """Forty stray characters and a change of wording that brings an error: no round is lost."""
    text = (
        f"{'门禁验证'}{chr(0)}H]]{chr(0) * 27}]{chr(127) * 11}\r{chr(127)}码为${{1}},5分钟内有效。"
    )
    for kind in MessageKind:
        for name in names():
            once, _ = fix(f"【绿苑物业】{text}", profile=name, kind=kind, unsafe=True)
            again, _ = fix(once, profile=name, unsafe=True)
            assert once.text == again.text


def test_fix_tries_no_more_often_on_a_longer_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of hundreds of stray characters hides a listed word, so to mend any brings an error."""
    from propsms._templates import judge

    judged: list[int] = []
    check = judge.check
    monkeypatch.setattr(judge, "check", lambda *a, **kw: judged.append(1) or check(*a, **kw))
    counts: list[int] = []
    for times in (10, 160):
        judged.clear()
        fix("缴费" + chr(0).join("网贷刷单博彩贷款赌博" * times), profile="aliyun")
        counts.append(len(judged))
    assert counts[0] == counts[1]


# -- Planned sends and filing --------------------------------------------------------------------

_NOON = datetime(2026, 3, 1, 4, tzinfo=UTC)


def _send(
    seconds: float, text: str = "验证码482913", kind: str = "otp", **more: str
) -> PlannedSend:
    to = more.pop("to", "+8619900000001")
    return PlannedSend(to, text, MessageKind(kind), _NOON + timedelta(seconds=seconds), **more)


def test_sends_over_a_cap_are_named_with_their_next_place() -> None:
    """Each send over a cap is told by its place, and when it may go; a number is not shown."""
    found = check_sends([_send(0), _send(20), _send(61)], profile="aliyun")
    assert [("frequency-preflight", "sends.1", "error")] == [
        (f.code, f.field, f.severity.value) for f in found
    ]
    assert "04:01:00" in found[0].message
    assert "04:01:00" in found[0].message_en
    assert found[0].source
    assert "199" not in repr(found) + repr(_send(0))


@pytest.mark.parametrize(
    ("sends", "profile", "codes"),
    [
        ([_send(0), _send(20, to="+8619900000002")], "aliyun", []),
        ([_send(0), _send(20, signature="别家")], "aliyun", []),
        ([_send(0), _send(20, kind="dunning")], "aliyun", []),
        (
            [_send(n * 5, f"第{n}条", "dunning") for n in range(11)],
            "huawei",
            ["frequency-preflight"],
        ),
        (
            [_send(n, kind="notice", text="停水") for n in range(3)],
            "huawei",
            ["duplicate-content"],
        ),
        ([_send(0, kind="notice"), _send(31, kind="notice")], "qiniu", []),
        ([_send(9, kind="notice"), _send(0, kind="notice")], "qiniu", ["duplicate-content"]),
        ([_send(n) for n in range(9)], "seed", []),
        ([], "aliyun", []),
    ],
)
def test_caps_count_what_the_provider_counts(
    sends: list[PlannedSend], profile: str, codes: list[str]
) -> None:
    """By number and signature, by kind (dunning is a notice to them), by text; the order is free."""
    assert codes == [f.code for f in check_sends(sends, profile=profile)]


def test_a_send_wants_an_aware_instant() -> None:
    """A naive instant would be read in the wrong zone."""
    naive = _send(0)._replace(at=datetime(2026, 3, 1, 4))  # noqa: DTZ001
    with pytest.raises(InvalidValueError, match=r"sends\.1\.at"):
        check_sends([_send(0), naive], profile="aliyun")


@given(st.lists(st.integers(0, 4000), max_size=40))
def test_what_is_left_keeps_the_caps(seconds: list[int]) -> None:
    """When the named sends are dropped, no cap is broken."""
    sends = [_send(at) for at in seconds]
    for name in ("aliyun", "huawei", "qiniu", "yunpian"):
        over = {f.field for f in check_sends(sends, profile=name)}
        left = [one for place, one in enumerate(sends) if f"sends.{place}" not in over]
        assert () == check_sends(left, profile=name)


def test_a_library_says_how_far_the_filing_is() -> None:
    """Approved by the platform is not filed by the carriers; nothing said is nothing found."""
    library = parse_library(
        'signature = "绿苑物业"\nregistered_name = "杭州绿苑物业服务有限公司"\n'
        '[filings]\naliyun = "approved"\ntencent = "filed"\nhuawei = "submitted"\n'
        '[templates.a]\nkind = "notice"\ntext = "今晚停水，请提前储水。"\n'
        '[templates.b]\nkind = "notice"\ntext = "今晚停电。"\nsignature = "杭州物业"\n'
    )
    told = verdicts(library["a"], ["aliyun", "tencent", "huawei", "baidu"])
    assert {
        "aliyun": ("signature-filing-state",),
        "tencent": (),
        "huawei": ("signature-filing-state",),
        "baidu": (),
    } == {name: verdict.reasons for name, verdict in told.items()}
    assert ["signature-licence-match"] == [f.code for f in lint(library["b"], profile="tencent")]
    with pytest.raises(TemplateError, match=r"filings\.aliyun: expected one of filed"):
        parse_library('[filings]\naliyun = "yes"\n[templates.a]\nkind="notice"\ntext="x"\n')


def test_a_cap_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A company's own cap is checked when its profile is read."""
    own = tmp_path / "ours.toml"
    form = (
        'name="ours"\nextends="seed"\n[sources.O1]\ntitle="合同"\nurl="附件"\nread=2026-11-01\n'
        '[facts]\nfrequency={{value=["{}"],source=["O1"]}}\n'
    )
    own.write_text(form.format("otp 1/2min"), "utf-8")
    assert ["frequency-preflight"] == [
        f.code for f in check_sends([_send(0), _send(90)], profile=own)
    ]
    own.write_text(form.format("one a minute"), "utf-8")
    with pytest.raises(InvalidValueError, match="frequency"):
        check_sends([], profile=own)
