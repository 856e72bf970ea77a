"""Hypothesis strategies for the values of the trade; no number drawn is anybody's on purpose."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from propsms.phone import PhoneNumber, parse

__all__ = ["codes", "instants", "phones"]


def phones() -> st.SearchStrategy[PhoneNumber]:
    """Mainland mobiles of one block, 1390000xxxx: obviously made up."""
    return st.integers(0, 9999).map(lambda number: parse(f"1390000{number:04d}"))


def codes(digits: int = 6) -> st.SearchStrategy[str]:
    """One-time codes, leading zeros included."""
    return st.integers(0, 10**digits - 1).map(lambda number: f"{number:0{digits}d}")


def instants(
    earliest: datetime = datetime(2025, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone
    latest: datetime = datetime(2027, 12, 31),  # noqa: DTZ001
) -> st.SearchStrategy[datetime]:
    """Aware instants in UTC."""
    return st.datetimes(earliest, latest, timezones=st.just(UTC))
