"""One SQLite file, opened the same way by every store of ours: WAL, whole acts, migrations.

In WAL mode with ``synchronous=FULL``, the default here, an act that returned survives a power
cut. With ``NORMAL`` the file stays sound but a power cut may lose the acts of the last moments:
a used code could be used again, a cap counted again. A killed process loses nothing in either.

Source: SQLite, "Write-Ahead Logging" §2.3 and "PRAGMA synchronous".
"""

from __future__ import annotations

import os
import sqlite3
import weakref
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

from propsms.errors import InvalidValueError, StoreError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

__all__ = ["SQLiteFile"]

_MODES: Final = ("FULL", "NORMAL", "EXTRA")


class SQLiteFile:
    """A connection that is safe for threads, for forks and for several processes."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        migrations: Sequence[str],
        *,
        application_id: int,
        synchronous: str,
        timeout: float,
        secure_delete: bool = False,
    ) -> None:
        if synchronous not in _MODES:
            raise InvalidValueError(
                f"synchronous must be one of {', '.join(_MODES)}, got {synchronous!r}",
                f"synchronous 须为 {', '.join(_MODES)} 之一，现为 {synchronous!r}",
                field="synchronous",
            )
        self.path = Path(path)
        self._migrations = migrations
        self._application_id = application_id
        self._synchronous = synchronous
        self._timeout = timeout
        self._secure_delete = secure_delete
        self._lock = RLock()
        self._pid = 0
        self._connection: sqlite3.Connection | None = None
        self._joined: sqlite3.Connection | None = None
        with self.act():
            pass

    def __repr__(self) -> str:
        return f"{self.path.name!r}"

    def close(self) -> None:
        """Close the file; the next act opens it again."""
        with self._lock:
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
            self._connection = None

    @contextmanager
    def act(self) -> Generator[sqlite3.Connection]:
        """A transaction that holds the write lock from its start, so that it never fails late.

        Raises:
            StoreError: The file is locked too long, damaged, full or no database of ours.
        """
        with self._lock:
            if self._joined is not None:
                yield self._joined
                return
            try:
                connection = self._connect()
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.Error as error:
                raise self._failure(error) from error
            try:
                yield connection
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                _roll_back(connection)
                raise self._failure(error) from error
            except BaseException:
                _roll_back(connection)
                raise

    @contextmanager
    def together(self) -> Generator[None]:
        """Make the acts inside one act: all of them happen, or none.

        Raises:
            StoreError: As `act`; nothing of it has happened then.
        """
        with self._lock, self.act() as connection:
            if self._joined is not None:
                yield
                return
            self._joined = connection
            try:
                yield
            finally:
                self._joined = None

    def empty_log(self) -> None:
        """Move the write-ahead log into the file, for it holds pages as they were before.

        A reader of another process may keep it from that; then the next call does it.
        """
        with self._lock:
            if self._joined is None:
                self.rows("PRAGMA wal_checkpoint(TRUNCATE)")

    def rows(
        self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[tuple[Any, ...]]:
        """What a query finds, all of it."""
        with self._lock:
            try:
                return self._connect().execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise self._failure(error) from error

    def _connect(self) -> sqlite3.Connection:
        if self._connection is not None and self._pid == os.getpid():
            return self._connection
        if self._connection is not None:
            _INHERITED.append(self._connection)  # a parent's: closing it here would harm both
        connection = sqlite3.connect(
            self.path, timeout=self._timeout, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._connection, self._pid = connection, os.getpid()
        weakref.finalize(self, _close, connection, self._pid)
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={self._synchronous}")
        connection.execute(f"PRAGMA secure_delete={self._secure_delete:d}")
        if self._version(connection) == len(self._migrations):
            return
        connection.execute("BEGIN IMMEDIATE")
        version = self._version(connection)
        if version > len(self._migrations):
            connection.execute("ROLLBACK")
            raise StoreError(
                f"{self.path.name} was written by a newer propsms (layout {version}, here at most "
                f"{len(self._migrations)}); upgrade propsms",
                f"{self.path.name} 由更新版本的 propsms 写入（结构版本 {version}），请升级 propsms",
            )
        for number, script in enumerate(self._migrations[version:], version + 1):
            for statement in filter(str.strip, script.split(";")):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={number}")
        connection.execute(f"PRAGMA application_id={self._application_id}")
        connection.execute("COMMIT")

    def _version(self, connection: sqlite3.Connection) -> int:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        found = int(connection.execute("PRAGMA application_id").fetchone()[0])
        if found not in {0, self._application_id} or (version and not found):
            raise StoreError(
                f"{self.path.name} is another program's database or another store's; "
                "give each store a file of its own",
                f"{self.path.name} 属于其他程序或其他存储；请为每个存储使用单独的文件",
            )
        return version

    def _failure(self, error: sqlite3.Error) -> StoreError:
        # SQLite's own words hold no values: it names tables, columns and conditions.
        return StoreError(
            f"the act on {self.path.name} did not happen: {error}; if it is locked, another "
            "process holds it longer than the timeout; if it is malformed, restore a backup",
            f"对 {self.path.name} 的操作未执行：{error}；若提示 locked，说明其他进程占用超时；"
            "若提示 malformed，请从备份恢复",
        )


_INHERITED: list[sqlite3.Connection] = []


def _close(connection: sqlite3.Connection, pid: int) -> None:
    if os.getpid() == pid:
        connection.close()


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")
