"""Rules about the values of one message, which ``lint_values`` runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, cast

from propsms._kinds import MessageKind
from propsms._placeholders.lazy import late
from propsms.placeholders import VariableType
from propsms.rules._fold import fold
from propsms.rules._reading import LINK, MOBILE
from propsms.rules._rule import Breach, Example, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from propsms.placeholders import Variable
    from propsms.profiles import Profile
    from propsms.rules._reading import Reading


def _values(reading: Reading) -> Iterator[tuple[Variable, str]]:
    """Each variable of the text and its value, where that is a text."""
    for name in dict.fromkeys(reading.template.names):
        value = reading.values.get(name)
        if isinstance(value, str) and value:
            yield _kind_of(reading, name), value


def _kind_of(reading: Reading, name: str) -> Variable:
    """What is known of the variable; the lone variable of a code text is the code."""
    variable = reading.template.variable(name)
    lone = reading.kind is MessageKind.OTP and len(set(reading.template.names)) == 1
    if lone and not reading.template.variables:
        import attrs  # noqa: PLC0415 -- already loaded; only here is it needed

        return attrs.evolve(variable, type=VariableType.CODE)
    return variable


def _shown(variable: Variable, value: str) -> str:
    return "" if variable.type.is_secret else f"“{value[:20]}”"


def _field(variable: Variable) -> str:
    return f"values.{variable.name}"


# -- value-json-string ---------------------------------------------------------------------------


def _find_string(reading: Reading, profile: Profile) -> Iterator[Breach]:
    for name in dict.fromkeys(reading.template.names):
        value: object = reading.values.get(name)
        if isinstance(value, str) and value:
            continue
        told = (
            "缺少" if value is None else "是空的" if value == "" else f"是 {type(value).__name__}"
        )
        told_en = (
            "is missing"
            if value is None
            else "is empty"
            if value == ""
            else f"is a {type(value).__name__}"
        )
        yield Breach(
            f"变量“{name}”的值{told}，须为非空文字",
            f"the value of {name!r} {told_en}; a text that is not empty is needed",
            cite=_STRING_SOURCE,
            field=f"values.{name}",
        )
    for name in reading.values:
        if name not in reading.template.names:
            yield Breach(
                f"文本中没有变量“{name}”，请删去这个值",
                f"the text has no variable {name!r}; drop the value",
                cite=_STRING_SOURCE,
                field=f"values.{name}",
            )
    del profile


_STRING_SOURCE: Final = (
    "Aliyun isv.INVALID_JSON_PARAM, isv.TEMPLATE_MISSING_PARAMETERS; Tencent "
    "TemplateParamSetNotMatchApprovedTemplate (undated); read 2026-11-23"
)

VALUE_JSON_STRING: Final = Rule(
    code="value-json-string",
    summary="变量值不是文字，或为空、缺少、多余。",
    summary_en="A value is not a text, is empty, missing or surplus.",
    why="服务商只收文字；数字、空值和对不上的变量都会发送失败。",
    why_en="Providers take texts; numbers, empty values and a wrong set of names fail at the send.",
    find=_find_string,
    bad=Example("【绿苑物业】验证码${1},5分钟内有效。", kind="otp", values=(("1", 4821),)),
    good=Example("【绿苑物业】验证码${1},5分钟内有效。", kind="otp", values=(("1", "4821"),)),
    source=_STRING_SOURCE,
    values=True,
)

# -- value-pattern, value-length ---------------------------------------------------------------------


def _find_pattern(reading: Reading, profile: Profile) -> Iterator[Breach]:
    for variable, value in _values(reading):
        rule = profile.types.get(variable.type)
        pattern = rule.pattern if rule else None
        source = rule.source if rule else ()
        fact = ""
        is_code = variable.type is VariableType.CODE
        if is_code and pattern is None and profile.get("otp_code_digits_only"):
            pattern, fact = re.compile(r"\d+"), "otp_code_digits_only"
        if pattern is not None and not pattern.fullmatch(value):
            named = f"({rule.attribute})" if rule and rule.attribute else ""
            yield Breach(
                f"变量“{variable.name}”的值{_shown(variable, value)}不合{profile.title}对"
                f"{variable.type}{named}的要求" + (f":{rule.note}" if rule and rule.note else ""),
                f"the value of {variable.name!r} does not fit what {profile.title_en} asks of "
                f"{variable.type}" + (f": {rule.note_en}" if rule and rule.note_en else ""),
                fact=fact,
                source=source,
                field=_field(variable),
            )


VALUE_PATTERN: Final = Rule(
    code="value-pattern",
    summary="变量值不合服务商对该属性的要求。",
    summary_en="A value does not fit what the provider asks of its attribute.",
    why="发送时会报参数错误，整批失败。",
    why_en="The send fails with a parameter error.",
    find=_find_pattern,
    bad=Example("您的验证码为{1},5分钟内有效。", "tencent", "otp", values=(("1", "A583920"),)),
    good=Example("您的验证码为{1},5分钟内有效。", "tencent", "otp", values=(("1", "583920"),)),
    values=True,
)


def _find_length(reading: Reading, profile: Profile) -> Iterator[Breach]:
    for variable, value in _values(reading):
        low, high, source, fact = _bounds(profile, variable)
        if high is None or low <= len(value) <= high:
            continue
        yield Breach(
            f"变量“{variable.name}”的值有 {len(value)} 个字，须为 {low} 到 {high} 个；请缩短或拆成两个变量",
            f"the value of {variable.name!r} has {len(value)} characters, {low} to {high} are taken; "
            "shorten it, or make two variables",
            fact=fact,
            source=source,
            field=_field(variable),
        )


def _bounds(profile: Profile, variable: Variable) -> tuple[int, int | None, tuple[str, ...], str]:
    rule = profile.types.get(variable.type)
    if rule and rule.length:
        return (*rule.length, rule.source, "")
    if variable.type is VariableType.CODE and profile.get("otp_code_length"):
        low, high = cast("tuple[int, int]", profile.get("otp_code_length"))
        return low, high, (), "otp_code_length"
    return 1, profile.get("variable_length"), (), "variable_length"


VALUE_LENGTH: Final = Rule(
    code="value-length",
    summary="变量值太长或太短。",
    summary_en="A value is too long or too short.",
    why="各家对单个变量有上限：阿里云 35、华为 20、百度默认 50，验证码一般不超过 6 位。",
    why_en="A value has a bound: 35 at Aliyun, 20 at Huawei, 50 by default at Baidu.",
    find=_find_length,
    bad=Example(
        "停水范围:${area}。",
        "aliyun",
        variables=(("area", "text"),),
        values=(("area", "三栋二单元" * 8),),
    ),
    good=Example(
        "停水范围:${area}。",
        "aliyun",
        variables=(("area", "text"),),
        values=(("area", "三栋二单元"),),
    ),
    values=True,
)

# -- value-charset, value-contact ----------------------------------------------------------------------

_EMOJI: Final = late("[\U0001f000-\U0001faff\u2600-\u27bf\ufe0f]")


def _find_charset(reading: Reading, profile: Profile) -> Iterator[Breach]:
    forbidden: tuple[str, ...] = profile.get("value_forbidden") or ()
    for variable, value in _values(reading):
        numeric = variable.type in _WITH_DOTS
        found = [c for c in forbidden if c in value and not (numeric and c == ".")]
        if found:
            shown = "、".join(found)
            yield Breach(
                f"变量“{variable.name}”的值含有 {shown}，请去掉或换成其他写法",
                f"the value of {variable.name!r} holds {', '.join(found)}; drop or replace it",
                fact="value_forbidden",
                field=_field(variable),
            )
        elif _EMOJI.search(value):
            yield Breach(
                f"变量“{variable.name}”的值含表情符号，请去掉",
                f"the value of {variable.name!r} holds an emoji; drop it",
                cite="Aliyun attribute rules (user_nick, third-party) and every body rule; "
                "read 2026-11-23",
                field=_field(variable),
            )


_WITH_DOTS: Final = frozenset({VariableType.MONEY, VariableType.NUMBER, VariableType.LINK})

VALUE_CHARSET: Final = Rule(
    code="value-charset",
    summary="变量值含禁用字符。",
    summary_en="A value holds forbidden characters.",
    why="华为的文本变量不许有 . ' < > { }，百度不许有【】[]，表情各家都不收。",
    why_en="Huawei's text variables take no . ' < > { }, Baidu's no brackets, nobody's emoji.",
    find=_find_charset,
    bad=Example(
        "停水范围:${a}。", "baidu", variables=(("a", "address"),), values=(("a", "3栋[2]单元"),)
    ),
    good=Example(
        "停水范围:${a}。", "baidu", variables=(("a", "address"),), values=(("a", "3栋2单元"),)
    ),
    values=True,
)

_ACCOUNT: Final = late(
    r"(?:微信|vx|wx|v信|qq)(?:号|群)?[::]?\s?[a-z0-9][a-z0-9_-]{3,19}|加(?:微信|qq|群)|[\w.-]{1,64}@\w"
)
_OPEN: Final = frozenset(
    {VariableType.TEXT, VariableType.ADDRESS, VariableType.UNIT, VariableType.NAME}
)


def _find_contact(reading: Reading, profile: Profile) -> Iterator[Breach]:
    contacts = profile.get("value_contacts_allowed") is not True
    links = profile.get("value_urls_allowed") is not True
    for variable, value in _values(reading):
        text = fold(value).text
        is_open = variable.type in _OPEN
        if contacts and is_open and (_ACCOUNT.search(text) or MOBILE.search(text)):
            yield _contact(
                variable,
                "手机号、QQ 或微信",
                "a mobile, QQ or WeChat id",
                "value_contacts_allowed" if "value_contacts_allowed" in profile.facts else "",
            )
        may_link = is_open or variable.type is VariableType.LINK
        if links and may_link and ("://" in text or LINK.search(text)):
            stated = "value_urls_allowed" if "value_urls_allowed" in profile.facts else ""
            yield _contact(variable, "网址", "a link", stated)


def _contact(variable: Variable, zh: str, en: str, fact: str) -> Breach:
    return Breach(
        f"变量“{variable.name}”的值含{zh}，请删去",
        f"the value of {variable.name!r} holds {en}; drop it",
        fact=fact,
        cite=_CONTACT_SOURCE,
        field=_field(variable),
    )


_CONTACT_SOURCE: Final = (
    "Contacts and links in values are refused: Huawei 短信变量须知 (2024-11-08), Tencent 正文模板审核标准 "
    "(2025-06-17), Aliyun isv.PARAM_NOT_SUPPORT_URL (undated); read 2026-11-23"
)

VALUE_CONTACT: Final = Rule(
    code="value-contact",
    summary="变量值里藏了联系方式或网址。",
    summary_en="A value hides a contact or a link.",
    why="借变量夹带联系方式会被拦截，严重的封停账号。",
    why_en="It is blocked, and accounts are closed for it.",
    find=_find_contact,
    bad=Example(
        "请联系${1}办理。", "huawei", variables=(("1", "text"),), values=(("1", "微信wy8888"),)
    ),
    good=Example(
        "请联系${1}办理。", "huawei", variables=(("1", "text"),), values=(("1", "物业前台"),)
    ),
    source=_CONTACT_SOURCE,
    values=True,
)
