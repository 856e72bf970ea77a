"""Short stories with a point, told to the store and to the model alike.

The state machine finds what nobody thought of; these find at once what somebody did.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import attrs

from propsms.otp import Challenge
from propsms.quota import CalendarDay, Cap, Fixed, Limit, Reserved, Rolling
from propsms.testing._model import Model, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["STORIES", "Telling", "make_challenge"]

# Ten minutes before midnight in Shanghai.
START: Final = datetime(2026, 3, 2, 15, 50, tzinfo=UTC)
_TINY, _SECOND, _MINUTE = timedelta(microseconds=1), timedelta(seconds=1), timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
TTL: Final = 5 * _MINUTE
TAG: Final = "aaaaaaaaaaaaaaaa"
_KEY: Final = f"{TAG}.number-1:gate"


def guess_caps(key: str) -> tuple[Cap, ...]:
    """What guesses at *key* count against: four a day, six in a row."""
    return (
        Cap(f"{key}/guesses", Limit("guesses", 4, Rolling(24 * _HOUR), gives_back=1)),
        Cap(f"{key}/row", Limit("row", 6, Rolling(48 * _HOUR), gives_back=6)),
    )


def make_challenge(key: str, number: int, now: datetime = START, **changes: Any) -> Challenge:
    """A challenge as a service would make it."""
    challenge = Challenge(
        f"{key.partition('.')[0]}.{number:032x}",
        key,
        number.to_bytes(32, "big"),
        "k1",
        now,
        now + TTL,
        3,
        guess_caps=guess_caps(key),
    )
    return attrs.evolve(challenge, **changes)


class Telling:
    """A store and a model that hear the same and must answer the same."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.model = Model()
        self.now = START
        self.number = 0

    def _agree(self, act: str, ours: Any, theirs: Any) -> Any:
        assert shown(ours) == shown(theirs), (
            f"{act} at {self.now.isoformat()}: expected {shown(ours)}, got {shown(theirs)}"
        )
        return ours

    def wait(self, by: timedelta) -> None:
        """Move the clock, back if *by* is negative."""
        self.now += by

    def open(self, *caps: Cap, key: str = _KEY, **changes: Any) -> str:
        """Open a challenge; its id."""
        self.number += 1
        challenge = make_challenge(key, self.number, self.now, **changes)
        ours = self.model.open(challenge, caps, self.now)
        self._agree("open", ours, self.store.open(challenge, caps, self.now))
        return challenge.id

    def guess(self, key: str = _KEY) -> None:
        """Spend one attempt."""
        ours = self.model.spend_attempt(key, self.now)
        self._agree("spend_attempt", ours, self.store.spend_attempt(key, self.now))

    def consume(self, challenge_id: str) -> None:
        """Consume it."""
        ours = self.model.consume(challenge_id, self.now)
        self._agree("consume", ours, self.store.consume(challenge_id, self.now))

    def cancel(self, challenge_id: str) -> None:
        """Cancel it."""
        ours = self.model.cancel(challenge_id, self.now)
        self._agree("cancel", ours, self.store.cancel(challenge_id, self.now))

    def spend(self, *caps: Cap) -> None:
        """Count for good."""
        counted = self.model.count(caps, self.now)
        ours = None if isinstance(counted, tuple) else counted
        self._agree("spend", ours, self.store.spend(caps, self.now))

    def reserve(self, reference: str, *caps: Cap) -> Reserved:
        """Count for the time being."""
        ours = self.model.reserve(caps, self.now, reference)
        self._agree("reserve", ours, self.store.reserve(caps, self.now, reference=reference))
        return Reserved(reference, caps)

    def settle(self, held: Reserved, *, refund: bool) -> None:
        """Commit or refund."""
        ours = self.model.settle(held.reference, refund=refund)
        act = self.store.refund if refund else self.store.commit
        self._agree("refund" if refund else "commit", ours, act(held, self.now))

    def peek(self, *caps: Cap) -> None:
        """Look."""
        ours = tuple(self.model.usage(cap, self.now) for cap in caps)
        self._agree("peek", ours, tuple(self.store.peek(caps, self.now)))

    def clear(self, *keys: str) -> None:
        """Forget."""
        self.model.clear(keys)
        self.store.clear(keys)


def _cap(name: str, count: int, window: Any, cost: int = 1, **changes: Any) -> Cap:
    return Cap(f"{TAG}.{name}", Limit(name, count, window, **changes), cost)


