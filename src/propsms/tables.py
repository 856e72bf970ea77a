"""Recipient and bill files as users have them: CSV or XLSX, UTF-8 or GBK, any column order.

A reader names the columns it wants and the headers they go by; the file's own order,
encoding and delimiter are found out. A bad row is reported with file, line, column and
value while the others go on, and memory stays flat however long the file is.

    bills = read_bills("bills.csv")
    for bill in bills:
        ...
    for error in bills.errors:
        print(error)
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import attrs

from propsms._tables.cells import (
    CellError,
    parse_amount,
    parse_choice,
    parse_date,
    parse_flag,
    parse_phone,
    parse_tags,
    parse_text,
)
from propsms._tables.table import Column, RowError, Table, TableRow
from propsms.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from propsms.phone import PhoneNumber

__all__ = [
    "BILL_COLUMNS",
    "RECIPIENT_COLUMNS",
    "BillRow",
    "CellError",
    "Column",
    "RecipientRow",
    "RowError",
    "Table",
    "TableRow",
    "parse_amount",
    "parse_choice",
    "parse_date",
    "parse_flag",
    "parse_phone",
    "parse_tags",
    "parse_text",
    "read_bills",
    "read_recipients",
    "read_table",
]


@attrs.frozen(kw_only=True)
class BillRow:
    """One bill as a file has it.

    Attributes:
        household: The 房号, as written.
        due: The last day on which payment is in time.
        amount: In yuan.
        paid: What was paid so far, in yuan; all of it where the status says so.
        bill_id: The bill's own id, or one made of household, fee type and period.
        phone: None if the cell is empty, or holds no valid number (then it is reported).
        status: ``open``, ``draft``, ``void`` or ``written_off``.
        disputed: True if the file says that the owner contests it.
        wechat: True if the owner is bound on WeChat; None if the file does not say.
        line: Where it stands in the file.
        others: The cells of all other columns, by header.
    """

    household: str
    due: date
    amount: Decimal
    paid: Decimal = Decimal(0)
    bill_id: str
    owner: str = attrs.field(default="", repr=False)
    phone: PhoneNumber | None = None
    building: str = ""
    unit: str = ""
    fee_type: str = ""
    period: str = ""
    status: str = "open"
    disputed: bool = False
    wechat: bool | None = None
    line: int = 0
    others: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False, hash=False)


@attrs.frozen(kw_only=True)
class RecipientRow:
    """One recipient as a file has it.

    Attributes:
        phone: Whom to write to.
        name: May be empty, as may all below.
        tags: The words of the tag column.
        values: The cells of all other columns, by header: values for a template.
        line: Where it stands in the file.
    """

    phone: PhoneNumber
    name: str = attrs.field(default="", repr=False)
    household: str = ""
    building: str = ""
    unit: str = ""
    floor: str = ""
    tags: tuple[str, ...] = ()
    values: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False, hash=False)
    line: int = 0


_STATUSES: Final = {
    word: status
    for status, words in {
        "open": "未缴 未交 欠交 未付 未缴费 未结清 欠费 待缴 逾期 正常 部分缴 部分缴纳 部分已缴 "
        "open unpaid due overdue partial",
        "paid": "已缴 已交 交清 已交清 已付 已缴费 缴清 已缴清 结清 已结清 paid settled closed",
        "disputed": "争议 有争议 争议中 异议 有异议 disputed dispute",
        "draft": "草稿 未出账 待审核 draft",
        "void": "作废 已作废 取消 已取消 void voided cancelled canceled",
        "written_off": "核销 已核销 减免 已减免 坏账 written_off writtenoff waived",
    }.items()
    for word in words.split()
}

_HOUSEHOLD: Final = Column(
    "household",
    (
        "房号",
        "房间号",
        "户号",
        "房屋",
        "房屋编号",
        "门牌号",
        "房产",
        "房间",
        "房产编号",
        "住户编号",
        "account",
        "account id",
        "account no",
        "apartment",
        "flat",
        "house",
        "household id",
        "property",
        "room",
        "room no",
        "unit no",
    ),
    required=True,
)
_PHONE: Final = Column(
    "phone",
    (
        "手机号", "手机号码", "手机", "业主手机", "业主电话", "联系电话", "电话", "电话号码", "联系方式",
        "mobile", "mobile number", "phone number", "cell", "tel", "telephone",
    ),
    parse_phone,
    lenient=True,
)  # fmt: skip
_BUILDING: Final = Column("building", ("楼栋", "楼号", "栋", "栋号", "幢"), optional_value="")
_UNIT: Final = Column("unit", ("单元", "单元号"), optional_value="")

BILL_COLUMNS: Final = (
    _HOUSEHOLD,
    _BUILDING,
    _UNIT,
    Column(
        "owner",
        ("业主", "业主姓名", "户主", "姓名", "客户名称", "缴费人", "name", "owner name", "customer"),
        optional_value="",
    ),
    _PHONE,
    Column(
        "bill_id",
        ("账单编号", "账单号", "单据编号", "单据号", "流水号", "bill", "bill no", "invoice",
         "invoice no", "id"),
        optional_value="",
    ),
    Column(
        "fee_type",
        ("费用类型", "费用名称", "收费项目", "费项", "收费类型", "fee", "item", "charge"),
        optional_value="",
    ),
    Column(
        "period",
        ("账期", "费用周期", "所属期", "所属期间", "收费期间", "计费周期", "月份", "billing period",
         "month"),
        optional_value="",
    ),
    Column(
        "due",
        ("应缴日期", "应交日期", "到期日", "到期日期", "应收日期", "缴费截止日", "缴费截止日期", "截止日期",
         "due date", "date due", "deadline", "payable by"),
        parse_date,
        required=True,
    ),
    Column(
        "amount",
        ("应缴金额", "应交金额", "应收金额", "账单金额", "应缴", "应交", "应收", "金额", "amount due",
         "total", "charge amount"),
        parse_amount,
        required=True,
    ),
    Column(
        "outstanding",
        ("欠费金额", "未缴金额", "未交金额", "欠缴金额", "欠交金额", "欠费", "未收金额", "balance",
         "amount outstanding"),
        parse_amount,
        stands_for="amount",
    ),
    Column(
        "paid",
        ("已缴金额", "已交金额", "已收金额", "实收金额", "实缴金额", "实交金额", "已缴", "已交", "实收",
         "已付金额", "amount paid", "paid amount", "received"),
        parse_amount,
    ),
    Column(
        "status",
        ("状态", "缴费状态", "账单状态", "收费状态", "state", "bill status"),
        parse_choice(_STATUSES),
        optional_value="open",
    ),
    Column("disputed", ("争议", "有争议", "是否争议", "dispute"), parse_flag, optional_value=False),
    Column(
        "wechat",
        ("绑定微信", "微信绑定", "是否绑定微信", "微信", "wechat bound"),
        parse_flag,
        lenient=True,
    ),
)  # fmt: skip
"""What `read_bills` looks for; a reader of your own may take them and add more."""

RECIPIENT_COLUMNS: Final = (
    attrs.evolve(_PHONE, required=True, lenient=False),
    Column(
        "name",
        ("姓名", "业主", "业主姓名", "住户", "收件人", "owner", "recipient"),
        optional_value="",
    ),
    attrs.evolve(_HOUSEHOLD, required=False, optional_value=""),
    _BUILDING,
    _UNIT,
    Column("floor", ("楼层", "层"), optional_value=""),
    Column("tags", ("标签", "分组", "tag", "group"), parse_tags, optional_value=()),
)
"""What `read_recipients` looks for."""


def read_table(
    path: str | Path,
    columns: Sequence[Column],
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    sheet: str | None = None,
    on_error: Callable[[RowError], None] | None = None,
) -> Table[TableRow]:
    """Read a file by columns of your own.

    Args:
        path: A CSV in UTF-8 (with or without BOM), GBK / GB18030 or UTF-16, or an ``.xlsx``.
        columns: What to look for.
        encoding: Do not guess, take this one.
        delimiter: Do not guess, take this one.
        sheet: The sheet of a workbook; None is its first.
        on_error: Called for each error as it comes; they are kept in `Table.errors` as well.

    Returns:
        A table to iterate, as often as you like.

    Raises:
        TableError: The file cannot be opened, is no table, or lacks a required column.
        MissingExtraError: The file is an ``.xlsx`` and the extra ``xlsx`` is not installed.

    .. versionadded:: 0.1.0
    """
    return Table(
        path,
        columns,
        _itself,
        encoding=encoding,
        delimiter=delimiter,
        sheet=sheet,
        on_error=on_error,
    )


def read_bills(
    path: str | Path,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    sheet: str | None = None,
    on_error: Callable[[RowError], None] | None = None,
) -> Table[BillRow]:
    """Read bills: household, due date and amount are needed, the rest is taken if there.

    Args:
        path: As for `read_table`, like all other arguments.
        encoding: Do not guess, take this one.
        delimiter: Do not guess, take this one.
        sheet: The sheet of a workbook; None is its first.
        on_error: Called for each error as it comes.

    Returns:
        A table of `BillRow`. A bill whose phone cannot be read is reported and yet given,
        without a phone, because it still is owed; any other bad cell leaves its row out, and
        `RowError.key` names the household whose total is then not known.

    Raises:
        TableError: The file cannot be opened, is no table, or lacks a needed column.
        MissingExtraError: The file is an ``.xlsx`` and the extra ``xlsx`` is not installed.

    .. versionadded:: 0.1.0
    """
    return Table(
        path,
        BILL_COLUMNS,
        _bill,
        encoding=encoding,
        delimiter=delimiter,
        sheet=sheet,
        on_error=on_error,
    )


def read_recipients(
    path: str | Path,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    sheet: str | None = None,
    on_error: Callable[[RowError], None] | None = None,
) -> Table[RecipientRow]:
    """Read recipients: a phone is needed; other columns become values for a template.

    Args:
        path: As for `read_table`, like all other arguments.
        encoding: Do not guess, take this one.
        delimiter: Do not guess, take this one.
        sheet: The sheet of a workbook; None is its first.
        on_error: Called for each error as it comes.

    Returns:
        A table of `RecipientRow`.

    Raises:
        TableError: The file cannot be opened, is no table, or has no column of phones.
        MissingExtraError: The file is an ``.xlsx`` and the extra ``xlsx`` is not installed.

    .. versionadded:: 0.1.0
    """
    return Table(
        path,
        RECIPIENT_COLUMNS,
        _recipient,
        encoding=encoding,
        delimiter=delimiter,
        sheet=sheet,
        on_error=on_error,
    )


def _itself(row: TableRow) -> TableRow:
    return row


def _recipient(row: TableRow) -> RecipientRow:
    return RecipientRow(**row.values, values=row.others, line=row.line)


def _bill(row: TableRow) -> BillRow:
    values: dict[str, Any] = {**row.values}
    outstanding: Decimal | None = values.pop("outstanding")
    if values["amount"] is None:
        values |= {"amount": _given(outstanding), "paid": Decimal(0)}
    values["paid"] = _paid(values)
    if values["status"] in {"paid", "disputed"}:
        values["disputed"] = values["disputed"] or values["status"] == "disputed"
        values["status"] = "open"
    values["bill_id"] = values["bill_id"] or _made_id(values)
    return BillRow(**values, line=row.line, others=row.others)


def _given(outstanding: Decimal | None) -> Decimal:
    if outstanding is None:
        raise CellError("应缴金额不能为空", "the amount must not be empty")
    return outstanding


def _paid(values: Mapping[str, Any]) -> Decimal:
    amount: Decimal = values["amount"]
    paid: Decimal | None = values["paid"]
    if values["status"] == "paid" and paid is None:
        return max(amount, Decimal(0))
    if values["status"] == "paid" and paid is not None and paid < amount:
        raise CellError(
            f"状态为已缴，但已缴金额 {paid} 少于应缴金额 {amount}；请更正其一",
            f"the status says paid, but {paid} of {amount} is; correct one of them",
        )
    if paid is not None and paid < 0:
        raise InvalidValueError(
            f"paid must be 0 or more, got {paid}", f"已缴金额不能为负，现为 {paid}", field="paid"
        )
    return paid or Decimal(0)


def _made_id(values: Mapping[str, Any]) -> str:
    when = values["period"] or values["due"].isoformat()
    return "-".join(filter(None, (values["household"], values["fee_type"], when)))
