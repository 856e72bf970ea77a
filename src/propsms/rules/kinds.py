"""Rules that hold for one kind of message: codes, notices, marketing."""

from __future__ import annotations

import re
from datetime import time
from typing import TYPE_CHECKING, Final

from propsms._kinds import MessageKind, NoticeCategory
from propsms._placeholders.lazy import late
from propsms.findings import Edit, Fix, Severity, Span
from propsms.rules._rule import Breach, Example, Rule, by_shape, replace, with_signs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from propsms.profiles import Profile
    from propsms.rules._reading import Reading

_NOTICES: Final = frozenset({MessageKind.NOTICE, MessageKind.DUNNING})


@by_shape
def _is_code(reading: Reading) -> bool:
    return reading.kind is MessageKind.OTP


@by_shape
def _is_marketing(reading: Reading) -> bool:
    return reading.kind is MessageKind.MARKETING


# -- otp-keyword, otp-context, otp-purity ----------------------------------------------------------


def _find_keyword(reading: Reading, profile: Profile) -> Iterator[Breach]:
    if reading.kind is not MessageKind.OTP:
        return
    words: tuple[str, ...] = profile.get("otp_keywords") or ()
    written = reading.plain.lower()  # as it stands: 驗證碼 and 验 证 码 are not the keyword
    if any(word in written for word in words):
        return
    shown = "、".join(words)
    yield Breach(
        f"验证码短信须含 {shown} 之一；请直接写“验证码”",
        f"a code text must hold one of {', '.join(words)}",
        None,
        "otp_keywords",
        fix=_say_code(reading),
    )


def _say_code(reading: Reading) -> Fix | None:
    """Write 验证码 for a word that means it, such as 密码."""
    found = re.search(
        "(?:动态|临时|一次性|短信|访客|通行|开门|门禁)?(?:密码|口令|随机码|访客码|通行码|开门码)",
        reading.plain,
    )
    if found is None:
        return None
    tail = re.search("密码|口令|随机码|访客码|通行码|开门码", found[0])
    start = found.start() + (tail.start() if tail else 0)
    return replace(Span(start, found.end()), "验证码", "改写为“验证码”", "say 验证码")


OTP_KEYWORD: Final = Rule(
    code="otp-keyword",
    summary="验证码短信缺少关键字。",
    summary_en="A code text lacks the keyword.",
    why="验证码短信必须含“验证码”等关键字，否则驳回。",
    why_en="Without 验证码 or the like the template is refused.",
    find=_find_keyword,
    may=_is_code,
    bad=Example("【绿苑物业】您的访客密码为${1},5分钟内有效。", kind="otp"),
    good=Example("【绿苑物业】您的访客验证码为${1},5分钟内有效。", kind="otp"),
    needs=("otp_keywords",),
    fix="unsafe",
)

_TOLD: Final = {
    "platform": re.compile(
        "平台|系统|app|小程序|公众号|服务中心|官网|网站|客户端|物业|小区|社区|公寓|花园"
    ),
    "purpose": re.compile(
        "登[录陆]|注册|门禁|开门|访客|通行|身份|修改|找回|重置|绑定|解绑|缴费|支付|报修|预约|认证|确认|授权|变更|验证手机|停车|取件|办理"
    ),
    "expiry": re.compile("[0-9\x00一二三五十]{1,64}\\s?(?:分钟|小时|秒)|有效期|内有效|失效|过期"),
}
_SAID: Final = {"platform": "平台名", "purpose": "用途", "expiry": "有效时间"}


def _find_context(reading: Reading, profile: Profile) -> Iterator[Breach]:
    needs: tuple[str, ...] = profile.get("otp_needs") or ()
    if reading.kind is not MessageKind.OTP or not needs:
        return
    if any(_TOLD[need].search(reading.folded.text) for need in needs if need in _TOLD):
        return
    shown = "、".join(_SAID.get(need, need) for need in needs)
    yield Breach(
        f"须写明 {shown} 之一，如“您的门禁验证码为…,5分钟内有效”",
        f"tell one of {', '.join(needs)}, such as what the code is for and how long it lives",
        None,
        "otp_needs",
    )


OTP_CONTEXT: Final = Rule(
    code="otp-context",
    summary="验证码短信没有写明平台、用途或有效时间。",
    summary_en="A code text tells neither platform, purpose nor expiry.",
    why="只有“验证码:${code}”的模板会被驳回，也容易被骗子借用。",
    why_en="A bare code is refused, and serves phishing.",
    find=_find_context,
    may=_is_code,
    bad=Example("验证码:${code}。", "aliyun", "otp"),
    good=Example("门禁验证码${code},5分钟内有效。", "aliyun", "otp"),
    needs=("otp_needs",),
)

