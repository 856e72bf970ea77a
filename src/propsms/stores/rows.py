"""A store over anything that keeps rows in a transaction: subclass it for your database.

All decisions are here; a subclass says how to hold a lock and how to read and write one row.
`SQLiteStore` is this over SQLite, and the recipes for Django and SQLAlchemy are this over
their sessions.

```python
class OurStore(RowStore):
    @contextmanager
    def act(self, tags):
        with our_database.transaction() as transaction:
            transaction.lock(sorted(tags))
            yield OurRows(transaction)
```

A row is a key, a text, and the instant (microseconds since 1970) from which it may be deleted.
Rows hold keyed hashes: no code, no phone number.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs

from propsms.otp import Challenge, Opened
from propsms.quota import (
    Cap,
    Capped,
    Limit,
    Reserved,
    Rolling,
    Usage,
    from_micros,
    tag_of,
    to_micros,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

__all__ = ["RowStore", "Rows", "dump_challenge", "load_challenge"]

# A clock that jumps ahead and comes back within a day finds everything still there.
_GRACE: Final = 86_400_000_000


class Rows(Protocol):
    """The rows as one transaction sees them."""

    def get(self, key: str, /) -> str | None:
        """The text of a row, or None."""
        ...

    def put(self, key: str, text: str, expires: int, /) -> None:
        """Write a row, replacing an older one; it may be deleted from *expires* on."""
        ...

    def drop(self, key: str, /) -> None:
        """Delete a row, if it is there."""
        ...


class RowStore:
    """Codes and caps in rows; a subclass gives `act`.

    .. versionadded:: 0.1.0
    """

    def act(self, tags: Collection[str], /) -> AbstractContextManager[Rows]:
        """One transaction, alone with all rows of *tags*, committed when it ends well.

        It must be a transaction of its own: inside one of the host's, a rollback there would
        give guesses and caps back.
        """
        raise NotImplementedError

    # --- codes ---

    def open(self, challenge: Challenge, caps: Sequence[Cap], now: datetime, /) -> Opened | Capped:
        """See `propsms.otp.OtpStore.open`."""
        at = to_micros(now)
        with self.act({tag_of(challenge.id), *(tag_of(cap.key) for cap in caps)}) as rows:
            slot = _Slot.read(rows, challenge.key)
            standing = slot if slot is not None and slot.stands(at) else None
            if standing is not None and challenge.exclusive:
                return Capped("no_free_code", standing.challenge.expires_at)
            counted = _count(rows, caps, at)
            if isinstance(counted, Capped):
                return counted
            if slot is not None and slot.used is not None:
                slot.forget_sendings(rows)
            if standing is None or not standing.may_stay(challenge):
                earns = [
                    [c.key, c.limit.gives_back] for c in caps if c.cost and c.limit.gives_back
                ]
                standing = _Slot(challenge, earns=earns)
            standing.sendings.append(challenge.id)
            standing.write(rows)
            _write_sending(rows, standing.challenge, challenge.id, counted.charges)
            return Opened(standing.challenge, counted.over)

    def spend_attempt(self, key: str, now: datetime, /) -> Challenge | None:
        """See `propsms.otp.OtpStore.spend_attempt`."""
        at = to_micros(now)
        with self.act({tag_of(key)}) as rows:
            slot = _Slot.read(rows, key)
            if slot is None:
                return None
            if not slot.stands(at) or not slot.has_begun(at):
                return slot.seen()
            left = locked = None
            if slot.attempts < slot.challenge.max_attempts:
                counted = _count(rows, slot.challenge.guess_caps, at)
                if isinstance(counted, Capped):
                    return slot.seen(locked_until=counted.retry_at)
                left = min(counted.left, default=None)
            slot.attempts += 1
            slot.write(rows)
            return slot.seen(guesses_left=left, locked_until=locked)

    def consume(self, challenge_id: str, now: datetime, /) -> bool:
        """See `propsms.otp.OtpStore.consume`."""
        at = to_micros(now)
        with self.act({tag_of(challenge_id)}) as rows:
            sending = _read(rows, f"s:{challenge_id}")
            slot = _read(rows, f"c:{sending['key']}") if sending else None
            if slot is None or slot["used"] is not None:
                return False
            kept = slot["challenge"]
            if kept["id"] != sending["challenge"] or at >= kept["expires_at"]:
                return False
            slot["used"] = at
            rows.put(f"c:{sending['key']}", _dump(slot), kept["expires_at"] + _GRACE)
            for cap in kept["guess_caps"]:
                _give_back(rows, cap[0], cap[-1])
            for key, units in slot["earns"]:
                _give_back(rows, key, units)
            return True

    def cancel(self, challenge_id: str, now: datetime, /) -> bool:
        """See `propsms.otp.OtpStore.cancel`."""
        to_micros(now)
        with self.act({tag_of(challenge_id), *self._tags_of(challenge_id)}) as rows:
            sending = _read(rows, f"s:{challenge_id}")
            slot = _Slot.read(rows, sending["key"]) if sending else None
            stands = slot is not None and slot.challenge.id == sending["challenge"]
            if sending is None or sending["charges"] is None:
                return False
            if slot is not None and stands and slot.used is not None:
                return False
            _refund(rows, sending["charges"])
            if slot is None or not stands or not slot.without(challenge_id):
                rows.drop(f"s:{challenge_id}")
                if stands:
                    rows.drop(f"c:{sending['key']}")
                return True
            # Another sending stands, and the challenge may still be known by this one's id.
            slot.write(rows)
            _write_sending(rows, slot.challenge, challenge_id, None)
            return True

    def _tags_of(self, challenge_id: str) -> set[str]:
        """The tags whose caps that sending was counted under."""
        with self.act({tag_of(challenge_id)}) as rows:
            sending = _read(rows, f"s:{challenge_id}")
        return {tag_of(charge[0]) for charge in sending["charges"] or ()} if sending else set()

    # --- caps ---

    def reserve(
        self, caps: Sequence[Cap], now: datetime, /, *, reference: str
    ) -> Reserved | Capped:
        """See `propsms.quota.QuotaStore.reserve`."""
        at = to_micros(now)
        with self.act({tag_of(cap.key) for cap in caps}) as rows:
            name = _reservation(reference, caps)
            if rows.get(name) is not None:
                return Reserved(reference, tuple(caps))
            counted = _count(rows, caps, at)
            if isinstance(counted, Capped):
                return counted
            rows.put(name, json.dumps(counted.charges), counted.expires)
            return Reserved(reference, tuple(caps), counted.over)

    def commit(self, reserved: Reserved, now: datetime, /) -> bool:
        """See `propsms.quota.QuotaStore.commit`."""
        to_micros(now)
        with self.act({tag_of(cap.key) for cap in reserved.caps}) as rows:
            name = _reservation(reserved.reference, reserved.caps)
            if rows.get(name) is None:
                return False
            rows.drop(name)
            return True

    def refund(self, reserved: Reserved, now: datetime, /) -> bool:
        """See `propsms.quota.QuotaStore.refund`."""
        to_micros(now)
        with self.act({tag_of(cap.key) for cap in reserved.caps}) as rows:
            name = _reservation(reserved.reference, reserved.caps)
            charges = _read(rows, name)
            if charges is None:
                return False
            rows.drop(name)
            _refund(rows, charges)
            return True

    def spend(self, caps: Sequence[Cap], now: datetime, /) -> Capped | None:
        """See `propsms.quota.QuotaStore.spend`."""
        at = to_micros(now)
        with self.act({tag_of(cap.key) for cap in caps}) as rows:
            counted = _count(rows, caps, at)
            return counted if isinstance(counted, Capped) else None

    def peek(self, caps: Sequence[Cap], now: datetime, /) -> tuple[Usage, ...]:
        """See `propsms.quota.QuotaStore.peek`."""
        at = to_micros(now)
        with self.act({tag_of(cap.key) for cap in caps}) as rows:
            return tuple(_usage(cap, _State.read(rows, cap, at)) for cap in caps)

    def clear(self, keys: Sequence[str], /) -> None:
        """See `propsms.quota.QuotaStore.clear`."""
        with self.act({tag_of(key) for key in keys}) as rows:
            for key in keys:
                rows.drop(f"q:{key}")


def _read(rows: Rows, key: str) -> Any:
    text = rows.get(key)
    return None if text is None else json.loads(text)


_dump: Final = json.JSONEncoder(separators=(",", ":")).encode  # made once, for every row


def _reservation(reference: str, caps: Sequence[Cap]) -> str:
    return f"r:{tag_of(caps[0].key) if caps else ''}.{reference}"


def _write_sending(
    rows: Rows, challenge: Challenge, sending: str, charges: list[_Charge] | None
) -> None:
    row = {"key": challenge.key, "challenge": challenge.id, "charges": charges}
    rows.put(f"s:{sending}", _dump(row), to_micros(challenge.expires_at) + _GRACE)


# --- a challenge as a row ---


@attrs.define
class _Slot:
    """A challenge with what changes of it."""

    challenge: Challenge
    attempts: int = 0
    used: int | None = None
    sendings: list[str] = attrs.field(factory=list[str])
    earns: list[list[Any]] = attrs.field(factory=list[list[Any]])

    @classmethod
    def read(cls, rows: Rows, key: str) -> _Slot | None:
        row = _read(rows, f"c:{key}")
        if row is None:
            return None
        return cls(
            load_challenge(key, row["challenge"]),
            row["attempts"],
            row["used"],
            row["sendings"],
            row["earns"],
        )

    def write(self, rows: Rows) -> None:
        row = {
            "challenge": dump_challenge(self.challenge),
            "attempts": self.attempts,
            "used": self.used,
            "sendings": self.sendings,
            "earns": self.earns,
        }
        expires = to_micros(self.challenge.expires_at) + _GRACE
        rows.put(f"c:{self.challenge.key}", _dump(row), expires)

    def stands(self, at: int) -> bool:
        """True if a right guess could still be taken, now or when it becomes valid."""
        return self.used is None and at < to_micros(self.challenge.expires_at)

    def has_begun(self, at: int) -> bool:
        start = self.challenge.valid_from
        return start is None or at >= to_micros(start)

    def may_stay(self, wanted: Challenge) -> bool:
        """True if the open code is to be sent again instead of *wanted*."""
        kept = self.challenge
        return (
            wanted.reuse_after is not None
            and kept.expires_at > wanted.reuse_after
            and kept.binding == wanted.binding
            and bool(kept.sealed)
            and self.attempts < kept.max_attempts
        )

    def forget_sendings(self, rows: Rows) -> None:
        """A used code keeps what it cost, also when a new one takes its row."""
        for sending in self.sendings:
            rows.drop(f"s:{sending}")

    def without(self, sending: str) -> bool:
        """Strike one sending off; True if another one stands."""
        self.sendings.remove(sending)
        return bool(self.sendings)

    def seen(
        self, *, guesses_left: int | None = None, locked_until: datetime | None = None
    ) -> Challenge:
        return attrs.evolve(
            self.challenge,
            attempts=self.attempts,
            used_at=None if self.used is None else from_micros(self.used),
            guesses_left=guesses_left,
            locked_until=locked_until,
        )


def dump_challenge(challenge: Challenge) -> dict[str, Any]:
    """What a row keeps of a challenge as it was opened; its key is the row's."""
    return {
        "id": challenge.id,
        "digest": challenge.digest.hex(),
        "key_id": challenge.key_id,
        "issued_at": to_micros(challenge.issued_at),
        "expires_at": to_micros(challenge.expires_at),
        "max_attempts": challenge.max_attempts,
        "valid_from": challenge.valid_from and to_micros(challenge.valid_from),
        "binding": challenge.binding,
        "sealed": challenge.sealed.hex(),
        "guess_caps": [_dump_guess_cap(cap) for cap in challenge.guess_caps],
    }


