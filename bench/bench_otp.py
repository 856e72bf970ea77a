"""Codes and caps in memory, beside a dictionary and beside `limits`."""

from __future__ import annotations

import hmac
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bench.harness import Row, faster, side_by_side
from propsms.otp import Issued, OtpPolicy, OtpService
from propsms.phone import parse
from propsms.quota import Cap, Fixed, Limit
from propsms.stores import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

_NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
_KEY = b"a key for a bench, not for work."
_PHONES = [parse(f"1390000{number:04d}") for number in range(1000)]


def rows() -> list[Row]:
    """Issue and verify with all caps on; three windows."""
    return [_issue_and_verify(), _three_windows()]


def _issue_and_verify() -> Row:
    policy = OtpPolicy(per_everyone=10**9, per_tenant=10**9, per_address=10**6)

    def ours() -> None:
        service = OtpService(MemoryStore(), _KEY, policy=policy)
        for phone in _PHONES:
            issued = service.issue(phone, purpose="gate", now=_NOW, address="203.0.113.7")
            assert isinstance(issued, Issued)
            assert service.verify(phone, purpose="gate", code=issued.code, now=_NOW).ok

    def bare() -> None:
        codes = Bare()
        for phone in _PHONES:
            code = codes.issue(phone.e164, "gate", "203.0.113.7", _NOW)
            assert code is not None
            assert codes.verify(phone.e164, "gate", code, _NOW)

    a, b = side_by_side(ours, bare)
    each = len(_PHONES)
    return Row(
        "otp: issue + verify, MemoryStore, all caps",
        f"{a / each * 1e6:.1f} us",
        f"{b / each * 1e6:.1f} us",
        b / a,
        ">= 0.4",
        "peer: a dictionary, randbelow, hmac, compare_digest, the same caps as counters",
    )


class Bare:
    """What a careful host writes by hand: a dictionary of codes, and plain counters."""

    def __init__(self) -> None:
        self.codes: dict[tuple[str, str], list[Any]] = {}
        self.counts: dict[tuple[str, str, int], int] = {}
        self.last: dict[str, float] = {}

    def issue(self, phone: str, purpose: str, address: str, now: datetime) -> str | None:
        """A code, or None when a cap is full."""
        at = now.timestamp()
        day, hour = int(at + 28800) // 86400, int(at) // 3600
        if at - self.last.get(phone, 0.0) < 60:
            return None
        number = hmac.digest(_KEY, phone.encode(), "sha256").hex()
        caps = (
            (("number", number, day), 10),
            (("address", hmac.digest(_KEY, address.encode(), "sha256").hex(), hour), 10**6),
            (("tenant", "", day), 10**9),
            (("everyone", "", day), 10**9),
            (("prefix", phone[:10], hour), 10**6),
            (("pump", address, hour), 10**6),
        )
        for key, limit in caps:
            if self.counts.get(key, 0) >= limit:
                return None
        for name, limit in (("guesses", 20), ("row", 100)):
            if self.counts.get((name, number, day), 0) >= limit:
                return None
        for key, _ in caps:
            self.counts[key] = self.counts.get(key, 0) + 1
        self.last[phone] = at
        code = f"{secrets.randbelow(10**6):06d}"
        salt = secrets.token_hex(16)
        digest = hmac.digest(_KEY, f"{salt}|{phone}|{purpose}|{code}".encode(), "sha256")
        self.codes[phone, purpose] = [digest, salt, at + 300, 0, False]
        return code

    def verify(self, phone: str, purpose: str, code: str, now: datetime) -> bool:
        """Whether the code is right, in time and the first."""
        entry = self.codes.get((phone, purpose))
        at = now.timestamp()
        if entry is None or entry[4] or at >= entry[2] or entry[3] >= 5:
            return False
        number = hmac.digest(_KEY, phone.encode(), "sha256").hex()
        day = int(at + 28800) // 86400
        for key, limit in (("guesses", 20), ("row", 100)):
            used = self.counts.get((key, number, day), 0)
            if used >= limit:
                return False
            self.counts[key, number, day] = used + 1
        entry[3] += 1
        digest = hmac.digest(_KEY, f"{entry[1]}|{phone}|{purpose}|{code}".encode(), "sha256")
        if not hmac.compare_digest(digest, entry[0]):
            return False
        entry[4] = True
        self.counts["guesses", number, day] -= 1
        self.counts["row", number, day] = 0
        return True


def _three_windows() -> Row:
    limits = (
        Limit("minute", 10**6, Fixed(timedelta(minutes=1))),
        Limit("hour", 10**7, Fixed(timedelta(hours=1))),
        Limit("day", 10**8, Fixed(timedelta(days=1))),
    )
    keys = [f"user-{number}" for number in range(100)]

    def ours() -> None:
        store = MemoryStore()
        caps = [tuple(Cap(f"t.{key}:{limit.name}", limit) for limit in limits) for key in keys]
        for _ in range(10):
            for mine in caps:
                assert store.spend(mine, _NOW) is None

    return faster(
        "quota: three windows, MemoryStore",
        ours,
        _limits_in_memory(keys),
        target=">= 3",
        note="peer: limits, fixed window, memory storage; 1,000 checks",
    )


def _limits_in_memory(keys: list[str]) -> Callable[[], None]:
    from limits import RateLimitItemPerDay, RateLimitItemPerHour, RateLimitItemPerMinute
    from limits.storage import MemoryStorage
    from limits.strategies import FixedWindowRateLimiter

    items = (
        RateLimitItemPerMinute(10**6),
        RateLimitItemPerHour(10**7),
        RateLimitItemPerDay(10**8),
    )

    def theirs() -> None:
        limiter = FixedWindowRateLimiter(MemoryStorage())
        for _ in range(10):
            for key in keys:
                for item in items:
                    assert limiter.hit(item, key)

    return theirs
