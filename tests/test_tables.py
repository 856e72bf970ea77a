"""Tables: files as offices have them, columns by name, and one bad row among good ones."""

import builtins
import tracemalloc
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import attrs
import openpyxl
import pytest
from hypothesis import given, strategies as st

from propsms.dunning import accounts_from
from propsms.errors import MissingExtraError, TableError
from propsms.phone import parse
from propsms.tables import (
    BillRow,
    CellError,
    Column,
    RowError,
    parse_amount,
    parse_choice,
    parse_date,
    parse_flag,
    parse_phone,
    parse_tags,
    read_bills,
    read_recipients,
    read_table,
)

BILLS = """\
房号,业主,手机号,应缴日期,应缴金额,已缴金额
1-101,赵某,13900000001,2026-01-05,1200.50,0
1-102,钱某,13900000002,2026-02-05,300.00,100.00
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a text as a file in an encoding."""

    def write_file(text: str, encoding: str = "utf-8", name: str = "bills.csv") -> Path:
        file = tmp_path / name
        file.write_bytes(text.encode(encoding, "surrogateescape"))
        return file

    return write_file


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("gbk", "gb18030"),
        ("gb18030", "gb18030"),
        ("utf-16", "utf-16"),
        ("utf-16-be", "utf-16"),
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings_and_delimiters(
    write: Callable[..., Path], encoding: str, found: str, delimiter: str, newline: str
) -> None:
    """Encoding, delimiter and line ends are found out; the rows are the same."""
    text = BILLS.replace(",", delimiter).replace("\n", newline)
    if encoding == "utf-16-be":
        text = f"\ufeff{text}"
    table = read_bills(write(text, encoding))
    first, second = table
    assert (found, delimiter) == (table.encoding, table.delimiter)
    assert not table.errors
    assert first == BillRow(
        household="1-101",
        owner="赵某",
        phone=parse("13900000001"),
        due=date(2026, 1, 5),
        amount=Decimal("1200.50"),
        bill_id="1-101-2026-01-05",
        line=2,
    )
    assert (Decimal(100), 3) == (second.paid, second.line)


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_english_headers_with_chinese_cells(write: Callable[..., Path], encoding: str) -> None:
    """An ASCII header says nothing of the encoding, so the cells do."""
    text = "Room No.,Owner Name,MOBILE,due_date,Amount Due (CNY)\n3栋101,赵某,13900000001,2026/1/5,80\n"
    table = read_bills(write(text, encoding))
    (row,) = table
    assert ("3栋101", "赵某", Decimal(80)) == (row.household, row.owner, row.amount)
    assert {"household": "Room No.", "amount": "Amount Due (CNY)"}.items() <= table.columns.items()


@pytest.mark.parametrize(
    "header",
    [
        "account_id,amount,due_date,paid",
        "Unit No.,Amount Due,Deadline,Amount Paid",
        "房间,应交金额,应交日期,已交金额",
        "住户编号,应交,到期日,实交金额",
    ],
)
def test_headers_that_users_have(write: Callable[..., Path], header: str) -> None:
    """缴 and 交 are both written, and an account is a household."""
    (row,) = read_bills(write(f"{header}\n1-101,300,2026-03-31,20\n"))
    assert ("1-101", Decimal(300), date(2026, 3, 31)) == (row.household, row.amount, row.due)
    assert Decimal(20) == row.paid


def test_encoding_and_delimiter_can_be_given(write: Callable[..., Path]) -> None:
    """Who knows better than the guess says so."""
    file = write(BILLS.replace(",", ":"), "gbk")
    assert len(list(read_bills(file, encoding="gbk", delimiter=":"))) == 2


def test_a_title_above_and_excel_sep(write: Callable[..., Path]) -> None:
    """Rows above the headers are skipped, and so is Excel's ``sep=`` line."""
    rows = list(read_bills(write(f"阳光小区,,,,,\n\n制表:2026-11-23,,,,,\n{BILLS}")))
    assert [5, 6] == [row.line for row in rows]
    assert len(list(read_bills(write("sep=;\n" + BILLS.replace(",", ";"))))) == 2


