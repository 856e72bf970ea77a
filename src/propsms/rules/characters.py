"""Rules about characters, length and what is billed."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from propsms._placeholders.lazy import late
from propsms.findings import Edit, Fix, Severity, Span
from propsms.rules._fold import INVISIBLE, traditional, variants
from propsms.rules._rule import (
    Breach,
    Example,
    Rule,
    by_shape,
    has_markers,
    replace,
    with_chars,
    with_signs,
)
from propsms.rules._sizes import segments_of, worst_total
from propsms.rules.signature import rival_breach

if TYPE_CHECKING:
    from collections.abc import Iterator

    from propsms.profiles import Profile
    from propsms.rules._reading import Reading

# -- special-symbol ----------------------------------------------------------------------------

_INSTEAD: Final = {
    "&": "和", "→": "到", "m²": "平方米", "㎡": "平方米", "①": "1.", "②": "2.", "③": "3.",
    "④": "4.", "⑤": "5.", "『": "“", "』": "”", "「": "“", "」": "”", "〖": "\uff08", "〗": "\uff09",
}  # fmt: skip
_OTHERS: Final = frozenset("[]【】\u00a5\uffe5")  # rules of their own, or mended with the sum


def _find_symbol(reading: Reading, profile: Profile) -> Iterator[Breach]:
    signs, longer = profile.signs
    if not profile.sign_heads.isdisjoint(reading.chars):
        for found in _pattern(signs, longer).finditer(reading.plain):
            yield _symbol(found, profile)
        alike = frozenset(profile.get("symbols_alike") or ()) & reading.chars
        for found in _pattern(alike, ()).finditer(reading.plain) if alike else ():
            yield _alike(found, profile)
    if profile.get("emoticons_allowed") is False and not _FACES.isdisjoint(reading.chars):
        for found in _EMOTICON.finditer(reading.plain):
            yield Breach(
                f"不要用颜文字“{found[0]}”",
                f"no emoticons such as {found[0]!r}",
                Span(*found.span()),
                "emoticons_allowed",
                fix=replace(Span(*found.span()), "", "删去", "drop it"),
            )


def _alike(found: re.Match[str], profile: Profile) -> Breach:
    return Breach(
        f"“{found[0]}”与{profile.title}的禁用符号同类，建议用文字表达",
        f"{found[0]!r} is a sign like those that {profile.title_en} forbids; put it in words",
        Span(*found.span()),
        "symbols_alike",
    )


def _symbol(found: re.Match[str], profile: Profile) -> Breach:
    sign = found[0]
    span = Span(*found.span())
    if sign in "\u00a5\uffe5":
        told = "请改用“元”", "write 元 after the sum"
        fix = None
    else:
        other = _INSTEAD.get(sign, "")
        told = (f"请改为“{other}”", f"write {other}") if other else ("请删去", "drop it")
        glues = not other and _is_between_digits(found)
        fix = None if glues else replace(span, other, *told, safe=True)
    return Breach(
        f"“{sign}”是{profile.title}的禁用符号，{told[0]}",
        f"{profile.title_en} forbids the sign {sign!r}; {told[1]}",
        span,
        "symbols",
        fix=fix,
    )


def _is_between_digits(found: re.Match[str]) -> bool:
    """True if two numbers would run together without what was found."""
    before = INVISIBLE.sub("", found.string[max(0, found.start() - 20) : found.start()])
    after = INVISIBLE.sub("", found.string[found.end() : found.end() + 20])
    return before[-1:].isdigit() and after[:1].isdigit()


@lru_cache(maxsize=64)
def _pattern(signs: frozenset[str], longer: tuple[str, ...]) -> re.Pattern[str]:
    words = sorted(longer, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, [*words, *sorted(signs)])))


_FACES: Final = frozenset("^_:;=>")
_EMOTICON: Final = late(r"[\^oOTQ>=;-][_o.][\^oOTQ<=;-]|\^\^|:-?[)(D]")

SPECIAL_SYMBOL: Final = Rule(
    code="special-symbol",
    summary="用了禁用符号。",
    summary_en="There is a forbidden sign.",
    why="★、√、※ 之类的符号会被驳回，也常被运营商拦截。",
    why_en="Such signs are refused, and carriers block them.",
    find=_find_symbol,
    bad=Example("【绿苑物业】★停水通知★今晚22时起停水。"),
    good=Example("【绿苑物业】停水通知：今晚22时起停水。"),
    needs=("symbols", "emoticons_allowed"),
    fix="safe",
)


# -- script-variant, invisible-character -----------------------------------------------------------

_EVASIVE: Final = {
    "威信": "微信", "薇信": "微信", "徽信": "微信", "微芯": "微信", "微亻言": "微信", "v信": "微信",
    "嶶信": "微信", "扣扣": "QQ", "抠抠": "QQ", "企鹅号": "QQ", "镓微": "加微", "茄微": "加微",
    "佳微信": "加微信", "贷kuan": "贷款", "dai款": "贷款", "袋款": "贷款", "徵信": "征信",
    "催kuan": "催款", "崔款": "催款", "崔缴": "催缴", "薅羊毛": "优惠", "亻尔": "你", "氵去": "法",
    "帐单": "账单", "帐户": "账户", "帐号": "账号",
}  # fmt: skip
_SLIPS: Final = frozenset({"帐单", "帐户", "帐号"})
_EVASIVE_FIRST: Final = frozenset(word[0] for word in _EVASIVE)


_has_evasive: Final = with_signs(_EVASIVE_FIRST)


def _find_script(reading: Reading, profile: Profile) -> Iterator[Breach]:
    if profile.get("traditional_allowed") is False and not reading.is_simple:
        yield from _find_traditional(reading)
    if profile.get("evasive_allowed") is False and _EVASIVE_FIRST & reading.signs:
        text = reading.folded
        for word, meant in _EVASIVE.items():
            at = text.text.find(word)
            if at < 0 or (word == "威信" and _PRESTIGE.search(text.text)):
                continue
            span = Span(*text.place(at, at + len(word)))
            slip = word in _SLIPS
            yield Breach(
                f"“{word}”是“{meant}”的{'错' if slip else '变体'}写法，请写规范字",
                f"{word!r} is {'a slip' if slip else 'an evasive spelling'} for {meant!r}; "
                "write it properly",
                span,
                "evasive_allowed",
                severity="warning" if slip else None,
                fix=replace(span, meant, f"改为“{meant}”", f"write {meant}"),
            )


_PRESTIGE: Final = late("(?:有|无|树立|权|声|公信)威信")


def _find_traditional(reading: Reading) -> Iterator[Breach]:
    for found in traditional(reading.plain):
        simple = found[0].translate(variants())
        span = Span(*found.span())
        yield Breach(
            f"“{found[0]}”是繁体字，请改为“{simple}”",
            f"{found[0]!r} is traditional Han; write {simple}",
            span,
            "traditional_allowed",
            fix=replace(span, simple, "改为简体", "write it simplified"),
        )


SCRIPT_VARIANT: Final = Rule(
    code="script-variant",
    summary="用了繁体或变体字。",
    summary_en="Traditional Han, or evasive spelling.",
    why="变体、谐音、繁体字被视为规避审核。",
    why_en="Both are taken for ways around the review.",
    find=_find_script,
    may=by_shape(lambda reading: not reading.is_simple or _has_evasive(reading)),
    bad=Example("本月繳費通知已发出，请查收。", "aliyun"),
    good=Example("本月缴费通知已发出，请查收。", "aliyun"),
    needs=("traditional_allowed", "evasive_allowed"),
    fix="unsafe",
)

_CONTROL: Final = late("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_LETTERS: Final = late("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]+")


_HIDDEN: Final = late(f"{INVISIBLE.pattern}|{_LETTERS.pattern}")


def _find_invisible(reading: Reading, _: Profile) -> Iterator[Breach]:
    if reading.is_simple and reading.text.isprintable():
        return
    for found in (*INVISIBLE.finditer(reading.text), *_CONTROL.finditer(reading.text)):
        span = Span(*found.span())
        named = f"U+{ord(found[0]):04X}"
        yield Breach(
            f"有看不见的字符 {named}，请删去",
            f"there is an invisible character, {named}; drop it",
            span,
            cite=_INVISIBLE_SOURCE,
            fix=replace(span, "", "删去", "drop it", safe=True),
        )
    for found in _LETTERS.finditer(reading.text):
        span = Span(*found.span())
        half = "".join(chr(ord(c) - 0xFEE0) for c in found[0])
        yield Breach(
            f"“{found[0]}”是全角字母或数字，请改为半角“{half}”",
            f"{found[0]!r} is full-width; write {half}",
            span,
            severity="warning",
            cite=_INVISIBLE_SOURCE,
            fix=replace(span, half, "改为半角", "write it half-width", safe=True),
        )


_INVISIBLE_SOURCE: Final = (
    "Evasive characters are refused (Aliyun 通知短信模板规范, undated; Huawei IoT 模板审核规范, 2023-10-25); "
    "read 2026-11-23"
)

INVISIBLE_CHARACTER: Final = Rule(
    code="invisible-character",
    summary="有看不见的字符，或全角字母数字。",
    summary_en="Invisible characters, or full-width letters and digits.",
    why="多从网页或表格复制而来；审核视为规避，住户手机上可能显示为方块。",
    why_en="They come along when copying; reviewers take them for evasion, phones show boxes.",
    find=_find_invisible,
    may=lambda reading: not (reading.is_simple and reading.text.isprintable()),
    bad=Example("【绿苑物业】今晚\u200b停水，请提前储水。"),
    good=Example("【绿苑物业】今晚停水，请提前储水。"),
    fix="safe",
    source=_INVISIBLE_SOURCE,
)


# -- emoji, newline ----------------------------------------------------------------------------

_EMOJI: Final = late(
    "[\U0001f000-\U0001faff\u2600-\u26ff\u2700-\u2712\u2714-\u27bf\u2b00-\u2bff\u231a-\u23ff\u203c\u2049"
    "\u3030\u303d\u3297\u3299][\ufe0e\ufe0f\u200d\u20e3\U0001f3fb-\U0001f3ff]*"
)
_LISTED_SIGNS: Final = frozenset("★☆※→●☞√✓✔①②③④⑤⑥⑦⑧⑨⑩")


def _find_emoji(reading: Reading, profile: Profile) -> Iterator[Breach]:
    if reading.is_simple:
        return
    stated = "emoji_allowed" if profile.get("emoji_allowed") is False else ""
    for found in _EMOJI.finditer(reading.plain):
        if found[0] in _LISTED_SIGNS:
            continue
        span = Span(*found.span())
        yield Breach(
            f"不要用表情符号“{found[0]}”",
            f"no emoji: {found[0]!r}",
            span,
            stated,
            cite="" if stated else _EMOJI_SOURCE,
            fix=None
            if _is_between_digits(found)
            else replace(span, "", "删去", "drop it", safe=True),
        )


_EMOJI_SOURCE: Final = (
    "Special symbols are refused by every provider read; emoji are counted twice by some "
    "(短信内容长度计算规则, undated); read 2026-11-23"
)

EMOJI: Final = Rule(
    code="emoji",
    summary="用了表情符号。",
    summary_en="There is an emoji.",
    why="表情会被驳回，在旧手机上显示为方块，还按两个字计费。",
    why_en="It is refused, shows as a box on old phones, and may be billed as two.",
    find=_find_emoji,
    may=by_shape(lambda reading: not reading.is_simple),
    bad=Example("【绿苑物业】今晚停水，请提前储水😊"),
    good=Example("【绿苑物业】今晚停水，请提前储水。"),
    fix="safe",
    source=_EMOJI_SOURCE,
)


_ENDS: Final = "。;!?,:\uff1b\uff01\uff1f\uff0c\uff1a"


def _find_newline(reading: Reading, profile: Profile) -> Iterator[Breach]:
    if "\n" not in reading.chars and "\r" not in reading.chars:
        return
    found = re.search(r"\s*(?:\r\n|\r|\n)+\s*", reading.plain)
    if found is None or found.end() == len(reading.plain):
        return
    stated = "newline_allowed" if profile.get("newline_allowed") is False else ""
    edits = tuple(
        Edit(
            Span(*m.span()),
            "" if m.start() == 0 or reading.plain[m.start() - 1] in _ENDS else "\uff0c",
        )
        for m in re.finditer(r"\s*(?:\r\n|\r|\n)+\s*", reading.plain)
    )
    yield Breach(
        "正文有换行，请写成一行",
        "there is a line break; write one line",
        Span(*found.span()),
        stated,
        cite=""
        if stated
        else "Forbidden at a reseller (帆软市场短信相关条款, 2025) and for WhatsApp; "
        "read 2026-11-23",
        fix=Fix(edits, safe=False, summary="并成一行", summary_en="join the lines"),
    )


NEWLINE: Final = Rule(
    code="newline",
    summary="正文有换行。",
    summary_en="There is a line break.",
    why="部分渠道禁止换行，或把它显示为方块。",
    why_en="Some channels refuse it, or show a box.",
    find=_find_newline,
    may=with_chars("\n\r"),
    bad=Example("【绿苑物业】今晚停水。\n请提前储水。"),
    good=Example("【绿苑物业】今晚停水。请提前储水。"),
    severity=Severity.WARNING,
    fix="unsafe",
    source="帆软市场短信相关条款 (2025), Twilio error 63040 (undated); read 2026-11-23",
)


# -- length-max, segment-count, length-worst-case -------------------------------------------------


def _find_max(reading: Reading, profile: Profile) -> Iterator[Breach]:
    size = len(reading.text)
    if reading.head is None and reading.template.signature:
        size += len(reading.template.signature) + 2
    if reading.head is not None and profile.get("length_counts_signature") is False:
        size -= reading.start
    most = profile.get("length_max")
    if most is None or size <= most:
        return
    broken = rival_breach(profile, "length_max", lambda v: size > v)
    yield Breach(
        f"全文 {size} 个字（标点、签名都算），超过上限 {most}；请删减或拆成两条",
        f"the text has {size} characters, punctuation and signature included; {most} are taken. "
        "Shorten it, or make two of it",
        Span(0, len(reading.text)),
        "length_max",
        broken[1] if broken else (),
        broken[0] if broken else None,
    )


LENGTH_MAX: Final = Rule(
    code="length-max",
    summary="超过字数上限。",
    summary_en="The text is too long.",
    why="超过上限的模板无法提交；中英文标点都算一个字。",
    why_en="A longer template cannot be submitted; every punctuation mark counts one.",
    find=_find_max,
    bad=Example("【绿苑物业】" + "请提前储水并关好水龙头。" * 42),
    good=Example("【绿苑物业】" + "请提前储水并关好水龙头。" * 4),
    needs=("length_max",),
)


def _find_segments(reading: Reading, profile: Profile) -> Iterator[Breach]:
    if len(reading.text) < 20:
        return
    usual = reading.usual
    typical = segments_of(usual, profile)
    if typical < 2:
        return
    most = segments_of(worst_total(reading, profile), profile)
    single, part = profile.get("segment_single", 70), profile.get("segment_part", 67)
    over = usual - (single if typical == 2 else part * (typical - 1))
    yield Breach(
        f"通常 {usual} 个字，计费 {typical} 条（变量最长时 {most} 条）；删去 {over} 个字可省一条",
        f"{usual} characters as a rule, billed as {typical} segments ({most} at the longest); "
        f"{over} fewer would save one",
        Span(0, len(reading.text)),
        "segment_single",
        cite=_SEGMENT_SOURCE,
    )


_SEGMENT_SOURCE: Final = (
    "70 characters alone, 67 each (Aliyun 短信发送规则, undated), read 2026-11-23"
)

SEGMENT_COUNT: Final = Rule(
    code="segment-count",
    summary="按多条计费。",
    summary_en="It is billed as more than one segment.",
    why="超过 70 个字按每条 67 个字计费，签名和【】也算。",
    why_en="Past 70 characters each part holds 67; signature and brackets count.",
    find=_find_segments,
    may=lambda reading: reading.usual > 20,
    bad=Example("【绿苑物业】" + "请提前储水并关好水龙头。" * 6),
    good=Example("【绿苑物业】请提前储水并关好水龙头。"),
    severity=Severity.WARNING,
    source=_SEGMENT_SOURCE,
)


def _find_worst(reading: Reading, profile: Profile) -> Iterator[Breach]:
    if not reading.placeholders or not profile.get("length_max"):
        return
    most: int = profile.get("length_max_sent") or profile.get("length_max")
    if reading.frame + 100 * len(reading.placeholders) <= most:
        return  # no variable takes more than that
    worst = worst_total(reading, profile)
    if worst > most:
        yield Breach(
            f"变量都取最长时全文 {worst} 个字，超过 {most}；请为变量设 max_length",
            f"with every variable at its longest the text has {worst} characters, over {most}; "
            "set max_length on the variables",
            Span(0, len(reading.text)),
            "length_max",
            severity="warning",
        )


LENGTH_WORST_CASE: Final = Rule(
    code="length-worst-case",
    summary="变量取最长时超过上限。",
    summary_en="Too long when every variable is at its longest.",
    why="华为按变量最长值预审，百度默认每个变量 50 个字。",
    why_en="Huawei's check counts each variable at its longest, Baidu at 50 by default.",
    find=_find_worst,
    may=has_markers,
    bad=Example(
        "【绿苑物业】" + "请提前储水并关好水龙头。" * 40 + "详情:${1}。",
        variables=(("1", "address"),),
    ),
    good=Example("【绿苑物业】请提前储水。详情:${1}。", variables=(("1", "address"),)),
    severity=Severity.WARNING,
    needs=("length_max",),
)
