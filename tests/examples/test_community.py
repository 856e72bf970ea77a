"""The community of the demo: made from its seed, read without a fault, and nobody's data."""

import runpy
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from propsms.tables import BillRow, read_bills

EXAMPLES = Path(__file__).parents[2] / "examples"
AS_OF = date(2026, 11, 23)


@pytest.fixture(scope="module")
def rows() -> list[BillRow]:
    """All bills of the committed file."""
    table = read_bills(EXAMPLES / "community.csv")
    found = list(table)
    assert not table.errors
    assert table.encoding == "utf-8-sig"
    return found


def test_files_come_from_their_seed(tmp_path: Path) -> None:
    """The script gives the committed bytes again."""
    script = tmp_path / "make_community.py"
    script.write_bytes((EXAMPLES / "make_community.py").read_bytes())
    runpy.run_path(str(script), run_name="__main__")
    for name in ("community.csv", "bills-gbk.csv"):
        assert (EXAMPLES / name).read_bytes() == (tmp_path / name).read_bytes()


def test_community(rows: list[BillRow]) -> None:
    """1,200 households, several bills each, invented numbers, some households without one."""
    households = Counter(row.household for row in rows)
    assert len(households) == 1200
    assert min(households.values()) >= 3
    numbers = {row.phone.national for row in rows if row.phone}
    assert 1100 < len(numbers) < 1200
    assert all(number.startswith("1990000") for number in numbers)
    assert len({row.bill_id for row in rows}) == len(rows)


def test_every_case_occurs(rows: list[BillRow]) -> None:
    """Every stage has households, and there are part payments, disputes and void bills."""
    days = {
        (AS_OF - row.due).days
        for row in rows
        if row.status == "open" and row.paid < row.amount and not row.disputed
    }
    assert days == {146, 54, 23, 0, -7, -38}
    assert sum(Decimal(0) < row.paid < row.amount for row in rows) > 30
    assert sum(row.disputed for row in rows) > 10
    assert sum(row.status == "void" for row in rows) > 10
    assert {True, False} == {row.wechat for row in rows}


def test_office_file_has_its_faults() -> None:
    """GBK, a title above, what Excel does, and the lines that the README lists."""
    table = read_bills(EXAMPLES / "bills-gbk.csv")
    rows = list(table)
    assert table.encoding == "gb18030"
    assert [3, 4, 5, 6, 7, 9, 12] == [row.line for row in rows]
    assert [
        (6, "手机号码"),
        (7, "手机号码"),
        (8, "到期日"),
        (11, "应收金额(元)"),
    ] == [(error.line, error.column) for error in table.errors]
    assert [Decimal(200), date(2026, 9, 30)] == [rows[1].paid, rows[2].due]