@pytest.mark.parametrize("total", ["合计,,1500.50", ",总计,1500.50", "Total,,1500.50"])
def test_totals_are_no_rows(write: Callable[..., Path], total: str) -> None:
    """A row of totals at the end is passed over."""
    table = read_bills(write(f"房号,到期日,金额\n1,2026-1-1,5\n{total}\n"))
    assert len(list(table)) == 1
    assert not table.errors


def test_quotes(write: Callable[..., Path]) -> None:
    """Quoted delimiters, quotes and line breaks are cells; lines count as an editor counts."""
    text = (
        BILLS
        + '1-103,"孙\n某 ""先生""",13900000003,2026-01-05,"1,000.00",0\n1-104,李某,,2026-01-05,1,0\n'
    )
    rows = list(read_bills(write(text)))
    assert (rows[2].owner, rows[2].amount, rows[2].line) == ('孙 某 "先生"', Decimal(1000), 4)
    assert rows[3].line == 6


@pytest.mark.parametrize("header", ["房号,业主,到期日,金额", "room,owner,due date,amount"])
def test_most_lines_decide_the_encoding(write: Callable[..., Path], header: str) -> None:
    """One row in another encoding changes nothing for the others, wherever it stands."""
    utf8 = "".join(f"{n},赵某,2026-1-1,5\n" for n in range(9))
    broken = "9,\udcd5\udcd4某,2026-1-1,5\n"
    table = read_bills(write(f"{header}\n{broken}{utf8}"))
    assert ["赵某"] * 9 == [row.owner for row in table]
    assert (1, "utf-8") == (table.error_count, table.encoding)


def test_delimiter_that_knows_the_headers(write: Callable[..., Path]) -> None:
    """Commas inside cells do not make a file comma-separated."""
    table = read_bills(write("房号\t到期日\t金额\t备注\n1\t2026-1-1\t5\ta,b,c,d,e,f,g\n"))
    (row,) = table
    assert ("\t", {"备注": "a,b,c,d,e,f,g"}) == (table.delimiter, row.others)


@pytest.mark.parametrize("delimiter", ["", "ab", "\n", '"'])
def test_delimiter_that_is_none(write: Callable[..., Path], delimiter: str) -> None:
    """The csv module would say so only when the rows are read."""
    with pytest.raises(TableError, match="delimiter must be one character"):
        read_bills(write(BILLS), delimiter=delimiter)


def test_encoding_that_is_none(write: Callable[..., Path]) -> None:
    """A wrong name of an encoding is told, with one that works."""
    with pytest.raises(TableError, match="gb18030"):
        read_bills(write(BILLS), encoding="big-endian-klingon")


def test_key_is_the_household_as_it_stands(write: Callable[..., Path]) -> None:
    """A caller can match it, though it looks like a number; only the repr hides it."""
    table = read_bills(write("房号,到期日,金额\n2023-0101-1201,x,5\n2023-0101-1201,2026-1-1,5\n"))
    (row,) = table
    assert row.household == table.errors[0].key == "2023-0101-1201"
    assert "1201" not in str(table.errors[0])


def test_unclosed_quote_is_told(write: Callable[..., Path]) -> None:
    """A quote without its twin swallows the rows behind it; that is reported, not silent."""
    filler = "1-105,周某,13900000005,2026-01-05,1,0\n"
    table = read_bills(write(BILLS + '1-104,"李某,13900000004,2026-01-05,1,0\n' + filler * 6000))
    rows = list(table)
    assert [row.household for row in rows[:2]] == ["1-101", "1-102"]
    assert table.errors[0].line == 4
    assert "quote" in table.errors[0].message_en


def test_bad_bytes_spoil_one_row(write: Callable[..., Path]) -> None:
    """A row in another encoding is reported; the rest is read."""
    text = BILLS + "1-103,\udcd5\udcd4某,13900000003,2026-01-05,1,0\n1-104,李某,,2026-01-05,1,0\n"
    table = read_bills(write(text))
    assert ["1-101", "1-102", "1-104"] == [row.household for row in table]
    (error,) = table.errors
    assert (error.line, error.column) == (4, "")
    assert "UTF-8" in error.message_en


