"""When a claim may be time-barred, told early rather than late.

Three years from the day the payment fell due (Civil Code of the PRC art. 188), each bill by
itself; a demand that *arrived*, a part payment, a promise or an instalment plan starts them
anew (art. 195; SPC limitation rules (2020) art. 8, 9, 14). The day told is the conservative
one; a court may find a later one, never an earlier:

* the first day of default is not counted (art. 201), so a court may add a day; where the third
  year has no such day (29 February) the last of the month ends it (art. 202);
* a last day on a holiday moves past it (art. 203);
* what keeps the provider from claiming in the last six months, such as an owner's death before
  the heirs are known, suspends the time, and six months remain from its end (art. 194);
* a suit starts the time anew only when its procedure is over (art. 195); its day is taken here;
* a demand after the three years starts nothing; a promise after them binds (art. 192), which is
  for a lawyer to say, so it is not counted.

No event reaches past twenty years from the due date (art. 188), unless a court extends them.
"""

from __future__ import annotations

from datetime import date  # noqa: TC003  # the doctest uses it
from typing import TYPE_CHECKING

import attrs

from propsms._dunning.accounts import HoldKind, NoticeStatus
from propsms._dunning.stage import Stage
from propsms._dunning.values import day as require_day

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from decimal import Decimal

    from propsms._dunning.accounts import Account
    from propsms._dunning.bills import Bill

__all__ = ["LimitationClock", "LimitationEvent", "limitation", "limitation_of"]


@attrs.frozen(order=True)
class LimitationEvent:
    """Something that starts the three years anew.

    Attributes:
        day: When it happened; for a demand, when it arrived.
        what: ``demand``, ``payment``, ``promise`` or ``suit``.
    """

    day: date
    what: str = "demand"


@attrs.frozen
class LimitationClock:
    """How long a claim can still be enforced.

    Attributes:
        last_day: The last day that is certainly in time; never more than twenty years after
            the due date.
        days_left: Days from *as_of* to it; negative once it has passed.
        counted: The events that moved it, in order.
    """

    last_day: date
    days_left: int
    counted: tuple[LimitationEvent, ...] = ()

    @property
    def passed(self) -> bool:
        """True if the debtor may have a defence."""
        return self.days_left < 0


def limitation(
    bill: Bill, *, as_of: date, events: Iterable[LimitationEvent] = ()
) -> LimitationClock:
    """Tell the last day on which the claim of a bill is certainly in time.

    Args:
        bill: One bill; its dated payments count by themselves, but for what was taken back.
        as_of: Events after that day are left out.
        events: Demands that arrived, promises, suits.

    >>> from decimal import Decimal
    >>> from propsms.dunning import Bill
    >>> clock = limitation(Bill("b", date(2023, 4, 30), Decimal(300)), as_of=date(2026, 4, 1))
    >>> clock.last_day.isoformat(), clock.days_left
    ('2026-04-30', 29)
    """
    require_day(as_of, "as_of")
    end, last = _years_after(bill.due, 20), _years_after(bill.due, 3)
    counted: list[LimitationEvent] = []
    for event in sorted((*_payments(bill, as_of), *events)):
        later = min(_years_after(event.day, 3), end)
        if event.day <= min(as_of, last) and later > last:
            last = later
            counted.append(event)
    return LimitationClock(last, (last - as_of).days, tuple(counted))


def _payments(bill: Bill, as_of: date) -> Iterator[LimitationEvent]:
    """The payments that stand; a negative one takes back the newest before it."""
    stand: list[tuple[date, Decimal]] = []
    known = (payment for payment in bill.payments if payment.day <= as_of)
    for payment in sorted(known, key=lambda one: (one.day, one.amount < 0)):
        day, left = payment.day, payment.amount
        while left < 0 and stand:
            day, amount = stand.pop()
            left += amount
        if left > 0:
            stand.append((day, left))
    return (LimitationEvent(day, "payment") for day, _ in stand)


def limitation_of(account: Account, bill: Bill, as_of: date) -> LimitationClock:
    """The same, with the notices and promises of the account as events."""
    return limitation(bill, as_of=as_of, events=_events(account, bill))


def _events(account: Account, bill: Bill) -> Iterator[LimitationEvent]:
    for notice in account.notices:
        # A demand for a part covers the rest, unless waived: SPC limitation rules art. 9.
        # What says that a bill is about to fall due demands nothing of those that have.
        demands = notice.stage is not Stage.UPCOMING
        about = demands and (not notice.bills or bill.id in notice.bills)
        if notice.status is NoticeStatus.DELIVERED and about and (day := notice.day):
            yield LimitationEvent(day, "demand")
    for hold in account.holds:
        if hold.kind in _ACKNOWLEDGED and hold.covers(bill.id):
            yield LimitationEvent(hold.since, "promise")


_ACKNOWLEDGED = frozenset({HoldKind.PROMISE, HoldKind.INSTALMENT})


def _years_after(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February: Civil Code art. 202
        return day.replace(year=day.year + years, day=28)


def soon_enough_to_ask(days_past_due: int, warn_days: int) -> bool:
    """False if no event could matter yet, so that the clock need not be read."""
    return days_past_due > 3 * 365 - warn_days - 1
