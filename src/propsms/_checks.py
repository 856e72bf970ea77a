"""Validators for attrs fields, whose messages give the field, the bound and the value."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NoReturn, cast

from propsms.errors import InvalidValueError, MissingExtraError, WrongTypeError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = [
    "Word",
    "between",
    "extra",
    "in_utc",
    "instance",
    "non_empty",
    "positive",
    "reason_zh",
    "require_aware",
    "require_day",
    "wrong_type",
]

_REASONS_ZH = {
    errno.ENOENT: "没有这个文件或文件夹，请核对路径",
    errno.EACCES: "没有权限，请换一个位置或修改权限",
    errno.EPERM: "没有权限，请换一个位置或修改权限",
    errno.EROFS: "所在磁盘只读，请换一个位置",
    errno.EISDIR: "这是文件夹，请给出文件名",
    errno.ENOTDIR: "路径中有一段不是文件夹，请核对路径",
    errno.EEXIST: "已有同名文件，请换一个名字",
    errno.ENOSPC: "磁盘已满，请换一个位置",
}


class Word(StrEnum):
    """One of a few words; another one is refused with the list of them."""

    @classmethod
    def _missing_(cls, value: object) -> NoReturn:
        from propsms.phone import mask_numbers  # noqa: PLC0415  which imports this module

        known = ", ".join(cls)
        given = mask_numbers(repr(value))
        raise InvalidValueError(
            f"{given} is no {cls.__name__}; it is one of {known}",
            f"{given} 不是有效的 {cls.__name__}；可用：{known}",
            field=cls.__name__,
        )


def reason_zh(error: OSError) -> str:
    """Why a file cannot be used, in Chinese; the system tells it in English alone."""
    return _REASONS_ZH.get(error.errno or 0, error.strerror or str(error))


@contextmanager
def extra(name: str, package: str, what: str, what_zh: str) -> Generator[None]:
    """Import what the extra *name* brings inside this, and say what to install without it.

    Raises:
        MissingExtraError: *package* is not installed.
    """
    try:
        yield
    except ImportError as error:
        command = f"pip install 'propsms[{name}]'"
        raise MissingExtraError(
            f"{what} needs {package}; install it with: {command}",
            f"{what_zh}需要 {package}，请安装：{command}",
            extra=name,
        ) from error


def wrong_type(
    field: str, value: object, wanted: str, hint: str = "", hint_zh: str = ""
) -> WrongTypeError:
    """Say which type *field* takes; never show *value*, which may be a number or a code."""
    got = type(value).__name__
    article = "an " if wanted[0] in "AEIOUaeiou" else "a " if wanted != "bytes" else ""
    return WrongTypeError(
        f"{field} must be {article}{wanted}, got {got}" + (f"; {hint}" if hint else ""),
        f"{field} 须为 {wanted}，现为 {got}" + (f"；{hint_zh}" if hint_zh else ""),
        field=field,
    )


def instance(
    *kinds: type[object], hint: str = "", hint_zh: str = ""
) -> Callable[[Any, Any, Any], None]:
    """Require one of *kinds* (a bool is no number)."""
    wanted = " or ".join(kind.__name__ for kind in kinds)

    def check(_: Any, field: Any, value: Any) -> None:
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise wrong_type(field.name, value, wanted, hint, hint_zh)

    return check


def between(low: Any, high: Any) -> Callable[[Any, Any, Any], None]:
    """Require ``low <= value <= high`` and the type of *low* (a bool is no number)."""
    kind = cast("type[object]", type(low))

    def check(_: Any, field: Any, value: Any) -> None:
        if not isinstance(value, kind) or isinstance(value, bool):
            raise wrong_type(field.name, value, kind.__name__)
        if not low <= value <= high:
            raise InvalidValueError(
                f"{field.name} must be from {low} to {high}, got {value}",
                f"{field.name} 须在 {low} 到 {high} 之间，现为 {value}",
                field=field.name,
            )

    return check


def positive(_: Any, field: Any, value: timedelta) -> None:
    """Require a timedelta greater than zero."""
    if not isinstance(value, timedelta):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong_type(field.name, value, "timedelta")
    if value <= timedelta():
        raise InvalidValueError(
            f"{field.name} must be longer than zero, got {value}",
            f"{field.name} 必须大于零，现为 {value}",
            field=field.name,
        )


def non_empty(_: Any, field: Any, value: str) -> None:
    """Require a text that is more than white space."""
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong_type(field.name, value, "str")
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
            f"{field} 必须带时区，现为不带时区的 {now.isoformat()}；请用 datetime.now(timezone.utc)",
            field=field,
        )


def in_utc(now: datetime, field: str = "now") -> datetime:
    """The instant in UTC, where an hour later is an hour later, at the end of summer time too.

    Raises:
        InvalidValueError: *now* is naive.
    """
    if now.tzinfo is UTC:
        return now
    require_aware(now, field)
    return now.astimezone(UTC)


def require_day(today: date, field: str = "today") -> None:
    """Require a plain day: an instant does not compare with one.

    Raises:
        WrongTypeError: *today* is an instant, or no date at all.
    """
    if isinstance(today, datetime) or not isinstance(today, date):  # pyright: ignore[reportUnnecessaryIsInstance]
        call = "propsms.sending_hours.shanghai_day(now)"
        raise wrong_type(field, today, "date", f"use {call}", f"请用 {call}")
