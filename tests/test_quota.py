"""Caps: windows, reasons, and who counts what."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from propsms.errors import InvalidValueError
from propsms.quota import (
    AsyncQuota,
    CalendarDay,
    Cap,
    Capped,
    Fixed,
    Limit,
    Quota,
    Reserved,
    Rolling,
    Rule,
    from_micros,
    tag_of,
    to_micros,
)
from propsms.stores import AsyncMemoryStore, MemoryStore, RedisStore, SQLiteStore
from propsms.testing import instants

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from propsms.quota import QuotaStore

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
KEY = b"an index key for tests."
ANNE = {"signature": "绿苑物业", "number": "+8613900000001"}
BEN = {**ANNE, "number": "+8613900000002"}
BY_NUMBER = ("signature", "number")


def quota(*limits: Limit, store: Any = None, **options: Any) -> Quota:
    rules = [Rule(limit, by=BY_NUMBER) for limit in limits]
    return Quota(store if store is not None else MemoryStore(), rules, index_key=KEY, **options)


def test_aliyun_and_tencent_side_by_side() -> None:
    """1 a minute, 5 an hour, 10 in rolling 24 hours; and 2 in a natural day."""
    aliyun = quota(
        Limit("minute", 1, Rolling(MINUTE)),
        Limit("hour", 5, Rolling(HOUR)),
        Limit("day", 10, Rolling(DAY)),
    )
    at = NOW
    for number in range(10):
        while isinstance(no := aliyun.reserve(ANNE, now=at), Capped):
            assert no.retry_at > at
            at = no.retry_at
        assert (number < 5) == (at < NOW + HOUR)
    assert NOW + DAY == aliyun.retry_at(ANNE, now=at + HOUR)
    tencent = quota(Limit("day", 2, CalendarDay()))
    for _ in range(2):
        assert tencent.spend(ANNE, now=NOW) is None
    no = tencent.spend(ANNE, now=NOW)
    assert Capped("day", datetime(2026, 3, 2, 16, tzinfo=UTC)) == no


def test_subjects_and_spaces_are_apart() -> None:
    """Another number, and another owner in the same store, have caps of their own."""
    store = MemoryStore()
    limit = Limit("day", 1, CalendarDay())
    ours, theirs = quota(limit, store=store), quota(limit, store=store, space="collection")
    assert ours.spend(ANNE, now=NOW) is None
    assert isinstance(ours.spend(ANNE, now=NOW), Capped)
    assert ours.spend(BEN, now=NOW) is None
    assert theirs.spend(ANNE, now=NOW) is None
    assert "1390000" not in repr([store._buckets, store._logs])


def test_reserve_commit_refund() -> None:
    """Refused gives back, accepted and unknown stay; each once."""
    caps = quota(Limit("day", 2, CalendarDay()))
    first = caps.reserve(ANNE, now=NOW, reference="m-1")
    second = caps.reserve(ANNE, now=NOW)
    assert isinstance(first, Reserved)
    assert isinstance(second, Reserved)
    assert "m-1" == first.reference
    assert caps.commit(first, now=NOW)
    assert not caps.refund(first, now=NOW)
    assert caps.refund(second, now=NOW)
    assert not caps.refund(second, now=NOW)
    (usage,) = caps.peek(ANNE, now=NOW)
    assert (1, 1, None) == (usage.used, usage.left, usage.retry_at)
    assert caps.retry_at(ANNE, now=NOW) is None


def test_a_rule_needs_its_facts() -> None:
    """A subject that lacks one is an error; no facts count everything together."""
    with pytest.raises(InvalidValueError, match="counts by number"):
        quota(Limit("day", 1, CalendarDay())).spend({"signature": "x"}, now=NOW)
    everyone = Quota(MemoryStore(), [Rule(Limit("all", 1, CalendarDay()))], index_key=KEY)
    assert everyone.spend(ANNE, now=NOW) is None
    assert isinstance(everyone.spend(BEN, now=NOW), Capped)


@pytest.mark.parametrize("cost", [-1, 3])
def test_a_cost_must_fit_at_all(cost: int) -> None:
    """What never fits is a mistake, not a wait."""
    caps = quota(Limit("day", 2, CalendarDay()))
    with pytest.raises(InvalidValueError, match="cost"):
        caps.spend(ANNE, now=NOW, cost=cost)
    assert caps.spend(ANNE, now=NOW, cost=2) is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: Limit("", 1, CalendarDay()),
        lambda: Limit("day", 0, CalendarDay()),
        lambda: Fixed(timedelta(0)),
        lambda: Rolling(-MINUTE),
        lambda: CalendarDay("Nowhere/Land"),
        lambda: CalendarDay("../etc"),
        lambda: Quota(MemoryStore(), [], index_key=b"short"),
        lambda: Quota(MemoryStore(), [], index_key=KEY, space="a.b"),
        lambda: Quota(MemoryStore(), [], index_key=KEY, space=""),
    ],
)
def test_bounds(make: Any) -> None:
    """Checked once, when made."""
    with pytest.raises(InvalidValueError):
        make()


def test_a_count_is_a_whole_number() -> None:
    """True is not one."""
    with pytest.raises(TypeError):
        Limit("day", True, CalendarDay())
    with pytest.raises(TypeError):
        Limit("day", 1.5, CalendarDay())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("zone", "at", "end"),
    [
        ("Asia/Shanghai", "2026-03-02T15:59:59.999999+00:00", "2026-03-02T16:00:00+00:00"),
        ("Asia/Shanghai", "2026-03-02T16:00:00+00:00", "2026-03-03T16:00:00+00:00"),
        ("Europe/Berlin", "2026-03-29T00:30:00+00:00", "2026-03-29T22:00:00+00:00"),
        ("Europe/Berlin", "2026-10-25T00:30:00+00:00", "2026-10-25T23:00:00+00:00"),
    ],
)
def test_calendar_days(zone: str, at: str, end: str) -> None:
    """From midnight to midnight, also on days of 23 and 25 hours."""
    found = CalendarDay(zone).end(to_micros(datetime.fromisoformat(at)))
    assert datetime.fromisoformat(end) == from_micros(found)


SHIFTING = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Havana",
    "Africa/Cairo",
    "Pacific/Apia",
]


@given(at=instants(), zone=st.sampled_from(SHIFTING))
def test_a_day_is_a_date(at: datetime, zone: str) -> None:
    """It ends with the first instant of a later date, where midnight is skipped or comes twice."""
    there = ZoneInfo(zone)
    end = from_micros(CalendarDay(zone).end(to_micros(at)))
    last = end - timedelta(microseconds=1)
    assert at.astimezone(there).date() == last.astimezone(there).date()
    assert end.astimezone(there).date() > last.astimezone(there).date()


LONG_AND_SHORT_DAYS = [
    ("Europe/Berlin", "2026-03-29T00:00:00+01:00", 23),
    ("Europe/Berlin", "2026-10-25T00:00:00+02:00", 25),
    ("America/New_York", "2026-03-08T00:00:00-05:00", 23),
    ("America/New_York", "2026-11-01T00:00:00-04:00", 25),
]


@pytest.fixture(params=["memory", "sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[QuotaStore]:
    """Each kind of store."""
    if request.param == "memory":
        yield MemoryStore()
    elif request.param == "sqlite":
        opened = SQLiteStore(tmp_path / "caps.db", synchronous="NORMAL")
        yield opened
        opened.close()
    else:
        import redis

        server = request.getfixturevalue("redis_server")
        with redis.Redis(unix_socket_path=server.socket) as client:
            yield RedisStore(client, prefix=uuid4().hex)


@pytest.mark.parametrize(("zone", "midnight", "hours"), LONG_AND_SHORT_DAYS)
def test_caps_on_days_of_23_and_25_hours(
    store: QuotaStore, zone: str, midnight: str, hours: int
) -> None:
    """One day's units in one such day, however long; a rolling day is 24 hours over it."""
    start = datetime.fromisoformat(midnight).astimezone(UTC)
    end = start + hours * HOUR
    day = Cap("t.day", Limit("day", 2, CalendarDay(zone)))
    rolling = Cap("t.rolling", Limit("rolling", 2, Rolling(DAY)))
    for cap, over in ((day, end), (rolling, start + DAY)):
        assert store.spend([cap], start) is None
        assert store.spend([cap], start + HOUR) is None
        for at in (start + 2 * HOUR, over - timedelta(microseconds=1)):
            no = store.spend([cap], at)
            assert isinstance(no, Capped)
            assert over == no.retry_at
        assert store.spend([cap], over) is None
    assert isinstance(store.spend([rolling], start + DAY), Capped)
    assert store.spend([day], end) is None
    assert isinstance(store.spend([day], end), Capped)


