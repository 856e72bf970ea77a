"""What a journal knows of an account, as the dunning engine wants it."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import attrs

from propsms.dunning import Account, Channel, Notice, NoticeStatus, Stage
from propsms.flows._payments import SETTLED
from propsms.journal import State
from propsms.messages import DeliveryStatus, MessageKind, RefusalReason, Refused

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from propsms.journal import Entry, Journal
    from propsms.phone import PhoneNumber

__all__ = ["notice_of", "with_histories", "with_history"]

_KEPT: Final = timedelta(days=3 * 366)
_MONTH: Final = timedelta(days=31)
_BAD: Final = {
    RefusalReason.PHONE_INVALID: "BAD_NUMBER",
    RefusalReason.OPTED_OUT: "OPTED_OUT",
}
_COUNTED: Final = frozenset({State.CALLING, State.ACCEPTED, State.UNKNOWN})


def with_history(
    account: Account,
    journal: Journal,
    *,
    now: datetime,
    tenant: str,
    phones: Collection[PhoneNumber] = (),
) -> Account:
    """Add the notices that the journal has of an account, and other contacts with its numbers.

    Args:
        account: As the host keeps it; notices it has already stay.
        journal: Where to look.
        now: The instant of the decision.
        tenant: Whose messages.
        phones: Numbers whose other messages count as contacts with the household.
    """
    return with_histories([(account, phones)], journal, now=now, tenant=tenant)[0]


def with_histories(
    accounts: Sequence[tuple[Account, Collection[PhoneNumber]]],
    journal: Journal,
    *,
    now: datetime,
    tenant: str,
    apart_from: Collection[str] = (),
) -> list[Account]:
    """`with_history` for many at once: the journal is asked twice altogether.

    Args:
        accounts: Each with the numbers whose other messages count as contacts.
        journal: Where to look.
        now: The instant of the decision.
        tenant: Whose messages.
        apart_from: References of notices that are being decided on again.
    """
    about: dict[str, list[Entry]] = {}
    for entry in journal.entries_of(
        tenant=tenant,
        subjects={account.id for account, _ in accounts},
        since=now - _KEPT,
        apart_from=apart_from,
    ):
        about.setdefault(entry.intent.subject, []).append(entry)
    to: dict[PhoneNumber | None, list[Entry]] = {}
    for entry in journal.entries_of(
        tenant=tenant,
        phones={phone for _, phones in accounts for phone in phones},
        since=now - _MONTH,
        apart_from=apart_from,
    ):
        to.setdefault(entry.intent.phone, []).append(entry)
    return [
        _told(
            account,
            about.get(account.id, ()),
            [entry for phone in dict.fromkeys(phones) for entry in to.get(phone, ())],
        )
        for account, phones in accounts
    ]


def _told(account: Account, mine: Sequence[Entry], theirs: Iterable[Entry]) -> Account:
    known = {notice.id for notice in account.notices}
    notices = [
        notice_of(entry)
        for entry in mine
        if entry.intent.kind is MessageKind.DUNNING and entry.intent.key not in known
    ]
    contacts = [at for entry in theirs if (at := _contact(entry, account.id)) is not None]
    settled = [date.fromisoformat(day) for e in mine if (day := e.intent.payload.get(SETTLED))]
    if not notices and not contacts and not settled:
        return account
    if account.settled_on is not None:
        settled.append(account.settled_on)
    return attrs.evolve(
        account,
        notices=(*account.notices, *notices),
        contacts=(*account.contacts, *contacts),
        settled_on=max(settled, default=None),
    )


def _contact(entry: Entry, account: str) -> datetime | None:
    """When another message than a notice of this account reached the number, if it counts."""
    intent = entry.intent
    ours = intent.kind is MessageKind.DUNNING and intent.subject == account
    urgent = intent.payload.get("category") == "urgent"
    if ours or urgent or intent.kind is MessageKind.OTP or entry.state not in _COUNTED:
        return None
    return entry.outcome_at or entry.claimed_at or intent.created_at


def notice_of(entry: Entry) -> Notice:
    """The notice that a message of the journal was."""
    facts = entry.intent.payload
    status, reason = _status(entry)
    called = entry.claimed_at or entry.intent.created_at
    # Nothing arrives before it is sent: a forged receipt shall not bring the next stage nearer.
    arrived = max((called, *(r.at for r in entry.receipts if r.at is not None)))
    return Notice(
        id=entry.intent.key,
        stage=facts.get("stage", Stage.REMINDER),
        channel=facts.get("channel", Channel.SMS),
        status=status,
        planned_at=entry.intent.created_at,
        submitted_at=entry.outcome_at or entry.claimed_at,
        delivered_at=arrived if status is NoticeStatus.DELIVERED else None,
        address=entry.intent.phone or "",
        bills=tuple(filter(None, facts.get("bills", "").split(" "))),
        amount=Decimal(facts.get("amount", "0")),
        deadline=date.fromisoformat(facts["deadline"]) if facts.get("deadline") else None,
        approver=facts.get("approver", ""),
        text_sha256=facts.get("text_sha256", ""),
        reason=reason,
    )


def _status(entry: Entry) -> tuple[NoticeStatus, str]:
    if entry.state is State.ACCEPTED or entry.receipts:
        return _delivery(entry), ""
    if entry.state is State.REFUSED and isinstance(entry.outcome, Refused):
        reason = _BAD.get(entry.outcome.reason, "")
        return (NoticeStatus.FAILED if reason else NoticeStatus.CANCELLED), reason
    return _STATUSES[entry.state], ""


_STATUSES: Final = {
    State.PLANNED: NoticeStatus.QUEUED,
    State.CALLING: NoticeStatus.SUBMITTED,
    State.REFUSED: NoticeStatus.CANCELLED,
    State.UNKNOWN: NoticeStatus.UNKNOWN,
}


def _delivery(entry: Entry) -> NoticeStatus:
    if entry.delivery is DeliveryStatus.DELIVERED:
        return NoticeStatus.DELIVERED
    if entry.delivery is DeliveryStatus.FAILED:
        return NoticeStatus.FAILED
    return NoticeStatus.SUBMITTED
