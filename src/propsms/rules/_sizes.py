"""How long a text gets: usually, and at the most; and how many segments that is."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from propsms._kinds import MessageKind
from propsms.placeholders import Variable, VariableType

if TYPE_CHECKING:
    from propsms.placeholders import Placeholder
    from propsms.profiles import Profile
    from propsms.rules._reading import Reading

__all__ = ["segments_of", "typical_length", "usual_total", "worst_length", "worst_total"]

_USUAL: Final = {
    "code": 6, "phone": 12, "date": 10, "time": 5, "datetime": 16, "money": 7, "number": 2,
    "name": 3, "unit": 6, "address": 8, "plate": 7, "pickup_code": 8, "identifier": 10, "link": 6,
}  # fmt: skip
_MOST: Final = {
    "code": 10, "phone": 20, "date": 11, "time": 17, "datetime": 29, "money": 15, "number": 20,
    "plate": 11, "pickup_code": 16, "identifier": 50, "link": 100,
}  # fmt: skip


def typical_length(reading: Reading, place: int) -> int:
    """Characters that the variable behind the marker at *place* usually takes."""
    variable = reading.variable(place)
    if variable.example is not None:
        return len(variable.example)
    if variable.type is VariableType.TEXT:
        usual = _by_context(reading, reading.placeholders[place], 6)
    else:
        usual = _USUAL[variable.type.value]
    return min(usual, variable.max_length) if variable.max_length else usual


_CALLS: Final = frozenset({"致电", "电话", "拨打"})
_UNITS: Final = {
    "日": 2,
    "时": 2,
    "点": 2,
    "月": 2,
    "天": 2,
    "分": 2,
    "年": 4,
    "元": 6,
    "栋": 2,
    "楼": 2,
}


def _by_context(reading: Reading, placeholder: Placeholder, usual: int) -> int:
    """What the words around a marker tell of its length."""
    start = placeholder.start
    if start > 1 and reading.text[start - 2 : start] in _CALLS:
        return 12
    after = reading.text[placeholder.end : placeholder.end + 1]
    return _UNITS.get(after, 6 if reading.kind is MessageKind.OTP else usual)


def worst_length(reading: Reading, place: int, profile: Profile) -> int:
    """The most characters that the variable at *place* may take at *profile*."""
    return _bound(reading.variable(place), profile)


def _bound(variable: Variable, profile: Profile) -> int:
    bound = profile.types.get(variable.type)
    bounds = [
        variable.max_length,
        bound.length[1] if bound and bound.length else None,
        profile.get("variable_length", 100),
        _MOST.get(variable.type.value),
    ]
    known = [one for one in bounds if one is not None]
    return min(known) if known else 20


def usual_total(reading: Reading) -> int:
    """Characters that the text usually has, with signature and brackets."""
    places = range(len(reading.placeholders))
    return reading.frame + sum([typical_length(reading, place) for place in places])


def worst_total(reading: Reading, profile: Profile) -> int:
    """The most characters that the text may have at *profile*."""
    markers = reading.placeholders
    if not reading.template.variables:  # plain text, all of them
        return reading.frame + len(markers) * _plain_bound(profile)
    places = range(len(markers))
    return reading.frame + sum([worst_length(reading, place, profile) for place in places])


@lru_cache(maxsize=64)
def _plain_bound(profile: Profile) -> int:
    return _bound(_PLAIN, profile)


_PLAIN: Final = Variable("plain")


def segments_of(length: int, profile: Profile) -> int:
    """Billed segments of *length* characters at *profile* (70 alone, 67 each, unless it says)."""
    single = profile.get("segment_single", 70)
    part = profile.get("segment_part", 67)
    return 1 if length <= single else -(-length // part)
