"""An account as the engine sees it: who owes, how to reach them, what holds, what was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import attrs

from propsms._checks import Word, non_empty, require_aware
from propsms._dunning.stage import Stage
from propsms._dunning.values import ZERO, by_type, not_negative
from propsms.errors import InvalidValueError
from propsms.phone import PhoneNumber, mask_numbers
from propsms.sending_hours import SHANGHAI

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime
    from decimal import Decimal

    from propsms._dunning.bills import Bill

__all__ = [
    "Account",
    "Approval",
    "Channel",
    "Contact",
    "Hold",
    "HoldKind",
    "Instalment",
    "Notice",
    "NoticeEvent",
    "NoticeStatus",
    "Payer",
    "PayerRole",
    "masked_address",
]


class Channel(Word):
    """The ways to a debtor; a letter and a visit are tasks for people."""

    WECHAT = "wechat"
    SMS = "sms"
    VOICE = "voice"
    LETTER = "letter"
    VISIT = "visit"


class PayerRole(Word):
    """What somebody on record is; ``other`` (tenant, relative) owes nothing.

    Source: Property Management Regulations (2018) art. 41: the owner, or the user who agreed
    to pay; the developer for what is unsold or not handed over.
    """

    OWNER = "owner"
    CO_OWNER = "co_owner"
    RECORDED_USER = "recorded_user"
    DEVELOPER = "developer"
    ESTATE = "estate"
    OTHER = "other"


class HoldKind(Word):
    """Why an account or some of its bills rest; one that nobody can read rests too."""

    DISPUTE = "dispute"
    PROMISE = "promise"
    INSTALMENT = "instalment"
    PAUSE = "pause"
    DO_NOT_DUN = "do_not_dun"
    ESTATE = "estate"
    LEGAL = "legal"
    HARDSHIP = "hardship"
    UNREADABLE = "unreadable"


class NoticeStatus(Word):
    """How far a notice has come; only ``delivered`` and ``waived`` complete a stage."""

    PLANNED = "planned"
    AWAITING_APPROVAL = "awaiting_approval"
    QUEUED = "queued"
    SUBMITTED = "submitted"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"
    WAIVED = "waived"


def _aware(_: Any, field: attrs.Attribute[Any], value: datetime | None) -> None:
    if value is not None:
        require_aware(value, field.name)


def _hold_kind(given: str) -> HoldKind:
    try:
        return HoldKind(given)
    except ValueError:
        return HoldKind.UNREADABLE


def _tuple(given: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(given)


def _channels(given: Iterable[str]) -> frozenset[Channel]:
    return frozenset(Channel(one) for one in given)


def masked_address(address: PhoneNumber | str) -> str:
    """How an address shows itself: a number masked, anything else not at all."""
    return repr(address) if isinstance(address, PhoneNumber) else "'***'"


@attrs.frozen
class Contact:
    """One address of a payer.

    Attributes:
        channel: What it is for; a phone number may stand twice, for SMS and for voice.
        address: A phone number, or the openid, the postal address.
        reserved_at: The day the owner gave it, which a court asks for.
        reserved_how: How: the contract's clause, the app, a form.
        verified: True if it was proved to be theirs.
        subscribed: For WeChat, whether a message may be sent.
        bad: True if a receipt said that it does not exist; it is not tried again.
    """

    channel: Channel = attrs.field(converter=Channel)
    address: PhoneNumber | str = attrs.field(repr=masked_address)
    reserved_at: date | None = None
    reserved_how: str = ""
    verified: bool = False
    subscribed: bool = True
    bad: bool = False


@attrs.frozen
class Payer:
    """Somebody on record for the unit.

    Attributes:
        id: The host's key.
        role: Whether they owe.
        contacts: Their addresses, the preferred first within a channel.
        elderly: True if they are better reached by voice or on paper.
        prefers: The channel they asked for, or None.
        opt_outs: Channels they refused.
        language: ``zh`` or ``en``.
        since: First day as owner, or None for always.
        until: Last day as owner, or None for still.
        name: For letters; not shown in the repr.
    """

    id: str = attrs.field(validator=non_empty)
    role: PayerRole = attrs.field(default=PayerRole.OWNER, converter=PayerRole)
    contacts: tuple[Contact, ...] = attrs.field(default=(), converter=_tuple)
    elderly: bool = False
    prefers: Channel | None = attrs.field(
        default=None, converter=attrs.converters.optional(Channel)
    )
    opt_outs: frozenset[Channel] = attrs.field(default=frozenset[Channel](), converter=_channels)
    language: str = "zh"
    since: date | None = None
    until: date | None = None
    name: str = attrs.field(default="", repr=False)


@attrs.frozen(field_transformer=by_type)
class Instalment:
    """One part of an instalment plan: so much by the end of a day."""

    day: date
    amount: Decimal = attrs.field(validator=not_negative)


@attrs.frozen(kw_only=True, field_transformer=by_type)
class Hold:
    """Why an account, or some of its bills, rests for a while.

    Attributes:
        kind: A kind that is not known holds as well.
        since: The first day.
        until: The last day, or None for until it is lifted. A promise's last day is the
            day by which the money should be here.
        bills: The ids of the bills, or None for the whole account.
        amount: What was promised, in yuan, or None for all that is open.
        instalments: For an instalment plan, its parts.
        reason: For the person who reads it.
        by: Who wrote it down.
    """

    kind: HoldKind = attrs.field(converter=_hold_kind)
    since: date
    until: date | None = None
    bills: frozenset[str] | None = attrs.field(
        default=None, converter=attrs.converters.optional(frozenset)
    )
    amount: Decimal | None = None
    instalments: tuple[Instalment, ...] = attrs.field(default=(), converter=_tuple)
    reason: str = ""
    by: str = ""

    def running(self, as_of: date) -> bool:
        """True from its first to its last day, both included."""
        return self.since <= as_of and (self.until is None or as_of <= self.until)

    def covers(self, bill_id: str) -> bool:
        """True if it is about that bill."""
        return self.bills is None or bill_id in self.bills


@attrs.frozen
class NoticeEvent:
    """One thing that happened to a notice; events are only ever added."""

    status: NoticeStatus = attrs.field(converter=NoticeStatus)
    at: datetime = attrs.field(validator=_aware)
    by: str = ""
    detail: str = attrs.field(default="", converter=mask_numbers)


@attrs.frozen(kw_only=True, field_transformer=by_type)
class Notice:
    """A notice of one stage and what became of it.

    Attributes:
        id: The host's key, or the idempotency key of the run.
        stage: Which of the four texts it carried.
        channel: The way it took.
        status: See `NoticeStatus`; a delivery that is reported late wins over a person's
            "failed".
        planned_at: When it was decided.
        submitted_at: When it was handed over, or None.
        delivered_at: When it arrived, or None.
        address: Where it went; not shown whole.
        bills: Which bills it named.
        amount: What it asked for, in yuan.
        deadline: The day it named, or None.
        approver: Who approved it, or empty.
        text_sha256: The hash of the text as sent, or empty.
        reason: Why it failed, in words of ours such as ``NOT_SUBSCRIBED``, or empty.
        fee_type: What it was about, where the host sends one per kind of fee.
        events: Everything that happened to it, in order.
    """

    id: str = attrs.field(validator=non_empty)
    stage: Stage = attrs.field(converter=Stage)
    channel: Channel = attrs.field(default=Channel.SMS, converter=Channel)
    status: NoticeStatus = attrs.field(converter=NoticeStatus)
    planned_at: datetime | None = attrs.field(default=None, validator=_aware)
    submitted_at: datetime | None = attrs.field(default=None, validator=_aware)
    delivered_at: datetime | None = attrs.field(default=None, validator=_aware)
    address: PhoneNumber | str = attrs.field(default="", repr=masked_address)
    bills: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    amount: Decimal = ZERO
    deadline: date | None = None
    approver: str = ""
    text_sha256: str = ""
    reason: str = ""
    fee_type: str = ""
    events: tuple[NoticeEvent, ...] = attrs.field(default=(), converter=_tuple)

    def __attrs_post_init__(self) -> None:
        """Require the instant that the guard counts from."""
        if self.status is NoticeStatus.DELIVERED and self.sent_at is None:
            raise InvalidValueError(
                f"notice {self.id} is delivered but has no delivered_at; give the receipt's time",
                f"通知 {self.id} 已送达但缺少 delivered_at，请填回执时间",
                field="delivered_at",
            )

    @property
    def sent_at(self) -> datetime | None:
        """The best known instant of it: delivered, else submitted, else planned."""
        return self.delivered_at or self.submitted_at or self.planned_at

    @property
    def day(self) -> date | None:
        """The Shanghai day of `sent_at`."""
        at = self.sent_at
        return at.astimezone(SHANGHAI).date() if at is not None else None

    @property
    def completes(self) -> bool:
        """True if its stage counts as done: delivered, or waived by a person."""
        return self.status in _COMPLETE

    @property
    def contacted(self) -> bool:
        """True if the household has had it, or may have had it."""
        return self.status in _CONTACTED

    @property
    def queued(self) -> bool:
        """True if it has not left yet and still may."""
        return self.status in _QUEUED

    def record(self, event: NoticeEvent) -> Self:
        """Add an event; a delivery is never taken back by what comes after it."""
        settled = self.status is NoticeStatus.DELIVERED
        status = self.status if settled else event.status
        changes: dict[str, Any] = {"events": (*self.events, event), "status": status}
        if event.status is NoticeStatus.DELIVERED and not settled:
            changes["delivered_at"] = event.at
        if event.status is NoticeStatus.SUBMITTED and self.submitted_at is None:
            changes["submitted_at"] = event.at
        return attrs.evolve(self, **changes)


_COMPLETE = frozenset({NoticeStatus.DELIVERED, NoticeStatus.WAIVED})
_CONTACTED = frozenset({NoticeStatus.DELIVERED, NoticeStatus.SUBMITTED, NoticeStatus.UNKNOWN})
_QUEUED = frozenset({NoticeStatus.PLANNED, NoticeStatus.AWAITING_APPROVAL, NoticeStatus.QUEUED})


@attrs.frozen(kw_only=True, field_transformer=by_type)
class Approval:
    """Somebody answerable let a notice of a stage go, for exactly this amount.

    Attributes:
        stage: The stage it lets go.
        amount: The open amount that was approved, in yuan; another amount voids it.
        by: Who.
        at: When.
    """

    stage: Stage = attrs.field(converter=Stage)
    amount: Decimal
    by: str = attrs.field(validator=non_empty)
    at: datetime = attrs.field(validator=_aware)


@attrs.frozen(kw_only=True, field_transformer=by_type)
class Account:
    """All that the engine must know of one unit.

    Attributes:
        id: The host's key.
        bills: All its bills, in any order.
        unit: How the owner knows it: 3栋2单元501.
        payers: Who is on record, the primary debtor first; empty if nobody is. None leaves
            the recipient to the host, and nothing is said about channels.
        holds: What rests, past holds included.
        notices: What was sent or queued before, by any channel.
        approvals: What was signed off.
        contacts: Instants of other contacts with the household that the caps count, such as
            a marketing call; urgent notices are not among them.
        credit: Money that is here but not allocated to a bill, in yuan.
        ledger_at: When the figures were read; None is now.
        community: For overrides of the policy.
        segment: For overrides of the policy.
        contract_ref: The contract the bills rest on, where they do not say.
        contract_end: The last day of the service contract, or None.
        handed_over: False until the developer handed the unit over; he owes until then.
        settled_on: The last day on which a payment left nothing past due, or None if the bills
            tell all: the next cycle begins after it, and no earlier notice counts for it.
        problems: What is wrong with its rows; such an account is reported, never dunned.
    """

    id: str = attrs.field(validator=non_empty)
    bills: tuple[Bill, ...] = attrs.field(default=(), converter=_tuple)
    unit: str = ""
    payers: tuple[Payer, ...] | None = attrs.field(
        default=None, converter=attrs.converters.optional(_tuple)
    )
    holds: tuple[Hold, ...] = attrs.field(default=(), converter=_tuple)
    notices: tuple[Notice, ...] = attrs.field(default=(), converter=_tuple)
    approvals: tuple[Approval, ...] = attrs.field(default=(), converter=_tuple)
    contacts: tuple[datetime, ...] = attrs.field(default=(), converter=_tuple)
    credit: Decimal = attrs.field(default=ZERO, validator=not_negative)
    ledger_at: datetime | None = attrs.field(default=None, validator=_aware)
    community: str = ""
    segment: str = ""
    contract_ref: str = ""
    contract_end: date | None = None
    handed_over: bool = True
    settled_on: date | None = None
    problems: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
