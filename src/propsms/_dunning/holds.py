"""Which holds rest an account or a bill on a day, and which promises were broken."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import attrs

from propsms._dunning.accounts import HoldKind
from propsms._dunning.reasons import Reason
from propsms._dunning.values import ZERO

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal

    from propsms._dunning.accounts import Account, Hold
    from propsms._dunning.policy import DunningPolicy

__all__ = ["REPLY", "Rests", "rests_of"]

_REASONS = {
    HoldKind.DISPUTE: Reason.HOLD_DISPUTE,
    HoldKind.PROMISE: Reason.HOLD_PROMISE,
    HoldKind.INSTALMENT: Reason.HOLD_INSTALMENT,
    HoldKind.PAUSE: Reason.HOLD_PAUSE,
    HoldKind.UNREADABLE: Reason.HOLD_PAUSE,
    HoldKind.HARDSHIP: Reason.HOLD_HARDSHIP,
    HoldKind.DO_NOT_DUN: Reason.DO_NOT_DUN,
    HoldKind.ESTATE: Reason.ESTATE,
    HoldKind.LEGAL: Reason.LEGAL_HANDOVER,
}


REPLY: Final = "reply"
"""What the reason of a hold begins with that an owner's reply made."""


@attrs.define
class Rests:
    """What the holds of an account say on a day.

    Attributes:
        account: Reasons that rest the whole account.
        bills: For a bill that rests, the reason.
        broken: True if a promise or an instalment was not kept.
        asked: True if an owner wrote back, so that a person must look.
        too_many: True if promises came so often that a person must look.
        until: The last day of the longest account hold that has one.
        rested: The first day after the rest that follows a settled dispute, or None.
    """

    account: list[Reason] = attrs.field(factory=list[Reason])
    bills: dict[str, Reason] = attrs.field(factory=dict[str, Reason])
    broken: bool = False
    asked: bool = False
    too_many: bool = False
    until: date | None = None
    rested: date | None = None


def rests_of(account: Account, as_of: date, policy: DunningPolicy) -> Rests:
    """Read all holds of an account on a day."""
    rests = Rests()
    rests.too_many = _promises(account, as_of, policy) >= policy.promise_limit
    for hold in account.holds:
        if hold.since > as_of:
            continue
        if _rests(hold, account, as_of, policy, rests):
            _rest(hold, account, rests)
        elif hold.kind is HoldKind.DISPUTE and hold.until is not None:
            _after_dispute(rests, hold.until, policy)
    for bill in account.bills:
        closed = bill.dispute.closed_at if bill.dispute is not None else None
        if closed is not None and closed <= as_of:
            _after_dispute(rests, closed, policy)
    return rests


def _promises(account: Account, as_of: date, policy: DunningPolicy) -> int:
    first = as_of - timedelta(days=policy.promise_window_days)
    return sum(
        hold.kind is HoldKind.PROMISE and first < hold.since <= as_of for hold in account.holds
    )


def _rests(hold: Hold, account: Account, as_of: date, policy: DunningPolicy, rests: Rests) -> bool:
    if hold.kind is HoldKind.INSTALMENT and _late(hold, account, as_of, policy):
        rests.broken = True
        return False
    if hold.kind is not HoldKind.PROMISE:
        return hold.running(as_of)
    if hold.running(as_of):
        return not rests.too_many
    rests.broken = rests.broken or not _kept(hold, account, as_of)
    return False


def _rest(hold: Hold, account: Account, rests: Rests) -> None:
    reason = _REASONS[hold.kind]
    rests.asked = rests.asked or hold.reason.startswith(REPLY)
    if hold.bills is None or reason.action != "hold":
        rests.account.append(reason)
        if hold.until is not None:
            rests.until = max(rests.until or hold.until, hold.until)
        return
    for bill in account.bills:
        if hold.covers(bill.id):
            rests.bills[bill.id] = reason


def _after_dispute(rests: Rests, closed: date, policy: DunningPolicy) -> None:
    day = closed + timedelta(days=policy.dispute_rest_days)
    rests.rested = max(rests.rested or day, day)


def _received(hold: Hold, account: Account, as_of: date) -> Decimal:
    """What came in, on recorded days, since the hold began, on the bills it covers."""
    bills = (bill for bill in account.bills if hold.covers(bill.id))
    days = (p for bill in bills for p in bill.payments if hold.since <= p.day <= as_of)
    return sum((payment.amount for payment in days), ZERO)


def _open(hold: Hold, account: Account, as_of: date) -> Decimal:
    bills = (b for b in account.bills if hold.covers(b.id) and b.due < as_of)
    return sum((max(bill.open_on(as_of), ZERO) for bill in bills), ZERO)


def _kept(hold: Hold, account: Account, as_of: date) -> bool:
    if _open(hold, account, as_of) == 0:
        return True
    return hold.amount is not None and _received(hold, account, as_of) >= hold.amount


def _late(hold: Hold, account: Account, as_of: date, policy: DunningPolicy) -> bool:
    """True if an instalment is later than the policy allows."""
    latest = as_of - timedelta(days=policy.instalment_late_days)
    asked = sum((part.amount for part in hold.instalments if part.day < latest), ZERO)
    return _received(hold, account, as_of) < asked
