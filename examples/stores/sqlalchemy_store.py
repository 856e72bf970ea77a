"""Keep codes and caps in the host's own database, through SQLAlchemy.

Give it an engine of its own, or at least never call it inside an open transaction of the same
connection: a rollback there must not give guesses back. `create_tables` makes two tables;
put the same into your migrations.

Works on PostgreSQL, MySQL and SQLite: an act first takes the lock row of every tag it touches,
in one order, so that acts of one tenant queue up and no two can deadlock.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from propsms.stores.rows import RowStore

if TYPE_CHECKING:
    from collections.abc import Collection, Generator

_METADATA = sa.MetaData()
_ITEMS = sa.Table(
    "propsms_item",
    _METADATA,
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("expires", sa.BigInteger, nullable=False, index=True),
)
_LOCKS = sa.Table(
    "propsms_lock",
    _METADATA,
    sa.Column("tag", sa.String(64), primary_key=True),
    sa.Column("turns", sa.BigInteger, nullable=False),
)


class SQLAlchemyStore(RowStore):
    """Codes and caps over an engine."""

    def __init__(self, engine: sa.Engine) -> None:
        """Use *engine* for transactions of this store's own."""
        self._engine = engine

    def create_tables(self) -> None:
        """Make the two tables where they are missing."""
        _METADATA.create_all(self._engine)

    def close(self) -> None:
        """Close the engine's connections."""
        self._engine.dispose()

    @contextmanager
    def act(self, tags: Collection[str], /) -> Generator[_Items]:
        """A transaction of its own that holds the lock rows of *tags*."""
        self._make_locks(tags)
        with self._engine.begin() as connection:
            for tag in sorted(tags):
                where = _LOCKS.c.tag == tag
                connection.execute(_LOCKS.update().where(where).values(turns=_LOCKS.c.turns + 1))
            yield _Items(connection)

    def _make_locks(self, tags: Collection[str]) -> None:
        with self._engine.connect() as connection:
            found = connection.execute(sa.select(_LOCKS.c.tag).where(_LOCKS.c.tag.in_(tags)))
            missing = sorted(set(tags) - set(found.scalars()))
        for tag in missing:
            try:
                with self._engine.begin() as connection:
                    connection.execute(_LOCKS.insert().values(tag=tag, turns=0))
            except sa.exc.IntegrityError:
                continue  # another worker was faster

    def purge(self, expired_before: int) -> None:
        """Delete what expired before that many microseconds since 1970; run it daily."""
        with self._engine.begin() as connection:
            connection.execute(_ITEMS.delete().where(_ITEMS.c.expires < expired_before))


class _Items:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def get(self, key: str, /) -> str | None:
        found: str | None = self._connection.scalar(
            sa.select(_ITEMS.c.text).where(_ITEMS.c.key == key)
        )
        return found

    def put(self, key: str, text: str, expires: int, /) -> None:
        values = {"text": text, "expires": expires}
        done = self._connection.execute(
            _ITEMS.update().where(_ITEMS.c.key == key).values(**values)
        )
        if not done.rowcount:
            self._connection.execute(_ITEMS.insert().values(key=key, **values))

    def drop(self, key: str, /) -> None:
        self._connection.execute(_ITEMS.delete().where(_ITEMS.c.key == key))
