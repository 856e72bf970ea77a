"""Hours: the days of Shanghai, holidays as noticed, and when a message may go."""

import subprocess
import sys
import warnings
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given, strategies as st

from propsms.errors import InvalidValueError
from propsms.messages import MessageKind, NoticeCategory
from propsms.sending_hours import (
    SHANGHAI,
    CalendarMissingWarning,
    Closed,
    HolidayCalendar,
    HolidayYear,
    SendingHours,
    Window,
    is_holiday,
    is_workday,
    load_holiday_year,
    shanghai_day,
    shipped_calendar,
)

HOURS = SendingHours()
INSTANTS = st.datetimes(
    datetime.fromisoformat("2025-01-01"),
    datetime.fromisoformat("2026-12-20"),
    timezones=st.just(UTC),
)


def at(text: str) -> datetime:
    """An instant in Shanghai time."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def test_shanghai_is_the_zone() -> None:
    """Since 1991 the fixed offset is what the time zone database says."""
    zone = ZoneInfo("Asia/Shanghai")
    for year in range(1992, 2060):
        for month in (1, 5, 7, 10):
            noon = datetime(year, month, 15, 12, tzinfo=UTC)
            assert noon.astimezone(zone).utcoffset() == noon.astimezone(SHANGHAI).utcoffset()
    assert str(SHANGHAI) == "Asia/Shanghai"


def test_works_without_tzdata() -> None:
    """No time zone database is needed, as Windows has none."""
    code = (
        "import zoneinfo; zoneinfo.reset_tzpath(to=[]);"
        "from datetime import *; from propsms.sending_hours import *;"
        "print(shanghai_day(datetime(2026, 3, 31, 16, tzinfo=timezone.utc)))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    assert out.strip() == "2026-04-01"


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2026, 3, 31, 15, 59, 59, tzinfo=UTC), date(2026, 3, 31)),
        (datetime(2026, 3, 31, 16, tzinfo=UTC), date(2026, 4, 1)),
        (datetime(2026, 3, 31, 23, 30, tzinfo=timezone(timedelta(hours=-7))), date(2026, 4, 1)),
        (datetime(2026, 4, 1, 0, 0, tzinfo=SHANGHAI), date(2026, 4, 1)),
    ],
)
def test_day(now: datetime, day: date) -> None:
    """The day turns at midnight in Shanghai, wherever the instant was written."""
    assert day == shanghai_day(now)


def test_naive_instants_are_refused() -> None:
    """Nobody can tell which instant a naive one is."""
    now = datetime.fromisoformat("2026-04-01T10:00:00")
    for call in (
        lambda: shanghai_day(now),
        lambda: is_holiday(now),
        lambda: HOURS.allows(now, "dunning"),
        lambda: HOURS.next_allowed(now, "otp"),
    ):
        with pytest.raises(InvalidValueError, match="aware"):
            call()


# The notices again, as a list of days: 国办发明电〔2024〕12号 and 国办发明电〔2025〕7号.
_OFF = {
    2025: "0101 0128-0204 0404-0406 0501-0505 0531-0602 1001-1008",
    2026: "0101-0103 0215-0223 0404-0406 0501-0505 0619-0621 0925-0927 1001-1007",
}
_WORKED = {
    2025: "0126 0208 0427 0928 1011",
    2026: "0104 0214 0228 0509 0920 1010",
}


def _days(year: int, text: str) -> set[date]:
    days: set[date] = set()
    for part in text.split():
        first, _, last = part.partition("-")
        start, end = (date(year, int(p[:2]), int(p[2:])) for p in (first, last or first))
        days |= {start + timedelta(days=n) for n in range((end - start).days + 1)}
    return days


@pytest.mark.parametrize("year", [2025, 2026])
def test_every_day_of_a_year(year: int) -> None:
    """Each day is what its notice says: 28 and 33 days off, 5 and 6 worked in exchange."""
    off, worked = _days(year, _OFF[year]), _days(year, _WORKED[year])
    day = date(year, 1, 1)
    while day.year == year:
        assert (day in off) == is_holiday(day), day
        working = day in worked or (day.weekday() < 5 and day not in off)
        assert working == is_workday(day), day
        day += timedelta(days=1)
    assert {2025: (28, 5), 2026: (33, 6)}[year] == (len(off), len(worked))
    assert all(day.weekday() >= 5 for day in worked)
    assert "国办发明电" in shipped_calendar().years[year].source


def test_a_datetime_is_taken_for_its_day() -> None:
    """An instant stands for its day in Shanghai, though it equals no date."""
    assert is_holiday(datetime(2026, 9, 30, 16, tzinfo=UTC))
    assert not is_workday(datetime(2026, 9, 30, 16, tzinfo=UTC))
    assert shipped_calendar().holiday_name(at("2026-10-01 10:00")) == "国庆节"


def test_missing_year_warns_once_and_degrades() -> None:
    """An unknown year has its weekends and the statutory days of a fixed date."""
    calendar = shipped_calendar()
    assert not calendar.knows(2041)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert calendar.is_holiday(date(2041, 10, 1))
        assert calendar.holiday_name(date(2041, 5, 2)) == "劳动节"
        assert not calendar.is_holiday(date(2041, 10, 4))
        assert calendar.is_workday(date(2041, 10, 4))
        assert not calendar.is_workday(date(2041, 10, 5))
        assert not calendar.is_workday(date(2041, 1, 1))
    assert [CalendarMissingWarning] == [warning.category for warning in caught]
    assert "2041" in str(caught[0].message)


def test_missing_year_never_stops_a_decision() -> None:
    """Hours go on in a year without data; New Year's Day is closed all the same."""
    with pytest.warns(CalendarMissingWarning, match="2042"):
        opens = HOURS.next_allowed(at("2042-01-01 10:00"), "dunning")
    assert at("2042-01-02 09:00") == opens


