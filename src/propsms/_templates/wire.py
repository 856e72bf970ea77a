"""Resolve a template for one provider: its id, its signature, its values in order, its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from propsms.errors import TemplateError
from propsms.placeholders import Dialect, split_signature
from propsms.profiles import load, names
from propsms.rules import Reading
from propsms.rules.markers import labels_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from propsms.placeholders import Template

__all__ = ["WireText", "Wiring", "order_for"]

_BY_NAME = frozenset({Dialect.NAMED, Dialect.HASHED})
_BY_PLACE = frozenset({Dialect.NUMBERED, Dialect.BRACED, Dialect.DOUBLE, Dialect.POSITION})


@attrs.frozen
class WireText:
    """What one message needs at one provider.

    Attributes:
        template_id: The provider's id of the template.
        signature: The sender signature without brackets; empty when there is none.
        params: Name and value of each variable, in the provider's order; named as in the text
            that `convert` makes for it, which is the one that was filed.
        text: The whole text as the handset shows it, ``【signature】`` in front.
    """

    template_id: str
    signature: str
    params: tuple[tuple[str, str], ...] = attrs.field(repr=False)
    text: str = attrs.field(repr=False)


class Wiring:
    """All that is the same in every message of one template at one provider."""

    __slots__ = ("_body", "_params", "_signature", "_template_id")

    def __init__(self, template: Template, provider: str, *, require_id: bool) -> None:
        self._template_id = _id_for(template, provider, require_id=require_id)
        labels = _labels_at(template, provider)
        self._params = [(labels.get(name, name), name) for name in order_for(template, provider)]
        inside, start = split_signature(template.text)
        self._signature = template.signature if inside is None else inside
        self._body = template if not start else template.with_text(template.text[start:])

    def resolve(self, values: Mapping[str, str], signature: str | None) -> WireText:
        """The message for *values*; *signature* replaces the template's own.

        Raises:
            RenderError: A value is missing, surplus, or does not fit.
        """
        body = self._body.plan.render(values)
        signed = signature if signature is not None else (self._signature or "")
        text = f"【{signed}】{body}" if signed else body
        params = tuple([(label, values[name]) for label, name in self._params])
        return WireText(self._template_id, signed, params, text)


def _id_for(template: Template, provider: str, *, require_id: bool) -> str:
    found = template.ids.get(provider)
    if found:
        return found
    if not require_id:
        return template.name
    having = ", ".join(sorted(template.ids)) or "none"
    raise TemplateError(
        f"template {template.name!r} has no id for {provider!r} (it has: {having}); submit it there "
        f"and write the id under [templates.{template.name}.ids]",
        f"模板“{template.name}”没有 {provider} 的模板编号；请先提交审核，"
        f"再把编号写入 [templates.{template.name}.ids]",
    )


def _labels_at(template: Template, provider: str) -> dict[str, str]:
    """The names in the filed text that are not the template's own: those of bare numbers."""
    style = load(provider).dialect if provider in names() else None
    if (
        style is None
        or style not in _BY_NAME
        or all(p.dialect is style for p in template.placeholders)
    ):
        return {}
    labels = labels_for(Reading(template), style)
    return dict(zip(template.names, labels, strict=True))


def order_for(template: Template, provider: str) -> tuple[str, ...]:
    """The variables in the order in which *provider* takes their values.

    An order given in the library wins. A provider that takes values by place gets one for each
    marker, numbers in order of the numbers; any other gets each name once.
    """
    explicit = template.order.get(provider)
    if explicit is not None:
        return _checked(template, provider, explicit)
    numbered = all(p.dialect in _BY_PLACE for p in template.placeholders)
    if numbered and all(p.label.isascii() and p.label.isdigit() for p in template.placeholders):
        pairs = {
            int(p.label): n for p, n in zip(template.placeholders, template.names, strict=True)
        }
        return tuple(pairs[number] for number in sorted(pairs))
    by_place = provider in names() and load(provider).dialect in _BY_PLACE
    return template.names if by_place else tuple(dict.fromkeys(template.names))


def _checked(template: Template, provider: str, order: tuple[str, ...]) -> tuple[str, ...]:
    if set(order) != set(template.names):
        raise TemplateError(
            f"[templates.{template.name}.order] {provider} names {', '.join(order)}, but the text "
            f"has {', '.join(dict.fromkeys(template.names)) or 'no variable'}",
            f"[templates.{template.name}.order] 中 {provider} 写了 {'、'.join(order)}，"
            f"而文本中有 {'、'.join(dict.fromkeys(template.names)) or '固定文字'}",
        )
    return order
