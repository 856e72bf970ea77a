"""Who owes, and by which channels they may be reached."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from propsms._dunning.accounts import Channel, NoticeStatus, PayerRole
from propsms._dunning.decision import ChannelStep
from propsms._dunning.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from propsms._dunning.accounts import Account, Contact, Notice, Payer
    from propsms._dunning.bills import Bill
    from propsms._dunning.policy import DunningPolicy

__all__ = ["debtors_of", "route"]


def debtors_of(bill: Bill, account: Account) -> tuple[Payer, ...]:
    """Who owes a bill, the primary first.

    Until hand-over it is the developer, after it never he unless nobody else is on record;
    of several owners in turn it is the one of the day the bill is for.
    """
    payers = account.payers or ()
    if bill.debtor_id is not None:
        return tuple(payer for payer in payers if payer.id == bill.debtor_id)
    developers = tuple(p for p in payers if p.role is PayerRole.DEVELOPER)
    if not account.handed_over:
        return developers
    owing = tuple(p for p in payers if p.role in _OWING and _owns(p, bill.starts or bill.due))
    return owing or developers


_OWING = frozenset(
    {PayerRole.OWNER, PayerRole.CO_OWNER, PayerRole.RECORDED_USER, PayerRole.ESTATE}
)


def _owns(payer: Payer, day: date) -> bool:
    begun = payer.since is None or payer.since <= day
    return begun and (payer.until is None or day <= payer.until)


def route(
    debtors: Sequence[Payer], policy: DunningPolicy, failed: Sequence[Notice]
) -> tuple[tuple[ChannelStep, ...], list[Reason]]:
    """The steps to the debtors, and why a channel is left out.

    Nobody is called by voice who did not ask for it or is not recorded as elderly. The last
    step is a letter, for people; it is the first for whoever prefers one. If there is no step, the reasons say why.
    """
    reached = debtors if policy.co_owners == "all" else debtors[:1]
    steps: list[ChannelStep] = []
    why: list[Reason] = []
    for channel in _order(reached[0], policy):
        contacts = _contacts(reached, channel, failed, why)
        if contacts or (channel in _ON_PAPER and _wants(reached[0], channel)):
            steps.append(ChannelStep(channel, contacts, _unread_after(channel, policy)))
    if not steps:
        return (), [next((code for code in _BLOCKING if code in why), Reason.NO_CHANNEL)]
    told = [Reason.NOT_SUBSCRIBED] if Reason.NOT_SUBSCRIBED in why else []
    if all(step.channel is not Channel.LETTER for step in steps):
        steps.append(ChannelStep(Channel.LETTER))
    return tuple(steps), told


_ON_PAPER = frozenset({Channel.LETTER, Channel.VISIT})  # the host knows where the unit is


def _wants(payer: Payer, channel: Channel) -> bool:
    return payer.prefers is channel and channel not in payer.opt_outs


_BLOCKING = (Reason.OPTED_OUT, Reason.BAD_NUMBER)


def _order(payer: Payer, policy: DunningPolicy) -> Iterator[Channel]:
    usual = policy.elderly_channels if payer.elderly else policy.channels
    wanted = (payer.prefers,) if payer.prefers is not None else ()
    yield from dict.fromkeys((*wanted, *usual))


def _contacts(
    payers: Sequence[Payer], channel: Channel, failed: Sequence[Notice], why: list[Reason]
) -> tuple[Contact, ...]:
    """One contact a payer, each address once."""
    chosen: dict[object, Contact] = {}
    for payer in payers:
        for contact in payer.contacts:
            if contact.channel is not channel:
                continue
            reason = _refused(payer, contact, failed)
            if reason is None:
                chosen.setdefault(contact.address, contact)
                break
            why.append(reason)
    return tuple(chosen.values())


def _refused(payer: Payer, contact: Contact, failed: Sequence[Notice]) -> Reason | None:
    if contact.channel in payer.opt_outs:
        return Reason.OPTED_OUT
    if contact.bad:
        return Reason.BAD_NUMBER
    if not contact.subscribed:
        return Reason.NOT_SUBSCRIBED
    for notice in failed:
        if notice.channel is contact.channel and notice.address in ("", contact.address):
            same = notice.reason in Reason.__members__
            return Reason(notice.reason) if same else Reason.NO_CHANNEL
    return None


def failed_of(notices: Sequence[Notice]) -> tuple[Notice, ...]:
    """The notices that certainly did not arrive."""
    return tuple(n for n in notices if n.status is NoticeStatus.FAILED)


def _unread_after(channel: Channel, policy: DunningPolicy) -> timedelta | None:
    hours = policy.wechat_unread_hours if channel is Channel.WECHAT else None
    return timedelta(hours=hours) if hours is not None else None
