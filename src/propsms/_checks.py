"""Validators for attrs fields, whose messages give the field, the bound and the value."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from propsms.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["between", "non_empty", "positive", "require_aware"]


def between(low: Any, high: Any) -> Callable[[Any, Any, Any], None]:
    """Require ``low <= value <= high`` and the type of *low* (a bool is no number)."""
    kind = cast("type[object]", type(low))

    def check(_: Any, field: Any, value: Any) -> None:
        if not isinstance(value, kind) or isinstance(value, bool):
            raise TypeError(
                f"{field.name} must be {kind.__name__}, got {type(value).__name__} ({value!r})"
            )
        if not low <= value <= high:
            raise InvalidValueError(
                f"{field.name} must be from {low} to {high}, got {value}",
                f"{field.name} 须在 {low} 到 {high} 之间,现为 {value}",
                field=field.name,
            )

    return check


def positive(_: Any, field: Any, value: timedelta) -> None:
    """Require a timedelta greater than zero."""
    if not isinstance(value, timedelta):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{field.name} must be a timedelta, got {type(value).__name__}")
    if value <= timedelta():
        raise InvalidValueError(
            f"{field.name} must be longer than zero, got {value}",
            f"{field.name} 必须大于零,现为 {value}",
            field=field.name,
        )


def non_empty(_: Any, field: Any, value: str) -> None:
    """Require a text that is more than white space."""
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{field.name} must be a str, got {type(value).__name__}")
    if not value.strip():
        raise InvalidValueError(
            f"{field.name} must not be empty", f"{field.name} 不能为空", field=field.name
        )


def require_aware(now: datetime, field: str = "now") -> None:
    """Require an instant with a time zone.

    Raises:
        InvalidValueError: *now* is naive, so nobody can tell which instant it is.
    """
    if now.tzinfo is None or now.utcoffset() is None:
        raise InvalidValueError(
            f"{field} must be an aware datetime, got the naive {now.isoformat()}; "
            "use datetime.now(timezone.utc)",
            f"{field} 必须带时区,现为不带时区的 {now.isoformat()};请用 datetime.now(timezone.utc)",
            field=field,
        )
