"""Read texts from files as users have them: TOML, CSV, XLSX, plain text, standard input."""

from __future__ import annotations

import re
import sys
from os.path import isdir, splitext
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from propsms._checks import extra, reason_zh
from propsms._kinds import MessageKind
from propsms._placeholders.lazy import late
from propsms.cli._speech import say
from propsms.errors import PropsmsError, TableError
from propsms.placeholders import Template

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["Files", "Ignore", "Item", "files_of", "nothing_found", "read_items"]


class Ignore(NamedTuple):
    """An inline order to leave a finding alone.

    Attributes:
        codes: Which rules.
        reason: Why; it should not be empty.
        line: Where the order stands.
    """

    codes: tuple[str, ...]
    reason: str
    line: int


class Item(NamedTuple):
    """One text to judge, and where it stands.

    Attributes:
        path: The file, as the user gave it; ``-`` for standard input.
        line: The line of the text, from 1.
        column: The column of its first character, from 1.
        template: The text.
        ignores: Inline orders about it.
        editable: True if the file holds the text as it is, so that a fix can be written back.
        library: True if it stands in a company's library, which `convert` carries to providers.
    """

    path: str
    line: int
    column: int
    template: Template
    ignores: tuple[Ignore, ...] = ()
    editable: bool = False
    library: bool = False


_IGNORE: Final = late(
    r"#\s*propsms:\s*ignore\[([^\]\r\n]{1,400})\][ \t]*(?:--|:|\uff1a)?[ \t]*([^\r\n]{0,400})"
)


def read_items(
    path: str, *, kind: MessageKind | None = None, signature: str | None = None
) -> Iterator[Item]:
    """Every text in *path*; a folder gives those of all files in it that can be read.

    Raises:
        PropsmsError: The file cannot be read; the message says what was expected.
    """
    if path == "-":
        data = sys.stdin.buffer.read()
        yield from _plain("-", decode(data, "-"), kind, signature)
        return
    if isdir(path):
        for found in files_of(path):
            yield from read_items(found, kind=kind, signature=signature)
        return
    reader = _READERS.get(splitext(path)[1].lower(), _read_plain)
    yield from reader(path, kind, signature)


class Files:
    """The files of one run; one that cannot be read is told, and the others go on.

    A lone file that cannot be read raises.

    Attributes:
        names: All of them, folders opened.
        unreadable: How many could not be read so far.
    """

    def __init__(
        self, paths: Sequence[str], *, kind: MessageKind | None, signature: str | None
    ) -> None:
        self.names = [file for path in paths for file in files_of(path)]
        self.unreadable = 0
        self._kind = kind
        self._signature = signature

    def items(self, name: str) -> Iterator[Item]:
        """The texts of the file *name*."""
        try:
            yield from read_items(name, kind=self._kind, signature=self._signature)
        except (PropsmsError, OSError) as error:
            if len(self.names) == 1:
                raise
            self.unreadable += 1
            told = say(*_both(error))
            click.echo(f"propsms: {' '.join(told.split())}", err=True)


def _both(error: PropsmsError | OSError) -> tuple[str, str]:
    """What went wrong with a file, in Chinese and in English."""
    if isinstance(error, PropsmsError):
        return error.message_zh or error.message, error.message
    return f"{error.filename}: {reason_zh(error)}", f"{error.filename}: {error.strerror}"


def files_of(path: str) -> list[str]:
    """The files that *path* stands for: all of a folder that can be read, or the one itself."""
    if path == "-" or not isdir(path):
        return [path]
    from pathlib import Path

    found = sorted(Path(path).rglob("*"))
    return [str(one) for one in found if one.suffix.lower() in _READERS and one.is_file()]


def nothing_found() -> str:
    """What to say when no file held a text."""
    kinds = " ".join(_READERS)
    return say(
        f"没有找到任何文本；文件夹中只读取 {kinds}，请核对路径和内容",
        f"no texts found; of a folder only {kinds} are read; check path and content",
    )


def decode(data: bytes, path: str) -> str:
    """*data* as UTF-8 with or without a BOM, or as GB 18030.

    Raises:
        TableError: It is neither.
    """
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise TableError(
        f"{path}: neither UTF-8 nor GBK; save it as UTF-8",
        f"{path}：既不是 UTF-8 也不是 GBK；请另存为 UTF-8",
    )


