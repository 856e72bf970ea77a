"""What was meant, what came of it: the record that makes a crash lose and repeat nothing.

A flow writes an `Intent` before it calls a client, claims it, and records the outcome after.
The three steps leave four states a restart can tell apart:

- *planned*: nobody has called yet, so it is safe to send;
- *calling*: a worker claimed it and nothing is known, so it may have been sent;
- *accepted* or *refused*: settled;
- *unknown*: the client itself could not tell.

*calling* and *unknown* wait for proof (a receipt, a query, a person) and are never sent again
by themselves. A journal holds phone numbers, because a court asks who was told what and when;
it never holds a one-time code, nor the text of a message that carries one. `purge` and `erase`
are how a host keeps its retention promise.

Implementations: `MemoryJournal`, `SQLiteJournal` and `RedisJournal` of `propsms.stores`.
"""

from __future__ import annotations

import re
from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol
from uuid import uuid4

import attrs

from propsms._checks import non_empty, require_aware
from propsms.errors import InvalidValueError
from propsms.messages import (
    Accepted,
    DeliveryReceipt,
    DeliveryStatus,
    MessageKind,
    Outcome,
    Refused,
    Reply,
    Retry,
    Unknown,
)
from propsms.phone import PhoneNumber, mask_numbers

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterator,
        Callable,
        Collection,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )
    from datetime import datetime

    from propsms.wire import TemplateAudit

__all__ = [
    "AsyncJournal",
    "Entry",
    "Intent",
    "Journal",
    "State",
    "Tally",
    "belongs_to",
    "delivery_of",
    "dialled",
    "kept_beside",
    "lacks_proof",
    "may_reopen",
    "may_replace",
    "may_share_batch",
    "owner_among",
    "receipt_mark",
    "state_of",
    "without_codes",
    "without_number",
]


class State(StrEnum):
    """How far a message has come; see the head of this page."""

    PLANNED = "planned"
    CALLING = "calling"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


def _aware(_: object, field: attrs.Attribute[datetime], value: datetime) -> None:
    require_aware(value, field.name)


def _text_map(given: Mapping[str, str]) -> dict[str, str]:
    return {str(name): str(value) for name, value in given.items()}


@attrs.frozen(kw_only=True)
class Intent:
    """A message that is about to be sent, written down before anybody calls.

    Attributes:
        key: The host's own name of this message; the same key of the same tenant is the same
            message for ever. Build it from ids: ``"acct-17|2026Q4|overdue|1"``.
        kind: What it is for.
        template: The name of the template in the company's library.
        phone: The recipient; None once the number was erased.
        created_at: When it was planned, an aware instant.
        tenant: Which of the host's customers it belongs to.
        run: The campaign or collection run it is part of; empty when it stands alone.
        subject: What it is about in the host's words, such as an account id; it is how a
            trade finds what was sent before.
        reference: Our key that travels with the send and comes back in receipts; random by
            default, and it must not contain personal data.
        payload: Short facts to keep, by name: stage, amounts, bill ids, rule version. Never
            the text. A one-time code's intent keeps only ``challenge_id`` and ``purpose``.
    """

    key: str = attrs.field(validator=non_empty)
    kind: MessageKind = attrs.field(converter=MessageKind)
    template: str
    phone: PhoneNumber | None
    created_at: datetime = attrs.field(validator=_aware)
    tenant: str = ""
    run: str = ""
    subject: str = ""
    reference: str = attrs.field(factory=lambda: uuid4().hex, validator=non_empty)
    payload: Mapping[str, str] = attrs.field(
        factory=dict[str, str], converter=_text_map, hash=False, repr=False
    )

    def __attrs_post_init__(self) -> None:
        """Refuse a one-time code's payload that could hold the code."""
        surplus = self.payload.keys() - _OTP_PAYLOAD
        if self.kind is MessageKind.OTP and surplus:
            names = ", ".join(sorted(surplus))
            raise InvalidValueError(
                f"the payload of a one-time code may hold challenge_id and purpose, not {names}: "
                "a journal never holds a code",
                f"验证码意图的 payload 只能含 challenge_id 与 purpose，不能含 {names}："
                "流水不保存验证码",
                field="payload",
            )


