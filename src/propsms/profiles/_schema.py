"""What a profile may say: every key, its shape, and the checks that name the bad one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from propsms.errors import InvalidValueError
from propsms.findings import Severity
from propsms.placeholders import Dialect, VariableType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["CATEGORIES", "FACTS", "GRADES", "FactKey", "bad", "check_fact", "check_shape"]

GRADES: Final = ("official", "copy", "third-party", "design")


class FactKey(NamedTuple):
    """One fact that a profile may state.

    Attributes:
        shape: Name of the shape its value must have; see `check_fact`.
        summary: What it says, in Chinese.
        summary_en: What it says, in English.
    """

    shape: str
    summary: str
    summary_en: str


FACTS: Final[dict[str, FactKey]] = {
    # Markers
    "styles": FactKey(
        "dialects",
        "变量写法，第一种用于转换",
        "ways to write a variable; the first is what convert() writes",
    ),
    "name_pattern": FactKey(
        "regex", "变量名的样式", "pattern that a variable's name must match whole"
    ),
    "name_reserved": FactKey("words", "不可用作变量名的词", "names that a variable may not have"),
    "contiguous_numbers": FactKey(
        "bool", "编号须从 1 连续", "true: numbers start at 1 without gaps"
    ),
    "repeat_allowed": FactKey(
        "bool", "同一变量可否出现两次", "false: each variable stands only once"
    ),
    "adjacent_max": FactKey(
        "int", "最多几个变量相连", "how many variables may stand in a row; 1 forbids neighbours"
    ),
    "edge_allowed": FactKey(
        "bool", "正文首尾可否为变量", "false: the body may neither start nor end with a variable"
    ),
    "partial_allowed": FactKey(
        "bool", "变量可否拼在号码或域名里", "false: no variable inside a number or host"
    ),
    "all_variable_allowed": FactKey("bool", "可否全是变量", "false: some fixed text is needed"),
    "attribute_required": FactKey(
        "bool", "变量须声明属性", "true: each variable needs a declared attribute"
    ),
    "date_and_time_apart": FactKey(
        "bool", "日期与时间须分开", "true: date and time are two variables"
    ),
    "variables_max_otp": FactKey("int", "验证码变量上限", "most variables in a code text"),
    "variables_max_notice": FactKey(
        "int", "通知变量上限", "most variables in a notice (dunning counts as one)"
    ),
    "variables_max_marketing": FactKey(
        "int", "营销变量上限", "most variables in a marketing text"
    ),
    "variable_length": FactKey("int", "单个变量值上限", "most characters in one value"),
    "value_forbidden": FactKey("words", "变量值中的禁用字符", "characters that no value may hold"),
    "value_urls_allowed": FactKey(
        "bool", "变量值可否为链接", "false: no value may be or hold a link"
    ),
    "value_contacts_allowed": FactKey(
        "bool", "变量值可否含联系方式", "false: no mobile, QQ or WeChat id in a text value"
    ),
    # Sender signature
    "signature_place": FactKey(
        "place",
        "签名位置：head 文首【】，apart 单独提交，code 用编号",
        "head: 【】 opens the text; apart: no 【】 in the text; code: bound to an id",
    ),
    "signature_length": FactKey("range", "签名字数", "length of the name, without brackets"),
    "signature_scripts": FactKey(
        "words", "签名可用字符：han letter digit", "what it may be written in: han, letter, digit"
    ),
    "signature_traditional_allowed": FactKey(
        "bool", "签名可否用繁体", "false: no traditional Han"
    ),
    "signature_digits_allowed": FactKey("bool", "签名可否全是数字", "false: not digits alone"),
    "signature_english_allowed": FactKey("bool", "签名可否纯英文", "false: not letters alone"),
    "signature_neutral": FactKey("words", "不能表明身份的签名", "names that identify nobody"),
    "signature_test_allowed": FactKey(
        "bool", "签名可否含测试字样", "false: no 测试 or test in it"
    ),
    # Characters
    "symbols": FactKey("words", "禁用符号", "signs that the body may not hold"),
    "symbols_alike": FactKey(
        "words", "同类符号", "signs like those listed, where the list ends in “and so on”"
    ),
    "symbols_edge": FactKey("words", "首尾禁用符号", "signs that may not open or close the body"),
    "emoticons_allowed": FactKey("bool", "可否用颜文字", "false: no ^_^ and the like"),
    "emoji_allowed": FactKey("bool", "可否用表情符号", "false: no pictographs"),
    "traditional_allowed": FactKey("bool", "可否用繁体字", "false: no traditional Han"),
    "evasive_allowed": FactKey(
        "bool", "可否用变体、谐音写法", "false: no evasive spelling such as 威信"
    ),
    "newline_allowed": FactKey("bool", "可否换行", "false: one line only"),
    # Length
    "length_max": FactKey(
        "int", "模板字数上限", "most characters of a template, counted as the profile says"
    ),
    "length_max_sent": FactKey("int", "成文字数上限", "most characters of a text as sent"),
    "length_counts_signature": FactKey("bool", "字数含签名", "true: signature and brackets count"),
    "length_counts_maximum": FactKey(
        "bool", "变量按上限计数", "true: the check counts each variable at its longest"
    ),
    "segment_single": FactKey("int", "单条字数", "characters of a text billed as one"),
    "segment_part": FactKey("int", "长短信每条字数", "characters of each part of a longer text"),
    # One-time codes
    "otp_keywords": FactKey(
        "words", "验证码关键字，须含其一", "one of these must stand in a code text"
    ),
    "otp_needs": FactKey(
        "words",
        "须写明其一：platform purpose expiry",
        "at least one of these must be told: platform, purpose, expiry",
    ),
    "otp_code_length": FactKey("range", "验证码位数", "characters of a code"),
    "otp_code_digits_only": FactKey("bool", "验证码只能是数字", "true: digits alone"),
    "otp_links_allowed": FactKey("bool", "验证码可否带链接", "false: no link in a code text"),
    "otp_contacts_allowed": FactKey(
        "bool", "验证码可否带联系方式", "false: no contact in a code text"
    ),
    "otp_optout_allowed": FactKey(
        "bool", "验证码可否带退订语", "false: no opt-out words in a code text"
    ),
    "otp_per_day": FactKey("int", "同号码每日验证码上限", "most codes to one number in a day"),
    # Notices and marketing
    "notice_marketing_allowed": FactKey(
        "bool", "通知可否夹带营销", "false: no promotion in a notice"
    ),
    "marketing_allowed": FactKey("bool", "可否发营销短信", "false: no marketing at all"),
    "notice_optout_allowed": FactKey(
        "bool", "通知可否带退订语", "false: no opt-out words in a notice"
    ),
    "marketing_optout": FactKey(
        "words",
        "营销结尾退订语，第一种用于修复",
        "the text ends with one of these; the first is what a fix writes",
    ),
    "marketing_member_wording": FactKey(
        "bool", "营销须写明会员", "true: the text must say that it goes to members"
    ),
    "marketing_window": FactKey(
        "window", "营销发送时段", "from and until when marketing goes out"
    ),
    "invitations_allowed": FactKey(
        "bool", "可否邀请注册、参加", "false: no invitation to register, join or attend"
    ),
    "payment_reminders_allowed": FactKey(
        "bool", "可否发送缴费提醒", "false: refuses even a reminder before the due date"
    ),
    "industries_otp_only": FactKey(
        "words", "只能发验证码的行业", "trades that may send codes only"
    ),
    # Links and contacts
    "links_max": FactKey("int", "链接上限", "most links in a text"),
    "phones_max": FactKey("int", "电话上限", "most telephone numbers in a text"),
    "mobile_allowed": FactKey("bool", "可否写手机号", "false: no mobile number in the text"),
    "mobile_variable_allowed": FactKey(
        "bool", "可否以手机号为变量", "false: no variable for a mobile number"
    ),
    "landline_variable_allowed": FactKey(
        "bool", "可否以座机为变量", "false: no variable for a landline"
    ),
    "link_variable_allowed": FactKey(
        "bool", "可否以整条链接为变量", "false: host and whole link are fixed text"
    ),
    "link_tail_allowed": FactKey(
        "bool", "链接末尾可否为变量", "true: a variable may follow the host's slash"
    ),
    "short_links_allowed": FactKey("bool", "可否用短链接", "false: no short link"),
    "links_allowed": FactKey("bool", "可否带链接", "false: no link at all"),
    "filed_domains_only": FactKey("bool", "域名须备案", "true: the domain needs an ICP filing"),
    # Sending
    "frequency": FactKey(
        "limits",
        "频率限制，如 otp 1/min、notice 50/day",
        "caps per number, such as 'otp 1/min' or 'same 2/59s'",
    ),
    "review_hours": FactKey("text", "审核时间", "how long a review takes, in words"),
}

CATEGORIES: Final[dict[str, str]] = {
    # category of a word list -> code of the rule that reports it
    "debt": "dunning-wording",
    "legal": "dunning-legal-threat",
    "credit": "dunning-credit-threat",
    "threat": "dunning-tone",
    "promotion": "notice-marketing",
    "invitation": "invitation",
    "app": "app-promo",
    "loyalty": "survey-loyalty",
    "carrier": "carrier-word",
    "contact": "personal-contact",
    "vice": "banned-word",
    "finance": "banned-word",
    "fraud": "banned-word",
    "recruitment": "banned-word",
    "medical": "banned-word",
    "agency": "banned-word",
    "decoration": "banned-word",
    "estate": "banned-word",
    "growth": "banned-word",
    "politics": "banned-word",
    "alcohol": "banned-word",
    "education": "banned-word",
    "other": "banned-word",
}


def bad(where: str, expected: str, expected_zh: str, got: object) -> InvalidValueError:
    """The error for a key that does not fit; *where* is its path in the file."""
    shown = repr(got) if len(repr(got)) <= 60 else repr(got)[:57] + "..."
    return InvalidValueError(
        f"{where}: expected {expected}, got {shown}",
        f"{where}：应为{expected_zh}，现为 {shown}",
        field=where,
    )


def check_fact(where: str, key: str, value: Any) -> Any:
    """The *value* of the fact *key* in its shape, or `InvalidValueError` naming *where*."""
    return check_shape(where, FACTS[key].shape, value)


def check_shape(where: str, shape: str, value: Any) -> Any:
    """The *value* in the *shape*, lists as tuples, or `InvalidValueError` naming *where*."""
    fits, convert, expected, expected_zh = _SHAPES[shape]
    if not fits(value):
        raise bad(where, expected, expected_zh, value)
    return convert(value)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100_000


def _listed(value: Any) -> Sequence[Any]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _are_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(w, str) and w for w in _listed(value))


def _is_range(value: Any) -> bool:
    bounds = _listed(value)
    return len(bounds) == 2 and all(_is_int(b) for b in bounds) and bounds[0] <= bounds[1]


def _is_regex(value: Any) -> bool:
    try:
        re.compile(value)
    except (re.error, TypeError):
        return False
    return isinstance(value, str)


def _is_window(value: Any) -> bool:
    clock = r"([01]\d|2[0-3]):[0-5]\d"
    return _are_words(value) and len(value) == 2 and all(re.fullmatch(clock, v) for v in value)


def _are_limits(value: Any) -> bool:
    limit = r"(any|same|otp|notice|dunning|marketing) [1-9]\d{0,5}/\d{0,3}(s|min|h|day)"
    return _are_words(value) and all(re.fullmatch(limit, one) for one in value)


def _are_dialects(value: Any) -> bool:
    return _are_words(value) and bool(value) and set(value) <= {str(d) for d in Dialect}


def _same(value: Any) -> Any:
    return value


def _to_dialects(value: list[str]) -> tuple[Dialect, ...]:
    return tuple(Dialect(style) for style in value)


_Shape = tuple["Callable[[Any], bool]", "Callable[[Any], Any]", str, str]
_SHAPES: Final[Mapping[str, _Shape]] = {
    "bool": (lambda v: isinstance(v, bool), _same, "true or false", " true 或 false"),
    "int": (_is_int, _same, "a whole number from 0 to 100000", " 0 到 100000 的整数"),
    "text": (lambda v: isinstance(v, str) and bool(v), _same, "a text", "文字"),
    "words": (_are_words, tuple, "a list of non-empty texts", "非空文字的列表"),
    "range": (_is_range, tuple, "two whole numbers [least, most]", "两个整数 [最小, 最大]"),
    "regex": (_is_regex, _same, "a regular expression", "正则表达式"),
    "window": (_is_window, tuple, 'two times ["HH:MM", "HH:MM"]', '两个时刻 ["HH:MM", "HH:MM"]'),
    "limits": (
        _are_limits,
        tuple,
        'a list of caps such as "otp 1/min", "same 2/59s"',
        '频率上限的列表，如 "otp 1/min"、"same 2/59s"',
    ),
    "place": (
        lambda v: v in ("head", "apart", "code"),
        _same,
        '"head", "apart" or "code"',
        '"head"、"apart" 或 "code"',
    ),
    "dialects": (
        _are_dialects,
        _to_dialects,
        "a list of " + ", ".join(f'"{d.value}"' for d in Dialect),
        "变量写法的列表：" + "、".join(f'"{d.value}"' for d in Dialect),
    ),
    "severity": (
        lambda v: isinstance(v, str) and v in {*map(str, Severity), "off"},
        _same,
        '"error", "warning", "info" or "off"',
        '"error"、"warning"、"info" 或 "off"',
    ),
    "grade": (
        lambda v: v in GRADES,
        _same,
        "one of " + ", ".join(GRADES),
        "、".join(GRADES) + " 之一",
    ),
    "type": (
        lambda v: isinstance(v, str) and v in set(map(str, VariableType)),
        VariableType,
        "one of " + ", ".join(VariableType),
        "、".join(VariableType) + " 之一",
    ),
    "category": (
        lambda v: isinstance(v, str) and v in CATEGORIES,
        _same,
        "one of " + ", ".join(CATEGORIES),
        "、".join(CATEGORIES) + " 之一",
    ),
}
