"""Write a card as a jCard, the JSON form of a vCard.

Texts are not escaped, structured values and lists are arrays, a structured value of one part is
a plain string, and `version` comes first. (The draft of RFC 9796 printed an organisation with
a semicolon inside and escaped commas; that is not what RFC 7095 says.)

Source: RFC 7095 §3.2, §3.3.1.1, §3.3.1.3, §3.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from propsms._callercard.content import parse_line, unfold
from propsms._callercard.properties import Property, card_properties

if TYPE_CHECKING:
    from propsms._callercard.model import CallerCard
    from propsms._callercard.properties import LogoPlace, Value

__all__ = ["jcard_property", "to_jcard", "vcard_line_to_jcard"]


def to_jcard(card: CallerCard, *, logo: LogoPlace = "uri") -> list[Any]:
    """Write *card* as a jCard, ready for `json.dumps`.

    Args:
        card: The card.
        logo: As in `to_vcard`.

    >>> from propsms.callercard import CallerCard
    >>> kind, properties = to_jcard(CallerCard(display_name="某某物业"))
    >>> kind, properties.pop(2)
    ('vcard', ['fn', {}, 'text', '某某物业'])

    .. versionadded:: 0.1.0
    """
    head: list[Any] = ["version", {}, "text", "4.0"]
    return ["vcard", [head, *(jcard_property(prop) for prop in card_properties(card, logo))]]


def jcard_property(prop: Property) -> list[Any]:
    """One property as an array."""
    params: dict[str, str | list[str]] = {name: _plain(value) for name, value in prop.params}
    if prop.group:
        params["group"] = prop.group
    return [prop.name, params, prop.kind, *(_plain(value) for value in prop.values)]


def _plain(value: Value) -> str | list[str]:
    """A single part is a plain string, unless a reader might take a semicolon for two parts."""
    if isinstance(value, str):
        return value
    return value[0] if len(value) == 1 and ";" not in value[0] else list(value)


def vcard_line_to_jcard(line: str) -> list[Any]:
    r"""Turn one line of a vCard into a property of a jCard.

    Args:
        line: The line, folded or not, with or without its line end.

    Raises:
        InvalidValueError: It is not a line of a vCard.

    >>> vcard_line_to_jcard("ORG:某某物业;客服\\,报修\\;收费")
    ['org', {}, 'text', ['某某物业', '客服,报修;收费']]

    .. versionadded:: 0.1.0
    """
    return jcard_property(parse_line(unfold(line).rstrip("\r\n")))