CAPS = [
    Cap("t.minute", Limit("minute", 4, Fixed(MINUTE))),
    Cap("t.rolling", Limit("rolling", 5, Rolling(HOUR))),
    Cap("t.rolling", Limit("rolling", 5, Rolling(HOUR)), 2),
    Cap("t.day", Limit("day", 9, CalendarDay()), 3),
    Cap("all.record", Limit("record", 1, Rolling(DAY), enforced=False)),
]
ACTS = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "reserve", "refund", "commit"]),
        st.lists(st.sampled_from(CAPS), min_size=1, max_size=3, unique_by=lambda cap: cap.key),
        st.integers(0, 7),
        st.integers(0, 600).map(lambda seconds: timedelta(seconds=seconds)),
    ),
    max_size=25,
)
_Taken = tuple[Reserved, datetime, list[Cap]]


def _in_use(cap: Cap, taken: Iterable[_Taken], now: datetime) -> int:
    """By counting: what was taken in the window that holds *now*."""
    used = 0
    for _, at, caps in taken:
        window = cap.limit.window
        if isinstance(window, Rolling):
            counts = now - at < timedelta(microseconds=window.micros)
        else:
            counts = cap.limit.end(to_micros(at)) == cap.limit.end(to_micros(now))
        used += counts * sum(one.cost for one in caps if one.key == cap.key)
    return used


