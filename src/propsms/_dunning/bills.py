"""Bills, what was paid on them, and what is disputed."""

from __future__ import annotations

from datetime import date  # noqa: TC003  # the doctests below use it
from typing import TYPE_CHECKING

import attrs

from propsms._checks import Word, non_empty
from propsms._dunning.values import ZERO, by_type, not_negative
from propsms.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

__all__ = [
    "Bill",
    "BillStatus",
    "Dispute",
    "LateFeeClause",
    "LateFeeItem",
    "LateFeeState",
    "Payment",
]


class BillStatus(Word):
    """Whether a bill counts; only an open one does. What is paid is told by its payments."""

    OPEN = "open"
    DRAFT = "draft"
    VOID = "void"
    WRITTEN_OFF = "written_off"


@attrs.frozen(field_transformer=by_type)
class Payment:
    """Money that came in on one bill.

    Attributes:
        day: The Shanghai day on which it counts.
        amount: In yuan; a negative one takes back a payment that bounced.
        purpose: What the payer wrote on it, or empty.
    """

    day: date
    amount: Decimal
    purpose: str = ""


@attrs.frozen(field_transformer=by_type)
class Dispute:
    """The owner contests a bill, or a part of it.

    Attributes:
        open_at: The first day on which it holds.
        reason: What is contested, for the person who deals with it.
        amount: The part in dispute, in yuan; None is all of it.
        closed_at: The day on which it was settled, or None; from that day on the bill counts.
    """

    open_at: date
    reason: str = ""
    amount: Decimal | None = attrs.field(default=None)
    closed_at: date | None = attrs.field(default=None)

    def active(self, as_of: date) -> bool:
        """True from the day it was opened to the day before it was closed."""
        return self.open_at <= as_of and (self.closed_at is None or as_of < self.closed_at)


@attrs.frozen(kw_only=True, field_transformer=by_type)
class LateFeeClause:
    """The clause of the contract that agrees a late fee (违约金); without one there is none.

    Attributes:
        contract: The contract and the clause, as a court would look it up.
        daily_rate: Per day on the open principal; ``Decimal("0.0005")`` is 0.05 %.
        grace_days: Days after the due date that bear no fee.
        grace_mode: ``gate`` counts all days once the grace is over, ``shift`` only the days
            after it.
        cap: The most that the clause allows for one bill, in yuan, or None.
        frozen_in_dispute: True if the fee rests while the bill is disputed.
    """

    contract: str = attrs.field(validator=non_empty)
    daily_rate: Decimal = attrs.field(validator=not_negative)
    grace_days: int = attrs.field(default=0, validator=attrs.validators.ge(0))
    grace_mode: str = attrs.field(
        default="gate", validator=attrs.validators.in_(("gate", "shift"))
    )
    cap: Decimal | None = attrs.field(default=None)
    frozen_in_dispute: bool = True


class LateFeeState(Word):
    """What became of a late fee that was claimed."""

    CLAIMED = "claimed"
    WAIVED = "waived"
    PAID = "paid"


@attrs.frozen(kw_only=True, field_transformer=by_type)
class LateFeeItem:
    """A late fee that was claimed of the owner, and what became of it.

    It stands beside the principal and outlives it: who pays the bill alone still owes it, until
    somebody waives it. It is never part of a notice's amount.

    Attributes:
        id: The host's key.
        amount: What was claimed, in yuan.
        day: When; the fee was worked out up to this day.
        contract: The clause that agrees it; without one nothing may be claimed.
        state: Whether it is still asked for.
        paid: What was paid on it, in yuan.
        settled_on: The day on which it was paid or waived, or None if nobody recorded it.
        by: Who waived it; required of a waiver.
        reason: Why, for the person who reads it.

    Raises:
        InvalidValueError: More is paid than was claimed, or nobody waived what is waived.
    """

    id: str = attrs.field(validator=non_empty)
    amount: Decimal = attrs.field(validator=not_negative)
    day: date
    contract: str = attrs.field(validator=non_empty)
    state: LateFeeState = attrs.field(default=LateFeeState.CLAIMED, converter=LateFeeState)
    paid: Decimal = attrs.field(default=ZERO, validator=not_negative)
    settled_on: date | None = None
    by: str = ""
    reason: str = ""

    def __attrs_post_init__(self) -> None:
        """Require that it adds up, and that a waiver has a name."""
        if self.paid > self.amount:
            raise InvalidValueError(
                f"late fee {self.id}: {self.paid} paid is more than the {self.amount} claimed",
                f"违约金 {self.id}：已付 {self.paid} 多于主张的 {self.amount}",
                field="paid",
            )
        if self.state is LateFeeState.WAIVED and not self.by:
            raise InvalidValueError(
                f"late fee {self.id} is waived, but by says nobody; name who waived it",
                f"违约金 {self.id} 已减免，但 by 为空；请写明由谁减免",
                field="by",
            )

    def open_on(self, as_of: date) -> Decimal:
        """What is still asked for at the end of *as_of*, in yuan."""
        over = self.state is not LateFeeState.CLAIMED and (
            self.settled_on is None or self.settled_on <= as_of
        )
        return ZERO if over or as_of < self.day else self.amount - self.paid

    def waive(self, *, by: str, on: date, reason: str = "") -> LateFeeItem:
        """The same, waived by somebody answerable; what was paid on it stays paid."""
        state = LateFeeState.WAIVED
        return attrs.evolve(self, state=state, by=by, settled_on=on, reason=reason)


