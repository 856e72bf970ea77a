"""Rules about the sender signature: where it stands, how long it is, what it says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from propsms._placeholders.lazy import late
from propsms.findings import Edit, Fix, Severity, Span
from propsms.rules._fold import traditional
from propsms.rules._rule import Breach, Example, Rule, by_shape, settled, with_chars

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from propsms.profiles import Profile
    from propsms.rules._reading import Reading

__all__ = ["rival_breach"]


def rival_breach(
    profile: Profile, key: str, breaks: Callable[[Any], bool]
) -> tuple[str | None, tuple[str, ...]] | None:
    """How *key* is broken where two pages disagree: severity and further sources, or None.

    Breaking what both pages say weighs as the fact does; breaking only one is a warning, and
    both are cited. What a third party says excuses nothing that the provider's page forbids.
    """
    fact = profile.facts[key]
    first = breaks(fact.value)
    second = breaks(fact.rival) if fact.rival is not None else first
    if not first and not second:
        return None
    hearsay = first and all(
        profile.sources[key].grade == "third-party" for key in fact.rival_source
    )
    if first and (second or hearsay):
        return None if fact.rival is None else fact.severity, fact.rival_source
    return "warning", fact.rival_source


# -- signature-in-body, signature-head-required --------------------------------------------------


def _find_in_body(reading: Reading, profile: Profile) -> Iterator[Breach]:
    if profile.get("signature_place") == "apart" and reading.head is not None:
        yield Breach(
            f"签名【{reading.head}】不要写进模板正文，{profile.title}会自动加上；请放到签名字段",
            f"take 【{reading.head}】 out of the text: {profile.title_en} puts it in front itself",
            Span(0, reading.start),
            "signature_place",
            fix=Fix(
                (Edit(Span(0, reading.start), ""),),
                safe=True,
                summary="移到签名字段",
                summary_en="move it to the signature field",
            ),
        )
    if reading.chars & _BRACKETS:
        where = re.search("[【】]", reading.plain)
        span = Span(*where.span()) if where else None
        yield Breach(
            "正文中不能再出现【】，请改用()或“”",
            "【】 may not stand inside the body; use () or quotes",
            span,
            "signature_place",
        )


_BRACKETS: Final = frozenset("【】")
_has_brackets: Final = with_chars(_BRACKETS)

SIGNATURE_IN_BODY: Final = Rule(
    code="signature-in-body",
    summary="正文里有【】。",
    summary_en="There are 【】 in the body.",
    why="【】专用于签名；签名由服务商加在最前面，写进正文就成了两个签名。",
    why_en="The provider puts the signature in front itself; in the text it would come twice.",
    find=_find_in_body,
    may=by_shape(lambda reading: reading.head is not None or _has_brackets(reading)),
    bad=Example("【绿苑物业】您的验证码为${code},5分钟内有效。", "aliyun", "otp"),
    good=Example("您的验证码为${code},5分钟内有效。", "aliyun", "otp"),
    needs=("signature_place",),
    fix="safe",
)


def _find_head(reading: Reading, profile: Profile) -> Iterator[Breach]:
    if profile.get("signature_place") != "head" or reading.signature:
        return
    trailing = re.search(r"【([^【】]{1,64})】\s*$", reading.text)
    fix = None
    if trailing:
        moved = (Edit(Span(*trailing.span()), ""), Edit(Span(0, 0), f"【{trailing[1]}】"))
        fix = Fix(moved, safe=True, summary="移到最前面", summary_en="move it to the front")
    yield Breach(
        "没有签名：正文须以【公司名】开头，如【绿苑物业】",
        "there is no signature: the text opens with 【name】, such as 【绿苑物业】",
        Span(0, 0),
        "signature_place",
        fix=fix,
    )


SIGNATURE_HEAD_REQUIRED: Final = Rule(
    code="signature-head-required",
    summary="文首没有【签名】。",
    summary_en="The text does not open with 【signature】.",
    why="没有签名，住户不知道是谁发的，服务商也会驳回。",
    why_en="Without it nobody can tell who wrote, and the provider refuses it.",
    find=_find_head,
    may=by_shape(lambda reading: not reading.signature),
    bad=Example("您的验证码是${1},5分钟内有效。", kind="otp", signature=None),
    good=Example("【绿苑物业】您的验证码是${1},5分钟内有效。", kind="otp", signature=None),
    needs=("signature_place",),
    fix="safe",
)


# -- signature-length --------------------------------------------------------------------------


@settled
def _find_length(reading: Reading, profile: Profile) -> Iterator[Breach]:
    name = reading.signature
    if name is None:
        return
    size = len(name)
    broken = rival_breach(profile, "signature_length", lambda v: not v[0] <= size <= v[1])
    if broken is None:
        return
    fact = profile.facts["signature_length"]
    low, high = fact.value
    also = f"（另有页面写 {fact.rival[0]} 到 {fact.rival[1]} 个字）" if fact.rival else ""
    also_en = f" (another page says {fact.rival[0]} to {fact.rival[1]})" if fact.rival else ""
    yield Breach(
        f"签名“{name}”有 {size} 个字，须为 {low} 到 {high} 个字{also}；请用与营业执照一致的简称",
        f"the signature {name!r} has {size} characters, {low} to {high} are taken{also_en}; "
        "use a short form that is a part of the registered name",
        _head_span(reading),
        "signature_length",
        broken[1],
        broken[0],
    )


def _head_span(reading: Reading) -> Span | None:
    return Span(0, reading.start) if reading.head is not None else None


SIGNATURE_LENGTH: Final = Rule(
    code="signature-length",
    summary="签名太短或太长。",
    summary_en="The signature is too short or too long.",
    why="超出字数的签名无法提交；各家上限不同。",
    why_en="A signature outside the bounds cannot be submitted; they differ by provider.",
    find=_find_length,
    may=by_shape(lambda reading: reading.signature is not None),
    bad=Example("您的报修单已派单。", "aliyun", signature="绿苑家园物业管理有限公司客户服务中心"),
    good=Example("您的报修单已派单。", "aliyun"),
    needs=("signature_length",),
)


# -- signature-charset -------------------------------------------------------------------------

_SYMBOL: Final = late(r"[^0-9A-Za-z\u3400-\u9fff]")


@settled
def _find_charset(reading: Reading, profile: Profile) -> Iterator[Breach]:
    name = reading.signature
    if not name:
        return
    odd = _SYMBOL.search(name)
    if odd and "signature_scripts" in profile.facts:
        yield _about(
            reading,
            f"签名“{name}”含有“{odd[0]}”，只能用汉字、字母、数字",
            f"the signature {name!r} holds {odd[0]!r}; use Han, letters and digits alone",
            "signature_scripts",
        )
    if profile.get("signature_traditional_allowed") is False and traditional(name):
        yield _about(
            reading,
            f"签名“{name}”含繁体字，请用简体",
            f"the signature {name!r} has traditional Han; use simplified",
            "signature_traditional_allowed",
        )
    if profile.get("signature_digits_allowed") is False and name.isdigit():
        yield _about(
            reading,
            f"签名“{name}”全是数字，请用公司名",
            f"the signature {name!r} is digits alone; use the company's name",
            "signature_digits_allowed",
        )
    if profile.get("signature_english_allowed") is False and name.isascii() and name.isalpha():
        yield _about(
            reading,
            f"签名“{name}”是纯英文，容易被拦截，请用中文名",
            f"the signature {name!r} is letters alone and easily blocked; use the Chinese name",
            "signature_english_allowed",
            "warning",
        )


def _about(reading: Reading, zh: str, en: str, fact: str, severity: str | None = None) -> Breach:
    return Breach(zh, en, _head_span(reading), fact, severity=severity)


SIGNATURE_CHARSET: Final = Rule(
    code="signature-charset",
    summary="签名用了不许用的字符。",
    summary_en="The signature holds characters that are not taken.",
    why="符号、空格、繁体、纯数字的签名会被驳回；纯英文容易被拦截。",
    why_en="Signs, spaces, traditional Han or digits alone are refused; letters alone get blocked.",
    find=_find_charset,
    may=by_shape(lambda reading: not reading.is_signature_plain),
    bad=Example("您的报修单已派单。", "aliyun", signature="绿苑-物业"),
    good=Example("您的报修单已派单。", "aliyun"),
    needs=(
        "signature_scripts",
        "signature_traditional_allowed",
        "signature_digits_allowed",
        "signature_english_allowed",
    ),
)


# -- signature-neutral, signature-test -----------------------------------------------------------


@settled
def _find_neutral(reading: Reading, profile: Profile) -> Iterator[Breach]:
    if reading.signature in (profile.get("signature_neutral") or ()):
        yield _about(
            reading,
            f"签名“{reading.signature}”看不出是哪家公司，请用公司全称或简称",
            f"the signature {reading.signature!r} names nobody; use the company's name",
            "signature_neutral",
        )


SIGNATURE_NEUTRAL: Final = Rule(
    code="signature-neutral",
    summary="签名不能表明身份。",
    summary_en="The signature identifies nobody.",
    why="“温馨提示”“物业服务”这类中性签名会被驳回。",
    why_en="Neutral names such as 温馨提示 or 物业服务 are refused.",
    find=_find_neutral,
    may=by_shape(lambda reading: bool(reading.signature)),
    bad=Example("您的报修单已派单。", "aliyun", signature="客服通知"),
    good=Example("您的报修单已派单。", "aliyun"),
    needs=("signature_neutral",),
)


@settled
def _find_test(reading: Reading, profile: Profile) -> Iterator[Breach]:
    name = reading.signature
    if name and profile.get("signature_test_allowed") is False and _TEST.search(name):
        yield _about(
            reading,
            f"签名“{name}”含“测试”字样，请用正式名称",
            f"the signature {name!r} says it is a test; use the real name",
            "signature_test_allowed",
        )


_TEST: Final = late("测试|(?i:test)")

SIGNATURE_TEST: Final = Rule(
    code="signature-test",
    summary="签名含测试字样。",
    summary_en="The signature says that it is a test.",
    why="含“测试”“test”的签名一律驳回。",
    why_en="Such signatures are always refused.",
    find=_find_test,
    may=by_shape(lambda reading: bool(_TEST.search(reading.signature or ""))),
    bad=Example("您的报修单已派单。", "aliyun", signature="绿苑测试"),
    good=Example("您的报修单已派单。", "aliyun"),
    needs=("signature_test_allowed",),
)


# -- square-brackets ---------------------------------------------------------------------------


def _find_square(reading: Reading, profile: Profile) -> Iterator[Breach]:
    anywhere = [s for s in profile.get("symbols") or () if s in "[]"]
    edge = [s for s in profile.get("symbols_edge") or () if s in "[]"]
    if not (anywhere or edge) or not reading.chars & {"[", "]"}:
        return
    body = reading.plain.strip("\0 ")
    at_edge = body[:1] in ("[", "]") or body[-1:] in ("[", "]")
    if not anywhere and not at_edge:
        return
    places = [m.start() for m in re.finditer(r"[\[\]]", reading.plain)]
    edits = tuple(
        Edit(Span(n, n + 1), "\uff08" if reading.plain[n] == "[" else "\uff09") for n in places
    )
    yield Breach(
        "方括号[]不可用，请改为()",
        "square brackets are not taken; write () in full width",
        Span(places[0], places[0] + 1),
        "symbols" if anywhere else "symbols_edge",
        fix=Fix(edits, safe=True, summary="改为()", summary_en="write them as （）"),
    )


SQUARE_BRACKETS: Final = Rule(
    code="square-brackets",
    summary="用了方括号。",
    summary_en="There are square brackets.",
    why="[]会被当作另一个签名；阿里云禁止出现在首尾，华为、百度处处禁止。",
    why_en="They look like a second signature; some forbid them at the edges, some anywhere.",
    find=_find_square,
    may=with_chars("[]"),
    bad=Example("[缴费]可在前台办理。", "aliyun"),
    good=Example("缴费(线上)可在前台办理。", "aliyun"),
    needs=("symbols", "symbols_edge"),
    fix="safe",
)


# -- signature-licence-match ---------------------------------------------------------------------

SIGNATURE_STATED: Final = Rule(
    code="signature-missing",
    summary="没有说明签名。",
    summary_en="No signature is given.",
    why="没有签名就无法算准字数与条数，发送时也会失败。",
    why_en="Without it length and segments cannot be told, and the send fails.",
    find=lambda reading, profile: (
        (
            Breach(
                "没有给出签名；请在 signature 中写公司名，不带【】",
                "no signature is given; write it under signature, without 【】",
                cite="Signature and brackets count (Aliyun 短信发送规则, undated); read 2026-11-23",
            ),
        )
        if not reading.signature and profile.get("signature_place") == "apart"
        else ()
    ),
    bad=Example("您的报修单已派单。", "aliyun", signature=None),
    good=Example("您的报修单已派单。", "aliyun"),
    severity=Severity.INFO,
    needs=("signature_place",),
    default=False,
)


# -- signature-filing-state ------------------------------------------------------------------------


def _find_unfiled(reading: Reading, profile: Profile) -> Iterator[Breach]:
    state = reading.template.filings.get(profile.name)
    if state is not None and state != "filed":
        told, told_en = _STATES.get(state, (state, state))
        yield Breach(
            f"签名在{profile.title}{told}，运营商报备还没有完成；平台审核通过不等于能发，请等报备完成再批量发送",
            f"the signature is {told_en} at {profile.title_en}, the carriers' filing is not done; "
            "the platform's approval is not enough, so wait with bulk sends",
            _head_span(reading),
            cite=_FILING_SOURCE,
        )


_STATES: Final = {
    "approved": ("只通过了平台审核", "approved by the platform alone"),
    "submitted": ("只提交了申请", "only submitted"),
}
_FILING_SOURCE: Final = (
    "Carriers block signatures that are not filed, the platform's approval notwithstanding "
    "(Baidu 配置类问题, undated; Aliyun 国内消息API错误码, undated; Tencent 签名实名制报备, copy of 2025-04-11, "
    "third-party); read 2026-11-23"
)

SIGNATURE_FILING_STATE: Final = Rule(
    code="signature-filing-state",
    summary="签名还没有完成运营商报备。",
    summary_en="The carriers have not filed the signature yet.",
    why="未报备的签名会被运营商整批拦截，平台显示“审核通过”也一样。",
    why_en="Carriers block whole runs of an unfiled signature, whatever the platform shows.",
    find=_find_unfiled,
    may=by_shape(lambda reading: bool(reading.template.filings)),
    bad=Example("您的报修单已派单。", "aliyun", filing="approved"),
    good=Example("您的报修单已派单。", "aliyun", filing="filed"),
    severity=Severity.WARNING,
    source=_FILING_SOURCE,
)


# -- signature-licence-match, signature-body-owner ----------------------------------------------


def _find_licence(reading: Reading, _: Profile) -> Iterator[Breach]:
    name = reading.signature
    if name and reading.registered and name not in reading.registered:
        yield Breach(
            f"签名“{name}”不是注册名称“{reading.registered}”中连续的一段，不能跳字或调换次序",
            f"the signature {name!r} is not one piece of the registered name "
            f"{reading.registered!r}; skip no characters and keep their order",
            _head_span(reading),
            cite=_LICENCE_SOURCE,
        )


_LICENCE_SOURCE: Final = (
    "A short name is a contiguous part of the licence name (互亿无线 签名规范, undated; 帆软市场短信相关条款, "
    "2025, third-party); read 2026-11-23"
)

SIGNATURE_LICENCE_MATCH: Final = Rule(
    code="signature-licence-match",
    summary="签名不是注册名称中连续的一段。",
    summary_en="The signature is not one piece of the registered name.",
    why="实名报备按营业执照核对，跳字或调换次序的简称会被退回。",
    why_en="Filing compares it with the licence; a name that skips or reorders is sent back.",
    find=_find_licence,
    may=by_shape(lambda reading: bool(reading.registered)),
    bad=Example(
        "您的报修单已派单。", signature="杭州物业绿苑", registered="杭州绿苑物业服务有限公司"
    ),
    good=Example(
        "您的报修单已派单。", signature="绿苑物业", registered="杭州绿苑物业服务有限公司"
    ),
    severity=Severity.WARNING,
    source=_LICENCE_SOURCE,
)

_OTHER: Final = late(
    "(?:^|[,，。;；、\0 ])([\u4e00-\u9fff]{2,6}物业)(?:公司|服务中心|管理处)?"
    "(?:通知|提醒|提示|接管|进驻|:)"
)


def _find_owner(reading: Reading, _: Profile) -> Iterator[Breach]:
    name = reading.signature or ""
    for found in _OTHER.finditer(reading.folded.text):
        other = found[1]
        if name in other or other in name or other.removesuffix("物业") in name:
            continue
        yield Breach(
            f"签名是“{name}”，正文却以“{other}”的名义说话；请与签名一致",
            f"the signature is {name!r}, but the text speaks for {other!r}",
            Span(*reading.folded.place(*found.span(1))),
            cite=_OWNER_SOURCE,
        )


_OWNER_SOURCE: Final = (
    "Huawei 模板审核驳回原因 (2024-09-27): template and signature are of one company; Aliyun "
    "通知短信模板规范 (undated): others' rights need a 他用 filing; read 2026-11-23"
)

SIGNATURE_BODY_OWNER: Final = Rule(
    code="signature-body-owner",
    summary="正文以另一家公司的名义说话。",
    summary_en="The body speaks for another company than the signature.",
    why="模板业务须与签名公司一致，否则驳回。",
    why_en="Template and signature must be of one company.",
    find=_find_owner,
    may=lambda reading: bool(reading.signature) and "物业" in reading.text,
    bad=Example("蓝天物业通知:今晚停水，请提前储水。"),
    good=Example("绿苑物业通知:今晚停水，请提前储水。"),
    severity=Severity.WARNING,
    source=_OWNER_SOURCE,
)
