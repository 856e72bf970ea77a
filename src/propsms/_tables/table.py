"""Columns by name, rows one at a time, and what is wrong with a row while others go on."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import attrs

from propsms._tables.cells import CellError, parse_phone, parse_text, tidy
from propsms._tables.files import DELIMITERS, Line, Source, open_source
from propsms.errors import TableError
from propsms.phone import mask_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

__all__ = ["Column", "RowError", "Table", "TableRow"]

Row = TypeVar("Row")

_HEADER_ROWS: Final = 10
_KEPT_ERRORS: Final = 1000


def _texts(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(given)


@attrs.frozen
class Column:
    """A column that a reader wants.

    Attributes:
        name: The key of its value in a row.
        aliases: The headers it is known by, besides *name*; case, spaces and a unit in
            brackets do not matter. Where a file has several of them, the first here wins.
        parse: Makes a value of a cell that is not empty; any `ValueError` makes the row bad.
        required: True if the file must have it, and each row a value in it.
        optional_value: What an empty cell, or a missing column, gives.
        stands_for: The column whose place it can take, so that one of the two is enough.
        lenient: True if a bad cell is reported but its row goes on without the value.
    """

    name: str
    aliases: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    parse: Callable[[str], Any] = parse_text
    required: bool = False
    optional_value: Any = None
    stands_for: str | None = None
    lenient: bool = False


@attrs.frozen
class RowError:
    """One cell, or one row, that cannot be read; the others go on.

    Attributes:
        file: The name of the file, without its folder.
        line: Where the row starts: the line of a CSV, the row of a sheet; from 1.
        column: The header as the file spells it; empty when it is about the whole row.
        value: The cell as it stands, shortened, with numbers masked.
        message: What is wrong and what to write instead, in Chinese.
        message_en: The same in English.
        skipped: True if the row was left out; False if only the value was.
        key: The cell of the first wanted column (the household of a bill) as it stands, so that
            a caller can hold back what belongs to it.
    """

    file: str
    line: int
    column: str
    value: str
    message: str
    message_en: str
    skipped: bool = True
    key: str = attrs.field(default="", repr=lambda key: repr(mask_numbers(key)))

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}"
        what = f" {self.column} “{self.value}”" if self.column else ""
        return f"{where}:{what} {self.message} / {self.message_en}"


@attrs.frozen
class TableRow:
    """The values of one row, before a reader makes its own of them; its repr shows none of them."""

    line: int
    values: Mapping[str, Any] = attrs.field(repr=False)
    others: Mapping[str, str] = attrs.field(repr=False)


class Table(Generic[Row]):
    """A file that is read row by row, each time it is iterated, in flat memory.

    The header is found at once; rows above it (a title, a date) are skipped, and so are blank
    rows and rows of totals, whose first cell says 合计 or the like.

    Attributes:
        path: The file.
        headers: Its headers as they stand.
        columns: The header that each wanted column was found under.
        encoding: ``utf-8``, ``utf-8-sig``, ``gb18030``, ``utf-16`` or ``xlsx``.
        errors: What was wrong in the iteration so far: the first thousand, and behind them
            one of each further household (`RowError.key`) that had a row left out, so that
            nobody is judged by a part of their bills.
        error_count: How many there were.
    """

    def __init__(
        self,
        path: str | Path,
        columns: Sequence[Column],
        make: Callable[[TableRow], Row],
        *,
        encoding: str | None = None,
        delimiter: str | None = None,
        sheet: str | None = None,
        on_error: Callable[[RowError], None] | None = None,
    ) -> None:
        self.path = Path(path)
        self._wanted = tuple(columns)
        self._make = make
        self._on_error = on_error
        source = open_source(self.path, encoding=encoding, delimiter=delimiter, sheet=sheet)
        self._source, self._header_line, self.headers, self._places = self._find_header(source)
        self.columns = {name: self.headers[at] for name, at in self._places.items()}
        self.errors: list[RowError] = []
        self.error_count = 0
        self._left_out: set[str] = set()

    @property
    def encoding(self) -> str:
        """How the file is encoded, or ``xlsx``."""
        return self._source.encoding

    @property
    def delimiter(self) -> str:
        """What stands between two cells; empty for a sheet."""
        return self._source.delimiter

    def __iter__(self) -> Iterator[Row]:
        self.errors = []
        self.error_count = 0
        self._left_out = set()
        with self._source.lines() as lines:
            for line in lines:
                if line.number <= self._header_line or _blank(line) or _is_total(line):
                    continue
                if (row := self._read(line)) is not None:
                    yield row

    def _find_header(self, source: Source) -> tuple[Source, int, list[str], dict[str, int]]:
        """The delimiter and the row that know most of the columns, if none is missing."""
        tries = [source]
        if not source.delimiter and source.encoding != "xlsx":
            tries = [source._replace(delimiter=delimiter) for delimiter in DELIMITERS]
        tops = [(each, line) for each in tries for line in _top(each)]
        found = [(each, line, _places(line.cells, self._wanted)) for each, line in tops]
        whole = [each for each in found if not _missing(each[2], self._wanted)]
        if not whole:
            raise self._no_header([(line, places) for _, line, places in found])
        source, line, places = max(whole, key=lambda each: (len(each[2]), -each[1].number))
        headers = [tidy(cell) for cell in line.cells]
        self._refuse_twins(headers, places)
        return source, line.number, headers, places

    def _refuse_twins(self, headers: list[str], places: Mapping[str, int]) -> None:
        counts = Counter(map(_key, headers))
        for name, at in places.items():
            if counts[_key(headers[at])] > 1:
                raise TableError(
                    f"{self.path.name} has the column {headers[at]} more than once, so nobody "
                    f"can tell which one is the {name}; rename or delete the others",
                    f"{self.path.name} 中“{headers[at]}”列重复，无法确定用哪一列；"
                    "请改名或删除多余的列",
                )

    def _no_header(self, found: list[tuple[Line, dict[str, int]]]) -> TableError:
        nothing: tuple[Line, dict[str, int]] = (Line(1, []), {})
        line, _ = max(found, key=lambda each: (len(each[1]), len(each[0].cells)), default=nothing)
        places = _places(line.cells, self._wanted)
        missing = _missing(places, self._wanted)
        wanted = "; ".join("/".join((c.name, *c.aliases[:4])) for c in missing)
        cells = [mask_numbers(tidy(cell))[:20] for cell in line.cells if cell.strip()][:30]
        has = ", ".join(map(_printable, cells))
        return TableError(
            f"{self.path.name} lacks columns: {wanted}. Line {line.number} has: {has}; rename "
            "a header or add the column",
            f"{self.path.name} 缺少列：{wanted}。第 {line.number} 行的列名：{has}；请改列名或补上该列",
            missing=tuple(column.name for column in missing),
        )

    def _read(self, line: Line) -> Row | None:
        cells = [tidy(cell) for cell in line.cells]
        if line.fault or any(cells[len(self.headers) :]):
            self._report(line, cells, None, *(line.fault or _TOO_MANY))
            return None
        values: dict[str, Any] = {}
        good = True
        for column in self._wanted:
            try:
                values[column.name] = self._value(column, cells)
            except ValueError as error:
                values[column.name] = column.optional_value
                good = good and column.lenient
                zh, en = _reason(error)
                self._report(line, cells, column, zh, en)
        return self._finish(line, cells, values) if good else None

    def _finish(self, line: Line, cells: list[str], values: dict[str, Any]) -> Row | None:
        used = set(self._places.values())
        others = {
            header: cells[at] if at < len(cells) else ""
            for at, header in enumerate(self.headers)
            if at not in used and header
        }
        try:
            return self._make(TableRow(line.number, values, others))
        except ValueError as error:
            named = getattr(error, "field", None)
            column = next((one for one in self._wanted if one.name == named), None)
            self._report(line, cells, column, *_reason(error))
            return None

    def _value(self, column: Column, cells: list[str]) -> Any:
        text = self._cell(column, cells)
        if text:
            return column.parse(text)
        if column.required and column.name in self._places:
            # A quote that is not closed swallows the rows behind it.
            raise CellError(*(_OPEN_QUOTE if any("\n" in cell for cell in cells) else _EMPTY))
        return column.optional_value

    def _cell(self, column: Column, cells: list[str]) -> str:
        at = self._places.get(column.name, len(cells))
        return cells[at] if at < len(cells) else ""

    def _report(
        self, line: Line, cells: list[str], column: Column | None, zh: str, en: str
    ) -> None:
        value = self._cell(column, cells) if column else ""
        error = RowError(
            file=self.path.name,
            line=line.number,
            column=self.columns.get(column.name, column.name) if column else "",
            value=_shown(value, is_phone=column is not None and column.parse is parse_phone),
            message=zh,
            message_en=en,
            skipped=not (column and column.lenient),
            key=self._cell(self._wanted[0], cells),
        )
        self.error_count += 1
        further = error.skipped and error.key not in self._left_out
        if len(self.errors) < _KEPT_ERRORS or further:
            self.errors.append(error)
        if error.skipped:
            self._left_out.add(error.key)
        if self._on_error:
            self._on_error(error)


_EMPTY: Final = ("不能为空", "must not be empty")
_OPEN_QUOTE: Final = (
    "不能为空；同一行有单元格跨行，引号可能没有成对，其后的行也可能没有读到",
    "must not be empty; a cell runs over several lines: a quote may be open, and rows lost in it",
)
_TOO_MANY: Final = (
    "单元格多于列名，可能有未加引号的分隔符",
    "has more cells than there are headers; a delimiter inside a cell may lack its quotes",
)


def _top(source: Source) -> list[Line]:
    with source.lines() as lines:
        return [line for line in islice(lines, _HEADER_ROWS) if not _blank(line)]


def _blank(line: Line) -> bool:
    return not line.fault and not any(map(str.strip, line.cells))


_TOTALS: Final = {
    "合计",
    "总计",
    "小计",
    "合计:",
    "总计:",
    "合计\uff1a",
    "总计\uff1a",
    "total",
    "sum",
}


def _is_total(line: Line) -> bool:
    first = next((text for cell in line.cells if (text := tidy(cell))), "")
    return first.casefold() in _TOTALS


def _missing(places: Mapping[str, int], wanted: Sequence[Column]) -> list[Column]:
    instead = {column.stands_for for column in wanted if column.name in places}
    return [
        column
        for column in wanted
        if column.required and column.name not in places and column.name not in instead
    ]


def _places(cells: Sequence[str], wanted: Sequence[Column]) -> dict[str, int]:
    """Where each wanted column stands; of several headers it is known by, its first alias."""
    where: dict[str, int] = {}
    for at, cell in enumerate(cells):
        where.setdefault(_key(cell), at)
    places: dict[str, int] = {}
    for column in wanted:
        names = map(_key, (column.name, *column.aliases))
        if (name := next((name for name in names if name in where), None)) is not None:
            places[column.name] = where[name]
    return places


_UNIT: Final = re.compile(r"(?<=.)\s*[(\[【].*?[)\]】]\s*$")
_NOISE: Final = re.compile(r"[\W_]+")


def _key(header: str) -> str:
    """A header without case, signs, and a unit or remark in brackets behind it."""
    plain = unicodedata.normalize("NFKC", tidy(header)).casefold()
    return _NOISE.sub("", _UNIT.sub("", plain))


def _reason(error: ValueError) -> tuple[str, str]:
    if isinstance(error, CellError):
        return error.zh, error.en
    message = mask_numbers(str(error)) or type(error).__name__
    zh: str = getattr(error, "message_zh", "")
    return zh or message, message


def _shown(value: str, *, is_phone: bool) -> str:
    short = value if len(value) <= 40 else f"{value[:40]}…"
    if is_phone:
        places = [i for i, character in enumerate(short) if character.isnumeric()]
        hidden = set(places[2:-2])
        short = "".join("*" if i in hidden else c for i, c in enumerate(short))
    short = mask_numbers(short)
    return short if short.isprintable() else ascii(short)[1:-1]


def _printable(text: str) -> str:
    """A cell of what may be no table at all, for a message."""
    return "".join(c if c.isprintable() else "?" for c in text)
