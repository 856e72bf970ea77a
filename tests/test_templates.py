"""Rendering, the library and the wire; judging and mending stand in test_judge.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from propsms.errors import RenderError, TemplateError
from propsms.placeholders import Dialect, parse
from propsms.templates import (
    Template,
    TemplateLibrary,
    Variable,
    VariableType,
    WireText,
    convert,
    load_library,
    parse_library,
    render,
)

if TYPE_CHECKING:
    from pathlib import Path

GOOD = {
    "code": ["482913", "A1b2", "0123456789"],
    "phone": ["0571-88000000", "400-000-0000", "13900000001", "95598", "+8657188000000", "0571-88000000转801"],
    "date": ["2026-03-01", "2026年3月1日", "3月1日", "2026/3/1", "20260301",
             "2026年3月", "2026-03", "3-1", "本周六", "2028-02-29", "今日"],
    "time": ["9:00", "09:30:15", "9时30分", "9点半", "下午3点", "9:00-11:00", "9时至11时", "24:00", "上午"],
    "datetime": ["2026-03-01 9:00", "3月1日9时", "9:00", "2026-03-01"],
    "money": ["0", "12", "1280.50", "1280.5"],
    "number": ["31", "-2", "3.5"],
    "name": ["王女士", "Li Lei", "买买提·艾力"],
    "unit": ["绿苑小区(南区)"],
    "address": ["3栋2单元1201室"],
    "plate": ["浙A12345", "浙AD12345", "粤Z1234港"],
    "pickup_code": ["12-3-4567", "A1"],
    "identifier": ["BX20260301"],
    "link": ["a8Xk2", "bill?id=3"],
    "text": ["电梯维保", "${2}", "50%", "{1}", "😀"],
}  # fmt: skip
BAD = {
    "code": ["123", "12345678901", "12 345", "验证码", ""],
    "phone": ["12", "电话", "0571 88000000", "-88000000"],
    "date": ["2026-13-01", "2026-02-30", "2026-04-31", "2026-02-29", "昨天?", "1"],
    "time": ["25:00", "9:60", "九点"],
    "datetime": ["2026-02-29 9:00", "2026-13-01 9:00"],
    "money": ["¥12", "12元", "1,280", "12.345", "-1", "", "12."],
    "number": ["三", "1e5"],
    "name": ["王\n女士", "1号"],
    "unit": ["", "换\n行"],
    "address": ["x" * 81],
    "plate": ["浙a12345", "A1"],
    "pickup_code": ["-1", "12 34"],
    "identifier": ["单号"],
    "link": ["https://a.example.com/x", "/x"],
    "text": ["", "换\n行", "\0", "\ud800", "x" * 501, "\u202e反写", "\u2066x"],
}


@pytest.mark.parametrize(("kind", "value"), [(k, v) for k, vs in GOOD.items() for v in vs])
def test_values_that_fit(kind: str, value: str) -> None:
    """A value of its type goes in as it is."""
    template = Template("t", "请看${a}。", "notice", variables=[Variable("a", kind)])
    assert f"请看{value}。" == render(template, {"a": value})


@pytest.mark.parametrize(("kind", "value"), [(k, v) for k, vs in BAD.items() for v in vs])
def test_values_that_do_not_fit(kind: str, value: str) -> None:
    """A value of another shape is refused, and the variable named."""
    template = Template("t", "请看${a}和${b}。", "notice", variables=[Variable("a", kind)])
    with pytest.raises(RenderError, match="'a'") as caught:
        render(template, {"a": value, "b": "好"})
    assert "a" == caught.value.variable
    assert "“a”" in caught.value.message_zh


def test_all_types_are_tried() -> None:
    """No type is left out above."""
    assert {str(kind) for kind in VariableType} == set(GOOD) == set(BAD)


@pytest.mark.parametrize("kind", ["code", "phone", "pickup_code"])
def test_secrets_stay_hidden(kind: str) -> None:
    """An error never shows a code or a number."""
    template = Template("t", "${a}", "otp", variables=[Variable("a", kind, max_length=4)])
    with pytest.raises(RenderError) as caught:
        render(template, {"a": "7391482605"})
    assert "7391" not in str(caught.value)
    assert "10 characters" in str(caught.value)


def test_a_code_that_nobody_declared_stays_hidden() -> None:
    """In a text that sends codes a variable may be one, whatever its type."""
    for variables in ([], [Variable("code", "number")]):
        template = Template("t", "验证码${code}", "otp", variables=variables)
        with pytest.raises(RenderError) as caught:
            render(template, {"code": "482913\n"})
        assert "482913" not in str(caught.value)


def test_numbers_in_plain_text_are_masked() -> None:
    """A number that stands in a text value by mistake is not shown whole."""
    template = Template("t", "${a}", "notice", variables=[Variable("a", "text", max_length=3)])
    for before in ("", "x" * 30, "x" * 34):  # a number across the place where a long value is cut
        with pytest.raises(RenderError) as caught:
            render(template, {"a": f"{before}13900000001"})
        assert "13900" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "value"), [("text", "电梯维保"), ("money", "12.50"), ("date", "3月1日")]
)
def test_max_length(kind: str, value: str) -> None:
    """The declared bound holds, for every sort of pattern."""
    fits = Template("t", "${a}${b}", "notice", variables=[Variable("a", kind, len(value))])
    assert f"{value}x" == render(fits, {"a": value, "b": "x"})
    short = Template("t", "${a}${b}", "notice", variables=[Variable("a", kind, len(value) - 1)])
    with pytest.raises(RenderError, match="at most"):
        render(short, {"a": value, "b": "x"})


def test_missing_and_surplus() -> None:
    """Both are named, missing ones first."""
    template = Template("t", "${a}和${b}", "notice")
    with pytest.raises(RenderError, match="no value for b"):
        render(template, {"a": "1", "c": "2"})
    with pytest.raises(RenderError, match="no variable c") as caught:
        render(template, {"a": "1", "b": "2", "c": "3"})
    assert "c" == caught.value.variable
    with pytest.raises(RenderError, match="it has none"):
        render(Template("t", "固定", "notice"), {"a": "1"})
    with pytest.raises(RenderError, match="must be a text, got int"):
        render(template, {"a": 1, "b": "2"})  # type: ignore[dict-item]


def test_fixed_and_single_and_repeated() -> None:
    """No variable, one, and one that stands twice."""
    assert "100%" == render(Template("t", "100%", "notice"), {})
    assert "x%s" == render(Template("t", "${a}%s", "notice"), {"a": "x"})
    assert "x-y-x" == render(Template("t", "${a}-${b}-${a}", "notice"), {"b": "y", "a": "x"})


def test_damaged_texts_are_not_rendered() -> None:
    """A mixed text would go out half filled."""
    with pytest.raises(TemplateError, match="mixes markers"):
        render(Template("t", "取件码1,{2}前,${3}", "notice"), {"2": "a", "3": "b"})


_values = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=9
)


@given(st.lists(_values, min_size=1, max_size=5))
def test_render_fills_each_place_once(values: list[str]) -> None:
    """Whatever stands in a value, it comes out as it went in."""
    text = "".join(f"<${{v{n}}}>" for n in range(len(values)))
    template = Template("t", text, "notice")
    given_values = {f"v{n}": value for n, value in enumerate(values)}
    assert "".join(f"<{value}>" for value in values) == render(template, given_values)


# -- The library -------------------------------------------------------------------------------

TOML = """
signature = "绿苑物业"
industry = "property"