_OPT_OUT: Final = late(
    "(?:[,\uff0c。;\uff1b]\\s*)?(?:拒收请?回复?[RrTtNn][Dd]?|回复?(?:TD|T|N|R|td|t|n|r)退订|退订(?:请)?回复?(?:TD|T|N|R|td|t|n|r))[。.]?"
)


_REFUSING: Final = frozenset("退拒")
_has_refusal: Final = with_signs(_REFUSING)


def _find_purity(reading: Reading, profile: Profile) -> Iterator[Breach]:
    if reading.kind is not MessageKind.OTP:
        return
    if profile.get("otp_links_allowed") is False:
        for link in reading.links:
            yield _impure(reading, link.span, "链接", "a link", "otp_links_allowed")
    if profile.get("otp_contacts_allowed") is False:
        for span in reading.phones:
            yield _impure(reading, span, "联系方式", "a telephone number", "otp_contacts_allowed")
    if profile.get("otp_optout_allowed") is False:
        for found in _OPT_OUT.finditer(reading.plain):
            yield _impure(
                reading, Span(*found.span()), "退订语", "opt-out words", "otp_optout_allowed"
            )
    for hit in reading.hits(profile, "notice-marketing"):
        yield Breach(
            f"验证码短信不得夹带营销内容“{hit.word}”，请删去",
            f"a code text may not promote: drop {hit.word!r}",
            hit.span,
            source=hit.words.source,
            severity=hit.words.severity,
        )


_CLAUSE: Final = late("[,\uff0c。;\uff1b][^,\uff0c。;\uff1b\x00]{0,12}$")


def _impure(reading: Reading, span: Span, zh: str, en: str, fact: str) -> Breach:
    start, end = span.start, span.end
    clause = _CLAUSE.search(reading.plain[:start])
    cut = Span(clause.start() if clause else start, end)
    return Breach(
        f"验证码短信不得带{zh}“{reading.text[start:end]}”，请删去",
        f"a code text may not hold {en}; drop {reading.text[start:end]!r}",
        span,
        fact,
        fix=replace(cut, "", "删去这一句", "drop the clause"),
    )


OTP_PURITY: Final = Rule(
    code="otp-purity",
    summary="验证码短信夹带了链接、联系方式、退订语或营销。",
    summary_en="A code text holds a link, a contact, opt-out words or promotion.",
    why="验证码短信只能有验证码；其余一律驳回。",
    why_en="A code text holds the code and nothing else.",
    find=_find_purity,
    may=_is_code,
    bad=Example("登录验证码${code},5分钟内有效，咨询400-000-0000。", "aliyun", "otp"),
    good=Example("登录验证码${code},5分钟内有效，请勿泄露。", "aliyun", "otp"),
    fix="unsafe",
)

# -- notice-marketing, notice-optout ---------------------------------------------------------------


def _find_marketing(reading: Reading, profile: Profile) -> Iterator[Breach]:
    if reading.kind not in (MessageKind.NOTICE, MessageKind.DUNNING):
        return
    for hit in reading.hits(profile, "notice-marketing"):
        told = hit.words.note or "请删去，或另作营销短信提交"
        yield Breach(
            f"通知里有营销内容“{hit.word}”：{told}",
            f"a notice may not promote: {hit.word!r}. "
            + (hit.words.note_en or "Drop it, or submit it as marketing"),
            hit.span,
            source=hit.words.source,
            severity=hit.words.severity,
        )


NOTICE_MARKETING: Final = Rule(
    code="notice-marketing",
    summary="通知里夹带营销。",
    summary_en="A notice promotes something.",
    why="“前半通知、后半推广”是各家明列的驳回原因。",
    why_en="Half notice, half promotion is a reason for refusal that every provider names.",
    find=_find_marketing,
    may=by_shape(lambda reading: bool(reading.words) and reading.kind in _NOTICES),
    bad=Example("【绿苑物业】电梯维保已完成，家政服务首单半价。"),
    good=Example("【绿苑物业】电梯维保已完成，可正常使用。"),
)


def _find_notice_optout(reading: Reading, profile: Profile) -> Iterator[Breach]:
    if profile.get("notice_optout_allowed", True) or reading.kind not in (
        MessageKind.NOTICE,
        MessageKind.DUNNING,
    ):
        return
    if not _REFUSING & reading.signs:
        return
    for found in _OPT_OUT.finditer(reading.plain):
        span = Span(*found.span())
        keep = "。" if found[0].startswith("。") else ""
        yield Breach(
            "通知短信不带退订语，请删去",
            "a notice carries no opt-out words; drop them",
            span,
            "notice_optout_allowed",
            fix=replace(span, keep, "删去退订语", "drop the opt-out words", safe=True),
        )


