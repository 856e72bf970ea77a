"""MemoryStore: the suite, and its bound."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from propsms.errors import InvalidValueError, StoreError
from propsms.quota import CalendarDay, Cap, Fixed, Limit, Rolling
from propsms.stores import MemoryStore
from propsms.testing import store_suite
from propsms.testing.stores import make_challenge

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
DAY = timedelta(days=1)


def open_store(name: str) -> MemoryStore:
    return MemoryStore()


TestMemoryStore = store_suite(open_store, processes=False)


def test_it_is_bounded_and_refuses_when_full() -> None:
    """Full of what has not expired, it refuses rather than forget a cap; later there is room."""
    store = MemoryStore(max_items=50)
    cap = Cap("t.day", Limit("day", 1, CalendarDay()))
    assert store.spend((cap,), NOW) is None

    def fill() -> None:
        for number in range(200):
            store.open(make_challenge(f"t.{number}:gate", number, NOW), (), NOW)

    with pytest.raises(StoreError, match="full"):
        fill()
    assert 35 <= store.size <= 50
    assert 1 == store.peek((cap,), NOW)[0].used
    later = NOW + 3 * DAY
    store.open(make_challenge("t.new:gate", 999, later), (), later)
    assert store.size < 40


def test_what_has_ended_is_swept() -> None:
    """Every kind of row goes, a day after its end."""
    store = MemoryStore(max_items=10_000)
    for number in range(300):
        at = NOW + number * timedelta(hours=1)
        caps = (
            Cap(f"t.b{number}", Limit("b", 1, Fixed(timedelta(hours=1)))),
            Cap(f"t.l{number}", Limit("l", 1, Rolling(timedelta(hours=1)))),
        )
        store.reserve(caps, at, reference=str(number))
        for step in range(4):
            store.open(make_challenge(f"t.{number}-{step}:gate", number * 4 + step, at), (), at)
    assert store.size < 3000


def test_it_shows_its_size_only() -> None:
    """And an empty store is not false, so that `store or other` keeps it."""
    assert "MemoryStore(0 of 1000000 items)" == repr(MemoryStore())
    assert MemoryStore()
    with pytest.raises(InvalidValueError):
        MemoryStore(max_items=0)
