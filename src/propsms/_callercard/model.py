"""The card itself: what a company wants people to see when it calls.

A card may be wrong: it comes from a form that a person filled in, and `lint_card` tells them
what to mend. So the values here are checked for type, not for taste.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import NAMESPACE_DNS, uuid5

import attrs
from attrs.validators import deep_iterable, optional

from propsms._callercard.logo import LogoInfo, read_logo
from propsms._callercard.numbers import CardNumberKind, NumberReading, read_number
from propsms._callercard.properties import clean
from propsms._checks import instance, wrong_type
from propsms.errors import InvalidValueError
from propsms.phone import mask_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any
    from uuid import UUID

__all__ = ["SERVICE_TYPES", "CallerCard", "CardNumber", "Document", "plain_day"]

SERVICE_TYPES = ("客服", "报修服务", "费用通知", "安全通知", "装修与巡检", "秩序维护")
"""What a property company calls about; `service_type` takes any other text too."""

_text = instance(str)
_maybe_text = optional(_text)
_NAMESPACE = uuid5(NAMESPACE_DNS, "callercard.propsms")


def _sha256(_: object, field: Any, value: str) -> None:
    if re.fullmatch(r"[0-9a-f]{64}|", value) is None:
        raise InvalidValueError(
            f"{field.name} must be 64 lower-case hex digits, got {len(value)} characters",
            f"{field.name} 必须是 64 位小写十六进制，现为 {len(value)} 个字符",
            field=field.name,
        )


def _from_one(_: object, field: Any, value: int) -> None:
    if value < 1:
        raise InvalidValueError(
            f"{field.name} must be 1 or more, got {value}",
            f"{field.name} 不能小于 1，现为 {value}",
            field=field.name,
        )


def plain_day(_: object, field: Any, value: object) -> None:
    """A plain day: an instant would not compare with one."""
    if value is not None and (not isinstance(value, date) or isinstance(value, datetime)):
        raise wrong_type(field.name, value, "date", "write 2026-01-31", "写作 2026-01-31")


@attrs.frozen
class Document:
    """A paper that a registry asks for: what it is and how to know it again, never the paper.

    Attributes:
        kind: What it is, such as ``business_license`` or ``number_proof``.
        file_name: The name of the file it was scanned to.
        sha256: The hash of that file, or empty if nobody has hashed it yet.
        issued: When it was issued, or None if not known.
        expires: The last day it holds, or None if it does not end or nobody knows.
        stamped: Whether it bears the company's seal.

    .. versionadded:: 0.1.0
    """

    kind: str = attrs.field(validator=_text)
    file_name: str = attrs.field(default="", validator=_text)
    sha256: str = attrs.field(default="", validator=[_text, _sha256])
    issued: date | None = attrs.field(default=None, validator=plain_day)
    expires: date | None = attrs.field(default=None, validator=plain_day)
    stamped: bool = attrs.field(default=False, validator=instance(bool))


def _raw(_: object, __: object, value: Any) -> None:
    """Without the value: a number that was not quoted is a number all the same."""
    if not isinstance(value, str):
        raise wrong_type("raw", value, "str", "write the number in quotes", "号码请加引号")


def _masked(raw: str) -> str:
    return repr(mask_numbers(raw))


def _read(raw: object) -> NumberReading:
    """Validators run after defaults, so this says first that *raw* is no text."""
    _raw(None, None, raw)
    return read_number(str(raw))


@attrs.frozen
class CardNumber:
    """A number that the company calls from; the repr is masked.

    Attributes:
        raw: The number as the company writes it.
        purpose: What it is used for, such as ``报修``.
        holder_name: Who the number is registered to; None means nobody has said.
        proof: The paper that shows it, or the file name of one among the card's documents.

    .. versionadded:: 0.1.0
    """

    raw: str = attrs.field(validator=_raw, repr=_masked)
    purpose: str = attrs.field(default="", validator=_text)
    holder_name: str | None = attrs.field(default=None, validator=_maybe_text)
    proof: Document | str | None = attrs.field(
        default=None, validator=optional(instance(Document, str))
    )
    reading: NumberReading = attrs.field(
        init=False,
        repr=False,
        eq=False,
        default=attrs.Factory(lambda self: _read(self.raw), takes_self=True),
    )

    @property
    def kind(self) -> CardNumberKind:
        """The sort of number."""
        return self.reading.kind

    @property
    def digits(self) -> str:
        """The digits alone."""
        return self.reading.digits

    @property
    def e164(self) -> str | None:
        """The international form, or None where the number has none or is not certain."""
        return self.reading.e164

    @property
    def area(self) -> str | None:
        """The area code of a fixed line, with its zero."""
        return self.reading.area

    @property
    def ext(self) -> str | None:
        """The extension."""
        return self.reading.ext

    @property
    def tel_uri(self) -> str | None:
        """The tel URI (RFC 3966), or None if the number has no certain one."""
        return self.reading.tel_uri


def _read_bytes(logo: bytes | bytearray | LogoInfo | None) -> LogoInfo | None:
    return read_logo(bytes(logo)) if isinstance(logo, (bytes, bytearray)) else logo


def _numbers(given: Iterable[CardNumber]) -> tuple[CardNumber, ...]:
    return tuple(given)


def _documents(given: Iterable[Document]) -> tuple[Document, ...]:
    return tuple(given)


@attrs.frozen(kw_only=True)
class CallerCard:
    """What a company wants people to see when it calls.

    Attributes:
        display_name: The name on the phone, short: ``某某物业``.
        legal_name: The name on the business licence; empty takes the display name's place nowhere
            but in the address book.
        service_type: What the calls are about; one of `SERVICE_TYPES` or any other text.
        industry: The trade, as registries ask for it.
        department: The unit within the company.
        call_reason: Why this call is made, for services that show it.
        numbers: The numbers that the company calls from, the main one first.
        logo: The logo; octets are read by `read_logo`, and kept for the exports.
        logo_url: Where the logo is published, over HTTPS.
        url: The company's page.
        email: Where people can write.
        address: The postal address as one text.
        note: Anything else for the address book.
        uscc: The unified social credit code of the company.
        documents: The papers that registries ask for.
        valid_from: The first day on which the card holds.
        valid_to: The last day on which the card holds.
        version: Counts the changes of the card, from 1.

    .. versionadded:: 0.1.0
    """

    display_name: str = attrs.field(validator=_text)
    legal_name: str = attrs.field(default="", validator=_text)
    service_type: str = attrs.field(default="", validator=_text)
    industry: str = attrs.field(default="物业管理", validator=_text)
    department: str | None = attrs.field(default=None, validator=_maybe_text)
    call_reason: str | None = attrs.field(default=None, validator=_maybe_text)
    numbers: tuple[CardNumber, ...] = attrs.field(
        default=(), converter=_numbers, validator=deep_iterable(instance(CardNumber))
    )
    logo: LogoInfo | None = attrs.field(
        default=None, converter=_read_bytes, validator=optional(instance(LogoInfo))
    )
    logo_url: str | None = attrs.field(default=None, validator=_maybe_text)
    url: str | None = attrs.field(default=None, validator=_maybe_text)
    email: str | None = attrs.field(default=None, validator=_maybe_text)
    address: str | None = attrs.field(default=None, validator=_maybe_text)
    note: str | None = attrs.field(default=None, validator=_maybe_text)
    uscc: str | None = attrs.field(default=None, validator=_maybe_text)
    documents: tuple[Document, ...] = attrs.field(
        default=(), converter=_documents, validator=deep_iterable(instance(Document))
    )
    valid_from: date | None = attrs.field(default=None, validator=plain_day)
    valid_to: date | None = attrs.field(default=None, validator=plain_day)
    version: int = attrs.field(default=1, validator=[instance(int), _from_one])

    @property
    def uid(self) -> UUID:
        """The same for the same company and name, so that importing again updates the contact."""
        name = clean(self.display_name)
        owner = self.uscc or clean(self.legal_name) or name
        return uuid5(_NAMESPACE, f"{owner}\n{name}".encode(errors="replace").hex())