def _load(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise TableError(
            f"cannot read {path}: {error.strerror}", f"无法读取 {path}：{reason_zh(error)}"
        ) from error


# -- Plain text: one template a line -----------------------------------------------------------


def _read_plain(path: str, kind: MessageKind | None, signature: str | None) -> Iterator[Item]:
    try:
        lines = open(path, "rb")  # noqa: SIM115 -- closed below; a stream keeps memory flat
    except OSError as error:
        raise TableError(
            f"cannot read {path}: {error.strerror}", f"无法读取 {path}：{reason_zh(error)}"
        ) from error
    with lines:
        yield from _from_lines(path, (decode(line, path) for line in lines), kind, signature)


def _plain(
    path: str, text: str, kind: MessageKind | None, signature: str | None
) -> Iterator[Item]:
    return _from_lines(path, text.split("\n"), kind, signature)


def _from_lines(
    path: str, lines: Iterable[str], kind: MessageKind | None, signature: str | None
) -> Iterator[Item]:
    waiting: list[Ignore] = []
    for number, raw in enumerate(lines, start=1):
        line = raw.rstrip("\r\n")
        if line.lstrip().startswith("#") and not re.match(r"\s*#\w+#", line):
            waiting += _ignores(line, number)
            continue
        if not line.strip():
            waiting = []
            continue
        inline = _IGNORE.search(line)
        orders = (*waiting, *_ignores(line, number))
        text = (line[: inline.start()] if inline else line).rstrip()
        start = len(text) - len(text.lstrip())
        template = _bare(text.strip(), f"{number}", kind, signature)
        yield Item(path, number, start + 1, template, orders, editable=True)
        waiting = []


def _bare(text: str, name: str, kind: MessageKind | None, signature: str | None) -> Template:
    from propsms.rules import guess_kind

    return Template(name, text, kind or guess_kind(text), signature=signature)


def _ignores(line: str, number: int) -> list[Ignore]:
    return [
        Ignore(tuple(code.strip() for code in m[1].split(",")), m[2].strip(), number)
        for m in _IGNORE.finditer(line)
    ]


# -- TOML: a company's library -----------------------------------------------------------------


def _read_toml(path: str, kind: MessageKind | None, signature: str | None) -> Iterator[Item]:
    from propsms._toml_lines import line_of
    from propsms.templates import parse_library

    text = decode(_load(path), path)
    library = parse_library(text, where=path)
    lines = text.splitlines()
    for template in library.values():
        import attrs

        chosen = template if signature is None else attrs.evolve(template, signature=signature)
        if kind is not None and kind is not chosen.kind:
            chosen = attrs.evolve(chosen, kind=kind, category=None)
        line = line_of(text, ("templates", template.name, "text"))
        column = lines[line - 1].find(template.text) + 1 if line <= len(lines) else 0
        yield Item(
            path,
            line,
            max(column, 1),
            chosen,
            tuple(_ignores_around(lines, line)),
            editable=column > 0,
            library=True,
        )


def _ignores_around(lines: Sequence[str], line: int) -> Iterator[Ignore]:
    """Orders on the line itself, and in the table above it."""
    if 0 < line <= len(lines):
        yield from _ignores(lines[line - 1], line)
    for number in range(line - 1, 0, -1):
        above = lines[number - 1]
        yield from _ignores(above, number)
        if above.lstrip().startswith("["):
            for before in range(number - 1, 0, -1):
                if not lines[before - 1].lstrip().startswith("#"):
                    return
                yield from _ignores(lines[before - 1], before)
            return


# -- CSV and XLSX: headers by name ----------------------------------------------------------------

_HEADERS: Final = {
    "text": (
        "text",
        "template",
        "content",
        "内容",
        "模板内容",
        "短信内容",
        "正文",
        "模板",
        "文本",
    ),
    "name": ("name", "名称", "模板名称", "标题", "编号"),
    "kind": ("kind", "type", "类型", "短信类型", "模板类型"),
    "signature": ("signature", "sign", "签名", "短信签名"),
    "ignore": ("ignore", "忽略"),
}
_KINDS: Final = {
    "验证码": MessageKind.OTP,
    "通知": MessageKind.NOTICE,
    "催收": MessageKind.DUNNING,
    "催缴": MessageKind.DUNNING,
    "营销": MessageKind.MARKETING,
    "推广": MessageKind.MARKETING,
}


def _read_csv(path: str, kind: MessageKind | None, signature: str | None) -> Iterator[Item]:
    import csv
    import io

    text = decode(_load(path), path)
    rows = csv.reader(io.StringIO(text.replace("\0", "\ufffd")))
    lines = text.splitlines()
    try:
        for item in _from_rows(path, rows, kind, signature):
            yield _placed(item, rows.line_num, lines)
    except csv.Error as error:
        raise TableError(
            f"{path}:{rows.line_num}: not CSV: {error}",
            f"{path}:{rows.line_num}：不是有效的 CSV：{error}",
        ) from error


def _placed(item: Item, line: int, lines: Sequence[str]) -> Item:
    """*item* with its place in the file, where the row is one line and holds the text once."""
    text = item.template.text
    if line > len(lines) or lines[line - 1].count(text) != 1:
        return item
    return item._replace(line=line, column=lines[line - 1].find(text) + 1, editable=True)


def _read_xlsx(path: str, kind: MessageKind | None, signature: str | None) -> Iterator[Item]:
    with extra("xlsx", "openpyxl", "reading .xlsx", "读取 .xlsx "):
        from openpyxl import load_workbook
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except OSError as error:
        raise TableError(
            f"cannot read {path}: {error.strerror}", f"无法读取 {path}：{reason_zh(error)}"
        ) from error
    except Exception as error:  # openpyxl raises whatever its parsers do
        raise TableError(f"{path} is not an XLSX file", f"{path} 不是有效的 XLSX 文件") from error
    rows = (
        ["" if cell is None else str(cell) for cell in row]
        for row in book.worksheets[0].iter_rows(values_only=True)
    )
    yield from _from_rows(path, rows, kind, signature)
    book.close()


def _from_rows(
    path: str,
    rows: Iterable[Sequence[str]],
    kind: MessageKind | None,
    signature: str | None,
) -> Iterator[Item]:
    iterator = iter(rows)
    first: Sequence[str] = next(iterator, ())
    header = [cell.strip().lower() for cell in first]
    columns = {
        meaning: next((n for n, cell in enumerate(header) if cell in names), None)
        for meaning, names in _HEADERS.items()
    }
    if columns["text"] is None:
        wanted = "、".join(_HEADERS["text"])
        raise TableError(
            f"{path}:1: no column with the texts; name it one of {wanted}",
            f"{path}:1：找不到模板内容列；列名请用 {wanted} 之一",
        )
    for number, row in enumerate(iterator, start=2):
        text = _cell(row, columns["text"])
        if not text:
            continue
        told = _cell(row, columns["kind"])
        chosen = kind or _kind(told, path, number)
        name = _cell(row, columns["name"]) or str(number)
        signed = signature if signature is not None else _cell(row, columns["signature"]) or None
        orders = _ignores("# propsms: " + _cell(row, columns["ignore"]), number)
        template = _bare(text, name, chosen, signed)
        yield Item(path, number, 1, template, tuple(orders))


def _cell(row: Sequence[str], column: int | None) -> str:
    return row[column].strip() if column is not None and column < len(row) else ""


def _kind(told: str, path: str, line: int) -> MessageKind | None:
    if not told:
        return None
    for word, kind in _KINDS.items():
        if word in told:
            return kind
    try:
        return MessageKind(told.lower())
    except ValueError:
        known = ", ".join([*map(str, MessageKind), *_KINDS])
        raise PropsmsError(
            f"{path}:{line}: kind {told!r} is not known; write one of {known}",
            f"{path}:{line}：不认识的类型“{told}”；请写 {known} 之一",
        ) from None


_READERS: Final = {
    ".toml": _read_toml,
    ".csv": _read_csv,
    ".xlsx": _read_xlsx,
    ".txt": _read_plain,
}
