"""Measures of collection, each with its formula; a measure over nothing is n/a, never 100 %.

Sources of the definitions: HC小区 (java110/MicroCommunity, 45102fc, ReportFeeSummaryAdapt) and
the rate definitions at hainengwenku.com and 7tqp.com, read with the note that the two recovery
rates in use differ when new arrears appear.
"""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs

from propsms._dunning.accounts import NoticeStatus
from propsms._dunning.bills import BillStatus
from propsms._dunning.standing import BUCKETS, bucket_of
from propsms._dunning.values import ZERO

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from propsms._dunning.accounts import Account, Channel, Notice
    from propsms._dunning.bills import Bill
    from propsms._dunning.stage import Stage

__all__ = [
    "Rate",
    "collection_rate",
    "cure_rate",
    "delivery_rate",
    "held_out",
    "household_rate",
    "per_notice",
    "recovery_rate",
    "roll_rate",
]


@attrs.frozen
class Rate:
    """A part of a whole; its value is None if the whole is nothing.

    >>> str(Rate(Decimal(78), Decimal(100))), str(Rate(Decimal(0), Decimal(0)))
    ('78.0 %', 'n/a')
    """

    part: Decimal
    whole: Decimal

    @property
    def value(self) -> Decimal | None:
        """Part by whole, or None."""
        return self.part / self.whole if self.whole else None

    def __str__(self) -> str:
        return "n/a" if self.value is None else f"{self.value * 100:.1f} %"


def _counted(account: Account) -> Iterator[Bill]:
    return (bill for bill in account.bills if bill.status is BillStatus.OPEN and bill.amount > 0)


def collection_rate(accounts: Iterable[Account], *, first: date, last: date, as_of: date) -> Rate:
    """收缴率: what was received for the bills due in a period, by what they came to.

    A prepayment counts in the period it is for; more than the bill comes to does not count.
    """
    part = whole = ZERO
    for account in accounts:
        for bill in _counted(account):
            if first <= bill.due <= last:
                whole += bill.amount
                part += bill.amount - max(bill.open_on(as_of), ZERO)
    return Rate(part, whole)


def household_rate(accounts: Iterable[Account], *, as_of: date) -> Rate:
    """户收缴率: households without an open bill that is due, by households billed by then."""
    part = whole = 0
    for account in accounts:
        due = [bill for bill in _counted(account) if bill.due <= as_of]
        if due:
            whole += 1
            part += all(bill.open_on(as_of) <= 0 for bill in due)
    return Rate(Decimal(part), Decimal(whole))


def recovery_rate(
    accounts: Iterable[Account], *, start: date, end: date, still_open: bool = False
) -> Rate:
    """清欠率: arrears collected in a period, by the arrears open at its start.

    Args:
        accounts: Whose.
        start: The arrears are those at the end of this day.
        end: Money that came in until the end of this day counts.
        still_open: True divides, as some systems do, by what was collected and what is past
            due and open at the end, so that new arrears lower it.
    """
    part = whole = later = ZERO
    for account in accounts:
        for bill in _counted(account):
            after = max(bill.open_on(end), ZERO)
            if bill.due < start:
                before = max(bill.open_on(start), ZERO)
                whole += before
                part += max(before - after, ZERO)
            if bill.due < end:
                later += after
    return Rate(part, part + later if still_open else whole)


def roll_rate(accounts: Iterable[Account], *, start: date, end: date) -> dict[str, Rate]:
    """What went from each aging bucket into an older one, by what was in it at the start."""
    part: dict[str, Decimal] = dict.fromkeys(map(str, BUCKETS), ZERO)
    whole = dict(part)
    for account in accounts:
        for bill in _counted(account):
            before, after = (max(bill.open_on(day), ZERO) for day in (start, end))
            name = bucket_of((start - bill.due).days)
            whole[name] += before
            if bucket_of((end - bill.due).days) != name:
                part[name] += min(before, after)
    return {name: Rate(part[name], whole[name]) for name in BUCKETS}


def delivery_rate(
    accounts: Iterable[Account], *, run: Iterable[str] | None = None
) -> tuple[Rate, tuple[str, ...]]:
    """到达率: notices delivered, by notices handed over; and the accounts not reached.

    Args:
        accounts: Whose.
        run: The ids of the notices to look at, or None for all.
    """
    wanted = None if run is None else frozenset(run)
    part = whole = 0
    missed: list[str] = []
    for account in accounts:
        mine = [n for n in account.notices if wanted is None or n.id in wanted]
        handed = [n for n in mine if n.status in _HANDED_OVER]
        arrived = sum(n.status is NoticeStatus.DELIVERED for n in handed)
        part, whole = part + arrived, whole + len(handed)
        if handed and not arrived:
            missed.append(account.id)
    return Rate(Decimal(part), Decimal(whole)), tuple(missed)


_HANDED_OVER = frozenset(
    {
        NoticeStatus.DELIVERED,
        NoticeStatus.SUBMITTED,
        NoticeStatus.FAILED,
        NoticeStatus.UNKNOWN,
    }
)


def cure_rate(
    accounts: Iterable[Account],
    *,
    days: int,
    as_of: date,
    stage: Stage | None = None,
    channel: Channel | None = None,
) -> Rate:
    """Notices whose bills were paid within so many days of arriving, by notices delivered.

    A notice younger than that is left out: nobody can tell yet.
    """
    part = whole = 0
    for account in accounts:
        for notice in account.notices:
            day = notice.day
            if notice.status is not NoticeStatus.DELIVERED or day is None:
                continue
            if (stage and notice.stage is not stage) or (
                channel and notice.channel is not channel
            ):
                continue
            last = day + timedelta(days=days)
            if last <= as_of:
                whole += 1
                part += _cured(account, notice, last)
    return Rate(Decimal(part), Decimal(whole))


def _cured(account: Account, notice: Notice, last: date) -> bool:
    named = [bill for bill in account.bills if not notice.bills or bill.id in notice.bills]
    return bool(named) and all(bill.open_on(last) <= 0 for bill in named)


def per_notice(accounts: Sequence[Account], events: int) -> Rate:
    """Complaints, opt-outs or disputes, by notices delivered: the guard rail of a trial."""
    delivered = sum(
        notice.status is NoticeStatus.DELIVERED
        for account in accounts
        for notice in account.notices
    )
    return Rate(Decimal(events), Decimal(delivered))


def held_out(account_id: str, *, share: Decimal, trial: str) -> bool:
    """True if an account belongs to the group that a trial leaves alone; always the same answer.

    >>> sum(held_out(f"a{n}", share=Decimal("0.1"), trial="june") for n in range(1000)) // 20
    4
    """
    mark = hashlib.sha256(f"{trial}|{account_id}".encode()).digest()
    return Decimal(int.from_bytes(mark[:8])) < share * (1 << 64)
