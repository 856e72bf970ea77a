"""A clock for tests: it stands still until it is told to move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from propsms._checks import require_aware

__all__ = ["SettableClock"]


class SettableClock:
    """Call it for the present instant, as a client or a flow does with its ``clock``.

    >>> clock = SettableClock()
    >>> clock.advance(minutes=5).isoformat()
    '2026-03-02T04:05:00+00:00'
    >>> clock() == clock()
    True

    .. versionadded:: 0.1.0
    """

    def __init__(self, now: datetime = datetime(2026, 3, 2, 4, tzinfo=UTC)) -> None:
        """Start at *now*; by default noon of a working Monday in Shanghai."""
        require_aware(now)
        self._now = now

    def __call__(self) -> datetime:
        """The present instant."""
        return self._now

    def __repr__(self) -> str:
        return f"SettableClock({self._now.isoformat()})"

    def set(self, now: datetime) -> datetime:
        """Jump to *now*, back if need be."""
        require_aware(now)
        self._now = now
        return now

    def advance(self, by: timedelta = timedelta(), **units: float) -> datetime:
        """Move by a timedelta, or by its units: ``advance(minutes=5)``."""
        return self.set(self._now + by + timedelta(**units))
