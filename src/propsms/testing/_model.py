"""What a store must do, said as plainly as possible and without any care for speed.

It shares no code with our stores: every rule is written a second time, over lists.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs

from propsms.otp import Challenge, Opened
from propsms.quota import Cap, Capped, Reserved, Rolling, Usage, from_micros, to_micros

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Model", "shown"]


@attrs.define(eq=False)
class Kept:
    """A challenge in the model."""

    challenge: Challenge
    attempts: int = 0
    used_at: datetime | None = None
    sendings: set[str] = attrs.field(factory=set[str])
    earns: list[tuple[str, int]] = attrs.field(factory=list[tuple[str, int]])
    replaced: bool = False

    def stands(self, now: datetime) -> bool:
        """Whether it could still be verified."""
        return self.used_at is None and not self.replaced and now < self.challenge.expires_at


# What was counted for a key: (instant, end of bucket or None) per unit.
_Unit = tuple[datetime, datetime | None]


class Model:
    """A store, as the Protocols describe it."""

    def __init__(self) -> None:
        self.units: dict[str, list[_Unit]] = {}
        self.ends: dict[str, datetime] = {}
        self.surplus: dict[tuple[str, datetime], int] = {}
        self.current: dict[str, Kept] = {}
        self.sendings: dict[str, tuple[Kept, list[tuple[str, _Unit]]]] = {}
        self.reservations: dict[str, list[tuple[str, _Unit]]] = {}

    # --- caps ---

    def usage(self, cap: Cap, now: datetime) -> Usage:
        """How full a cap is."""
        units, limit = self.units.get(cap.key, []), cap.limit
        need = max(cap.cost, 1)
        if isinstance(limit.window, Rolling):
            now = max([now, *(at for at, _ in units)])
            alive = sorted(at for at, _ in units if at > now - limit.window.period)
            excess = len(alive) + need - limit.count
            retry = alive[excess - 1] + limit.window.period if excess > 0 else None
            return Usage(limit.name, len(alive), limit.count, retry)
        end = self._bucket(cap, now)
        used = sum(1 for _, until in units if until == end) - self.surplus.get((cap.key, end), 0)
        return Usage(limit.name, used, limit.count, end if used + need > limit.count else None)

    def _bucket(self, cap: Cap, now: datetime) -> datetime:
        window = cap.limit.window
        assert not isinstance(window, Rolling)
        end = from_micros(window.end(to_micros(now)))
        return max([end, *self._ends(cap.key)])

    def count(
        self, caps: Sequence[Cap], now: datetime
    ) -> tuple[list[tuple[str, _Unit]], tuple[str, ...]] | Capped:
        """Count all or none."""
        usages = [(cap, self.usage(cap, now)) for cap in caps]
        full = [(c, u) for c, u in usages if u.retry_at is not None]
        hard = [u for c, u in full if c.limit.enforced]
        if hard:
            latest = max(u.retry_at for u in hard if u.retry_at)
            return Capped(next(u.name for u in hard if u.retry_at == latest), latest)
        charges = [charge for cap in caps for charge in self._take(cap, now)]
        return charges, tuple(u.name for _, u in full)

    def _take(self, cap: Cap, now: datetime) -> list[tuple[str, _Unit]]:
        if not cap.cost:
            return []
        units = self.units.setdefault(cap.key, [])
        unit: _Unit
        if isinstance(cap.limit.window, Rolling):
            at = max([now, *(at for at, _ in units)])
            unit = (at, None)
            # An instant once counted is believed: what was past then stays past.
            units[:] = [old for old in units if old[0] > at - cap.limit.window.period]
        else:
            end = self.ends[cap.key] = self._bucket(cap, now)
            unit = (now, end)
        units.extend([unit] * cap.cost)
        return [(cap.key, unit)] * cap.cost

    def give(self, charges: list[tuple[str, _Unit]]) -> None:
        """Take charges back, as far as they still count."""
        for key, unit in charges:
            units = self.units.get(key, [])
            if unit in units:
                units.remove(unit)
            elif unit[1] is not None and unit[1] == max(self._ends(key), default=None):
                self.surplus[key, unit[1]] = self.surplus.get((key, unit[1]), 0) + 1

    def _ends(self, key: str) -> list[datetime]:
        """The bucket last counted in, even if all of it was given back since."""
        return [self.ends[key]] if key in self.ends else []

    def give_back(self, key: str, count: int) -> None:
        """Undo the newest units of a log, or credit a bucket."""
        units = self.units.get(key, [])
        end = max(self._ends(key), default=None)
        if end is not None:
            self.surplus[key, end] = self.surplus.get((key, end), 0) + count
            return
        newest = sorted(units)[::-1][:count]
        for unit in newest:
            units.remove(unit)

    def reserve(self, caps: Sequence[Cap], now: datetime, reference: str) -> Reserved | Capped:
        """See `QuotaStore.reserve`."""
        if reference in self.reservations:
            return Reserved(reference, tuple(caps))
        counted = self.count(caps, now)
        if isinstance(counted, Capped):
            return counted
        self.reservations[reference], over = counted
        return Reserved(reference, tuple(caps), over)

    def settle(self, reference: str, *, refund: bool) -> bool:
        """See `QuotaStore.commit` and `QuotaStore.refund`."""
        charges = self.reservations.pop(reference, None)
        if charges is None:
            return False
        if refund:
            self.give(charges)
        return True

    def clear(self, keys: Sequence[str]) -> None:
        """See `QuotaStore.clear`."""
        for key in keys:
            self.units.pop(key, None)
            self.ends.pop(key, None)
            self.surplus = {k: v for k, v in self.surplus.items() if k[0] != key}

    # --- codes ---

    def open(self, challenge: Challenge, caps: Sequence[Cap], now: datetime) -> Opened | Capped:
        """See `OtpStore.open`."""
        kept = self.current.get(challenge.key)
        stands = kept is not None and kept.stands(now)
        if kept is not None and stands and challenge.exclusive:
            return Capped("no_free_code", kept.challenge.expires_at)
        counted = self.count(caps, now)
        if isinstance(counted, Capped):
            return counted
        if kept is None or not stands or not _stays(kept, challenge):
            if kept is not None:
                kept.replaced = True
            kept = Kept(challenge)
            kept.earns = [(c.key, c.limit.gives_back) for c in caps if c.cost]
            self.current[challenge.key] = kept
        kept.sendings.add(challenge.id)
        self.sendings[challenge.id] = kept, counted[0]
        return Opened(kept.challenge, counted[1])

    def spend_attempt(self, key: str, now: datetime) -> Challenge | None:
        """See `OtpStore.spend_attempt`."""
        kept = self.current.get(key)
        if kept is None:
            return None
        begins = kept.challenge.valid_from
        left = locked = None
        if kept.stands(now) and (begins is None or now >= begins):
            if kept.attempts < kept.challenge.max_attempts:
                caps = kept.challenge.guess_caps
                counted = self.count(caps, now)
                if isinstance(counted, Capped):
                    return _seen(kept, None, counted.retry_at)
                left = min((self._left(cap, now) for cap in caps), default=None)
            kept.attempts += 1
        return _seen(kept, left, locked)

    def _left(self, cap: Cap, now: datetime) -> int:
        return cap.limit.count - self.usage(cap, now).used

    def consume(self, challenge_id: str, now: datetime) -> bool:
        """See `OtpStore.consume`."""
        if challenge_id not in self.sendings:
            return False
        kept = self.sendings[challenge_id][0]
        if not kept.stands(now):
            return False
        kept.used_at = now
        for cap in kept.challenge.guess_caps:
            self.give_back(cap.key, cap.limit.gives_back)
        for key, units in kept.earns:
            if units:
                self.give_back(key, units)
        return True

    def cancel(self, challenge_id: str, _: datetime) -> bool:
        """See `OtpStore.cancel`."""
        if challenge_id not in self.sendings:
            return False
        kept, charges = self.sendings[challenge_id]
        if kept.used_at is not None or challenge_id not in kept.sendings:
            return False
        self.give(charges)
        kept.sendings.discard(challenge_id)
        if not kept.sendings:
            kept.replaced = True
            if self.current.get(kept.challenge.key) is kept:
                del self.current[kept.challenge.key]
        return True


def _stays(kept: Kept, wanted: Challenge) -> bool:
    old = kept.challenge
    return (
        wanted.reuse_after is not None
        and old.expires_at > wanted.reuse_after
        and old.binding == wanted.binding
        and old.sealed != b""
        and kept.attempts < old.max_attempts
    )


def _seen(kept: Kept, left: int | None, locked: datetime | None) -> Challenge:
    return attrs.evolve(
        kept.challenge,
        attempts=kept.attempts,
        used_at=kept.used_at,
        guesses_left=left,
        locked_until=locked,
    )


def shown(answer: Any) -> Any:
    """An answer without what a store need not keep."""
    if isinstance(answer, Opened):
        return "opened", shown(answer.challenge), answer.over
    if isinstance(answer, Challenge):
        return attrs.astuple(
            attrs.evolve(answer, reuse_after=None, exclusive=False, guess_caps=()), recurse=False
        )
    return answer
