"""The clock, the strategies and the fixtures that hosts take into their tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from propsms import testing
from propsms.errors import InvalidValueError
from propsms.testing import SettableClock, codes, instants, phones

if TYPE_CHECKING:
    from propsms.phone import PhoneNumber

pytest_plugins = ["propsms.testing.plugin"]


def test_a_clock_stands_until_told() -> None:
    """It moves by a timedelta or by its units, and jumps back."""
    clock = SettableClock()
    start = clock()
    assert start == clock()
    assert start + timedelta(minutes=5) == clock.advance(minutes=5)
    assert start + timedelta(minutes=6) == clock.advance(timedelta(minutes=1))
    assert start == clock.set(start)
    assert "2026-03-02T04:00:00+00:00" in repr(clock)
    with pytest.raises(InvalidValueError):
        clock.set(datetime(2026, 3, 2))  # noqa: DTZ001 - the point


@given(phone=phones(), code=codes(4), instant=instants())
def test_strategies(phone: PhoneNumber, code: str, instant: datetime) -> None:
    """Made-up numbers, whole codes, aware instants."""
    assert phone.national.startswith("1390000")
    assert 4 == len(code)
    assert UTC == instant.tzinfo


def test_fixtures(settable_clock: SettableClock, scripted_provider: object) -> None:
    """The plugin brings both."""
    assert datetime(2026, 3, 2, 4, tzinfo=UTC) == settable_clock()
    assert "0 sent" in repr(scripted_provider)


def test_names_are_lazy() -> None:
    """And listed; another name is an error."""
    assert {"store_suite", "check_provider"} <= set(dir(testing))
    with pytest.raises(AttributeError, match="nothing"):
        testing.nothing  # noqa: B018