NOTICE_OPTOUT: Final = Rule(
    code="notice-optout",
    summary="通知里有退订语。",
    summary_en="A notice carries opt-out words.",
    why="“拒收请回复R”只用于营销短信；通知里出现会被当作营销驳回。",
    why_en="Opt-out words mark marketing; in a notice they get it refused as such.",
    find=_find_notice_optout,
    may=by_shape(lambda reading: _has_refusal(reading) and reading.kind in _NOTICES),
    bad=Example("本小区今晚停水，请提前储水，拒收请回复R", "aliyun"),
    good=Example("本小区今晚停水，请提前储水。", "aliyun"),
    needs=("notice_optout_allowed",),
    fix="safe",
)

# -- marketing-kind ----------------------------------------------------------------------------------


def _find_kind(reading: Reading, profile: Profile) -> Iterator[Breach]:
    if reading.kind is MessageKind.MARKETING and profile.get("marketing_allowed") is False:
        yield Breach(
            f"{profile.title}不许发营销短信，请改用公告栏等渠道，或另选服务商",
            f"{profile.title_en} forbids marketing; use a notice board or another provider",
            None,
            "marketing_allowed",
        )


MARKETING_KIND: Final = Rule(
    code="marketing-kind",
    summary="不许发营销短信。",
    summary_en="Marketing is not taken at all.",
    why="种子文档把营销与赌博、欺诈并列为禁止内容。",
    why_en="The seed document lists marketing among forbidden content.",
    find=_find_kind,
    may=_is_marketing,
    bad=Example("【绿苑物业】会员业主家政活动周六开始，拒收请回复R", kind="marketing"),
    good=Example("会员业主家政活动周六开始，拒收请回复R", "aliyun", "marketing"),
    needs=("marketing_allowed",),
)

# -- marketing-optout, -variables, -audience, -window ----------------------------------------------


def _find_optout(reading: Reading, profile: Profile) -> Iterator[Breach]:
    accepted: tuple[str, ...] = profile.get("marketing_optout") or ()
    if reading.kind is not MessageKind.MARKETING or not accepted:
        return
    body = reading.plain.rstrip("\0 \r\n")
    if body.endswith(accepted):
        return
    shown = " 或 ".join(accepted)
    yield Breach(
        f"营销短信须以“{shown}”结尾",
        f"marketing must end with {' or '.join(accepted)}",
        Span(max(0, len(body) - 1), len(body)) if body else None,
        "marketing_optout",
        fix=_optout_fix(reading, body, accepted[0]),
    )


_ENDS: Final = ("。", ",", "!", ";", "\uff0c", "\uff01", "\uff1b")


def _optout_fix(reading: Reading, body: str, wanted: str) -> Fix:
    edits = [Edit(Span(*m.span()), "") for m in _OPT_OUT.finditer(reading.plain)]
    end = len(reading.text)
    kept = body[: edits[0].span.start] if edits else body
    glue = "" if kept.endswith(_ENDS) else "\uff0c"
    if edits and edits[-1].span.end >= end:
        edits[-1] = Edit(edits[-1].span, glue + wanted)
    else:
        edits.append(Edit(Span(end, end), glue + wanted))
    return Fix(
        tuple(edits), safe=True, summary=f"结尾写“{wanted}”", summary_en=f"end with {wanted}"
    )


MARKETING_OPTOUT: Final = Rule(
    code="marketing-optout",
    summary="营销短信没有规定的退订语。",
    summary_en="Marketing does not end with the required opt-out words.",
    why="多数服务商统一要求“拒收请回复R”，一字不差，放在最后。",
    why_en="Most providers ask for 拒收请回复R, to the letter, at the very end.",
    find=_find_optout,
    may=_is_marketing,
    bad=Example("会员业主家政活动周六开始，详询前台，回T退订", "aliyun", "marketing"),
    good=Example("会员业主家政活动周六开始，详询前台，拒收请回复R", "aliyun", "marketing"),
    needs=("marketing_optout",),
    fix="safe",
)


def _find_variables(reading: Reading, profile: Profile) -> Iterator[Breach]:
    if reading.kind is not MessageKind.MARKETING or profile.get("variables_max_marketing") != 0:
        return
    for placeholder in reading.placeholders:
        yield Breach(
            "营销短信不能有变量，请写成固定文字",
            "marketing takes no variables; write fixed text",
            placeholder.span,
            "variables_max_marketing",
        )


