"""The days of Shanghai: its zone, its holidays and make-up workdays, a file for each year."""

from __future__ import annotations

import tomllib
import warnings
from datetime import date, datetime, timedelta, timezone
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import attrs

from propsms._checks import require_aware
from propsms.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "SHANGHAI",
    "CalendarMissingWarning",
    "HolidayCalendar",
    "HolidayYear",
    "fixed_year",
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


def fixed_year(year: int) -> HolidayYear:
    """What is sure of a year whose notice is not known."""
    days = {date(year, month, day): name for (month, day), name in _FIXED_DAYS.items()}
    return HolidayYear(year, days, frozenset(), "全国年节及纪念日放假办法 (2024) art. 2")


def _plain_day(day: date) -> date:
    # A datetime is a date by type, but equals none.
    return shanghai_day(day) if isinstance(day, datetime) else day


def _is_weekend(day: date) -> bool:
    return day.weekday() >= 5


def _warn_missing(year: int) -> None:
    """Warn once; and once more where warnings are recorded anew, as in each test of a host."""
    if _told.get(year) is warnings.filters:
        return
    warnings.warn(
        f"no holidays are known for {year}: only weekends and fixed statutory days are used; "
        f"load its notice with load_holiday_year / 缺少 {year} 年节假日数据，"
        "仅按周末和固定法定节假日处理；请用 load_holiday_year 载入",
        CalendarMissingWarning,
        stacklevel=5,
    )
    _told[year] = warnings.filters


_told: Final[dict[int, object]] = {}  # the filters under which a year was told


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
