"""Stores: implementations of the Protocols that the trades declare.

`MemoryStore`, `SQLiteStore` and `RedisStore` keep codes and caps (`propsms.otp.OtpStore`,
`propsms.quota.QuotaStore`); `MemoryJournal`, `SQLiteJournal` and `RedisJournal` keep what was
sent (`propsms.journal.Journal`); `AsyncStore` and `AsyncJournal` make a blocking one awaited.
Names are served lazily, so that nobody loads SQLite or redis who does not use it. A new store
is one file here and one line below.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from propsms.stores.memory import (
        AsyncMemoryStore as AsyncMemoryStore,
        MemoryStore as MemoryStore,
    )
    from propsms.stores.memory_journal import MemoryJournal as MemoryJournal
    from propsms.stores.redis import AsyncRedisStore as AsyncRedisStore, RedisStore as RedisStore
    from propsms.stores.redis_journal import RedisJournal as RedisJournal
    from propsms.stores.rows import RowStore as RowStore
    from propsms.stores.sqlite import SQLiteStore as SQLiteStore
    from propsms.stores.sqlite_journal import SQLiteJournal as SQLiteJournal
    from propsms.stores.threads import AsyncJournal as AsyncJournal, AsyncStore as AsyncStore

_HOMES = {
    "AsyncMemoryStore": "memory",
    "MemoryJournal": "memory_journal",
    "MemoryStore": "memory",
    "AsyncJournal": "threads",
    "AsyncRedisStore": "redis",
    "AsyncStore": "threads",
    "RedisJournal": "redis_journal",
    "RedisStore": "redis",
    "RowStore": "rows",
    "SQLiteJournal": "sqlite_journal",
    "SQLiteStore": "sqlite",
}

__all__ = [
    "AsyncJournal",
    "AsyncMemoryStore",
    "AsyncRedisStore",
    "AsyncStore",
    "MemoryJournal",
    "MemoryStore",
    "RedisJournal",
    "RedisStore",
    "RowStore",
    "SQLiteJournal",
    "SQLiteStore",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'propsms.stores' has no attribute {name!r}")
    value = getattr(import_module(f"propsms.stores.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
