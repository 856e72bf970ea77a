"""A card as a list of vCard properties, from which every form of it is written.

Source: RFC 6350 §6 (the properties), §3.3 (which characters a value may hold).
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

import attrs

from propsms.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from propsms._callercard.model import CallerCard, CardNumber

__all__ = ["LogoPlace", "Property", "Value", "card_properties", "clean", "clean_uri"]

LogoPlace = Literal["uri", "embed", "none"]
Value = str | tuple[str, ...]
"""One value; a tuple is a structured one, such as the parts of an address."""


@attrs.frozen
class Property:
    """One property.

    Attributes:
        name: In lower case.
        kind: The type of its values: ``text`` or ``uri``.
        values: One value, or several where the property is a list.
        params: The parameters, in the order they are written.
        group: What ties it to other properties, or empty.
    """

    name: str
    kind: str
    values: tuple[Value, ...]
    params: tuple[tuple[str, Value], ...] = ()
    group: str = ""


_BREAKS = re.compile("\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """Bring every line break to one, drop control characters, replace half surrogates."""
    text = _CONTROLS.sub("", _BREAKS.sub("\n", text))
    return _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text)


def clean_uri(uri: str) -> str:
    """Percent-encode what a URI may not hold (RFC 3986 §2), so that it cannot break a line."""
    return quote(_SURROGATES.sub("\N{REPLACEMENT CHARACTER}", uri.strip()), safe=_URI_CHARACTERS)


_URI_CHARACTERS = ":/?#[]@!$&'()*+,;=-._~%"


def card_properties(
    card: CallerCard, logo: LogoPlace, *, labels: bool = False
) -> Iterator[Property]:
    """Yield the properties in their fixed order, VERSION, BEGIN and END apart.

    Raises:
        InvalidValueError: The logo should be embedded, but the card holds no readable file.
    """
    yield Property("kind", "text", ("org",))
    yield Property("fn", "text", (clean(card.display_name),))
    yield Property("org", "text", (_organisation(card),))
    for position, number in enumerate(card.numbers, 1):
        if clean(number.raw).strip():
            yield from _tel(number, position, labels=labels)
    if topics := tuple(filter(str.strip, (clean(card.service_type), clean(card.industry)))):
        yield Property("categories", "text", topics)
    yield from _contact(card)
    if uri := _logo_uri(card, logo):
        yield Property("logo", "uri", (uri,))
    if note := clean(card.note or ""):
        yield Property("note", "text", (note,))
    yield Property("uid", "uri", (card.uid.urn,))


def _organisation(card: CallerCard) -> tuple[str, ...]:
    name = clean(card.legal_name) or clean(card.display_name)
    department = clean(card.department or "")
    return (name, department) if department else (name,)


def _tel(number: CardNumber, position: int, *, labels: bool) -> Iterator[Property]:
    """A number without a certain URI stays as it was written (RFC 6350 §6.4.1 allows text)."""
    params = (("type", "work"), ("pref", str(min(position, 100))))
    group = f"item{position}" if labels and clean(number.purpose).strip() else ""
    if uri := number.tel_uri:
        yield Property("tel", "uri", (uri,), params, group)
    else:
        yield Property("tel", "text", (clean(number.raw).strip(),), params, group)
    if group:
        yield Property("x-ablabel", "text", (clean(number.purpose),), group=group)


_MEDIA_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "bmp": "image/bmp"}


def _logo_uri(card: CallerCard, logo: LogoPlace) -> str | None:
    if logo == "none":
        return None
    if logo == "uri":
        return clean_uri(card.logo_url or "") or None
    if card.logo is None or card.logo.data is None or card.logo.problems:
        raise InvalidValueError(
            "logo must hold a whole PNG, JPEG, GIF or BMP file to be embedded; "
            "pass its octets as CallerCard(logo=...), and see lint_card for what is wrong with it",
            "要嵌入标志图，logo 须为完好的 PNG、JPEG、GIF 或 BMP 文件；"
            "请用 CallerCard(logo=...) 传入文件内容，有何问题见 lint_card",
            field="logo",
        )
    encoded = b64encode(card.logo.data).decode()
    return f"data:{_MEDIA_TYPES[card.logo.format]};base64,{encoded}"


def _contact(card: CallerCard) -> Iterator[Property]:
    if url := clean_uri(card.url or ""):
        yield Property("url", "uri", (url,))
    if email := clean(card.email or ""):
        yield Property("email", "text", (email,))
    if street := clean(card.address or ""):
        yield Property("adr", "text", (("", "", street, "", "", "", ""),))
