"""On which line of a TOML file a key stands, which ``tomllib`` does not tell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Place", "fault_line", "line_of"]

Place = tuple[str | int, ...]
"""The keys down to one; a number after a key says which of the tables of an array."""


def fault_line(text: str, error: Exception) -> int:
    """The line at which *text* is no TOML; the last one, when it just ends."""
    found = re.search(r"\(at line (\d+)", str(error))
    return int(found[1]) if found else text.rstrip().count("\n") + 1


def line_of(text: str, at: Place) -> int:
    r"""The line of the key or table *at*, or of the nearest table above it, as good as reads tell.

    >>> line_of('[templates.a]\nkind = "otp"', ("templates", "a", "kind"))
    2
    >>> line_of("a = 1\n[[n]]\nb = 1\n[[n]]\nb = 2", ("n", 1, "b"))
    5
    """
    header: Place = ()
    seen: dict[tuple[str, ...], int] = {}
    best = 1
    for number, line in enumerate(text.split("\n"), start=1):
        if opened := re.match(r"\s*(\[\[?)([^\[\]]+)\]", line):
            path = _path(opened[2])
            if opened[1] == "[[":
                seen[path] = seen.get(path, -1) + 1
            here = header = _placed(path, seen)
        else:
            key = re.match(r"\s*([^=#\s{}][^=]*?)\s*=", line)
            here = (*header, *_path(key[1])) if key else ()
        if here and here == at[: len(here)]:
            best = number
            if here == at:
                break
    return best


def _placed(path: tuple[str, ...], seen: Mapping[tuple[str, ...], int]) -> Place:
    """*path* with the number of each table that stands in an array."""
    placed: list[str | int] = []
    for depth, part in enumerate(path, 1):
        placed.append(part)
        if path[:depth] in seen:
            placed.append(seen[path[:depth]])
    return tuple(placed)


def _path(dotted: str) -> tuple[str, ...]:
    parts = re.findall(r'"([^"]*)"|\'([^\']*)\'|([^."\'\s]+)', dotted)
    return tuple("".join(part) for part in parts)