def test_bad_row_while_others_go_on(write: Callable[..., Path]) -> None:
    """File, line, column and value of each bad cell; every good row is given."""
    bad = "1-103,孙某,1390000003,5/1/26,一百,0\n,李某,13900000004,2026-01-05,1,0\n"
    seen: list[RowError] = []
    table = read_bills(write(BILLS + bad + "1-105,周某,,2026-01-05,5,0\n"), on_error=seen.append)
    assert ["1-101", "1-102", "1-105"] == [row.household for row in table]
    assert seen == table.errors
    assert [
        ("bills.csv", 4, "手机号", "13******03", False, "1-103"),
        ("bills.csv", 4, "应缴日期", "5/1/26", True, "1-103"),
        ("bills.csv", 4, "应缴金额", "一百", True, "1-103"),
        ("bills.csv", 5, "房号", "", True, ""),
    ] == [(e.file, e.line, e.column, e.value, e.skipped, e.key) for e in seen]
    assert str(seen[1]).startswith("bills.csv:4: 应缴日期 “5/1/26”")
    assert all(e.message and e.message_en for e in seen)
    assert table.error_count == 4


def test_a_table_is_read_again(write: Callable[..., Path]) -> None:
    """Each iteration starts anew, errors too."""
    table = read_bills(write(BILLS + "1-103,,,x,1,0\n"))
    assert list(table) == list(table)
    assert len(table.errors) == 1


def test_short_and_long_rows(write: Callable[..., Path]) -> None:
    """Missing cells are empty; more cells than headers make a row bad, unless empty."""
    text = "房号,应缴日期,金额,备注\n1,2026-1-1,5\n2,2026-1-1,5,x,,\n3,2026-1-1,5,x,y\n\n , ,\n4,2026-1-1\n"
    table = read_bills(write(text))
    assert ["1", "2"] == [row.household for row in table]
    assert [4, 7] == [error.line for error in table.errors]
    assert [dict(row.others) for row in table] == [{"备注": ""}, {"备注": "x"}]


@pytest.mark.parametrize(
    ("status", "paid", "expected"),
    [
        ("未缴", "", ("open", False, "0")),
        ("", "", ("open", False, "0")),
        ("部分缴", "100", ("open", False, "100")),
        ("已缴", "", ("open", False, "300")),
        ("PAID", "300", ("open", False, "300")),
        ("已缴清", "301", ("open", False, "301")),
        ("已交清", "", ("open", False, "300")),
        ("有争议", "", ("open", True, "0")),
        ("作废", "", ("void", False, "0")),
        ("核销", "", ("written_off", False, "0")),
        ("草稿", "", ("draft", False, "0")),
    ],
)
def test_statuses(
    write: Callable[..., Path], status: str, paid: str, expected: tuple[str, bool, str]
) -> None:
    """The words of offices become four states, a dispute, and what is paid."""
    (row,) = read_bills(write(f"房号,到期日,金额,已缴金额,状态\n1,2026-1-1,300,{paid},{status}\n"))
    state, disputed, amount = expected
    assert (state, disputed, Decimal(amount)) == (row.status, row.disputed, row.paid)


@pytest.mark.parametrize(
    ("paid", "status", "part"),
    [("100", "已缴", "says paid"), ("-5", "未缴", "0 or more"), ("", "??", "must be one of")],
)
def test_contradictions_are_reported(
    write: Callable[..., Path], paid: str, status: str, part: str
) -> None:
    """Nobody is chased on a row that contradicts itself."""
    table = read_bills(write(f"房号,到期日,金额,已缴金额,状态\n1,2026-1-1,300,{paid},{status}\n"))
    assert not list(table)
    (error,) = table.errors
    assert part in error.message_en


def test_outstanding_instead_of_amount(write: Callable[..., Path]) -> None:
    """A list of what is owed has no column of payments; then nothing is paid of it."""
    table = read_bills(write("房号,到期日,欠费金额,实收金额\n1,2026-1-1,300,50\n2,2026-1-1,,\n"))
    (row,) = table
    assert (Decimal(300), Decimal(0)) == (row.amount, row.paid)
    assert "amount" in table.errors[0].message_en


