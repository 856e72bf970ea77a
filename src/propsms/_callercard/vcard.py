r"""Write a card as a vCard, so that it can stand in a resident's address book.

A line holds at most 75 octets (not characters) without its break, and a fold never falls
inside a character. Commas, semicolons, backslashes and line breaks in a text are escaped.

Source: RFC 6350 §3.2 (folding), §3.4 (escapes), §6 (properties).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from propsms._callercard.properties import Property, card_properties

if TYPE_CHECKING:
    from propsms._callercard.model import CallerCard
    from propsms._callercard.properties import LogoPlace, Value

__all__ = ["content_line", "escape", "fold", "to_vcard"]

_MAX_OCTETS = 75
_DEFAULT_KINDS = {"tel": "text", "url": "uri", "logo": "uri", "photo": "uri", "uid": "uri"}


def to_vcard(card: CallerCard, *, logo: LogoPlace = "uri") -> str:
    r"""Write *card* as a vCard 4.0.

    Args:
        card: The card; it need not be free of findings, the file is valid all the same.
        logo: ``uri`` points to `logo_url`, ``none`` leaves the logo out.

    Returns:
        The file's text, with CRLF line ends; write it as UTF-8 without translating them.

    >>> from propsms.callercard import CallerCard, CardNumber
    >>> card = CallerCard(display_name="某某物业", numbers=(CardNumber("95588"),))
    >>> to_vcard(card).split("\r\n")[5]
    'TEL;VALUE=uri;TYPE=work;PREF=1:tel:95588;phone-context=+86'
    """
    lines = ["BEGIN:VCARD", "VERSION:4.0"]
    lines += (content_line(prop) for prop in card_properties(card, logo))
    lines.append("END:VCARD")
    return "".join(f"{fold(line)}\r\n" for line in lines)


def content_line(prop: Property) -> str:
    """One property as a line, not yet folded."""
    params = prop.params
    if prop.kind != _DEFAULT_KINDS.get(prop.name, "text"):
        params = (("value", prop.kind), *params)
    head = prop.name.upper() + "".join(f";{name.upper()}={value}" for name, value in params)
    if prop.kind == "uri":
        return f"{head}:{prop.values[0]}"
    return f"{head}:{','.join(_escaped(value) for value in prop.values)}"


def _escaped(value: Value) -> str:
    return escape(value) if isinstance(value, str) else ";".join(map(escape, value))


def escape(text: str) -> str:
    r"""Escape *text* as a value (RFC 6350 §3.4).

    >>> print(escape("收费, 报修; 前台"))
    收费\, 报修\; 前台
    """
    return text.translate(_ESCAPES)


_ESCAPES = str.maketrans({"\\": "\\\\", ",": "\\,", ";": "\\;", "\n": "\\n"})


def fold(line: str) -> str:
    r"""Fold *line* to 75 octets, each further line beginning with one space.

    >>> [len(part.encode()) for part in fold("FN:" + "字" * 39).split("\r\n")]
    [75, 46]
    """
    if line.isascii() and len(line) <= _MAX_OCTETS:
        return line
    data = line.encode()
    parts: list[str] = []
    start, room = 0, _MAX_OCTETS
    while len(data) - start > room:
        end = start + room
        while data[end] & 0xC0 == 0x80:  # never inside a character
            end -= 1
        parts.append(data[start:end].decode())
        start, room = end, _MAX_OCTETS - 1
    parts.append(data[start:].decode())
    return "\r\n ".join(parts)
