"""A plan: the decisions of many accounts at one instant, and what they add up to."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Final

import attrs

from propsms._dunning.deciding import Desk
from propsms._dunning.policy import P0
from propsms._dunning.reasons import Action, Reason
from propsms._dunning.stage import Stage
from propsms._dunning.values import ZERO
from propsms.sending_hours import SendingHours

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime

    from propsms._dunning.accounts import Account
    from propsms._dunning.book import PolicyBook
    from propsms._dunning.decision import Decision
    from propsms._dunning.policy import DunningPolicy
    from propsms.findings import Finding

__all__ = ["DunningPlan", "PlanTotals", "each_once", "plan", "plan_stream", "refuse_double"]


@attrs.define(slots=False)
class PlanTotals:
    """What a plan adds up to; every account is counted once.

    Attributes:
        accounts: How many there are.
        actions: Accounts by action.
        stages: Accounts by the stage that their age gives.
        notices: Accounts to send to now, by the notice they get.
        reasons: Accounts by reason; one account may have several.
        skipped: The same of accounts that nothing goes to now.
        overdue: What is past due altogether, in yuan.
        asked: What the notices of now ask for altogether, in yuan.
        buckets: What is open, by age, in yuan.
    """

    accounts: int = 0
    actions: Counter[Action] = attrs.field(factory=Counter[Action])
    stages: Counter[Stage] = attrs.field(factory=Counter[Stage])
    notices: Counter[Stage] = attrs.field(factory=Counter[Stage])
    reasons: Counter[Reason] = attrs.field(factory=Counter[Reason])
    skipped: Counter[Reason] = attrs.field(factory=Counter[Reason])
    overdue: Decimal = ZERO
    asked: Decimal = ZERO
    buckets: dict[str, Decimal] = attrs.field(factory=dict[str, Decimal])

    def add(self, decision: Decision) -> None:
        """Count one decision."""
        self._count(decision, 1)

    def take_back(self, decision: Decision) -> None:
        """Count one no more."""
        self._count(decision, -1)

    def _count(self, decision: Decision, one: int) -> None:
        self.accounts += one
        self.actions[decision.action] += one
        self.stages[decision.stage] += one
        sent = decision.action is Action.SEND
        for reason in decision.reasons:
            self.reasons[reason] += one
            if not sent:
                self.skipped[reason] += one
        self.overdue += decision.overdue_amount * one
        for name, amount in decision.buckets.items():
            self.buckets[name] = self.buckets.get(name, ZERO) + amount * one
        if sent:
            self.notices[decision.next_stage] += one
            self.asked += decision.amount * one


@attrs.frozen
class DunningPlan:
    """What would be sent to whom, and why not to the others: a value, and the dry run.

    Attributes:
        now: The instant of all its decisions.
        as_of: The Shanghai day of that.
        decisions: One per account, by account id, whatever the order they came in.
        totals: What they add up to.
    """

    now: datetime
    as_of: date
    decisions: Sequence[Decision] = attrs.field(repr=False)
    totals: PlanTotals

    @property
    def to_send(self) -> tuple[Decision, ...]:
        """The decisions whose notice goes now."""
        return tuple(d for d in self.decisions if d.action is Action.SEND)

    @property
    def skipped(self) -> tuple[Decision, ...]:
        """The others, each with its reasons."""
        return tuple(d for d in self.decisions if d.action is not Action.SEND)

    @property
    def status(self) -> str:
        """``ok``, or ``warning`` if an account could not be judged."""
        return "warning" if self.totals.reasons[Reason.DATA_ERROR] else "ok"

    def __len__(self) -> int:
        return len(self.decisions)

    def __iter__(self) -> Iterator[Decision]:
        return iter(self.decisions)


def plan(
    accounts: Iterable[Account],
    *,
    now: datetime,
    policy: DunningPolicy | PolicyBook = P0,
    hours: SendingHours | None = None,
    text_findings: Sequence[Finding] | Mapping[Stage, Sequence[Finding]] = (),
    last_committed: date | None = None,
) -> DunningPlan:
    """Decide all accounts at one instant; nothing is written and nothing is sent.

    Args:
        accounts: In any order. An id that comes more than once is a ``DATA_ERROR`` each
            time: nobody knows which of them is true.
        now: The instant, aware.
        policy: The rules, or a book of rules with overrides.
        hours: When dunning may be sent at all.
        text_findings: What the linter says of the texts, of each stage or of all.
        last_committed: The day of the last run that was committed; an earlier *now* is
            refused with ``RUN_BACKDATED``.

    Raises:
        InvalidValueError: *now* is naive.

    .. versionadded:: 0.1.0
    """
    desk = _desk(now, policy, hours, text_findings, last_committed)
    totals = PlanTotals()
    found = sorted(map(desk.decide, accounts), key=_ACCOUNT)
    decisions = tuple(each_once(found, desk))
    for decision in decisions:
        totals.add(decision)
    return DunningPlan(now, desk.as_of, decisions, totals)


def plan_stream(
    accounts: Iterable[Account],
    *,
    now: datetime,
    policy: DunningPolicy | PolicyBook = P0,
    hours: SendingHours | None = None,
    text_findings: Sequence[Finding] | Mapping[Stage, Sequence[Finding]] = (),
    last_committed: date | None = None,
) -> Iterator[Decision]:
    """The same decisions, one at a time in the order given, so that memory stays flat.

    No two accounts may have the same id: what streams by is not compared with what went before.

    .. versionadded:: 0.1.0
    """
    return map(_desk(now, policy, hours, text_findings, last_committed).decide, accounts)


def _desk(
    now: datetime,
    policy: DunningPolicy | PolicyBook,
    hours: SendingHours | None,
    text_findings: Sequence[Finding] | Mapping[Stage, Sequence[Finding]],
    last_committed: date | None,
) -> Desk:
    return Desk(
        now=now,
        policy=policy,
        hours=hours if hours is not None else SendingHours(),
        text_findings=text_findings,
        last_committed=last_committed,
    )


_ACCOUNT: Final = attrgetter("account")
_DOUBLE: Final = "户号重复 the account id comes more than once"


def each_once(decisions: Iterable[Decision], desk: Desk) -> Iterator[Decision]:
    """The decisions, sorted by account; those whose id comes more than once are refused."""
    for _, same in groupby(decisions, key=_ACCOUNT):
        first, *more = same
        if more:
            yield from (refuse_double(decision, desk) for decision in (first, *more))
        else:
            yield first


def refuse_double(decision: Decision, desk: Desk) -> Decision:
    """The decision on an account whose id comes more than once."""
    account = decision.source
    assert account is not None  # noqa: S101  # a desk decided it
    return desk.decide(attrs.evolve(account, problems=(*account.problems, _DOUBLE)))