def test_one_alias_wins(write: Callable[..., Path]) -> None:
    """Of several headers for one thing the likeliest is taken; the others are kept aside."""
    table = read_bills(
        write("房号,联系电话,手机号,到期日,金额\n1,0755-20001234,13900000001,2026-1-1,3\n")
    )
    (row,) = table
    assert row.phone == parse("13900000001")
    assert row.others == {"联系电话": "0755-20001234"}
    assert table.columns["phone"] == "手机号"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("房号,金额\n1,2\n", "due"),
        ("a,b\n1,2\n", "household"),
        ("房号,到期日,金额,金额\n1,2026-1-1,1,2\n", "more than once"),
        ("", "empty"),
        ("\n\n\n", "empty"),
        ("\ufeff", "empty"),
        ("<html><table><tr><td>房号</td></tr></table>", "web page"),
        (",,,\n,,,\n", "lacks columns"),
    ],
)
def test_no_table_at_all(write: Callable[..., Path], text: str, part: str) -> None:
    """A file that cannot be read as a whole says what was found and what is needed."""
    with pytest.raises(TableError, match=part) as caught:
        read_bills(write(text))
    assert caught.value.message_zh
    assert "bills.csv" in caught.value.message


def test_missing_columns_name_both_sides(write: Callable[..., Path]) -> None:
    """The error lists what is missing, by the names it is known by, and what there is."""
    with pytest.raises(TableError) as caught:
        read_bills(write("房号,应缴,13900000001\n1,2,3\n"))
    assert ("due",) == caught.value.missing
    assert "应缴日期" in caught.value.message
    assert "139****0001" in caught.value.message


