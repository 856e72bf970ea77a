"""Every code that the checks of a card can report: how much it weighs and what to do next."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final

import attrs

from propsms._callercard.profiles import CardProfile
from propsms.findings import Finding, Severity

if TYPE_CHECKING:
    from propsms.findings import Fix, Span

__all__ = ["CARD_CODES", "Reporter"]

_E, _W, _I = Severity.ERROR, Severity.WARNING, Severity.INFO

CARD_CODES: Final[dict[str, tuple[Severity, str, str]]] = {
    "name.too_long": (
        _E,
        "显示名称 {length} 个字，上限 {limit}；请改用简称",
        "the display name has {length} characters, the limit is {limit}; use a short form",
    ),
    "name.blank": (
        _E,
        "显示名称为空；请填写业主认得的名称",
        "the display name is blank; write the name that residents know",
    ),
    "name.is_phone_number": (
        _E,
        "显示名称是一个电话号码；请写公司名称",
        "the display name is a phone number; write the company's name",
    ),
    "name.contains_number": (
        _W,
        "显示名称里有一串号码；号码请写在号码栏",
        "the display name holds a number; put numbers into the numbers",
    ),
    "name.control_char": (
        _E,
        "显示名称里有换行或控制字符；请删去",
        "the display name holds a line break or control character; delete it",
    ),
    "name.invisible_char": (
        _E,
        "显示名称里有看不见的字符 {character}；请删去",
        "the display name holds the invisible character {character}; delete it",
    ),
    "name.bidi_control": (
        _E,
        "显示名称里有改变文字方向的字符 {character}，名称可能显示成别的；请删去",
        "the display name holds the direction control {character}, so it may show as something else; delete it",
    ),
    "name.emoji": (
        _W,
        "显示名称里有表情符号；多数手机和登记方不收，请删去",
        "the display name holds an emoji, which many phones and registries refuse; delete it",
    ),
    "name.government_word": (
        _W,
        "显示名称含机关用词「{word}」，易被当作冒充；请删去或附证明",
        "the display name holds {word!r}, a word of the authorities; delete it or add proof",
    ),
    "name.abbreviation": (
        _I,
        "显示名称是执照名称的简称",
        "the display name is a short form of the name on the licence",
    ),
    "name.legal_name_missing": (
        _W,
        "没有填写执照上的名称，无法核对显示名称；请补上",
        "the name on the licence is missing, so the display name cannot be compared; add it",
    ),
    "name.brand_proof_missing": (
        _E,
        "显示名称与执照名称无关；请附商标注册证（trademark）或品牌授权书（brand_authorization）",
        "the display name is unrelated to the name on the licence; add a trademark or brand_authorization document",
    ),
    "text.too_long": (
        _E,
        "显示文字长 {length}，上限 {limit}；请缩短",
        "the text shown is {length} long, the limit is {limit}; shorten it",
    ),
    "text.non_bmp": (
        _E,
        "显示文字里的 {character} 会被悄悄删掉；请换字",
        "{character} in the text shown is removed silently; use another character",
    ),
    "text.url": (_E, "显示文字里有链接；请删去", "the text shown holds a link; delete it"),
    "usage.too_wide": (
        _E,
        "服务类型宽 {length}（汉字算 2），上限 {limit}；请缩短",
        "the service type is {length} wide (a Chinese character is 2), the limit is {limit}; shorten it",
    ),
    "num.missing": (_E, "没有填写号码；至少填一个", "there is no number; add at least one"),
    "num.invalid": (
        _E,
        "不是可以拨通的号码；请核对",
        "it is not a number that can be dialled; check it",
    ),
    "num.area_code_missing": (
        _E,
        "固定电话缺区号；请写成 0755-20001234 的样子",
        "a fixed line without its area code; write it like 0755-20001234",
    ),
    "num.area_prefix_on_short_code": (
        _W,
        "95 开头的号码前面不加区号；请只写短号",
        "a 95 number takes no area code; write the short number alone",
    ),
    "num.leading_zero_400": (
        _W,
        "400 号码前面多了 0；请删去",
        "a 400 number takes no leading zero; delete it",
    ),
    "num.carrier_hotline": (
        _E,
        "这是运营商的客服号码，不能放在名片上",
        "it is a carrier's hotline and cannot stand on a card",
    ),
    "num.emergency": (
        _E,
        "这是紧急电话，不能放在名片上",
        "it is an emergency number and cannot stand on a card",
    ),
    "num.public_hotline": (
        _E,
        "这是公共服务热线，不能放在名片上",
        "it is a public hotline and cannot stand on a card",
    ),
    "num.smsport": (
        _E,
        "106 开头的是短信端口号，打不通，不能放在名片上",
        "a 106 number is an SMS port; nobody can call it, so it cannot stand on a card",
    ),
    "num.privacy700": (
        _E,
        "15 位 700 号码是隐私保护号，不能放在名片上",
        "a 15-digit 700 number is a privacy number and cannot stand on a card",
    ),
    "num.kind_not_allowed": (
        _E,
        "{profile} 不收这类号码（{kind}）；请换号码或换登记方",
        "{profile} does not take this sort of number ({kind}); use another number or registry",
    ),
    "num.country_not_allowed": (
        _E,
        "{profile} 只收 {prefixes} 的号码",
        "{profile} takes numbers of {prefixes} only",
    ),
    "logo.missing": (_E, "缺少标志图；请附上", "the logo is missing; add it"),
    "logo.not_read": (
        _I,
        "只有标志图的网址，无法检查图片；请附上文件",
        "there is only the logo's address, so the picture cannot be checked; add the file",
    ),
    "logo.url_not_https": (
        _E,
        "标志图网址必须以 https:// 开头",
        "the logo's address must begin with https://",
    ),
    "logo.url_too_long": (
        _E,
        "标志图网址 {length} 个字符，上限 {limit}",
        "the logo's address has {length} characters, the limit is {limit}",
    ),
    "logo.format_not_allowed": (
        _E,
        "标志图格式 {format} 不被接受；可用：{allowed}",
        "the logo's format {format} is not accepted; use {allowed}",
    ),
    "logo.wrong_size": (
        _E,
        "标志图为 {width}×{height}，要求 {wanted}",
        "the logo is {width} x {height}, wanted is {wanted}",
    ),
    "logo.wrong_depth": (
        _E,
        "标志图色深 {depth} 位，要求 {wanted}",
        "the logo has {depth} bits per pixel, wanted is {wanted}",
    ),
    "logo.not_square": (
        _E,
        "标志图为 {width}×{height}，必须是正方形",
        "the logo is {width} x {height}, it must be square",
    ),
    "logo.not_power_of_two": (
        _E,
        "标志图边长 {width}×{height} 须为 2 的幂（128、256、512、1024）",
        "the logo's sides {width} x {height} must be powers of two (128, 256, 512, 1024)",
    ),
    "logo.too_big": (
        _E,
        "标志图文件 {size} 字节，上限 {limit}；请压缩",
        "the logo has {size} octets, the limit is {limit}; make it smaller",
    ),
    "logo.truncated": (
        _E,
        "标志图文件不完整；请重新导出",
        "the logo's file is cut off; export it again",
    ),
    "logo.corrupt": (
        _E,
        "标志图文件已损坏；请重新导出",
        "the logo's file is damaged; export it again",
    ),
    "logo.trailing_data": (
        _E,
        "标志图文件后面带有别的数据；请重新导出",
        "the logo's file carries other data behind the picture; export it again",
    ),
    "logo.huge_dimensions": (
        _E,
        "标志图边长异常（{width}×{height}）；请重新导出",
        "the logo's dimensions are absurd ({width} x {height}); export it again",
    ),
    "logo.animated": (_E, "标志图是动图；请用静态图", "the logo is animated; use a still picture"),
    "logo.alpha": (
        _E,
        "标志图有透明部分；请加底色",
        "the logo has transparent parts; give it a background",
    ),
    "logo.extension_mismatch": (
        _W,
        "文件名扩展名与内容（{format}）不符；请改名",
        "the extension does not fit the content ({format}); rename the file",
    ),
    "logo.filename_size_mismatch": (
        _W,
        "文件名应写明实际尺寸，如 logo-{height}x{width}；请改名",
        "the file's name should tell its size, as in logo-{height}x{width}; rename it",
    ),
    "doc.missing": (_E, "缺少材料：{kind}；请补上", "the document {kind} is missing; add it"),
    "doc.recommended": (_I, "可能还需要材料：{kind}", "the document {kind} may be asked for too"),
    "doc.expired": (
        _E,
        "材料 {kind} 已于 {expires} 到期；请更新",
        "the document {kind} expired on {expires}; renew it",
    ),
    "doc.not_stamped": (
        _E,
        "材料 {kind} 未盖章；请盖公章",
        "the document {kind} is not stamped; have it stamped",
    ),
    "doc.holder_mismatch": (
        _E,
        "号码登记在他人名下，且没有授权书（authorization）；请补授权书或过户",
        "the number is registered to somebody else and there is no authorization; add one or transfer the number",
    ),
    "card.expired": (
        _E,
        "名片已于 {valid_to} 到期；请续期",
        "the card expired on {valid_to}; renew it",
    ),
    "card.not_yet_valid": (
        _I,
        "名片自 {valid_from} 起有效",
        "the card holds from {valid_from} on",
    ),
    "card.dates_reversed": (
        _E,
        "生效日 {valid_from} 晚于到期日 {valid_to}；请更正",
        "the card begins on {valid_from}, after it ends on {valid_to}; correct it",
    ),
    "card.number_twice": (
        _E,
        "同一个号码写了两次；请删去一个",
        "the same number stands twice; delete one",
    ),
    "card.uscc_invalid": (
        _E,
        "统一社会信用代码不对（{why_zh}）；请对照执照核对",
        "the unified social credit code is wrong ({why}); compare it with the licence",
    ),
    "card.profile_retired": (
        _E,
        "{profile} 已停用；请换登记方",
        "{profile} is retired; use another registry",
    ),
    "num.no_international_form": (
        _W,
        "这个号码没有国际格式，来电识别条目里放不下，已跳过",
        "the number has no international form, so a call directory cannot hold it; it was left out",
    ),
    "own.proof_missing": (
        _E,
        "没有号码证明（或找不到所写的文件）；请附合同、账单或受理单",
        "there is no proof of the number, or not under that file name; add a contract, bill or form",
    ),
    "own.proof_undated": (
        _E,
        "号码证明没有写签发日期；请补上",
        "the proof of the number has no date of issue; add it",
    ),
    "own.holder_mismatch": (
        _E,
        "号码登记在他人名下，且没有授权书（authorization）；请补授权书",
        "the number is registered to somebody else and there is no authorization; add one",
    ),
    "own.holder_unknown": (
        _E,
        "没有写号码登记在谁名下；请补上 holder_name",
        "nobody has said to whom the number is registered; add holder_name",
    ),
    "own.paper_expired": (
        _E,
        "材料 {kind} 已于 {expires} 到期；请更新",
        "the document {kind} expired on {expires}; renew it",
    ),
    "own.expiry_unchecked": (
        _E,
        "材料 {kind} 有到期日，但没有给出今天的日期，无法核对",
        "the document {kind} ends on some day, but today was not given, so it was not checked",
    ),
    "flash.too_long": (
        _E,
        "闪信只能占一条，现为 {units} 个单位、{segments} 条；请缩短",
        "a flash SMS takes one segment; this is {units} units in {segments}; shorten it",
    ),
    "flash.company_missing": (
        _E,
        "闪信要写明公司名称；请加上显示名称",
        "a flash SMS names the company; add the display name",
    ),
    "flash.purpose_missing": (
        _E,
        "闪信要写明来电事由；请加上事由或服务类型",
        "a flash SMS names the purpose; add the reason or the service type",
    ),
    "flash.control_char": (
        _E,
        "闪信里有控制字符或改变文字方向的字符；请删去",
        "a flash SMS carries no control character or direction mark; delete it",
    ),
    "flash.link": (_E, "闪信里不能有链接；请删去", "a flash SMS carries no link; delete it"),
    "flash.amount": (
        _E,
        "闪信里不能有金额；请删去",
        "a flash SMS carries no amount of money; delete it",
    ),
    "card.limit_unknown": (
        _W,
        "{profile} 未公布「{limit}」的限制，本库未检查；请向登记方核实",
        "{profile} publishes no limit for {limit}, so it was not checked; ask the registry",
    ),
}


def _none_yet() -> list[Finding]:
    return []


_NO_PROFILE = CardProfile(id="", source="", checked_on=date.min)


@attrs.define
class Reporter:
    """Collects findings for one profile."""

    profile: CardProfile = _NO_PROFILE
    findings: list[Finding] = attrs.field(factory=_none_yet)

    def add(
        self,
        code: str,
        field: str,
        *,
        span: Span | None = None,
        fix: Fix | None = None,
        severity: Severity | None = None,
        **blanks: Any,
    ) -> None:
        """Report *code* about *field*; *severity* where the profile weighs it otherwise."""
        usual, zh, en = CARD_CODES[code]
        blanks.setdefault("profile", self.profile.id)
        self.findings.append(
            Finding(
                code=code,
                severity=severity or usual,
                message=zh.format(**blanks),
                message_en=en.format(**blanks),
                span=span,
                profile=self.profile.id,
                source=self.profile.source,
                fix=fix,
                field=field,
            )
        )