[templates.gate-code]
kind = "otp"
text = "您的门禁验证码为${code},${minutes}分钟内有效。"
profiles = ["seed"]
summary = "门禁"
summary_en = "Gate"
version = "2026-03"
[templates.gate-code.variables]
code = { type = "code", max_length = 6, example = "482913" }
minutes = "number"
[templates.gate-code.ids]
aliyun = "SMS_100001"
tencent = "1001"
huawei = "h1"
[templates.gate-code.order]
huawei = ["minutes", "code"]

[templates."water cut"]
kind = "notice"
category = "urgent"
signature = "绿苑客服"
text = "【绿苑应急】今晚停水。"
"""


def test_library_reads_everything() -> None:
    """Nothing of the file is lost."""
    library = parse_library(TOML)
    assert ["gate-code", "water cut"] == list(library)
    assert 2 == len(library)
    assert "2 templates" in repr(library)
    assert ("绿苑物业", "property") == (library.signature, library.industry)
    code = library["gate-code"]
    assert ("otp", "绿苑物业", "property") == (code.kind, code.signature, code.industry)
    assert Variable("code", "code", 6, "482913") == code.variable("code")
    assert VariableType.NUMBER is code.variable("minutes").type
    assert (("seed",), "门禁", "Gate") == (code.profiles, code.summary, code.summary_en)
    assert ("2026-03", "") == (code.version, library["water cut"].version)
    assert "urgent" == library["water cut"].category


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        (
            "aliyun",
            WireText(
                "SMS_100001",
                "绿苑物业",
                (("code", "482913"), ("minutes", "5")),
                "【绿苑物业】您的门禁验证码为482913,5分钟内有效。",
            ),
        ),
        (
            "huawei",
            WireText(
                "h1",
                "绿苑物业",
                (("minutes", "5"), ("code", "482913")),
                "【绿苑物业】您的门禁验证码为482913,5分钟内有效。",
            ),
        ),
    ],
)
def test_wire(provider: str, expected: WireText) -> None:
    """Id, signature, order and text come from the library."""
    library = parse_library(TOML)
    values = {"minutes": "5", "code": "482913"}
    assert expected == library.wire("gate-code", values, provider=provider)
    assert "482913" not in repr(library.wire("gate-code", values, provider=provider))


def test_wire_signatures() -> None:
    """The one in the text, then the one given, then the template's, then the library's."""
    library = parse_library(TOML)
    inside = library.wire("water cut", {}, provider="seed", require_id=False)
    assert ("绿苑应急", "【绿苑应急】今晚停水。") == (inside.signature, inside.text)
    assert "water cut" == inside.template_id
    other = library.wire("water cut", {}, provider="seed", signature="别家", require_id=False)
    assert "【别家】今晚停水。" == other.text
    bare = TemplateLibrary([Template("t", "您好", "notice")], signature="绿苑")
    assert "【绿苑】您好" == bare.wire("t", {}, provider="x", require_id=False).text
    unsigned = TemplateLibrary([Template("t", "您好", "notice")])
    assert ("", "您好") == (
        unsigned.wire("t", {}, provider="x", require_id=False).signature,
        unsigned.wire("t", {}, provider="x", require_id=False).text,
    )


def test_wire_refuses_early() -> None:
    """No template, no id, a bad value: all before anything is sent."""
    library = parse_library(TOML)
    with pytest.raises(TemplateError, match="there is no template 'nothing'"):
        library.wire("nothing", {}, provider="aliyun")
    with pytest.raises(TemplateError, match="has no id for 'baidu'"):
        library.wire("gate-code", {}, provider="baidu")
    with pytest.raises(RenderError):
        library.wire("gate-code", {"code": "1", "minutes": "5"}, provider="aliyun")
    with pytest.raises(TemplateError, match="there are none"):
        TemplateLibrary().find("x")
    with pytest.raises(TemplateError, match="two templates"):
        TemplateLibrary([Template("t", "a", "otp"), Template("t", "b", "otp")])


def test_wire_by_place() -> None:
    """A provider that takes values by place gets one for each marker."""
    twice = Template("t", "${a}至${b},${a}起", "notice")
    library = TemplateLibrary([twice])
    values = {"a": "1", "b": "2"}
    by_place = library.wire("t", values, provider="tencent", require_id=False)
    assert (("a", "1"), ("b", "2"), ("a", "1")) == by_place.params
    by_name = library.wire("t", values, provider="aliyun", require_id=False)
    assert (("a", "1"), ("b", "2")) == by_name.params
    numbered = TemplateLibrary([Template("t", "{2}和{1}", "notice")])
    assert (("1", "x"), ("2", "y")) == numbered.wire(
        "t", {"1": "x", "2": "y"}, provider="tencent", require_id=False
    ).params


def test_order_must_name_the_variables() -> None:
    """An order that leaves one out is found before anything is sent."""
    template = Template("t", "${a}和${b}", "notice", order={"tencent": ("a",)})
    with pytest.raises(TemplateError, match="order"):
        TemplateLibrary([template]).wire("t", {}, provider="tencent", require_id=False)


def test_texts_are_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bulk run reads a text once, however many messages it makes."""
    library = parse_library(TOML)
    values = {"minutes": "5", "code": "482913"}
    library.wire("gate-code", values, provider="aliyun")
    monkeypatch.setattr("propsms.placeholders._MARKER", None)
    assert "482913" in library.wire("gate-code", values, provider="aliyun").text


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ("[templates.a", r"not TOML"),
        ("x = 1", r"p:1: x: expected one of"),
        ("", r"\[templates.NAME\]"),
        ("[templates]\na = 1", r"p:2: templates.a: expected a table"),
        ("[templates.a]\nkind = 'otp'", r"p:1: templates.a.text: expected a text"),
        (
            "[templates.a]\ntext = 3\nkind='otp'",
            r"p:2: templates.a.text: expected a text in quotes",
        ),
        ("[templates.a]\ntext = 'x'\nkind = 'sms'", r"p:3: templates.a.kind: expected one of otp"),
        ("[templates.a]\ntext = 'x'\nkind = 'otp'\ncategory='x'", r"p:4: templates.a.category"),
        (
            "[templates.a]\ntext = 'x'\nkind = 'otp'\ncategory='urgent'",
            r"p:1: category 'urgent' is",
        ),
        ("[templates.a]\ntext = 'x'\nkind = 'otp'\nprofiles='seed'", r"expected a list of texts"),
        ("[templates.a]\ntext = 'x'\nkind = 'otp'\ncolour='x'", r"p:4: templates.a.colour"),
        ("[templates.a]\ntext='x'\nkind='otp'\n[templates.a.variables]\nb='x'", r"p:5: .*b.type"),
        (
            "[templates.a]\ntext='x'\nkind='otp'\n[templates.a.variables]\nb={max_length='x'}",
            r"p:5: .*max_length: expected a whole number",
        ),
        (
            "[templates.a]\ntext='x'\nkind='otp'\n[templates.a.variables]\nb={max_length=0}",
            r"max_length must be from 1 to 500",
        ),
        ("[templates.a]\ntext='x'\nkind='otp'\n[templates.a.ids]\nb=1", r"p:5: templates.a.ids.b"),
    ],
)
def test_faults_name_file_line_and_key(toml: str, told: str) -> None:
    """An office manager finds the bad line."""
    with pytest.raises(TemplateError, match=told):
        parse_library(toml, where="p")


