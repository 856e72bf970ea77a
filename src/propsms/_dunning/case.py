"""One account on the desk: every check in its order, every reason collected."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import attrs

from propsms._dunning.accounts import Channel, NoticeStatus, PayerRole
from propsms._dunning.bills import BillStatus, LateFeeState
from propsms._dunning.decision import ChannelStep, Decision, Task
from propsms._dunning.history import History, caps, cycle_start
from propsms._dunning.holds import Rests, rests_of
from propsms._dunning.limitation import limitation_of, soon_enough_to_ask
from propsms._dunning.reasons import Action, Reason, restrictive
from propsms._dunning.routing import debtors_of, failed_of, route
from propsms._dunning.stage import Stage
from propsms._dunning.standing import Standing, assess, standing_of, tally_of
from propsms._dunning.values import ZERO
from propsms.findings import rejects
from propsms.sending_hours import SHANGHAI

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from decimal import Decimal

    from propsms._dunning.accounts import Account, Payer
    from propsms._dunning.bills import Bill
    from propsms._dunning.deciding import Desk
    from propsms._dunning.policy import DunningPolicy

__all__ = ["NOTHING", "Case"]

_DAY = timedelta(days=1)
_NONE: Final = Stage.NONE
_ANY_CHANNEL: Final = (ChannelStep(Channel.SMS),)
# Untrue without a court's judgment, or without a clause, whatever the provider lets through:
# 征信业管理条例 13, 15; Civil Code art. 585, 496.
_NEVER: Final = frozenset({"dunning-credit-threat", "dunning-late-fee"})
_WITH_DEADLINE: Final = frozenset({Stage.OVERDUE, Stage.FINAL})


class Case:
    """One account on the desk; collects reasons, tasks and what they ask for."""

    __slots__ = (
        "account",
        "actions",
        "debtors",
        "desk",
        "earliest",
        "policy",
        "reasons",
        "steps",
        "tasks",
    )

    def __init__(self, desk: Desk, account: Account, policy: DunningPolicy) -> None:
        self.desk = desk
        self.account = account
        self.policy = policy
        self.reasons: list[Reason] = []
        self.actions: list[Action] = []
        self.tasks: list[Task] = []
        self.earliest: date | None = None
        self.debtors: tuple[Payer, ...] = ()
        self.steps: tuple[ChannelStep, ...] = _ANY_CHANNEL

    def say(self, reason: Reason, task: Task | None = None, action: Action | None = None) -> None:
        """Add a reason once, what it asks for, and what people should do."""
        if reason not in self.reasons:
            self.reasons.append(reason)
        wanted = action or reason.action
        if wanted is not None:
            self.actions.append(wanted)
        if task is not None and task not in self.tasks:
            self.tasks.append(task)

    def not_before(self, day: date) -> None:
        """Wait at least until that day."""
        if self.earliest is None or day > self.earliest:
            self.earliest = day

    # -- the way through -----------------------------------------------------------------

    def decide(self) -> Decision:
        account, as_of = self.account, self.desk.as_of
        if account.problems:
            self.say(Reason.DATA_ERROR, Task.FIX_DATA)
            return self.answer(NOTHING, _NONE)
        self.check_run_and_ledger()
        rests = rests_of(account, as_of, self.policy) if _may_rest(account) else _NO_RESTS
        bills = self.billable(rests) if rests.bills or _picky(account) else account.bills
        if self.policy.net_credits:
            bills = self.credited(bills)
        standing = self.stand(bills)
        if any(bill.late_fees for bill in bills):
            self.tell_late_fees(standing, bills)
        if standing.stage is _NONE:
            self.explain_none(standing, bills)
            self.check_limitation(bills, standing, resting=rests is not _NO_RESTS)
            return self.answer(standing, _NONE)
        self.warn_of_credit(standing)
        self.check_holds(rests)
        mine = self.check_debtor(bills) if account.payers is not None else bills
        if mine is not bills:
            bills, standing = mine, self.stand(mine)
            if standing.stage is _NONE:  # pragma: no cover  # the oldest bill is always kept
                return self.answer(standing, _NONE)
        self.check_limitation(bills, standing, resting=rests is not _NO_RESTS)
        history, start = self.history(bills, standing)
        stage = self.escalate(standing, history)
        self.check_approval(stage, standing)
        self.check_caps()
        self.find_channels(stage, history)
        self.check_text(stage)
        return self.answer(standing, stage, bills, history, start)

    # -- the checks, in their order ----------------------------------------------------------

    def check_run_and_ledger(self) -> None:
        desk, ledger_at = self.desk, self.account.ledger_at
        if desk.last_committed is not None and desk.as_of < desk.last_committed:
            self.say(Reason.RUN_BACKDATED)
        if ledger_at is not None:
            age = desk.now - ledger_at
            if age > timedelta(hours=self.policy.ledger_max_age_hours):
                self.say(Reason.STALE_LEDGER, Task.IMPORT_LEDGER)

    def billable(self, rests: Rests) -> tuple[Bill, ...]:
        """Leave out the bills that rest or lie after the contract; say so if none is left."""
        account, end = self.account, self.account.contract_end
        kept: list[Bill] = []
        why: list[Reason] = []
        for bill in account.bills:
            if bill.status is not BillStatus.OPEN:
                continue
            if (reason := rests.bills.get(bill.id)) is not None:
                why.append(reason)
            elif end is not None and not bill.after_contract and (bill.starts or bill.due) > end:
                why.append(Reason.AFTER_CONTRACT_END)
            else:
                kept.append(bill)
        left = assess(kept, as_of=self.desk.as_of, policy=self.policy)
        if left.stage is not _NONE or not why:
            return tuple(kept)
        if assess(account.bills, as_of=self.desk.as_of, policy=self.policy).stage is not _NONE:
            for reason in why:
                self.say(reason)
        return account.bills

    def credited(self, bills: tuple[Bill, ...]) -> tuple[Bill, ...]:
        """Take the credit off, the oldest due first."""
        as_of = self.desk.as_of
        left = self.account.credit + assess(bills, as_of=as_of).credit
        if not left:
            return bills
        reduced: list[Bill] = []
        for bill in sorted(bills, key=lambda one: one.due):
            still = bill.open_on(as_of) if bill.status is BillStatus.OPEN else ZERO
            part = min(left, max(still - bill.disputed_on(as_of), ZERO))
            left -= part
            reduced.append(attrs.evolve(bill, paid=bill.paid + part) if part else bill)
        before = assess(bills, as_of=as_of, policy=self.policy)
        after = assess(reduced, as_of=as_of, policy=self.policy)
        if before.stage is not _NONE and after.overdue_amount + after.upcoming_amount == 0:
            self.say(Reason.COVERED_BY_CREDIT, Task.ALLOCATE_CREDIT)
        elif before.stage is not _NONE:
            self.say_task(Task.ALLOCATE_CREDIT)
        return tuple(reduced)

    def say_task(self, task: Task) -> None:
        if task not in self.tasks:
            self.tasks.append(task)

    def stand(self, bills: Sequence[Bill]) -> Standing:
        """Where it stands; a debt that is wholly disputed is told and held."""
        if len(bills) == 1 and bills[0].plain:
            return assess(bills, as_of=self.desk.as_of, policy=self.policy)
        tally, contested = tally_of(bills, self.desk.as_of, self.policy)
        if contested is not None and contested.counts and not tally.counts:
            self.say(Reason.HOLD_DISPUTE, Task.FOLLOW_UP)
        return standing_of(tally, contested, self.policy)

    def tell_late_fees(self, standing: Standing, bills: Sequence[Bill]) -> None:
        """Name what is claimed and what was waived; neither is part of what a notice asks for."""
        if standing.late_fee_amount:
            self.say(Reason.LATE_FEE_OPEN)
        waived = LateFeeState.WAIVED
        if any(item.state is waived for bill in bills for item in bill.late_fees):
            self.say(Reason.LATE_FEE_WAIVED)

    def explain_none(self, standing: Standing, bills: Sequence[Bill]) -> None:
        if Reason.COVERED_BY_CREDIT in self.reasons:
            return
        if standing.days_past_due:
            if standing.overdue_amount < self.policy.min_amount:
                self.say(Reason.BELOW_MINIMUM)
            if standing.days_past_due <= self.policy.grace_days:
                self.say(Reason.IN_GRACE)
        elif standing.upcoming_amount:
            self.say(Reason.BELOW_MINIMUM)
        elif standing.late_fee_amount:
            self.say(Reason.LATE_FEE_OPEN, Task.FOLLOW_UP, Action.REVIEW)
        else:
            self.say(Reason.PAID if self.was_due(bills) else Reason.NOT_DUE)
        if standing.credit:
            self.say_task(Task.ALLOCATE_CREDIT)

    def was_due(self, bills: Sequence[Bill]) -> bool:
        """True if something that is paid now would be due otherwise."""
        horizon = self.desk.as_of + timedelta(days=self.policy.upcoming_days)
        return any(
            bill.amount > 0 and bill.status is BillStatus.OPEN and bill.due <= horizon
            for bill in bills
        )

    def warn_of_credit(self, standing: Standing) -> None:
        if self.account.credit or standing.credit:
            self.say_task(Task.ALLOCATE_CREDIT)

    def check_holds(self, rests: Rests) -> None:
        for reason in rests.account:
            self.say(reason, Task.FOLLOW_UP if reason is Reason.ESTATE else None)
        if rests.asked:
            self.say_task(Task.FOLLOW_UP)
        if rests.too_many:
            self.say(Reason.HOLD_PROMISE, Task.FOLLOW_UP, Action.REVIEW)
        if rests.broken:
            self.say(Reason.PROMISE_BROKEN, Task.FOLLOW_UP)
        if rests.until is not None:
            self.not_before(rests.until + _DAY)
        if rests.rested is not None and rests.rested > self.desk.as_of:
            self.say(Reason.SPACING)
            self.not_before(rests.rested)

    def check_debtor(self, bills: tuple[Bill, ...]) -> tuple[Bill, ...]:
        """Keep the bills of whoever owes the oldest one; say if nobody does."""
        oldest = bills[0] if len(bills) == 1 else self.oldest(bills)
        self.debtors = debtors = debtors_of(oldest, self.account)
        if not debtors:
            known = bool(self.account.payers) and self.account.handed_over
            self.say(Reason.NOT_A_DEBTOR if known else Reason.NO_DEBTOR, Task.FIX_CONTACT)
            self.steps = ()
            return bills
        if any(payer.role is PayerRole.ESTATE for payer in debtors):
            self.say(Reason.ESTATE, Task.FOLLOW_UP)
        if len(bills) == 1:
            return bills
        mine = tuple(bill for bill in bills if debtors_of(bill, self.account) == debtors)
        if len(mine) < len(bills):
            self.say_task(Task.SPLIT_DEBTORS)
            return mine
        return bills

    def oldest(self, bills: Sequence[Bill]) -> Bill:
        """The open bill that fell due first."""
        as_of = self.desk.as_of
        still = (b for b in bills if b.status is BillStatus.OPEN and b.open_on(as_of) > 0)
        return min(still, key=lambda bill: (bill.due, bill.id))

    def check_limitation(
        self, bills: Sequence[Bill], standing: Standing, *, resting: bool
    ) -> None:
        """Tell of a claim that nobody can sue for, and of one that runs out soon.

        The time runs on while a bill is contested or held, so those are looked at too; and it
        runs on for what is too little to write about, of which people are told before the end,
        not after it.
        """
        warn = self.policy.limitation_days
        if not resting and not soon_enough_to_ask(standing.days_past_due, warn):
            return
        written_about = standing.stage is not _NONE
        if written_about and any(left < 0 for left in self.days_left(bills)):
            self.say(Reason.LIMITATION_PASSED, Task.FOLLOW_UP)
        running = self.days_left(self.account.bills if resting else bills)
        if any(0 <= left <= warn for left in running):
            self.say(Reason.LIMITATION_NEAR, Task.LIMITATION)

    def days_left(self, bills: Iterable[Bill]) -> Iterator[int]:
        """The days in which each open bill can still be sued for; negative once they are over."""
        as_of = self.desk.as_of
        for bill in bills:
            if bill.status is BillStatus.OPEN and bill.open_on(as_of) > 0:
                yield limitation_of(self.account, bill, as_of).days_left

    def history(
        self, bills: Sequence[Bill], standing: Standing
    ) -> tuple[History | None, date | None]:
        """The notices of the running cycle; None if nothing was ever sent."""
        as_of = self.desk.as_of
        if standing.stage is Stage.UPCOMING:
            ahead = (b.due for b in bills if b.due >= as_of and b.status is BillStatus.OPEN)
            start = min(ahead) - timedelta(days=self.policy.upcoming_days)
        else:
            start = cycle_start(self.account.bills, as_of) or as_of
            if (settled := self.account.settled_on) is not None:
                start = max(start, settled + _DAY)
        return (History.of(self.account, start) if self.account.notices else None), start

    def escalate(self, standing: Standing, history: History | None) -> Stage:
        """The mildest stage not done yet, and the days it must wait for."""
        stage, policy = standing.stage, self.policy
        if history is None:
            if stage <= Stage.REMINDER or policy.escalation == "direct":
                return stage
            self.say(Reason.PRIOR_NOTICE_MISSING)
            return Stage.REMINDER
        chosen = history.next_stage(stage, policy)
        if chosen < stage:
            self.say(Reason.PRIOR_NOTICE_MISSING)
        for reason, day in history.spacing(chosen, policy):
            if day > self.desk.as_of:
                self.say(reason)
                self.not_before(day)
        self.check_repeats(chosen, standing, history)
        self.check_pending(chosen, history)
        self.check_queue(chosen, history)
        return chosen

    def check_repeats(self, stage: Stage, standing: Standing, history: History) -> None:
        """After so many of a stage wait for the next one, if there is one."""
        if len(history.sent(stage)) < self.policy.max_per_stage:
            return
        if stage is Stage.FINAL or stage is Stage.UPCOMING:
            self.say(Reason.COOL_DOWN, Task.FOLLOW_UP, Action.BLOCK)
            return
        self.say(Reason.COOL_DOWN)
        firmer = Stage.OVERDUE if stage is Stage.REMINDER else Stage.FINAL
        first = self.policy.first_day(firmer, standing.overdue_amount)
        self.not_before(self.desk.as_of + timedelta(days=max(first - standing.days_past_due, 1)))

    def check_pending(self, stage: Stage, history: History) -> None:
        notice = history.pending(stage)
        if notice is None:
            return
        limit = timedelta(hours=self.policy.unknown_after_hours)
        since = notice.submitted_at or notice.planned_at
        late = since is None or self.desk.now - since > limit
        if late or notice.status is NoticeStatus.UNKNOWN:
            self.say(Reason.UNKNOWN_DELIVERY_PENDING, Task.CHECK_DELIVERY, Action.REVIEW)
        elif since is not None:
            self.say(Reason.UNKNOWN_DELIVERY_PENDING)
            self.not_before((since + limit).astimezone(SHANGHAI).date())

    def check_queue(self, stage: Stage, history: History) -> None:
        same = (
            notice.status is NoticeStatus.QUEUED and notice.stage is stage
            for notice in history.notices
            if notice.id != self.desk.sending
        )
        if any(same):
            self.say(Reason.DUPLICATE)

    def check_approval(self, stage: Stage, standing: Standing) -> None:
        policy, amount = self.policy, _asked(stage, standing)
        wants = stage in policy.approval_stages
        if policy.review_over is not None and amount > policy.review_over:
            wants = True
        if wants and not self.approved(stage, amount):
            self.say(Reason.NEEDS_APPROVAL, Task.APPROVE)
        if stage is Stage.FINAL:
            self.check_contract()
        if not self.desk.knows_year:
            final = Action.REVIEW if stage is Stage.FINAL else None
            self.say(Reason.CALENDAR_MISSING, action=final)

    def approved(self, stage: Stage, amount: Decimal) -> bool:
        """True if somebody let exactly this go."""
        return any(
            given.stage is stage and given.amount == amount and given.at <= self.desk.now
            for given in self.account.approvals
        )

    def check_contract(self) -> None:
        named = self.account.contract_ref or all(
            bill.contract_ref for bill in self.account.bills if bill.status is BillStatus.OPEN
        )
        if not named:
            must = Action.REVIEW if self.policy.contract_required else None
            self.say(Reason.CONTRACT_MISSING, action=must)

    def check_caps(self) -> None:
        if self.account.notices or self.account.contacts:
            for reason, day in caps(self.account, self.desk.as_of, self.policy):
                self.say(reason)
                self.not_before(day)

    def find_channels(self, stage: Stage, history: History | None) -> None:
        if self.account.payers is None or not self.steps:
            return
        mine = [n for n in history.notices if n.stage is stage] if history is not None else []
        self.steps, why = route(self.debtors, self.policy, failed_of(mine))
        for reason in why:
            self.say(reason, Task.LETTER if not self.steps else None)
        if not self.steps and why[0] is not Reason.OPTED_OUT:
            self.say_task(Task.FIX_CONTACT)

    def check_text(self, stage: Stage) -> None:
        findings = self.desk.findings_for(stage)
        if findings and (rejects(findings) or any(f.code in _NEVER for f in findings)):
            codes = {finding.code for finding in findings}
            unapproved = "template-not-approved" in codes
            self.say(Reason.TEMPLATE_NOT_APPROVED if unapproved else Reason.TEMPLATE_LINT)
            self.say_task(Task.LETTER)

    # -- the answer -----------------------------------------------------------------------

    def answer(
        self,
        standing: Standing,
        stage: Stage,
        bills: Sequence[Bill] = (),
        history: History | None = None,
        start: date | None = None,
    ) -> Decision:
        slot: datetime | None = None
        if stage is not _NONE and self.steps:
            channel = self.steps[0].channel
            slot, closed = self.desk.slot(self.policy, self.earliest, channel)
            for reason in closed:
                self.say(reason)
        action = restrictive(self.actions) if stage is not _NONE or self.actions else Action.NONE
        if action is Action.SEND:
            self.reasons.append(Reason.OK_SEND)
        if action is Action.BLOCK or (action is Action.HOLD and self.earliest is None):
            slot = None
        return self._decision(action, standing, stage, slot, bills, history, start)

    def _decision(  # noqa: PLR0917  # the parts of one answer, said once
        self,
        action: Action,
        standing: Standing,
        stage: Stage,
        slot: datetime | None,
        bills: Sequence[Bill],
        history: History | None,
        start: date | None,
    ) -> Decision:
        desk, policy, amount = self.desk, self.policy, _asked(stage, standing)
        deadline = None
        if slot is not None and stage in _WITH_DEADLINE:
            day = slot.astimezone(SHANGHAI).date()
            deadline = day + timedelta(days=policy.response_days)
        return Decision(
            account=self.account.id,
            now=desk.now,
            as_of=desk.as_of,
            action=action,
            standing=standing,
            next_stage=stage,
            not_before=slot,
            channels=self.steps if stage is not _NONE else (),
            reasons=tuple(self.reasons),
            amount=amount,
            bills=_named(bills, stage, desk.as_of, policy) if stage is not _NONE else (),
            deadline=deadline,
            tasks=tuple(self.tasks),
            cancels=self.cancelled(action, stage, amount) if self.account.notices else (),
            cycle=start,
            number=len(history.sent(stage)) + 1 if history is not None else 1,
            policy_version=policy.version,
            policy_hash=policy.hash,
            problems=self.account.problems,
            source=self.account,
        )

    def cancelled(self, action: Action, stage: Stage, amount: Decimal) -> tuple[str, ...]:
        """The queued notices that would tell something that is not true any more."""
        stopped = action in (Action.NONE, Action.HOLD)
        if action is Action.BLOCK and self.reasons != [Reason.DUPLICATE]:
            stopped = True
        return tuple(
            notice.id
            for notice in self.account.notices
            if notice.queued
            and (stopped or notice.stage is not stage or notice.amount not in (0, amount))
        )


NOTHING: Final = assess((), as_of=date(2026, 1, 1))
_NO_RESTS: Final = Rests()


def _may_rest(account: Account) -> bool:
    return bool(account.holds) or any(bill.dispute is not None for bill in account.bills)


def _picky(account: Account) -> bool:
    return account.contract_end is not None


def _asked(stage: Stage, standing: Standing) -> Decimal:
    if stage is Stage.UPCOMING:
        return standing.upcoming_amount
    return standing.overdue_amount if stage is not _NONE else ZERO


def _named(
    bills: Iterable[Bill], stage: Stage, as_of: date, policy: DunningPolicy
) -> tuple[str, ...]:
    """The bills that the notice is about: past due, or about to fall due; disputed ones not."""
    last = as_of - _DAY
    if stage is Stage.UPCOMING:
        last = as_of + timedelta(days=policy.upcoming_days)
    return tuple(
        bill.id
        for bill in bills
        if bill.due <= last
        and (
            bill.plain
            or (bill.status is BillStatus.OPEN and bill.open_on(as_of) > bill.disputed_on(as_of))
        )
    )
