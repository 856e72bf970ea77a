"""Open a table as users have it, and give its rows as texts, one at a time."""

from __future__ import annotations

import codecs
import csv
import re
from contextlib import contextmanager
from datetime import date, datetime
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

from propsms._checks import extra, reason_zh
from propsms.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

__all__ = ["DELIMITERS", "Line", "Source", "open_source"]

DELIMITERS: Final = ",;\t|"
_CHUNK: Final = 1 << 16
_ENOUGH_LINES: Final = 200
_SEP_LINE: Final = re.compile(r"sep=(.)\s*").fullmatch


class Line(NamedTuple):
    """A row of texts, where it starts, and what is wrong with it as a whole, if anything."""

    number: int
    cells: list[str]
    fault: tuple[str, str] | None = None


class Source(NamedTuple):
    """How a file is to be read; `lines` opens it anew each time.

    An empty delimiter of a CSV is one that is not known yet.
    """

    path: Path
    encoding: str
    delimiter: str
    sheet: str | None = None

    @contextmanager
    def lines(self) -> Generator[Iterator[Line]]:
        """The rows of the file, from the first one on; the file is closed behind them."""
        if self.encoding == "xlsx":
            with _workbook_lines(self.path, self.sheet) as rows:
                yield rows
        else:
            with self.path.open("rb") as file:
                yield _csv_lines(file, self.encoding, self.delimiter)


def open_source(
    path: Path, *, encoding: str | None, delimiter: str | None, sheet: str | None
) -> Source:
    """Find out what sort of file it is, its encoding, and its delimiter if it says so itself.

    Raises:
        TableError: It cannot be opened, or is no table at all.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_CHUNK)
            _refuse_others(path, head)
            if head.startswith(b"PK\x03\x04"):
                return Source(path, "xlsx", "", sheet)
            encoding = encoding or _sniff_encoding(file, head)
            first = head[:20].decode(encoding, "replace").split("\n")[0]
    except LookupError as error:
        raise TableError(
            f"{encoding} is no encoding that Python knows; try utf-8 or gb18030",
            f"未知编码 {encoding}；可用 utf-8 或 gb18030",
        ) from error
    except OSError as error:
        raise TableError(
            f"{path.name or path} cannot be opened: {error.strerror or error}",
            f"无法打开 {path.name or path}：{reason_zh(error)}",
        ) from error
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '\r\n"'):
        raise TableError(
            f"delimiter must be one character such as ; or a tab, got {delimiter!r}",
            f"delimiter 须为一个字符，如 ; 或制表符，现为 {delimiter!r}",
        )
    own = _SEP_LINE(first.strip("\r\ufeff"))
    return Source(path, encoding, delimiter or (own[1] if own else ""))


def _refuse_others(path: Path, head: bytes) -> None:
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise TableError(
            f"{path.name} is in the old .xls format; save it as .xlsx or .csv",
            f"{path.name} 是旧版 .xls 格式，请另存为 .xlsx 或 .csv",
        )
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:6].lower().startswith((b"<html", b"<table", b"<!doc")):
        raise TableError(
            f"{path.name} is a web page, whatever its name; open it in Excel and save as .xlsx",
            f"{path.name} 实际是网页文件，请用 Excel 打开后另存为 .xlsx",
        )
    if not head.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n"):
        raise TableError(
            f"{path.name} is empty; check the export", f"{path.name} 是空文件，请核对导出"
        )


def _sniff_encoding(file: BinaryIO, head: bytes) -> str:
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if head.startswith(mark):
            return name
    # Most lines decide, so that a bad byte in one of them spoils that line alone.
    file.seek(0)
    balance = seen = 0
    while seen < _ENOUGH_LINES and (line := file.readline(_CHUNK)):
        if not line.isascii():
            seen += 1
            balance += 1 if _decodes(line) else -1
    return "utf-8" if balance >= 0 else "gb18030"


def _decodes(data: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)  # the last character may be cut
    except UnicodeDecodeError:
        return False
    return True


def _csv_lines(file: BinaryIO, encoding: str, delimiter: str) -> Iterator[Line]:
    errors = "replace" if encoding == "utf-16" else "surrogateescape"
    # The wrapper must not close, nor warn that it did not: the file is the caller's.
    text = TextIOWrapper(file, encoding, errors, newline="")
    try:
        yield from _csv_rows(text, encoding, delimiter)
    finally:
        if not file.closed:
            text.detach()


def _csv_rows(text: TextIOWrapper, encoding: str, delimiter: str) -> Iterator[Line]:
    reader = csv.reader(text, delimiter=delimiter)
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield Line(number, [], _TOO_LONG)
            continue
        if number == 1 and len(cells) <= 2 and _SEP_LINE(delimiter.join(cells)):
            continue
        yield Line(number, cells, _fault(cells, encoding))


_TOO_LONG: Final = (
    "单元格超过 131072 个字符，可能有引号没有成对",
    "a cell has more than 131,072 characters; a quote may lack its twin",
)
_UNDECODABLE: Final = re.compile("[\udc80-\udcff]").search


def _fault(cells: Sequence[str], encoding: str) -> tuple[str, str] | None:
    if any(_UNDECODABLE(cell) for cell in cells):
        name = "GBK" if encoding == "gb18030" else "UTF-8"
        return (
            f"含有不属于 {name} 编码的字节，请统一编码后重新导出",
            f"holds bytes that are no {name}; export the file again in one encoding",
        )
    return None


@contextmanager
def _workbook_lines(path: Path, sheet: str | None) -> Generator[Iterator[Line]]:
    with extra("xlsx", "openpyxl", "reading .xlsx", "读取 .xlsx "):
        import openpyxl  # noqa: PLC0415
    try:
        book: Any = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # openpyxl raises whatever a broken part of the file causes
        raise _unreadable(path, error) from error
    try:
        yield _sheet_lines(_sheet(book, sheet, path), path)
    finally:
        book.close()


def _unreadable(path: Path, error: Exception) -> TableError:
    return TableError(
        f"{path.name} is no readable .xlsx file: {type(error).__name__}",
        f"{path.name} 不是可读的 .xlsx 文件：{type(error).__name__}",
    )


def _sheet(book: Any, name: str | None, path: Path) -> Any:
    if name is None:
        return book.worksheets[0]
    if name not in book.sheetnames:
        known = ", ".join(book.sheetnames)
        raise TableError(
            f"{path.name} has no sheet {name!r}; it has: {known}",
            f"{path.name} 没有工作表 {name!r}，现有：{known}",
        )
    return book[name]


def _sheet_lines(sheet: Any, path: Path) -> Iterator[Line]:
    rows = enumerate(sheet.iter_rows(values_only=True), start=1)
    while True:
        try:
            number, row = next(rows)
        except StopIteration:
            return
        except Exception as error:  # as above: the rows are parsed as they come
            raise _unreadable(path, error) from error
        yield Line(number, [_cell_text(value) for value in row])


def _cell_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