def test_files_that_are_not_there(tmp_path: Path) -> None:
    """A missing file, a folder and an old workbook are told apart."""
    with pytest.raises(TableError, match="cannot be opened"):
        read_bills(tmp_path / "nothing.csv")
    with pytest.raises(TableError, match=r"^\. cannot be opened"):
        read_bills(".")
    with pytest.raises(TableError, match="cannot be opened"):
        read_bills(tmp_path)
    old = tmp_path / "old.xls"
    old.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    with pytest.raises(TableError, match=r"\.xlsx"):
        read_bills(str(old))
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(b"PK\x03\x04nothing")
    with pytest.raises(TableError, match="no readable"):
        read_bills(broken)


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    """A sheet with what Excel holds: numbers, floats and dates."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "欠费"
    for row in (
        ["阳光小区"],
        ["房号", "手机号", "应缴日期", "应缴金额", "绑定微信"],
        [101, 13900000001, datetime(2026, 1, 5), 300.1, "是"],  # noqa: DTZ001  as Excel has it
        ["1-102", 13900000002.0, date(2026, 1, 6), 0.1 + 0.2, None],
        ["1-103", "139 0000 0003", 46027, "¥1,200.50", "?"],
        [None, None, None, None, None],
        ["1-104", True, "x", 1, None],
    ):
        sheet.append(row)
    book.create_sheet("空")
    book.save(tmp_path / "draft.xlsx")
    # Some programs write a long number as a power of ten; openpyxl does not.
    with ZipFile(tmp_path / "draft.xlsx") as old, ZipFile(tmp_path / "bills.xlsx", "w") as new:
        for name in old.namelist():
            power = b"<v>1.3900000002E10</v>"
            new.writestr(name, old.read(name).replace(b"<v>13900000002</v>", power))
    return tmp_path / "bills.xlsx"


def test_workbook(workbook: Path) -> None:
    """A workbook reads as a CSV does; the line is the row of the sheet."""
    table = read_bills(workbook)
    rows = list(table)
    assert [
        ("101", "13900000001", date(2026, 1, 5), Decimal("300.10"), 3),
        ("1-102", "13900000002", date(2026, 1, 6), Decimal("0.30"), 4),
        ("1-103", "13900000003", date(2026, 1, 5), Decimal("1200.50"), 5),
    ] == [
        (r.household, r.phone.national if r.phone else "", r.due, r.amount, r.line) for r in rows
    ]
    assert [True, None, None] == [row.wechat for row in rows]
    assert [(5, "绑定微信"), (7, "手机号"), (7, "应缴日期")] == [
        (e.line, e.column) for e in table.errors
    ]
    assert table.encoding == "xlsx"


def test_workbook_that_breaks_off(workbook: Path, tmp_path: Path) -> None:
    """A sheet is parsed as it is read; what is broken further down is told as well."""
    file = tmp_path / "broken.xlsx"
    with ZipFile(workbook) as old, ZipFile(file, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(
                name, data.replace(b"<v>46027</v>", b"<v>46027<") if "sheet1" in name else data
            )
    with pytest.raises(TableError, match="no readable"):
        list(read_bills(file))


def test_sheet_by_name(workbook: Path) -> None:
    """Another sheet is taken by its name; one that is not there is told."""
    assert len(list(read_bills(workbook, sheet="欠费"))) == 3
    with pytest.raises(TableError, match="欠费"):
        read_bills(workbook, sheet="账单")
    with pytest.raises(TableError, match="lacks columns"):
        read_bills(workbook, sheet="空")


def test_workbook_without_the_extra(workbook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without openpyxl the error gives the command that installs it."""
    real = builtins.__import__

    def no_openpyxl(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "openpyxl":
            raise ModuleNotFoundError(name=name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_openpyxl)
    with pytest.raises(MissingExtraError, match=r"propsms\[xlsx\]") as caught:
        read_bills(workbook)
    assert caught.value.extra == "xlsx"


def test_recipients(write: Callable[..., Path]) -> None:
    """A phone is needed; what no column is known for becomes a value for the template."""
    text = "姓名,电话,楼栋,单元,楼层,标签,取件码\n赵某,13900000001,3栋,1单元,12,老人;宠物,A-12\n钱某,,3栋,,,,\n"
    table = read_recipients(write(text))
    (row,) = table
    assert ("赵某", "3栋", "1单元", "12") == (row.name, row.building, row.unit, row.floor)
    assert row.tags == ("老人", "宠物")
    assert row.values == {"取件码": "A-12"}
    assert [3] == [error.line for error in table.errors]
    with pytest.raises(TableError, match="phone"):
        read_recipients(write("姓名\n赵某\n"))


def test_columns_of_ones_own(write: Callable[..., Path]) -> None:
    """A caller names columns, their aliases and their parsers; any ValueError is a bad cell."""
    columns = (Column("plate", ("车牌",), required=True), Column("slot", ["车位"], int))
    table = read_table(write("车牌,车位,备注\n粤B00001,12,x\n粤B00002,十二,y\n"), columns)
    (row,) = table
    assert ({"plate": "粤B00001", "slot": 12}, {"备注": "x"}, 2) == (
        row.values,
        row.others,
        row.line,
    )
    assert "invalid literal" in table.errors[0].message_en


def test_reprs_and_errors_give_no_number_away(write: Callable[..., Path]) -> None:
    """Neither a row nor an error shows a whole number, wherever it stands in the file."""
    text = "13900000009,房号,业主,手机号,到期日,金额\nx,13900000001,赵某,13900000002,13900000003,13900000004\n"
    table = read_bills(write(text))
    rows = list(table)
    shown = f"{rows}{table.errors}{[str(e) for e in table.errors]}"
    assert "13900000" not in shown
    (row,) = read_bills(write(BILLS.splitlines()[0] + "\n" + BILLS.splitlines()[1]))
    assert "13900000001" not in repr(row)
    assert "赵某" not in repr(row)


def test_errors_are_capped(write: Callable[..., Path]) -> None:
    """A file without a good row does not fill the memory with complaints."""
    table = read_bills(write("房号,到期日,金额\n" + "1,x,1\n" * 1500))
    assert not list(table)
    assert (1000, 1500) == (len(table.errors), table.error_count)


def test_every_household_with_a_row_left_out_is_kept(write: Callable[..., Path]) -> None:
    """Behind a thousand complaints too: none is judged by a part of its bills."""
    rows = "1,x,1\n" * 1200 + "2,2026-01-05,9\n2,x,1\n2,y,1\n"
    table = read_bills(write("房号,到期日,金额\n" + rows))
    good = list(table)
    assert (["2"], ["2"]) == (
        [row.household for row in good],
        [e.key for e in table.errors[1000:]],
    )
    two = [a for a in accounts_from(good, errors=table.errors) if a.id == "2"]
    assert ("bills.csv:1203 到期日",) == two[0].problems


@pytest.mark.parametrize(
    ("row", "column", "said"),
    [
        ("1,2026-02-30,5,0", "到期日", "没有这一天，请核对年、月、日"),
        ("1,20260230,5,0", "到期日", "没有这一天，请核对年、月、日"),
        ("1,30/02/2026,5,0", "到期日", "日期须写成"),
        ("1,2026-02-01,5,-1", "已缴", "已缴金额不能为负，现为 -1.00"),
        ("1,2026-02-01,1000000000000,0", "金额", "金额须小于一万亿元"),
        ('"1,2026-02-01,5,0\n2,2026-02-01,5,0', "到期日", "引号可能没有成对"),
    ],
)
def test_an_error_names_the_column_and_what_to_do(
    write: Callable[..., Path], row: str, column: str, said: str
) -> None:
    table = read_bills(write(f"房号,到期日,金额,已缴\n{row}\n"))
    assert not list(table)
    assert (column, True) == (table.errors[0].column, said in table.errors[0].message)


def test_memory_stays_flat(write: Callable[..., Path]) -> None:
    """Rows are given one at a time; ten times the file takes no more memory."""
    peaks = []
    for count in (500, 4_000):
        file = write(BILLS + "1-103,孙某,13900000003,2026-01-05,1.00,0\n" * count)
        table = read_bills(file)
        tracemalloc.start()
        assert count + 2 == sum(1 for _ in table)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5 + 100_000


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-01-05", (2026, 1, 5)),
        ("2026/1/5", (2026, 1, 5)),
        ("2026.1.5", (2026, 1, 5)),
        ("2026年1月5日", (2026, 1, 5)),
        ("2026 年 1 月 5 号", (2026, 1, 5)),
        ("20260105", (2026, 1, 5)),
        ("2026-01-05 00:00:00", (2026, 1, 5)),
        ("2026-01-05T23:59:59", (2026, 1, 5)),
        ("2026/1/5 8:30", (2026, 1, 5)),
        ("2026-03-31T23:59:59+08:00", (2026, 3, 31)),
        ("2026-03-31T16:00:00Z", (2026, 4, 1)),
        ("46027", (2026, 1, 5)),
        ("46027.0", (2026, 1, 5)),
        ("46027.75", (2026, 1, 5)),
        ("\uff12\uff10\uff12\uff16-01-05", (2026, 1, 5)),
        ("2024-02-29", (2024, 2, 29)),
    ],
)
def test_dates(text: str, day: tuple[int, int, int]) -> None:
    """A day in the ways it is written here, and as Excel's number."""
    assert date(*day) == parse_date(text)


