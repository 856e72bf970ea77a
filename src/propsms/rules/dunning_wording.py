"""Rules about asking for money: what providers list, and what the law forbids.

Not legal advice. A property company may demand payment within a reasonable time, then sue; it
may not cut water, power, heat or gas to collect (Civil Code 944), has no channel that reports
fees to the credit system (Credit Reporting Regulations 13, 15), may not publish who owes
(Civil Code 1032; PIPL 25), and may not harass (Public Security Administration Punishments Law
50(5), in force 2026-01-01).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from propsms._kinds import MessageKind
from propsms._placeholders.lazy import late
from propsms.findings import Severity, Span
from propsms.rules._reading import FEES
from propsms.rules._rule import (
    Breach,
    Example,
    Rule,
    by_shape,
    is_about_fees,
    may_ask_for_money,
    replace,
    with_signs,
)
from propsms.rules._straddle import straddles

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from propsms.findings import Fix
    from propsms.profiles import Profile
    from propsms.rules._fold import Folded
    from propsms.rules._reading import Reading
    from propsms.rules._words import Hit


_STOPS: Final = "。!?\uff01\uff1f"
_PAUSES: Final = (",", ";", "\uff0c", "\uff1b")
_BREAKS: Final = _STOPS + "".join(_PAUSES)


def _clause_fix(reading: Reading, span: Span) -> Fix | None:
    """Drop the clause around *span*; with it the condition that it hung on.

    Nothing is offered where that would drop a variable, or leave nothing: such a text has no
    lawful short form, and belongs in a letter.
    """
    text = reading.plain
    if len(text) > _LONGEST:
        return None
    first = max(text.rfind(sign, 0, span.start) for sign in _STOPS) + 1
    start = max(text.rfind(sign, 0, span.start) for sign in _BREAKS) + 1
    end = _end(text, span.end, _BREAKS)
    before = text[first:start]
    if _hangs(before) or _HANGS_ON.match(text, end):
        last = _end(text, span.end, _STOPS)
        cut = Span(first, min(last + 1, len(text)))
    elif text[end : end + 1] in ("", *_STOPS) and text[start - 1 : start] in _PAUSES:
        cut = Span(start - 1, end)  # the comma goes, the full stop stays
    else:
        cut = Span(start, min(end + 1, len(text)))
    left = (text[reading.start : cut.start] + text[cut.end :]).strip(_BREAKS)
    if "\0" in text[cut.start : cut.end] or not left:
        return None
    return replace(cut, "", "删去这一句", "drop the clause")


_LONGEST: Final = 2000  # no provider takes a longer text, so none is worth rewriting


def _end(text: str, start: int, signs: str) -> int:
    return min((at for sign in signs if (at := text.find(sign, start)) >= 0), default=len(text))


def _hangs(before: str) -> bool:
    """True if the clause is a condition, which says nothing without what follows."""
    said = before.rstrip(_BREAKS)
    if _ENDS_OPEN.search(said):
        return True
    return bool(_IF_UNPAID.search(said)) and not _SUM.search(said)


_ENDS_OPEN: Final = late(
    "(?:的|者|的话|住户|业主|家庭|房屋)$|(?:若|如果|倘若|一旦)[^,\uff0c]{0,40}$"
)
_HANGS_ON: Final = late("[,\uff0c;\uff1b](?:否则|不然|直[至到]|[缴交付]清?[费款]?后)")
_SUM: Final = late("\\0|[0-9]元")


# -- dunning-wording ---------------------------------------------------------------------------

_REMINDER: Final = late(
    "(?:物业费|管理费|停车费|车位费|水费|电费|账单)[^。]{0,40}?(?:到期|(?<!已)(?:缴纳|交纳|缴费|支付)|未缴|未交|待缴)|(?:及时|尽快)(?:缴|交|支付)"
    "|(?<!已)(?<!已经)(?<!已全部)(?:缴纳|交纳|支付|缴清)(?!的)[^,。]{0,10}(?:物业费|管理费|停车费|车位费|水费|电费|账单)"
)


_OWN_DEED: Final = late("(?:正在|本次|用于)[^,。请]{0,10}$")
_FEE: Final = "(?:物业费|物业服务费|管理费|停车费|车位费|水费|电费|公摊|账单|费用|房租)"
_PAID: Final = "(?:[缴付给]|交(?!房|通|接|楼|付|界|叉|流|警|货|由|底|班|代|易|换|替)|结(?!束|合|构|果|冰|论|业))"
_ARREARS: Final = late(
    f"{_FEE}[^。]{{0,16}}?(?:拖了|拖着|拖到|(?:没有?|还没|拒不|拒|再不|仍不|仍未|还不|迟迟[不未]|一直[不没未])"
    f"{_PAID}|未[缴交付结]清)|拖着[^,。]{{0,4}}{_FEE}"
    f"|(?:拒不|拒|仍不|仍未|还不|再不|还没|没有?){_PAID}[^,。]{{0,3}}(?:{_FEE}|费)|未[缴交付结]清[^,。]{{0,4}}{_FEE}"
    "|(?:未|没有?|不)履行[^,。]{0,4}(?:缴费|付费|付款)义务|(?:请|尽快|及时|限期?)[^,。]{0,4}补[缴交](?!差)"
    # What is owed, in everyday words: the account hangs, is not squared, no payment has come.
    "|挂账(?!号)|账(?:单|目)?(?:还|仍|一直|再|都)?挂(?:着|起|了|账|下去|已)|账(?:单|目)?(?:仍|还|尚)?(?:未清|没清|未结|没结|两清)"
    "|把[^,。押单]{0,4}账[结清]|账[^,。]{0,2}没有?回音|过(?:了)?缴费期"
    "|(?:未|没|不)见(?:到|着)?(?:[^,。退]{0,2}款|[^,。退]{0,4}费)|(?<!退)款(?:项|子)?(?:还|仍|再)?[不没未]到账"
    "|(?:未|没|没有)(?:交|缴)款"
    # A penalty by the day.
    "|[晚迟拖][^,。]{0,6}天[^,。]{0,6}(?:[千万]分之|加收|多算)|(?:每天|每日|按日|按天)[^,。]{0,6}(?:[千万]分之|加收|多算)"
)
_BEFORE_SUM: Final = late("[^,\uff0c。]{0,12}(?:\\0|[0-9])")
_SUM_ITSELF: Final = late("[为共计:\uff1a ]{0,3}(?:\\0|[0-9]+(?:\\.[0-9]+)?元)")
_NOTICE: Final = late("通知|提醒")
_AT_THE_END: Final = late("[,;!?\uff0c\uff1b\uff01\uff1f。]|$")
# The neutral word for a collector's, and what must follow for the sentence to stay one.
_NEUTRAL: Final = {
    "欠缴": ("应缴", _BEFORE_SUM),
    "拖欠": ("应缴", _BEFORE_SUM),
    "欠费": ("账单金额", _SUM_ITSELF),
    "欠款": ("账单金额", _SUM_ITSELF),
    "催缴": ("账单", _NOTICE),
    "催款": ("账单", _NOTICE),
    "催收": ("账单", _NOTICE),
    "限期缴清": ("在方便时办理", _AT_THE_END),
    "缴清": ("办理", _AT_THE_END),
}


def _neutral(reading: Reading, hit: Hit) -> Fix | None:
    """The neutral word for a collector's, where there is one."""
    neutral, follows = _NEUTRAL.get(hit.word, ("", _AT_THE_END))
    text, span = reading.plain, hit.span
    if not neutral or hit.hidden or not follows.match(text, span.end):
        return None
    if text[max(0, span.start - 1) : span.start] in set("未没不"):
        return None
    return replace(hit.span, neutral, f"改为“{neutral}”", f"write {neutral}")


