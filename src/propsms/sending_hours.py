"""When a message may go out: Shanghai days, quiet hours, holidays and make-up workdays.

An urgent notice and a one-time code go at any hour; dunning and marketing never go at
night. No national rule on the hours of property-fee messages was found, so the defaults
take the strictest figure that is known for each:

* 22:00-08:00 closed to dunning: GB/T 45251-2025 (online consumer credit), taken as a ceiling;
* marketing 08:00-20:00: 七牛云短信 (the strictest of the providers' windows; 华为云 to 21:00,
  火山引擎 to 21:30, 腾讯云 to 22:00);
* voice with a break at noon: 阿里云语音服务, task centre closed 12:00-14:00 and 21:00-09:00.

Holidays are data, one file per year, each with the State Council notice it copies. The
notice for a year appears in the November before; until then that year is only known by its
weekends and by the statutory days that have a fixed date, and asking for it warns once.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import attrs

from propsms._checks import require_aware
from propsms._holidays.calendar import (
    SHANGHAI,
    CalendarMissingWarning,
    HolidayCalendar,
    HolidayYear,
    is_holiday,
    is_workday,
    load_holiday_year,
    shanghai_day,
    shipped_calendar,
)
from propsms.errors import InvalidValueError
from propsms.messages import MessageKind, NoticeCategory

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "SHANGHAI",
    "CalendarMissingWarning",
    "Closed",
    "HolidayCalendar",
    "HolidayYear",
    "SendingHours",
    "Window",
    "is_holiday",
    "is_workday",
    "load_holiday_year",
    "shanghai_day",
    "shipped_calendar",
]


class Closed(StrEnum):
    """Why a message may not go out now."""

    QUIET_HOURS = "quiet_hours"
    HOLIDAY = "holiday"
    WEEKEND = "weekend"


@attrs.frozen(order=True)
class Window:
    """A part of the day in Shanghai; *end* is not in it, and 00:00 as *end* is midnight.

    >>> Window.of("09:00-20:00")
    Window(start=datetime.time(9, 0), end=datetime.time(20, 0))
    """

    start: time
    end: time

    def __attrs_post_init__(self) -> None:
        if self.end != time.min and self.start >= self.end:
            raise InvalidValueError(
                f"a window must start before it ends, got {self}",
                f"时段的开始须早于结束，现为 {self}",
                field="window",
            )

    @classmethod
    def of(cls, text: str) -> Window:
        """Read ``09:00-20:00``; ``24:00`` is midnight.

        Raises:
            InvalidValueError: *text* is no such thing.
        """
        try:
            start, end = text.replace("24:00", "00:00").split("-")
            return cls(time.fromisoformat(start.strip()), time.fromisoformat(end.strip()))
        except ValueError as error:
            raise InvalidValueError(
                f"a window must be written like 09:00-20:00, got {text!r}",
                f"时段须写成 09:00-20:00 的形式，现为 {text!r}",
                field="window",
            ) from error

    def __contains__(self, moment: time) -> bool:
        return self.start <= moment and (moment < self.end or self.end == time.min)

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"

    def overlap(self, other: Window) -> Window | None:
        """What the two have in common, or None."""
        start = max(self.start, other.start)
        end = min(self.end, other.end, key=lambda e: (e == time.min, e))
        return Window(start, end) if start < end or end == time.min else None


Windows = tuple[Window, ...]


def _windows(given: str | Iterable[Window | str]) -> Windows:
    parts: Iterable[Window | str] = given.split(",") if isinstance(given, str) else given
    return tuple(sorted(Window.of(p) if isinstance(p, str) else p for p in parts))


def _by_channel(given: Mapping[str, str | Iterable[Window | str]]) -> Mapping[str, Windows]:
    return {channel: _windows(windows) for channel, windows in given.items()}


def _kinds(given: Iterable[MessageKind | str]) -> frozenset[MessageKind]:
    return frozenset(map(MessageKind, given))


def _categories(given: Iterable[NoticeCategory | str]) -> frozenset[NoticeCategory]:
    return frozenset(map(NoticeCategory, given))


_OPEN: Final = Window(time(8), time(22))  # GB/T 45251-2025, as a ceiling


def _outside_quiet_hours(_: object, field: attrs.Attribute[Any], value: Windows) -> None:
    for window in value:
        if window.overlap(_OPEN) != window:
            raise InvalidValueError(
                f"{field.name} must stay within {_OPEN}, got {window}: "
                "22:00-08:00 cannot be opened to dunning or marketing",
                f"{field.name} 须在 {_OPEN} 之内，现为 {window}；22:00-08:00 不得发送催缴和营销短信",
                field=field.name,
            )


def _some(_: object, field: attrs.Attribute[Any], value: Windows) -> None:
    if not value:
        raise InvalidValueError(
            f"{field.name} must have at least one window",
            f"{field.name} 至少要有一个时段",
            field=field.name,
        )


@attrs.frozen(kw_only=True)
class SendingHours:
    """The hours of each kind of message, in Shanghai time.

    Windows are given as text, ``"09:00-12:00,14:00-19:00"``, or as `Window` values.

    Attributes:
        notice: For notices that are not urgent.
        dunning: For dunning; within 08:00-22:00.
        marketing: For marketing; within 08:00-22:00.
        channels: Further windows of a channel; a message needs those of its kind and these.
        passing: Categories of notice that go at any hour.
        closed_on_holidays: Kinds that wait for the end of a holiday.
        closed_on_weekends: Kinds that wait for a workday, make-up workdays being such.
        calendar: The holidays; None takes those that come with the library.

    >>> hours = SendingHours()
    >>> hours.next_allowed(datetime(2026, 2, 14, 20, 30, tzinfo=SHANGHAI), "dunning").isoformat()
    '2026-02-24T09:00:00+08:00'

    .. versionadded:: 0.1.0
    """

    notice: Windows = attrs.field(
        default=(Window(time(8), time(22)),), converter=_windows, validator=_some
    )
    dunning: Windows = attrs.field(
        default=(Window(time(9), time(20)),),
        converter=_windows,
        validator=[_some, _outside_quiet_hours],
    )
    marketing: Windows = attrs.field(
        default=(Window(time(8), time(20)),),
        converter=_windows,
        validator=[_some, _outside_quiet_hours],
    )
    channels: Mapping[str, Windows] = attrs.field(
        factory=lambda: {"voice": (Window(time(9), time(12)), Window(time(14), time(19)))},
        converter=_by_channel,
        hash=False,
    )
    passing: frozenset[NoticeCategory] = attrs.field(
        default=frozenset({NoticeCategory.URGENT}), converter=_categories
    )
    closed_on_holidays: frozenset[MessageKind] = attrs.field(
        default=frozenset({MessageKind.DUNNING}), converter=_kinds
    )
    closed_on_weekends: frozenset[MessageKind] = attrs.field(
        default=frozenset[MessageKind](), converter=_kinds
    )
    calendar: HolidayCalendar | None = attrs.field(default=None, hash=False)

    def allows(
        self,
        now: datetime,
        kind: MessageKind | str,
        category: NoticeCategory | str | None = None,
        channel: str = "sms",
    ) -> bool:
        """True if such a message may go out at the instant *now*.

        Raises:
            InvalidValueError: *now* has no time zone.
        """
        return self.why_closed(now, kind, category, channel) is None

    def why_closed(
        self,
        now: datetime,
        kind: MessageKind | str,
        category: NoticeCategory | str | None = None,
        channel: str = "sms",
    ) -> Closed | None:
        """Why such a message may not go out at the instant *now*, or None if it may.

        Raises:
            InvalidValueError: *now* has no time zone.
        """
        require_aware(now)
        kind = MessageKind(kind)
        if self.passes(kind, category):
            return None
        local = now.astimezone(SHANGHAI)
        if closed := self._closed_day(local.date(), kind):
            return closed
        moment = local.time()
        open_now = any(moment in window for window in self.windows(kind, channel))
        return None if open_now else Closed.QUIET_HOURS

    def next_allowed(
        self,
        now: datetime,
        kind: MessageKind | str,
        category: NoticeCategory | str | None = None,
        channel: str = "sms",
    ) -> datetime:
        """The first instant from *now* on at which such a message may go out.

        Returns:
            *now* itself if it may go out at once, else an instant in Shanghai time.

        Raises:
            InvalidValueError: *now* has no time zone, or no day of a year is open.
        """
        if self.allows(now, kind, category, channel):
            return now
        kind = MessageKind(kind)
        local = now.astimezone(SHANGHAI)
        windows = self.windows(kind, channel)
        for day in (local.date() + timedelta(days=n) for n in range(367)):
            if not windows or self._closed_day(day, kind):
                continue
            for window in windows:
                start = datetime.combine(day, window.start, SHANGHAI)
                if start >= local:
                    return start
        raise InvalidValueError(
            f"no hour within a year is open to {kind} by {channel}; widen its windows",
            f"一年之内没有可发送 {kind}({channel})的时段，请放宽时段",
            field=kind.value,
        )

    def passes(self, kind: MessageKind | str, category: NoticeCategory | str | None) -> bool:
        """True for what goes at any hour: one-time codes and urgent notices."""
        kind = MessageKind(kind)
        if kind is MessageKind.OTP:
            return True
        if kind is not MessageKind.NOTICE or category is None:
            return False
        return NoticeCategory(category) in self.passing

    def windows(self, kind: MessageKind | str, channel: str = "sms") -> Windows:
        """The windows of a kind on a channel, in order; whole days for one-time codes."""
        kind = MessageKind(kind)
        own: Windows = _WHOLE_DAY if kind is MessageKind.OTP else getattr(self, kind.value)
        if (also := self.channels.get(channel)) is None:
            return own
        both = (window.overlap(other) for window in own for other in also)
        return tuple(window for window in both if window)

    def _closed_day(self, day: date, kind: MessageKind) -> Closed | None:
        if kind in self.closed_on_holidays and self._calendar().is_holiday(day):
            return Closed.HOLIDAY
        if kind in self.closed_on_weekends and not self._calendar().is_workday(day):
            return Closed.WEEKEND
        return None

    def _calendar(self) -> HolidayCalendar:
        return shipped_calendar() if self.calendar is None else self.calendar


_WHOLE_DAY: Final = (Window(time.min, time.min),)
