"""On which line of a TOML file a key stands, which ``tomllib`` does not tell."""

from __future__ import annotations

import re

__all__ = ["fault_line", "line_of"]


def fault_line(text: str, error: Exception) -> int:
    """The line at which *text* is no TOML; the last one, when it just ends."""
    found = re.search(r"\(at line (\d+)", str(error))
    return int(found[1]) if found else text.rstrip().count("\n") + 1


def line_of(text: str, at: tuple[str, ...]) -> int:
    r"""The line of the key *at* in a TOML *text*, as good as can be told by reading it.

    >>> line_of('[templates.a]\nkind = "otp"', ("templates", "a", "kind"))
    2
    """
    header: tuple[str, ...] = ()
    here: tuple[str, ...]
    best = 1
    for number, line in enumerate(text.splitlines(), start=1):
        opened = re.match(r"\s*\[+([^\[\]]+)\]+", line)
        if opened:
            header = _path(opened[1])
            here = header
        else:
            key = re.match(r"\s*([^=#\s][^=]*?)\s*=", line)
            here = (*header, *_path(key[1])) if key else ()
        if here and here == at[: len(here)]:
            best = number
            if here == at:
                break
    return best


def _path(dotted: str) -> tuple[str, ...]:
    parts = re.findall(r'"([^"]*)"|\'([^\']*)\'|([^."\'\s]+)', dotted)
    return tuple("".join(part) for part in parts)