def _payments(given: Iterable[Payment]) -> tuple[Payment, ...]:
    return tuple(given)


def _items(given: Iterable[LateFeeItem]) -> tuple[LateFeeItem, ...]:
    return tuple(given)


def _undated_open(bill: Bill) -> Decimal:
    return bill.amount - bill.paid


def _plain(bill: Bill) -> bool:
    return _simple(bill) and bill.undated_open > 0


def _settled(bill: Bill) -> bool:
    return _simple(bill) and bill.amount > 0 and not bill.undated_open


def _simple(bill: Bill) -> bool:
    more = bill.payments or bill.dispute is not None or bill.late_fees
    return not more and bill.status is BillStatus.OPEN


@attrs.frozen(field_transformer=by_type)
class Bill:
    """One bill of an account.

    Attributes:
        id: The host's key.
        due: The last day on which payment is in time, day 0. An aware instant, as some
            systems store it (23:59:59 of the day), is taken for its day in Shanghai.
        amount: In yuan; a refund is negative, and is never dunned.
        paid: What was paid on days that nobody recorded, in yuan.
        payments: What was paid on recorded days; one after *as_of* does not count yet.
        status: Only an open bill counts.
        dispute: What the owner contests, or None.
        period: What the bill is for, as the owner reads it: ``2026年3月``.
        fee_type: ``property``, ``parking`` ...; the host's word.
        contract_ref: The contract it rests on, or empty; required for the final notice where
            the policy asks for it.
        late_fee_clause: The clause that agrees a late fee, or None for no fee ever.
        late_fees: The late fees that were claimed of it, and what became of each.
        debtor_id: Which payer of the account owes it; None is the account's debtor.
        after_contract: True if the bill is for a time after the contract's end but the
            service went on until hand-over (Civil Code art. 950).
        starts: The first day of the period it is for, or None if not known.
        area: The area it is charged for, in m², or None; kept as evidence, nothing is
            worked out from it.
        unit_price: In yuan a m² and month, or None; the same.

    Raises:
        InvalidValueError: An amount is a float, not finite, or *paid* is negative; or *due*
            is no date.

    >>> from decimal import Decimal
    >>> bill = Bill("b-1", date(2026, 3, 31), Decimal("300.00"), paid=Decimal("100.00"))
    >>> bill.open_on(date(2026, 4, 1))
    Decimal('200.00')
    """

    id: str = attrs.field(validator=non_empty)
    due: date
    amount: Decimal
    paid: Decimal = attrs.field(default=ZERO, validator=not_negative)
    payments: tuple[Payment, ...] = attrs.field(default=(), converter=_payments)
    status: BillStatus = attrs.field(default=BillStatus.OPEN, converter=BillStatus)
    dispute: Dispute | None = None
    period: str = attrs.field(default="", kw_only=True)
    fee_type: str = attrs.field(default="property", kw_only=True)
    contract_ref: str = attrs.field(default="", kw_only=True)
    late_fee_clause: LateFeeClause | None = attrs.field(default=None, kw_only=True)
    late_fees: tuple[LateFeeItem, ...] = attrs.field(default=(), converter=_items, kw_only=True)
    debtor_id: str | None = attrs.field(default=None, kw_only=True)
    after_contract: bool = attrs.field(default=False, kw_only=True)
    starts: date | None = attrs.field(default=None, kw_only=True)
    area: Decimal | None = attrs.field(default=None, kw_only=True, validator=not_negative)
    unit_price: Decimal | None = attrs.field(default=None, kw_only=True, validator=not_negative)
    # What is open before dated payments, and whether nothing else needs a look because the
    # bill is simply unpaid, or simply paid: worked out once, since every plan asks.
    undated_open: Decimal = attrs.field(
        init=False, eq=False, repr=False, default=attrs.Factory(_undated_open, takes_self=True)
    )
    plain: bool = attrs.field(
        init=False, eq=False, repr=False, default=attrs.Factory(_plain, takes_self=True)
    )

    settled: bool = attrs.field(
        init=False, eq=False, repr=False, default=attrs.Factory(_settled, takes_self=True)
    )

    def open_on(self, as_of: date) -> Decimal:
        """What is unpaid at the end of *as_of*, in yuan; negative if paid twice."""
        paid = sum((p.amount for p in self.payments if p.day <= as_of), ZERO)
        return self.undated_open - paid

    def late_fee_open_on(self, as_of: date) -> Decimal:
        """The late fees that are still asked for; none of a bill that does not count.

        None either while the bill is disputed.
        """
        disputed = self.dispute is not None and self.dispute.active(as_of)
        if disputed or self.status is not BillStatus.OPEN:
            return ZERO
        return sum((item.open_on(as_of) for item in self.late_fees), ZERO)

    def disputed_on(self, as_of: date) -> Decimal:
        """How much of what is open is contested on that day, in yuan."""
        if self.dispute is None or not self.dispute.active(as_of):
            return ZERO
        still = max(self.open_on(as_of), ZERO)
        return still if self.dispute.amount is None else min(self.dispute.amount, still)
