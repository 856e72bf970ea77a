"""Caps: how many times something may happen within a window, several counted as one act.

A `Limit` is the rule ("10 in a Shanghai day"), a `Cap` is that rule for one key ("for this
number"). A store counts all caps of an act or none of them, and says when to try again.

Three windows cover what providers and regulators write:

- `CalendarDay`: from midnight to midnight in a time zone (a natural day, 自然日);
- `Rolling`: the last so many seconds before now (Aliyun counts its "day" as rolling 24 hours);
- `Fixed`: periods laid end to end from 1970, the cheapest to keep.

A window's clock never runs backwards: a `now` before the latest counted instant counts as that
instant, so neither a clock set back nor two machines that disagree buy anybody more. What had
run out by a counted instant is forgotten for good, also when that count is refunded.

Source: Aliyun, frequency of SMS (per number and signature 1 a minute, 5 an hour, 10 a day, the
day rolling); Tencent Cloud, frequency limits (per natural day).
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, cast
from uuid import uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs

from propsms._checks import non_empty, positive, require_aware
from propsms.errors import InvalidValueError
from propsms.sending_hours import SHANGHAI

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = [
    "AsyncQuota",
    "AsyncQuotaStore",
    "CalendarDay",
    "Cap",
    "Capped",
    "Fixed",
    "Limit",
    "Quota",
    "QuotaStore",
    "Reserved",
    "Rolling",
    "Rule",
    "Usage",
    "Window",
    "from_micros",
    "tag_of",
    "to_micros",
]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO: Final = timedelta(microseconds=1)
_SHANGHAI: Final = "Asia/Shanghai"


def to_micros(instant: datetime) -> int:
    """Whole microseconds since 1970 in UTC: what stores keep.

    Raises:
        InvalidValueError: *instant* has no time zone.
    """
    if instant.tzinfo is None:
        require_aware(instant)
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_micros(micros: int) -> datetime:
    """The aware instant of `to_micros`."""
    return _EPOCH + timedelta(microseconds=micros)


def _clock_of(zone: str) -> tzinfo:
    """Shanghai's without a time zone database (Windows, slim images), others' from it.

    Source: IANA tz, asia, Zone Asia/Shanghai: +08:00 without summer time since 1991-09-15.
    """
    return SHANGHAI if zone == _SHANGHAI else ZoneInfo(zone)


def _zone(name: str) -> str:
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"zone must be a str, got {type(name).__name__}")
    try:
        _clock_of(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidValueError(
            f"zone must be an IANA time zone known on this machine, got {name!r}; "
            "check its spelling, and where there is no time zone database (Windows, slim "
            "images) install the package tzdata",
            f"zone 须为本机已知的 IANA 时区，现为 {name!r}；请核对拼写，"
            "没有时区数据库的系统（Windows、精简镜像）请安装 tzdata 包",
            field="zone",
        ) from error
    return name


@attrs.frozen
class Fixed:
    """Periods laid end to end from 1970-01-01T00:00Z; all of it is free again at the next."""

    period: timedelta = attrs.field(validator=positive)
    micros: int = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "micros", self.period // _MICRO)

    def end(self, now: int, /) -> int:
        """When the period that holds *now* ends; both in microseconds."""
        return now - now % self.micros + self.micros


@attrs.frozen
class Rolling:
    """The last *period* before now; an event is free again exactly one period after it."""

    period: timedelta = attrs.field(validator=positive)
    micros: int = attrs.field(init=False, repr=False, eq=False)

    @classmethod
    def of_micros(cls, micros: int) -> Rolling:
        """The window of so many microseconds, as stores keep it."""
        return cls(timedelta(microseconds=micros))

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "micros", self.period // _MICRO)


@attrs.frozen
class CalendarDay:
    """From midnight to midnight where *zone* is; Shanghai unless told otherwise."""

    zone: str = attrs.field(default=_SHANGHAI, converter=_zone)

    def end(self, now: int, /) -> int:
        """When the day that holds *now* ends; both in microseconds."""
        start, end = _DAYS.get(self.zone, (0, 0))
        if start <= now < end:
            return end
        return _find_day(self.zone, now)


_DAYS: dict[str, tuple[int, int]] = {}


def _find_day(zone: str, now: int) -> int:
    there = from_micros(now).astimezone(_clock_of(zone))
    midnight = there.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    following = (midnight + timedelta(days=1)).replace(fold=0)
    start, end = (to_micros(day.astimezone(UTC)) for day in (midnight, following))
    _DAYS[zone] = (start, end)
    return end


Window = Fixed | Rolling | CalendarDay


def _at_least(low: int) -> Callable[[object, attrs.Attribute[int], int], None]:
    def check(_: object, field: attrs.Attribute[int], value: int) -> None:
        if type(value) is not int:
            raise TypeError(f"{field.name} must be int, got {type(value).__name__}")
        if value < low:
            raise InvalidValueError(
                f"{field.name} must be at least {low}, got {value}",
                f"{field.name} 至少为 {low}，现为 {value}",
                field=field.name,
            )

    return check


def _no_end(now: int, /) -> int:
    """A rolling window has no end that all of it shares."""
    del now
    return 0


@attrs.frozen
class Limit:
    """So many within a window.

    Attributes:
        name: What a refusal is called: ``number_day``.
        count: How many units fit.
        window: Within which time.
        enforced: False only records: it counts, never refuses, and tells that it would have.
        gives_back: How many units a verified code gives back; 0 for an ordinary cap.
        span: Microseconds of a `Rolling` window; 0 for the others, which are buckets.
        end: The end of the bucket that holds an instant, both in microseconds.
    """

    name: str = attrs.field(validator=non_empty)
    count: int = attrs.field(validator=_at_least(1))
    window: Window
    enforced: bool = attrs.field(default=True, kw_only=True)
    gives_back: int = attrs.field(default=0, kw_only=True, validator=_at_least(0))
    span: int = attrs.field(init=False, repr=False, eq=False)
    end: Callable[[int], int] = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        """Note what stores ask most: the span of a rolling window, the end of a bucket."""
        window = self.window
        if isinstance(window, Rolling):
            span, end = window.micros, _no_end
        else:
            span, end = 0, window.end
        object.__setattr__(self, "span", span)
        object.__setattr__(self, "end", end)


class Cap(NamedTuple):
    """A limit for one key; a tuple, because a code makes ten of them.

    Attributes:
        key: Where it is counted. It starts with a tag up to the first dot (what shares a tag
            may be kept in one place), and it never contains a phone number: hash it.
        limit: The rule.
        cost: Units taken; 0 takes nothing but refuses when nothing is left.
    """

    key: str
    limit: Limit
    cost: int = 1


def maker(kind: type[Any]) -> Any:
    """Makes a named tuple from the tuple of its fields, in half the time of calling *kind*."""
    return partial(cast("Any", tuple).__new__, kind)


new_cap: Callable[[tuple[str, Limit, int]], Cap] = maker(Cap)
"""A cap from its three fields; caps are made by the dozen."""


@attrs.frozen
class Capped:
    """Nothing was counted, because a limit is reached.

    Attributes:
        name: The limit that keeps it back the longest; of several, the caller's first.
        retry_at: When all of it will fit, if nothing else happens until then.
    """

    name: str
    retry_at: datetime


@attrs.frozen
class Reserved:
    """All caps were counted; give it to `commit` or to `refund`.

    Attributes:
        reference: The caller's name of this reservation.
        caps: What was counted.
        over: Limits that only record and would have refused.
    """

    reference: str
    caps: tuple[Cap, ...]
    over: tuple[str, ...] = ()


@attrs.frozen
class Usage:
    """How full a cap is.

    Attributes:
        used: Units taken; below zero when verified codes gave back more.
        retry_at: When the cost of the cap fits; None if it fits now.
    """

    name: str
    used: int
    count: int
    retry_at: datetime | None

    @property
    def left(self) -> int:
        """Units still free."""
        return max(0, self.count - self.used)


def tag_of(key: str) -> str:
    """The tag of a key: what stands before its first dot."""
    return key.partition(".")[0]


class QuotaStore(Protocol):
    """Where caps are counted; each act is atomic, decisions use *now* alone."""

    def reserve(
        self, caps: Sequence[Cap], now: datetime, /, *, reference: str
    ) -> Reserved | Capped:
        """Count all of *caps*, or none of them and say why.

        The reservation is remembered by *reference* until committed, refunded or past its
        longest window; reserving one again while it is remembered counts nothing.
        """
        ...

    def commit(self, reserved: Reserved, now: datetime, /) -> bool:
        """Let it stand for good; False if it was committed or refunded before."""
        ...

    def refund(self, reserved: Reserved, now: datetime, /) -> bool:
        """Give all of it back, once; False if it was committed or refunded before."""
        ...

    def spend(self, caps: Sequence[Cap], now: datetime, /) -> Capped | None:
        """Count all of *caps* for good, or none and say why; the cheapest act."""
        ...

    def peek(self, caps: Sequence[Cap], now: datetime, /) -> tuple[Usage, ...]:
        """How full each cap is, counting nothing."""
        ...

    def clear(self, keys: Sequence[str], /) -> None:
        """Forget what was counted for *keys*: the help desk unlocks someone."""
        ...


class AsyncQuotaStore(Protocol):
    """`QuotaStore`, awaited."""

    async def reserve(
        self, caps: Sequence[Cap], now: datetime, /, *, reference: str
    ) -> Reserved | Capped:
        """See `QuotaStore.reserve`."""
        ...

    async def commit(self, reserved: Reserved, now: datetime, /) -> bool:
        """See `QuotaStore.commit`."""
        ...

    async def refund(self, reserved: Reserved, now: datetime, /) -> bool:
        """See `QuotaStore.refund`."""
        ...

    async def spend(self, caps: Sequence[Cap], now: datetime, /) -> Capped | None:
        """See `QuotaStore.spend`."""
        ...

    async def peek(self, caps: Sequence[Cap], now: datetime, /) -> tuple[Usage, ...]:
        """See `QuotaStore.peek`."""
        ...

    async def clear(self, keys: Sequence[str], /) -> None:
        """See `QuotaStore.clear`."""
        ...


@attrs.frozen
class Rule:
    """A limit and what it is counted by.

    Attributes:
        limit: So many within a window.
        by: The facts of a subject that make its key, such as ``("signature", "number")``;
            empty counts everything together.
    """

    limit: Limit
    by: tuple[str, ...] = ()


def _space(_: object, field: attrs.Attribute[str], value: str) -> None:
    if not value or "." in value or "{" in value or "}" in value:
        raise InvalidValueError(
            f"{field.name} must be non-empty and without dots or braces, got {value!r}",
            f"{field.name} 不能为空，也不能含点号或花括号，现为 {value!r}",
            field=field.name,
        )


def _index_key(_: object, field: attrs.Attribute[bytes], value: bytes) -> None:
    if len(value) < 16:
        raise InvalidValueError(
            f"{field.name} must have at least 16 bytes, got {len(value)}; "
            "make one with secrets.token_bytes(32) and keep it",
            f"{field.name} 至少 16 字节，现为 {len(value)}；请用 secrets.token_bytes(32) 生成并保存",
            field=field.name,
        )


def _as_rules(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    return tuple(rules)


@attrs.frozen(kw_only=True)
class _Rules:
    rules: tuple[Rule, ...] = attrs.field(converter=_as_rules)
    index_key: bytes = attrs.field(repr=False, validator=_index_key)
    space: str = attrs.field(default="quota", validator=_space)

    def caps(self, subject: Mapping[str, str], cost: int = 1) -> tuple[Cap, ...]:
        """One cap per rule for *subject*, under hashed keys.

        Raises:
            InvalidValueError: A rule counts by a fact that *subject* lacks, or *cost* is more
                than a limit will ever hold.
        """
        for rule in self.rules:
            if not 0 <= cost <= rule.limit.count:
                raise InvalidValueError(
                    f"cost must be from 0 to {rule.limit.count} ({rule.limit.name}), got {cost}; "
                    "it would never fit",
                    f"cost 须在 0 到 {rule.limit.count} 之间（{rule.limit.name}），现为 {cost}，"
                    "永远放不下",
                    field="cost",
                )
        return tuple(Cap(self._key(rule, subject), rule.limit, cost) for rule in self.rules)

    def _key(self, rule: Rule, subject: Mapping[str, str]) -> str:
        missing = [name for name in rule.by if name not in subject]
        if missing:
            raise InvalidValueError(
                f"the limit {rule.limit.name} counts by {', '.join(missing)}; give a value for it",
                f"限额 {rule.limit.name} 按 {', '.join(missing)} 计数，请给出其值",
                field=missing[0],
            )
        facts = "\0".join((rule.limit.name, *(f"{n}\0{subject[n]}" for n in rule.by)))
        return f"{self.space}.{hmac.digest(self.index_key, facts.encode(), 'sha256').hex()[:40]}"


def _new_reference() -> str:
    return uuid4().hex


class Quota:
    """Several limits over one kind of subject, such as a provider's frequency rules.

    >>> from datetime import datetime, timedelta, timezone
    >>> from propsms.stores import MemoryStore
    >>> minute = Limit("minute", 1, Rolling(timedelta(minutes=1)))
    >>> quota = Quota(
    ...     MemoryStore(),
    ...     [Rule(minute, by=("signature", "number"))],
    ...     index_key=b"an example, not a secret",
    ... )
    >>> now = datetime(2026, 3, 2, 9, tzinfo=timezone.utc)
    >>> subject = {"signature": "XX物业", "number": "+8613900000001"}
    >>> first = quota.reserve(subject, now=now)
    >>> quota.reserve(subject, now=now).retry_at.isoformat()
    '2026-03-02T09:01:00+00:00'
    >>> quota.refund(first, now=now)
    True

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        store: QuotaStore,
        rules: Sequence[Rule],
        *,
        index_key: bytes,
        space: str = "quota",
        new_reference: Callable[[], str] = _new_reference,
    ) -> None:
        """Count *rules* in *store*.

        Args:
            store: Where; several processes share caps only through a store they share.
            rules: The limits, all counted as one act.
            index_key: Hashes the subjects, so that the store holds no phone number.
            space: The key space, one per owner of caps: two owners never count each other's.
            new_reference: Names reservations for which the caller gives no reference.
        """
        self._store = store
        self._rules = _Rules(rules=rules, index_key=index_key, space=space)
        self._new = new_reference

    def reserve(
        self, subject: Mapping[str, str], *, now: datetime, reference: str = "", cost: int = 1
    ) -> Reserved | Capped:
        """Count *cost* units under every rule, or nothing."""
        caps = self._rules.caps(subject, cost)
        return self._store.reserve(caps, now, reference=reference or self._new())

    def commit(self, reserved: Reserved, *, now: datetime) -> bool:
        """Let the reservation stand: the message was accepted, or its outcome is unknown."""
        return self._store.commit(reserved, now)

    def refund(self, reserved: Reserved, *, now: datetime) -> bool:
        """Give the reservation back: nothing was sent."""
        return self._store.refund(reserved, now)

    def spend(self, subject: Mapping[str, str], *, now: datetime, cost: int = 1) -> Capped | None:
        """Count for good at once; None if it fitted."""
        return self._store.spend(self._rules.caps(subject, cost), now)

    def peek(self, subject: Mapping[str, str], *, now: datetime) -> tuple[Usage, ...]:
        """How full each rule is for *subject*."""
        return self._store.peek(self._rules.caps(subject), now)

    def retry_at(self, subject: Mapping[str, str], *, now: datetime) -> datetime | None:
        """When the next one fits; None if it does now."""
        return _latest(self.peek(subject, now=now))