@pytest.mark.parametrize(
    ("now", "opens", "why"),
    [
        ("2026-03-31 10:00", "2026-03-31 10:00", None),
        ("2026-05-01 10:00", "2026-05-06 09:00", Closed.HOLIDAY),
        ("2026-04-01 00:00", "2026-04-01 09:00", Closed.QUIET_HOURS),
        ("2026-05-30 20:00", "2026-05-31 09:00", Closed.QUIET_HOURS),
        ("2026-05-30 19:59:59", "2026-05-30 19:59:59", None),
        ("2026-02-14 20:30", "2026-02-24 09:00", Closed.QUIET_HOURS),
        ("2026-02-14 10:00", "2026-02-14 10:00", None),
        ("2026-06-18 20:05", "2026-06-22 09:00", Closed.QUIET_HOURS),
        ("2026-03-31 08:59:59.999999", "2026-03-31 09:00", Closed.QUIET_HOURS),
        ("2026-03-31 09:00", "2026-03-31 09:00", None),
        ("2026-11-22 12:00", "2026-11-22 12:00", None),  # Sundays are open
    ],
)
def test_dunning(now: str, opens: str, why: Closed | None) -> None:
    """From 09:00 to 20:00, the end excluded, holidays closed, make-up workdays open."""
    assert at(opens) == HOURS.next_allowed(at(now), "dunning")
    assert why == HOURS.why_closed(at(now), MessageKind.DUNNING)
    assert (why is None) == HOURS.allows(at(now), MessageKind.DUNNING)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-03-31 12:00", "2026-03-31 14:00"),
        ("2026-03-31 13:59", "2026-03-31 14:00"),
        ("2026-03-31 11:59", "2026-03-31 11:59"),
        ("2026-03-31 19:00", "2026-04-01 09:00"),
        ("2026-03-31 07:00", "2026-03-31 09:00"),
        ("2026-05-01 13:00", "2026-05-06 09:00"),
    ],
)
def test_voice_rests_at_noon(now: str, opens: str) -> None:
    """A call needs the hours of its kind and those of the channel."""
    assert at(opens) == HOURS.next_allowed(at(now), "dunning", channel="voice")


