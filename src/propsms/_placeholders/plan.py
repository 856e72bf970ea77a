"""Put values into a template: everything that can be known beforehand is worked out once.

One pattern checks all values in one match, because a bulk run renders a text a thousand
times; only when it fails does anyone look which value is at fault.
"""

from __future__ import annotations

import re
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from propsms._placeholders.values import describe, has_false_day, pattern_of, shown
from propsms.errors import RenderError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from propsms.placeholders import Placeholder, Template, Variable

__all__ = ["Plan"]

_DATED: Final = frozenset({"date", "datetime"})


class Plan:
    """How to render one template.

    Attributes:
        names: The variables, each once, in order of first appearance.
    """

    __slots__ = (
        *("_count", "_dated", "_form", "_match", "_pick", "_places", "_secret", "_variables"),
        "names",
    )

    def __init__(self, template: Template, placeholders: Sequence[Placeholder]) -> None:
        places = template.names
        self.names: tuple[str, ...] = tuple(dict.fromkeys(places))
        self._variables = tuple(map(template.variable, self.names))
        self._count = len(self.names)
        self._pick = _picker(self.names)
        self._places = None if places == self.names else _picker_of_places(places, self.names)
        # A variable that nobody declared as a code is one all the same in a text that sends codes.
        self._secret = template.kind.value == "otp"
        self._form = _form(template.text, placeholders)
        self._match = re.compile(
            r"\x00".join(f"(?:{pattern_of(v)})" for v in self._variables)
        ).fullmatch
        self._dated = any(v.type.value in _DATED for v in self._variables)

    def render(self, values: Mapping[str, str]) -> str:
        """The text with *values* in place of the markers."""
        return self._form % self.check(values)

    def check(self, values: Mapping[str, str]) -> tuple[str, ...]:
        """The checked values in order of the markers.

        Raises:
            RenderError: One is missing, surplus, not a text, or does not fit its type.
        """
        try:
            picked = self._pick(values)
            joined = "\0".join(picked)
        except (KeyError, TypeError):
            self._explain(values)
            raise  # pragma: no cover -- explaining always raises
        if (
            len(values) != self._count
            or self._match(joined) is None
            or (self._dated and "29" in joined and has_false_day(joined))
        ):
            self._explain(values)
        return picked if self._places is None else self._places(picked)

    def _explain(self, values: Mapping[str, str]) -> None:
        """Raise what is wrong with *values*; the fast check has already said that something is."""
        _require_all(self.names, values)
        for name, variable in zip(self.names, self._variables, strict=True):
            _require_fit(variable, values[name], secret=self._secret)


def _require_all(names: Sequence[str], values: Mapping[str, str]) -> None:
    missing = [name for name in names if name not in values]
    if missing:
        listed = ", ".join(missing)
        raise RenderError(
            f"no value for {listed}; give one for each variable",
            f"缺少变量 {listed} 的值；每个变量都要给值",
            variable=missing[0],
        )
    surplus = [str(name) for name in values if name not in names]
    if surplus:
        listed = ", ".join(surplus)
        raise RenderError(
            f"the text has no variable {listed}; it has {', '.join(names) or 'none'}",
            f"文本中没有变量 {listed}；只有 {'、'.join(names) or '固定文字'}",
            variable=surplus[0],
        )


def _require_fit(variable: Variable, value: Any, *, secret: bool) -> None:
    if not isinstance(value, str):
        raise RenderError(
            f"variable {variable.name!r} must be a text, got {type(value).__name__}; "
            "turn it into str first",
            f"变量“{variable.name}”的值须为文字，现为 {type(value).__name__}；请先转成 str",
            variable=variable.name,
        )
    if re.fullmatch(pattern_of(variable), value) and not (
        variable.type.value in _DATED and has_false_day(value)
    ):
        return
    said, said_zh = describe(variable)
    what = shown(variable, value, secret=secret)
    raise RenderError(
        f"variable {variable.name!r} ({variable.type}) must be {said}, got {what}",
        f"变量“{variable.name}”（{variable.type}）须为 {said_zh}，现为 {what}",
        variable=variable.name,
    )


def _picker(names: Sequence[str]) -> Callable[[Any], tuple[str, ...]]:
    """A function from a mapping to the tuple of the values of *names*."""
    if len(names) > 1:
        return itemgetter(*names)
    if not names:
        return _nothing
    only = names[0]
    return lambda values: (values[only],)


def _nothing(_: object) -> tuple[str, ...]:
    return ()


def _picker_of_places(
    places: Sequence[str], names: Sequence[str]
) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    """Repeat the values of *names* as *places* ask."""
    indices = tuple(names.index(name) for name in places)

    def spread(picked: tuple[str, ...]) -> tuple[str, ...]:
        return tuple([picked[index] for index in indices])

    return spread


def _form(text: str, placeholders: Sequence[Placeholder]) -> str:
    """The text as a form for ``%``, which reads nothing inside the values."""
    parts: list[str] = []
    done = 0
    for placeholder in placeholders:
        parts += (text[done : placeholder.start].replace("%", "%%"), "%s")
        done = placeholder.end
    parts.append(text[done:].replace("%", "%%"))
    return "".join(parts)
