"""Read a vCard or a jCard back into a card.

A file may hold more than a caller card has room for; what is not ours is left aside. Only a file
that is no card at all is an error.
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import unquote

import attrs

from propsms._callercard.content import parse_line, split_value, unescape, unfold
from propsms._callercard.logo import MAX_LOGO_BYTES, LogoInfo, read_logo
from propsms._callercard.model import SERVICE_TYPES, CallerCard, CardNumber
from propsms._callercard.properties import Property
from propsms._callercard.vcard import named
from propsms.errors import InvalidValueError
from propsms.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from propsms._callercard.properties import Value

__all__ = ["CardReading", "read_jcard", "read_vcard"]

_MAX_CHARACTERS: Final = 2 * MAX_LOGO_BYTES


@attrs.frozen
class CardReading:
    """A card that was read, and what was odd about its file.

    .. versionadded:: 0.1.0
    """

    card: CallerCard
    findings: tuple[Finding, ...] = ()


def read_vcard(data: str | bytes) -> CardReading:
    r"""Read the first card of a vCard file, version 3.0 or 4.0.

    A vCard has no room for the credit code, the papers and the dates, and from the code comes the
    UID: keep the TOML as the source, and write from it what goes to address books again.

    Raises:
        InvalidValueError: It is not UTF-8, larger than 10 MB, holds no card, or is of another
            version.

    >>> read_vcard("BEGIN:VCARD\r\nVERSION:4.0\r\nFN:某某物业\r\nEND:VCARD\r\n").card.display_name
    '某某物业'

    .. versionadded:: 0.1.0
    """
    lines = [
        line for line in unfold(_decoded(data)).replace("\r\n", "\n").split("\n") if line.strip()
    ]
    if not lines or lines[0].strip().upper() != "BEGIN:VCARD":
        raise _no_card("it does not begin with BEGIN:VCARD", "开头不是 BEGIN:VCARD")
    end = next((i for i, line in enumerate(lines) if line.strip().upper() == "END:VCARD"), None)
    if end is None:
        raise _no_card("it has no END:VCARD", "缺少 END:VCARD")
    properties: list[Property] = []
    findings: list[Finding] = []
    for number, line in enumerate(lines[1:end], 2):
        try:
            properties.append(parse_line(line))
        except InvalidValueError:
            findings.append(
                _odd(
                    "vcard.bad_line",
                    f"第 {number} 行无法读取，已跳过",
                    f"line {number} cannot be read and was left out",
                )
            )
    _require_version(properties)
    return CardReading(_card(properties), tuple(findings))


def _decoded(data: str | bytes) -> str:
    if len(data) > _MAX_CHARACTERS:
        raise _no_card("it is larger than 10 MB", "超过 10 MB")
    if isinstance(data, str):
        return data.removeprefix("\ufeff")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _no_card("it is not UTF-8", "不是 UTF-8 编码") from error


def _no_card(why: str, why_zh: str) -> InvalidValueError:
    return InvalidValueError(
        f"this is not a card: {why}; export it again",
        f"不是名片文件：{why_zh}；请重新导出",
        field="card",
    )


def _odd(code: str, message: str, message_en: str) -> Finding:
    return Finding(code, Severity.WARNING, message, message_en)


def _require_version(properties: Iterable[Property]) -> None:
    versions = [str(prop.values[0]) for prop in properties if prop.name == "version"]
    if versions[:1] not in (["3.0"], ["4.0"]):
        raise _no_card("its version is not 3.0 or 4.0", "版本不是 3.0 或 4.0")


def read_jcard(data: str | bytes | list[Any]) -> CardReading:
    """Read a jCard, as JSON text or already parsed.

    The form that the draft of RFC 9796 printed (parts of an organisation in one text, commas
    escaped) is read too, with a finding.

    Raises:
        InvalidValueError: It is no JSON or no jCard of version 4.0.

    >>> read_jcard(
    ...     ["vcard", [["version", {}, "text", "4.0"], ["fn", {}, "text", "某某物业"]]]
    ... ).card.display_name
    '某某物业'

    .. versionadded:: 0.1.0
    """
    if isinstance(data, (str, bytes)):
        try:
            data = json.loads(_decoded(data))
        except (ValueError, RecursionError) as error:
            raise _no_card("it is no JSON", "不是 JSON") from error
    properties = [_jcard_property(item) for item in _items(data)]
    _require_version(properties)
    if not any(_is_draft(prop) for prop in properties):
        return CardReading(_card(properties))
    note = _odd(
        "jcard.draft_form",
        "写法取自 RFC 9796 草案，不合 RFC 7095；已照草案读出",
        "written as in the draft of RFC 9796, not as RFC 7095 wants; read as the draft means",
    )
    return CardReading(_card([_from_draft(prop) for prop in properties]), (note,))


def _items(data: object) -> list[Any]:
    parts: list[Any] = cast("Any", data) if isinstance(data, list) else []
    if len(parts) != 2 or parts[0] != "vcard" or not isinstance(parts[1], list):
        raise _no_card('a jCard is ["vcard", [...]]', 'jCard 应为 ["vcard", [...]]')
    items: list[Any] = cast("Any", parts[1])
    return items


def _jcard_property(item: object) -> Property:
    parts: list[Any] = cast("Any", item) if isinstance(item, list) else []
    if len(parts) < 4 or not isinstance(parts[1], dict):
        raise _no_card("a property is [name, {}, type, value]", "属性应为 [名称, {}, 类型, 值]")
    name, params, kind = str(parts[0]), cast("dict[str, Any]", parts[1]), str(parts[2])
    given = {key.lower(): _jcard_value(value) for key, value in params.items()}
    group = str(given.pop("group", ""))
    values = tuple(_jcard_value(value) for value in parts[3:])
    return Property(name.lower(), kind.lower(), values, tuple(given.items()), group)


def _jcard_value(value: object) -> Value:
    if isinstance(value, list):
        return tuple(str(part) for part in cast("list[object]", value))
    return str(value)


def _is_draft(prop: Property) -> bool:
    value = prop.values[0]
    return prop.name == "org" and isinstance(value, str) and len(split_value(value, ";")) > 1


def _from_draft(prop: Property) -> Property:
    if prop.kind != "text":
        return prop
    if _is_draft(prop):
        parts = split_value(str(prop.values[0]), ";")
        return attrs.evolve(prop, values=(tuple(unescape(part) for part in parts),))
    return attrs.evolve(
        prop, values=tuple(unescape(v) if isinstance(v, str) else v for v in prop.values)
    )


def _card(properties: list[Property]) -> CallerCard:
    first = {prop.name: prop for prop in reversed(properties)}

    def text(name: str) -> str | None:
        prop = first.get(name)
        return (_joined(prop.values[0]) or None) if prop is not None else None

    name, legal, department = text("fn") or "", *_organisation(first.get("org"))
    service, industry = _topics(first.get("categories"))
    logo, logo_url = _logo(first.get("logo"))
    return CallerCard(
        display_name=name,
        legal_name="" if legal == name else legal,
        department=department,
        service_type=service,
        industry=industry,
        numbers=_numbers(properties),
        logo=logo,
        logo_url=logo_url,
        url=text("url"),
        email=text("email"),
        address=text("adr"),
        note=text("note"),
    )


def _joined(value: Value) -> str:
    return value if isinstance(value, str) else " ".join(part for part in value if part)


def _organisation(prop: Property | None) -> tuple[str, str | None]:
    if prop is None:
        return "", None
    value = prop.values[0]
    parts = (value,) if isinstance(value, str) else value
    return parts[0] if parts else "", (parts[1] or None) if len(parts) > 1 else None


def _topics(prop: Property | None) -> tuple[str, str]:
    """We write service type and industry; a single topic is whichever it looks like."""
    topics = [_joined(value) for value in prop.values] if prop is not None else []
    if len(topics) == 1:
        return (topics[0], "") if topics[0] in SERVICE_TYPES else ("", topics[0])
    return (topics[0], topics[1]) if topics else ("", "")


def _numbers(properties: list[Property]) -> tuple[CardNumber, ...]:
    labels = {
        p.group: _joined(p.values[0]) for p in properties if p.name == "x-ablabel" and p.group
    }
    return tuple(
        CardNumber(_raw_number(_joined(prop.values[0])), purpose=labels.get(prop.group, ""))
        for prop in properties
        if prop.name == "tel"
    )


def _raw_number(value: str) -> str:
    """A tel URI as a person would write it; other text as it stands."""
    if not value.lower().startswith("tel:"):
        return value.replace(",", " 转 ") if value.count(",") == 1 else value
    number, *params = value[4:].split(";")
    given = named(params)
    area = given.get("phone-context", "").removeprefix("+86")
    if area.isascii() and area.isdigit():
        number = f"0{area}-{number}"
    return f"{number} 转 {given['ext']}" if given.get("ext") else number


def _logo(prop: Property | None) -> tuple[LogoInfo | None, str | None]:
    if prop is None:
        return None, None
    value = _joined(prop.values[0])
    encoded = value if dict(prop.params).get("encoding") in {"b", "B", "BASE64"} else None
    if value.startswith("data:"):
        encoded = unquote(value.partition(";base64,")[2])
    if encoded is None:
        return None, value or None
    try:
        return read_logo(b64decode(encoded, validate=True)), None
    except (binascii.Error, ValueError):
        return None, None
