"""Decide what may happen to an account now: every check runs, every reason is told.

The order is: data, ledger, bills and credit, stage, minimum, holds, debtor, limitation,
escalation and spacing, approval, caps, channels, text, hours, repetition. The strictest
action wins. The same desk decides again at the moment of sending.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final

import attrs

from propsms._checks import require_aware
from propsms._dunning.accounts import Channel
from propsms._dunning.book import PolicyBook
from propsms._dunning.case import NOTHING, Case
from propsms._dunning.decision import Decision
from propsms._dunning.policy import P0, DunningPolicy
from propsms._dunning.reasons import Action, Reason
from propsms._dunning.stage import Stage
from propsms._holidays.calendar import fixed_year
from propsms.messages import MessageKind
from propsms.sending_hours import (
    SHANGHAI,
    Closed,
    SendingHours,
    shipped_calendar,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from propsms._dunning.accounts import Account
    from propsms.findings import Finding

__all__ = ["Desk", "decide"]

_SlotKey = tuple[int, date | None, Channel]
_Slot = tuple[datetime, tuple[Reason, ...]]
_DAY = timedelta(days=1)
_NONE: Final = Stage.NONE
_HOURS: Final = SendingHours()


def decide(
    account: Account,
    *,
    now: datetime,
    policy: DunningPolicy | PolicyBook = P0,
    hours: SendingHours = _HOURS,
    text_findings: Sequence[Finding] | Mapping[Stage, Sequence[Finding]] = (),
) -> Decision:
    """Decide what may happen to one account at an instant.

    Args:
        account: What is known of it.
        now: The instant, aware; its Shanghai day is the day to judge by.
        policy: The rules, or a book of rules with overrides.
        hours: When dunning may be sent at all; both these and the policy's windows hold.
        text_findings: What the linter says of the text that would go, or of each stage's; an
            error blocks the text.

    Returns:
        The action with *all* its reasons, the notice that may go next, when, and how.

    Raises:
        InvalidValueError: *now* is naive.

    >>> from decimal import Decimal
    >>> from propsms.dunning import Account, Bill
    >>> bill = Bill("b-1", date(2026, 3, 31), Decimal("300.00"))
    >>> tomorrow = datetime(2026, 4, 1, 10, tzinfo=SHANGHAI)
    >>> decision = decide(Account(id="a-1", bills=[bill]), now=tomorrow)
    >>> str(decision.action), str(decision.next_stage), [str(r) for r in decision.reasons]
    ('send', 'reminder', ['OK_SEND'])

    .. versionadded:: 0.1.0
    """
    return Desk(now=now, policy=policy, hours=hours, text_findings=text_findings).decide(account)


@attrs.define(slots=False, kw_only=True)
class Desk:
    """Decides many accounts at one instant, and works out what they share once.

    Attributes:
        now: The instant.
        policy: The rules, or a book of rules.
        hours: When dunning may be sent at all.
        text_findings: What the linter says of the texts.
        last_committed: The day of the last run; an earlier one is refused.
        sending: The id of the queued notice that is being decided on again.
    """

    now: datetime
    policy: DunningPolicy | PolicyBook = P0
    hours: SendingHours = _HOURS
    text_findings: Sequence[Finding] | Mapping[Stage, Sequence[Finding]] = ()
    last_committed: date | None = None
    sending: str | None = None
    _slots: dict[_SlotKey, _Slot] = attrs.field(init=False, factory=dict[_SlotKey, _Slot])
    _combined: dict[int, SendingHours] = attrs.field(init=False, factory=dict[int, SendingHours])

    def __attrs_post_init__(self) -> None:
        require_aware(self.now)

    @cached_property
    def as_of(self) -> date:
        """The Shanghai day."""
        return self.now.astimezone(SHANGHAI).date()

    @cached_property
    def knows_year(self) -> bool:
        """True if the holidays of this year are data."""
        return (self.hours.calendar or shipped_calendar()).knows(self.as_of.year)

    def policy_for(self, account: Account) -> DunningPolicy:
        """The rules of one account, overrides merged."""
        return (
            self.policy.for_account(account)
            if isinstance(self.policy, PolicyBook)
            else self.policy
        )

    def hours_for(self, policy: DunningPolicy) -> SendingHours:
        """The hours and the policy's windows in one: both must be open."""
        if (known := self._combined.get(id(policy))) is None:
            known = self._combined[id(policy)] = _narrowed(self.hours, policy, self.as_of.year)
        return known

    def slot(
        self, policy: DunningPolicy, earliest: date | None, channel: Channel
    ) -> tuple[datetime, tuple[Reason, ...]]:
        """The first instant from now, and from a day on, that is open; and why not now."""
        key = (id(policy), earliest, channel)
        if (known := self._slots.get(key)) is None:
            known = self._slots[key] = self._find_slot(policy, earliest, channel)
        return known

    def _find_slot(
        self, policy: DunningPolicy, earliest: date | None, channel: Channel
    ) -> tuple[datetime, tuple[Reason, ...]]:
        hours = self.hours_for(policy)
        closed = hours.why_closed(self.now, MessageKind.DUNNING, channel=channel)
        start = self.now
        if earliest is not None and earliest > self.as_of:
            start = datetime.combine(earliest, time.min, SHANGHAI)
        slot = hours.next_allowed(start, MessageKind.DUNNING, channel=channel)
        why: list[Reason] = []
        if closed is Closed.QUIET_HOURS:
            why.append(Reason.QUIET_HOURS)
        over = (start + _DAY * n for n in range(1, (slot - start).days + 1))
        passed = [hours.why_closed(day, MessageKind.DUNNING, channel=channel) for day in over]
        if closed in _DAYS_OFF or (closed and set(passed) & _DAYS_OFF):
            why.append(Reason.HOLIDAY)
        return slot, tuple(why)

    def findings_for(self, stage: Stage) -> Sequence[Finding]:
        """What the linter says of the text of a stage."""
        if isinstance(self.text_findings, Mapping):
            return self.text_findings.get(stage, ())
        return self.text_findings

    def decide(self, account: Account) -> Decision:
        """Decide one account; see `propsms.dunning.decide`."""
        policy = self.policy_for(account)
        if self.last_committed is None and _quiet(account):
            return self._nothing(account, policy)
        return Case(self, account, policy).decide()

    def _nothing(self, account: Account, policy: DunningPolicy) -> Decision:
        """The common case, all bills paid: the same answer as the long way, at once."""
        horizon = self.as_of + timedelta(days=policy.upcoming_days)
        due = any(bill.due <= horizon for bill in account.bills)
        return Decision(
            account=account.id,
            now=self.now,
            as_of=self.as_of,
            action=Action.NONE,
            standing=NOTHING,
            next_stage=_NONE,
            reasons=_PAID if due else _NOT_DUE,
            policy_version=policy.version,
            policy_hash=policy.hash,
            source=account,
        )


