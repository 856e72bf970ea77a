"""The suite is worth its name: each bug that a store could have is planted, and caught."""

# ruff: noqa: D102 - the class says what is wrong with its act

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from propsms.quota import Cap, Capped, Reserved, to_micros
from propsms.stores import MemoryStore
from propsms.stores.rows import RowStore
from propsms.testing import find_faults

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Sequence
    from datetime import datetime

    from propsms.otp import Challenge, Opened


class _Dictionary:
    """Rows in a dictionary."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def get(self, key: str, /) -> str | None:
        return self.texts.get(key)

    def put(self, key: str, text: str, expires: int, /) -> None:
        self.texts[key] = text

    def drop(self, key: str, /) -> None:
        self.texts.pop(key, None)


class Sound(RowStore):
    """The smallest sound store, to plant bugs in."""

    def __init__(self) -> None:
        self.rows = _Dictionary()
        self.lock = threading.RLock()

    @contextmanager
    def act(self, tags: Collection[str], /) -> Generator[_Dictionary]:
        with self.lock:
            yield self.rows


class NoLock(Sound):
    """Get, then set: two that race both read before either writes."""

    @contextmanager
    def act(self, tags: Collection[str], /) -> Generator[_Dictionary]:
        yield _Slow(self.rows)


class _Slow:
    def __init__(self, rows: _Dictionary) -> None:
        self.rows = rows

    def get(self, key: str, /) -> str | None:
        text = self.rows.get(key)
        time.sleep(0.001)
        return text

    def put(self, key: str, text: str, expires: int, /) -> None:
        self.rows.put(key, text, expires)

    def drop(self, key: str, /) -> None:
        self.rows.drop(key)


class GetThenSetConsume(MemoryStore):
    """Looks whether a code is used, and marks it a moment later."""

    def consume(self, challenge_id: str, now: datetime, /) -> bool:
        sending = self._sendings.get(challenge_id)
        if sending is None or not sending.slot.stands(to_micros(now)):
            return False
        time.sleep(0.001)
        super().consume(challenge_id, now)
        return True


class UsedTwice(MemoryStore):
    """Never marks a code as used."""

    def consume(self, challenge_id: str, now: datetime, /) -> bool:
        won = super().consume(challenge_id, now)
        if won:
            self._sendings[challenge_id].slot.used = None
        return won


class LostExpiry(MemoryStore):
    """Takes a code after its end."""

    def consume(self, challenge_id: str, now: datetime, /) -> bool:
        sending = self._sendings.get(challenge_id)
        if sending is not None:
            now = min(now, sending.slot.challenge.issued_at)
        return super().consume(challenge_id, now)


class OffByOneCap(MemoryStore):
    """Grants one more than the limit says."""

    def _look(self, cap: Cap, at: int) -> tuple[int, int, int | None]:
        more = attrs.evolve(cap.limit, count=cap.limit.count + 1)
        return super()._look(cap._replace(limit=more), at)


class NewCodeNewGuesses(MemoryStore):
    """A new code resets the count of wrong guesses."""

    def open(self, challenge: Challenge, caps: Sequence[Cap], now: datetime, /) -> Opened | Capped:
        self.clear([cap.key for cap in challenge.guess_caps])
        return super().open(challenge, caps, now)


class AttemptsNotCounted(MemoryStore):
    """Guesses are free."""

    def spend_attempt(self, key: str, now: datetime, /) -> Challenge | None:
        seen = super().spend_attempt(key, now)
        if key in self._slots:
            self._slots[key].attempts = 0
        return seen


class CancelTwice(MemoryStore):
    """Every cancel gives the caps back again."""

    def cancel(self, challenge_id: str, now: datetime, /) -> bool:
        sending = self._sendings.get(challenge_id)
        charges = list(sending.charges) if sending and sending.charges else None
        done = super().cancel(challenge_id, now)
        if sending is not None and charges is not None:
            sending.charges = charges
        return done


class CancelKeepsCaps(MemoryStore):
    """A refused send still costs."""

    def _refund(self, charges: list[Any]) -> None:
        pass


class CancelAfterUse(MemoryStore):
    """A used code is refunded."""

    def cancel(self, challenge_id: str, now: datetime, /) -> bool:
        sending = self._sendings.get(challenge_id)
        if sending is None:
            return False
        used, sending.slot.used = sending.slot.used, None
        done = super().cancel(challenge_id, now)
        sending.slot.used = used
        return done


class PartialCount(MemoryStore):
    """Counts the caps before the full one."""

    def _charge(self, caps: Sequence[Cap], at: int) -> Any:
        charges: list[Any] = []
        over: tuple[str, ...] = ()
        for cap in caps:
            counted = super()._charge((cap,), at)
            if isinstance(counted, Capped):
                return counted
            charges += counted[0]
            over += counted[1]
        return charges, over


class OldCodeLives(MemoryStore):
    """The code before a new one still passes."""

    def open(self, challenge: Challenge, caps: Sequence[Cap], now: datetime, /) -> Opened | Capped:
        old = self._slots.get(challenge.key)
        answer = super().open(challenge, caps, now)
        if old is not None:
            old.open = True
        return answer


class ClockBuysMore(MemoryStore):
    """A clock set back reopens yesterday's bucket."""

    def _look(self, cap: Cap, at: int) -> tuple[int, int, int | None]:
        state = self._buckets.get(cap.key)
        window: Any = cap.limit.window
        if state is not None and state[0] > window.end(at):
            del self._buckets[cap.key]
        return super()._look(cap, at)


