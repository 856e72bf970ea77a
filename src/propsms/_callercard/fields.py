"""Read a TOML form so that whoever wrote it learns which line to mend.

Keys and types are compared with the class that the table becomes, before that class complains:
its messages know nothing of lines, and would repeat a phone number that was not quoted.
"""

from __future__ import annotations

import difflib
import tomllib
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

import attrs

from propsms._toml_lines import line_of
from propsms.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from propsms._toml_lines import Place

__all__ = ["Form", "read_utf8"]

_Made = TypeVar("_Made", bound=attrs.AttrsInstance)


def read_utf8(path: Path) -> str:
    """The text of a file, with or without the mark that Windows puts in front.

    Raises:
        InvalidValueError: It is not UTF-8.
        OSError: It cannot be read.
    """
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidValueError(
            f"{path.name} is not UTF-8; save it as UTF-8",
            f"{path.name} 不是 UTF-8 编码，请另存为 UTF-8",
            field=path.name,
        ) from error


class Form:
    """A TOML text, its tables, and where in it they stand."""

    def __init__(self, text: str, name: str) -> None:
        self._text, self._name = text.replace("\r\n", "\n"), name
        try:
            self.data = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            deep = isinstance(error, RecursionError)
            why = "it is nested too deeply" if deep else str(error)
            why_zh = "嵌套过深" if deep else str(error)
            raise InvalidValueError(
                f"{name} is not TOML: {why}", f"{name} 不是 TOML 文件：{why_zh}", field=name
            ) from error

    def table(self, value: object, at: Place) -> dict[str, Any]:
        """*value* as a table."""
        if not isinstance(value, dict):
            raise self.fault(at, "it must be a table of keys and values", "须为由键和值组成的表")
        return cast("dict[str, Any]", value)

    def array(self, value: object, at: Place) -> list[Any]:
        """*value* as an array."""
        if not isinstance(value, list):
            raise self.fault(at, f"{at[-1]} must be a list", f"{at[-1]} 须为列表")
        items: list[Any] = cast("Any", value)
        return items

    def make(self, cls: type[_Made], data: dict[str, Any], at: Place, **ready: object) -> _Made:
        """Make a *cls* of a table; what is in *ready* was made before.

        Raises:
            InvalidValueError: A key is unknown or missing, or a value is not what it must be.
        """
        fields = {field.name: field for field in attrs.fields(cls) if field.init}
        for key, value in data.items():
            if key not in fields:
                raise self._unknown(key, at, list(fields))
            if key not in ready:
                self._check_type(fields[key], value, (*at, key))
        for name, field in fields.items():
            if field.default is attrs.NOTHING and name not in data:
                raise self.fault(
                    at,
                    f"{name} is missing; add a line {name} = ...",
                    f"缺少 {name}；请加一行 {name} = ...",
                )
        try:
            return cls(**{**data, **ready})
        except InvalidValueError as error:
            key = error.field if error.field in data else ""
            place = (*at, key) if key else at
            raise self.fault(place, error.message, error.message_zh or error.message) from error

    def _unknown(self, key: str, at: Place, names: list[str]) -> InvalidValueError:
        known = ", ".join(names)
        near = difflib.get_close_matches(key, names, 1)
        meant, meant_zh = (
            (f"; did you mean {near[0]}?", f"；是否为 {near[0]}？") if near else ("", "")
        )
        return self.fault(
            (*at, key),
            f"{key!r} is not a known key; there are {known}{meant}",
            f"没有“{key}”这个键；可用的键有 {known}{meant_zh}",
        )

    def _check_type(self, field: attrs.Attribute[Any], value: object, at: Place) -> None:
        kind = str(field.type).removesuffix(" | None")
        if kind in _EXPECTED:
            fits, en, zh = _EXPECTED[kind]
            if not fits(value):
                got = type(value).__name__
                raise self.fault(
                    at,
                    f"{field.name} must be {en}, got {got}",
                    f"{field.name} 须为{zh}，现为 {got}",
                )

    def fault(self, at: Place, message: str, message_zh: str) -> InvalidValueError:
        """The error that names file, line and place."""
        where = f"{self._name}:{line_of(self._text, at)}"
        table = at[:-1] if at and isinstance(at[-1], str) else at
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in table)
        shown = f" {path.lstrip('.')}:" if path else ""
        return InvalidValueError(
            f"{where}:{shown} {message}",
            f"{where}:{shown}{message_zh}",
            field=next((part for part in reversed(at) if isinstance(part, str)), self._name),
        )


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_day(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _is_texts(value: object) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list) and all(map(_is_text, cast("list[object]", value)))
    )


_TEXT = (_is_text, "a text in quotes", "加引号的文字")
_TEXTS = (_is_texts, "a list of texts in quotes", "加引号的文字的列表")
_EXPECTED: Mapping[str, tuple[Callable[[object], bool], str, str]] = {
    "str": _TEXT,
    "ProfileStatus": _TEXT,
    "bool": (_is_flag, "true or false", " true 或 false"),
    "int": (_is_whole, "a whole number", "整数"),
    "date": (_is_day, "a day such as 2026-01-31, without quotes", "不加引号的日期，如 2026-01-31"),
    "tuple[str, ...]": _TEXTS,
    "tuple[CardNumberKind, ...]": _TEXTS,
}