class AsyncQuota:
    """`Quota`, awaited.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        store: AsyncQuotaStore,
        rules: Sequence[Rule],
        *,
        index_key: bytes,
        space: str = "quota",
        new_reference: Callable[[], str] = _new_reference,
    ) -> None:
        """Count *rules* in *store*; see `Quota`."""
        self._store = store
        self._rules = _Rules(rules=rules, index_key=index_key, space=space)
        self._new = new_reference

    async def reserve(
        self, subject: Mapping[str, str], *, now: datetime, reference: str = "", cost: int = 1
    ) -> Reserved | Capped:
        """See `Quota.reserve`."""
        caps = self._rules.caps(subject, cost)
        return await self._store.reserve(caps, now, reference=reference or self._new())

    async def commit(self, reserved: Reserved, *, now: datetime) -> bool:
        """See `Quota.commit`."""
        return await self._store.commit(reserved, now)

    async def refund(self, reserved: Reserved, *, now: datetime) -> bool:
        """See `Quota.refund`."""
        return await self._store.refund(reserved, now)

    async def spend(
        self, subject: Mapping[str, str], *, now: datetime, cost: int = 1
    ) -> Capped | None:
        """See `Quota.spend`."""
        return await self._store.spend(self._rules.caps(subject, cost), now)

    async def peek(self, subject: Mapping[str, str], *, now: datetime) -> tuple[Usage, ...]:
        """See `Quota.peek`."""
        return await self._store.peek(self._rules.caps(subject), now)

    async def retry_at(self, subject: Mapping[str, str], *, now: datetime) -> datetime | None:
        """See `Quota.retry_at`."""
        return _latest(await self.peek(subject, now=now))


def _latest(usages: Sequence[Usage]) -> datetime | None:
    return max((u.retry_at for u in usages if u.retry_at is not None), default=None)
