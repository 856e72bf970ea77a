"""Rates, intervals and their limits, against published worked examples."""

import math
from datetime import UTC, datetime
from fractions import Fraction
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, strategies as st

from propsms.callercard import (
    CallOutcome,
    CallResult,
    CallTally,
    answer_rate,
    newcombe_difference,
    wilson_interval,
)
from propsms.errors import InvalidValueError
from propsms.phone import parse


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)  # fmt: skip
def test_the_published_proportions(hits: int, total: int, low: float, high: float) -> None:
    """Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3."""
    assert [low, high] == [round(end, 4) for end in wilson_interval(hits, total)]


@pytest.mark.parametrize(
    ("numbers", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((0, 10, 0, 10), -0.2775, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0),
        ((10, 10, 0, 10), 0.6075, 1.0),
    ],
)
def test_the_published_differences(
    numbers: tuple[int, int, int, int], low: float, high: float
) -> None:
    """Newcombe, Statistics in Medicine 17 (1998) 873, table II, method 10."""
    assert [low, high] == [round(end, 4) for end in newcombe_difference(*numbers)]


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_solves_its_equation(case: tuple[int, int]) -> None:
    """At each inner end the score statistic is the normal point; the rate lies inside."""
    hits, total = case
    rate = Fraction(hits, total)
    low, high = wilson_interval(hits, total)
    assert 0 <= low <= rate <= high <= 1
    for end in (low, high):
        if 0 < end < 1:
            score = (float(rate) - end) / math.sqrt(end * (1 - end) / total)
            assert math.isclose(abs(score), 1.959963984540054, rel_tol=1e-6)


@given(
    st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
)
def test_a_difference_turned_round(one: tuple[int, int], two: tuple[int, int]) -> None:
    """The other way round, the interval is mirrored; the difference lies inside."""
    low, high = newcombe_difference(*one, *two)
    back = newcombe_difference(*two, *one)
    assert math.isclose(low, -back.high, abs_tol=1e-12)
    assert math.isclose(high, -back.low, abs_tol=1e-12)
    assert low - 1e-12 <= one[0] / one[1] - two[0] / two[1] <= high + 1e-12
    assert -1.0000001 <= low <= high <= 1.0000001


@pytest.mark.parametrize(("hits", "total"), [(1, 0), (0, 0), (-1, 3), (4, 3)])
def test_impossible_proportions(hits: int, total: int) -> None:
    """The message gives both."""
    with pytest.raises(InvalidValueError, match=f"{hits} of {total}"):
        wilson_interval(hits, total)


@pytest.mark.parametrize(
    "counts", [(1, 2), (10, 5, 6), (10, 5, 0, 6), (10, 5, 0, 0, 6), (-1, 0), (0, -1)]
)
def test_impossible_tallies(counts: tuple[int, ...]) -> None:
    """Parts fit into their whole."""
    with pytest.raises(InvalidValueError):
        CallTally(*counts)


def test_thirty_usable_calls_are_enough() -> None:
    """Invalid numbers do not count; under thirty on either side nothing is compared."""
    enough = CallTally(31, 10, invalid=1)
    assert answer_rate(enough, enough).difference == 0
    for few in (CallTally(31, 10, invalid=2), CallTally(0, 0)):
        for found in (answer_rate(enough, few), answer_rate(few, enough)):
            assert (None, None) == (found.difference, found.interval)
            assert "不作比较" in found.text()
            assert "nothing is compared" in found.text(english=True)


def test_calls_are_counted() -> None:
    """Short calls under six seconds, and those that a machine rejected."""
    at, phone = datetime(2026, 3, 2, 2, tzinfo=UTC), parse("13900000001")
    results = (
        ["answered"] * 20 + ["no_answer"] * 12 + ["blocked_by_analytics"] * 8 + ["failed"] * 5
    )
    calls = [
        CallOutcome(phone, at, CallResult(result), seconds=5.9 if i < 5 else 6)
        for i, result in enumerate(results)
    ]
    found = answer_rate(calls, CallTally.of(calls))
    rate = found.before
    assert found.after == rate
    assert (40, 20, 0.5, 0.25, 0.2) == (
        rate.usable,
        rate.answered,
        rate.rate,
        rate.short_share,
        rate.blocked_share,
    )
    nobody = answer_rate(CallTally(40, 0), CallTally(40, 0)).before
    assert (0.0, None) == (nobody.rate, nobody.short_share)


def test_it_speaks_of_a_difference_only() -> None:
    """Never of an effect; the chart is well-formed and shows both rates."""
    found = answer_rate(CallTally(120, 48), CallTally(135, 81))
    text = found.text()
    assert "相差 20.0 个百分点（95% 区间 7.7 至 31.5）；原因不详。" in text
    assert not any(word in text for word in ("提升", "提高", "因为", "效果"))
    chart = found.svg()
    texts = [element.text for element in ET.fromstring(chart).iter() if element.text]
    assert {"之前", "之后", "40.0 %", "60.0 %"} <= set(texts)
    empty = answer_rate(CallTally(0, 0), CallTally(0, 0))
    assert ">-</text>" in empty.svg(english=True)
    assert "之前       -" in empty.text()
