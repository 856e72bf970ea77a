"""Rules about content that providers list: banned trades, carriers, surveys, apps, contacts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from propsms._kinds import MessageKind
from propsms._placeholders.lazy import late
from propsms.findings import Severity, Span
from propsms.rules._fold import fold
from propsms.rules._rule import (
    Breach,
    Example,
    Rule,
    by_shape,
    has_variables,
    has_words,
    with_signs,
)
from propsms.rules._words import exempt_hits, senses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from propsms.profiles import Profile
    from propsms.rules._reading import Link, Reading
    from propsms.rules._words import Hit

__all__ = ["listed"]


def listed(code: str, zh: str, en: str) -> Callable[[Reading, Profile], Iterator[Breach]]:
    """A finder that reports the words which the profile lists under *code*."""

    def find(reading: Reading, profile: Profile) -> Iterator[Breach]:
        for hit in reading.hits(profile, code):
            yield _of(hit, zh, en)

    return find


def _of(hit: Hit, zh: str, en: str) -> Breach:
    hidden = "（字间夹了符号）" if hit.hidden else ""
    hidden_en = " (spaced out)" if hit.hidden else ""
    return Breach(
        f"“{hit.word}”{hidden}{zh}" + (f"：{hit.words.note}" if hit.words.note else ""),
        f"{hit.word!r}{hidden_en} {en}" + (f": {hit.words.note_en}" if hit.words.note_en else ""),
        hit.span,
        source=hit.words.source,
        severity=hit.words.severity,
    )


def _find_banned(reading: Reading, profile: Profile) -> Iterator[Breach]:
    for hit in reading.hits(profile, "banned-word"):
        by = hit.words.added_by
        who = f"档案“{by}”" if by else "服务商"
        who_en = f"the profile {by!r}" if by else "the provider"
        if hit.word in hit.words.words:
            yield _of(hit, f"是{who}列明的禁用内容", f"is on the list of {who_en}")
        else:  # another wording, in our reading of the list
            yield _of(hit, f"与{who}列明的禁用内容同类", f"says the same as what {who_en} lists")


BANNED_WORD: Final = Rule(
    code="banned-word",
    summary="含服务商列明的禁用内容。",
    summary_en="It holds content that the provider lists as refused.",
    why="命中即驳回；物业常用语里碰巧含有的（电梯年检、移动充电桩）不算。",
    why_en="A hit is refused; property words that merely contain one (电梯年检) are let pass.",
    find=_find_banned,
    may=has_words,
    bad=Example("【绿苑物业】本小区禁区内有人组织赌球活动招揽会员。"),
    good=Example("【绿苑物业】本小区电梯年检将于周六进行。"),
)

CARRIER_WORD: Final = Rule(
    code="carrier-word",
    summary="提到运营商或其业务。",
    summary_en="It names a carrier or its business.",
    why="“电信”“5G”等在运营商义项上会被拦截；请写“通信线路”。",
    why_en="Carriers' names and products are blocked; write 通信线路.",
    find=listed(
        "carrier-word", "涉及运营商业务，请改写为“通信线路”等", "names a carrier's business"
    ),
    may=has_words,
    bad=Example("本小区周六电信宽带割接，期间断网。", "aliyun"),
    good=Example("本小区周六检修通信线路，移动充电桩照常使用。", "aliyun"),
)

SURVEY_LOYALTY: Final = Rule(
    code="survey-loyalty",
    summary="含问卷、积分或抽奖。",
    summary_en="Surveys, loyalty points or draws.",
    why="问卷调查、积分兑换、抽奖在多家列为禁用，请改在 APP 或纸面进行。",
    why_en="Several providers refuse them; run them in an app or on paper.",
    find=listed(
        "survey-loyalty",
        "不能用短信发，请改在 APP 或纸面进行",
        "may not go by SMS; use an app or paper",
    ),
    may=has_words,
    bad=Example("报修已完成，请填写满意度问卷调查。", "aliyun"),
    good=Example("您的报修已完成，如有问题请致电前台。", "aliyun"),
)

APP_PROMO: Final = Rule(
    code="app-promo",
    summary="推广公众号、小程序或 APP。",
    summary_en="It promotes an official account, a mini-program or an app.",
    why="腾讯列为禁用，其余多要求企业主体并从严。",
    why_en="Tencent refuses it; others are strict about it.",
    find=listed(
        "app-promo", "属于推广，请改写为“可到前台办理”", "is promotion; write 可到前台办理"
    ),
    may=has_words,
    bad=Example("关注公众号可在线缴纳车位费。", "tencent"),
    good=Example("车位费可在物业前台缴纳。", "tencent"),
)

INVITATION: Final = Rule(
    code="invitation",
    summary="邀请注册、参加或到场。",
    summary_en="It invites people to register, join or attend.",
    why="未经同意的邀请会被驳回，华为连报名活动也拒。",
    why_en="Invitations without consent are refused; Huawei refuses sign-ups for events too.",
    find=listed(
        "invitation", "是邀请，请只通知已报名的人", "invites; write only to those who signed up"
    ),
    may=has_words,
    bad=Example("诚邀您报名参加本周六的业主联谊。", "huawei"),
    good=Example("您报名的讲座改到周六下午。", "huawei"),
)

# -- keyword-context: what was let pass --------------------------------------------------------


def _find_context(reading: Reading, profile: Profile) -> Iterator[Breach]:
    for hit in exempt_hits(reading, profile):
        sense = senses().get(fold(hit.word).text)
        why = sense.why if sense else "跨在两个词之间，或档案中列为例外"
        yield Breach(
            f"“{hit.word}”在名单上，这里另有所指（{why}），已放行",
            f"{hit.word!r} is listed, but means something else here; let pass",
            hit.span,
            source=hit.words.source,
            severity="info",
        )


KEYWORD_CONTEXT: Final = Rule(
    code="keyword-context",
    summary="名单中的词在这里另有所指。",
    summary_en="A listed word means something else here.",
    why="列出被放行的词，供人复核；默认不启用。",
    why_en="Shows what was let pass, for a person to check; off unless selected.",
    find=_find_context,
    bad=Example("电梯年检将于周六进行，请走楼梯。", "tencent"),
    good=Example("电梯检修将于周六进行，请走楼梯。", "tencent"),
    severity=Severity.INFO,
    default=False,
)

# -- personal-contact ----------------------------------------------------------------------------

_ACCOUNT: Final = late(
    r"(?:[微薇威徽维v][信芯心]|v[/.+]?x|wx|qq)(?:号|群)?[::]?\s?[a-z0-9][a-z0-9_-]{4,19}"
    r"|(?<![增参])加[^,。;]{0,6}(?:[微薇威徽维v][信芯]|v[/.+]?x|wx|qq|好友)(?!缴|支付)"
    r"|(?:加|加入|进|扫码进)[^,。;]{0,4}(?:业主群|微信群|qq群|群聊)"
    r"|入群|进群|(?:[\w.-]{1,64}@[\w-]{1,64}\.[a-z]{2,6})"
)


def _find_personal(reading: Reading, profile: Profile) -> Iterator[Breach]:
    if profile.get("mobile_allowed") is False:
        for span in (*reading.mobiles, *_spoken(reading)):
            yield Breach(
                "正文不能有个人手机号，请改用座机或400电话",
                "no mobile number in the text; give a landline or a 400 number",
                span,
                "mobile_allowed",
            )
    hits = reading.hits(profile, "personal-contact")
    for hit in hits:
        if _is_warned_of(reading, hit.span):
            continue
        yield _of(hit, "是个人联系方式，请改写为“详询物业前台”", "is a personal contact")
    words = profile.lists.get("contact")
    if words is None or not _HINTS & reading.signs:
        return
    for found in _ACCOUNT.finditer(reading.folded.text):
        span = Span(*reading.folded.place(*found.span()))
        if _is_warned_of(reading, span):
            continue
        if not any(hit.span.start < span.end and span.start < hit.span.end for hit in hits):
            yield Breach(
                f"“{reading.text[span.start : span.end]}”是个人联系方式，请改写为“详询物业前台”",
                f"{reading.text[span.start : span.end]!r} is a personal contact; "
                "name the front desk or a landline",
                span,
                source=words.source,
                severity=words.severity,
            )


def _is_warned_of(reading: Reading, span: Span) -> bool:
    """True if the text says that nobody asks for it, or warns of it: 不会要求您进群, 谨防拉群."""
    if reading.plain[span.start] not in _DEEDS:
        return False
    return _WARNING.search(reading.plain[max(0, span.start - 24) : span.start]) is not None


_DEEDS: Final = frozenset("加进入扫拉")  # an account or an address is refused wherever it stands
# 请 ends what is denied (不会操作请加微信), and 请勿错过 is an invitation.
_WARNING: Final = late(
    "(?:(?:不会|绝不|决不|从不|不得)(?:要求|让|叫|以|主动|诱导|邀请)[^,\uff0c。;\uff1b请]{0,8}"
    "|(?:勿|(?<!要)不要|(?<![特区分级性类个])别)(?:随意|轻易|随便|擅自|私自|按?陌生人[^,\uff0c。;\uff1b请]{0,4}"
    "|[听轻]信[^,\uff0c。;\uff1b请]{0,6})?"
    "|(?:谨防|警惕|防范|提防|当心)[^,\uff0c。;\uff1b请]{0,12})$"
)


def _spoken(reading: Reading) -> list[Span]:
    """Mobile numbers in words."""
    if _SPOKEN_SIGNS.isdisjoint(reading.signs):
        return []
    text = reading.folded.text
    return [
        Span(*reading.folded.place(*found.span()))
        for found in _SPOKEN.finditer(text)
        if not found[0].isascii()
    ]


_HINTS: Final = frozenset("微薇威徽维q群@友vw")
_SPOKEN_SIGNS: Final = frozenset("幺零〇")
# A mobile number in words, as it is read aloud.
_SPOKEN: Final = late(
    "(?<![0-9〇零幺一二三四五六七八九])[1幺一][3-9三四五六七八九][0-9〇零幺一二三四五六七八九]{9}(?![0-9〇零幺一二三四五六七八九])"
)
_has_hint: Final = with_signs(_HINTS | _SPOKEN_SIGNS)
_has_dot: Final = with_signs(".")


@by_shape
def _has_link(reading: Reading) -> bool:
    return _has_dot(reading) or "://" in reading.folded.text


PERSONAL_CONTACT: Final = Rule(
    code="personal-contact",
    summary="含个人手机、QQ、微信或拉群。",
    summary_en="A personal mobile, QQ, WeChat, or an invitation to a group.",
    why="各家都拒绝；请写座机、400 电话或前台。",
    why_en="Every large provider refuses it; give a landline, a 400 number or the front desk.",
    find=_find_personal,
    may=by_shape(lambda reading: bool(reading.words) or reading.has_number or _has_hint(reading)),
    bad=Example("报修请加管家微信wy12345。", "aliyun"),
    good=Example("报修请致电400-000-0000。", "aliyun"),
)

# -- contact-count, contact-variable -----------------------------------------------------------------

_MEMO: Final = (
    "At most 2 telephone numbers and 1 link in a template (a carrier's notice, undated, "
    "https://www.ctmanga.com/a/mou-yun-ying-shang-shi-ming-zhi-yu-nei-rong-guan-kong-quan-mian-sheng-ji.html, "
    "third-party), read 2026-11-23"
)


def _find_contacts(reading: Reading, profile: Profile) -> Iterator[Breach]:
    phones = len(reading.phones) + _phone_variables(reading)
    most = profile.get("phones_max", 2)
    if phones > most:
        yield Breach(
            f"有 {phones} 个电话，"
            + (f"最多 {most} 个；请只留一个总机" if most else "这里不收电话；请写“详询物业前台”"),
            f"{_some(phones, 'telephone number')}, "
            + (
                f"at most {most} taken; keep one" if most else "none is taken; name the front desk"
            ),
            reading.phones[most] if len(reading.phones) > most else None,
            "phones_max",
            severity=None if "phones_max" in profile.facts else "warning",
            cite=_MEMO,
        )
    links: list[Link] = reading.links
    allowed: int = profile.get("links_max", 1)
    if len(links) > allowed:
        yield Breach(
            f"有 {len(links)} 个链接，"
            + (f"最多 {allowed} 个" if allowed else "这里不收链接；请写“详询物业前台”"),
            f"{_some(len(links), 'link')}, "
            + (f"at most {allowed} taken" if allowed else "none is taken; name the front desk"),
            links[allowed].span,
            "links_max",
            severity=None if "links_max" in profile.facts else "warning",
            cite=_MEMO,
        )


def _some(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _phone_variables(reading: Reading) -> int:
    if not reading.template.variables:
        return 0
    return sum(v.type.value == "phone" for v in reading.template.variables)


CONTACT_COUNT: Final = Rule(
    code="contact-count",
    summary="电话或链接太多。",
    summary_en="Too many telephone numbers or links.",
    why="运营商要求每个模板最多两个电话、一个链接。",
    why_en="Carriers take at most two numbers and one link in a template.",
    find=_find_contacts,
    may=by_shape(
        lambda reading: (
            reading.has_number or _has_link(reading) or bool(reading.template.variables)
        )
    ),
    bad=Example("【绿苑物业】停水咨询请致电0571-80000001、0571-80000002或400-000-0000。"),
    good=Example("【绿苑物业】停水咨询请致电400-000-0000。"),
    source=_MEMO,
)


def _find_contact_variable(reading: Reading, profile: Profile) -> Iterator[Breach]:
    if not reading.template.variables:
        return
    for place, placeholder in enumerate(reading.placeholders):
        variable = reading.variable(place)
        if variable.type.value != "phone":
            continue
        mobile = bool(re.fullmatch(r"1[3-9]\d{9}", variable.example or ""))
        name = "mobile_variable_allowed" if mobile else "landline_variable_allowed"
        fact = profile.facts.get(name)
        if fact and (fact.value is False or fact.rival is False):
            yield Breach(
                "手机号不能作变量，请写固定的座机或400电话"
                if mobile
                else "有的页面不许以电话为变量，请尽量写成固定的座机或400电话",
                "a mobile number may not be a variable; write a fixed landline"
                if mobile
                else "one page refuses any contact as a variable; write a fixed number if you can",
                placeholder.span,
                name,
                fact.rival_source,
                None if mobile and fact.value is False else "warning",
            )


CONTACT_VARIABLE: Final = Rule(
    code="contact-variable",
    summary="以电话为变量。",
    summary_en="A telephone number is a variable.",
    why="审核人员看不到号码；华为禁止手机号作变量，座机各页说法不一。",
    why_en="The reviewer cannot see it; Huawei bars mobiles, and its pages differ on landlines.",
    find=_find_contact_variable,
    may=has_variables,
    bad=Example("快递已到，请致电${1}领取。", "huawei", variables=(("1", "phone"),)),
    good=Example("快递已到，请致电400-000-0000领取。", "huawei"),
    needs=("mobile_variable_allowed", "landline_variable_allowed"),
)

# -- url-fixed -----------------------------------------------------------------------------------

_SHORT: Final = late(
    r"(?:t\.cn|dwz\.cn|url\.cn|u\.cn|suo\.im|3\.cn|bit\.ly|tinyurl\.com|goo\.gl|sourl\.cn|s\.cn|w\.url\.cn"
    r"|tb\.cn|m\.tb\.cn|c-nb\.cn|n9\.cl|is\.gd|ow\.ly|t\.co|mrw\.so|0x7\.me|rrd\.me|dwz\.date|\w{1,3}\.(?:gd|tk|so|im))"
)


def _find_url(reading: Reading, profile: Profile) -> Iterator[Breach]:
    for link in reading.links:
        if profile.get("links_allowed") is False:
            yield _url(link.span, "不能带链接", "takes no links", "links_allowed")
        elif "\0" in link.host or not link.host:
            yield _url(
                link.span,
                "域名或整条链接不能是变量，请把网址写成固定文字",
                "host and whole link must be fixed text",
                "link_variable_allowed",
            )
        elif _SHORT.fullmatch(link.host):
            yield _url(
                link.span,
                "不要用短链接，请写备案域名的完整网址",
                "no short links; write the whole address of a filed domain",
                "short_links_allowed",
            )
        elif (
            "\0" in link.text
            and profile.get("link_variable_allowed") is False
            and not profile.get("link_tail_allowed")
        ):
            yield _url(
                link.span,
                "链接里不能有变量，请写成固定文字",
                "no variable inside a link",
                "link_variable_allowed",
            )
    if profile.get("link_variable_allowed") is False and reading.template.variables:
        for place, placeholder in enumerate(reading.placeholders):
            whole = not any(
                link.span.start <= placeholder.start < link.span.end for link in reading.links
            )
            if whole and reading.variable(place).type.value == "link":
                yield _url(
                    placeholder.span,
                    "整条链接不能是变量，请把网址写成固定文字",
                    "a whole link may not be a variable",
                    "link_variable_allowed",
                )
                return
    if "://" not in reading.text:
        return
    for place, placeholder in enumerate(reading.placeholders):
        scheme = reading.text[max(0, placeholder.start - 8) : placeholder.start].lower()
        if scheme.endswith(("http://", "https://")) and not any(
            link.span.start <= placeholder.start < link.span.end for link in reading.links
        ):
            del place
            yield _url(
                placeholder.span,
                "整条链接不能是变量，请把网址写成固定文字",
                "a whole link may not be a variable",
                "link_variable_allowed",
            )
            break


def _url(span: Span, zh: str, en: str, fact: str) -> Breach:
    return Breach(f"链接：{zh}", f"link: {en}", span, fact, cite=_URL_SOURCE)


_URL_SOURCE: Final = (
    "Fixed links of filed domains only: Tencent 正文模板审核标准 (2025-06-17), Huawei 短信模板须知 "
    "(2025-09-04), Aliyun isv.PARAM_NOT_SUPPORT_URL (undated); read 2026-11-23"
)

URL_FIXED: Final = Rule(
    code="url-fixed",
    summary="链接含变量，或是短链接。",
    summary_en="A link holds a variable, or is a short link.",
    why="审核要能打开同一个网址；变量域名和短链接会被驳回。",
    why_en="The reviewer must reach the same page; variable hosts and short links are refused.",
    find=_find_url,
    may=by_shape(lambda reading: _has_link(reading) or bool(reading.template.variables)),
    bad=Example("【绿苑物业】账单请见https://t.cn/Ab12。"),
    good=Example("【绿苑物业】账单请见https://pay.lvyuan.example.com/bill。"),
    source=_URL_SOURCE,
)

# -- industry-gate ------------------------------------------------------------------------------

_ESTATE: Final = frozenset({"real-estate", "房地产"})
_PROPERTY: Final = frozenset({"property", "property-management", "物业"})


def _find_industry(reading: Reading, profile: Profile) -> Iterator[Breach]:
    gated: tuple[str, ...] = profile.get("industries_otp_only") or ()
    if reading.kind is MessageKind.OTP:
        return
    industry = "房地产" if reading.industry in _ESTATE else reading.industry
    if industry in gated:
        yield _industry(profile, industry)
    elif reading.industry in _PROPERTY and "房地产" in gated:
        yield Breach(
            f"{profile.title}规定房地产只能发验证码；物业是否算房地产，没有页面说明，请先书面确认",
            f"{profile.title_en} takes codes alone from real estate; no page says whether property "
            "management counts, so ask in writing first",
            None,
            "industries_otp_only",
            severity="warning",
        )


def _industry(profile: Profile, industry: str) -> Breach:
    return Breach(
        f"{profile.title}规定{industry}行业只能发验证码",
        f"{profile.title_en} takes codes alone from this trade ({industry})",
        None,
        "industries_otp_only",
    )


INDUSTRY_GATE: Final = Rule(
    code="industry-gate",
    summary="行业只能发验证码。",
    summary_en="The sender's trade may send codes only.",
    why="腾讯、华为、百度规定房地产只能发验证码；物业是否算在内需书面确认。",
    why_en="Three providers take codes alone from real estate; ask whether you count as that.",
    find=_find_industry,
    may=by_shape(lambda reading: bool(reading.industry)),
    bad=Example("本小区今晚停水，请提前储水。", "tencent", industry="real-estate"),
    good=Example("您的验证码为{1},5分钟内有效。", "tencent", "otp", industry="real-estate"),
    needs=("industries_otp_only",),
)