@pytest.mark.parametrize(
    "text",
    [
        "5/1/2026",
        "2026-13-01",
        "2026-02-29",
        "2026年1月",
        "1月5日",
        "x",
        "2026-01/05",
        "202601",
        "12",
        "99999",
        "2026-1-1 x",
        "9999999999999",
    ],
)
def test_no_dates(text: str) -> None:
    """What may be two days, or none, is refused."""
    with pytest.raises(CellError):
        parse_date(text)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1200", "1200"),
        ("1200.5", "1200.50"),
        ("1,200.50", "1200.50"),
        ("12,345,678.90", "12345678.90"),
        ("¥1,200.50", "1200.50"),
        ("\uffe51200", "1200"),
        ("1200.50元", "1200.50"),
        ("RMB 1200", "1200"),
        ("-300.00", "-300"),
        ("(12.00)", "-12"),
        ("0", "0"),
        ("300.00000000000006", "300"),
        ("\uff11\uff12\uff0e\uff15", "12.50"),
        ("12.", "12"),
    ],
)
def test_amounts(text: str, amount: str) -> None:
    """An amount as it is written here; always exact, always in fen."""
    assert Decimal(amount) == parse_amount(text)
    assert parse_amount(text).as_tuple().exponent == -2


@pytest.mark.parametrize(
    "text",
    [
        "一百",
        "1.234,56",
        "1,23.00",
        "1.2万",
        "NaN",
        "Infinity",
        "1E+3",
        "12.345",
        "--1",
        "",
        "1 2x",
        "9" * 13,
        "9" * 5000,
        "$5",
    ],
)
def test_no_amounts(text: str) -> None:
    """What is no amount in yuan and fen is refused, never rounded."""
    with pytest.raises(CellError):
        parse_amount(text)


