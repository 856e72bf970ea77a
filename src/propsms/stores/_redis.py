"""What every store in Redis needs: its errors, its replies as text, its key space."""

from __future__ import annotations

from typing import Any

from propsms._checks import extra
from propsms.errors import InvalidValueError

__all__ = ["check_prefix", "redis_errors", "text_of"]


def redis_errors() -> type[Exception]:
    """The root of redis-py's errors.

    Raises:
        MissingExtraError: redis-py is not installed.
    """
    with extra("redis", "redis-py", "RedisStore or RedisJournal", "RedisStore 或 RedisJournal "):
        from redis.exceptions import RedisError  # noqa: PLC0415 - only with the extra
    return RedisError


def text_of(reply: Any) -> str:
    """A reply as text, whether the client decodes replies or not."""
    return reply.decode() if isinstance(reply, bytes) else str(reply)


def check_prefix(prefix: str) -> str:
    """The prefix itself; it stands inside a hash tag.

    Raises:
        InvalidValueError: It is empty, or holds braces.
    """
    if not prefix or "{" in prefix or "}" in prefix:
        raise InvalidValueError(
            f"prefix must be non-empty and without braces, got {prefix!r}",
            f"prefix 不能为空，也不能含花括号，现为 {prefix!r}",
            field="prefix",
        )
    return prefix