_ROLL: Final = _cap("roll", 3, Rolling(_HOUR))
_FIXED: Final = _cap("fixed", 2, Fixed(10 * _MINUTE))
_DAY: Final = _cap("day", 2, CalendarDay())
_LONG: Final = _cap("long", 1, Rolling(9 * _HOUR))
_SOFT: Final = _cap("soft", 1, Fixed(_HOUR), enforced=False)
_CREDIT: Final = _cap("credit", 2, Fixed(_HOUR), gives_back=2)


def used_once(tell: Telling) -> None:
    """A code is used once, whoever asks afterwards."""
    code = tell.open(_DAY)
    tell.guess()
    for _ in range(2):
        tell.consume(code)
    tell.guess()
    tell.cancel(code)
    tell.peek(_DAY)


def expires(tell: Telling) -> None:
    """The last instant is in, the end is out."""
    first = tell.open()
    other = tell.open(key=f"{TAG}.number-2:gate")
    tell.wait(TTL - _TINY)
    tell.consume(first)
    tell.wait(_TINY)
    tell.consume(other)
    tell.guess(f"{TAG}.number-2:gate")


def guesses_run_out(tell: Telling) -> None:
    """Three for a code, four a day, whatever is asked for anew."""
    tell.open()
    for _ in range(4):
        tell.guess()
    tell.wait(_MINUTE)
    tell.open()
    for _ in range(3):
        tell.guess()
    tell.peek(*guess_caps(_KEY))
    tell.open(*(cap._replace(cost=0) for cap in guess_caps(_KEY)))


def right_guess_is_given_back(tell: Telling) -> None:
    """One of the day's guesses, all of those in a row."""
    tell.open()
    tell.guess()
    code = tell.open()
    for _ in range(2):
        tell.guess()
    tell.consume(code)
    tell.peek(*guess_caps(_KEY))


def rolling_edge(tell: Telling) -> None:
    """An event counts until one period after it, to the microsecond."""
    for _ in range(3):
        tell.spend(_ROLL)
        tell.wait(_SECOND)
    tell.spend(_ROLL)
    tell.wait(_HOUR - 3 * _SECOND - _TINY)
    tell.spend(_ROLL)
    tell.wait(_TINY)
    tell.spend(_ROLL)
    tell.spend(_ROLL)
    tell.peek(_ROLL)


def clock_set_back(tell: Telling) -> None:
    """A clock set back buys nothing: neither in a bucket, nor in a log."""
    for _ in range(2):
        tell.spend(_FIXED, _DAY)
    tell.spend(_FIXED)
    tell.wait(10 * _MINUTE)
    for _ in range(2):
        tell.spend(_FIXED, _DAY)
    tell.wait(-_MINUTE)
    tell.spend(_FIXED)
    tell.spend(_DAY)
    for _ in range(3):
        tell.spend(_ROLL)
    tell.wait(-2 * _HOUR)
    tell.spend(_ROLL)
    tell.peek(_FIXED, _DAY, _ROLL)


def past_stays_past(tell: Telling) -> None:
    """What was past at a counted instant is forgotten, though that count is given back."""
    tell.spend(_LONG)
    tell.wait(9 * _HOUR)
    held = tell.reserve("r-1", _LONG)
    tell.settle(held, refund=True)
    tell.wait(-_HOUR)
    tell.peek(_LONG)
    tell.spend(_LONG)
    tell.spend(_LONG)


def all_or_nothing(tell: Telling) -> None:
    """The full one keeps the others uncounted, and the longest wait is named."""
    tell.spend(_LONG)
    tell.spend(_ROLL, _FIXED, _LONG)
    tell.peek(_ROLL, _FIXED, _LONG)
    for _ in range(2):
        tell.spend(_FIXED)
    tell.spend(_FIXED, _LONG, _ROLL)
    tell.open(_FIXED, _LONG)
    tell.guess()


def records_only(tell: Telling) -> None:
    """A cap that records lets everything pass and says so."""
    for _ in range(3):
        tell.open(_SOFT)
    tell.peek(_SOFT)


def verified_codes_earn(tell: Telling) -> None:
    """A verified code gives back more than its own send, even below zero."""
    code = tell.open(_CREDIT)
    tell.consume(code)
    tell.peek(_CREDIT)
    for _ in range(4):
        tell.open(_CREDIT)


def cancelled_once(tell: Telling) -> None:
    """Caps come back once, to the window they were taken from."""
    code = tell.open(_DAY, _ROLL)
    for _ in range(2):
        tell.cancel(code)
    tell.guess()
    tell.peek(_DAY, _ROLL)
    old = tell.open(_DAY, _ROLL)
    tell.wait(10 * _MINUTE)
    tell.open(_DAY, _ROLL)
    tell.cancel(old)
    tell.peek(_DAY, _ROLL)


