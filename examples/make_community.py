"""Make the bills of an invented community of 1,200 households, the same ones each time.

    python examples/make_community.py

writes ``community.csv`` (UTF-8 with BOM, as Excel saves it) and ``bills-gbk.csv`` (GBK, with
rows that are wrong on purpose) beside this file. Nothing in them is real: the numbers are
199 0000 and the number of the household.
"""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

AS_OF = date(2026, 11, 23)
HEADERS = (
    "房号", "楼栋", "单元", "业主", "手机号", "账单编号", "费用类型", "账期", "应缴日期",
    "应缴金额", "已缴金额", "状态", "争议", "绑定微信",
)  # fmt: skip
SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜"
FEN = Decimal("0.01")

# What is billed: kind, period, due, the share of households that has it and that has paid it.
# On 2026-11-23 they are 146, 54, 23 and 0 days past due, due in 7 and due in 38 days.
CHARGES = (
    ("物业费", "2026年第二季度", date(2026, 6, 30), 1.00, 0.93),
    ("物业费", "2026年第三季度", date(2026, 9, 30), 1.00, 0.80),
    ("车位管理费", "2026年10月", date(2026, 10, 31), 0.45, 0.70),
    ("公共能耗费", "2026年10月", AS_OF, 0.50, 0.60),
    ("车位管理费", "2026年11月", date(2026, 11, 30), 0.45, 0.40),
    ("物业费", "2026年第四季度", date(2026, 12, 31), 1.00, 0.15),
)


def households() -> Iterator[tuple[str, str, str, str, str]]:
    """Room, building, unit, owner, phone: ten buildings of two units, twenty floors of three."""
    random = Random(20261123)  # noqa: S311  invented data, not secrets
    places = (
        (b, u, f, d) for b in range(1, 11) for u in (1, 2) for f in range(1, 21) for d in (1, 2, 3)
    )
    for number, (building, unit, floor, door) in enumerate(places, start=1):
        owner = random.choice(SURNAMES) + random.choice(("某", "某某"))
        phone = f"1990000{number:04d}" if random.random() > 0.02 else ""
        yield (
            f"{building}-{unit}-{floor:02d}{door:02d}",
            f"{building}栋",
            f"{unit}单元",
            owner,
            phone,
        )


def bills() -> Iterator[tuple[str, ...]]:
    """One row per bill, household by household."""
    random = Random(11232026)  # noqa: S311  as above
    serial = 0
    for household in households():
        area = Decimal(random.choice((58, 76, 89, 98, 117, 135)))
        wechat = "是" if random.random() < 0.45 else "否"
        careful = random.random() < 0.9
        for fee, period, due, share, paid_share in CHARGES:
            if random.random() >= share:
                continue
            serial += 1
            amount = _amount(fee, area, random)
            paid, status, dispute = _payment(amount, paid_share, due, random, careful=careful)
            yield (
                *household, f"B2026{serial:06d}", fee, period, due.isoformat(),
                str(amount), str(paid), status, dispute, wechat,
            )  # fmt: skip


def _amount(fee: str, area: Decimal, random: Random) -> Decimal:
    if fee == "物业费":
        return (area * Decimal("2.35") * 3).quantize(FEN)
    if fee == "车位管理费":
        return Decimal("80.00")
    return (Decimal(random.randint(900, 4200)) / 100).quantize(FEN)


def _payment(
    amount: Decimal, paid_share: float, due: date, random: Random, *, careful: bool
) -> tuple[Decimal, str, str]:
    """What was paid of a bill, its status, and whether the owner contests it."""
    chance = random.random()
    if chance < (paid_share + 0.06 if careful else paid_share - 0.35):
        return amount, "已缴", "否"
    if due < AS_OF and random.random() < 0.04:
        return Decimal("0.00"), "未缴", "是"
    if random.random() < 0.08:
        return (amount / 2).quantize(FEN), "部分缴", "否"
    if random.random() < 0.01:
        return Decimal("0.00"), "作废", "否"
    return Decimal("0.00"), "未缴", "否"


# Rows as they come out of an office: Excel's numbers, dates in three ways, and what is wrong.
OFFICE = """\
阳光小区 2026年11月 欠费清单,,,,,,
房号,业主姓名,手机号码,到期日,应收金额(元),已收金额,缴费状态
1-1-0101,赵某,19900000001,2026/9/30,"￥1,240.80",,未缴
1-1-0102,钱某某,19900000002.0,2026年9月30日,535.80,200.00,部分缴
1-1-0103,孙某,199 0000 0003,46295,627.45元,0,未缴
1-1-0201,李某,1.99E+10,2026-9-30,690.90,,未缴
1-1-0202,周某某,1990000005,2026/9/30,824.85,,未缴
1-1-0203,吴某,19900000006,9月30日,951.75,,未缴
1-2-0101,"郑某
(租客代缴)",19900000007,2026/10/31,80.00,80.00,已缴
1-2-0102,王某,19900000008,2026/10/31,八十,,未缴
1-2-0103,冯某某,,2026/10/31,80.00,,未缴

合计,,,,"5,031.55",,
"""


def main() -> None:
    """Write both files."""
    here = Path(__file__).parent
    with (here / "community.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADERS)
        writer.writerows(bills())
    (here / "bills-gbk.csv").write_bytes(OFFICE.encode("gbk"))


if __name__ == "__main__":
    main()
