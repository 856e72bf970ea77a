"""Keep codes and caps in the host's own database, through Django.

Give it an alias of its own in ``DATABASES`` (it may point at the same server): Django's
``ATOMIC_REQUESTS`` and ``transaction.atomic`` roll back per alias, and a view that fails must
not give guesses back. ``durable=True`` makes Django refuse where that would happen.

Put `TABLES` into a migration with ``migrations.RunSQL``.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, connections, transaction

from propsms.stores.rows import RowStore

if TYPE_CHECKING:
    from collections.abc import Collection, Generator

TABLES = (
    """
    CREATE TABLE propsms_item (
        item VARCHAR(255) PRIMARY KEY, content TEXT NOT NULL, expires BIGINT NOT NULL
    )
    """,
    "CREATE INDEX propsms_item_expires ON propsms_item (expires)",
    "CREATE TABLE propsms_lock (tag VARCHAR(64) PRIMARY KEY, turns BIGINT NOT NULL)",
)


class DjangoStore(RowStore):
    """Codes and caps over one of Django's connections."""

    def __init__(self, using: str = "codes") -> None:
        """Use the alias *using*."""
        self._using = using

    def create_tables(self) -> None:
        """Make the tables, where no migration does."""
        with connections[self._using].cursor() as cursor:
            for statement in TABLES:
                cursor.execute(statement)

    @contextmanager
    def act(self, tags: Collection[str], /) -> Generator[_Items]:
        """A transaction of its own that holds the lock rows of *tags*."""
        self._make_locks(tags)
        with (
            transaction.atomic(using=self._using, durable=True),
            connections[self._using].cursor() as cursor,
        ):
            for tag in sorted(tags):
                cursor.execute("UPDATE propsms_lock SET turns = turns + 1 WHERE tag = %s", [tag])
            yield _Items(cursor)

    def _make_locks(self, tags: Collection[str]) -> None:
        for tag in sorted(tags):
            with connections[self._using].cursor() as cursor:
                cursor.execute("SELECT 1 FROM propsms_lock WHERE tag = %s", [tag])
                if cursor.fetchone():
                    continue
            try:
                with (
                    transaction.atomic(using=self._using, durable=True),
                    connections[self._using].cursor() as cursor,
                ):
                    cursor.execute("INSERT INTO propsms_lock (tag, turns) VALUES (%s, 0)", [tag])
            except IntegrityError:
                continue  # another worker was faster

    def purge(self, expired_before: int) -> None:
        """Delete what expired before that many microseconds since 1970; run it daily."""
        with connections[self._using].cursor() as cursor:
            cursor.execute("DELETE FROM propsms_item WHERE expires < %s", [expired_before])


class _Items:
    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def get(self, key: str, /) -> str | None:
        self._cursor.execute("SELECT content FROM propsms_item WHERE item = %s", [key])
        row = self._cursor.fetchone()
        return None if row is None else str(row[0])

    def put(self, key: str, text: str, expires: int, /) -> None:
        self._cursor.execute(
            "UPDATE propsms_item SET content = %s, expires = %s WHERE item = %s",
            [text, expires, key],
        )
        if not self._cursor.rowcount:
            self._cursor.execute(
                "INSERT INTO propsms_item (item, content, expires) VALUES (%s, %s, %s)",
                [key, text, expires],
            )

    def drop(self, key: str, /) -> None:
        self._cursor.execute("DELETE FROM propsms_item WHERE item = %s", [key])
