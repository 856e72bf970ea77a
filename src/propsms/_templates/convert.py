"""Carry a text from one provider's dialect to another's, and back without a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from propsms.errors import TemplateError
from propsms.placeholders import Dialect, Template, parse, require_one_dialect, split_signature
from propsms.profiles import load
from propsms.rules import Reading
from propsms.rules.markers import labels_for

if TYPE_CHECKING:
    from pathlib import Path

    from propsms.placeholders import Variable
    from propsms.profiles import Profile

__all__ = ["ProviderText", "convert"]

_BY_PLACE: Final = frozenset(
    {Dialect.NUMBERED, Dialect.BRACED, Dialect.DOUBLE, Dialect.TYPED, Dialect.POSITION}
)


@attrs.frozen
class ProviderText:
    """A text as one provider gets it.

    Attributes:
        text: With the provider's markers; the signature inside only where it wants it there.
        order: The variables in the order in which the provider takes their values. Where it
            takes them by name, the names are those of the markers.
        dialect: The dialect of the markers.
        signature: The sender signature, submitted apart or inside as the provider wants.
        template: What it was made from; `back` gives its text again.
    """

    text: str
    order: tuple[str, ...]
    dialect: Dialect
    signature: str | None
    template: Template = attrs.field(repr=False)
    _own_text: str = attrs.field(repr=False, eq=False)

    def back(self) -> Template:
        """The template that it was made from, exactly."""
        return self.template

    def as_template(self) -> Template:
        """The same as a template of its own; values keep the names that they had."""
        return attrs.evolve(
            self.template,
            text=self._own_text,
            signature=self.signature,
            variables=self._declared() or self.template.variables,
        )

    def _declared(self) -> tuple[Variable, ...]:
        """Every variable in order; what cannot be a name is left undeclared."""
        names = dict.fromkeys(self.template.names)
        found = (self.template.variable(name) for name in names)
        return tuple(v for v, name in zip(found, names, strict=True) if v.name == name)


def convert(
    template: Template, to: str | Path | Profile | Dialect = "seed", *, typed: bool = False
) -> ProviderText:
    """Write *template* as a provider wants it.

    Numbers are given in order of place, one to each marker, so a variable that stands twice
    takes two numbers and stands twice in `order`. Names are kept; where there were only
    numbers, declared names are used, and ``p1``, ``p2`` else.

    Args:
        template: With markers of one dialect.
        to: A profile, or just a `Dialect` (the signature then stays where it is).
        typed: True writes attributes (``${MONEY}``) where the provider takes them.

    Raises:
        TemplateError: The markers are damaged or mix dialects, the provider's dialect is not
            known, or a sign beside a marker would become part of one there.

    >>> from propsms.placeholders import Variable
    >>> fee = Template(
    ...     "fee",
    ...     "${room}本月物业费${money}元已出账。",
    ...     "notice",
    ...     signature="绿苑物业",
    ...     variables=[Variable("room", "address"), Variable("money", "money")],
    ... )
    >>> convert(fee, to="tencent").text, convert(fee, to="tencent").order
    ('{1}本月物业费{2}元已出账。', ('room', 'money'))
    >>> convert(fee, to="yunpian").text
    '【绿苑物业】#room#本月物业费#money#元已出账。'

    .. versionadded:: 0.1.0
    """
    require_one_dialect(template)
    profile = None if isinstance(to, Dialect) else load(to)
    dialect = _dialect(to, profile, typed=typed)
    reading = Reading(template)
    if any(p.start < reading.start for p in reading.placeholders):
        raise TemplateError(
            f"template {template.name!r} has a variable in its signature; write the signature out",
            f"模板“{template.name}”的签名中有变量；请写出完整签名",
        )
    body_from = reading.start if profile is not None else 0
    told, own = (
        _signed(
            _rewritten(template, _labels(reading, dialect, distinct=distinct), dialect, body_from),
            template,
            profile,
        )
        for distinct in (True, False)
    )
    order = template.names if dialect in _BY_PLACE else tuple(dict.fromkeys(template.names))
    return ProviderText(told, order, dialect, template.signed, template, own)


def _dialect(to: object, profile: Profile | None, *, typed: bool) -> Dialect:
    if profile is None:
        return Dialect(str(to))
    styles: tuple[Dialect, ...] = profile.get("styles") or ()
    if typed and Dialect.TYPED in styles:
        return Dialect.TYPED
    if not styles:
        raise TemplateError(
            f"how {profile.name} writes a variable is not known",
            f"{profile.title}的变量写法未知",
        )
    return styles[0]


def _labels(reading: Reading, dialect: Dialect, *, distinct: bool) -> list[str]:
    """What stands inside each marker; a label that is in the dialect already stays as it is."""
    current = {p.dialect for p in reading.placeholders}
    if current == {dialect} and not (distinct and dialect in _BY_PLACE and reading.repeats):
        return [p.label for p in reading.placeholders]
    return labels_for(reading, dialect, distinct=distinct)


def _rewritten(template: Template, labels: list[str], dialect: Dialect, start: int) -> str:
    parts: list[str] = []
    done = start
    for placeholder, label in zip(template.placeholders, labels, strict=True):
        parts += (template.text[done : placeholder.start], dialect.write(label))
        done = placeholder.end
    parts.append(template.text[done:])
    text = "".join(parts)
    if [p.label for p in parse(text)] != labels:
        raise TemplateError(
            f"template {template.name!r}: signs beside its markers would be read as markers when "
            f"written as {dialect.write('n')}; take braces and # out of the fixed text",
            f"模板“{template.name}”：写成 {dialect.write('n')} 后，变量旁的符号会被当作变量；"
            "请去掉固定文字中的花括号和 #",
        )
    return text


def _signed(body: str, template: Template, profile: Profile | None) -> str:
    if profile is None:
        return body
    inside, _ = split_signature(template.text)
    place = profile.get("signature_place")
    wanted = place == "head" or (place is None and inside is not None)
    return f"【{template.signed}】{body}" if wanted and template.signed else body
