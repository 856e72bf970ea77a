"""The SQLite file of an Outbox: what was sent, and what is still to be played back."""

from __future__ import annotations

import json
import sqlite3
import threading
import weakref
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from propsms.errors import StoreError
from propsms.phone import PhoneNumber, parse
from propsms.providers._outbox.magic import magic_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Box", "OutboxMessage", "Row"]

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY, reference TEXT NOT NULL, phone TEXT NOT NULL, template TEXT NOT NULL,
    signature TEXT NOT NULL, params TEXT NOT NULL, text TEXT NOT NULL, at REAL NOT NULL,
    code TEXT NOT NULL, segments INTEGER NOT NULL, played INTEGER NOT NULL DEFAULT 0, due REAL
);
CREATE INDEX IF NOT EXISTS messages_reference ON messages (reference);
CREATE INDEX IF NOT EXISTS messages_due ON messages (due) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS replies (
    id INTEGER PRIMARY KEY, phone TEXT NOT NULL, text TEXT NOT NULL, at REAL NOT NULL,
    played INTEGER NOT NULL DEFAULT 0
);
"""


@attrs.frozen
class OutboxMessage:
    """One message as it lies in the file, refused ones too.

    Attributes:
        id: The message id that receipts name.
        code: ``OK`` when it was accepted.
        at: When the request was built.
    """

    id: str
    reference: str
    to: PhoneNumber
    template_id: str
    signature: str
    params: tuple[tuple[str, str], ...] = attrs.field(repr=False)
    text: str = attrs.field(repr=False)
    at: datetime
    code: str
    segments: int

    @property
    def accepted(self) -> bool:
        """True if it was taken, whether or not anybody was told."""
        return self.code == "OK"


Row = tuple[int, str, str, str, str, str, str, float, str, int, int, float | None]
"""A line of ``messages``, in the order of its columns."""


def _connect(path: str | Path) -> sqlite3.Connection:
    db: sqlite3.Connection | None = None
    try:
        db = sqlite3.connect(
            path, check_same_thread=False, isolation_level=None, timeout=30, cached_statements=64
        )
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.executescript(_SCHEMA)
    except sqlite3.Error as error:
        if db is not None:
            db.close()
        raise StoreError(
            f"{path} cannot be used as an outbox: {error}; give another path",
            f"{path} 无法用作 Outbox：{error}；请换一个路径",
        ) from error
    return db


class Box:
    """One SQLite file; every act is one transaction, and threads take turns."""

    def __init__(self, path: str | Path) -> None:
        if str(path) != ":memory:":
            Path(path).touch(mode=0o600)  # it holds texts and numbers
        self._lock = threading.Lock()
        self._db = _connect(path)
        # A host's tests may forget to close it, and Python 3.13 warns of a connection left open.
        weakref.finalize(self, self._db.close).atexit = False

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def store(self, lines: Sequence[tuple[dict[str, Any], str, int]], at: datetime) -> list[int]:
        """Store messages with their codes and segments; return their ids."""
        stamp = at.timestamp()
        with self._lock, self._transaction():
            last: int = self._db.execute("SELECT max(id) FROM messages").fetchone()[0] or 0
            rows = [
                _row(last + i, message, code, segments, stamp)
                for i, (message, code, segments) in enumerate(lines, start=1)
            ]
            self._db.executemany(f"INSERT INTO messages VALUES ({_MARKS})", rows)  # noqa: S608
            self._store_magic_replies(rows)
        return [row[0] for row in rows]

    def _store_magic_replies(self, rows: Sequence[Row]) -> None:
        replies = [
            (row[2], text, row[7] + 60)
            for row in rows
            if row[8] == "OK" and (text := magic_of(row[2]).reply)
        ]
        self._db.executemany("INSERT INTO replies (phone, text, at) VALUES (?, ?, ?)", replies)

    def tried(self, references: Sequence[str]) -> set[str]:
        """Which of these were seen before."""
        return {
            found
            for reference in references
            for (found,) in self._rows(
                "SELECT reference FROM messages WHERE reference = ? LIMIT 1", reference
            )
        }

    def messages(self, where: str = "1", *values: object) -> Iterator[OutboxMessage]:
        """The stored messages, oldest first, a page at a time."""
        last = 0
        while rows := self._rows(
            f"SELECT * FROM messages WHERE {where} AND id > ? ORDER BY id LIMIT 500",  # noqa: S608
            *values,
            last,
        ):
            yield from map(_message, rows)
            last = rows[-1][0]

    def count(self) -> int:
        """How many tries are stored."""
        return int(self._rows("SELECT count(*) FROM messages")[0][0])

    def due_receipts(self, now: datetime, limit: int) -> list[Row]:
        """The lines whose next receipt is due, in the order they fall due."""
        return self._rows(
            "SELECT * FROM messages WHERE due <= ? ORDER BY due, id LIMIT ?",
            now.timestamp(),
            limit,
        )

    def due_replies(self, now: datetime, limit: int) -> list[tuple[int, str, str, float, int]]:
        """The replies that residents have written by *now* and that were not played yet."""
        return self._rows(
            "SELECT * FROM replies WHERE played = 0 AND at <= ? ORDER BY at, id LIMIT ?",
            now.timestamp(),
            limit,
        )

    def mark_played(self, receipts: Sequence[Row], replies: Sequence[int]) -> None:
        """Note that the host has acknowledged these."""
        steps = [(row[10] + 1, _due(row[2], row[7], row[10] + 1), row[0]) for row in receipts]
        with self._lock, self._transaction():
            self._db.executemany("UPDATE messages SET played = ?, due = ? WHERE id = ?", steps)
            marks = [(reply,) for reply in replies]
            self._db.executemany("UPDATE replies SET played = 1 WHERE id = ?", marks)

    def add_reply(self, phone: PhoneNumber, text: str, at: datetime) -> None:
        """Let a resident write back."""
        self._rows(
            "INSERT INTO replies (phone, text, at) VALUES (?, ?, ?)",
            phone.e164,
            text,
            at.timestamp(),
        )

    def sent_between(self, phone: str, start: datetime, end: datetime) -> list[Row]:
        """What was accepted for a number from *start* to before *end*."""
        return self._rows(
            "SELECT * FROM messages WHERE phone = ? AND at >= ? AND at < ? AND code = 'OK' "
            "ORDER BY id",
            phone,
            start.timestamp(),
            end.timestamp(),
        )

    def clear(self) -> None:
        """Forget everything."""
        with self._lock, self._transaction():
            self._db.execute("DELETE FROM messages")
            self._db.execute("DELETE FROM replies")

    def _rows(self, sql: str, *values: object) -> list[Any]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db)


class _Transaction:
    """``BEGIN IMMEDIATE`` to ``COMMIT``, or ``ROLLBACK`` when something is raised."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")


_MARKS: Final = ", ".join("?" * 12)


def _row(row_id: int, m: dict[str, Any], code: str, segments: int, at: float) -> Row:
    due = _due(m["to"], at, 0) if code == "OK" else None
    params = json.dumps(m["params"], ensure_ascii=False)
    return (
        row_id, m["reference"], m["to"], m["template"], m["signature"], params, m["text"],
        at, code, segments, 0, due,
    )  # fmt: skip


def _due(e164: str, at: float, played: int) -> float | None:
    steps = magic_of(e164).receipts
    return at + steps[played].after.total_seconds() if played < len(steps) else None


def _message(row: Row) -> OutboxMessage:
    params = tuple((str(name), str(value)) for name, value in json.loads(row[5]))
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=row[7])
    return OutboxMessage(
        f"outbox-{row[0]}", row[1], parse(row[2]), row[3], row[4], params, row[6], at,
        row[8], row[9],
    )  # fmt: skip
