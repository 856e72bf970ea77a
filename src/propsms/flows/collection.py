"""A collection run: from accounts to notices, decided again at the moment of sending.

`plan` is pure but for reading the journal, and is the dry run. `commit` writes an intent for
every notice before anything is sent, then takes a few at a time, asks the host for the account
once more (paid since? disputed?), decides again, sends, and records what came of it. After a
crash `resume` goes on: nothing is lost, and nothing is sent twice.

.. versionadded:: 0.1.0
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import chain, islice
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import attrs

from propsms._dunning.planning import each_once, refuse_double
from propsms.dunning import (
    P0,
    Account,
    Action,
    Approval,
    Channel,
    Decision,
    Desk,
    DunningPlan,
    DunningPolicy,
    NoticeStatus,
    PlanTotals,
    PolicyBook,
    Reason,
    Stage,
)
from propsms.errors import InvalidValueError, RenderError
from propsms.flows._history import with_histories
from propsms.flows._misfit import DOES_NOT_FIT, Misfit
from propsms.flows._payments import (
    PaymentReport,
    intent_for,
    period_of,
    send_once,
    thanks_for,
)
from propsms.flows._run_plan import CollectionPlan, PlannedNotice
from propsms.flows._runs import (
    Runner,
    RunReport,
    RunStatus,
    WorkUnit,
    references,
    utc_now,
)
from propsms.flows._spool import Spool
from propsms.flows._tasks import PlannedTask, Teller
from propsms.journal import Intent, State
from propsms.messages import MessageKind, OutboundMessage, Refused
from propsms.phone import PhoneNumber
from propsms.segments import count_billed
from propsms.sending_hours import SHANGHAI, SendingHours
from propsms.templates import lint, render

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from propsms.clients import Client
    from propsms.dunning import Bill, EvidenceLedger
    from propsms.findings import Finding
    from propsms.journal import Journal
    from propsms.messages import Outcome
    from propsms.placeholders import Template
    from propsms.templates import TemplateLibrary

__all__ = [
    "TEXTS",
    "CollectionPlan",
    "CollectionRun",
    "Misfit",
    "PaymentReport",
    "PlannedNotice",
    "PlannedTask",
    "RunReport",
    "RunStatus",
    "WorkUnit",
    "standard_values",
]

TEXTS: Final[Mapping[Stage, str]] = {
    Stage.UPCOMING: "dunning-upcoming",
    Stage.REMINDER: "dunning-reminder",
    Stage.OVERDUE: "dunning-overdue",
    Stage.FINAL: "dunning-final",
}
"""The names of the four texts of the catalog."""

_FEN: Final = Decimal("0.01")
_LETTER_FIRST: Final = "LETTER_FIRST"
_NOT_BY_SMS: Final = "NOT_BY_SMS"
_CHANGED: Final = "CHANGED"
_ASKED: Final = 500
_GONE: Final = "ACCOUNT_GONE"
_ERASED: Final = "ERASED"

_Found = PlannedNotice | Misfit | str
_Judged = tuple[Decision, _Found | None]
_Planned = tuple[
    "Sequence[Decision]",
    "Sequence[PlannedNotice]",
    "Sequence[tuple[str, str]]",
    "Sequence[Misfit]",
    PlanTotals,
]
Values = Callable[[Decision, Account], Mapping[str, str] | None]


def standard_values(
    decision: Decision,
    account: Account,
    *,
    phone: str = "",
    company: str = "",
    keeper: str = "",
) -> dict[str, str] | None:
    """Every value that the four texts of the catalog may ask for.

    ``period`` is 应缴 where no bill says its own. ``date`` is the day on which the letter of
    that stage was delivered: an SMS that says so is true only then.

    Args:
        decision: What is to be told.
        account: Of whom.
        phone: The number of the office, as the owner dials it.
        company: The name of the company, for texts that name it.
        keeper: The name of the housekeeper, for texts and letters that name one.
    """
    named = sorted(
        (bill for bill in account.bills if bill.id in decision.bills), key=lambda bill: bill.due
    )
    values = {
        "room": account.unit or account.id,
        "amount": str(decision.amount.quantize(_FEN, ROUND_HALF_UP)),
        "days": str(decision.days_past_due),
        "phone": phone,
        "company": company,
        "keeper": keeper,
        "today": decision.as_of.isoformat(),
        "period": period_of(named),
        "due_date": named[0].due.isoformat() if named else "",
        "deadline": decision.deadline.isoformat() if decision.deadline else "",
        "date": _letter_day(decision, account),
    }
    return {name: value for name, value in values.items() if value}


def _letter_day(decision: Decision, account: Account) -> str:
    days = [
        day
        for notice in account.notices
        if notice.channel in _ON_PAPER
        and notice.status is NoticeStatus.DELIVERED
        and notice.stage is decision.next_stage
        and (day := notice.day) is not None
    ]
    return max(days).isoformat() if days else ""


_ON_PAPER: Final = frozenset({Channel.LETTER, Channel.VISIT})


@attrs.define(slots=False, kw_only=True)
class CollectionRun:
    """Plans a run of dunning notices and carries it out.

    Attributes:
        client: The door to the network.
        journal: Where what was sent is kept.
        library: The company's texts.
        accounts: Gives the account as it is *now*: a function of the id, or a mapping.
        name: The name of the run, such as ``collection-2026-06-01``.
        tenant: Whose run; a tenant has one at a time.
        policy: The rules, or a book of rules.
        hours: When dunning may be sent.
        texts: The name of the text for each stage.
        letters: The letters for the tasks of a plan, each under the name of its stage's text and
            ``-letter``; None takes those of the catalog.
        values: Makes the values of a text; None makes the account a task for people.
        phone: The number of the office, for the standard values.
        company: The name of the company, for texts and letters that name it.
        keeper: The name of the housekeeper, for texts and letters that name one.
        person_key: The key of a telephone that takes whoever hears a call to a person.
        sender: The number that the texts come from, as the carrier gave it, for the evidence.
        receipt: The name of the text that confirms a payment.
        ledger: Where the evidence of every notice is kept, or None. It is written before the
            journal, so that no notice is without proof.
        profile: The provider whose rules the texts must pass; empty checks none.
        price: Of one segment, in yuan.
        must_be_signed: True refuses to commit a plan that nobody signed, unless nothing is in it.
        clock: Gives an aware instant.
        worker: Who does it.
        lease: How long the run is held without a sign of life.
        batch: How many notices are claimed and decided on again at a time; as many as one
            request to the provider takes is best.
        concurrency: Requests under way at the same time.
        in_memory: How many accounts a plan may have in memory; one of more is kept in a
            temporary file, so that memory stays flat.
    """

    client: Client
    journal: Journal
    library: TemplateLibrary
    accounts: Callable[[str], Account | None] | Mapping[str, Account]
    name: str
    tenant: str = ""
    policy: DunningPolicy | PolicyBook = P0
    hours: SendingHours = attrs.field(factory=SendingHours)
    texts: Mapping[Stage, str] = attrs.field(factory=lambda: dict(TEXTS))
    letters: TemplateLibrary | None = None
    values: Values | None = None
    phone: str = ""
    company: str = ""
    keeper: str = ""
    person_key: str = attrs.field(default="0", validator=attrs.validators.matches_re(r"[0-9*#]"))
    sender: str = ""
    receipt: str = "payment-received"
    ledger: EvidenceLedger | None = None
    profile: str = "seed"
    price: Decimal | None = None
    must_be_signed: bool = False
    clock: Callable[[], datetime] = utc_now
    worker: str = attrs.field(factory=lambda: f"worker-{uuid4().hex[:12]}")
    lease: timedelta = timedelta(minutes=5)
    batch: int = 100
    concurrency: int = 1
    in_memory: int = attrs.field(default=5_000, validator=attrs.validators.ge(1))
    _runner: Runner = attrs.field(init=False)
    _findings: dict[Stage, tuple[Finding, ...]] = attrs.field(init=False)
    _desk: Desk | None = attrs.field(init=False, default=None)
    _shown: dict[str, dict[str, str]] = attrs.field(init=False, factory=dict[str, dict[str, str]])

    def __attrs_post_init__(self) -> None:
        self._runner = Runner(
            client=self.client,
            journal=self.journal,
            run=self.name,
            tenant=self.tenant,
            worker=self.worker,
            clock=self.clock,
            lease=self.lease,
            batch=self.batch,
            concurrency=self.concurrency,
            before_recording=self._prove,
        )
        self._findings = {
            stage: lint(self._template(stage), profile=self.profile) if self.profile else ()
            for stage in self.texts
        }

    @property
    def text_findings(self) -> Mapping[Stage, tuple[Finding, ...]]:
        """What the linter says of the four texts, for the provider that will carry them."""
        return self._findings

    # --- the plan ---

    def plan(self, accounts: Iterable[Account], *, now: datetime | None = None) -> CollectionPlan:
        """Decide all accounts with what the journal knows; nothing is written or sent.

        A number on the client's suppression list is held back as ``OPTED_OUT``; a list that is
        far away is asked once for each notice that may go.

        Args:
            accounts: As the host keeps them; the journal's notices are added.
            now: The instant to plan for; None asks the clock.
        """
        instant = self.clock() if now is None else now
        given = iter(accounts)
        first = list(islice(given, self.in_memory + 1))
        judged = self._judged(chain(first, given), instant)
        few = len(first) <= self.in_memory
        del first  # it goes by with the others
        keep, desk = self._in_memory if few else self._on_disk, self._kept_desk(instant)
        decisions, notices, held_back, misfits, totals = keep(judged, desk)
        day = instant.astimezone(SHANGHAI).date()
        return CollectionPlan(
            run=self.name,
            decisions=DunningPlan(instant, day, decisions, totals),
            notices=notices,
            held_back=held_back,
            misfits=misfits,
            price=self.price,
            teller=Teller(
                library=self.library,
                letters=self.letters,
                texts=self.texts,
                values=self._told,
                person_key=self.person_key,
            ),
        )

    def approve(
        self, plan: CollectionPlan, accounts: Iterable[Account], *, by: str, at: datetime
    ) -> tuple[Account, ...]:
        """The accounts that only lacked an approval, with one for exactly the planned amount.

        Plan again with them, and keep the approvals with the host's accounts.
        """
        wanted = {
            decision.account: decision
            for decision in plan.decisions
            if decision.action is Action.REVIEW and Reason.NEEDS_APPROVAL in decision.reasons
        }
        return tuple(
            attrs.evolve(account, approvals=(*account.approvals, _approval(found, by, at)))
            if (found := wanted.get(account.id)) is not None
            else account
            for account in accounts
        )

    # --- the run ---

    def commit(
        self, plan: CollectionPlan, *, on_progress: Callable[[int], object] | None = None
    ) -> RunReport:
        """Write the plan down and send it; again with the same plan nothing new happens.

        Returns:
            What the run came to. Its status is ``locked`` while another run of the tenant is
            at work, and ``refused`` if the plan is not signed or lies before the last run.

        Raises:
            StoreError: The journal cannot be written; what was claimed stays unknown.
        """
        if reason := self._why_refused(plan):
            return self._runner.report(RunStatus.REFUSED, (reason,))
        if not self._runner.hold():
            return self._runner.report(RunStatus.LOCKED, (str(Reason.RUN_LOCKED),))
        try:
            if not self._runner.write(self._intents(plan)):
                return self._runner.report(RunStatus.LOCKED, (str(Reason.RUN_LOCKED),))
            return self._runner.report(self._runner.drain(self._check, on_progress))
        finally:
            self._runner.let_go()

    def resume(self, *, on_progress: Callable[[int], object] | None = None) -> RunReport:
        """Go on after a pause or a crash, and try again what was refused only for now."""
        if not self._runner.hold():
            return self._runner.report(RunStatus.LOCKED, (str(Reason.RUN_LOCKED),))
        try:
            self._runner.reopen()
            return self._runner.report(self._runner.drain(self._check, on_progress))
        finally:
            self._runner.let_go()

    def pause(self) -> None:
        """Stop after the messages under way; from any thread."""
        self._runner.pause()

    def cancel(self) -> RunReport:
        """Withdraw what has not been sent."""
        self._runner.cancelled["CANCELLED"] += self._runner.cancel()
        return self._runner.report(RunStatus.CANCELLED)

    def report(self) -> RunReport:
        """What the journal has of this run."""
        return self._runner.report()

    def units(self, plan: CollectionPlan, *, size: int = 100) -> Iterable[WorkUnit]:
        """Write the plan down and give it out in parts, for a queue of the host.

        Raises:
            InvalidValueError: The plan is not signed or lies before the last run.
        """
        if reason := self._why_refused(plan):
            raise InvalidValueError(f"the plan is refused: {reason}", f"计划被拒绝：{reason}")
        self._runner.write(self._intents(plan))
        return self._runner.units(size)

    def work(self, unit: WorkUnit) -> int:
        """Do one part; doing it twice, or in two workers, sends nothing twice."""
        return self._runner.work(unit, self._check)

    def received(self, account_id: str) -> int:
        """Money came in: withdraw what waits for the account; return how many notices."""
        waiting = self.journal.entries(tenant=self.tenant, subject=account_id, state=State.PLANNED)
        references = [e.reference for e in waiting if e.intent.kind is MessageKind.DUNNING]
        return sum(self.journal.withdraw(ref, now=self.clock()) for ref in references)

    def payment_received(
        self, account_id: str, *, payment: str, amount: Decimal, bills: Collection[str] = ()
    ) -> PaymentReport:
        """Money came in: withdraw what waits, end the cycle if all is paid, confirm it once.

        Book the payment first: `accounts` is asked for the account as it is now. Once nothing
        past due is left the cycle is over, also for notices that no bill tells of any more; the
        next one begins with the mildest stage. Call again after a crash, or when the hours
        kept the confirmation back (`Refused`, to be tried later): the same *payment* is
        confirmed once, and one that may have been sent is not sent again.

        Args:
            account_id: Who paid.
            payment: The host's key of the payment, such as the bank's; the same key is the
                same payment.
            amount: In yuan, more than 0.
            bills: The ids of the bills it was for, for the text; empty if nobody knows.

        Raises:
            InvalidValueError: *payment* is empty, or *amount* is not more than 0.
            TemplateError: The library has no text of the name `receipt`.
            StoreError: The journal cannot be written.

        .. versionadded:: 0.1.0
        """
        if not payment:
            raise InvalidValueError(
                "payment must not be empty", "payment 不能为空", field="payment"
            )
        withdrawn = self.received(account_id)
        report = PaymentReport(account=account_id, payment=payment, withdrawn=withdrawn)
        account, now = self._account(account_id), self.clock()
        if account is None:
            return attrs.evolve(report, reason=_GONE)
        thanks = thanks_for(
            account,
            amount,
            as_of=now.astimezone(SHANGHAI).date(),
            bills=bills,
            office=self.phone,
            company=self.company,
        )
        report = attrs.evolve(report, settled=thanks.settled, reason=thanks.reason)
        if thanks.phone is None:
            return report
        template = self._signed(self.receipt)
        if not _fits(template, thanks.values):
            return attrs.evolve(report, reason=DOES_NOT_FIT)
        intent = intent_for(
            thanks, template, account=account_id, payment=payment, now=now, tenant=self.tenant
        )
        outcome = send_once(
            intent,
            client=self.client,
            journal=self.journal,
            worker=self.worker,
            clock=self.clock,
        )
        return attrs.evolve(report, outcome=outcome, reason="" if outcome else _ERASED)

    # --- inside ---

    def _template(self, stage: Stage) -> Template:
        return self._signed(self.texts[stage])

    def _signed(self, name: str) -> Template:
        template = self.library.find(name)
        if template.signed is None and self.library.signature is not None:
            return attrs.evolve(template, signature=self.library.signature)
        return template

    def _judged(self, accounts: Iterable[Account], now: datetime) -> Iterator[_Judged]:
        """Each decision, with the notice that would go or why this run cannot send it."""
        fresh = next(iter(self.journal.entries(tenant=self.tenant)), None) is None
        for account in accounts if fresh else self._known(accounts, now):
            decision = self._decide(account, now)
            send = decision.action is Action.SEND
            yield decision, self._notice(decision, account) if send else None

    def _in_memory(self, judged: Iterable[_Judged], desk: Desk) -> _Planned:
        totals = PlanTotals()
        notices: list[PlannedNotice] = []
        held: list[tuple[str, str]] = []
        misfits: list[Misfit] = []
        taken: set[PhoneNumber] = set()
        pairs = sorted(judged, key=lambda pair: pair[0].account)
        decisions = tuple(each_once((decision for decision, _ in pairs), desk))
        for decision, (_, found) in zip(decisions, pairs, strict=True):
            totals.add(decision)
            if decision.action is not Action.SEND:
                continue
            if isinstance(found, PlannedNotice) and found.phone not in taken:
                notices.append(found)
                taken.add(found.phone)
            else:
                held.append((decision.account, _why_held(found)))
            if isinstance(found, Misfit):
                misfits.append(found)
        return decisions, tuple(notices), tuple(held), tuple(misfits), totals

    def _on_disk(self, judged: Iterable[_Judged], desk: Desk) -> _Planned:
        """The same, for more accounts than memory should hold."""
        spool = Spool()
        for decision, found in judged:
            spool.add(decision, found)
        spool.settle(lambda double: refuse_double(double, desk), str(Reason.CAP_DAY))
        return spool.decisions, spool.notices, spool.held_back, spool.misfits, spool.totals

    def _known(self, accounts: Iterable[Account], now: datetime) -> Iterator[Account]:
        """The accounts with what the journal knows of them."""
        given = iter(accounts)
        while part := [(account, _phones(account)) for account in islice(given, _ASKED)]:
            yield from with_histories(part, self.journal, now=now, tenant=self.tenant)

    def _decide(self, account: Account, now: datetime) -> Decision:
        return self._kept_desk(now).decide(account)

    def _kept_desk(self, now: datetime) -> Desk:
        """A desk that is kept as long as the instant is the same."""
        if self._desk is None or self._desk.now != now:
            self._desk = Desk(
                now=now,
                policy=self.policy,
                hours=self.hours,
                text_findings=self._findings,
            )
        return self._desk

    def _notice(self, decision: Decision, account: Account) -> _Found:
        """The notice, or why this run cannot send it."""
        phone = _sms_number(decision)
        if phone is None:
            return _NOT_BY_SMS
        name = self.texts[decision.next_stage]
        template = self._template(decision.next_stage)
        if self.client.opted_out(phone, signature=template.signature):
            return str(Reason.OPTED_OUT)
        values = self._values(decision, account, template)
        if values is None:
            return _LETTER_FIRST
        try:
            text = render(template, values)
        except RenderError as error:
            return Misfit.of(account.id, error)
        segments = count_billed(text, signature=template.signature or "").segments
        whole = _whole_text(template, values)
        return PlannedNotice(decision, phone, name, values, whole, segments)

    def _told(self, decision: Decision, account: Account) -> Mapping[str, str]:
        """Every value that a task may need; the host's own go before."""
        standard = standard_values(
            decision, account, phone=self.phone, company=self.company, keeper=self.keeper
        )
        made = self.values(decision, account) if self.values is not None else None
        return {**(standard or {}), **(made or {})}

    def _values(
        self, decision: Decision, account: Account, template: Template
    ) -> dict[str, str] | None:
        if self.values is not None:
            made = self.values(decision, account)
        else:
            made = standard_values(
                decision, account, phone=self.phone, company=self.company, keeper=self.keeper
            )
        wanted = set(template.plan.names)
        if made is None or ("date" in wanted and "date" not in made):
            return None
        return {name: value for name, value in made.items() if name in wanted}

    def _intents(self, plan: CollectionPlan) -> Iterator[Intent]:
        """What is written down, text by text: a provider takes one text in a request."""
        names, notices = references(self.clock()), iter(plan.notices)
        while part := sorted(islice(notices, self.in_memory), key=lambda one: one.template):
            for notice in part:
                yield self._intent(plan, notice, next(names))

    def _intent(self, plan: CollectionPlan, notice: PlannedNotice, reference: str) -> Intent:
        decision, signed_at = notice.decision, plan.signed_at
        return Intent(
            key=decision.key,
            kind=MessageKind.DUNNING,
            template=notice.template,
            phone=notice.phone,
            created_at=plan.decisions.now,
            tenant=self.tenant,
            run=self.name,
            subject=decision.account,
            reference=reference,
            payload={
                "stage": str(decision.next_stage),
                "amount": str(decision.amount),
                "bills": " ".join(decision.bills),
                "days": str(decision.days_past_due),
                "as_of": decision.as_of.isoformat(),
                "deadline": decision.deadline.isoformat() if decision.deadline else "",
                "policy": decision.policy_version,
                "policy_hash": decision.policy_hash,
                "reasons": " ".join(decision.reasons),
                "text_sha256": hashlib.sha256(notice.text.encode()).hexdigest(),
                "approver": plan.signed_by,
                "approved_at": signed_at.isoformat() if signed_at else "",
            },
        )

    def _why_refused(self, plan: CollectionPlan) -> str:
        if self.must_be_signed and plan.notices and not plan.signed_by:
            return str(Reason.NEEDS_APPROVAL)
        day = plan.decisions.as_of
        tomorrow = datetime.combine(day + timedelta(days=1), datetime.min.time(), SHANGHAI)
        later = self.journal.entries(tenant=self.tenant, since=tomorrow)
        runs = (e.intent.payload.get("as_of", "") for e in later)
        if any(as_of > day.isoformat() for as_of in runs):
            return str(Reason.RUN_BACKDATED)
        return ""

    def _prove(self, pairs: Sequence[tuple[Intent, Outcome]]) -> None:
        """Keep the evidence of what a request came to."""
        if self.ledger is None:
            return
        shown = [self._shown.pop(intent.reference, {}) for intent, _ in pairs]
        self.ledger.append_all(
            [
                ("notice", intent.subject, self._facts(intent, outcome, basis))
                for (intent, outcome), basis in zip(pairs, shown, strict=True)
                if not isinstance(outcome, Refused)
            ],
            at=self.clock(),
        )

    def _facts(self, intent: Intent, outcome: Outcome, basis: Mapping[str, str]) -> dict[str, str]:
        """What the evidence of a notice says; its text is told by name, id and version."""
        template = self.library.find(intent.template)
        provider = outcome.provider or ""
        return {
            **intent.payload,
            "text": "",
            **basis,
            "template": intent.template,
            "template_id": template.ids.get(provider, ""),
            "template_version": template.version or _wording(template),
            "number": intent.phone.e164 if intent.phone else "",
            "reference": intent.reference,
            "provider": provider,
            "message_id": getattr(outcome, "message_id", ""),
            "outcome": type(outcome).__name__.lower(),
            "planned_at": intent.created_at.isoformat(),
            "run": intent.run,
        }

    def _account(self, account_id: str) -> Account | None:
        return (
            self.accounts(account_id) if callable(self.accounts) else self.accounts.get(account_id)
        )

    def _check(self, intents: Sequence[Intent], now: datetime) -> list[OutboundMessage | str]:
        """Decide again, with the accounts as they are now; anything changed cancels a notice."""
        given = {intent.subject: self._account(intent.subject) for intent in intents}
        known = with_histories(
            [(account, _phones(account)) for account in given.values() if account is not None],
            self.journal,
            now=now,
            tenant=self.tenant,
            apart_from=[intent.reference for intent in intents],
        )
        accounts = {account.id: account for account in known}
        taken: set[PhoneNumber] = set()
        found: list[OutboundMessage | str] = []
        for intent in intents:
            one = self._check_one(intent, accounts.get(intent.subject), now)
            if isinstance(one, OutboundMessage) and one.to in taken:
                one = str(Reason.CAP_DAY)  # the journal tells of those before, not beside it
            elif isinstance(one, OutboundMessage):
                taken.add(one.to)
            found.append(one)
        return found

    def _check_one(
        self, intent: Intent, account: Account | None, now: datetime
    ) -> OutboundMessage | str:
        if account is None or intent.phone is None:
            return _GONE
        decision = self._decide(account, now)
        facts = intent.payload
        if decision.action is not Action.SEND:
            return str(decision.reasons[0])
        same = (
            str(decision.next_stage) == facts.get("stage")
            and decision.amount == Decimal(facts.get("amount", "0"))
            and _sms_number(decision) == intent.phone
        )
        if not same:
            return _CHANGED
        template = self._template(decision.next_stage)
        values = self._values(decision, account, template)
        if values is None:
            return _LETTER_FIRST
        if self.ledger is not None:
            basis = _basis(decision, account)
            basis["text"] = _whole_text(template, values)
            basis["sender"] = self.sender
            self._shown[intent.reference] = basis
        return OutboundMessage(
            intent.phone,
            intent.template,
            values,
            MessageKind.DUNNING,
            reference=intent.reference,
        )