def test_what_passes() -> None:
    """Codes and urgent notices go at any hour by any channel; no other message does."""
    night = at("2026-10-01 03:00")
    for channel in ("sms", "voice", "wechat"):
        assert HOURS.allows(night, "otp", channel=channel)
        assert HOURS.allows(night, "notice", "urgent", channel)
        assert HOURS.next_allowed(night, "notice", NoticeCategory.URGENT, channel) is night
        for category in (None, "routine", "safety", "service"):
            assert not HOURS.allows(night, "notice", category, channel)
        for kind in ("dunning", "marketing"):
            assert not HOURS.allows(night, kind, "urgent", channel)
    assert HOURS.windows("otp") == (Window(time.min, time.min),)


def test_other_kinds() -> None:
    """Notices from 08:00 to 22:00 and marketing to 20:00, in a holiday too."""
    assert HOURS.allows(at("2026-10-01 21:59"), "notice", "routine")
    assert not HOURS.allows(at("2026-10-01 22:00"), "notice")
    assert HOURS.allows(at("2026-10-01 08:00"), "marketing")
    assert at("2026-10-02 08:00") == HOURS.next_allowed(at("2026-10-01 20:00"), "marketing")


def test_a_company_sets_its_own() -> None:
    """Windows are text or values; weekends can be closed, more categories can pass."""
    hours = SendingHours(
        dunning=[Window(time(14), time(17)), "09:30-11:30"],
        notice="00:00-24:00",
        channels={"wechat": "10:00-12:00"},
        passing=["urgent", "safety"],
        closed_on_weekends=["dunning"],
        closed_on_holidays=[],
    )
    assert hours.windows("dunning") == (Window.of("09:30-11:30"), Window.of("14:00-17:00"))
    assert hours.windows("dunning", "wechat") == (Window.of("10:00-11:30"),)
    assert hours.allows(at("2026-03-31 03:00"), "notice")
    assert hours.allows(at("2026-03-31 03:00"), "notice", "safety", "wechat")
    assert hours.why_closed(at("2026-11-22 10:00"), "dunning") is Closed.WEEKEND
    assert hours.allows(at("2026-02-14 10:00"), "dunning")  # a Saturday that is worked
    assert at("2026-11-23 09:30") == hours.next_allowed(at("2026-11-21 10:00"), "dunning")
    assert hash(hours) == hash(attrs.evolve(hours))


@pytest.mark.parametrize("kind", ["dunning", "marketing"])
@pytest.mark.parametrize(
    "window", ["07:00-23:00", "07:59-10:00", "20:00-22:01", "20:00-24:00", "00:00-24:00"]
)
def test_night_cannot_be_opened(kind: str, window: str) -> None:
    """22:00-08:00 is refused when the hours are made, not when a message is sent."""
    with pytest.raises(InvalidValueError, match="22:00-08:00") as caught:
        SendingHours(**{kind: window})
    assert kind == caught.value.field
    assert caught.value.message_zh


@pytest.mark.parametrize(
    "window", ["", "9-20", "20:00-09:00", "09:00-09:00", "09:00", "25:00-26:00", "a-b-c"]
)
def test_bad_windows(window: str) -> None:
    """A window that is none is refused with what it should look like."""
    with pytest.raises(InvalidValueError, match="window"):
        SendingHours(dunning=window)


def test_no_window_at_all() -> None:
    """A kind needs a window, and a channel must leave it one."""
    with pytest.raises(InvalidValueError, match="at least one"):
        SendingHours(notice=())
    hours = SendingHours(channels={"voice": "21:00-22:00"})
    with pytest.raises(InvalidValueError, match="no hour within a year"):
        hours.next_allowed(at("2026-03-31 10:00"), "dunning", channel="voice")


def test_no_day_at_all() -> None:
    """A calendar without an open day is an error, not an endless search."""
    years = [
        HolidayYear(y, dict.fromkeys(_days(y, "0101-1231"), "停业"), frozenset(), "ours")
        for y in (2030, 2031)
    ]
    hours = SendingHours(calendar=HolidayCalendar({year.year: year for year in years}))
    with pytest.raises(InvalidValueError, match="no hour within a year"):
        hours.next_allowed(at("2030-01-01 10:00"), "dunning")


