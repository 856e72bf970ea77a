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

import tomllib
import warnings
from datetime import date, datetime, time, timedelta, timezone
from enum import StrEnum
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import attrs

from propsms._checks import require_aware
from propsms.errors import InvalidValueError
from propsms.messages import MessageKind, NoticeCategory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

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

# IANA tzdb, file asia, zone Asia/Shanghai: +08:00, without summer time since 1991. A fixed
# offset needs no tzdata, which Windows and slim containers lack.
SHANGHAI: Final = timezone(timedelta(hours=8), "Asia/Shanghai")


class CalendarMissingWarning(UserWarning):
    """No holidays are known for a year; its weekends and fixed statutory days are used."""


class Closed(StrEnum):
    """Why a message may not go out now."""

    QUIET_HOURS = "quiet_hours"
    HOLIDAY = "holiday"
    WEEKEND = "weekend"


def shanghai_day(now: datetime) -> date:
    """The calendar day in Shanghai at the instant *now*.

    Raises:
        InvalidValueError: *now* has no time zone.

    >>> shanghai_day(datetime.fromisoformat("2026-03-31T16:00:00Z"))
    datetime.date(2026, 4, 1)

    .. versionadded:: 0.1.0
    """
    require_aware(now)
    return now.astimezone(SHANGHAI).date()


@attrs.frozen
class HolidayYear:
    """The holidays of one year, as its notice lists them.

    Attributes:
        holidays: Days off, weekends among them included, and the name of each.
        make_up_days: Saturdays and Sundays that are workdays in exchange.
        source: The notice: title, number, date, address.
    """

    year: int
    holidays: Mapping[date, str]
    make_up_days: frozenset[date]
    source: str


@attrs.frozen
class HolidayCalendar:
    """The years that are known; `shipped_calendar` holds those that come with the library.

    Attributes:
        years: Each known year under its number.

    .. versionadded:: 0.1.0
    """

    years: Mapping[int, HolidayYear]

    def knows(self, year: int) -> bool:
        """True if the holidays of *year* are data; otherwise its answers are a fallback."""
        return year in self.years

    def holiday_name(self, day: date) -> str | None:
        """The name of the holiday that *day* belongs to, or None."""
        day = _plain_day(day)
        if known := self.years.get(day.year):
            return known.holidays.get(day)
        _warn_missing(day.year)
        return _FIXED_DAYS.get((day.month, day.day))

    def is_holiday(self, day: date) -> bool:
        """True on the days off of a holiday; an ordinary weekend is none."""
        return self.holiday_name(day) is not None

    def is_workday(self, day: date) -> bool:
        """True from Monday to Friday but for holidays, and on make-up workdays."""
        day = _plain_day(day)
        known = self.years.get(day.year)
        if known and day in known.make_up_days:
            return True
        return not self.is_holiday(day) and not _is_weekend(day)

    def with_year(self, year: HolidayYear) -> HolidayCalendar:
        """The same calendar with *year* added, or replaced."""
        return HolidayCalendar({**self.years, year.year: year})


# 《全国年节及纪念日放假办法》 (2024) article 2: the days that have a fixed Gregorian date.
_FIXED_DAYS: Final = {
    (1, 1): "元旦",
    (5, 1): "劳动节",
    (5, 2): "劳动节",
    (10, 1): "国庆节",
    (10, 2): "国庆节",
    (10, 3): "国庆节",
}


def _plain_day(day: date) -> date:
    # A datetime is a date by type, but equals none.
    return shanghai_day(day) if isinstance(day, datetime) else day


def _is_weekend(day: date) -> bool:
    return day.weekday() >= 5


@cache
def _warn_missing(year: int) -> None:
    warnings.warn(
        f"no holidays are known for {year}: only weekends and fixed statutory days are used; "
        f"load its notice with load_holiday_year / 缺少 {year} 年节假日数据，"
        "仅按周末和固定法定节假日处理；请用 load_holiday_year 载入",
        CalendarMissingWarning,
        stacklevel=5,
    )


def is_holiday(day: date) -> bool:
    """True on the days off of a mainland holiday, by the years that come with the library.

    >>> is_holiday(date(2026, 10, 1)), is_holiday(date(2026, 10, 10))
    (True, False)

    .. versionadded:: 0.1.0
    """
    return shipped_calendar().is_holiday(day)


def is_workday(day: date) -> bool:
    """True on mainland workdays, make-up workdays included.

    >>> is_workday(date(2026, 2, 14))  # a Saturday, worked in exchange for Spring Festival
    True

    .. versionadded:: 0.1.0
    """
    return shipped_calendar().is_workday(day)


@cache
def shipped_calendar() -> HolidayCalendar:
    """The years that come with the library.

    .. versionadded:: 0.1.0
    """
    folder = resources.files("propsms") / "_holidays"
    files = [file for file in folder.iterdir() if file.name.endswith(".toml")]
    years = [_read_year(file.read_text("utf-8"), file.name) for file in files]
    return HolidayCalendar({year.year: year for year in sorted(years, key=lambda y: y.year)})


def load_holiday_year(path: str | Path) -> HolidayYear:
    """Read a year that the library does not have yet, from a TOML file.

    The file has ``year``, a table ``source`` with ``title`` and ``number``, and one table
    ``[[holiday]]`` each with ``name``, ``first``, ``last`` and, if any, ``make_up``.

    Raises:
        InvalidValueError: A key is missing or wrong; the message names it and the file.

    .. versionadded:: 0.1.0
    """
    path = Path(path)
    return _read_year(path.read_text("utf-8"), path.name)


def _read_year(text: str, name: str) -> HolidayYear:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _bad_year(name, "TOML", str(error)) from error
    year = _entry(table, "year", int, name)
    holidays: dict[date, str] = {}
    make_up: set[date] = set()
    for index, item in enumerate(_entry(table, "holiday", list, name)):
        where = f"{name}: holiday[{index}]"
        first, last = _entry(item, "first", date, where), _entry(item, "last", date, where)
        days = list(_days(first, last))
        if not days or any(day.year != year for day in days):
            raise _bad_year(where, "first, last", f"must be days of {year}, in order")
        title: str = _entry(item, "name", str, where)
        holidays |= dict.fromkeys(days, title)
        make_up |= {_make_up_day(day, where) for day in item.get("make_up", [])}
    source = _entry(table, "source", dict, name)
    known = (source.get(key) for key in ("title", "number", "issued", "url"))
    return HolidayYear(year, holidays, frozenset(make_up), " ".join(str(k) for k in known if k))


def _make_up_day(value: object, where: str) -> date:
    if not isinstance(value, date) or not _is_weekend(value):
        raise _bad_year(where, "make_up", f"must be Saturdays or Sundays, got {value}")
    return value


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _entry(table: object, key: str, kind: type[Any], where: str) -> Any:
    value = cast("dict[str, Any]", table).get(key) if isinstance(table, dict) else None
    if not isinstance(value, kind) or isinstance(value, (bool, datetime)):
        raise _bad_year(where, key, f"must be a {kind.__name__}")
    return value


def _bad_year(where: str, key: str, why: str) -> InvalidValueError:
    return InvalidValueError(f"{where}: {key} {why}", f"{where}:{key} 有误（{why}）", field=key)


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
                f"{field.name} 须在 {_OPEN} 之内，现为 {window}:22:00-08:00 不得发送催缴和营销短信",
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
        for day in _days(local.date(), local.date() + timedelta(days=366)):
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
