"""Tell a person which key of a TOML table is unknown or missing, before a class complains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from propsms.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["check_keys"]


def check_keys(cls: type[attrs.AttrsInstance], data: Mapping[str, object], where: str) -> None:
    """Require that *data* has the keys that *cls* needs and no others.

    Raises:
        InvalidValueError: It has not; the message names the key and those that there are.
    """
    fields = [field for field in attrs.fields(cls) if field.init]
    names = [field.name for field in fields]
    for key in data:
        if key not in names:
            known = ", ".join(names)
            raise InvalidValueError(
                f"{where}: {key!r} is not a known key; there are {known}",
                f"{where}:没有“{key}”这个键;可用的键有 {known}",
                field=key,
            )
    for field in fields:
        if field.default is attrs.NOTHING and field.name not in data:
            raise InvalidValueError(
                f"{where}: {field.name} is missing; add a line {field.name} = ...",
                f"{where}:缺少 {field.name};请加一行 {field.name} = ...",
                field=field.name,
            )