def load_challenge(key: str, row: dict[str, Any]) -> Challenge:
    """The challenge again."""
    return Challenge(
        row["id"],
        key,
        bytes.fromhex(row["digest"]),
        row["key_id"],
        from_micros(row["issued_at"]),
        from_micros(row["expires_at"]),
        row["max_attempts"],
        None if row["valid_from"] is None else from_micros(row["valid_from"]),
        row["binding"],
        bytes.fromhex(row["sealed"]),
        tuple(_load_guess_cap(cap) for cap in row["guess_caps"]),
    )


def _dump_guess_cap(cap: Cap) -> list[Any]:
    limit, window = cap.limit, cap.limit.window
    if not isinstance(window, Rolling):
        raise TypeError(f"a guess cap needs a Rolling window, {limit.name} has {window!r}")
    return [cap.key, limit.name, limit.count, window.micros, limit.gives_back]


def _load_guess_cap(row: list[Any]) -> Cap:
    key, name, count, micros, gives_back = row
    return Cap(key, Limit(name, count, Rolling.of_micros(micros), gives_back=gives_back))


# --- caps as rows ---

# What one cap took: its key, the end of its bucket (0: a log), the instant, the units.
_Charge = tuple[str, int, int, int]


@attrs.define
class _State:
    """What is counted for one key: a bucket that ends, or the instants of a rolling log."""

    used: int
    end: int
    times: list[int] | None
    at: int
    micros: int

    @classmethod
    def read(cls, rows: Rows, cap: Cap, at: int) -> _State:
        row = _read(rows, f"q:{cap.key}")
        window = cap.limit.window
        if isinstance(window, Rolling):
            times: list[int] = row["times"] if row else []
            # The window's clock never runs backwards.
            at = max(at, times[-1]) if times else at
            times = [time for time in times if time > at - window.micros]
            return cls(len(times), 0, times, at, window.micros)
        end = window.end(at)
        if row is not None and row["end"] >= end:
            return cls(row["used"], row["end"], None, at, 0)
        return cls(0, end, None, at, 0)

    def free_at(self, cap: Cap) -> int | None:
        """When the cap fits; None if it fits now."""
        excess = self.used + (cap.cost or 1) - cap.limit.count
        if excess <= 0:
            return None
        return self.end if self.times is None else self.times[excess - 1] + self.micros

    def take(self, rows: Rows, cap: Cap) -> _Charge:
        if self.times is None:
            _write_bucket(rows, cap.key, self.end, self.used + cap.cost)
        else:
            self.times.extend([self.at] * cap.cost)
            _write_log(rows, cap.key, self.times, self.micros)
        return cap.key, self.end, self.at, cap.cost


