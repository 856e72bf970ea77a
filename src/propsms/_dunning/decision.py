"""What a decision is: every reason it has, and enough to carry it out or explain it."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import attrs

from propsms.phone import PhoneNumber

if TYPE_CHECKING:
    from propsms._dunning.accounts import Account, Channel, Contact
    from propsms._dunning.reasons import Action, Reason
    from propsms._dunning.stage import Stage
    from propsms._dunning.standing import Buckets, Standing

__all__ = ["ChannelStep", "Decision", "Task"]


class Task(StrEnum):
    """What a person should do; the engine does none of it."""

    ALLOCATE_CREDIT = "allocate_credit"
    APPROVE = "approve"
    CHECK_DELIVERY = "check_delivery"
    FIX_CONTACT = "fix_contact"
    FIX_DATA = "fix_data"
    FOLLOW_UP = "follow_up"
    IMPORT_LEDGER = "import_ledger"
    LETTER = "letter"
    LIMITATION = "limitation"
    SPLIT_DEBTORS = "split_debtors"


@attrs.frozen
class ChannelStep:
    """One step of the way to the debtor; the next is taken only when it failed.

    Attributes:
        channel: The channel; a letter and a visit are for people.
        contacts: Whom to reach in this step: several co-owners are one contact with the
            household. Empty if the host knows the address.
        unread_after: When to go on to the next step although nothing failed, or None.
    """

    channel: Channel
    contacts: tuple[Contact, ...] = ()
    unread_after: timedelta | None = None


@attrs.frozen(kw_only=True, slots=False)  # a plan makes one an account
class Decision:
    """What may happen to one account now, and why.

    Attributes:
        account: Its id.
        now: When it was decided.
        as_of: The Shanghai day of that.
        action: See `Action`.
        standing: Stage, days, amount and buckets by the age of the debt.
        next_stage: The notice that may go next: the mildest that was not delivered yet.
        not_before: The earliest instant at which it may go; *now* if it may go at once, None
            if no day is known.
        channels: The way to the debtor, step by step.
        reasons: All reasons, the checks in their order.
        amount: What the notice asks for, in yuan, credit taken off if the policy says so.
        bills: The ids of the bills that it names.
        deadline: The day by which it asks to pay, or None for a stage that names none.
        tasks: What people should do.
        cancels: Ids of queued notices that are no longer true.
        cycle: The day on which the account became overdue, or its due date while it has not.
        number: How often this stage will have gone out in the cycle, this time included.
        policy_version: The company's name for its rules.
        policy_hash: The hash of the rules.
        problems: What is wrong with the data.
    """

    account: str
    now: datetime
    as_of: date
    action: Action
    standing: Standing
    next_stage: Stage
    not_before: datetime | None = None
    channels: tuple[ChannelStep, ...] = ()
    reasons: tuple[Reason, ...] = ()
    amount: Decimal = Decimal(0)
    bills: tuple[str, ...] = ()
    deadline: date | None = None
    tasks: tuple[Task, ...] = ()
    cancels: tuple[str, ...] = ()
    cycle: date | None = None
    number: int = 1
    policy_version: str = ""
    policy_hash: str = ""
    problems: tuple[str, ...] = ()
    source: Account | None = attrs.field(default=None, repr=False, eq=False)

    @property
    def stage(self) -> Stage:
        """The stage that the age of the debt gives."""
        return self.standing.stage

    @property
    def days_past_due(self) -> int:
        """Calendar days since the oldest bill that counts fell due."""
        return self.standing.days_past_due

    @property
    def overdue_amount(self) -> Decimal:
        """What is past due, in yuan."""
        return self.standing.overdue_amount

    @property
    def buckets(self) -> Buckets:
        """What is open, by age."""
        return self.standing.buckets

    @property
    def key(self) -> str:
        """The idempotency key: the same notice of the same cycle has it once."""
        cycle = self.cycle.isoformat() if self.cycle else ""
        return f"{self.account}|{cycle}|{self.next_stage}|{self.number}|{self.policy_version}"

    @property
    def inputs_hash(self) -> str:
        """SHA-256 over the account, the day and the policy that led here."""
        inputs = {
            "account": attrs.asdict(self.source) if self.source is not None else self.account,
            "as_of": self.as_of,
            "policy": self.policy_hash,
        }
        text = json.dumps(inputs, sort_keys=True, default=_plain, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def explain(self, language: str = "zh") -> list[str]:
        """Each reason as a sentence, with what to do next."""
        if language == "zh":
            return [f"{reason}：{reason.zh}{reason.next_zh}" for reason in self.reasons]
        return [f"{reason}: {reason.en} {reason.next_en}" for reason in self.reasons]


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(str(one) for one in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, PhoneNumber):
        return value.e164
    return str(value)