class WindowTooLong(MemoryStore):
    """An event still counts one microsecond after its window."""

    def _look(self, cap: Cap, at: int) -> tuple[int, int, int | None]:
        return super()._look(cap, at - 1)


class RefundAfterCommit(MemoryStore):
    """What was committed can be taken back."""

    def commit(self, reserved: Reserved, now: datetime, /) -> bool:
        return reserved.reference in self._reservations


class ReserveTwice(MemoryStore):
    """Asking again with the same reference counts again."""

    def reserve(
        self, caps: Sequence[Cap], now: datetime, /, *, reference: str
    ) -> Reserved | Capped:
        self._reservations.pop(reference, None)
        return super().reserve(caps, now, reference=reference)


class EnforcesRecords(MemoryStore):
    """A cap that should only record refuses."""

    def _charge(self, caps: Sequence[Cap], at: int) -> Any:
        hard = [c._replace(limit=attrs.evolve(c.limit, enforced=True)) for c in caps]
        return super()._charge(hard, at)


class WrongRetry(MemoryStore):
    """Says a moment that is too early."""

    def _look(self, cap: Cap, at: int) -> tuple[int, int, int | None]:
        used, end, free_at = super()._look(cap, at)
        return used, end, None if free_at is None else free_at - 1_000_000


class FirstReason(MemoryStore):
    """Names the first full cap, not the one that lasts longest."""

    def _charge(self, caps: Sequence[Cap], at: int) -> Any:
        for cap in caps:
            _, _, free_at = self._look(cap, at)
            if free_at is not None and cap.limit.enforced:
                return super()._charge((cap,), at)
        return super()._charge(caps, at)


class SuccessForgivesAll(MemoryStore):
    """A right guess wipes every wrong one of the day."""

    def _give_back(self, caps: Sequence[Cap]) -> None:
        for cap in caps:
            more = attrs.evolve(cap.limit, gives_back=cap.limit.gives_back * 100)
            super()._give_back([cap._replace(limit=more)])


class ReplacesPasses(MemoryStore):
    """A pass that must not be replaced is."""

    def open(self, challenge: Challenge, caps: Sequence[Cap], now: datetime, /) -> Opened | Capped:
        return super().open(attrs.evolve(challenge, exclusive=False), caps, now)


class TooEarly(MemoryStore):
    """Guesses count before a pass is valid."""

    def spend_attempt(self, key: str, now: datetime, /) -> Challenge | None:
        slot = self._slots.get(key)
        if slot is not None:
            slot.start = 0
        return super().spend_attempt(key, now)


class OtherSession(MemoryStore):
    """Sends the code of one session to another."""

    def open(self, challenge: Challenge, caps: Sequence[Cap], now: datetime, /) -> Opened | Capped:
        slot = self._slots.get(challenge.key)
        if slot is not None:
            challenge = attrs.evolve(challenge, binding=slot.challenge.binding)
        return super().open(challenge, caps, now)


class PeekCounts(MemoryStore):
    """Looking takes a unit."""

    def peek(self, caps: Sequence[Cap], now: datetime, /) -> Any:
        seen = super().peek(caps, now)
        self.spend(caps, now)
        return seen


MUTANTS = [
    NoLock,
    GetThenSetConsume,
    UsedTwice,
    LostExpiry,
    OffByOneCap,
    NewCodeNewGuesses,
    AttemptsNotCounted,
    CancelTwice,
    CancelKeepsCaps,
    CancelAfterUse,
    PartialCount,
    OldCodeLives,
    ClockBuysMore,
    WindowTooLong,
    RefundAfterCommit,
    ReserveTwice,
    EnforcesRecords,
    WrongRetry,
    FirstReason,
    SuccessForgivesAll,
    ReplacesPasses,
    TooEarly,
    OtherSession,
    PeekCounts,
]


def test_there_are_enough() -> None:
    """A dozen at least."""
    assert len(MUTANTS) >= 12


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_mutant_is_caught(mutant: type) -> None:
    """One check or more fails on it."""
    faults = find_faults(lambda name: mutant())
    assert faults, f"nobody noticed: {mutant.__doc__}"


def test_the_sound_one_passes() -> None:
    """No check fails where there is no bug."""
    assert {} == find_faults(lambda name: Sound())
