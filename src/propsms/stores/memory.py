"""Codes and caps in this process: for one process, and for tests.

It forgets everything when the process ends, caps included, and several processes share
nothing; a site with more than one worker wants `SQLiteStore` or `RedisStore`. It is bounded:
when it is full of what has not expired it refuses, because forgetting a cap would lift it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import itemgetter
from threading import Lock
from typing import TYPE_CHECKING, Final

from propsms._checks import in_utc
from propsms._otp.values import OpenedFields, freeze
from propsms.errors import InvalidValueError, StoreError
from propsms.otp import Challenge, Opened
from propsms.quota import Cap, Capped, Reserved, Usage, from_micros, to_micros

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from propsms.quota import Limit

__all__ = ["AsyncMemoryStore", "MemoryStore"]

_DAY: Final = 86_400_000_000
_SWEEP_EVERY: Final = 1024
_MOST_ROWS: Final = 16  # that one act may add

# Where each of several caps was counted: the end of its bucket, or the instant in its log.
_Marks = list[int]
# The window of a rolling cap, then the instants at which it was charged, oldest first.
_Log = list[int]


class _Slot:
    """A challenge with what changes of it."""

    __slots__ = ("attempts", "challenge", "earns", "expires", "open", "sendings", "start", "used")

    def __init__(self, challenge: Challenge, caps: Sequence[Cap]) -> None:
        self.challenge = challenge
        # What a right guess gives back: itself, and the budget of the send.
        self.earns = [cap for cap in caps if cap[1].gives_back and cap[2]]
        self.earns += challenge.guess_caps
        self.expires = in_utc(challenge.expires_at)
        self.start = None if challenge.valid_from is None else in_utc(challenge.valid_from)
        self.attempts = 0
        self.used: datetime | None = None
        self.open = True
        self.sendings = 0

    def stands(self, now: datetime) -> bool:
        """True if a right guess could still be taken, now or when it becomes valid."""
        return self.open and self.used is None and now < self.expires


# A code that was sent: its challenge, and where it was counted; None: given back.
_Sending = tuple[_Slot, tuple[Cap, ...], _Marks | None]


class MemoryStore:
    """Codes and caps in a dictionary, safe for threads.

    .. versionadded:: 0.1.0
    """

    def __init__(self, *, max_items: int = 1_000_000) -> None:
        """Keep at most *max_items* rows of any kind; one code takes about eight."""
        if max_items < _MOST_ROWS:
            raise InvalidValueError(
                f"max_items must be at least {_MOST_ROWS}, got {max_items}",
                f"max_items 至少为 {_MOST_ROWS}，现为 {max_items}",
                field="max_items",
            )
        self._max = max_items
        self._lock = Lock()
        self._buckets: dict[str, tuple[int, int]] = {}
        self._logs: dict[str, _Log] = {}
        self._slots: dict[str, _Slot] = {}
        self._sendings: dict[str, _Sending] = {}
        self._reservations: dict[str, tuple[int, tuple[Cap, ...], _Marks]] = {}
        self._countdown = 0

    def __repr__(self) -> str:
        return f"MemoryStore({self.size} of {self._max} items)"

    @property
    def size(self) -> int:
        """Rows of all kinds."""
        return (
            len(self._buckets)
            + len(self._logs)
            + len(self._slots)
            + len(self._sendings)
            + len(self._reservations)
        )

    # --- codes ---

    def open(self, challenge: Challenge, caps: Sequence[Cap], now: datetime, /) -> Opened | Capped:
        """See `propsms.otp.OtpStore.open`."""
        now = in_utc(now)
        at = to_micros(now)
        with self._lock:
            self._make_room(at)
            slot = self._slots.get(challenge.key)
            standing = slot if slot is not None and slot.stands(now) else None
            if standing is not None and challenge.exclusive:
                return Capped("no_free_code", standing.challenge.expires_at)
            charged = self._charge(caps, at)
            if isinstance(charged, Capped):
                return charged
            marks, over = charged
            if standing is None or not _may_stay(standing, challenge):
                if slot is not None:
                    slot.open = False
                standing = self._slots[challenge.key] = _Slot(challenge, caps)
            standing.sendings += 1
            self._sendings[challenge.id] = (standing, tuple(caps), marks)
            return freeze(OpenedFields(standing.challenge, over), Opened)

    def spend_attempt(self, key: str, now: datetime, /) -> Challenge | None:
        """See `propsms.otp.OtpStore.spend_attempt`."""
        now = in_utc(now)
        at = to_micros(now)
        with self._lock:
            slot = self._slots.get(key)
            if slot is None:
                return None
            if not slot.stands(now) or (slot.start is not None and now < slot.start):
                return _seen(slot)
            if slot.attempts >= slot.challenge.max_attempts:
                slot.attempts += 1
                return _seen(slot)
            caps = slot.challenge.guess_caps
            charged = self._charge(caps, at)
            if isinstance(charged, Capped):
                return _seen(slot, locked_until=charged.retry_at)
            slot.attempts += 1
            left: int | None = None
            for place, limit, _ in caps:
                free = limit.count + 1 - len(self._logs[place])
                if left is None or free < left:
                    left = free
            return _seen(slot, guesses_left=left)

    def consume(self, challenge_id: str, now: datetime, /) -> bool:
        """See `propsms.otp.OtpStore.consume`."""
        now = in_utc(now)
        with self._lock:
            sending = self._sendings.get(challenge_id)
            if sending is None or not (slot := sending[0]).stands(now):
                return False
            slot.used = now
            self._give_back(slot.earns)
            return True

    def cancel(self, challenge_id: str, now: datetime, /) -> bool:
        """See `propsms.otp.OtpStore.cancel`."""
        in_utc(now)
        with self._lock:
            sending = self._sendings.get(challenge_id)
            if sending is None:
                return False
            slot, caps, marks = sending
            if marks is None or slot.used is not None:
                return False
            self._refund(caps, marks)
            self._sendings[challenge_id] = (slot, caps, None)
            slot.sendings -= 1
            if not slot.sendings:
                slot.open = False
                if self._slots.get(slot.challenge.key) is slot:
                    del self._slots[slot.challenge.key]
            return True

    # --- caps ---

    def reserve(
        self, caps: Sequence[Cap], now: datetime, /, *, reference: str
    ) -> Reserved | Capped:
        """See `propsms.quota.QuotaStore.reserve`."""
        at = to_micros(now)
        with self._lock:
            if reference in self._reservations:
                return Reserved(reference, tuple(caps))
            self._make_room(at)
            charged = self._charge(caps, at)
            if isinstance(charged, Capped):
                return charged
            marks, over = charged
            self._reservations[reference] = (_last_end(caps, marks), tuple(caps), marks)
            return Reserved(reference, tuple(caps), over)

    def commit(self, reserved: Reserved, now: datetime, /) -> bool:
        """See `propsms.quota.QuotaStore.commit`."""
        to_micros(now)
        with self._lock:
            return self._reservations.pop(reserved.reference, None) is not None

    def refund(self, reserved: Reserved, now: datetime, /) -> bool:
        """See `propsms.quota.QuotaStore.refund`."""
        to_micros(now)
        with self._lock:
            found = self._reservations.pop(reserved.reference, None)
            if found is None:
                return False
            self._refund(*found[1:])
            return True

    def spend(self, caps: Sequence[Cap], now: datetime, /) -> Capped | None:
        """See `propsms.quota.QuotaStore.spend`."""
        at = to_micros(now)
        with self._lock:
            self._make_room(at)
            charged = self._charge(caps, at)
            return charged if isinstance(charged, Capped) else None

    def peek(self, caps: Sequence[Cap], now: datetime, /) -> tuple[Usage, ...]:
        """See `propsms.quota.QuotaStore.peek`."""
        at = to_micros(now)
        with self._lock:
            return tuple(self._usage(cap, at) for cap in caps)

    def clear(self, keys: Sequence[str], /) -> None:
        """See `propsms.quota.QuotaStore.clear`."""
        with self._lock:
            for key in keys:
                self._buckets.pop(key, None)
                self._logs.pop(key, None)

    def _usage(self, cap: Cap, at: int) -> Usage:
        used, _, free_at = self._look(*cap, at)
        retry = None if free_at is None else from_micros(free_at)
        return Usage(cap.limit.name, used, cap.limit.count, retry)

    def _look(self, key: str, limit: Limit, cost: int, at: int) -> tuple[int, int, int | None]:
        """Units used, the end of the bucket (0: a log), when it fits if it does not now."""
        need = cost or 1
        if micros := limit.span:
            log = self._logs.get(key)
            if log is None:
                return 0, 0, None
            at = max(at, log[-1])
            gone = bisect_right(log, at - micros, 1)
            used = len(log) - gone
            excess = used + need - limit.count
            return used, 0, log[gone + excess - 1] + micros if excess > 0 else None
        end = limit.end(at)
        state = self._buckets.get(key)
        used = 0
        if state is not None and state[0] >= end:
            end, used = state
        return used, end, end if used + need > limit.count else None

    # Written out, because it runs twice for every code.
    def _charge(self, caps: Sequence[Cap], at: int) -> tuple[_Marks, tuple[str, ...]] | Capped:
        """Count all or none."""
        buckets, logs = self._buckets, self._logs
        taken: dict[str, tuple[int, int]] = {}
        logged: list[tuple[str, int, int, int]] = []
        full: list[tuple[int, Limit]] = []
        marks: _Marks = []
        for key, limit, cost in caps:
            if limit.span:
                mark = at
                if key in logs:
                    mark = max(at, logs[key][-1])
                    if free_at := self._look(key, limit, cost, at)[2]:
                        full.append((free_at, limit))
                if cost:
                    logged.append((key, limit.span, cost, mark))
            else:
                state = buckets.get(key)
                # Before the end of the last bucket is inside it, whichever way the clock went.
                if state is None or state[0] <= at:
                    mark, used = limit.end(at), 0
                else:
                    mark, used = state
                if used + (cost or 1) > limit.count:
                    full.append((mark, limit))
                if cost:
                    taken[key] = (mark, used + cost)
            marks.append(mark)
        over = _over(full) if full else ()
        if isinstance(over, Capped):
            return over
        buckets |= taken
        for key, span, cost, mark in logged:
            _write_down(logs.setdefault(key, [span]), cost, mark)
        return marks, over

    def _refund(self, caps: Sequence[Cap], marks: _Marks) -> None:
        for (key, limit, cost), mark in zip(caps, marks, strict=True):
            if not limit.span:
                state = self._buckets.get(key)
                if state is not None and state[0] == mark:
                    self._buckets[key] = (mark, state[1] - cost)
            elif (log := self._logs.get(key)) is not None:
                first = bisect_left(log, mark, 1)
                del log[first : min(first + cost, bisect_right(log, mark, first))]
                if len(log) == 1:
                    del self._logs[key]

    def _give_back(self, caps: Sequence[Cap]) -> None:
        logs, buckets = self._logs, self._buckets
        for key, limit, _ in caps:
            log = logs.get(key)
            if log is not None:
                kept = len(log) - limit.gives_back
                if kept > 1:
                    del log[kept:]
                else:
                    del logs[key]
            elif (state := buckets.get(key)) is not None:
                buckets[key] = (state[0], state[1] - limit.gives_back)

    # --- room ---

    def _make_room(self, at: int) -> None:
        self._countdown -= 1
        if self._countdown > 0:
            return
        self._sweep(at)
        alive = self.size
        if alive > self._max - _MOST_ROWS:
            raise StoreError(
                f"the memory store is full ({self._max} items, none expired), so it refuses "
                "rather than forget a cap; raise max_items, or use SQLiteStore or RedisStore",
                f"内存存储已满（{self._max} 项且均未过期），为不丢失限额而拒绝；"
                "请调大 max_items，或改用 SQLiteStore、RedisStore",
            )
        self._countdown = min(_SWEEP_EVERY + alive // 8, (self._max - alive) // _MOST_ROWS)

    def _sweep(self, at: int) -> None:
        """Forget what ended a day ago; the day forgives a clock that jumps and comes back."""
        past = at - _DAY
        day = from_micros(past)
        for key in [key for key, (end, _) in self._buckets.items() if end <= past]:
            del self._buckets[key]
        for key in [key for key, log in self._logs.items() if log[-1] + log[0] <= past]:
            del self._logs[key]
        for key in [key for key, slot in self._slots.items() if slot.expires <= day]:
            del self._slots[key]
        for key in [key for key, s in self._sendings.items() if s[0].expires <= day]:
            del self._sendings[key]
        for key in [key for key, held in self._reservations.items() if held[0] <= past]:
            del self._reservations[key]


def _may_stay(slot: _Slot, wanted: Challenge) -> bool:
    return (
        wanted.reuse_after is not None
        and slot.challenge.expires_at > wanted.reuse_after
        and slot.challenge.binding == wanted.binding
        and bool(slot.challenge.sealed)
        and slot.attempts < slot.challenge.max_attempts
    )


def _over(full: list[tuple[int, Limit]]) -> tuple[str, ...] | Capped:
    """Which full limits only record; or the refusal of one that does not."""
    hard = [entry for entry in full if entry[1].enforced]
    if hard:
        free_at, limit = max(hard, key=itemgetter(0))  # of several, the first
        return Capped(limit.name, from_micros(free_at))
    return tuple([limit.name for _, limit in full])


def _write_down(log: _Log, cost: int, at: int) -> None:
    """Count *cost* units at *at*, and forget what is past."""
    if len(log) > 1:
        del log[1 : bisect_right(log, at - log[0], 1)]
    log += [at] * cost


def _last_end(caps: Sequence[Cap], marks: _Marks) -> int:
    ends = (mark + cap.limit.span for cap, mark in zip(caps, marks, strict=True))
    return max(ends, default=0)


def _seen(
    slot: _Slot, *, guesses_left: int | None = None, locked_until: datetime | None = None
) -> Challenge:
    return slot.challenge.seen(slot.attempts, slot.used, guesses_left, locked_until)


class AsyncMemoryStore:
    """`MemoryStore`, awaited; its acts never wait, so they run where they are called.

    .. versionadded:: 0.1.0
    """

    def __init__(self, store: MemoryStore | None = None) -> None:
        """Serve *store*, or a new one."""
        self._store = MemoryStore() if store is None else store

    def __repr__(self) -> str:
        return f"Async{self._store!r}"

    async def open(
        self, challenge: Challenge, caps: Sequence[Cap], now: datetime, /
    ) -> Opened | Capped:
        """See `propsms.otp.OtpStore.open`."""
        return self._store.open(challenge, caps, now)

    async def spend_attempt(self, key: str, now: datetime, /) -> Challenge | None:
        """See `propsms.otp.OtpStore.spend_attempt`."""
        return self._store.spend_attempt(key, now)

    async def consume(self, challenge_id: str, now: datetime, /) -> bool:
        """See `propsms.otp.OtpStore.consume`."""
        return self._store.consume(challenge_id, now)

    async def cancel(self, challenge_id: str, now: datetime, /) -> bool:
        """See `propsms.otp.OtpStore.cancel`."""
        return self._store.cancel(challenge_id, now)

    async def reserve(
        self, caps: Sequence[Cap], now: datetime, /, *, reference: str
    ) -> Reserved | Capped:
        """See `propsms.quota.QuotaStore.reserve`."""
        return self._store.reserve(caps, now, reference=reference)

    async def commit(self, reserved: Reserved, now: datetime, /) -> bool:
        """See `propsms.quota.QuotaStore.commit`."""
        return self._store.commit(reserved, now)

    async def refund(self, reserved: Reserved, now: datetime, /) -> bool:
        """See `propsms.quota.QuotaStore.refund`."""
        return self._store.refund(reserved, now)

    async def spend(self, caps: Sequence[Cap], now: datetime, /) -> Capped | None:
        """See `propsms.quota.QuotaStore.spend`."""
        return self._store.spend(caps, now)

    async def peek(self, caps: Sequence[Cap], now: datetime, /) -> tuple[Usage, ...]:
        """See `propsms.quota.QuotaStore.peek`."""
        return self._store.peek(caps, now)

    async def clear(self, keys: Sequence[str], /) -> None:
        """See `propsms.quota.QuotaStore.clear`."""
        self._store.clear(keys)
