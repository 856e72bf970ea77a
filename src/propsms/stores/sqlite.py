"""Codes and caps in one SQLite file: the embedded default, safe for several processes.

The safe mode is the default: with ``synchronous="FULL"`` an act that returned survives a power
cut. With ``"NORMAL"`` acts are several times as fast; a power cut (not a killed process) may
take back the last of them, so that a code could be used a second time or a cap counted anew.

The file holds keyed hashes of numbers and codes, no code and no number.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from propsms.quota import to_micros
from propsms.stores._sqlite import SQLiteFile
from propsms.stores.rows import RowStore

if TYPE_CHECKING:
    import os
    import sqlite3
    from collections.abc import Collection, Generator, Sequence
    from datetime import datetime
    from typing import Self

    from propsms.otp import Challenge, Opened
    from propsms.quota import Cap, Capped

__all__ = ["SQLiteStore"]

_LAYOUT: Final = (
    """
    CREATE TABLE item (key TEXT PRIMARY KEY, text TEXT NOT NULL, expires INTEGER NOT NULL)
    WITHOUT ROWID;
    CREATE INDEX item_expires ON item (expires)
    """,
)
_PUT: Final = """
    INSERT INTO item VALUES (?,?,?)
    ON CONFLICT(key) DO UPDATE SET text=excluded.text WHERE expires=excluded.expires
    """
_APPLICATION_ID: Final = 0x50534D53  # "PSMS"
_SWEEP_EVERY: Final = 64
_SWEEP: Final = 512


class SQLiteStore(RowStore):
    """Codes and caps in one file.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self, path: str | os.PathLike[str], *, synchronous: str = "FULL", timeout: float = 10.0
    ) -> None:
        """Open *path*, or make it.

        Args:
            path: The file; give it no other use.
            synchronous: ``FULL`` survives a power cut; ``NORMAL`` may lose the last moments.
            timeout: Seconds to wait for another process.

        Raises:
            StoreError: The file cannot be opened, or is not such a store.
        """
        self._file = SQLiteFile(
            path,
            _LAYOUT,
            application_id=_APPLICATION_ID,
            synchronous=synchronous,
            timeout=timeout,
        )
        self._countdown = _SWEEP_EVERY

    def __repr__(self) -> str:
        return f"SQLiteStore({self._file!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the next act opens it again."""
        self._file.close()

    @contextmanager
    def act(self, tags: Collection[str], /) -> Generator[_Items]:
        """One transaction that holds the file's write lock from its start."""
        del tags
        with self._file.act() as db:
            yield _Items(db)

    def open(self, challenge: Challenge, caps: Sequence[Cap], now: datetime, /) -> Opened | Capped:
        """See `propsms.otp.OtpStore.open`; every so often it also deletes what has expired."""
        self._countdown -= 1
        if self._countdown <= 0:
            self._countdown = _SWEEP_EVERY
            self._sweep(now, _SWEEP)
        return super().open(challenge, caps, now)

    def purge(self, now: datetime, /) -> int:
        """Delete all that has expired; `open` does the same bit by bit. Returns how many."""
        return self._sweep(now, -1)

    def _sweep(self, now: datetime, limit: int) -> int:
        with self._file.act() as db:
            return db.execute(
                "DELETE FROM item WHERE key IN"
                " (SELECT key FROM item WHERE expires<=? ORDER BY expires LIMIT ?)",
                (to_micros(now), limit),
            ).rowcount


class _Items:
    __slots__ = ("_db",)

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def get(self, key: str, /) -> str | None:
        row = self._db.execute("SELECT text FROM item WHERE key=?", (key,)).fetchone()
        return None if row is None else row[0]

    def put(self, key: str, text: str, expires: int, /) -> None:
        # Most rows keep their end, and then its index is left alone: half the pages to write.
        kept = self._db.execute(_PUT, (key, text, expires)).rowcount
        if not kept:
            self._db.execute("UPDATE item SET text=?, expires=? WHERE key=?", (text, expires, key))

    def drop(self, key: str, /) -> None:
        self._db.execute("DELETE FROM item WHERE key=?", (key,))