def _find_wording(reading: Reading, profile: Profile) -> Iterator[Breach]:
    hits = reading.hits(profile, "dunning-wording")
    for hit in hits:
        told = hit.words.note or "请用账单提醒的中性写法，或改用书面通知、电话"
        yield _listed(
            hit, f"属于催收字样：{told}", "is collection wording; write a neutral bill notice"
        )._replace(fix=_neutral(reading, hit))
    if hits or not reading.is_about_fees:
        return
    debt = profile.lists.get("debt")
    owed = next(_said(reading, _ARREARS), None) if debt else None
    if debt and owed:
        yield Breach(
            f"“{owed.text}”是在催收：请用账单提醒的中性写法，或改用书面通知、电话",
            f"{owed.text!r} asks for arrears; write a neutral bill notice, or send a letter",
            owed.span,
            source=debt.source,
            severity=debt.severity,
        )
    elif profile.get("payment_reminders_allowed") is False:
        found = _REMINDER.search(reading.folded.text)
        if found and reading.kind is MessageKind.OTP:  # it may confirm the resident's own payment
            own = _OWN_DEED.search(reading.folded.text[: found.start()])
            found = None if own else found
        if found is None and reading.kind is MessageKind.DUNNING:
            found = FEES.search(reading.folded.text)  # a bill that is ready is a reminder too
        if found:
            yield Breach(
                f"{profile.title}不接受缴费提醒，怎样改写都不行；请改用书面通知、电话或其他服务商",
                f"{profile.title_en} refuses payment reminders in any wording; use a letter, a "
                "call or another provider",
                Span(*reading.folded.place(*found.span())),
                "payment_reminders_allowed",
            )