def test_load_library(tmp_path: Path) -> None:
    """One file, or all of a folder; a profile in it is passed over."""
    (tmp_path / "b.toml").write_text(TOML, "utf-8-sig")
    (tmp_path / "a.toml").write_text('[templates.hi]\nkind="notice"\ntext="您好"', "utf-8")
    (tmp_path / "own.toml").write_text('name="own"\n[facts]\n', "utf-8")
    assert 2 == len(load_library(tmp_path / "b.toml"))
    every = load_library(str(tmp_path))
    assert ["hi", "gate-code", "water cut"] == list(every)
    assert "绿苑物业" == every.signature
    with pytest.raises(TemplateError, match="cannot read"):
        load_library(tmp_path / "none.toml")
    (tmp_path / "empty").mkdir()
    with pytest.raises(TemplateError, match=r"holds no \.toml"):
        load_library(tmp_path / "empty")
    (tmp_path / "gbk.toml").write_bytes(TOML.encode("gbk"))
    with pytest.raises(TemplateError, match="not UTF-8"):
        load_library(tmp_path / "gbk.toml")


# -- Conversion ----------------------------------------------------------------------------------

FEE = Template(
    "fee",
    "${room}本月物业费${money}元已出账。",
    "notice",
    signature="绿苑物业",
    variables=[Variable("room", "address"), Variable("money", "money")],
)