@given(acts=ACTS)
def test_a_refund_gives_back_what_was_taken_once(acts: list[Any]) -> None:
    """Whatever comes in between: used is what was taken and not refunded, and never too much."""
    store, now = MemoryStore(), NOW
    standing, done = list[_Taken](), list[Reserved]()
    for number, (act, caps, which, pause) in enumerate(acts):
        now += pause
        if act == "reserve":
            answer = store.reserve(caps, now, reference=f"r-{number}")
            if isinstance(answer, Reserved):
                standing.append((answer, now, caps))
        else:
            for index in range(which % len(standing), len(standing)) if standing else ():
                if standing[index][0] not in done:
                    done.append(standing[index][0])
                    assert getattr(store, act)(done[-1], now)
                    if act == "refund":
                        del standing[index]
                    break
        for reserved in done:
            assert not store.refund(reserved, now)
            assert not store.commit(reserved, now)
        for cap, usage in zip(CAPS, store.peek(CAPS, now), strict=True):
            assert usage.used == _in_use(cap, standing, now)
            assert usage.used <= cap.limit.count or not cap.limit.enforced


@given(
    at=instants(), zone=st.sampled_from(["Asia/Shanghai", "Asia/Kathmandu", "America/New_York"])
)
def test_a_day_ends_at_midnight(at: datetime, zone: str) -> None:
    """After now, at most 25 hours later, at 00:00 there; zoneinfo is the witness."""
    end = from_micros(CalendarDay(zone).end(to_micros(at)))
    there = end.astimezone(ZoneInfo(zone))
    assert (0, 0, 0) == (there.hour, there.minute, there.second)
    assert timedelta(0) < end - at <= timedelta(hours=25)