class _Said(NamedTuple):
    """What a pattern found, and where: in the folded text, and in the given one."""

    folded: Folded
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.folded.text[self.start : self.end]

    @property
    def span(self) -> Span:
        return Span(*self.folded.place(self.start, self.end))


def _said(reading: Reading, pattern: re.Pattern[str]) -> Iterator[_Said]:
    """Where *pattern* stands in the text, also spaced out, but not as halves of other words."""
    seen: set[int] = set()
    for folded in (reading.folded, reading.squeezed):
        if folded is None:
            continue
        for found in pattern.finditer(folded.text):
            said = _Said(folded, *found.span())
            place = range(said.span.start, said.span.end)
            if straddles(folded.text, *found.span()) or not seen.isdisjoint(place):
                continue
            if folded is reading.folded and reading.squeezed is not None:
                seen.update(place)
            yield said


def _listed(hit: Hit, zh: str, en: str) -> Breach:
    return Breach(
        f"“{hit.word}”{zh}",
        f"{hit.word!r} {en}",
        hit.span,
        source=hit.words.source,
        severity=hit.words.severity,
    )


DUNNING_WORDING: Final = Rule(
    code="dunning-wording",
    summary="催收字样。",
    summary_en="Collection wording.",
    why="催款、催缴、逾期等在阿里云、腾讯、华为、百度都会驳回；只有“账单已出”这类中性写法有机会通过。",
    why_en="Large providers refuse it; only a neutral 'your bill is ready' has a chance.",
    find=_find_wording,
    may=may_ask_for_money,
    bad=Example("您已欠费3个月，请限期缴清。", "aliyun", "dunning"),
    good=Example("9月物业费账单已出，可在前台查询。", "aliyun", "dunning"),
    fix="unsafe",
)

# -- dunning-legal-threat ------------------------------------------------------------------------

_LEGAL: Final = late(
    "起诉|诉讼|(?:移送|移交|提交|诉至|诉诸)?法院|传票|(?:启动|进入|走)?(?:法律|司法)(?:程序|途径|渠道|手段|武器|维权)|律师函"
    "|(?:申请|提起)?仲裁|强制执行|支付令|追究[^,。]{0,6}责任|公堂|对簿|打官司|法庭|法官|律师|(?<!会计)(?<!会计师)(?<!审计)事务所"
)
_LEGAL_SOURCE: Final = (
    "Listed by Aliyun, Tencent, Huawei and Baidu (法律维权, 法院诉讼, 传票; pages of 2025 and 2026), and a "
    "cause of rejection for WhatsApp (Twilio error 63040, undated); Civil Code 944(2): demand within "
    "a reasonable time first; read 2026-11-23"
)


