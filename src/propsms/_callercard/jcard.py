"""Write a card as a jCard, the JSON form of a vCard.

Texts are not escaped, structured values and lists are arrays, a structured value of one part is
a plain string, and `version` comes first. (The draft of RFC 9796 printed an organisation with
a semicolon inside and escaped commas; that is not what RFC 7095 says.)

Source: RFC 7095 §3.2, §3.3.1.1, §3.3.1.3, §3.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from propsms._callercard.properties import Property, card_properties

if TYPE_CHECKING:
    from propsms._callercard.model import CallerCard
    from propsms._callercard.properties import LogoPlace, Value

__all__ = ["jcard_property", "to_jcard"]


def to_jcard(card: CallerCard, *, logo: LogoPlace = "uri") -> list[Any]:
    """Write *card* as a jCard, ready for `json.dumps`.

    Args:
        card: The card.
        logo: As in `to_vcard`.

    >>> from propsms.callercard import CallerCard
    >>> to_jcard(CallerCard(display_name="某某物业"))[1][2]
    ['fn', {}, 'text', '某某物业']
    """
    head: list[Any] = ["version", {}, "text", "4.0"]
    return ["vcard", [head, *(jcard_property(prop) for prop in card_properties(card, logo))]]


def jcard_property(prop: Property) -> list[Any]:
    """One property as an array."""
    return [prop.name, dict(prop.params), prop.kind, *(_plain(value) for value in prop.values)]


def _plain(value: Value) -> str | list[str]:
    if isinstance(value, str):
        return value
    return value[0] if len(value) == 1 else list(value)
