"""What a payment pays, and what a late fee comes to."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import attrs

from propsms._dunning.bills import (
    Bill,
    BillStatus,
    LateFeeClause,
    LateFeeItem,
    LateFeeState,
    Payment,
)
from propsms._dunning.values import ZERO, day as require_day, fen, not_negative_money

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Allocation", "LateFee", "allocate", "late_fee"]

_DAY = timedelta(days=1)
_YARDSTICK: Final = Decimal("1.3")


@attrs.frozen
class LateFee:
    """The late fee of one bill on a day; zero if no clause agrees one.

    Attributes:
        amount: In yuan, rounded half-up to the fen once.
        days: Days that bore a fee.
        base: What is still open, in yuan.
        yearly_rate: The daily rate times 365.
        capped: True if the clause's cap held it down.
        excessive: True if the yearly rate is above 1.3 times the LPR that the caller gave;
            a court may cut it then. None if no LPR was given.
        contract: The clause, or empty.
        claimed: What was claimed and is still asked for, in yuan.
        waived: What was claimed and then waived, in yuan.
        paid: What was paid of what was claimed, in yuan.
    """

    amount: Decimal
    days: int = 0
    base: Decimal = ZERO
    yearly_rate: Decimal = ZERO
    capped: bool = False
    excessive: bool | None = None
    contract: str = ""
    claimed: Decimal = ZERO
    waived: Decimal = ZERO
    paid: Decimal = ZERO

    @property
    def unclaimed(self) -> Decimal:
        """What came up and nobody has claimed yet, in yuan; what is waived is not claimed again."""
        return max(self.amount - self.claimed - self.waived - self.paid, fen(ZERO))


def late_fee(
    bill: Bill, *, as_of: date, clause: LateFeeClause | None, lpr: Decimal | None = None
) -> LateFee:
    """Work out the late fee of a bill: simple, by day, on what was open that day.

    Days run from the day after the due date to *as_of*, both included; a payment lowers the
    base from the day after it. Nothing is charged on a late fee. Paying the principal takes
    nothing back: what came up until then stays, and `Bill.late_fees` tells what of it was
    claimed, waived or paid.

    Args:
        bill: The bill, with its dated payments and its `late_fees`; `Bill.paid` counts as paid
            all along.
        as_of: The last day that counts.
        clause: What the contract agrees, or None: then there is no fee, whatever is common.
        lpr: The one-year LPR as a yearly rate, such as ``Decimal("0.03")``.

    Source: Civil Code art. 585; SPC contract rules (2023) art. 64, 65, for the yardstick of
    30 % above the loss.

    >>> bill = Bill("b", date(2026, 3, 31), Decimal("1200.00"))
    >>> half_per_mille = LateFeeClause(contract="2024-07 §9", daily_rate=Decimal("0.0005"))
    >>> late_fee(bill, as_of=date(2026, 5, 1), clause=half_per_mille).amount
    Decimal('18.60')
    """
    require_day(as_of, "as_of")
    claims: dict[str, Any] = _claims(bill, as_of)
    if clause is None or bill.status is not BillStatus.OPEN:
        nothing = LateFee(fen(ZERO), base=max(bill.open_on(as_of), ZERO))
        return attrs.evolve(nothing, **claims)
    total, days = _sum_of_days(bill, as_of, clause)
    amount = fen(total * clause.daily_rate)
    capped = clause.cap is not None and amount > clause.cap
    yearly = clause.daily_rate * 365
    return LateFee(
        fen(clause.cap) if capped and clause.cap is not None else amount,
        days,
        max(bill.open_on(as_of), ZERO),
        yearly,
        capped,
        None if lpr is None else yearly > lpr * _YARDSTICK,
        clause.contract,
        **claims,
    )


def _claims(bill: Bill, as_of: date) -> dict[str, Decimal]:
    """What was claimed by a day, by what became of it; the three add up to all of it."""
    told = {"claimed": ZERO, "waived": ZERO, "paid": ZERO}
    for item in bill.late_fees:
        if item.day <= as_of:
            still = item.open_on(as_of)
            paid = item.amount if item.state is LateFeeState.PAID and not still else item.paid
            told["claimed"] += still
            told["paid"] += paid
            told["waived"] += item.amount - still - paid
    return told


def _sum_of_days(bill: Bill, as_of: date, clause: LateFeeClause) -> tuple[Decimal, int]:
    """The open principal of each day added up, and how many days bore a fee."""
    first = bill.due + _DAY
    past = (as_of - bill.due).days
    if past <= clause.grace_days:
        return ZERO, 0
    if clause.grace_mode == "shift":
        first += timedelta(days=clause.grace_days)
    total, days = ZERO, 0
    for start, end in _spans(bill, first, as_of):
        open_then = bill.open_on(start - _DAY)
        frozen = clause.frozen_in_dispute and bill.dispute and bill.dispute.active(start)
        if open_then > 0 and not frozen:
            count = (end - start).days + 1
            total += open_then * count
            days += count
    return total, days


def _spans(bill: Bill, first: date, last: date) -> Iterable[tuple[date, date]]:
    """Split the days where the base or the dispute changes."""
    changes = {payment.day + _DAY for payment in bill.payments}
    if bill.dispute is not None:
        changes |= {bill.dispute.open_at}
        changes |= {bill.dispute.closed_at} if bill.dispute.closed_at else set()
    starts = sorted({first, *(day for day in changes if first < day <= last)})
    ends = (*(start - _DAY for start in starts[1:]), last)
    return zip(starts, ends, strict=True)


@attrs.frozen
class Allocation:
    """How a payment falls on bills.

    Attributes:
        parts: What each bill gets, by its id, in the order in which they were paid.
        late_fees: What each claimed late fee gets, by its id, the same.
        bills: The bills with what they got taken in, in the order given.
        left: What is left over, in yuan: a credit of the account.
    """

    parts: tuple[tuple[str, Decimal], ...]
    bills: tuple[Bill, ...]
    left: Decimal
    late_fees: tuple[tuple[str, Decimal], ...] = ()


def allocate(
    payment: Decimal,
    bills: Iterable[Bill],
    *,
    as_of: date | None = None,
    purpose: str = "",
    late_fees_first: bool = False,
) -> Allocation:
    """Say which bills a payment pays: the payer's choice, else the oldest due first.

    What was claimed as a late fee comes after all principal, the older claim first, unless the
    payer names it: the milder order, in which no debt grows while its owner pays. The law has
    costs first, then interest, then principal, unless the parties agreed otherwise; whether a
    late fee (违约金) counts as interest there, it does not say. A company that follows it gives
    *late_fees_first*. Costs of enforcement are no part of a bill, and what nobody claimed is
    paid by nothing.

    Args:
        payment: In yuan.
        bills: The open bills.
        as_of: The day of the payment. Bills due by then come before those that are not;
            None takes them all by their due dates, counts all dated payments, and adds to
            `Bill.paid`; with a day the payment is dated, so that a late fee knows it.
        purpose: The id or the period of the bill, or the id of the late fee, that the payer
            named, or empty.
        late_fees_first: True pays what is claimed of each bill before its principal.

    Source: Civil Code art. 561 for the order within a debt; among debts, art. 560 (the debtor
    may choose; else what is due, then the less secured, the more burdensome, the older, then by
    share). All bills of one unit are alike in security and burden, so the older comes first;
    two of one day share by amount.

    Raises:
        InvalidValueError: *payment* is negative or no Decimal.

    >>> months = [Bill(f"m{n}", date(2026, n, 28), Decimal("300.00")) for n in (1, 2, 3)]
    >>> [(name, str(part)) for name, part in allocate(Decimal("500.00"), months).parts]
    [('m1', '300.00'), ('m2', '200.00')]
    """
    left = not_negative_money(payment, "payment")
    given = tuple(bills)
    when = date.max if as_of is None else require_day(as_of, "as_of")
    fees: dict[str, Decimal] = {}
    claims = _claimed(given, when)
    left = _give(fees, (item for item in claims if item.id == purpose), left, when)
    parts: dict[str, Decimal] = {}
    for group in _in_order(given, when, purpose):
        if late_fees_first:
            left = _give(fees, _claimed(group, when), left, when)
        owing = [bill for bill in group if bill.open_on(when) > 0]
        share = _share(owing, min(left, sum((b.open_on(when) for b in owing), ZERO)), when)
        for bill, part in zip(owing, share, strict=True):
            if part:
                parts[bill.id] = part
                left -= part
    left = _give(fees, claims, left, when)
    paid = tuple(_paid(b, parts.get(b.id, ZERO), fees, as_of) for b in given)
    return Allocation(tuple(parts.items()), paid, left, tuple(fees.items()))


def _claimed(bills: Iterable[Bill], when: date) -> list[LateFeeItem]:
    """The late fees that are asked for, the older claim first."""
    asked = (item for bill in bills if _bears(bill, when) for item in bill.late_fees)
    return sorted(asked, key=lambda item: (item.day, item.id))


def _bears(bill: Bill, when: date) -> bool:
    """True if a late fee of the bill is asked for."""
    return bool(bill.late_fees and bill.late_fee_open_on(when))


def _give(
    fees: dict[str, Decimal], items: Iterable[LateFeeItem], left: Decimal, when: date
) -> Decimal:
    """Pay late fees that got nothing yet, as far as it goes; what is left then."""
    for item in items:
        part = min(left, item.open_on(when))
        if part and item.id not in fees:
            fees[item.id] = part
            left -= part
    return left


def _paid(bill: Bill, part: Decimal, fees: dict[str, Decimal], day: date | None) -> Bill:
    """The bill with what it got, and its late fees with theirs."""
    changes: dict[str, Any] = {}
    if part and day is None:
        changes["paid"] = bill.paid + part
    elif part and day is not None:
        changes["payments"] = (*bill.payments, Payment(day, part))
    if any(item.id in fees for item in bill.late_fees):
        changes["late_fees"] = [
            _with(item, fees[item.id], day) if item.id in fees else item for item in bill.late_fees
        ]
    return attrs.evolve(bill, **changes) if changes else bill


def _with(item: LateFeeItem, part: Decimal, day: date | None) -> LateFeeItem:
    paid = item.paid + part
    if paid < item.amount:
        return attrs.evolve(item, paid=paid)
    return attrs.evolve(item, paid=paid, state=LateFeeState.PAID, settled_on=day)


def _in_order(bills: Sequence[Bill], when: date, purpose: str) -> Iterable[list[Bill]]:
    groups: dict[tuple[bool, bool, date], list[Bill]] = {}
    for bill in bills:
        if bill.status is BillStatus.OPEN and (bill.open_on(when) > 0 or _bears(bill, when)):
            named = bool(purpose) and purpose in (bill.id, bill.period)
            groups.setdefault((not named, bill.due > when, bill.due), []).append(bill)
    return [sorted(groups[key], key=lambda bill: bill.id) for key in sorted(groups)]


def _share(group: Sequence[Bill], amount: Decimal, when: date) -> list[Decimal]:
    """Split by open amount, to the fen; what rounding leaves goes to the first that has room."""
    opens = [bill.open_on(when) for bill in group]
    total = sum(opens, ZERO)
    if amount >= total or len(group) == 1:
        return opens if amount >= total else [amount]
    shares = [min(fen(amount * part / total), part) for part in opens]
    rest = amount - sum(shares, ZERO)
    for index, part in enumerate(opens):
        change = max(min(rest, part - shares[index]), -shares[index])
        shares[index] += change
        rest -= change
    return shares