@given(at=instants(), seconds=st.integers(1, 10**6))
def test_a_fixed_period_holds_now(at: datetime, seconds: int) -> None:
    """Its end lies after now, within one period, at a multiple of it."""
    end = Fixed(timedelta(seconds=seconds)).end(to_micros(at))
    assert 0 < end - to_micros(at) <= seconds * 10**6
    assert 0 == end % (seconds * 10**6)


@given(at=instants())
def test_instants_come_back(at: datetime) -> None:
    """To the microsecond."""
    assert at == from_micros(to_micros(at))


def test_naive_instants_are_refused() -> None:
    """Nobody can tell which instant it is."""
    with pytest.raises(InvalidValueError, match="aware"):
        quota(Limit("day", 1, CalendarDay())).spend(ANNE, now=NOW.replace(tzinfo=None))


def test_tags() -> None:
    """What stands before the first dot."""
    assert ("quota", "all", "plain") == tuple(map(tag_of, ("quota.a.b", "all.", "plain")))


def test_the_awaited_twin() -> None:
    """The same, awaited."""

    async def story() -> None:
        limit = Limit("day", 2, CalendarDay())
        caps = AsyncQuota(AsyncMemoryStore(), [Rule(limit, by=BY_NUMBER)], index_key=KEY)
        first, second = [await caps.reserve(ANNE, now=NOW) for _ in range(2)]
        assert isinstance(first, Reserved)
        assert isinstance(second, Reserved)
        assert isinstance(await caps.spend(ANNE, now=NOW), Capped)
        assert await caps.retry_at(ANNE, now=NOW) is not None
        assert await caps.commit(first, now=NOW)
        assert await caps.refund(second, now=NOW)
        assert 1 == (await caps.peek(ANNE, now=NOW))[0].used

    asyncio.run(story())


def test_days_without_a_time_zone_database() -> None:
    """Shanghai's day, and so the default policy, needs none; another zone says what to do."""
    code = (
        "import sys, zoneinfo; zoneinfo.reset_tzpath(to=[]); sys.modules['tzdata'] = None\n"
        "from datetime import datetime, timezone\n"
        "from propsms.errors import InvalidValueError\n"
        "from propsms.otp import OtpPolicy, OtpService\n"
        "from propsms.quota import CalendarDay, from_micros, to_micros\n"
        "from propsms.stores import MemoryStore\n"
        "now = datetime(2026, 3, 2, 4, tzinfo=timezone.utc)\n"
        "print(from_micros(CalendarDay().end(to_micros(now))).isoformat())\n"
        "service = OtpService(MemoryStore(), b'a key for tests, not for work.', policy=OtpPolicy())\n"
        "code = service.issue('13900000001', purpose='gate', now=now).code\n"
        "print(service.verify('13900000001', purpose='gate', code=code, now=now).status)\n"
        "try:\n"
        "    CalendarDay('Europe/Berlin')\n"
        "except InvalidValueError as error:\n"
        "    print(error.field, error.message)\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert ["2026-03-02T16:00:00+00:00", "verified"] == out[:2]
    assert out[2].startswith("zone zone must be an IANA time zone known on this machine")
    assert "install the package tzdata" in out[2]


@pytest.mark.parametrize("zone", ["Asia/Shanghia", "", "../etc/passwd", "Asia/\0"])
def test_unknown_zones(zone: str) -> None:
    """A misspelt zone is named, with what to do."""
    with pytest.raises(InvalidValueError, match="check its spelling"):
        CalendarDay(zone)


def test_a_zone_is_a_text() -> None:
    """Not an object that stands for one: stores write its name."""
    with pytest.raises(TypeError, match="zone must be a str, got ZoneInfo"):
        CalendarDay(ZoneInfo("Asia/Shanghai"))  # type: ignore[arg-type]
