r"""Read the lines of a vCard: unfold, split, unescape.

Source: RFC 6350 §3.2 to §3.4 and §4; RFC 6868 §3.2 (carets in parameters); RFC 7095 §3.3 for the
types of values.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from propsms._callercard.properties import Property
from propsms.errors import InvalidValueError
from propsms.phone import mask_numbers

if TYPE_CHECKING:
    from propsms._callercard.properties import Value

__all__ = ["parse_line", "split_value", "unescape", "unfold"]


def unfold(text: str) -> str:
    r"""Undo folding; a lone LF counts as a line end, because files get translated on the way.

    >>> unfold("NOTE:物\r\n 业")
    'NOTE:物业'
    """
    return re.sub(r"\r?\n[ \t]", "", text)


def unescape(text: str) -> str:
    r"""Undo the escapes of a text value in one pass, so ``C:\\new`` holds no line break.

    >>> unescape(r"C:\\new")
    'C:\\new'
    """
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] in "nN" else m[1], text, flags=re.DOTALL)


def split_value(text: str, separator: str) -> list[str]:
    r"""Split at each *separator* that no backslash escapes; the parts stay escaped.

    >>> split_value(r"客服\,报修,收费", ",")
    ['客服\\,报修', '收费']
    """
    parts: list[str] = []
    start = 0
    for match in re.finditer(rf"\\.|{re.escape(separator)}", text, flags=re.DOTALL):
        if match[0] == separator:
            parts.append(text[start : match.start()])
            start = match.end()
    parts.append(text[start:])
    return parts


_LINE = re.compile(
    r"(?:(?P<group>[A-Za-z0-9-]+)\.)?(?P<name>[A-Za-z0-9-]+)"
    r'(?P<params>(?:;[A-Za-z0-9-]+(?:=(?:"[^"\r\n]*"|[^";:,\r\n]*)(?:,(?:"[^"\r\n]*"|[^";:,\r\n]*))*)?)*)'
    r":(?P<value>.*)",
    re.DOTALL,
)
_PARAM = re.compile(r';([A-Za-z0-9-]+)(?:=((?:"[^"]*"|[^";:])*))?')
_PARAM_VALUE = re.compile(r'"([^"]*)"|([^",]+)')

_STRUCTURED = {"org", "adr", "n", "gender", "clientpidmap"}
_LISTS = {"categories", "nickname"}
_KINDS = {
    **dict.fromkeys(
        ("url", "uid", "logo", "photo", "sound", "key", "source", "member", "related"), "uri"
    ),
    **dict.fromkeys(("bday", "anniversary"), "date-and-or-time"),
    "rev": "timestamp",
    "lang": "language-tag",
    **dict.fromkeys(
        [
            "version",
            "kind",
            "fn",
            "org",
            "adr",
            "n",
            "gender",
            "clientpidmap",
            "categories",
            "nickname",
            "tel",
            "email",
            "note",
            "title",
            "role",
            "tz",
            "geo",
            "prodid",
        ],
        "text",
    ),
}


def parse_line(line: str) -> Property:
    """Read one unfolded line.

    Raises:
        InvalidValueError: It has no name, or a parameter that is not one.
    """
    match = _LINE.fullmatch(line)
    if match is None:
        raise InvalidValueError(
            f"a line of a vCard is NAME:VALUE, got {mask_numbers(line)[:12]!r}; "
            "export the card again",
            f"vCard 的行应为 名称:值，现为 {mask_numbers(line)[:12]!r}；请重新导出",
            field="line",
        )
    name = match["name"].lower()
    params = _params(match["params"])
    kind = params.pop("value", None) or _KINDS.get(name, "unknown")
    kind = kind.lower() if isinstance(kind, str) else "unknown"
    values = _values(name, kind, match["value"])
    return Property(name, kind, values, tuple(params.items()), (match["group"] or "").lower())


def _params(text: str) -> dict[str, Value]:
    """Parameters by name; a bare one, as older files write it, is a type."""
    found: dict[str, list[str]] = {}
    for name, given in _PARAM.findall(text):
        values = [_uncareted(quoted or plain) for quoted, plain in _PARAM_VALUE.findall(given)]
        found.setdefault(name.lower() if values else "type", []).extend(values or [name])
    return {name: tuple(v) if len(v) > 1 else v[0] for name, v in found.items()}


def _uncareted(text: str) -> str:
    """A parameter cannot hold a quote or a line break, so RFC 6868 writes them with a caret."""
    return re.sub(r"\^([n^'])", lambda found: _CARETS[found[1]], text)


_CARETS = {"n": "\n", "^": "^", "'": '"'}


def _values(name: str, kind: str, text: str) -> tuple[Value, ...]:
    if kind not in {"text", "unknown"}:
        return (text,)
    if name in _STRUCTURED:
        return (tuple(unescape(part) for part in split_value(text, ";")),)
    if name in _LISTS:
        return tuple(unescape(part) for part in split_value(text, ","))
    return (unescape(text),)
