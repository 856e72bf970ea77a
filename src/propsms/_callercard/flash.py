"""Flash SMS (闪信, class 0): shown at once, gone at once, and so easily abused.

So a text names company and purpose, fits one segment, and carries no link and no amount.
Nothing guarantees that it arrives before the ring.

Sources: 3GPP TS 23.038 §4 (data coding 0x10 and 0x18 are class 0), TS 23.040 §9.2.3.24;
Alibaba Cloud SDKs ccc 2.35.0 (`FlashSmsVariables`) and outboundbot 2.2.1 (`FlashSmsExtras`).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from propsms._callercard.codes import Reporter
from propsms._callercard.lint_name import HIDDEN, find_link
from propsms.findings import Span
from propsms.segments import Encoding, count_segments

if TYPE_CHECKING:
    from propsms._callercard.model import CallerCard
    from propsms.findings import Finding

__all__ = [
    "FlashSms",
    "aliyun_ccc_flash",
    "aliyun_outbound_bot_flash",
    "check_flash_text",
    "flash_sms",
]


class FlashSms(NamedTuple):
    """How a text goes as a flash SMS.

    Attributes:
        text: The text.
        data_coding: The octet that makes it show at once: 16 (GSM-7) or 24 (UCS-2).
        units: Septets or UTF-16 code units.
        segments: How many it takes; only one is allowed.

    .. versionadded:: 0.1.0
    """

    text: str
    data_coding: int
    units: int
    segments: int


_CLASS_0 = {Encoding.GSM7: 0x10, Encoding.UCS2: 0x18}


def flash_sms(text: str) -> FlashSms:
    """Measure *text* as a flash SMS.

    >>> flash_sms("物业" * 35)[1:]
    (24, 70, 1)

    .. versionadded:: 0.1.0
    """
    count = count_segments(text)
    return FlashSms(text, _CLASS_0[count.encoding], count.units, count.segments)


_AMOUNT = re.compile(
    r"(?:[¥$￥]|CNY|RMB|人民币)\s{0,3}\d"
    r"|(?<!\d)(?<!\d[,.，])\d[\d,.，]*\s{0,3}[万千百]?\s{0,3}(?:[美港欧日]?元(?![旦月宵])|块|圆|CNY|RMB|yuan)"
    r"|[一二三四五六七八九十百千万两零壹贰叁肆伍陆柒捌玖拾佰仟][万亿]?(?:元(?![旦月宵])|块钱|圆)",
    re.IGNORECASE,
)


def check_flash_text(text: str, card: CallerCard) -> tuple[Finding, ...]:
    """List what is wrong with *text* as a flash SMS of the company of *card*.

    .. versionadded:: 0.1.0
    """
    report = Reporter()
    if hidden := HIDDEN.search(text):
        report.add("flash.control_char", "text", span=Span(*hidden.span()))
    flash = flash_sms(text)
    if flash.segments > 1:
        report.add("flash.too_long", "text", units=flash.units, segments=flash.segments)
    names = [name.strip() for name in (card.display_name, card.legal_name) if name.strip()]
    if not any(name in text for name in names):
        report.add("flash.company_missing", "text")
    purposes = [p.strip() for p in (card.call_reason, card.service_type) if p and p.strip()]
    if not any(purpose in text for purpose in purposes):
        report.add("flash.purpose_missing", "text")
    if find_link(text):
        report.add("flash.link", "text")
    named = re.sub("|".join(map(re.escape, names)), " ", text) if names else text
    if _AMOUNT.search(named):  # a company may be called 三元
        report.add("flash.amount", "text")
    return tuple(report.findings)


def aliyun_ccc_flash(application_id: str, template_id: str) -> dict[str, str]:
    """Give the parameter that ties a flash SMS to an Alibaba Cloud CCC call.

    Provisional: taken from the sample in the SDK's description of `MakeCall`, never tried
    against the service; the texts live there, as templates.

    >>> aliyun_ccc_flash("app", "1722217249064")
    {'FlashSmsVariables': '{"applicationId":"app","templateId":"1722217249064"}'}

    .. versionadded:: 0.1.0
    """
    value = {"applicationId": application_id, "templateId": template_id}
    return {"FlashSmsVariables": _compact(value)}


def aliyun_outbound_bot_flash(template_id: str, config_id: str) -> dict[str, str]:
    """Give the parameter that ties flash SMS to an Alibaba Cloud outbound-bot task.

    Provisional: taken from the sample in the SDK's description of `CreateJobGroup`, never tried
    against the service.

    >>> aliyun_outbound_bot_flash("10471", "config")
    {'FlashSmsExtras': '{"templateId":"10471","configId":"config"}'}

    .. versionadded:: 0.1.0
    """
    return {"FlashSmsExtras": _compact({"templateId": template_id, "configId": config_id})}


def _compact(value: dict[str, str]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
