r"""Write a card as a vCard, so that it can stand in a resident's address book.

A line holds at most 75 octets (not characters) without its break, and a fold never falls
inside a character or an escape. Commas, semicolons, backslashes and line breaks in a text are escaped.

Sources: RFC 6350 §3.2 (folding), §3.4 (escapes), §6 (properties); RFC 2426 §3 and §5 (version 3.0).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import attrs

from propsms._callercard.properties import Property, card_properties
from propsms.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from propsms._callercard.model import CallerCard
    from propsms._callercard.properties import LogoPlace, Value

__all__ = ["content_line", "dial_string", "escape", "fold", "named", "to_vcard"]

_MAX_OCTETS = 75
_DEFAULT_KINDS = {"tel": "text", "url": "uri", "logo": "uri", "photo": "uri", "uid": "uri"}


def to_vcard(
    card: CallerCard,
    logo: LogoPlace = "uri",
    *,
    version: Literal["3.0", "4.0"] = "4.0",
    labels: bool = False,
) -> str:
    r"""Write *card* as a vCard.

    Args:
        card: The card; it need not be free of findings, the file is valid all the same.
        logo: ``uri`` points to `logo_url`, ``embed`` puts the file of `logo` inside, ``none``
            leaves the logo out.
        version: ``4.0``, or ``3.0`` for phones that read nothing newer.
        labels: Name each number by its purpose, in the X-ABLabel form that iOS reads.

    Returns:
        The file's text, with CRLF line ends; write it as UTF-8 without translating them.

    Raises:
        InvalidValueError: *logo* is ``embed`` and the card holds no readable file, or *version*
            is another one.

    >>> from propsms.callercard import CallerCard, CardNumber
    >>> card = CallerCard(display_name="某某物业", numbers=(CardNumber("95588"),))
    >>> to_vcard(card).split("\r\n")[5]
    'TEL;VALUE=uri;TYPE=work;PREF=1:tel:95588;phone-context=+86'

    .. versionadded:: 0.1.0
    """
    properties = card_properties(card, logo, labels=labels)
    if version == "3.0":
        properties = _as_version_3(properties)
    elif version != "4.0":
        raise InvalidValueError(
            f"version must be 3.0 or 4.0, got {version!r}",
            f"version 须为 3.0 或 4.0，现为 {version!r}",
            field="version",
        )
    lines = ["BEGIN:VCARD", f"VERSION:{version}"]
    lines += (content_line(prop) for prop in properties)
    lines.append("END:VCARD")
    return "".join(f"{fold(line)}\r\n" for line in lines)


def _as_version_3(properties: Iterable[Property]) -> Iterator[Property]:
    """The same card for older phones (RFC 2426): N is required, TEL is what one dials."""
    for prop in properties:
        match prop.name:
            case "kind":
                continue
            case "tel":
                types = ("WORK", "VOICE", "PREF") if ("pref", "1") in prop.params else _PLAIN_TEL
                dialled = dial_string(str(prop.values[0]))
                yield attrs.evolve(prop, kind="text", values=(dialled,), params=(("type", types),))
            case "logo" if str(prop.values[0]).startswith("data:"):
                media, _, encoded = str(prop.values[0]).partition(";base64,")
                picture = media.rpartition("/")[2].upper()
                params = (("encoding", "b"), ("type", picture))
                yield Property("logo", "uri", (encoded,), params)
            case "logo":
                yield attrs.evolve(prop, params=(("value", "uri"),))
            case "fn":
                yield prop
                yield Property("n", "text", ((str(prop.values[0]), "", "", "", ""),))
            case "uid":
                yield prop
                yield Property("x-abshowas", "text", ("COMPANY",))
            case _:
                yield prop


_PLAIN_TEL = ("WORK", "VOICE")


def dial_string(uri: str) -> str:
    """What one dials: a comma is the pause before an extension.

    >>> [dial_string(uri) for uri in ("tel:+8675520001234;ext=801", "tel:95588;phone-context=+86")]
    ['+8675520001234,801', '95588']
    """
    if not uri.startswith("tel:"):
        return uri
    number, *params = uri[4:].split(";")
    given = named(params)
    if area := given.get("phone-context", "").removeprefix("+86"):
        number = f"0{area}{number}"
    return f"{number},{given['ext']}" if "ext" in given else number


def named(params: Iterable[str]) -> dict[str, str]:
    """The parameters of a tel URI by their names, in lower case."""
    given: dict[str, str] = {}
    for param in params:
        name, _, value = param.partition("=")
        given[name.lower()] = value
    return given


def content_line(prop: Property) -> str:
    """One property as a line, not yet folded."""
    params = prop.params
    if prop.kind != _DEFAULT_KINDS.get(prop.name, "text"):
        params = (("value", prop.kind), *params)
    group = f"{prop.group}." if prop.group else ""
    name = _SPELLINGS.get(prop.name, prop.name.upper())
    head = f"{group}{name}" + "".join(f";{key.upper()}={_listed(value)}" for key, value in params)
    if prop.kind == "uri":
        return f"{head}:{prop.values[0]}"
    return f"{head}:{','.join(_escaped(value) for value in prop.values)}"


_SPELLINGS = {"x-ablabel": "X-ABLabel", "x-abshowas": "X-ABShowAs"}


def _listed(value: Value) -> str:
    return value if isinstance(value, str) else ",".join(value)


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
        if (end - len(data[start:end].rstrip(b"\\")) - start) % 2:
            end -= 1  # nor inside an escape: some readers undo escapes before folds
        parts.append(data[start:end].decode())
        start, room = end, _MAX_OCTETS - 1
    parts.append(data[start:].decode())
    return "\r\n ".join(parts)
