"""How long a text gets and what it costs: usually, at the most, and row by row."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import attrs

from propsms._templates.judge import lint_values
from propsms.errors import PropsmsError
from propsms.findings import Severity
from propsms.profiles import load
from propsms.rules import Reading
from propsms.rules._sizes import segments_of, usual_total, worst_total

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from decimal import Decimal
    from pathlib import Path

    from propsms.placeholders import Template
    from propsms.profiles import Profile

__all__ = ["Measure", "RowFault", "Size", "measure"]


@attrs.frozen
class Size:
    """One length and what is billed for it.

    Attributes:
        length: Characters, signature and brackets included.
        segments: What is billed.
        cost: Segments times the price of one; None when no price was given.
    """

    length: int
    segments: int
    cost: Decimal | None = None


@attrs.frozen
class RowFault:
    """A row that would not go out, or not as it should.

    Attributes:
        row: Which, from 1.
        variable: The variable at fault, or empty when it is the whole text.
        code: The rule, ``render`` for a value that fits nowhere, or ``length-max``.
        message: What is wrong, in Chinese; never a code or a number.
        message_en: The same in English.
    """

    row: int
    variable: str
    code: str
    message: str
    message_en: str


@attrs.frozen
class Measure:
    """What a template takes.

    Attributes:
        typical: With values of usual length; with rows, their median.
        worst: With every value at its longest; with rows, the longest of them.
        rows: How many rows were rendered; 0 when none were given.
        segments: How many rows are billed as how many segments.
        total_segments: The sum over all rows.
        total_cost: The cost of all rows; None when no price was given.
        faults: Rows that fail, in order, before anything was sent.
    """

    typical: Size
    worst: Size
    rows: int = 0
    segments: Mapping[int, int] = attrs.field(factory=dict[int, int])
    total_segments: int = 0
    total_cost: Decimal | None = None
    faults: tuple[RowFault, ...] = ()


def measure(
    template: Template,
    rows: Iterable[Mapping[str, str]] | None = None,
    *,
    profile: str | Path | Profile = "seed",
    signature: str | None = None,
    price: Decimal | None = None,
) -> Measure:
    """How long a text gets, in how many segments, at what cost.

    Args:
        template: The text.
        rows: Values of real messages; None estimates from the types of the variables.
        profile: Whose way of counting, limits and demands on values.
        signature: Instead of the template's own.
        price: Of one segment.

    >>> from decimal import Decimal
    >>> from propsms.placeholders import Template, Variable
    >>> fee = Template(
    ...     "fee",
    ...     "本月物业费${money}元已出账。",
    ...     "notice",
    ...     signature="绿苑物业",
    ...     variables=[Variable("money", "money", max_length=8)],
    ... )
    >>> told = measure(fee, price=Decimal("0.045"))
    >>> told.typical.length, told.worst.length, told.worst.segments, told.worst.cost
    (23, 24, 1, Decimal('0.045'))
    >>> counted = measure(fee, [{"money": "280.50"}, {"money": "280元"}])
    >>> counted.rows, counted.total_segments, [(f.row, f.variable) for f in counted.faults]
    (1, 1, [(2, 'money')])

    .. versionadded:: 0.1.0
    """
    chosen = load(profile)
    given = template if signature is None else attrs.evolve(template, signature=signature)
    if rows is not None:
        return _of_rows(given, rows, chosen, price)
    reading = Reading(given)
    usual, most = usual_total(reading), worst_total(reading, chosen)
    return Measure(_size(usual, chosen, price), _size(most, chosen, price))


def _size(length: int, profile: Profile, price: Decimal | None) -> Size:
    segments = segments_of(length, profile)
    return Size(length, segments, None if price is None else price * segments)


def _of_rows(
    template: Template,
    rows: Iterable[Mapping[str, str]],
    profile: Profile,
    price: Decimal | None,
) -> Measure:
    lengths: Counter[int] = Counter()
    faults: list[RowFault] = []
    frame = len(template.signature or "") + 2 if template.signature and _outside(template) else 0
    most = profile.get("length_max_sent") or profile.get("length_max")
    for number, values in enumerate(rows, start=1):
        try:
            length = frame + len(template.plan.render(values))
        except PropsmsError as error:
            told = getattr(error, "variable", "")
            faults.append(RowFault(number, told, "render", error.message_zh, error.message))
            continue
        lengths[length] += 1
        faults.extend(_faults(template, values, profile, number))
        if most is not None and length > most:
            faults.append(_too_long(number, length, most))
    return _counted(lengths, faults, profile, price)


def _outside(template: Template) -> bool:
    return template.signed is not None and template.body == template.text


def _too_long(row: int, length: int, most: int) -> RowFault:
    return RowFault(
        row,
        "",
        "length-max",
        f"成文 {length} 个字，超过上限 {most}",
        f"the text has {length} characters, {most} are taken",
    )


def _faults(
    template: Template, values: Mapping[str, str], profile: Profile, row: int
) -> Iterator[RowFault]:
    for finding in lint_values(template, values, profile=profile):
        if finding.severity is Severity.ERROR:
            variable = finding.field.removeprefix("values.")
            yield RowFault(row, variable, finding.code, finding.message, finding.message_en)


def _counted(
    lengths: Counter[int], faults: list[RowFault], profile: Profile, price: Decimal | None
) -> Measure:
    rows = sum(lengths.values())
    segments: Counter[int] = Counter()
    for length, count in lengths.items():
        segments[segments_of(length, profile)] += count
    total = sum(size * count for size, count in segments.items())
    return Measure(
        typical=_size(_median(lengths, rows), profile, price),
        worst=_size(max(lengths, default=0), profile, price),
        rows=rows,
        segments=dict(sorted(segments.items())),
        total_segments=total,
        total_cost=None if price is None else price * total,
        faults=tuple(faults),
    )


def _median(lengths: Counter[int], rows: int) -> int:
    seen = 0
    for length in sorted(lengths):
        seen += lengths[length]
        if seen * 2 >= rows:
            return length
    return 0
