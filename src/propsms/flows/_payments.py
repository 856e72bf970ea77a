"""Money came in: who is thanked with which words, and that this happens once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from propsms._dunning.history import cycle_start
from propsms._dunning.routing import debtors_of
from propsms._dunning.values import fen, money
from propsms.dunning import Channel, PayerRole
from propsms.errors import InvalidValueError
from propsms.flows._written import VALUE, message_of
from propsms.journal import Intent, State
from propsms.messages import MessageKind, Unknown
from propsms.phone import PhoneNumber
from propsms.sending_hours import SHANGHAI

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import date, datetime
    from decimal import Decimal

    from propsms.clients import Client
    from propsms.dunning import Account, Bill
    from propsms.journal import Journal
    from propsms.messages import Outcome
    from propsms.placeholders import Template

__all__ = [
    "SETTLED",
    "PaymentReport",
    "Thanks",
    "intent_for",
    "period_of",
    "send_once",
    "thanks_for",
]

SETTLED: Final = "settled"
"""Under this name an intent keeps the day on which nothing past due was left."""


@attrs.frozen(kw_only=True)
class PaymentReport:
    """What a payment led to.

    Attributes:
        account: Who paid.
        payment: The host's key of the payment.
        withdrawn: How many notices that waited were taken back.
        settled: True if nothing past due is open any more: the dunning cycle is over.
        outcome: What the confirmation came to, now or when it was first asked for; None if
            none can be sent, see *reason*.
        reason: Why there is none, as a code, or empty.
    """

    account: str
    payment: str
    withdrawn: int = 0
    settled: bool = False
    outcome: Outcome | None = None
    reason: str = ""


@attrs.frozen(kw_only=True)
class Thanks:
    """The decision: whom to tell of a payment and with which values, or why nobody.

    Attributes:
        settled: True if nothing past due is open any more.
        phone: Who is told, or None.
        values: What fills the text; not shown in the repr.
        reason: Why nobody is told, as a code, or empty.
    """

    settled: bool
    phone: PhoneNumber | None = None
    values: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False, hash=False)
    reason: str = ""


def thanks_for(
    account: Account,
    amount: Decimal,
    *,
    as_of: date,
    bills: Collection[str] = (),
    office: str = "",
    company: str = "",
) -> Thanks:
    """Decide on the confirmation of a payment.

    Args:
        account: As it is with the payment booked.
        amount: What was paid, in yuan.
        as_of: The Shanghai day.
        bills: The ids of the bills it was for; empty if nobody knows.
        office: The number of the office, as the owner dials it.
        company: The name of the company.

    Raises:
        InvalidValueError: *amount* is not more than 0, or no amount.
    """
    if money(amount, "amount") <= 0:
        raise InvalidValueError(
            f"amount must be more than 0, got {amount}",
            f"amount 须大于 0，现为 {amount}",
            field="amount",
        )
    meant = [bill for bill in account.bills if bill.id in bills]
    settled = cycle_start(account.bills, as_of) is None
    found = _whom(account, meant or account.bills)
    if isinstance(found, str):
        return Thanks(settled=settled, reason=found)
    values = {
        "room": account.unit or account.id,
        "amount": str(fen(amount)),
        "period": period_of(sorted(meant, key=lambda bill: bill.due)),
        "phone": office,
        "company": company,
        "today": as_of.isoformat(),
    }
    given = {name: value for name, value in values.items() if value}
    return Thanks(settled=settled, phone=found, values=given)


def period_of(bills: Sequence[Bill]) -> str:
    """What the bills are for, as a text says it; the first where there are several."""
    periods = [bill.period for bill in bills if bill.period]
    if not periods:
        return "应缴"  # 您家…的应缴物业费…: true of every bill that is told of
    return periods[0] if len(set(periods)) == 1 else f"{periods[0]}等"


def _whom(account: Account, bills: Sequence[Bill]) -> PhoneNumber | str:
    """The first number of whoever owes the newest of the bills, or why there is none."""
    newest = max(bills, key=lambda bill: (bill.due, bill.id), default=None)
    debtors = debtors_of(newest, account) if newest is not None else account.payers or ()
    if any(payer.role is PayerRole.ESTATE for payer in debtors):
        return "ESTATE"
    refused = False
    for payer in debtors:
        for contact in payer.contacts:
            if contact.channel is Channel.SMS and isinstance(contact.address, PhoneNumber):
                refused = refused or Channel.SMS in payer.opt_outs
                if not contact.bad and Channel.SMS not in payer.opt_outs:
                    return contact.address
    return "OPTED_OUT" if refused else "NO_CHANNEL"


def intent_for(
    thanks: Thanks,
    template: Template,
    *,
    account: str,
    payment: str,
    now: datetime,
    tenant: str,
) -> Intent:
    """The confirmation as it is written down: one a payment, whatever it is asked again."""
    wanted = set(template.plan.names)
    facts = {f"{VALUE}{name}": value for name, value in thanks.values.items() if name in wanted}
    category = {"category": str(template.category)} if template.category else {}
    settled = {SETTLED: now.astimezone(SHANGHAI).date().isoformat()} if thanks.settled else {}
    return Intent(
        key=f"{account}|payment|{payment}",
        kind=MessageKind.NOTICE,
        template=template.name,
        phone=thanks.phone,
        created_at=now,
        tenant=tenant,
        subject=account,
        payload={"payment": payment, **category, **settled, **facts},
    )


def send_once(
    intent: Intent,
    *,
    client: Client,
    journal: Journal,
    worker: str,
    clock: Callable[[], datetime],
) -> Outcome | None:
    """Send one message once, whoever else tries and whatever a crash left behind.

    What is planned is sent, what was refused for now is tried again, everything else has been
    decided. None if its number was erased.
    """
    journal.intend(intent)
    entry = journal.find(intent.key, tenant=intent.tenant)
    message = message_of(entry.intent) if entry is not None else "ERASED"
    if entry is None or isinstance(message, str):
        return None
    reference = entry.reference
    if entry.state is State.REFUSED:
        journal.reopen(reference, now=clock())
    if not journal.claim(reference, worker=worker, now=clock()):
        # Claimed and without an outcome, it may have been sent.
        known = journal.outcome_of(reference)
        return known or Unknown(reference, "", cause="it was being sent, nothing more is known")
    (outcome,) = client.send_many([message])
    journal.record_outcome(reference, outcome, clock())
    return outcome
