"""Residents, guessers and households at once, act by act, in any order: caps hold all the same.

Each caller is a coroutine that lets the others go first before every act on the store, so that
their many acts (issue, send, cancel; spend a guess, consume; reserve, refund) interleave as
Hypothesis chooses, while the clock jumps both ways. The store and the plain model are asked the
same. Threads race inside one act in the store's own suite; here nothing is left to chance.
"""

# ruff: noqa: D102 - the acts are the Protocol's, and each mutant's class says what is wrong

from __future__ import annotations

import types
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

import attrs
import pytest
from hypothesis import Phase, given, settings, strategies as st

from propsms.otp import (
    AsyncOtpService,
    AsyncOtpStore,
    Challenge,
    Issued,
    OtpPolicy,
    PumpingBudget,
    Resend,
)
from propsms.quota import AsyncQuota, CalendarDay, Cap, Fixed, Limit, Reserved, Rolling, Rule
from propsms.stores import MemoryStore, SQLiteStore
from propsms.testing._model import Model, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator, Sequence

KEY = b"a key for tests, not for people."
START = datetime(2026, 3, 2, 15, 50, tzinfo=UTC)  # ten minutes before midnight in Shanghai
PHONES = ("13900000001", "13900000002", "13700000003")
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
JUMPS = (*[timedelta(0)] * 6, SECOND, MINUTE, 10 * MINUTE, 25 * HOUR, -SECOND, -HOUR)
POLICY = OtpPolicy(
    codes_per_day=2,
    guesses_per_day=3,
    wrong_in_a_row=4,
    max_attempts=2,
    per_address=3,
    per_tenant=4,
    per_everyone=5,
    pumping=PumpingBudget(unverified=3, earn=1, enforced=True),
)
POLICIES = [
    attrs.evolve(POLICY, resend=resend, resend_after=wait, day=day)
    for resend in Resend
    for wait, day in ((None, CalendarDay()), (MINUTE, Rolling(24 * HOUR)))
]
RULES = (
    Rule(Limit("minute", 1, Rolling(MINUTE)), by=("number",)),
    Rule(Limit("hour", 2, Fixed(HOUR)), by=("number",)),
    Rule(Limit("day", 3, CalendarDay())),
)


@types.coroutine
def _turn() -> Generator[None]:
    """Let the others go first."""
    yield


class Stepwise:
    """A store whose callers wait before each act; the model does the same act."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.model = Model()
        self.caps: dict[str, Cap] = {}

    def both(self, act: str, first: Any, now: datetime, *more: Any, **named: Any) -> Any:
        theirs = getattr(self.store, act)(first, *more, now, **named)
        if act in {"commit", "refund"}:
            ours: Any = self.model.settle(first.reference, refund=act == "refund")
        else:
            ours = getattr(self.model, act)(first, *more, now, **named)
        assert shown(ours) == shown(theirs), f"{act}: expected {shown(ours)}, got {shown(theirs)}"
        return theirs

    async def open(self, challenge: Challenge, caps: Sequence[Cap], now: datetime, /) -> Any:
        self.caps.update((cap.key, cap) for cap in (*caps, *challenge.guess_caps))
        await _turn()
        return self.both("open", challenge, now, caps)

    async def spend_attempt(self, key: str, now: datetime, /) -> Any:
        await _turn()
        return self.both("spend_attempt", key, now)

    async def consume(self, challenge_id: str, now: datetime, /) -> Any:
        await _turn()
        return self.both("consume", challenge_id, now)

    async def cancel(self, challenge_id: str, now: datetime, /) -> Any:
        await _turn()
        return self.both("cancel", challenge_id, now)

    async def reserve(self, caps: Sequence[Cap], now: datetime, /, *, reference: str) -> Any:
        self.caps.update((cap.key, cap) for cap in caps)
        await _turn()
        return self.both("reserve", caps, now, reference=reference)

    async def commit(self, held: Reserved, now: datetime, /) -> Any:
        await _turn()
        return self.both("commit", held, now)

    async def refund(self, held: Reserved, now: datetime, /) -> Any:
        await _turn()
        return self.both("refund", held, now)

    def check(self, now: datetime) -> None:
        """No cap that refuses has counted more than its count."""
        for cap in self.caps.values():
            used = self.model.usage(cap, now).used
            assert used <= cap.limit.count, f"{cap.limit.name}: {used} of {cap.limit.count}"


class Town:
    """Everybody who asks for codes, and the clock that all of them read."""

    def __init__(self, stepwise: Stepwise, policy: OtpPolicy) -> None:
        self.now = START
        store = cast("AsyncOtpStore", stepwise)
        # Codes are even, and each comes once; what is wrong is odd.
        chance = count()
        self.codes = AsyncOtpService(
            store, KEY, policy=policy, randbelow=lambda bound: next(chance) % bound
        )
        self.quota = AsyncQuota(store, RULES, index_key=KEY)
        self.callers: list[Coroutine[None, None, None]] = []
        self.wins: Counter[str] = Counter()

    async def resident(self, phone: str, outcome: str, guesses: Sequence[bool]) -> None:
        """Ask for a code; cancel, twice to be sure, or type it on several devices at once."""
        issued = await self.codes.issue(
            phone, purpose="gate", now=self.now, address="203.0.113.7", session="s-1"
        )
        if not isinstance(issued, Issued):
            return
        self.callers += [self.device(phone, issued.code, right=right) for right in guesses]
        if outcome == "refused":
            given = [await self.codes.cancel(issued.challenge_id, now=self.now) for _ in range(2)]
            assert not all(given), "one sending was given back twice"

    async def device(self, phone: str, code: str, *, right: bool) -> None:
        """Type the code, or a wrong one."""
        typed = code if right else f"{int(code) + 1:06d}"
        result = await self.codes.verify(
            phone, purpose="gate", code=typed, now=self.now, session="s-1"
        )
        self.wins[typed] += result.ok

    async def household(self, phone: str, outcome: str) -> None:
        """Hold a contact, then let it stand, give it back, or crash and never settle it."""
        held = await self.quota.reserve({"number": phone}, now=self.now)
        if isinstance(held, Reserved) and outcome == "refused":
            await self.quota.refund(held, now=self.now)
        elif isinstance(held, Reserved) and outcome == "accepted":
            await self.quota.commit(held, now=self.now)

    def check(self) -> None:
        """A code opens once, a wrong one never."""
        assert all(won <= 1 for won in self.wins.values()), "a code opened twice"
        assert not any(won for code, won in self.wins.items() if int(code) % 2)


_outcomes = st.sampled_from(("accepted", "refused", "unknown"))
_phones = st.sampled_from(PHONES)
_guesses = st.lists(st.sampled_from((True, True, False)), max_size=3)
_callers = st.lists(
    st.one_of(
        st.tuples(st.just("resident"), _phones, _outcomes, _guesses),
        st.tuples(st.just("household"), _phones, _outcomes),
    ),
    min_size=2,
    max_size=6,
)


# Where a race is likeliest: one number, one code on two devices, one contact.
_crowd = st.lists(
    st.sampled_from(
        (
            ("resident", PHONES[0], "accepted", (True, True)),
            ("resident", PHONES[0], "refused", ()),
            ("household", PHONES[0], "unknown"),
        )
    ),
    min_size=4,
    max_size=6,
)


def interleave(
    stepwise: Stepwise, data: st.DataObject, callers: st.SearchStrategy[list[Any]] = _callers
) -> None:
    """Let callers take turns until all are done, or until Hypothesis stops: a crash of the rest."""
    town = Town(stepwise, data.draw(st.sampled_from(POLICIES)))
    town.callers = [getattr(town, kind)(*how) for kind, *how in data.draw(callers)]
    try:
        for _ in range(data.draw(st.integers(4, 40))):
            if not town.callers:
                break
            town.now += data.draw(st.sampled_from(JUMPS))
            caller = data.draw(st.sampled_from(town.callers))
            try:
                caller.send(None)
            except StopIteration:
                town.callers.remove(caller)
            stepwise.check(town.now)
            town.check()
    finally:
        for caller in town.callers:
            caller.close()


@given(data=st.data())
def test_caps_hold_in_memory(data: st.DataObject) -> None:
    """In whatever order the acts of several callers come."""
    interleave(Stepwise(MemoryStore()), data)


@settings(max_examples=15)
@given(data=st.data())
def test_caps_hold_in_a_file(data: st.DataObject) -> None:
    """SQLite too; fewer runs, because each act is a transaction."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "s.db"
        with closing(SQLiteStore(path, synchronous="NORMAL")) as store:
            interleave(Stepwise(store), data)


