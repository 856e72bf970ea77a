"""What the past of an account allows: cycles, stages done, spacing, caps."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import attrs

from propsms._dunning.accounts import Channel, NoticeStatus
from propsms._dunning.bills import BillStatus
from propsms._dunning.reasons import Reason
from propsms._dunning.stage import Stage
from propsms.sending_hours import SHANGHAI

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from propsms._dunning.accounts import Account, Notice
    from propsms._dunning.bills import Bill
    from propsms._dunning.policy import DunningPolicy

__all__ = ["History", "caps", "cycle_start"]

_DAY = timedelta(days=1)
_STEPS = (Stage.REMINDER, Stage.OVERDUE, Stage.FINAL)
_BY_MACHINE = frozenset({Channel.WECHAT, Channel.SMS, Channel.VOICE})


def cycle_start(bills: Sequence[Bill], as_of: date) -> date | None:
    """The first day since which something has been past due without a break, or None."""
    if len(bills) == 1 and bills[0].plain:
        first = bills[0].due + _DAY
        return first if first <= as_of else None
    spans = sorted(span for bill in bills for span in _overdue_spans(bill, as_of))
    start: date | None = None
    reach = date.min
    for first, last in spans:
        if start is None or first > reach:
            start = first
        reach = max(reach, last)
    return start if reach == date.max else None


def _overdue_spans(bill: Bill, as_of: date) -> Iterable[tuple[date, date]]:
    """From each first day past due to the day it was paid; `date.max` if it still is open.

    A payment that bounces opens the bill again, on the day on which it is taken back.
    """
    first = bill.due + _DAY
    if bill.status is not BillStatus.OPEN or first > as_of or bill.amount <= 0:
        return
    still = bill.undated_open
    since = first if still > 0 else None
    for payment in sorted(bill.payments, key=lambda one: one.day):
        if payment.day > as_of:
            break
        still -= payment.amount
        if since is None:
            since = max(first, payment.day) if still > 0 else None
        elif still <= 0:
            if payment.day >= since:
                yield since, payment.day
            since = None
    if since is not None:
        yield since, date.max


@attrs.frozen
class History:
    """The notices of the running cycle, and what they allow.

    Attributes:
        notices: Those of this cycle, in any order.
        start: The first day of the cycle.
    """

    notices: tuple[Notice, ...]
    start: date

    @classmethod
    def of(cls, account: Account, start: date) -> History:
        """Leave out the notices of earlier cycles; one without a day is kept."""
        mine = (n for n in account.notices if (day := n.day) is None or day >= start)
        return cls(tuple(mine), start)

    def done(self, stage: Stage) -> bool:
        """True if that stage was delivered or waived in this cycle."""
        return any(n.stage is stage and n.completes for n in self.notices)

    def next_stage(self, stage: Stage, policy: DunningPolicy) -> Stage:
        """The mildest stage that is not done, no firmer than *stage*; else *stage* again."""
        if stage not in _STEPS or policy.escalation == "direct":
            return stage
        steps = _STEPS[: _STEPS.index(stage) + 1]
        return next((step for step in steps if not self.done(step)), stage)

    def sent(self, stage: Stage) -> list[Notice]:
        """The notices of that stage which the household has had or may have had."""
        return [n for n in self.notices if n.stage is stage and n.contacted]

    def pending(self, stage: Stage) -> Notice | None:
        """The newest notice of the stage whose delivery is not known, unless one is done since."""
        newest: Notice | None = None
        for notice in self.sent(stage):
            if newest is None or (notice.day or date.min) >= (newest.day or date.min):
                newest = notice
        if newest is None or newest.status is NoticeStatus.DELIVERED:
            return None
        return newest

    def spacing(self, stage: Stage, policy: DunningPolicy) -> Iterable[tuple[Reason, date]]:
        """The days before which the stage may not go out, and why."""
        delivered = [n for n in self.notices if n.completes and (n.day is not None)]
        milder = [n.day for n in delivered if Stage.REMINDER <= n.stage < stage]
        if milder and not self.done(stage):
            gap = timedelta(days=policy.stage_gap_days)
            yield Reason.SPACING, max(d for d in milder if d) + gap
        deadlines = [n.deadline for n in delivered if n.deadline is not None]
        if deadlines:
            yield Reason.RESPONSE_PERIOD_RUNNING, max(deadlines) + _DAY
        same = [day for n in self.sent(stage) if (day := n.day)]
        if same:
            yield Reason.COOL_DOWN, max(same) + timedelta(days=policy.repeat_gap_days)


def caps(account: Account, today: date, policy: DunningPolicy) -> Iterable[tuple[Reason, date]]:
    """The days on which the household may be contacted again, if a cap is reached."""
    days = _contact_days(account, today)
    if sum(day == today for day in days) >= policy.cap_day:
        yield Reason.CAP_DAY, today + _DAY
    if len(days) >= policy.cap_30_days:
        yield Reason.CAP_MONTH, days[-policy.cap_30_days] + timedelta(days=30)


def _contact_days(account: Account, today: date) -> list[date]:
    """The Shanghai days of all contacts of the last 30 days, today included, sorted."""
    days = [_day(at) for at in account.contacts]
    days += (
        day
        for notice in account.notices
        if _reached(notice) and notice.channel in _BY_MACHINE and (day := notice.day)
    )
    first = today - timedelta(days=30)
    return sorted(day for day in days if first < day <= today)


def _reached(notice: Notice) -> bool:
    """True if the household noticed it: a call that nobody answered has rung."""
    rang = notice.channel is Channel.VOICE and notice.status is NoticeStatus.FAILED
    return rang or notice.contacted


def _day(at: datetime) -> date:
    return at.astimezone(SHANGHAI).date()