_OTP_PAYLOAD = frozenset({"challenge_id", "purpose"})


@attrs.frozen
class Entry:
    """An intent with all that is known of it.

    Attributes:
        worker: Who claimed it last, or empty.
        claimed_at: When, or None when nobody has.
        outcome: What the client answered, or None.
        outcome_at: When that was recorded.
        receipts: What the carrier reported, in the order of arrival, without repeats.
    """

    intent: Intent
    state: State
    worker: str = ""
    claimed_at: datetime | None = None
    outcome: Outcome | None = None
    outcome_at: datetime | None = None
    receipts: tuple[DeliveryReceipt, ...] = ()

    @property
    def reference(self) -> str:
        """Our key of the message."""
        return self.intent.reference

    @property
    def delivery(self) -> DeliveryStatus | None:
        """What the receipts say together, or None while they say too little.

        Delivered once every segment is, of as many as its receipts say that there are; until
        then failed if any receipt says so, else unknown if any does. Receipts come late and in
        any order, so *unknown* can still become *failed*, and either *delivered*, never back.
        """
        return delivery_of(self.receipts)

    @property
    def delivered(self) -> bool:
        """True once the carrier has said that the handset has it."""
        return self.delivery is DeliveryStatus.DELIVERED


@attrs.frozen(kw_only=True)
class Tally:
    """What the messages of a run have come to, counted.

    Attributes:
        states: How many messages stand in each state.
        refusals: How many were refused, by reason.
        delivered: How many arrived, by receipt.
        unproved: The references of what may have been sent: *calling* and *unknown*.
    """

    states: Counter[State] = attrs.field(factory=Counter[State])
    refusals: Counter[str] = attrs.field(factory=Counter[str])
    delivered: int = 0
    unproved: tuple[str, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Tally:
        """Count *entries*, one at a time."""
        tally = cls()
        delivered, unproved = 0, list[str]()
        for entry in entries:
            tally.states[entry.state] += 1
            if isinstance(entry.outcome, Refused):
                tally.refusals[str(entry.outcome.reason)] += 1
            delivered += entry.delivered
            if entry.state in {State.CALLING, State.UNKNOWN}:
                unproved.append(entry.reference)
        return attrs.evolve(tally, delivered=delivered, unproved=tuple(unproved))


class Journal(Protocol):
    """Where a host keeps what was sent; instants are aware.

    Each act is atomic. Acts that return a bool say True to exactly one of several callers
    that race; recording the same fact twice changes nothing, because pushes repeat.
    """

    def intend(self, intent: Intent, /) -> bool:
        """Write *intent* as planned; False if its tenant already has that key."""
        ...

    def intend_all(self, intents: Sequence[Intent], /) -> Sequence[bool]:
        """`intend` for each, as one act: after a crash all are there, or none."""
        ...

    def claim(self, reference: str, /, *, worker: str, now: datetime) -> bool:
        """Take a planned message for sending; True for exactly one caller.

        From here on it may have been sent, until an outcome says otherwise.
        """
        ...

    def claim_next(
        self, *, worker: str, now: datetime, tenant: str = "", run: str = "", limit: int = 1
    ) -> Sequence[Intent]:
        """Claim the oldest planned messages of a run, at most *limit*; no two callers get one."""
        ...

    def claim_all(
        self, references: Sequence[str], /, *, worker: str, now: datetime
    ) -> Sequence[Intent]:
        """`claim` for each, as one act; the intents that this caller got, in that order."""
        ...

    def release(self, reference: str, /, *, now: datetime) -> bool:
        """Make planned again what was claimed but certainly not called."""
        ...

    def reopen(self, reference: str, /, *, now: datetime) -> bool:
        """Make planned again what was refused, unless refused for ever (`Retry.NEVER`)."""
        ...

    def withdraw(self, reference: str, /, *, now: datetime) -> bool:
        """Forget a planned message whose reason is gone (a bill was paid); this frees its key."""
        ...

    def record_outcome(self, reference: str, outcome: Outcome, at: datetime, /) -> bool:
        """Keep what the client answered; False if no intent has that reference.

        Acceptance is final: neither a later refusal nor an unknown replaces it.
        """
        ...

    def record_outcomes(self, outcomes: Sequence[Outcome], at: datetime, /) -> Sequence[bool]:
        """`record_outcome` for each under its own reference, as one act."""
        ...

    def record_receipt(self, receipt: DeliveryReceipt, at: datetime, /) -> str | None:
        """Keep a delivery receipt, once; return the reference of its message, if known yet.

        A receipt may come before the outcome, or even the intent: it is kept and finds its
        message once that is accepted. Batches share keys, so a receipt belongs to (reference or
        message id, number). Of one for a message whose number was erased the number is dropped,
        and a repeat of what came before the erasure adds nothing.
        """
        ...

    def record_reply(self, reply: Reply, at: datetime, /) -> bool:
        """Keep what a resident wrote back; False if it is already there."""
        ...

    def record_audit(self, audit: TemplateAudit, at: datetime, /) -> bool:
        """Keep a provider's verdict on a template or signature; False if it is already there."""
        ...

    def entry(self, reference: str, /) -> Entry | None:
        """All that is known of one message."""
        ...

    def find(self, key: str, /, *, tenant: str = "") -> Entry | None:
        """The message that the host knows by *key*."""
        ...

    def outcome_of(self, reference: str, /) -> Outcome | None:
        """What the client answered, or None while nothing is recorded."""
        ...

    def entries(
        self,
        *,
        tenant: str | None = None,
        run: str | None = None,
        subject: str | None = None,
        phone: PhoneNumber | None = None,
        state: State | None = None,
        since: datetime | None = None,
    ) -> Iterator[Entry]:
        """The messages that fit every filter given, oldest first, one at a time."""
        ...

    def entries_of(
        self,
        *,
        tenant: str,
        subjects: Collection[str] = (),
        phones: Collection[PhoneNumber] = (),
        since: datetime | None = None,
        apart_from: Collection[str] = (),
    ) -> Sequence[Entry]:
        """The messages about any of the subjects, or to any of the numbers, oldest first.

        Args:
            tenant: Whose messages.
            subjects: What they are about.
            phones: Whom they are to.
            since: Those planned then or later; None is all.
            apart_from: References to leave out.
        """
        ...

    def tally(self, *, tenant: str, run: str) -> Tally:
        """Count what the messages of a run have come to."""
        ...

    def open_intents(
        self, *, tenant: str | None = None, run: str | None = None
    ) -> Iterator[Entry]:
        """What is planned and not yet claimed: safe to send."""
        ...

    def unknowns(
        self, *, before: datetime, tenant: str | None = None, run: str | None = None
    ) -> Iterator[Entry]:
        """What may have been sent and still lacks proof.

        Entries that ended unknown or were claimed without an outcome, both earlier than
        *before*, and for which no receipt has come.
        """
        ...

    def replies(
        self, *, phone: PhoneNumber | None = None, since: datetime | None = None
    ) -> Iterator[Reply]:
        """What residents wrote back, oldest first."""
        ...

    def audits(self, *, since: datetime | None = None) -> Iterator[TemplateAudit]:
        """What providers said of templates and signatures, oldest first."""
        ...

    def lease_run(
        self, run: str, /, *, worker: str, now: datetime, until: datetime, tenant: str = ""
    ) -> bool:
        """Hold the run of a tenant until *until*; False while another worker holds it.

        The holder may call again to prolong it. One tenant has one run at a time.
        """
        ...

    def end_run(self, run: str, /, *, worker: str, tenant: str = "") -> bool:
        """Give the lease back; False if *worker* does not hold it."""
        ...

    def purge(self, before: datetime, /) -> int:
        """Delete everything older than *before*, planned messages too; return how many rows."""
        ...

    def erase(self, phone: PhoneNumber, /) -> int:
        """Remove a number: from intents and receipts, with subject and payload; replies go too.

        What is left tells that a message existed and stops a second one, but not to whom, not
        even as a hash, which whoever tries all numbers could undo. A planned message to the
        number is deleted. What providers push later brings it back only for a message that the
        journal does not know, or in a new reply. Returns how many rows were touched.
        """
        ...


class AsyncJournal(Protocol):
    """`Journal`, awaited; listings are asynchronous iterators."""

    async def intend(self, intent: Intent, /) -> bool:
        """See `Journal.intend`."""
        ...

    async def intend_all(self, intents: Sequence[Intent], /) -> Sequence[bool]:
        """See `Journal.intend_all`."""
        ...

    async def claim(self, reference: str, /, *, worker: str, now: datetime) -> bool:
        """See `Journal.claim`."""
        ...

    async def claim_next(
        self, *, worker: str, now: datetime, tenant: str = "", run: str = "", limit: int = 1
    ) -> Sequence[Intent]:
        """See `Journal.claim_next`."""
        ...

    async def claim_all(
        self, references: Sequence[str], /, *, worker: str, now: datetime
    ) -> Sequence[Intent]:
        """See `Journal.claim_all`."""
        ...

    async def release(self, reference: str, /, *, now: datetime) -> bool:
        """See `Journal.release`."""
        ...

    async def reopen(self, reference: str, /, *, now: datetime) -> bool:
        """See `Journal.reopen`."""
        ...

    async def withdraw(self, reference: str, /, *, now: datetime) -> bool:
        """See `Journal.withdraw`."""
        ...

    async def record_outcome(self, reference: str, outcome: Outcome, at: datetime, /) -> bool:
        """See `Journal.record_outcome`."""
        ...

    async def record_outcomes(
        self, outcomes: Sequence[Outcome], at: datetime, /
    ) -> Sequence[bool]:
        """See `Journal.record_outcomes`."""
        ...

    async def record_receipt(self, receipt: DeliveryReceipt, at: datetime, /) -> str | None:
        """See `Journal.record_receipt`."""
        ...

    async def record_reply(self, reply: Reply, at: datetime, /) -> bool:
        """See `Journal.record_reply`."""
        ...

    async def record_audit(self, audit: TemplateAudit, at: datetime, /) -> bool:
        """See `Journal.record_audit`."""
        ...

    async def entry(self, reference: str, /) -> Entry | None:
        """See `Journal.entry`."""
        ...

    async def find(self, key: str, /, *, tenant: str = "") -> Entry | None:
        """See `Journal.find`."""
        ...

    async def outcome_of(self, reference: str, /) -> Outcome | None:
        """See `Journal.outcome_of`."""
        ...

    def entries(
        self,
        *,
        tenant: str | None = None,
        run: str | None = None,
        subject: str | None = None,
        phone: PhoneNumber | None = None,
        state: State | None = None,
        since: datetime | None = None,
    ) -> AsyncIterator[Entry]:
        """See `Journal.entries`."""
        ...

    async def entries_of(
        self,
        *,
        tenant: str,
        subjects: Collection[str] = (),
        phones: Collection[PhoneNumber] = (),
        since: datetime | None = None,
        apart_from: Collection[str] = (),
    ) -> Sequence[Entry]:
        """See `Journal.entries_of`."""
        ...

    async def tally(self, *, tenant: str, run: str) -> Tally:
        """See `Journal.tally`."""
        ...

    def open_intents(
        self, *, tenant: str | None = None, run: str | None = None
    ) -> AsyncIterator[Entry]:
        """See `Journal.open_intents`."""
        ...

    def unknowns(
        self, *, before: datetime, tenant: str | None = None, run: str | None = None
    ) -> AsyncIterator[Entry]:
        """See `Journal.unknowns`."""
        ...

    def replies(
        self, *, phone: PhoneNumber | None = None, since: datetime | None = None
    ) -> AsyncIterator[Reply]:
        """See `Journal.replies`."""
        ...

    def audits(self, *, since: datetime | None = None) -> AsyncIterator[TemplateAudit]:
        """See `Journal.audits`."""
        ...

    async def lease_run(
        self, run: str, /, *, worker: str, now: datetime, until: datetime, tenant: str = ""
    ) -> bool:
        """See `Journal.lease_run`."""
        ...

    async def end_run(self, run: str, /, *, worker: str, tenant: str = "") -> bool:
        """See `Journal.end_run`."""
        ...

    async def purge(self, before: datetime, /) -> int:
        """See `Journal.purge`."""
        ...

    async def erase(self, phone: PhoneNumber, /) -> int:
        """See `Journal.erase`."""
        ...


# What every implementation needs and must not each invent.


def dialled(phone: PhoneNumber) -> str:
    """What tells one number from another: its E.164 form, or the digits where it has none."""
    return phone.e164 or phone.national


def state_of(outcome: Outcome) -> State:
    """The state that an outcome leads to."""
    return _STATES[type(outcome)]


_STATES: dict[type, State] = {
    Accepted: State.ACCEPTED,
    Refused: State.REFUSED,
    Unknown: State.UNKNOWN,
}


def may_replace(old: State, new: Outcome) -> bool:
    """Whether *new* may be recorded over *old*: acceptance is final, the rest is not."""
    return old is not State.ACCEPTED or isinstance(new, Accepted)


def may_reopen(outcome: Outcome | None) -> bool:
    """Whether a refused message may be planned again."""
    return isinstance(outcome, Refused) and outcome.retry is not Retry.NEVER


def without_codes(kind: MessageKind, outcome: Outcome) -> Outcome:
    """The outcome as a journal may keep it.

    Providers echo parameters in their error texts; for a one-time code every run of four
    digits or more is hidden, for the rest whole phone numbers are.
    """
    if isinstance(outcome, Accepted):
        return outcome
    hide = _hide_digits if kind is MessageKind.OTP else mask_numbers
    if isinstance(outcome, Unknown):
        return attrs.evolve(outcome, cause=hide(outcome.cause))
    return attrs.evolve(outcome, detail=hide(outcome.detail))


def _hide_digits(text: str) -> str:
    return re.sub(r"\d{4,}", "****", text)


def belongs_to(receipt: DeliveryReceipt, entry: Entry) -> bool:
    """Whether *receipt* is about *entry*.

    A batch may share one reference or one message id, so the number decides where the
    receipt names one. A batch whose reply was lost has only the first one's reference to go
    by; `Journal.record_receipt` then looks in the same run for the number.

    Source: Aliyun, SmsReport: ``biz_id`` is one per request, not per recipient.
    """
    if (
        receipt.phone
        and entry.intent.phone
        and dialled(receipt.phone) != dialled(entry.intent.phone)
    ):
        return False
    if receipt.reference and receipt.reference == entry.reference:
        return True
    outcome = entry.outcome
    return (
        isinstance(outcome, Accepted)
        and bool(receipt.message_id)
        and (outcome.provider, outcome.message_id) == (receipt.provider, receipt.message_id)
    )


def owner_among(
    receipt: DeliveryReceipt,
    named: Entry | None,
    theirs: Sequence[Entry],
    beside: Callable[[Entry], Iterable[Entry]],
) -> Entry | None:
    """The message that *receipt* is about.

    A message whose number was erased fits any number, so it comes last: otherwise it would
    take the receipts of all that went out with it.

    Args:
        receipt: What the carrier reported.
        named: The message of its reference.
        theirs: Those of its message id, oldest first.
        beside: Those to its number in the run of *named*; asked only where it is needed.
    """
    fitting = [entry for entry in (named, *theirs) if entry and belongs_to(receipt, entry)]
    sure = [entry for entry in fitting if receipt.phone is None or entry.intent.phone is not None]
    if not sure and named is not None and receipt.phone is not None:
        near = [entry for entry in beside(named) if may_share_batch(named, entry)]
        sure = near if len(near) == 1 else []
    return next(iter(sure or fitting), None)


def may_share_batch(named: Entry, entry: Entry) -> bool:
    """Whether two messages may have gone out in one request, under the key of *named*."""
    ours, theirs = named.intent, entry.intent
    return (ours.tenant, ours.run) == (theirs.tenant, theirs.run) and entry.state in _CALLED


_CALLED = frozenset({State.CALLING, State.ACCEPTED, State.UNKNOWN})


def lacks_proof(entry: Entry, before: datetime) -> bool:
    """Whether *entry* may have been sent, since before that instant, without any proof."""
    if entry.receipts or entry.state not in {State.CALLING, State.UNKNOWN}:
        return False
    since = entry.outcome_at or entry.claimed_at
    return since is not None and since < before


def delivery_of(receipts: Iterable[DeliveryReceipt]) -> DeliveryStatus | None:
    """What receipts of one message say together; see `Entry.delivery`.

    Each answer rests on receipts that are there, never on one that is missing, so that one more
    receipt can only raise it, whatever it says and whoever wrote it.
    """
    told = [(receipt.segment or (1, 1), receipt.status) for receipt in receipts]
    arrived = {segment for segment, status in told if status is DeliveryStatus.DELIVERED}
    if any(len([n for n, of in arrived if of == total]) >= total for _, total in arrived):
        return DeliveryStatus.DELIVERED
    said = {status for _, status in told}
    return next((status for status in _UNLESS_DELIVERED if status in said), None)


_UNLESS_DELIVERED: Final = (DeliveryStatus.FAILED, DeliveryStatus.UNKNOWN)


def receipt_mark(receipt: DeliveryReceipt) -> tuple[object, ...]:
    """What makes two receipts one: a push that repeats differs at most in its texts."""
    return (
        receipt.provider,
        receipt.message_id,
        receipt.reference,
        None if receipt.phone is None else dialled(receipt.phone),
        receipt.status,
        receipt.raw_code,
        receipt.segment,
    )


def kept_beside(
    owner: Entry | None, receipt: DeliveryReceipt
) -> tuple[tuple[object, ...], DeliveryReceipt]:
    """The mark by which a journal knows a repeat of *receipt*, and what it keeps of it.

    Neither holds a number if the message's own was erased; the carrier's text never does.
    """
    receipt = attrs.evolve(receipt, raw_text=mask_numbers(receipt.raw_text))
    if owner is None or owner.intent.phone is not None:
        return receipt_mark(receipt), receipt
    bare = attrs.evolve(receipt, phone=None)
    # A batch shares ids: without numbers only our reference tells its receipts apart.
    return (owner.reference, *receipt_mark(bare)), bare


def without_number(entry: Entry) -> Entry:
    """The entry after its number was erased."""
    bare = attrs.evolve(
        entry, intent=attrs.evolve(entry.intent, phone=None, payload={}, subject=""), receipts=()
    )
    told: dict[tuple[object, ...], DeliveryReceipt] = {}
    for receipt in entry.receipts:
        mark, kept = kept_beside(bare, receipt)
        told.setdefault(mark, kept)
    return attrs.evolve(bare, receipts=tuple(told.values()))