MARKETING_VARIABLES: Final = Rule(
    code="marketing-variables",
    summary="营销短信有变量。",
    summary_en="Marketing has a variable.",
    why="华为的营销模板只能是固定文字。",
    why_en="Huawei takes fixed text only.",
    find=_find_variables,
    may=_is_marketing,
    bad=Example("尊敬的${1}会员业主，周六家政活动开始，拒收请回复R", "huawei", "marketing"),
    good=Example("尊敬的会员业主，周六家政活动开始，拒收请回复R", "huawei", "marketing"),
    needs=("variables_max_marketing",),
)


def _find_audience(reading: Reading, profile: Profile) -> Iterator[Breach]:
    if reading.kind is not MessageKind.MARKETING or not profile.get("marketing_member_wording"):
        return
    if not _MEMBERS.search(reading.plain):
        yield Breach(
            "营销短信须写明发给会员，如“尊敬的会员业主”",
            "marketing must say that it goes to members, such as 尊敬的会员业主",
            None,
            "marketing_member_wording",
            severity="warning",
        )


_MEMBERS: Final = late("会员|注册用户|老用户|老客户")

MARKETING_AUDIENCE: Final = Rule(
    code="marketing-audience",
    summary="营销短信没有写明发给会员。",
    summary_en="Marketing does not say that it goes to members.",
    why="面向非会员的营销短信会被驳回。",
    why_en="Marketing to strangers is refused.",
    find=_find_audience,
    may=_is_marketing,
    bad=Example("诚邀各位体验家政服务，拒收请回复R", "aliyun", "marketing"),
    good=Example("尊敬的会员业主，家政服务周六上线，拒收请回复R", "aliyun", "marketing"),
    severity=Severity.WARNING,
    needs=("marketing_member_wording",),
)


def _find_window(reading: Reading, profile: Profile) -> Iterator[Breach]:
    window = profile.get("marketing_window")
    if reading.kind is not MessageKind.MARKETING or not window or reading.send_at is None:
        return
    opens, closes = map(time.fromisoformat, window)
    if not opens <= reading.send_at < closes:
        yield Breach(
            f"计划 {reading.send_at:%H:%M} 发送，营销短信只能在 {window[0]} 到 {window[1]} 之间发",
            f"planned for {reading.send_at:%H:%M}; marketing goes out from {window[0]} to "
            f"{window[1]} only",
            None,
            "marketing_window",
        )


MARKETING_WINDOW: Final = Rule(
    code="marketing-window",
    summary="营销短信排在许可时段之外。",
    summary_en="Marketing is planned outside its hours.",
    why="时段外的营销短信会被拒发。",
    why_en="It is refused outside its hours.",
    find=_find_window,
    may=_is_marketing,
    bad=Example("会员业主家政活动周六开始，拒收请回复R", "tencent", "marketing", send_at="22:40"),
    good=Example("会员业主家政活动周六开始，拒收请回复R", "tencent", "marketing", send_at="10:00"),
    needs=("marketing_window",),
)


# -- night-send --------------------------------------------------------------------------------


def _find_night(reading: Reading, _: Profile) -> Iterator[Breach]:
    at = reading.send_at
    urgent = reading.template.category is NoticeCategory.URGENT
    if at is None or urgent or reading.kind not in _NOTICES:
        return
    if at >= time(22) or at < time(8):
        yield Breach(
            f"计划 {at:%H:%M} 发送；22 点到次日 8 点之间运营商会限流，请改到白天，紧急通知除外",
            f"planned for {at:%H:%M}; carriers throttle between 22:00 and 08:00, so send by day, "
            "urgent notices apart",
            cite=_NIGHT_SOURCE,
        )


_NIGHT_SOURCE: Final = (
    "China Unicom throttles commercial SMS at night since 2025-06-12 (Huawei's notice, 2025); Qiniu "
    "caps 23:00-08:00 (限制说明, 2025-02-24); read 2026-11-23"
)

NIGHT_SEND: Final = Rule(
    code="night-send",
    summary="非紧急短信排在夜间。",
    summary_en="What is not urgent is planned for the night.",
    why="夜间会延迟或失败，也打扰住户。",
    why_en="At night it is delayed or lost, and disturbs residents.",
    find=_find_night,
    may=by_shape(lambda reading: reading.send_at is not None),
    bad=Example("【绿苑物业】周六清洗水箱，请提前储水。", send_at="23:00"),
    good=Example("【绿苑物业】周六清洗水箱，请提前储水。", send_at="09:00"),
    severity=Severity.WARNING,
    source=_NIGHT_SOURCE,
)
