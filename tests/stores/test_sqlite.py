"""SQLiteStore: the suite, and what can happen to a file."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from propsms.errors import StoreError
from propsms.otp import Issued, OtpPolicy, OtpService
from propsms.quota import CalendarDay, Cap, Limit
from propsms.stores import SQLiteStore
from propsms.testing import store_suite
from propsms.testing.stores import make_challenge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from propsms.stores.rows import Rows

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)


@pytest.fixture(autouse=True, scope="module")
def folder() -> Iterator[None]:
    """Where `open_store` keeps its files; the environment reaches other processes too."""
    with tempfile.TemporaryDirectory() as made:
        os.environ["PROPSMS_TEST_FOLDER"] = made
        yield
        del os.environ["PROPSMS_TEST_FOLDER"]


def open_store(name: str) -> SQLiteStore:
    path = Path(os.environ["PROPSMS_TEST_FOLDER"]) / f"{name}.db"
    return SQLiteStore(path, synchronous="NORMAL", timeout=60)


def _examples() -> int | None:
    """A third of the usual runs, because each act here is a trip to the disk or to a server."""
    return None if os.environ.get("HYPOTHESIS_PROFILE") == "stress" else 20


TestSQLiteStore = store_suite(open_store, examples=_examples())


def test_the_safe_mode_is_the_default(tmp_path: Path) -> None:
    """FULL survives a power cut; WAL lets readers read."""
    with SQLiteStore(tmp_path / "s.db") as store, store._file.act() as db:
        assert (2,) == db.execute("PRAGMA synchronous").fetchone()
        assert ("wal",) == db.execute("PRAGMA journal_mode").fetchone()


def test_it_stays_after_closing(tmp_path: Path) -> None:
    """What was opened yesterday is there today; close is not the end."""
    store = SQLiteStore(tmp_path / "s.db")
    challenge = make_challenge("t.1:gate", 1, NOW)
    store.open(challenge, (), NOW)
    store.close()
    with SQLiteStore(tmp_path / "s.db") as again:
        assert again.consume(challenge.id, NOW)
    assert not store.consume(challenge.id, NOW)
    store.close()


def test_expired_rows_are_deleted(tmp_path: Path) -> None:
    """By `open` bit by bit, and by `purge` at once, a day after the end."""
    with SQLiteStore(tmp_path / "s.db", synchronous="NORMAL") as store:
        for number in range(130):
            at = NOW + number * timedelta(hours=1)
            store.open(make_challenge(f"t.{number}:gate", number, at), (), at)
        assert store._file.rows("SELECT count(*) FROM item")[0][0] < 180
        assert store.purge(NOW + timedelta(days=30)) > 0
        assert [(0,)] == store._file.rows("SELECT count(*) FROM item")


def test_a_used_code_writes_few_pages(tmp_path: Path) -> None:
    """Rows that keep their end leave the index of ends alone; with it they were nearly five."""
    with SQLiteStore(tmp_path / "s.db", synchronous="NORMAL") as store:
        codes = OtpService(store, b"a key for tests, not for people.")
        asked = [codes.issue(f"139{n:08d}", purpose="gate", now=NOW) for n in range(200)]
        store._file.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        store._file.rows("PRAGMA wal_autocheckpoint=0")
        for issued in asked:
            assert isinstance(issued, Issued)
            assert store.consume(issued.challenge_id, NOW)
        page = store._file.rows("PRAGMA page_size")[0][0]
        pages = (tmp_path / "s.db-wal").stat().st_size / (page + 24)  # each with its header
    assert pages / len(asked) < 3


def test_a_locked_file(tmp_path: Path) -> None:
    """The act did not happen and the error says so; when the lock is gone it does."""
    store = SQLiteStore(tmp_path / "s.db", timeout=0.05)
    cap = Cap("t.day", Limit("day", 1, CalendarDay()))
    other = sqlite3.connect(tmp_path / "s.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"did not happen.*locked"):
        store.spend((cap,), NOW)
    other.execute("ROLLBACK")
    other.close()
    assert 0 == store.peek((cap,), NOW)[0].used
    store.close()


def test_a_corrupted_file(tmp_path: Path) -> None:
    """A damaged page fails closed: an error, never a code that passes."""
    path = tmp_path / "s.db"
    challenges = [make_challenge(f"t.{n}:gate", n, NOW) for n in range(200)]
    with SQLiteStore(path) as store:
        for challenge in challenges:
            store.open(challenge, (), NOW)
    damaged = bytearray(path.read_bytes())
    damaged[4096:] = os.urandom(len(damaged) - 4096)
    path.write_bytes(damaged)
    store = SQLiteStore(path)
    with pytest.raises(StoreError, match="did not happen"):
        store.consume(challenges[0].id, NOW)
    store.close()


def test_a_full_disk(tmp_path: Path) -> None:
    """An act that cannot be written did not happen."""
    with SQLiteStore(tmp_path / "s.db") as store:
        with store._file.act() as db:
            pages = db.execute("PRAGMA page_count").fetchone()[0]
        store._file.rows(f"PRAGMA max_page_count={pages + 4}")
        opened: list[int] = []

        def fill() -> None:
            for number in range(1000):
                store.open(make_challenge(f"t.{number}:gate", number, NOW), (), NOW)
                opened.append(number)

        with pytest.raises(StoreError, match="full"):
            fill()
        last = len(opened)
        assert not store.consume(make_challenge(f"t.{last}:gate", last, NOW).id, NOW)
        assert store.consume(make_challenge("t.0:gate", 0, NOW).id, NOW)


def test_an_error_in_an_act_rolls_it_back(tmp_path: Path) -> None:
    """Half an act is none."""
    with SQLiteStore(tmp_path / "s.db") as store:
        with pytest.raises(ZeroDivisionError), store.act(()) as rows:
            _fail_half_way(rows)
        with store.act(()) as rows:
            assert rows.get("half") is None


def test_a_forked_child_opens_its_own(tmp_path: Path) -> None:
    """A connection inherited through fork is left alone."""
    store = SQLiteStore(tmp_path / "s.db")
    challenge = make_challenge("t.1:gate", 1, NOW)
    store.open(challenge, (), NOW)
    child = os.fork()
    if not child:
        os._exit(0 if store.consume(challenge.id, NOW) else 1)
    assert (child, 0) == os.waitpid(child, 0)
    assert not store.consume(challenge.id, NOW)
    store.close()


def test_the_file_holds_no_secret(tmp_path: Path) -> None:
    """Neither codes, keys nor numbers, in the file or beside it."""
    key = b"a key for tests, not for people."
    with SQLiteStore(tmp_path / "s.db") as store:
        codes = OtpService(store, key, policy=OtpPolicy(digits=10, resend="same"))
        shown = []
        for number in range(30):
            issued = codes.issue(
                f"1390000{number:04d}", purpose="gate", now=NOW, address="203.0.113.7"
            )
            assert isinstance(issued, Issued)
            shown.append(issued.code)
        held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in (*shown, "1390000", "203.0.113", key.decode(), key.hex()):
        # The prefix of a number is a key of the pumping budget; a whole number never is.
        assert secret == "1390000" or secret.encode() not in held
    assert not any(f"1390000{number:04d}".encode() in held for number in range(30))
    assert "s.db" in repr(store)


def _fail_half_way(rows: Rows) -> None:
    rows.put("half", "{}", 1)
    raise ZeroDivisionError