def _find_legal(reading: Reading, profile: Profile) -> Iterator[Breach]:
    hits = reading.hits(profile, "dunning-legal-threat")
    for hit in hits:
        yield _listed(
            hit, "涉及法律手段，短信中不能出现；请改用书面通知", "speaks of legal action"
        )._replace(fix=_clause_fix(reading, hit.span) if reading.is_about_fees else None)
    if not reading.is_about_fees:
        return
    for said in _said(reading, _LEGAL):
        text, span = said.text, said.span
        if any(_overlap(hit.span, span) for hit in hits):
            continue
        yield Breach(
            f"“{text}”是法律威胁，短信中不能出现；请改用书面催告，或短信只写“书面通知已送达”",
            f"{text!r} threatens legal action; send a letter, or say by SMS only that a "
            "written notice was delivered",
            span,
            cite=_LEGAL_SOURCE,
            fix=_clause_fix(reading, span),
        )


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


DUNNING_LEGAL_THREAT: Final = Rule(
    code="dunning-legal-threat",
    summary="以法律手段相威胁。",
    summary_en="A threat of legal action.",
    why="起诉、法院、律师函等会驳回；真要起诉，应先书面催告并给出合理期限（民法典第944条）。",
    why_en="It is refused; the law asks for a written demand with a reasonable term first.",
    find=_find_legal,
    may=may_ask_for_money,
    bad=Example("物业费账单未缴，我们将移送法院。", "aliyun", "dunning"),
    good=Example("如对物业费账单有疑问，请到前台核对。", "aliyun", "dunning"),
    fix="unsafe",
    source=_LEGAL_SOURCE,
)

# -- dunning-credit-threat -------------------------------------------------------------------------

_CREDIT: Final = late(
    "(?:个人)?征信(?:记录|系统)?|失信|黑名单|(?:个人)?信用(?:记录|档案|评级|受损)?"
    "|(?:上报|报送|报给)[^,。]{0,6}(?:人民银行|央行)|(?:人民银行|央行)[^,。]{0,4}(?:上报|报送|备案)"
    "|影响[^,。]{0,8}(?:贷款|买房|购房|落户|入学|高铁)|贷不了款|限制高消费"
    "|(?:高铁|飞机|按揭|房贷|贷款|出境|考公|入学)[^。退]{0,10}(?:受影响|受限|不方便|不好办|难办|[办坐买贷]不[了成上])"
)
_CREDIT_SOURCE: Final = (
    "征信业管理条例 13, 15 and 个人信息保护法 5: no general channel reports property fees, so the sentence "
    "misleads; Tencent, Huawei and Baidu list it (2025-06-17, 2025-09-04, 2026-01-26); read 2026-11-23"
)
_NOT_CREDIT: Final = late("信用卡|守信用|征信息|特征信")


def _find_credit(reading: Reading, profile: Profile) -> Iterator[Breach]:
    hits = reading.hits(profile, "dunning-credit-threat")
    for hit in hits:
        yield _listed(
            hit, "是征信威胁：物业费没有上报征信的一般渠道，请删去", "threatens a credit record"
        )._replace(fix=_clause_fix(reading, hit.span))
    if not reading.is_about_fees:
        return
    for said in _said(reading, _CREDIT):
        text, span = said.text, said.span
        near = reading.plain[max(0, span.start - 2) : span.end + 2]
        if any(_overlap(hit.span, span) for hit in hits) or _NOT_CREDIT.search(near):
            continue
        listed = "credit" in profile.lists
        yield Breach(
            f"“{text}”是征信威胁：物业费没有上报征信的一般渠道，请删去这句",
            f"{text!r} threatens a credit record; no general channel reports property fees, "
            "so drop the clause",
            span,
            severity="error" if listed else "warning",
            cite=_CREDIT_SOURCE,
            fix=_clause_fix(reading, span),
        )


