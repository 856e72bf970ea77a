"""How old an account's debt is: its stage, its days, its amount and its aging buckets.

The stage belongs to the account and follows the oldest open bill; the buckets belong to the
bills. Days are calendar days: two dates are subtracted, never two instants.

Source: Civil Code of the PRC art. 201 (the first day is not counted) and art. 1259
(以上, 以内 include the number), which is why day 60 is still ``overdue``.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NoReturn

import attrs

from propsms._dunning.bills import BillStatus
from propsms._dunning.policy import P0, DunningPolicy
from propsms._dunning.stage import Stage
from propsms._dunning.values import ZERO, day

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from propsms._dunning.bills import Bill

__all__ = [
    "BUCKETS",
    "Buckets",
    "Standing",
    "Tally",
    "assess",
    "bucket_of",
    "standing_of",
    "tally_of",
]


BUCKETS: Final = (
    "not due",
    "1-30",
    "31-60",
    "61-90",
    "91-180",
    "181-365",
    "1-2 y",
    "2-3 y",
    "over 3 y",
)
"""The aging buckets, by days past due; a year is 365 days here."""
_BUCKET_ENDS: Final = (0, 30, 60, 90, 180, 365, 730, 1095)


def bucket_of(days_past_due: int) -> str:
    """The bucket for a bill that is so many days past due (zero or less: not due).

    >>> bucket_of(60), bucket_of(61), bucket_of(0)
    ('31-60', '61-90', 'not due')
    """
    return BUCKETS[bisect_left(_BUCKET_ENDS, days_past_due)]


class Buckets(dict[str, Decimal]):
    """Open amounts by aging bucket, in yuan; a bucket that holds nothing reads as zero.

    >>> Buckets({"1-30": Decimal(300)})["61-90"]
    Decimal('0')
    """

    __slots__ = ()

    def __missing__(self, name: str) -> Decimal:
        if name in BUCKETS:
            return ZERO
        raise KeyError(name)

    def __hash__(self) -> int:  # type: ignore[override]  # it never changes
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return Buckets, (dict(self),)

    def _fixed(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("the buckets of a standing cannot be changed; make a dict of them first")

    __setitem__ = __delitem__ = __ior__ = _fixed  # pyright: ignore[reportAssignmentType]
    update = setdefault = pop = popitem = clear = _fixed  # pyright: ignore[reportAssignmentType]


@attrs.frozen(slots=False)  # made once an account, and a third faster without slots
class Standing:
    """Where an account stands on a day.

    Attributes:
        stage: How firm a notice the age of the debt would allow.
        days_past_due: Calendar days since the oldest open bill fell due; 0 if none has.
        overdue_amount: What is open on bills past due, in yuan.
        buckets: What is open, by age, bills not yet due included. What is disputed is left
            out, here and in the amount, unless nothing else is due.
        upcoming_amount: What falls due within the policy's ``upcoming_days``, in yuan.
        credit: What refunds and overpaid bills hold in the owner's favour, in yuan.
        disputed_amount: What is open but contested, in yuan.
        late_fee_amount: Late fees that were claimed and neither waived nor paid, in yuan; they
            are in no other amount, and give no age.
    """

    stage: Stage
    days_past_due: int
    overdue_amount: Decimal
    buckets: Buckets
    upcoming_amount: Decimal = ZERO
    credit: Decimal = ZERO
    disputed_amount: Decimal = ZERO
    late_fee_amount: Decimal = ZERO


class Tally:
    """What the bills of one account add up to on a day."""

    __slots__ = (
        "amount",
        "buckets",
        "credit",
        "days",
        "disputed",
        "late_fees",
        "soon",
        "soon_amount",
    )

    def __init__(self) -> None:
        self.days = 0
        self.amount = ZERO
        self.soon = False
        self.soon_amount = ZERO
        self.credit = ZERO
        self.disputed = ZERO
        self.late_fees = ZERO
        self.buckets: dict[str, Decimal] = {}

    def add(self, past: int, still: Decimal, upcoming_days: int) -> None:
        """Count one open amount that is *past* days past due."""
        name = BUCKETS[bisect_left(_BUCKET_ENDS, past)]
        self.buckets[name] = self.buckets[name] + still if name in self.buckets else still
        if past > 0:
            self.amount += still
            self.days = max(self.days, past)
        elif -past <= upcoming_days:
            self.soon = True
            self.soon_amount += still

    @property
    def counts(self) -> bool:
        """True if something is past due or about to fall due."""
        return self.days > 0 or self.soon


_DEFAULT: Final = P0
_NONE, _UPCOMING = Stage.NONE, Stage.UPCOMING


def assess(bills: Iterable[Bill], *, as_of: date, policy: DunningPolicy = _DEFAULT) -> Standing:
    """Tell where an account stands on a day.

    Args:
        bills: All bills of one account, in any order; what is not open is left out.
        as_of: The Shanghai day to judge by; payments of that day count.
        policy: Where the stages begin, and what is too small to write about.

    Returns:
        Stage and days of the oldest open bill, the open amount past due, and all open
        amounts by aging bucket. Within the grace days, or below the minimum, the stage is
        ``none`` and the days are still told.

    Raises:
        InvalidValueError: *as_of* is an instant, or no date.

    >>> from propsms._dunning.bills import Bill
    >>> standing = assess(
    ...     [Bill("b-1", date(2026, 3, 31), Decimal("300.00"))], as_of=date(2026, 5, 30)
    ... )
    >>> str(standing.stage), standing.days_past_due, standing.overdue_amount
    ('overdue', 60, Decimal('300.00'))

    .. versionadded:: 0.1.0
    """
    if type(as_of) is not date:
        day(as_of, "as_of")
    known: Sequence[Bill] = bills if isinstance(bills, (list, tuple)) else tuple(bills)
    if len(known) == 1 and known[0].plain:
        return _one(known[0], as_of, policy)
    return _many(known, as_of, policy)


def _one(bill: Bill, as_of: date, policy: DunningPolicy) -> Standing:
    """The common case: one open bill, nothing disputed, no dated payments."""
    past, still = (as_of - bill.due).days, bill.undated_open
    buckets = Buckets({BUCKETS[bisect_left(_BUCKET_ENDS, past)]: still})
    if past > 0:
        return Standing(policy.stage_of(past, still), past, still, buckets)
    if -past > policy.upcoming_days:
        return Standing(_NONE, 0, ZERO, buckets)
    stage = _UPCOMING if still >= policy.min_amount else _NONE
    return Standing(stage, 0, ZERO, buckets, still)


def _many(bills: Iterable[Bill], as_of: date, policy: DunningPolicy) -> Standing:
    return standing_of(*tally_of(bills, as_of, policy), policy)


def standing_of(tally: Tally, contested: Tally | None, policy: DunningPolicy) -> Standing:
    """What a tally says; the contested amounts are shown only if nothing else counts."""
    shown = contested if contested is not None and not tally.counts else tally
    return Standing(
        _stage(shown, policy),
        shown.days,
        shown.amount,
        Buckets(shown.buckets),
        shown.soon_amount,
        tally.credit,
        tally.disputed,
        tally.late_fees,
    )


def tally_of(
    bills: Iterable[Bill], as_of: date, policy: DunningPolicy
) -> tuple[Tally, Tally | None]:
    """Add up what counts, and beside it all of it, disputed parts too, if there are any."""
    tally, contested = Tally(), Tally()
    for bill in bills:
        if bill.status is not BillStatus.OPEN:
            continue
        past, still = (as_of - bill.due).days, bill.open_on(as_of)
        if bill.late_fees:
            tally.late_fees += bill.late_fee_open_on(as_of)
        if still <= 0:
            tally.credit -= still
            continue
        disputed = bill.disputed_on(as_of)
        tally.disputed += disputed
        if still > disputed:
            tally.add(past, still - disputed, policy.upcoming_days)
        contested.add(past, still, policy.upcoming_days)
    return tally, contested if tally.disputed else None


def _stage(tally: Tally, policy: DunningPolicy) -> Stage:
    if tally.days > 0:
        return policy.stage_of(tally.days, tally.amount)
    if tally.soon and tally.soon_amount >= policy.min_amount:
        return _UPCOMING
    return _NONE
