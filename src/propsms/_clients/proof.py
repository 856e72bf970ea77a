"""What became of messages whose outcome was unknown: ask the provider, read the journal.

A listing by the provider, or a receipt, proves that a message was taken. That a provider does
not list it proves nothing yet: lists lag behind, so it stays open.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

import attrs

from propsms._clients.effects import Ask, Exchange, NotTaken, Pause
from propsms.errors import ProviderError
from propsms.messages import Accepted, DeliveryStatus, Unknown
from propsms.providers import StatusQueries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from propsms._clients.core import Core
    from propsms._clients.effects import Steps
    from propsms.journal import Entry
    from propsms.messages import DeliveryReceipt
    from propsms.phone import PhoneNumber
    from propsms.providers import Provider

__all__ = ["Open", "Reconciled", "WhyOpen", "reconcile"]

_SHANGHAI: Final = timedelta(hours=8)
_SKEW: Final = timedelta(minutes=15)
"""How far a provider's clock may be from ours before it refuses what we sign; a message sent
this near to midnight may be listed on the other day."""


class WhyOpen(StrEnum):
    """Why it is still not known whether a message was sent."""

    NO_QUERY = "no_query"  # the provider cannot be asked: wait for the receipt
    NOT_LISTED = "not_listed"  # the provider does not list it, which proves nothing yet
    NOT_NAMED = "not_named"  # it lists messages to the number, but does not say which are ours
    UNANSWERED = "unanswered"  # the query failed: ask again later
    NO_NUMBER = "no_number"  # the number or the instant of the send is not known any more


@attrs.frozen
class Open:
    """A message that may still have been sent.

    Attributes:
        why: Why that is not known.
        candidates: What the provider lists for the number and day without naming our key;
            one of them may be the message, so a person can compare the times.
    """

    unknown: Unknown
    why: WhyOpen
    candidates: tuple[DeliveryReceipt, ...] = ()


@attrs.frozen
class Reconciled:
    """What was found out.

    Attributes:
        accepted: The messages that were taken after all.
        receipts: What the provider says of their delivery, where it says it.
        open: What is still not known; never send it again.
    """

    accepted: tuple[Accepted, ...]
    receipts: tuple[DeliveryReceipt, ...]
    open: tuple[Open, ...]


@attrs.frozen
class _Case:
    unknown: Unknown
    phone: PhoneNumber
    at: datetime


def reconcile(core: Core, unknowns: Iterable[Unknown | Entry], journal: Any) -> Steps[Reconciled]:
    """Find out what can be found out of *unknowns*; see `propsms.Client.reconcile`."""
    result = _Result()
    asked: dict[tuple[str, ...], list[_Case]] = {}
    for given in unknowns:
        unknown, entry = (given, None) if isinstance(given, Unknown) else (_of(given), given)
        if entry is None and journal is not None:
            entry = yield Ask(partial(journal.entry, unknown.reference), journal.entry)
        if entry is not None and entry.receipts:
            result.settle(unknown, entry.receipts[-1])
            continue
        case = _case(unknown, entry)
        if case is None:
            result.leave(unknown, WhyOpen.NO_NUMBER)
            continue
        about = unknown.provider, case.phone.e164, unknown.message_id or "", *_days(case.at)
        asked.setdefault(about, []).append(case)
    for (name, *_), cases in asked.items():
        yield from _ask(core, name, cases, result)
    if journal is not None:
        yield from _write(core, journal, result)
    return result.done()


def _days(at: datetime) -> tuple[str, str]:
    """The days on which lists have it: Shanghai's at most providers, UTC's at Twilio."""
    utc = at.astimezone(UTC)
    return (utc + _SHANGHAI).date().isoformat(), utc.date().isoformat()


def _moments(at: datetime) -> list[datetime]:
    """*at*, then what stands for the other day if midnight was near."""
    near = (at + _SKEW, at - _SKEW)
    return [at, *(other for other in near if _days(other) != _days(at))]


def _of(entry: Entry) -> Unknown:
    """The unknown outcome of a journal's entry; a worker that died left not even a provider."""
    if isinstance(entry.outcome, Unknown):
        return entry.outcome
    return Unknown(entry.reference, "", "claimed, and never heard of again")