@pytest.mark.parametrize(
    ("to", "text"),
    [
        ("seed", "【绿苑物业】${1}本月物业费${2}元已出账。"),
        ("aliyun", "${room}本月物业费${money}元已出账。"),
        ("tencent", "{1}本月物业费{2}元已出账。"),
        ("yunpian", "【绿苑物业】#room#本月物业费#money#元已出账。"),
    ],
)
def test_convert(to: str, text: str) -> None:
    """One template serves every provider; values keep their names."""
    converted = convert(FEE, to=to)
    assert (text, ("room", "money")) == (converted.text, converted.order)
    assert FEE == converted.back()
    again = converted.as_template()
    assert ("room", "money") == again.names
    assert render(FEE, {"room": "3栋", "money": "1"}) in render(
        again, {"room": "3栋", "money": "1"}
    )


@pytest.mark.parametrize("to", list(Dialect))
def test_convert_to_a_dialect(to: Dialect) -> None:
    """Every dialect can be written."""
    converted = convert(FEE, to=to)
    assert ("room", "money") == converted.order
    assert to is converted.dialect


def test_convert_typed() -> None:
    """Huawei's attributes are written from the declared types."""
    typed = convert(FEE, to="huawei", typed=True)
    assert "${TEXT}本月物业费${MONEY}元已出账。" == typed.text
    assert ("room", "money") == typed.as_template().names