_DAYS_OFF: Final = frozenset({Closed.HOLIDAY, Closed.WEEKEND})


def _narrowed(hours: SendingHours, policy: DunningPolicy, year: int) -> SendingHours:
    """Those hours of *hours* that the policy opens too."""
    calendar = hours.calendar or shipped_calendar()
    for missing in (year, year + 1):
        if not calendar.knows(missing):
            calendar = calendar.with_year(fixed_year(missing))
    ours = dict(policy.windows)
    default = ours.pop("default")
    channels = {**hours.channels}
    for channel in Channel:
        spans = ours.get(channel, default)
        theirs = channels.get(channel, spans)
        both = (one.overlap(other) for one in spans for other in theirs)
        channels[channel] = tuple(span for span in both if span)
    kinds = frozenset({MessageKind.DUNNING})
    holidays = kinds if policy.holidays == "closed" else frozenset[MessageKind]()
    weekends = kinds if policy.weekends == "closed" else frozenset[MessageKind]()
    return attrs.evolve(
        hours,
        calendar=calendar,
        channels=channels,
        closed_on_holidays=hours.closed_on_holidays | holidays,
        closed_on_weekends=hours.closed_on_weekends | weekends,
    )


_PAID: Final = (Reason.PAID,)
_NOT_DUE: Final = (Reason.NOT_DUE,)


def _quiet(account: Account) -> bool:
    """True if every bill is simply paid, and nothing else could be told."""
    if account.notices or account.problems or account.credit or account.ledger_at is not None:
        return False
    return all([bill.settled for bill in account.bills])  # noqa: C419  # a list is faster here