# --- what the test is worth: services that look first and act later ---


class LooksBeforeItOpens(Stepwise):
    """Caps are looked at, then counted: two that look at once both find room."""

    async def open(self, challenge: Challenge, caps: Sequence[Cap], now: datetime, /) -> Any:
        full = any(self.model.usage(cap, now).retry_at for cap in caps)
        free = [cap._replace(limit=attrs.evolve(cap.limit, enforced=full)) for cap in caps]
        self.caps.update((cap.key, cap) for cap in (*caps, *challenge.guess_caps))
        await _turn()
        return self.both("open", challenge, now, free)


class LooksBeforeItConsumes(Stepwise):
    """Whether the code was used is read, then written."""

    async def consume(self, challenge_id: str, now: datetime, /) -> Any:
        used = self.model.sendings[challenge_id][0].used_at is not None
        await _turn()
        self.both("consume", challenge_id, now)
        return not used


class LooksBeforeItReserves(Stepwise):
    """As with codes, with the contacts of a household."""

    async def reserve(self, caps: Sequence[Cap], now: datetime, /, *, reference: str) -> Any:
        full = any(self.model.usage(cap, now).retry_at for cap in caps)
        free = [cap._replace(limit=attrs.evolve(cap.limit, enforced=full)) for cap in caps]
        self.caps.update((cap.key, cap) for cap in caps)
        await _turn()
        return self.both("reserve", free, now, reference=reference)


class CancelsTwice(Stepwise):
    """Who asks again is given the caps back again."""

    async def cancel(self, challenge_id: str, now: datetime, /) -> Any:
        await _turn()
        self.both("cancel", challenge_id, now)
        return True


@pytest.mark.parametrize(
    ("mutant", "fault"),
    [
        (LooksBeforeItOpens, r": \d of \d"),
        (LooksBeforeItConsumes, "a code opened twice"),
        (LooksBeforeItReserves, r": \d of \d"),
        (CancelsTwice, "given back twice"),
    ],
)
def test_a_planted_race_is_found(mutant: Callable[[Any], Stepwise], fault: str) -> None:
    """Each of them holds when callers come one after the other."""

    @settings(
        max_examples=400,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        report_multiple_bugs=False,
    )
    @given(data=st.data())
    def races(data: st.DataObject) -> None:
        interleave(mutant(MemoryStore()), data, _crowd)

    with pytest.raises(AssertionError, match=fault):
        races()
