"""The long runs: a thousand races of 64 workers, a thousand kills, and no secret anywhere after."""

from __future__ import annotations

import logging
import os
import pickle
import re
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from propsms.errors import InvalidValueError
from propsms.otp import Issued, OtpPolicy, OtpService
from propsms.quota import Limit, Quota, Rolling, Rule
from propsms.stores import MemoryStore, RedisStore, SQLiteStore
from propsms.testing.stores import check_kills, check_processes, check_threads

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
KEY = b"a key for tests, not for people."
_MINUTE = Limit("minute", 1, Rolling(timedelta(minutes=1)))


@pytest.fixture(autouse=True, scope="module")
def folder() -> Iterator[None]:
    """Where the files are, for other processes too."""
    with tempfile.TemporaryDirectory() as made:
        os.environ["PROPSMS_TEST_FOLDER"] = made
        yield
        os.environ.pop("PROPSMS_TEST_FOLDER", None)


def open_memory(name: str) -> MemoryStore:
    return MemoryStore()


def open_sqlite(name: str) -> SQLiteStore:
    path = Path(os.environ["PROPSMS_TEST_FOLDER"]) / f"{name}.db"
    return SQLiteStore(path, synchronous="NORMAL", timeout=120)


def open_redis(name: str) -> RedisStore:
    import redis

    return RedisStore(redis.Redis(unix_socket_path=os.environ["PROPSMS_TEST_REDIS"]), prefix=name)


@pytest.mark.stress
def test_threads_on_memory() -> None:
    """64 threads, a thousand codes: one success each; caps exact; guesses all counted."""
    check_threads(open_memory, workers=64, rounds=1000)


@pytest.mark.stress
@pytest.mark.parametrize("opener", [open_sqlite, open_redis])
def test_processes(opener: Any, redis_server: Any) -> None:
    """8 processes of 8 threads, a thousand codes: one success each; a cap of ten gives ten."""
    check_processes(opener, processes=8, threads=8, rounds=1000)


@pytest.mark.stress
@pytest.mark.parametrize("opener", [open_sqlite, open_redis])
def test_kills(opener: Any, redis_server: Any) -> None:
    """A thousand workers killed between two acts."""
    assert check_kills(opener, kills=1000) > 1000


@pytest.mark.stress
def test_no_secret_after_a_long_run(caplog: pytest.LogCaptureFixture, redis_server: Any) -> None:
    """Nothing holds a code, key or whole number: logs at DEBUG, reprs, errors, pickles, files."""
    import redis

    caplog.set_level(logging.DEBUG)
    policy = OtpPolicy(digits=10, resend="same", resend_after=None, per_address=None)
    shown: list[str] = []
    answers: list[Any] = []
    with redis.Redis(unix_socket_path=redis_server.socket) as client:
        stores: list[Any] = [
            open_memory("secrets"),
            open_sqlite("secrets"),
            RedisStore(client, prefix="secrets"),
        ]
        for store in stores:
            codes = OtpService(store, KEY, policy=policy)
            quota = Quota(store, [Rule(_MINUTE, by=("number",))], index_key=KEY)
            for number in range(1000):
                phone = f"1390000{number:04d}"
                issued = codes.issue(phone, purpose="gate", now=NOW, address="203.0.113.7")
                assert isinstance(issued, Issued)
                shown += [issued.code, phone]
                answers += [quota.reserve({"number": phone}, now=NOW) for _ in range(2)]
                with pytest.raises(InvalidValueError) as lacking:
                    quota.reserve({"phone": phone}, now=NOW)
                guess = {"purpose": "gate", "code": issued.code}
                answers += [codes.verify(phone, **guess, now=NOW) for _ in range(2)]
                with pytest.raises(InvalidValueError) as naive:
                    codes.verify(phone, **guess, now=NOW.replace(tzinfo=None))
                with pytest.raises(TypeError) as pickled:
                    pickle.dumps(issued)
                errors = (naive.value, pickled.value, lacking.value)
                answers += [repr(issued), repr(quota), *map(str, errors)]
        client.config_set("rdbcompression", "no")  # a packed value would hide what it holds
        dumps = [client.dump(key) or b"" for key in client.scan_iter("*secrets*")]
    stores[1].close()
    folder = Path(os.environ["PROPSMS_TEST_FOLDER"])
    held = b"".join([*dumps, *(path.read_bytes() for path in folder.glob("secrets*"))])
    held += f"{caplog.text}{stores!r}{answers!r}".encode() + pickle.dumps(answers)
    held += _all_of(stores[0])
    assert 6000 == len(shown)
    # One pass over all of it: whatever digits stand together, in every window of that length.
    lengths = {len(one) for one in shown}
    digits = {
        run[start : start + length]
        for run in re.findall(rb"\d{10,}", held)
        for length in lengths
        for start in range(len(run) - length + 1)
    }
    assert {10, 11} == lengths
    assert not digits & {one.encode() for one in shown}
    for secret in (KEY, KEY.hex().encode(), b"203.0.113.7"):
        assert secret not in held


def _all_of(store: MemoryStore) -> bytes:
    """Everything that a store in memory holds, as a dump of the process would show it."""
    kept = {name: value for name, value in vars(store).items() if name != "_lock"}
    assert {"_slots", "_sendings", "_logs", "_buckets"} <= kept.keys()
    dump = pickle.dumps(kept)
    # It goes to the bottom: what is kept of the codes is in it.
    assert all(slot.challenge.digest in dump for slot in kept["_slots"].values())
    return dump