def _write_bucket(rows: Rows, key: str, end: int, used: int) -> None:
    rows.put(f"q:{key}", _dump({"end": end, "used": used}), end + _GRACE)


def _write_log(rows: Rows, key: str, times: list[int], micros: int) -> None:
    if times:
        row = {"times": times, "micros": micros}
        rows.put(f"q:{key}", _dump(row), times[-1] + micros + _GRACE)
    else:
        rows.drop(f"q:{key}")


@attrs.frozen
class _Counted:
    charges: list[_Charge]
    over: tuple[str, ...]
    left: tuple[int, ...]
    expires: int


def _count(rows: Rows, caps: Sequence[Cap], at: int) -> _Counted | Capped:
    """Count all or none."""
    states = [(cap, _State.read(rows, cap, at)) for cap in caps]
    over: list[str] = []
    worst: Capped | None = None
    for cap, state in states:
        free_at = state.free_at(cap)
        if free_at is None:
            continue
        if not cap.limit.enforced:
            over.append(cap.limit.name)
        elif worst is None or free_at > to_micros(worst.retry_at):
            worst = Capped(cap.limit.name, from_micros(free_at))
    if worst is not None:
        return worst
    charges = [state.take(rows, cap) for cap, state in states if cap.cost]
    left = tuple(cap.limit.count - state.used - cap.cost for cap, state in states)
    expires = max((state.end or state.at + state.micros for _, state in states), default=at)
    return _Counted(charges, tuple(over), left, expires + _GRACE)


def _refund(rows: Rows, charges: Sequence[_Charge]) -> None:
    for key, end, at, cost in charges:
        row = _read(rows, f"q:{key}")
        if row is None:
            continue
        if end:
            if row.get("end") == end:
                _write_bucket(rows, key, end, row["used"] - cost)
        else:
            times: list[int] = row["times"]
            for _ in range(min(cost, times.count(at))):
                times.remove(at)
            _write_log(rows, key, times, row["micros"])


def _give_back(rows: Rows, key: str, units: int) -> None:
    row = _read(rows, f"q:{key}")
    if row is None:
        return
    if "end" in row:
        _write_bucket(rows, key, row["end"], row["used"] - units)
    else:
        times: list[int] = row["times"]
        _write_log(rows, key, times[: max(0, len(times) - units)], row["micros"])


def _usage(cap: Cap, state: _State) -> Usage:
    free_at = state.free_at(cap)
    retry = None if free_at is None else from_micros(free_at)
    return Usage(cap.limit.name, state.used, cap.limit.count, retry)
