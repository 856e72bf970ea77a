"""Do more people answer since the card is shown? Counted, with intervals, and no more than that.

A difference is not an effect: seasons, lists and hours change too, and nobody measures why an
owner answers. Under 30 usable calls on either side nothing is compared.

Sources: E. B. Wilson, JASA 22 (1927) 209 (interval of a proportion); R. G. Newcombe, Statistics
in Medicine 17 (1998) 857 and 873, method 10 (interval of a difference).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import attrs

from propsms._callercard.calls import CallOutcome, CallResult
from propsms._checks import instance
from propsms.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "AnswerComparison",
    "AnswerRate",
    "CallTally",
    "Interval",
    "answer_rate",
    "newcombe_difference",
    "wilson_interval",
]

_Z: Final = 1.959963984540054  # the 97.5 % point of the normal distribution
_MIN_CALLS: Final = 30
_SHORT_CALL: Final = 6


class Interval(NamedTuple):
    """A 95 % interval; both ends are shares of 1.

    .. versionadded:: 0.1.0
    """

    low: float
    high: float


def wilson_interval(hits: int, total: int) -> Interval:
    """The 95 % score interval of a proportion, without continuity correction.

    Raises:
        InvalidValueError: Not ``0 <= hits <= total`` with *total* at least 1.

    >>> tuple(round(end, 4) for end in wilson_interval(81, 263))
    (0.2553, 0.3662)

    .. versionadded:: 0.1.0
    """
    if not 0 <= hits <= total or total < 1:
        raise InvalidValueError(
            f"hits must be from 0 to total, and total at least 1, got {hits} of {total}",
            f"须有 0 <= hits <= total 且 total 不小于 1，现为 {hits}/{total}",
            field="hits",
        )
    z2 = _Z * _Z
    middle = 2 * hits + z2
    spread = _Z * math.sqrt(z2 + 4 * hits * (total - hits) / total)
    scale = 2 * (total + z2)
    low = 0.0 if hits == 0 else (middle - spread) / scale
    return Interval(low, 1.0 if hits == total else (middle + spread) / scale)


def newcombe_difference(hits_1: int, total_1: int, hits_2: int, total_2: int) -> Interval:
    """The 95 % interval of the first proportion minus the second (Newcombe's method 10).

    Raises:
        InvalidValueError: As in `wilson_interval`.

    >>> tuple(round(end, 4) for end in newcombe_difference(56, 70, 48, 80))
    (0.0524, 0.3339)

    .. versionadded:: 0.1.0
    """
    p1, p2 = hits_1 / max(total_1, 1), hits_2 / max(total_2, 1)
    (l1, u1), (l2, u2) = wilson_interval(hits_1, total_1), wilson_interval(hits_2, total_2)
    difference = p1 - p2
    low = difference - math.hypot(p1 - l1, u2 - p2)
    return Interval(low, difference + math.hypot(u1 - p1, p2 - l2))


def _count(_: object, field: attrs.Attribute[int], value: int) -> None:
    if value < 0:
        raise InvalidValueError(
            f"{field.name} must be 0 or more, got {value}",
            f"{field.name} 不能小于 0，现为 {value}",
            field=field.name,
        )


_whole = [instance(int), _count]


@attrs.frozen
class CallTally:
    """Calls of one period, counted.

    Attributes:
        attempts: Calls that were tried.
        answered: Those that were answered.
        invalid: Those to numbers that do not exist; they say nothing about people.
        short: Answered ones that lasted less than 6 seconds.
        blocked: Those that a machine rejected (SIP 608).

    .. versionadded:: 0.1.0
    """

    attempts: int = attrs.field(validator=_whole)
    answered: int = attrs.field(validator=_whole)
    invalid: int = attrs.field(default=0, validator=_whole)
    short: int = attrs.field(default=0, validator=_whole)
    blocked: int = attrs.field(default=0, validator=_whole)

    def __attrs_post_init__(self) -> None:
        usable = self.attempts - self.invalid
        if self.answered + self.blocked > usable or self.short > self.answered:
            raise InvalidValueError(
                "answered and blocked calls must fit into attempts minus invalid, and short into "
                f"answered, got {attrs.astuple(self)}",
                f"接通与被拦截之和不能超过有效呼叫数，短通话不能超过接通数，现为 {attrs.astuple(self)}",
                field="answered",
            )

    @classmethod
    def of(cls, calls: Iterable[CallOutcome]) -> CallTally:
        """Count *calls*; a failed one is taken for an invalid number."""
        counts = dict.fromkeys(CallResult, 0)
        short = 0
        for call in calls:
            counts[call.result] += 1
            short += call.result is CallResult.ANSWERED and call.seconds < _SHORT_CALL
        return cls(
            attempts=sum(counts.values()),
            answered=counts[CallResult.ANSWERED],
            invalid=counts[CallResult.FAILED],
            short=short,
            blocked=counts[CallResult.BLOCKED_BY_ANALYTICS],
        )


@attrs.frozen
class AnswerRate:
    """How many usable calls were answered; None where there were no calls to count.

    Attributes:
        usable: Attempts minus invalid numbers.
        answered: Those that were answered.
        rate: The share of usable calls that were answered.
        interval: The 95 % interval of that share.
        short_share: The share of answered calls under 6 seconds.
        blocked_share: The share of usable calls that a machine rejected.

    .. versionadded:: 0.1.0
    """

    usable: int
    answered: int
    rate: float | None
    interval: Interval | None
    short_share: float | None
    blocked_share: float | None


@attrs.frozen
class AnswerComparison:
    """Two periods beside each other.

    Attributes:
        before: The first.
        after: The second.
        difference: The second rate minus the first; None if there are too few calls.
        interval: The 95 % interval of the difference; None likewise.

    .. versionadded:: 0.1.0
    """

    before: AnswerRate
    after: AnswerRate
    difference: float | None
    interval: Interval | None

    def text(self, *, english: bool = False) -> str:
        """Say it in words, with a bar for each period."""
        words = _ENGLISH if english else _CHINESE
        lines = [_bar(words["before"], self.before), _bar(words["after"], self.after)]
        if self.difference is None or self.interval is None:
            lines.append(words["too_few"].format(least=_MIN_CALLS))
        else:
            low, high = (f"{100 * end:.1f}" for end in self.interval)
            points = f"{100 * self.difference:.1f}"
            lines.append(words["difference"].format(points=points, low=low, high=high))
        return "\n".join(lines) + "\n"

    def svg(self, *, english: bool = False) -> str:
        """Draw the two rates with their intervals."""
        words = _ENGLISH if english else _CHINESE
        rows = _row(words["before"], self.before, 20) + _row(words["after"], self.after, 70)
        return _CHART.format(label=words["chart"], rows=rows)


def answer_rate(
    before: CallTally | Iterable[CallOutcome], after: CallTally | Iterable[CallOutcome]
) -> AnswerComparison:
    """Compare how many calls were answered in two periods.

    Args:
        before: The first period, counted or call by call.
        after: The second.

    >>> found = answer_rate(CallTally(120, 48), CallTally(135, 81))
    >>> print(found.text(english=True), end="")
    before   40.0 % ████████············  48/120 (31.7 to 48.9 %)
    after    60.0 % ████████████········  81/135 (51.6 to 67.9 %)
    The difference is 20.0 percentage points (95 % interval 7.7 to 31.5); why is not known.

    .. versionadded:: 0.1.0
    """
    first = before if isinstance(before, CallTally) else CallTally.of(before)
    second = after if isinstance(after, CallTally) else CallTally.of(after)
    one, two = _rate(first), _rate(second)
    if min(one.usable, two.usable) < _MIN_CALLS or one.rate is None or two.rate is None:
        return AnswerComparison(one, two, None, None)
    interval = newcombe_difference(two.answered, two.usable, one.answered, one.usable)
    return AnswerComparison(one, two, two.rate - one.rate, interval)


def _rate(tally: CallTally) -> AnswerRate:
    usable = tally.attempts - tally.invalid
    return AnswerRate(
        usable=usable,
        answered=tally.answered,
        rate=tally.answered / usable if usable else None,
        interval=wilson_interval(tally.answered, usable) if usable else None,
        short_share=tally.short / tally.answered if tally.answered else None,
        blocked_share=tally.blocked / usable if usable else None,
    )


_CHINESE = {
    "before": "之前",
    "after": "之后",
    "chart": "接听率",
    "too_few": "有效呼叫不足 {least} 次，不作比较。",
    "difference": "相差 {points} 个百分点（95% 区间 {low} 至 {high}）；原因不详。",
}
_ENGLISH = {
    "before": "before",
    "after": "after",
    "chart": "answer rate",
    "too_few": "There are fewer than {least} usable calls, so nothing is compared.",
    "difference": "The difference is {points} percentage points (95 % interval {low} to {high}); "
    "why is not known.",
}


def _bar(word: str, rate: AnswerRate) -> str:
    if rate.rate is None or rate.interval is None:
        return f"{word:<8} -"
    filled = round(20 * rate.rate)
    bar = "█" * filled + "·" * (20 - filled)
    low, high = (f"{100 * end:.1f}" for end in rate.interval)
    joint = "to" if word.isascii() else "至"
    share = f"{100 * rate.rate:.1f}"
    return f"{word:<8} {share} % {bar}  {rate.answered}/{rate.usable} ({low} {joint} {high} %)"


_CHART = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 420 120" width="420" height="120" role="img" \
aria-label="{label}" font-family="system-ui, sans-serif" font-size="14">
{rows}</svg>
"""
_ROW = """\
<text x="0" y="{base}">{word}</text>
<rect x="60" y="{top}" width="300" height="22" fill="#e6eaf2"/>
<rect x="60" y="{top}" width="{width:.1f}" height="22" fill="#3a6df0"/>
<path d="M{low:.1f} {middle}H{high:.1f}" stroke="#1d2433" stroke-width="3"/>
<text x="368" y="{base}">{share}</text>
"""


def _row(word: str, rate: AnswerRate, top: int) -> str:
    share, (low, high) = rate.rate or 0, rate.interval or Interval(0, 0)
    return _ROW.format(
        word=word,
        top=top,
        base=top + 16,
        middle=top + 11,
        width=300 * share,
        low=60 + 300 * low,
        high=60 + 300 * high,
        share="-" if rate.rate is None else f"{100 * share:.1f} %",
    )
