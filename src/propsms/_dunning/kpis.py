"""Measures of collection, each with its formula; a measure over nothing is n/a, never 100 %.

Sources of the definitions: HC小区 (java110/MicroCommunity, 45102fc, ReportFeeSummaryAdapt) and
the rate definitions at hainengwenku.com and 7tqp.com, read with the note that the two recovery
rates in use differ when new arrears appear.
"""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import attrs

from propsms._dunning.accounts import NoticeStatus
from propsms._dunning.bills import BillStatus
from propsms._dunning.stage import Stage
from propsms._dunning.standing import BUCKETS, bucket_of
from propsms._dunning.values import ZERO
from propsms.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from propsms._dunning.accounts import Account, Channel, Notice
    from propsms._dunning.bills import Bill

__all__ = [
    "Rate",
    "cleared_rate",
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


_DAY: Final = timedelta(days=1)
_OPEN: Final = frozenset({BillStatus.OPEN})
_BILLED: Final = frozenset({BillStatus.OPEN, BillStatus.WRITTEN_OFF})


def _counted(account: Account, statuses: frozenset[BillStatus] = _OPEN) -> Iterator[Bill]:
    return (bill for bill in account.bills if bill.status in statuses and bill.amount > 0)


def _open(bill: Bill, day: date) -> Decimal:
    """What is unpaid: never less than nothing, never more than the bill comes to.

    A payment that was taken back undoes what it paid, and owes no more than that.
    """
    return min(max(bill.open_on(day), ZERO), bill.amount)


def _in_order(**days: date) -> None:
    (first, start), (last, end) = days.items()
    if start > end:
        raise InvalidValueError(
            f"{first} must not lie after {last}, got {start} and {end}",
            f"{first} 不能晚于 {last}，现为 {start} 和 {end}",
            field=first,
        )


def collection_rate(
    accounts: Iterable[Account],
    *,
    first: date,
    last: date,
    as_of: date,
    written_off: bool = False,
) -> Rate:
    """收缴率: what was received for the bills due in a period, by what they came to.

    A prepayment counts in the period it is for; more than the bill comes to does not count,
    nor does a payment that was taken back. Drafts, void bills and refunds are no receivable.

    Args:
        accounts: Whose.
        first: Bills due from this day ...
        last: ... to this day.
        as_of: Money that came in until the end of this day counts.
        written_off: True counts a bill that was written off as billed all the same, so that
            writing off does not raise the rate.

    Raises:
        InvalidValueError: *first* lies after *last*.
    """
    _in_order(first=first, last=last)
    statuses = _BILLED if written_off else _OPEN
    part = whole = ZERO
    for account in accounts:
        for bill in _counted(account, statuses):
            if first <= bill.due <= last:
                whole += bill.amount
                part += bill.amount - _open(bill, as_of)
    return Rate(part, whole)


def household_rate(accounts: Iterable[Account], *, as_of: date) -> Rate:
    """户收缴率: households without an open bill that is due, by households billed by then.

    A bill that falls due on *as_of* is due; one that falls due later is not asked for yet.
    """
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

    Raises:
        InvalidValueError: *start* lies after *end*.
    """
    _in_order(start=start, end=end)
    part = whole = later = ZERO
    for account in accounts:
        for bill in _counted(account):
            after = _open(bill, end)
            if bill.due < start:
                before = _open(bill, start)
                whole += before
                part += max(before - after, ZERO)
            if bill.due < end:
                later += after
    return Rate(part, part + later if still_open else whole)


def roll_rate(accounts: Iterable[Account], *, start: date, end: date) -> dict[str, Rate]:
    """What went from each aging bucket into an older one, by what was in it at the start.

    What was paid stays behind. Nothing is older than the last bucket, so its part is 0.

    Raises:
        InvalidValueError: *start* lies after *end*.
    """
    _in_order(start=start, end=end)
    part: dict[str, Decimal] = dict.fromkeys(map(str, BUCKETS), ZERO)
    whole = dict(part)
    for account in accounts:
        for bill in _counted(account):
            before, after = _open(bill, start), _open(bill, end)
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

    Left out is a notice younger than that, since nobody can tell yet, and one of whose bills
    nothing was open on the day before it came: they were paid before, or on days that nobody
    recorded (`Bill.paid`), so it cured nothing. A notice that names no bills is about what was
    past due when it came; an ``upcoming`` one about what fell due within the days.

    Args:
        accounts: Whose.
        days: How many days after the day of arrival still count.
        as_of: Money that came in until the end of this day counts.
        stage: Only notices of this stage, or None.
        channel: Only notices by this channel, or None.
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
            if last <= as_of and any(_open(b, day - _DAY) for b in _named(account, notice, last)):
                whole += 1
                part += not any(_open(bill, last) for bill in _named(account, notice, last))
    return Rate(Decimal(part), Decimal(whole))


def _named(account: Account, notice: Notice, last: date) -> Iterator[Bill]:
    """The bills that a notice is about."""
    day = notice.day or last
    for bill in _counted(account):
        if notice.bills:
            about = bill.id in notice.bills
        elif notice.stage is Stage.UPCOMING:
            about = day <= bill.due <= last
        else:
            about = bill.due < day
        if about:
            yield bill


def cleared_rate(accounts: Iterable[Account], *, since: date, days: int, as_of: date) -> Rate:
    """Households that owe nothing any more of what was past due so many days before.

    It asks no notice, so it compares those who were written to with a group that was not
    (`held_out`): the difference is what the notices did.

    Args:
        accounts: Of one group.
        since: The arrears are those at the end of this day.
        days: Money that came in until the end of the day so many days later counts.
        as_of: The day of the figures; before the days are over the rate is of nothing.
    """
    last = since + timedelta(days=days)
    part = whole = 0
    for account in accounts:
        owed = [b for b in _counted(account) if b.due < since and _open(b, since)]
        if owed and last <= as_of:
            whole += 1
            part += not any(_open(bill, last) for bill in owed)
    return Rate(Decimal(part), Decimal(whole))


def per_notice(accounts: Sequence[Account], events: int) -> Rate:
    """Complaints, opt-outs or disputes, by notices delivered: the guard rail of a trial.

    Raises:
        InvalidValueError: *events* is negative.
    """
    if events < 0:
        raise InvalidValueError(
            f"events must be 0 or more, got {events}",
            f"events 不能为负，现为 {events}",
            field="events",
        )
    delivered = sum(
        notice.status is NoticeStatus.DELIVERED
        for account in accounts
        for notice in account.notices
    )
    return Rate(Decimal(events), Decimal(delivered))


def held_out(account_id: str, *, share: Decimal, trial: str) -> bool:
    """True if an account belongs to the group that a trial leaves alone; always the same answer.

    Args:
        account_id: Whose.
        share: How much of all accounts to leave alone, 0 to 1.
        trial: The name of the trial; another name draws another group.

    Raises:
        InvalidValueError: *share* is not between 0 and 1.

    >>> sum(held_out(f"a{n}", share=Decimal("0.1"), trial="june") for n in range(1000)) // 20
    4
    """
    if not 0 <= share <= 1:
        raise InvalidValueError(
            f"share must be between 0 and 1, got {share}",
            f"share 须在 0 到 1 之间，现为 {share}",
            field="share",
        )
    mark = hashlib.sha256(f"{trial}|{account_id}".encode()).digest()
    return Decimal(int.from_bytes(mark[:8])) < share * (1 << 64)