DUNNING_CREDIT_THREAT: Final = Rule(
    code="dunning-credit-threat",
    summary="以征信相威胁。",
    summary_en="A threat about credit records.",
    why="物业公司没有把欠费上报征信的一般渠道，这样写有误导、胁迫之嫌，多家服务商也驳回。",
    why_en="A property company has no channel to the credit system; the sentence misleads.",
    find=_find_credit,
    may=may_ask_for_money,
    bad=Example("物业费账单未缴将影响您的征信。", "seed", "dunning"),
    good=Example("请核对物业费账单。", "seed", "dunning"),
    fix="unsafe",
    source=_CREDIT_SOURCE,
    severity=Severity.WARNING,
)

# -- dunning-utility-cutoff ------------------------------------------------------------------------

_SERVICE: Final = (
    "(?:水电|自来水|用水|供水|用电|供电|电力|燃气|煤气|天然气|供气|暖气|供暖|供热|热水|门禁|门卡|电梯|梯控|道闸"
    "|车辆|车位|通行|出入|进出)(?!费|管理费)"
)
_STOP: Final = (
    "(?:停用|停止|暂停|中止|中断|切断|掐断|限制|取消|注销|关闭|锁定|锁闭|冻结|失效|不予(?:开通|供应|恢复|放行)|不再(?:开通|供应|放行|停靠)"
    "|禁止|拒绝放行|别想再?用|用不了|进不了|不能再?用|不让用|无法再?使用)"
)
_CUT: Final = (
    "(?:停水停电|断水断电|停水|停电|断水|断电|停气|断气|停暖|停热|停梯|锁车|停供|限电|限水|掐[水电断]|拉闸|[拆封][水电气]表|关[水电气]阀"
    "|阀门?[^,。]{0,6}不(?:保证|再|会)[^,。]{0,3}(?:常开|打开|开)|别怪[^,。]{0,8}(?:关|拧|锁|停|断)"
    "|(?:梯控|电梯)[^,。]{0,6}只(?:保留|到|停|能到|开)[^,。]{0,4}(?:[一1首]楼|[一1首]层)|人脸[^,。]{0,12}(?:移除|删除|注销)"
    "|车[^,。]{0,8}(?:别想|休想|甭想)[^,。]{0,4}[出开走]|地锁[^,。]{0,6}(?:升起|锁上|锁住)"
    "|先[^,。]{0,10}(?:结|缴|交|付)[了清完][^。]{0,6}(?:暖气|水|电|气|门|车)[^,。]{0,4}[才再]"
    f"|{_STOP}[^,。]{{0,8}}{_SERVICE}|{_SERVICE}[^,。]{{0,14}}{_STOP}|禁止[^,。]{{0,4}}(?:进出|出入|通行))"
)
_UNPAID: Final = (
    f"(?:(?:不|未|拒|拒不|仍未|尚未|没有?|逾期未|逾期不)[^,。]{{0,6}}(?:{_PAID}|支付)"
    "|欠费|欠缴|欠款|拖欠|逾期)"
)
_BILLED: Final = f"{_PAID}[^,。]{{0,6}}(?:{_FEE}|费)[^。]{{0,12}}(?:过期|否则|不然|到期不)"
_IF_UNPAID: Final = late(_UNPAID)
_OWING: Final = late(f"{_UNPAID}|{_BILLED}")
_UNTIL_PAID: Final = late("[^。]{0,20}?(?:直至|直到|至)[^,。]{0,8}(?:缴清|付清|交清|结清)")
_CUT_OFF: Final = late(_CUT)
_CUT_SOURCE: Final = (
    "中华人民共和国民法典 944(3): no collection by stopping water, power, heat or gas and the like; local "
    "rules add gates, lifts and parking (Zhengzhou 42, Weifang 55, Hangzhou 55); read 2026-11-23"
)
_PAYING: Final = frozenset("缴交付支结欠拖逾清")
_has_paying: Final = with_signs(_PAYING)


