"""Open a table as users have it, and give its rows as texts, one at a time."""

from __future__ import annotations

import codecs
import csv
import re
from contextlib import contextmanager
from datetime import date, datetime
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

from propsms.errors import MissingExtraError, TableError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

__all__ = ["Line", "Source", "open_source"]

_CHUNK: Final = 1 << 16
_DELIMITERS: Final = ",;\t|"
_SEP_LINE: Final = re.compile(r"sep=.\s*").fullmatch


class Line(NamedTuple):
    """A row of texts, where it starts, and what is wrong with it as a whole, if anything."""

    number: int
    cells: list[str]
    fault: tuple[str, str] | None = None


class Source(NamedTuple):
    """How a file is to be read; `lines` opens it anew each time."""

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
    """Find out what sort of file it is, its encoding and its delimiter.

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
    except OSError as error:
        raise TableError(
            f"{path.name} cannot be opened: {error.strerror or error}",
            f"无法打开 {path.name}：{error.strerror or error}",
        ) from error
    return Source(path, encoding, delimiter or _sniff_delimiter(head, encoding))


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
        raise TableError(f"{path.name} is empty", f"{path.name} 是空文件")


def _sniff_encoding(file: BinaryIO, head: bytes) -> str:
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if head.startswith(mark):
            return name
    # A Chinese header tells the encoding; one bad byte further down must not.
    header = head.splitlines()[0]
    if not header.isascii():
        return "utf-8" if _decodes(header) else "gb18030"
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := file.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8"


def _decodes(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _sniff_delimiter(head: bytes, encoding: str) -> str:
    """The one that stands most often, outside quotes, in one of the first lines."""
    text = head.decode(encoding, "replace")
    lines = [re.sub(r'"[^"]*"', "", line) for line in text.splitlines()[:10]]
    if found := next((line for line in lines if _SEP_LINE(line)), None):
        return found[4]
    return max(_DELIMITERS, key=lambda d: max((line.count(d) for line in lines), default=0))


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
            yield Line(number, [], _UNCLOSED_QUOTE)
            continue
        if number == 1 and len(cells) <= 2 and _SEP_LINE(delimiter.join(cells)):
            continue
        yield Line(number, cells, _fault(cells, encoding))


_UNCLOSED_QUOTE: Final = (
    "引号没有成对，后面的内容无法分行",
    "a quote is never closed, so nobody can tell where the row ends",
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
    try:
        import openpyxl  # noqa: PLC0415  an extra
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "reading .xlsx needs openpyxl; install it with: pip install 'propsms[xlsx]'",
            "读取 .xlsx 需要 openpyxl，请安装：pip install 'propsms[xlsx]'",
            extra="xlsx",
        ) from error
    try:
        book: Any = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # openpyxl raises whatever a broken part of the file causes
        raise TableError(
            f"{path.name} is no readable .xlsx file: {type(error).__name__}",
            f"{path.name} 不是可读的 .xlsx 文件：{type(error).__name__}",
        ) from error
    try:
        yield _sheet_lines(_sheet(book, sheet, path))
    finally:
        book.close()


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


def _sheet_lines(sheet: Any) -> Iterator[Line]:
    for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        yield Line(number, [_cell_text(value) for value in row])


def _cell_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
