"""Write fixes back into the files, or show what would change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from propsms.cli._lint.inputs import decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from propsms.cli._lint.inputs import Item

__all__ = ["diff", "rewrite", "write"]


def rewrite(path: str, changes: Mapping[int, tuple[Item, str]]) -> tuple[str, str] | None:
    """The file as it is and as it would be; None when nothing can be written.

    Args:
        path: The file.
        changes: For the line of each text, what was read there and the text that goes in.
    """
    before = decode(Path(path).read_bytes(), path)
    lines = before.splitlines(keepends=True)
    for number, (item, text) in changes.items():
        line = lines[number - 1]
        at = line.find(item.template.text)
        if at < 0 or not _stays_whole(path, line[:at], text):
            continue
        lines[number - 1] = line[:at] + text + line[at + len(item.template.text) :]
    after = "".join(lines)
    return (before, after) if after != before else None


def _stays_whole(path: str, before: str, text: str) -> bool:
    """True if *text*, put behind *before*, needs no quotes that are not there."""
    lower = path.lower()
    if lower.endswith(".toml"):
        return not any(c in text for c in '"\\\n\r')
    if lower.endswith(".csv"):
        return not any(c in text for c in '"\n\r') and (before.endswith('"') or "," not in text)
    return True


def diff(path: str, before: str, after: str) -> Iterator[str]:
    """A unified diff, line by line."""
    import difflib

    return difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"a/{path}", f"b/{path}", lineterm=""
    )


def write(path: str, after: str) -> None:
    """Write the file in its own encoding, whole or not at all."""
    file = Path(path)
    data = file.read_bytes()
    bom = data.startswith(b"\xef\xbb\xbf")
    encoding = "utf-8-sig" if bom else _encoding(data)
    fresh = file.with_name(file.name + ".propsms-new")
    fresh.write_bytes(after.encode(encoding))
    fresh.replace(file)


def _encoding(data: bytes) -> str:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8"


def by_file(changes: Iterable[tuple[Item, str]]) -> dict[str, dict[int, tuple[Item, str]]]:
    """Changes grouped by file and line."""
    grouped: dict[str, dict[int, tuple[Item, str]]] = {}
    for item, text in changes:
        grouped.setdefault(item.path, {})[item.line] = (item, text)
    return grouped