def _find_cutoff(reading: Reading, _: Profile) -> Iterator[Breach]:
    if reading.kind is not MessageKind.DUNNING and not _PAYING & reading.signs:
        return
    for said in _said(reading, _CUT_OFF):
        start, end = said.start, said.end
        if reading.kind is not MessageKind.DUNNING:
            start, end = _tied_to_money(said)
            if start == end:
                continue
        span = Span(*said.folded.place(start, end))
        yield Breach(
            "不得以停水、停电、停梯、限制门禁等方式催费（民法典第944条第3款），请删去",
            "fees may not be collected by cutting water, power, lifts or access "
            "(Civil Code 944(3)); drop it",
            span,
            cite=_CUT_SOURCE,
            fix=_clause_fix(reading, span),
        )


def _tied_to_money(said: _Said) -> tuple[int, int]:
    """From what is owed to the cut-off, or from it to the payment; empty if neither is said."""
    text = said.folded.text
    before = text[max(0, said.start - _REACH) : said.start]
    before = before[before.rfind("。") + 1 :]
    if owing := _OWING.search(before):
        return said.start - len(before) + owing.start(), said.end
    paid = _UNTIL_PAID.match(text, said.end)
    return (said.start, paid.end()) if paid else (said.start, said.start)


_REACH: Final = 48  # a condition stands no further in front of the cut-off

DUNNING_UTILITY_CUTOFF: Final = Rule(
    code="dunning-utility-cutoff",
    summary="以停水停电等相威胁。",
    summary_en="A threat to cut water, power, lifts or access.",
    why="民法典第944条第3款明文禁止，多地可处罚款。",
    why_en="The Civil Code forbids it, and several cities fine it.",
    find=_find_cutoff,
    may=by_shape(lambda reading: reading.kind is MessageKind.DUNNING or _has_paying(reading)),
    bad=Example("【绿苑物业】本月物业费不缴将停水停电。", kind="dunning"),
    good=Example("【绿苑物业】因管道检修,3栋今晚停水。"),
    fix="unsafe",
    source=_CUT_SOURCE,
)

# -- dunning-tone, dunning-shaming, dunning-false-urgency --------------------------------------------

_TONE: Final = late(
    "立即(?:缴|交|付|还)(?:清|纳|款)?|马上(?:缴|交|付|还)|务必[^,。]{0,6}(?:缴|交)清|最后通牒|最终(?:告知|通知|警告)|后果自负|一切后果"
    "|严重后果|勿谓言之不预|(?:严正|郑重)警告|无赖|恶意(?:欠|拖)"
)
_MENACE: Final = late(
    "上门(?:抓|堵(?!漏|水|管|塞))|抓人|抓走|抓起来|拘留|坐牢|(?:[您你]家|家门|家里|单位)[^,。]{0,5}(?:坐等|蹲守|守着|堵着|堵门|堵人)|自己(?:扛|看着办)"
    "|走着瞧|等着瞧|好自为之|别怪(?:我们|物业|我司)"
)
_EXCLAIM: Final = late("[!!]{2,}|[!!][^!!]{0,60}[!!]")
_TONE_SOURCE: Final = (
    "治安管理处罚法 50(5) (2025 text, in force 2026-01-01): repeated intimidating messages; Huawei lists "
    "带有威胁性质 (2025-09-04); read 2026-11-23"
)


