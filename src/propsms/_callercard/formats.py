"""How each registry or interface writes a number, and whose number it is on paper.

Sources: Huawei Cloud VoiceCall call events (global format with country code, fixed lines only);
huaweicloudsdkkoomessage 3.1.219, `encryption_alg` (SHA-1 of country code and number);
cloud.baidu.com/doc/SPNS (SHA-1 of 11 digits; fixed lines with hyphen); Tencent Cloud CCC
CreateCallOutSession (0086 in front); Alibaba Cloud cloudauth SendSms ("86" and 11 digits);
business.apple.com phone_numbers; RFC 8224 §8.3 (digits only). All read 2026-11-23.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import TYPE_CHECKING

import attrs

from propsms._callercard.codes import Reporter
from propsms._callercard.lint_name import same_party
from propsms._callercard.model import CardNumber, Document
from propsms._callercard.numbers import CardNumberKind
from propsms._checks import require_day
from propsms.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from propsms._callercard.model import CallerCard
    from propsms.findings import Finding

__all__ = [
    "NUMBER_FORMATS",
    "Evidence",
    "Ownership",
    "UnknownFormatError",
    "format_for",
    "ownership",
]


class UnknownFormatError(InvalidValueError):
    """No documented sample shows how that interface writes that sort of number.

    .. versionadded:: 0.1.0
    """


def format_for(provider: str, number: CardNumber | str) -> str:
    """Write *number* as *provider* wants it.

    Args:
        provider: One of `NUMBER_FORMATS`.
        number: The number, or its text.

    Raises:
        UnknownFormatError: There is no such provider, or no documented sample of that sort of
            number there.

    >>> format_for("baidu_spns", "(0755) 20001234")
    '0755-20001234'
    >>> format_for("passport", "0755-20001234 转 801")
    '8675520001234'

    .. versionadded:: 0.1.0
    """
    number = CardNumber(number) if isinstance(number, str) else number
    formats = _FORMATS.get(provider)
    if formats is None:
        known = ", ".join(NUMBER_FORMATS)
        raise UnknownFormatError(
            f"provider must be one of {known}, got {provider!r}",
            f"provider 须为 {known} 之一，现为 {provider!r}",
            field="provider",
        )
    write = formats.get(number.kind)
    if write is None or not number.e164:
        raise UnknownFormatError(
            f"no documented sample shows how {provider} writes this sort of number "
            f"({number.kind}); ask the provider, or use another number",
            f"{provider} 没有公开这类号码（{number.kind}）的写法；请询问服务商，或换一个号码",
            field="number",
        )
    return write(number)


def _e164(number: CardNumber) -> str:
    return str(number.e164)


def _bare(number: CardNumber) -> str:
    return str(number.e164)[1:]


def _with_zeros(number: CardNumber) -> str:
    return f"00{_bare(number)}"


def _hyphenated(number: CardNumber) -> str:
    area = str(number.area)
    return f"{area}-{number.digits.removeprefix(area)}"


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


_Kind = CardNumberKind
_DIALLED = (_Kind.MOBILE, _Kind.FIXED, _Kind.SVC400, _Kind.SVC800, _Kind.OTHER)
_FORMATS: dict[str, dict[CardNumberKind, Callable[[CardNumber], str]]] = {
    "huawei_voicecall": {_Kind.FIXED: _e164},
    "huawei_koomessage_sha1": {_Kind.MOBILE: lambda number: _sha1(_bare(number))},
    "baidu_spns": {_Kind.MOBILE: lambda number: _sha1(number.digits), _Kind.FIXED: _hyphenated},
    "tencent_ccc": {_Kind.FIXED: _with_zeros},
    "aliyun_cloudauth_flash": {_Kind.MOBILE: _bare},
    "apple_business": dict.fromkeys(_DIALLED, _e164),
    "passport": dict.fromkeys(_DIALLED, _bare),
}
NUMBER_FORMATS = tuple(_FORMATS)
"""The interfaces that `format_for` knows."""


class Evidence(StrEnum):
    """Whether the papers are all there. They never prove that a number is the company's own.

    .. versionadded:: 0.1.0
    """

    COMPLETE = "evidence_complete"
    INCOMPLETE = "evidence_incomplete"


@attrs.frozen
class Ownership:
    """What the papers say about whose numbers they are.

    .. versionadded:: 0.1.0
    """

    evidence: Evidence
    gaps: tuple[Finding, ...] = ()


def ownership(card: CallerCard, today: date | None = None) -> Ownership:
    """Say whether the papers about the card's numbers are complete; they are not verified.

    Complete means: every number has a dated proof, its holder is the company or a letter of
    authority is there, and no paper has expired.

    Args:
        card: The card.
        today: The day on which papers must hold; None counts every paper that ends as a gap,
            because nobody can tell.

    .. versionadded:: 0.1.0
    """
    if today is not None:
        require_day(today)
    report = Reporter()
    authorised = any(document.kind == "authorization" for document in card.documents)
    if not card.numbers:
        report.add("own.proof_missing", "numbers")
    for index, number in enumerate(card.numbers):
        field = f"numbers[{index}]"
        proof = proof_of(card, number)
        if proof is None:
            report.add("own.proof_missing", field)
        elif proof.issued is None:
            report.add("own.proof_undated", field)
        holder, company = (number.holder_name or "").strip(), card.legal_name.strip()
        if not authorised and not same_party(holder, company):
            report.add("own.holder_mismatch" if holder else "own.holder_unknown", field)
    _check_expiry(card, today, report)
    gaps = tuple(report.findings)
    return Ownership(Evidence.INCOMPLETE if gaps else Evidence.COMPLETE, gaps)


def proof_of(card: CallerCard, number: CardNumber) -> Document | None:
    """The paper that shows *number*, whether given itself or by its file name."""
    if not isinstance(number.proof, str):
        return number.proof
    return next((doc for doc in card.documents if doc.file_name == number.proof), None)


def all_papers(card: CallerCard) -> tuple[Document, ...]:
    """The card's papers and the proofs of its numbers, each once."""
    proofs = (proof_of(card, number) for number in card.numbers)
    return tuple(dict.fromkeys((*card.documents, *(proof for proof in proofs if proof))))


def superseded(card: CallerCard, paper: Document, today: date) -> bool:
    """Whether a newer paper of its kind holds; the proof of one number replaces no other's."""
    if any(proof_of(card, number) == paper for number in card.numbers):
        return False
    return any(
        other.kind == paper.kind and (other.expires is None or other.expires >= today)
        for other in all_papers(card)
        if other != paper
    )


def _check_expiry(card: CallerCard, today: date | None, report: Reporter) -> None:
    for paper in all_papers(card):
        if paper.expires is None:
            continue
        if today is None:
            report.add("own.expiry_unchecked", "documents", kind=paper.kind)
        elif paper.expires < today:
            report.add("own.paper_expired", "documents", kind=paper.kind, expires=paper.expires)