@given(now=INSTANTS, kind=st.sampled_from(MessageKind), channel=st.sampled_from(["sms", "voice"]))
def test_next_allowed_is_the_first(now: datetime, kind: MessageKind, channel: str) -> None:
    """It is allowed, not in the past, and nothing before it is."""
    opens = HOURS.next_allowed(now, kind, channel=channel)
    assert opens >= now
    assert HOURS.allows(opens, kind, channel=channel)
    if opens > now:
        assert not HOURS.allows(opens - timedelta(microseconds=1), kind, channel=channel)
        step = now
        while step < opens:
            assert not HOURS.allows(step, kind, channel=channel)
            step += timedelta(minutes=47)


@given(now=INSTANTS)
def test_the_zone_of_now_does_not_matter(now: datetime) -> None:
    """The same instant in another zone has the same answer."""
    there = now.astimezone(timezone(timedelta(hours=-9, minutes=-30)))
    assert HOURS.next_allowed(now, "dunning") == HOURS.next_allowed(there, "dunning")


_GOOD_YEAR = """
year = 2027
[source]
title = "通知"
number = "1号"
[[holiday]]
name = "元旦"
first = 2027-01-01
last = 2027-01-03
make_up = [2027-01-09]
"""


def test_a_year_of_ones_own(tmp_path: Path) -> None:
    """A host adds a year as soon as its notice is out, without a new release."""
    file = tmp_path / "2027.toml"
    file.write_text(_GOOD_YEAR, "utf-8")
    year = load_holiday_year(file)
    calendar = shipped_calendar().with_year(year)
    assert calendar.knows(2027)
    assert calendar.holiday_name(date(2027, 1, 3)) == "元旦"
    assert calendar.is_workday(date(2027, 1, 9))
    assert year.source == "通知 1号"
    hours = SendingHours(calendar=calendar)
    assert at("2027-01-04 09:00") == hours.next_allowed(at("2027-01-01 10:00"), "dunning")


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("year = 2027", "year = '2027'", "year"),
        ("year = 2027", "", "year"),
        ("2027-01-03", "2026-12-31", "first, last"),
        ("last = 2027-01-03", "last = 2028-01-03", "first, last"),
        ("last = 2027-01-03", "last = 2027-01-03T00:00:00", "last"),
        ("name = ", "title = ", "name"),
        ("[2027-01-09]", "[2027-01-08]", "make_up"),
        ("[2027-01-09]", "['x']", "make_up"),
        ("[source]", "[sources]", "source"),
        ("[[holiday]]", "[holiday]", "holiday"),
        ("[source]", "[source", "TOML"),
    ],
)
def test_a_bad_year_names_its_key(tmp_path: Path, old: str, new: str, key: str) -> None:
    """What is wrong in a file of holidays is named."""
    file = tmp_path / "bad.toml"
    file.write_text(_GOOD_YEAR.replace(old, new), "utf-8")
    with pytest.raises(InvalidValueError, match=r"bad\.toml") as caught:
        load_holiday_year(file)
    assert key == caught.value.field


def test_a_calendar_made_by_hand() -> None:
    """A calendar is plain data."""
    year = HolidayYear(2030, {date(2030, 3, 1): "店庆"}, frozenset(), "ours")
    assert HolidayCalendar({2030: year}).is_holiday(date(2030, 3, 1))


def test_windows() -> None:
    """A window knows what is in it and reads as it is written."""
    window = Window.of(" 09:00 - 20:00 ")
    assert str(window) == "09:00-20:00"
    assert time(9) in window
    assert time(20) not in window
    assert Window.of("20:00-24:00").overlap(Window.of("22:00-24:00")) == Window.of("22:00-24:00")
    assert Window.of("08:00-09:00").overlap(Window.of("09:00-10:00")) is None


def test_missing_year_warns_again_where_warnings_are_recorded_anew() -> None:
    """What one test of a host has seen must not silence the next one."""
    for _ in range(2):
        with pytest.warns(CalendarMissingWarning, match="2043"):
            assert is_workday(date(2043, 1, 5))
