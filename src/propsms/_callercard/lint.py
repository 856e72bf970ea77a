"""Check a card before anybody submits it: names, texts, numbers, logo, papers, dates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from propsms._callercard.codes import Reporter
from propsms._callercard.formats import superseded
from propsms._callercard.lint_name import check_name, check_texts, same_party
from propsms._callercard.logo import MAX_LOGO_BYTES
from propsms._callercard.model import Document
from propsms._callercard.numbers import CardNumberKind
from propsms._callercard.profiles import CardProfile, LogoRule, ProfileStatus, card_profile
from propsms._callercard.uscc import uscc_problem
from propsms._checks import require_day
from propsms.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from propsms._callercard.logo import LogoInfo
    from propsms._callercard.model import CallerCard, CardNumber
    from propsms.findings import Finding

__all__ = ["lint_card"]


def lint_card(card: CallerCard, profile: CardProfile | str, today: date) -> tuple[Finding, ...]:
    """List what the registry of *profile* would refuse in *card*, and what nobody can tell.

    Args:
        card: The card.
        profile: A profile, or the id of a shipped one such as ``generic``.
        today: The day on which papers and the card itself must hold.

    Returns:
        Findings in the order of the card's fields; `propsms.findings.rejects` weighs them.

    Raises:
        InvalidValueError: No shipped profile has that id.
        TypeError: *today* is no plain day.

    >>> from datetime import date
    >>> from propsms.callercard import CallerCard, CardNumber
    >>> card = CallerCard(
    ...     display_name="某某物业",
    ...     legal_name="某某物业服务有限公司",
    ...     numbers=(CardNumber("20001234"),),
    ... )
    >>> findings = lint_card(card, "generic", date(2026, 1, 31))
    >>> print(*(finding.code for finding in findings if finding.severity == "error"))
    num.area_code_missing

    .. versionadded:: 0.1.0
    """
    require_day(today)
    report = Reporter(card_profile(profile) if isinstance(profile, str) else profile)
    check_name(card, report)
    check_texts(card, report)
    _check_numbers(card, report)
    _check_logo(card, report)
    _check_documents(card, report, today)
    _check_card(card, report, today)
    return tuple(report.findings)


def _check_numbers(card: CallerCard, report: Reporter) -> None:
    if not card.numbers:
        report.add("num.missing", "numbers")
    seen: set[tuple[str, str | None]] = set()
    for index, number in enumerate(card.numbers):
        field = f"numbers[{index}]"
        _check_number(number, field, report)
        key = (number.e164 or number.digits, number.ext)
        if key[0] and key in seen:
            report.add("card.number_twice", field)
        seen.add(key)
        holder, company = (number.holder_name or "").strip(), card.legal_name.strip()
        authorised = any(document.kind == "authorization" for document in card.documents)
        if holder and company and not same_party(holder, company) and not authorised:
            report.add("doc.holder_mismatch", field)


_NEVER_ON_A_CARD = frozenset(
    {
        CardNumberKind.CARRIER,
        CardNumberKind.EMERGENCY,
        CardNumberKind.PUBLIC,
        CardNumberKind.SMSPORT,
        CardNumberKind.PRIVACY700,
    }
)


def _check_number(number: CardNumber, field: str, report: Reporter) -> None:
    problems, profile = number.reading.problems, report.profile
    for code in problems:
        report.add(code, field)
    if number.kind in _NEVER_ON_A_CARD or "num.invalid" in problems:
        return
    if number.kind not in profile.number_kinds:
        report.add("num.kind_not_allowed", field, kind=number.kind)
    prefixes = profile.number_prefixes
    if prefixes and not (number.e164 or "").startswith(prefixes):
        report.add("num.country_not_allowed", field, prefixes=", ".join(prefixes))


def _check_logo(card: CallerCard, report: Reporter) -> None:
    rule, info = report.profile.logo, card.logo
    if card.logo_url and not card.logo_url.lower().startswith("https://"):
        report.add("logo.url_not_https", "logo_url")
    if rule is not None and rule.url_max is not None and len(card.logo_url or "") > rule.url_max:
        report.add(
            "logo.url_too_long", "logo_url", length=len(card.logo_url or ""), limit=rule.url_max
        )
    if info is not None:
        _check_file(info, rule or LogoRule(), card.logo_url, report)
    elif rule is not None and card.logo_url:
        report.add("logo.not_read", "logo")
    elif rule is not None and rule.required:
        report.add("logo.missing", "logo")


def _check_file(info: LogoInfo, rule: LogoRule, url: str | None, report: Reporter) -> None:
    facts: dict[str, Any] = {
        "format": info.format,
        "width": info.width,
        "height": info.height,
        "size": info.size,
    }
    allowed = rule.formats or _READABLE
    limit = rule.max_bytes or MAX_LOGO_BYTES
    codes = dict.fromkeys(info.problems)
    if info.format not in allowed:
        codes["logo.format_not_allowed"] = None
    if info.size > limit:
        codes["logo.too_big"] = None
    if info.animated:
        codes["logo.animated"] = None
    if info.has_alpha and rule.alpha is False:
        codes["logo.alpha"] = None
    for code in codes:
        report.add(code, "logo", allowed="、".join(allowed), limit=limit, **facts)
    if info.width and info.height:
        _check_sides(info, rule, report)
        _check_depth(info, rule, report)
    _check_file_name(info, rule, info.file_name or _last_part(url), report)


_READABLE: Final = ("png", "jpeg", "bmp", "gif")


def _check_sides(info: LogoInfo, rule: LogoRule, report: Reporter) -> None:
    width, height = info.width, info.height
    if (rule.width or width) != width or (rule.height or height) != height:
        wanted = f"{rule.width or '?'}×{rule.height or '?'}"
        report.add("logo.wrong_size", "logo", width=width, height=height, wanted=wanted)
    if rule.square and width != height:
        report.add("logo.not_square", "logo", width=width, height=height)
    if rule.power_of_two and (width & (width - 1) or height & (height - 1)):
        report.add("logo.not_power_of_two", "logo", width=width, height=height)


def _check_depth(info: LogoInfo, rule: LogoRule, report: Reporter) -> None:
    """Only formats that count per pixel say what registries mean by depth."""
    if info.format not in {"bmp", "gif"}:
        return
    exact, most = rule.bits_per_pixel, rule.max_bits_per_pixel
    if exact is not None and info.bit_depth != exact:
        report.add("logo.wrong_depth", "logo", depth=info.bit_depth, wanted=exact)
    if most is not None and info.bit_depth > most:
        report.add("logo.wrong_depth", "logo", depth=info.bit_depth, wanted=f"<= {most}")


_EXTENSIONS = {"png": {"png"}, "jpeg": {"jpg", "jpeg"}, "bmp": {"bmp"}, "gif": {"gif"}}
_NAMED_SIZE = re.compile(r"-(\d+)x(\d+)\.\w+$")  # height first: name-HxW.ext


def _check_file_name(info: LogoInfo, rule: LogoRule, name: str, report: Reporter) -> None:
    if not name:
        return
    stem, dot, extension = name.rpartition(".")
    fitting = _EXTENSIONS.get(info.format)
    if dot and stem and fitting and extension.lower() not in fitting:
        report.add("logo.extension_mismatch", "logo", format=info.format)
    said = _NAMED_SIZE.search(name)
    differs = said is not None and (int(said[1][:9]), int(said[2][:9])) != (
        info.height,
        info.width,
    )
    if differs or (said is None and rule.size_in_name):
        report.add("logo.filename_size_mismatch", "logo", width=info.width, height=info.height)


def _last_part(url: str | None) -> str:
    try:
        return urlsplit(url or "").path.rpartition("/")[2]
    except ValueError:  # brackets that are no address
        return ""


def _check_documents(card: CallerCard, report: Reporter, today: date) -> None:
    profile = report.profile
    kinds = {document.kind for document in card.documents}
    for kind in profile.required_documents:
        if kind not in kinds:
            report.add("doc.missing", "documents", kind=kind)
    for kind in profile.recommended_documents:
        if kind not in kinds:
            report.add("doc.recommended", "documents", kind=kind)
    for field, document in _papers(card):
        if document.expires is not None and document.expires < today:
            severity = Severity.INFO if superseded(card, document, today) else None
            report.add(
                "doc.expired",
                field,
                severity=severity,
                kind=document.kind,
                expires=document.expires,
            )
        if document.kind in profile.stamped_documents and not document.stamped:
            report.add("doc.not_stamped", field, kind=document.kind)


def _papers(card: CallerCard) -> Iterator[tuple[str, Document]]:
    for index, document in enumerate(card.documents):
        yield f"documents[{index}]", document
    for index, number in enumerate(card.numbers):
        if isinstance(number.proof, Document):
            yield f"numbers[{index}].proof", number.proof


def _check_card(card: CallerCard, report: Reporter, today: date) -> None:
    start, end, profile = card.valid_from, card.valid_to, report.profile
    if start is not None and end is not None and start > end:
        report.add("card.dates_reversed", "valid_from", valid_from=start, valid_to=end)
    if end is not None and end < today:
        report.add("card.expired", "valid_to", valid_to=end)
    if start is not None and start > today:
        report.add("card.not_yet_valid", "valid_from", valid_from=start)
    if card.uscc is not None and (why := uscc_problem(card.uscc)) is not None:
        zh, en = _USCC[why]
        report.add("card.uscc_invalid", "uscc", why=en, why_zh=zh)
    if profile.status is ProfileStatus.RETIRED:
        report.add("card.profile_retired", "")
    for limit in _unknown_limits(profile):
        report.add("card.limit_unknown", limit, limit=limit)


_USCC = {
    "length": ("应为 18 位", "it takes 18 characters"),
    "alphabet": (
        "只用数字和大写字母，不含 I、O、S、V、Z",
        "it takes digits and capitals, never I, O, S, V, Z",
    ),
    "check": ("校验位不符", "its check character does not fit"),
}


def _unknown_limits(profile: CardProfile) -> Iterator[str]:
    figures: dict[str, object] = {
        "name": profile.name_max,
        "reason": profile.reason_max,
        "usage": profile.usage_max,
        "logo": profile.logo and (profile.logo.formats or profile.logo.width),
    }
    for limit in profile.limits:
        if not figures.get(limit):
            yield limit