def a_new_code_closes_the_old(tell: Telling) -> None:
    """Only the last one opens; cancelling an older sending leaves it alone."""
    old = tell.open(_ROLL)
    new = tell.open(_ROLL)
    tell.consume(old)
    tell.cancel(old)
    tell.consume(new)
    tell.cancel(new)
    third = tell.open(_ROLL)
    tell.cancel(new)
    tell.peek(_ROLL)
    tell.consume(third)


def the_same_code_again(tell: Telling) -> None:
    """Kept while it has life, guesses and the same session; else replaced."""
    again: dict[str, Any] = {"sealed": b"sealed", "reuse_after": START + _MINUTE}
    first = tell.open(_ROLL, **again)
    tell.guess()
    second = tell.open(_ROLL, **again)
    tell.cancel(first)
    tell.guess()
    tell.consume(first)
    tell.cancel(second)
    tell.peek(_ROLL)
    tell.open(_ROLL, **again)
    tell.open(_ROLL, binding="other", **again)
    tell.guess()
    tell.open(sealed=b"sealed", reuse_after=START + TTL)
    tell.open(sealed=b"sealed", reuse_after=START + 2 * TTL)


def passes(tell: Telling) -> None:
    """A pass is not replaced, and not guessed before it is valid."""
    key = f"{TAG}.pass:gate"
    first = tell.open(key=key, exclusive=True, valid_from=START + _MINUTE)
    tell.open(key=key, exclusive=True)
    tell.guess(key)
    tell.wait(_MINUTE)
    tell.guess(key)
    tell.consume(first)
    tell.open(key=key, exclusive=True)


def reservations(tell: Telling) -> None:
    """Committed or refunded once; one reference counts once."""
    held = tell.reserve("a", _DAY, _ROLL)
    tell.reserve("a", _DAY, _ROLL)
    tell.settle(held, refund=False)
    tell.settle(held, refund=True)
    tell.settle(held, refund=False)
    other = tell.reserve("b", _DAY, _ROLL)
    tell.reserve("c", _DAY)
    tell.settle(other, refund=True)
    tell.settle(other, refund=True)
    tell.peek(_DAY, _ROLL)
    tell.settle(Reserved("never", (_DAY,)), refund=True)


def cleared(tell: Telling) -> None:
    """What is cleared starts anew; the rest stays."""
    for _ in range(2):
        tell.spend(_DAY, _ROLL)
    tell.clear(_DAY.key)
    tell.peek(_DAY, _ROLL)


def costs(tell: Telling) -> None:
    """Two units need two units of room; none only looks."""
    pair = _cap("pair", 3, Rolling(_HOUR), 2)
    look = pair._replace(cost=0)
    tell.spend(pair)
    tell.wait(_MINUTE)
    tell.spend(look)
    tell.spend(pair)
    tell.spend(pair._replace(cost=1))
    tell.spend(look)
    tell.wait(_HOUR - _MINUTE)
    tell.peek(pair, look)


def looks_move_no_window(tell: Telling) -> None:
    """A cap that costs nothing refuses when full, and neither counts nor begins a bucket."""
    look = _FIXED._replace(cost=0)
    tell.spend(_FIXED)
    tell.spend(look)
    tell.spend(_FIXED)
    tell.spend(look)
    tell.wait(10 * _MINUTE)
    tell.spend(look)
    tell.wait(-_MINUTE)
    tell.spend(look)
    tell.peek(_FIXED)


def equally_full(tell: Telling) -> None:
    """Of two caps that hold equally long the caller's first is told, whatever its tag."""
    here, there = _cap("here", 1, Fixed(_HOUR)), Cap("all.there", Limit("there", 1, Fixed(_HOUR)))
    tell.spend(here, there)
    for caps in ((here, there), (there, here)):
        tell.spend(*caps)
        tell.reserve("a", *caps)
        tell.open(*caps)


STORIES: Final[Sequence[Callable[[Telling], None]]] = (
    used_once,
    expires,
    guesses_run_out,
    right_guess_is_given_back,
    rolling_edge,
    clock_set_back,
    past_stays_past,
    all_or_nothing,
    records_only,
    verified_codes_earn,
    cancelled_once,
    a_new_code_closes_the_old,
    the_same_code_again,
    passes,
    reservations,
    cleared,
    costs,
    looks_move_no_window,
    equally_full,
)