_shapes = st.sampled_from(
    [Dialect.NUMBERED, Dialect.NAMED, Dialect.BRACED, Dialect.HASHED, Dialect.DOUBLE]
)
_names = st.lists(
    st.sampled_from(["room", "fee", "day", "who"]), min_size=1, max_size=4, unique=True
)


@given(_names, _shapes, _shapes, _shapes)
def test_round_trips(names: list[str], start: Dialect, middle: Dialect, end: Dialect) -> None:
    """Through any dialects and back, the text is what it was."""
    named = "通知:" + "号".join(Dialect.NAMED.write(name) for name in names) + "。"
    declared = [Variable(name) for name in names]
    first = convert(Template("t", named, "notice", variables=declared), to=start).as_template()
    there = convert(first, to=middle).as_template()
    further = convert(there, to=end).as_template()
    assert first.text == convert(further, to=start).text
    assert tuple(names) == further.names


def test_convert_numbers_without_names() -> None:
    """Numbers become p1, p2; a lone code is called code."""
    assert "${p1}和${p2}" == convert(Template("t", "{1}和{2}", "notice"), to="aliyun").text
    code = Template("t", "验证码{1}", "otp")
    assert "验证码${code}" == convert(code, to="aliyun").text


def test_convert_refuses_damage() -> None:
    """A damaged text is not carried on."""
    with pytest.raises(TemplateError, match="mixes"):
        convert(Template("t", "1,{2},${3}", "notice"), to="aliyun")


@pytest.mark.parametrize("provider", ["aliyun", "yunpian", "tencent", "huawei"])
@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("otp", "验证码{1}，5分钟内有效。"),
        ("notice", "{1}栋{2}单元停水。"),
        ("notice", "${楼栋}停水。"),
        ("notice", "${building}停水，${building}请储水。"),
    ],
)
def test_the_wire_names_values_as_the_filed_text_does(provider: str, kind: str, text: str) -> None:
    """What `convert` made was filed, so its names are those that the provider asks for."""
    template = Template("t", text, kind, signature="绿苑", ids={provider: "1"})
    filed = convert(template, to=provider)
    values = {name: f"48{n}913" for n, name in enumerate(dict.fromkeys(template.names))}
    wired = TemplateLibrary([template]).wire("t", values, provider=provider)
    asked = {p.label for p in parse(filed.text)}
    if filed.dialect in (Dialect.NAMED, Dialect.HASHED):
        assert asked == {name for name, _ in wired.params}
    assert [values[name] for name in filed.order] == [value for _, value in wired.params]