@pytest.mark.parametrize(
    "text", ["13900000001", "13900000001.0", "1.3900000001E+10", "'13900000001", '="13900000001"']
)
def test_phones_of_excel(write: Callable[..., Path], text: str) -> None:
    """What Excel made of a number is undone where no digit is lost."""
    quoted = text.replace('"', '""')
    (row,) = read_recipients(write(f'电话\n"{quoted}"\n'))
    assert row.phone.national == "13900000001"


@pytest.mark.parametrize("text", ["1.39E+10", "1.39e10", "1.390000000E+10"])
def test_phones_that_excel_has_cut(text: str) -> None:
    """Where digits are lost the error says how to get them back."""
    with pytest.raises(CellError, match="Excel"):
        parse_phone(text)


def test_flags_tags_and_choices() -> None:
    """Yes and no, words, and words of a list."""
    assert all(map(parse_flag, ["是", "Y", "yes", "1", "√", "TRUE", "已绑定"]))
    assert not any(map(parse_flag, ["否", "n", "No", "0", "×", "未绑定"]))
    with pytest.raises(CellError):
        parse_flag("也许")
    assert parse_tags("a,b;c、d\uff0ce\uff1bf g") == tuple("abcdefg")
    size = parse_choice({"大": "L", "large": "L", "小": "S"})
    assert (size("LARGE"), size(" 小 ")) == ("L", "S")
    with pytest.raises(CellError) as caught:
        size("中")
    assert ("须为大、小之一", "must be one of L, S") == (caught.value.zh, caught.value.en)


@given(amount=st.decimals("-999999999.99", "999999999.99", places=2))
def test_amounts_survive_formatting(amount: Decimal) -> None:
    """What a bookkeeper's format writes comes back the same."""
    for form in (f"{amount}", f"{amount:,}", f"¥{amount:,}", f"{amount}元"):
        assert amount == parse_amount(form)


@given(day=st.dates(date(1990, 1, 1), date(2060, 12, 31)))
def test_dates_survive_formatting(day: date) -> None:
    """Each way to write a day gives that day again."""
    serial = (day - date(1899, 12, 30)).days
    forms = (
        f"{day:%Y%m%d}",
        f"{day.year}/{day.month}/{day.day}",
        f"{day.year}年{day.month}月{day.day}日",
    )
    for form in (day.isoformat(), str(serial), *forms):
        assert day == parse_date(form)


@given(cells=st.lists(st.text(st.characters(codec="utf-8"), max_size=12), min_size=1, max_size=8))
def test_any_cells_are_answered(
    tmp_path_factory: pytest.TempPathFactory, cells: list[str]
) -> None:
    """Whatever stands in the cells, a row or an error comes of it, never a crash."""
    file = tmp_path_factory.mktemp("any") / "any.csv"
    line = ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)
    file.write_text(
        f"房号,手机号,到期日,金额,状态,已缴金额,争议,业主\n{line}\n", "utf-8", newline=""
    )
    table = read_bills(file)
    rows = list(table)
    assert rows or table.errors or not any(cell.strip() for cell in cells)


def test_rows_are_values() -> None:
    """A row is frozen and compares by value."""
    row = BillRow(household="1", due=date(2026, 1, 1), amount=Decimal(1), bill_id="b")
    assert row == attrs.evolve(row)
    assert hash(row) == hash(attrs.evolve(row))