def _find_tone(reading: Reading, profile: Profile) -> Iterator[Breach]:
    hits = reading.hits(profile, "dunning-tone")
    for hit in hits:
        yield _listed(hit, "语带威胁，请换成平和的写法", "sounds like a threat; write it calmly")
    if not reading.is_about_fees:
        return
    calm = (_TONE, _EXCLAIM) if reading.kind is MessageKind.DUNNING else (_TONE,)
    patterns = (_MENACE, *calm)
    for pattern in patterns:
        for said in _said(reading, pattern):
            span = said.span
            if any(_overlap(hit.span, span) for hit in hits):
                continue
            yield Breach(
                f"“{reading.text[span.start : span.end]}”语气过重，请写“请在方便时办理”",
                f"{reading.text[span.start : span.end]!r} is too harsh; write 请在方便时办理",
                span,
                severity="error" if pattern is _MENACE else "warning",
                cite=_TONE_SOURCE,
                fix=_calm(reading, span),
            )


def _calm(reading: Reading, span: Span) -> Fix | None:
    said = reading.text[span.start : span.end]
    if said.startswith(("立即", "马上")):
        return replace(Span(span.start, span.start + 2), "及时", "改为“及时”", "say 及时")
    if set(said) <= set("!\uff01"):
        return replace(span, "。", "改为句号", "end with a full stop")
    return _clause_fix(reading, span) if "!" not in said and "\uff01" not in said else None


DUNNING_TONE: Final = Rule(
    code="dunning-tone",
    summary="语气过重。",
    summary_en="The tone is too harsh.",
    why="恐吓、威胁语气会被驳回，反复发送还可能受治安处罚；平和的提醒回款更好。",
    why_en="Threats are refused, and repeating them can be punished; calm reminders collect more.",
    find=_find_tone,
    may=may_ask_for_money,
    bad=Example("【绿苑物业】请立即缴清物业费，后果自负!", kind="dunning"),
    good=Example("【绿苑物业】物业费账单已出，请在方便时办理。", kind="dunning"),
    severity=Severity.WARNING,
    fix="unsafe",
    source=_TONE_SOURCE,
)

_SHAME: Final = late(
    "(?:公示|曝光|公布|通报|张贴|公开|群里|业主群)[^,。]{0,12}(?:欠费|名单|姓名|房号|欠缴|拖欠)"
    "|(?:欠费|欠缴|拖欠)[^,。]{0,14}(?:公示|曝光|公布|通报|张贴|公开)"
    "|(?:未|不|拒)[缴交付][^,。]{0,12}(?:名单|姓名|房号|户号)[^,。]{0,8}(?:公示|曝光|公布|通报|张贴|公开)"
    f"|{_UNPAID}[^。]{{0,30}}?(?:姓名|房号|户号|名单)[^,。]{{0,12}}(?:公示|曝光|公布|张贴|滚动|展示|上墙)"
    "|名单[^,。]{0,8}(?:发|贴|挂)[^,。]{0,6}(?:群|公告栏|朋友圈|大堂|电梯)"
    "|公开曝光|(?:将|会|予以|一律)[^,。]{0,4}曝光|示众|老赖"
    "|(?:告知|通知|联系|反映|告诉|通报)[^,。]{0,6}(?:[您你其](?:[^,。]{0,4})(?:单位|公司|学校|老师|领导)|家人|邻居|亲属|同事)"
)
_SHAME_SOURCE: Final = (
    "民法典 1024, 1032; 个人信息保护法 25: no publication of who owes; courts of Ya'an and Guangzhou Liwan "
    "found it unlawful; read 2026-11-23"
)


def _find_shaming(reading: Reading, _: Profile) -> Iterator[Breach]:
    if not reading.is_about_fees:
        return
    for said in _said(reading, _SHAME):
        span = said.span
        yield Breach(
            "不得公示欠费人姓名，也不得告知单位、家人、邻居；请删去",
            "nobody who owes may be named in public, nor relatives or employers told; drop it",
            span,
            cite=_SHAME_SOURCE,
            fix=_clause_fix(reading, span),
        )