class _Result:
    def __init__(self) -> None:
        self.accepted: list[Accepted] = []
        self.receipts: list[DeliveryReceipt] = []
        self.open: list[Open] = []

    def settle(self, unknown: Unknown, receipt: DeliveryReceipt) -> None:
        self.accepted.append(Accepted(unknown.reference, receipt.provider, receipt.message_id))
        if receipt.status is not DeliveryStatus.UNKNOWN:
            self.receipts.append(receipt)

    def leave(
        self, unknown: Unknown, why: WhyOpen, candidates: Iterable[DeliveryReceipt] = ()
    ) -> None:
        self.open.append(Open(unknown, why, tuple(candidates)))

    def done(self) -> Reconciled:
        return Reconciled(tuple(self.accepted), tuple(self.receipts), tuple(self.open))


def _case(unknown: Unknown, entry: Entry | None) -> _Case | None:
    phone = unknown.to or (entry.intent.phone if entry else None)
    at = unknown.asked_at or (entry.claimed_at if entry else None)
    return _Case(unknown, phone, at) if phone is not None and at is not None else None


def _ask(core: Core, name: str, cases: Sequence[_Case], result: _Result) -> Steps[None]:
    """Ask each provider that it may have been for all the messages of a number and a day."""
    why, left = WhyOpen.NO_QUERY, list(cases)
    unnamed: list[DeliveryReceipt] = []
    for provider, moment in _questions(core, name, cases[0].at):
        if not left:
            return
        found = yield from _query(core, cast("Provider", provider), provider, left[0], moment)
        if found is None:
            why = WhyOpen.UNANSWERED
            continue
        why = WhyOpen.NOT_LISTED if why is WhyOpen.NO_QUERY else why
        listed = list(found)
        left = _settle(left, listed, result)
        unnamed += [receipt for receipt in listed if not receipt.reference]
    for case in left:
        own = [r for r in unnamed if r.phone is None or r.phone.e164 == case.phone.e164]
        result.leave(case.unknown, WhyOpen.NOT_NAMED if own else why, own)


def _questions(core: Core, name: str, at: datetime) -> Iterator[tuple[StatusQueries, datetime]]:
    for provider in core.router.providers:
        if name in {"", provider.name} and isinstance(provider, StatusQueries):
            for moment in _moments(at):
                yield provider, moment


def _settle(
    cases: Sequence[_Case], receipts: list[DeliveryReceipt], result: _Result
) -> list[_Case]:
    """Settle the messages that are listed; return those that are not."""
    left: list[_Case] = []
    for case in cases:
        receipt = next((r for r in receipts if _is_about(r, case)), None)
        if receipt is None:
            left.append(case)
            continue
        receipts.remove(receipt)
        result.settle(case.unknown, receipt)
    return left


def _query(
    core: Core, provider: Provider, queries: StatusQueries, case: _Case, moment: datetime
) -> Steps[tuple[DeliveryReceipt, ...] | None]:
    wait = core.pace.wait(provider.name)
    if wait > 0:
        yield Pause(wait)
    request = queries.build_status_query(
        case.phone,
        sent_at=moment,
        message_id=case.unknown.message_id,
        now=core.now(),
        nonce=core.nonce(),
    )
    reply = yield Exchange(provider, request)
    if isinstance(reply, NotTaken):
        return None
    try:
        return queries.parse_status(reply)
    except ProviderError:
        return None


def _is_about(receipt: DeliveryReceipt, case: _Case) -> bool:
    """The provider gives our key back, or an id that it gave before.

    A batch carries the key of its first message, so the number must agree too.
    """
    if receipt.phone is not None and receipt.phone.e164 != case.phone.e164:
        return False
    if receipt.message_id and receipt.message_id == case.unknown.message_id:
        return True
    return receipt.reference in {case.unknown.reference, case.unknown.key} - {None, ""}


def _write(core: Core, journal: Any, result: _Result) -> Steps[None]:
    now = core.now()
    for accepted in result.accepted:
        call = partial(journal.record_outcome, accepted.reference, accepted, now)
        yield Ask(call, journal.record_outcome)
    for receipt in result.receipts:
        yield Ask(partial(journal.record_receipt, receipt, now), journal.record_receipt)