def _why_held(found: _Found | None) -> str:
    """The code of what keeps a notice that may go; a notice itself has one beside it today."""
    if isinstance(found, Misfit):
        return DOES_NOT_FIT
    return found if isinstance(found, str) else str(Reason.CAP_DAY)


def _basis(decision: Decision, account: Account) -> dict[str, str]:
    """Who owes what on which ground, as it was when the notice went."""
    contact = decision.channels[0].contacts[0]
    debtors = [payer for payer in account.payers or () if contact in payer.contacts]
    named = [bill for bill in account.bills if bill.id in decision.bills]
    return {
        "unit": account.unit,
        "debtor": " ".join(payer.name or payer.id for payer in debtors),
        "language": " ".join(dict.fromkeys(payer.language for payer in debtors)),
        "contract": account.contract_ref,
        "basis": "; ".join(_ground(bill, decision.as_of) for bill in named),
        "reserved_at": contact.reserved_at.isoformat() if contact.reserved_at else "",
        "reserved_how": contact.reserved_how,
    }


def _ground(bill: Bill, as_of: date) -> str:
    parts = (bill.id, bill.period, f"due {bill.due}", f"open {bill.open_on(as_of):.2f}")
    area = f"area {bill.area:f} m²" if bill.area is not None else ""
    price = f"at {bill.unit_price:f} 元/m²·月" if bill.unit_price is not None else ""
    return " ".join(filter(None, (*parts, area, price, bill.contract_ref)))


def _wording(template: Template) -> str:
    """Which wording it was, for a text that names no version."""
    return f"sha256:{hashlib.sha256(template.text.encode()).hexdigest()[:16]}"


def _fits(template: Template, values: Mapping[str, str]) -> bool:
    wanted = {name: value for name, value in values.items() if name in template.plan.names}
    try:
        render(template, wanted)
    except RenderError:
        return False
    return True


def _whole_text(template: Template, values: Mapping[str, str]) -> str:
    text = render(template, values)
    return f"【{template.signature}】{text}" if template.signature else text


def _approval(decision: Decision, by: str, at: datetime) -> Approval:
    return Approval(stage=decision.next_stage, amount=decision.amount, by=by, at=at)


def _sms_number(decision: Decision) -> PhoneNumber | None:
    """The number if the first step of the way is an SMS."""
    step = decision.channels[0] if decision.channels else None
    if step is None or step.channel is not Channel.SMS or not step.contacts:
        return None
    address = step.contacts[0].address
    return address if isinstance(address, PhoneNumber) else None


def _phones(account: Account) -> list[PhoneNumber]:
    return [
        contact.address
        for payer in account.payers or ()
        for contact in payer.contacts
        if isinstance(contact.address, PhoneNumber)
    ]