DUNNING_SHAMING: Final = Rule(
    code="dunning-shaming",
    summary="以公示、告知他人相威胁。",
    summary_en="A threat to name debtors, or to tell others.",
    why="公开欠费人信息侵犯隐私与名誉，已有判例认定违法。",
    why_en="Publication violates privacy and reputation; courts have found it unlawful.",
    find=_find_shaming,
    may=is_about_fees,
    bad=Example("【绿苑物业】物业费逾期将在小区张贴公示欠费名单。", kind="dunning"),
    good=Example("【绿苑物业】物业费账单已出，可到前台核对。", kind="dunning"),
    fix="unsafe",
    source=_SHAME_SOURCE,
)

_URGENT: Final = late(
    "最后(?:一天|期限|机会|1天|一次)|今日(?:截止|内)|限(?:今日|24小时|[123一二三]日)(?:内)?|过期不候"
)
_URGENT_SOURCE: Final = (
    "民法典 944(2): a demand names a reasonable term; 个人信息保护法 5: no deception or coercion; "
    "read 2026-11-23"
)


def _find_urgency(reading: Reading, _: Profile) -> Iterator[Breach]:
    if reading.kind is not MessageKind.DUNNING:
        return
    for found in _URGENT.finditer(reading.folded.text):
        yield Breach(
            f"“{found[0]}”期限过短或不实，请写明具体日期和合理期限",
            f"{found[0]!r} presses with a term that is too short or untrue; name a date",
            Span(*reading.folded.place(*found.span())),
            cite=_URGENT_SOURCE,
        )


DUNNING_FALSE_URGENCY: Final = Rule(
    code="dunning-false-urgency",
    summary="虚假的紧迫。",
    summary_en="False urgency.",
    why="催告须给出合理期限；“最后一天”往往不实。",
    why_en="A demand gives a reasonable term; 'last day' is rarely true.",
    find=_find_urgency,
    may=by_shape(lambda reading: reading.kind is MessageKind.DUNNING),
    bad=Example("【绿苑物业】今天是缴物业费的最后一天。", kind="dunning"),
    good=Example("【绿苑物业】请于${1}前缴纳物业费。", kind="dunning"),
    severity=Severity.WARNING,
    source=_URGENT_SOURCE,
)

# -- dunning-late-fee --------------------------------------------------------------------------

_LATE_FEE: Final = late("滞纳金|违约金|罚息|罚款|利息")
_CLAUSE: Final = late("(?:合同|协议|公约|约定|条款)")
_LATE_SOURCE: Final = (
    "民法典 496, 585 and 最高人民法院合同编通则解释 (2023) 64, 65: a late fee needs an agreed clause that was "
    "pointed out; read 2026-11-23"
)


def _find_late_fee(reading: Reading, _: Profile) -> Iterator[Breach]:
    if not reading.is_about_fees or _CLAUSE.search(reading.folded.text):
        return
    for found in _LATE_FEE.finditer(reading.folded.text):
        yield Breach(
            f"提到“{found[0]}”却没有写合同依据，请写“按合同约定”，合同没有约定就删去",
            f"{found[0]!r} without the clause it rests on; write 按合同约定, or drop it if there is "
            "none",
            Span(*reading.folded.place(*found.span())),
            cite=_LATE_SOURCE,
        )


DUNNING_LATE_FEE: Final = Rule(
    code="dunning-late-fee",
    summary="没有合同依据的滞纳金。",
    summary_en="A late fee without a clause.",
    why="滞纳金须有合同约定并提示过；没有依据的说法不实。",
    why_en="A late fee needs an agreed clause; without one the sentence is untrue.",
    find=_find_late_fee,
    may=is_about_fees,
    bad=Example("【绿苑物业】物业费未缴将产生滞纳金。", kind="dunning"),
    good=Example("【绿苑物业】物业费未缴的，按合同约定计收违约金。", kind="dunning"),
    severity=Severity.WARNING,
    source=_LATE_SOURCE,
)
