"""A plan: the decisions of many accounts at one instant, and what they add up to."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

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

__all__ = ["DunningPlan", "PlanTotals", "plan", "plan_stream"]


@attrs.define(slots=False)
class PlanTotals:
    """What a plan adds up to; every account is counted once.

    Attributes:
        accounts: How many there are.
        actions: Accounts by action.
        stages: Accounts by the stage that their age gives.
        notices: Accounts to send to now, by the notice they get.
        reasons: Accounts by reason; one account may have several.
        overdue: What is past due altogether, in yuan.
        asked: What the notices of now ask for altogether, in yuan.
        buckets: What is open, by age, in yuan.
    """

    accounts: int = 0
    actions: Counter[Action] = attrs.field(factory=Counter[Action])
    stages: Counter[Stage] = attrs.field(factory=Counter[Stage])
    notices: Counter[Stage] = attrs.field(factory=Counter[Stage])
    reasons: Counter[Reason] = attrs.field(factory=Counter[Reason])
    overdue: Decimal = ZERO
    asked: Decimal = ZERO
    buckets: dict[str, Decimal] = attrs.field(factory=dict[str, Decimal])

    def add(self, decision: Decision) -> None:
        """Count one decision."""
        self.accounts += 1
        self.actions[decision.action] += 1
        self.stages[decision.stage] += 1
        for reason in decision.reasons:
            self.reasons[reason] += 1
        self.overdue += decision.overdue_amount
        for name, amount in decision.buckets.items():
            self.buckets[name] = self.buckets.get(name, ZERO) + amount
        if decision.action is Action.SEND:
            self.notices[decision.next_stage] += 1
            self.asked += decision.amount


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
    decisions: tuple[Decision, ...] = attrs.field(repr=False)
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
        accounts: In any order; an id that comes twice is refused for the second.
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
    totals = PlanTotals()
    found: list[Decision] = []
    for decision in plan_stream(
        accounts,
        now=now,
        policy=policy,
        hours=hours,
        text_findings=text_findings,
        last_committed=last_committed,
    ):
        totals.add(decision)
        found.append(decision)
    found.sort(key=lambda decision: decision.account)
    desk = Desk(now=now)
    return DunningPlan(now, desk.as_of, tuple(found), totals)


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

    .. versionadded:: 0.1.0
    """
    desk = Desk(
        now=now,
        policy=policy,
        hours=hours if hours is not None else SendingHours(),
        text_findings=text_findings,
        last_committed=last_committed,
    )
    return map(desk.decide, accounts)
