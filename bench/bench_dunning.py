"""Assess beside the plainest thing that could work: if/elif and one frozen dataclass a row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from bench.harness import Row, faster
from propsms.dunning import Bill, assess

AS_OF = date(2026, 6, 14)


@dataclass(frozen=True)
class Plain:
    stage: str
    days_past_due: int
    overdue_amount: Decimal


def plain(bill: Bill) -> Plain:
    days = (AS_OF - bill.due).days
    open_amount = bill.amount - bill.paid
    if days >= 61:
        stage = "final"
    elif days >= 31:
        stage = "overdue"
    elif days >= 1:
        stage = "reminder"
    elif days >= -7:
        stage = "upcoming"
    else:
        stage = "none"
    return Plain(stage, days, open_amount)


def bills(count: int) -> list[Bill]:
    return [
        Bill(f"b-{n}", AS_OF - timedelta(days=n % 120 - 20), Decimal(300 + n) / 2)
        for n in range(count)
    ]


def rows() -> list[Row]:
    one_each = bills(5000)
    accounts = [[bill] for bill in one_each]
    return [
        faster(
            "assess 5,000 accounts of one bill",
            lambda: [assess(account, as_of=AS_OF) for account in accounts],
            lambda: [plain(bill) for bill in one_each],
            target=">= 0.4",
            rounds=15,
            note="peer: if/elif and one frozen dataclass a row",
        ),
    ]
