"""A notice campaign: one text to many households, each message once, whatever happens.

Notices of the four sorts (紧急, 日常, 安全, 服务) go to a building, a floor, a tag or everybody.
An urgent one passes the hours and the caps, but neither the opt-out law nor the provider's pace,
and it does not wait for another run of the tenant to end.

.. versionadded:: 0.1.0
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from datetime import timedelta
from functools import cached_property
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import attrs

from propsms.errors import InvalidValueError, RenderError
from propsms.findings import rejects
from propsms.flows._misfit import TO_MEND, Misfit, misfit_rows
from propsms.flows._pages import (
    Html,
    Markdown,
    Paper,
    Style,
    csv_lines,
    html_page,
    json_lines,
    signature_line,
)
from propsms.flows._runs import (
    Runner,
    RunReport,
    RunStatus,
    WorkUnit,
    references,
    utc_now,
)
from propsms.flows._spool import MessageShelf, MessageSpool
from propsms.flows._written import VALUE, message_of
from propsms.journal import Intent, dialled
from propsms.messages import MessageKind, NoticeCategory
from propsms.segments import count_billed
from propsms.sending_hours import SHANGHAI, SendingHours
from propsms.tables import RecipientRow  # noqa: TC001  # the doctests use it
from propsms.templates import lint, render

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    from propsms.clients import Client
    from propsms.findings import Finding
    from propsms.journal import Journal
    from propsms.messages import OutboundMessage
    from propsms.phone import PhoneNumber
    from propsms.placeholders import Template
    from propsms.templates import TemplateLibrary

__all__ = [
    "CampaignPlan",
    "Misfit",
    "NoticeCampaign",
    "PlannedMessage",
    "RunReport",
    "RunStatus",
    "Selection",
    "WorkUnit",
]


def _words(given: str | Iterable[str]) -> frozenset[str]:
    return frozenset((given,) if isinstance(given, str) else given)


@attrs.frozen(kw_only=True)
class Selection:
    """Whom a notice is for; an empty field is no condition, all others must hold.

    >>> Selection(buildings="3栋").takes(RecipientRow(phone=None, building="3栋"))
    True
    """

    buildings: frozenset[str] = attrs.field(default=frozenset[str](), converter=_words)
    units: frozenset[str] = attrs.field(default=frozenset[str](), converter=_words)
    floors: frozenset[str] = attrs.field(default=frozenset[str](), converter=_words)
    tags: frozenset[str] = attrs.field(default=frozenset[str](), converter=_words)

    def takes(self, row: RecipientRow) -> bool:
        """True if the recipient is meant."""
        return (
            (not self.buildings or row.building in self.buildings)
            and (not self.units or row.unit in self.units)
            and (not self.floors or row.floor in self.floors)
            and (not self.tags or not self.tags.isdisjoint(row.tags))
        )


@attrs.frozen
class PlannedMessage:
    """One message as it would go; values and text are not shown in the repr."""

    key: str
    household: str
    phone: PhoneNumber
    values: Mapping[str, str] = attrs.field(repr=False, hash=False)
    text: str = attrs.field(repr=False)
    segments: int = 1


@attrs.frozen(kw_only=True, slots=False)  # its sums are worked out once
class CampaignPlan(Paper):
    """Who gets the notice, who does not and why; nothing is written or sent.

    Attributes:
        run: The name of the campaign.
        template: The name of the text.
        now: The instant it was planned for.
        not_before: When it may go: *now* for an urgent notice, else the next open hour.
        messages: What would be sent, in the order of the recipients: a tuple, or where there
            are many (`NoticeCampaign.in_memory`) a sequence that reads them from a temporary
            file.
        skipped: How many recipients are left out, by reason: ``duplicate``, ``not_selected``,
            ``household``, ``already_sent``, ``opted_out``, ``does_not_fit``.
        opted_out: The households of the numbers that have opted out, to be told another way;
            the masked number where no household is known.
        misfits: The first 20 values that keep the text from being filled.
        findings: What the linter says of the text; one error keeps it from being sent.
        signed_by: Who signed it off, or empty.
        signed_at: When.
    """

    run: str
    template: str
    now: datetime
    not_before: datetime
    messages: Sequence[PlannedMessage] = attrs.field(repr=False, hash=False)
    skipped: Mapping[str, int] = attrs.field(factory=dict[str, int], hash=False)
    opted_out: tuple[str, ...] = attrs.field(default=(), repr=False)
    misfits: tuple[Misfit, ...] = ()
    findings: tuple[Finding, ...] = ()
    signed_by: str = ""
    signed_at: datetime | None = None

    @cached_property
    def segments(self) -> int:
        """Segments that are billed altogether."""
        return sum(message.segments for message in self.messages)

    def cost(self, price: Decimal) -> Decimal:
        """What they cost at a price a segment, in yuan."""
        return price * self.segments

    @property
    def longest(self) -> tuple[PlannedMessage, ...]:
        """The five texts with the most segments."""
        return tuple(heapq.nlargest(5, self.messages, key=lambda one: one.segments))

    @cached_property
    def hash(self) -> str:
        """SHA-256 over every message; what is signed is exactly this."""
        digest, between = hashlib.sha256(), ""
        for one in _by_key(self.messages):
            digest.update(f"{between}{one.key}\n{one.phone.e164}\n{one.text}".encode())
            between = "\n\n"
        return digest.hexdigest()

    def sign(self, *, by: str, at: datetime) -> CampaignPlan:
        """The same plan, signed off; the journal keeps who it was."""
        return attrs.evolve(self, signed_by=by, signed_at=at)

    def summary(self) -> dict[str, Any]:
        """The figures, as plain values."""
        return {
            "run": self.run,
            "template": self.template,
            "now": self.now.isoformat(),
            "not_before": self.not_before.isoformat(),
            "messages": len(self.messages),
            "segments": self.segments,
            "skipped": dict(sorted(self.skipped.items())),
            "opted_out": list(self.opted_out),
            "findings": [finding.code for finding in self.findings],
            "hash": self.hash,
            "signed_by": self.signed_by,
            "signed_at": self.signed_at.isoformat() if self.signed_at else None,
        }

    def rows(self) -> list[dict[str, Any]]:
        """One line a message; numbers are masked."""
        return list(self._rows())

    def _rows(self) -> Iterator[dict[str, Any]]:
        return (
            {
                "household": one.household,
                "phone": one.phone.masked,
                "segments": one.segments,
                "text": one.text,
            }
            for one in self.messages
        )

    def json_lines(self) -> Iterator[str]:
        """Figures, messages, and the values to mend."""
        misfits = map(attrs.asdict, self.misfits)
        return json_lines(self.summary(), {"rows": self._rows(), "misfits": misfits})

    def csv_lines(self) -> Iterator[str]:
        """One line a message, for a spreadsheet."""
        return csv_lines(("household", "phone", "segments", "text"), self._rows())

    def to_markdown(self, price: Decimal | None = None) -> str:
        """A page to read and sign; *price* of one segment, in yuan."""
        return "\n".join(_page(self, price, Markdown()))

    def to_html(self, price: Decimal | None = None) -> str:
        """The same page for a browser; no script, prints on paper."""
        return html_page(self.run, _page(self, price, Html()))


def _by_key(messages: Sequence[PlannedMessage]) -> Iterable[PlannedMessage]:
    """So that the order of the recipients means nothing."""
    if isinstance(messages, MessageShelf):
        return messages.by_key()
    return sorted(messages, key=lambda one: one.key)


def _page(plan: CampaignPlan, price: Decimal | None, style: Style) -> list[str]:
    return [
        style.title(f"通知签批单 {plan.run}"),
        style.table(
            ("项目 Item", "数值 Value"),
            [
                ("模板 template", plan.template),
                ("最早发送 not before", f"{plan.not_before:%Y-%m-%d %H:%M}"),
                ("本次通知 messages", len(plan.messages)),
                ("计费条数 segments", plan.segments),
                ("费用 cost (元)", "-" if price is None else f"{plan.cost(price):.2f}"),
            ],
        ),
        style.head("不发的原因 Why not"),
        style.table(
            ("代码 code", "条数 recipients", "说明 why"),
            [(why, n, " ".join(_SKIPPED[why])) for why, n in sorted(plan.skipped.items())],
        ),
        *_to_mend(plan, style),
        style.head("文本检查 What the linter says"),
        style.table(
            ("代码 code", "说明 what"),
            [(f.code, f"{f.message} {f.message_en}") for f in plan.findings],
        ),
        style.head("最长的短信 Longest texts"),
        style.table(
            ("户 household", "条数 segments", "全文 text"),
            [(one.household, one.segments, one.text) for one in plan.longest],
        ),
        style.head("签批 Sign-off"),
        style.line(f"SHA-256: {plan.hash}"),
        style.line(signature_line(plan.signed_by, plan.signed_at)),
    ]


def _to_mend(plan: CampaignPlan, style: Style) -> Iterator[str]:
    if plan.opted_out:
        yield style.head("请另行告知 To be told another way")
        yield style.line("、".join(plan.opted_out))
    if plan.misfits:
        yield style.head("须改的值 Values to mend")
        yield style.table(*misfit_rows(plan.misfits))


_SKIPPED: Final = {
    "already_sent": ("这个号码已收到过本通知。", "The number has had this notice."),
    "does_not_fit": (
        "内容不符合模板变量。请改正所列的值后再计划。",
        "A value does not fit the text. Mend the value that is named and plan again.",
    ),
    "duplicate": ("号码重复。", "The number came before."),
    "household": ("同一户只通知第一个号码。", "One number a household is told."),
    "opted_out": (
        "号码已退订短信。请改用电话、上门或张贴告知。",
        "The number has opted out of texts. Ring, visit or put up a notice.",
    ),
    "not_selected": ("不在通知范围内。", "The notice is not for them."),
}


_OPTED_OUT: Final = "opted_out"
_MARK_AT_HOME: Final = 6  # one pair of a household in 16 million has the same
_MARK: Final = 16


def _home_of(row: RecipientRow) -> str:
    return "-".join(part for part in (row.building, row.unit, row.household) if part)


class _Listed:
    """The messages of a plan that memory holds, with whom they are for."""

    def __init__(self) -> None:
        self._messages: list[PlannedMessage] = []
        self._numbers: set[str] = set()
        self._homes: set[str] = set()

    def has_number(self, phone: PhoneNumber) -> bool:
        return dialled(phone) in self._numbers

    def has_home(self, home: str) -> bool:
        return home in self._homes

    def add(self, message: PlannedMessage) -> None:
        self._messages.append(message)
        self._numbers.add(dialled(message.phone))
        self._homes.add(message.household)

    @property
    def messages(self) -> tuple[PlannedMessage, ...]:
        return tuple(self._messages)


@attrs.define(slots=False, kw_only=True)
class NoticeCampaign:
    """Plans one notice to many and carries it out.

    Attributes:
        client: The door to the network.
        journal: Where what was sent is kept.
        library: The company's texts.
        template: The name of the text, which must be a notice.
        name: The name of the campaign; the same name goes on with the same campaign, so that
            nobody gets it twice.
        tenant: Whose campaign.
        household: ``all`` writes to every number of a household, ``first`` to its first.
        profile: The provider whose rules the text must pass; empty checks none.
        hours: When notices may go.
        must_be_signed: True refuses to commit a plan that nobody signed.
        clock: Gives an aware instant.
        worker: Who does it.
        lease: How long the campaign is held without a sign of life.
        batch: How many messages are claimed at a time.
        concurrency: Requests under way at the same time.
        in_memory: How many recipients a plan may have in memory; one of more is kept in a
            temporary file, so that memory stays flat.

    >>> from propsms.catalog import load
    >>> from propsms.clients import Client
    >>> from propsms.phone import parse
    >>> from propsms.providers import Outbox
    >>> from propsms.stores import MemoryJournal
    >>> texts = load(signature="绿苑物业")
    >>> campaign = NoticeCampaign(
    ...     client=Client(Outbox(":memory:"), library=texts),
    ...     journal=MemoryJournal(),
    ...     library=texts,
    ...     template="water-cut-short",
    ...     name="water 2026-06-10, block 3",
    ... )
    >>> homes = [
    ...     RecipientRow(phone=parse("13900000001"), building="3栋"),
    ...     RecipientRow(phone=parse("13900000002"), building="4栋"),
    ... ]
    >>> when = {"date": "2026-06-10", "start": "09:00", "end": "17:00"}
    >>> report = campaign.run(homes, when, where=Selection(buildings="3栋"))
    >>> report.accepted, campaign.run(homes, when, where=Selection(buildings="3栋")).accepted
    (1, 1)
    """

    client: Client
    journal: Journal
    library: TemplateLibrary
    template: str
    name: str
    tenant: str = ""
    household: str = attrs.field(default="all", validator=attrs.validators.in_(("all", "first")))
    profile: str = "seed"
    hours: SendingHours = attrs.field(factory=SendingHours)
    must_be_signed: bool = False
    clock: Callable[[], datetime] = utc_now
    worker: str = attrs.field(factory=lambda: f"worker-{uuid4().hex[:12]}")
    lease: timedelta = timedelta(minutes=5)
    batch: int = 500
    concurrency: int = 1
    in_memory: int = attrs.field(default=5_000, validator=attrs.validators.ge(1))
    _runner: Runner = attrs.field(init=False)
    _text: Template = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        found = self.library.find(self.template)
        signed = found.signed is None and self.library.signature is not None
        self._text = attrs.evolve(found, signature=self.library.signature) if signed else found
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
            urgent=self.urgent,
        )

    @property
    def urgent(self) -> bool:
        """True if it passes the hours and the caps."""
        return self._text.category is NoticeCategory.URGENT

    # --- the plan ---

    def plan(
        self,
        recipients: Iterable[RecipientRow],
        values: Mapping[str, str] | Callable[[RecipientRow], Mapping[str, str]] | None = None,
        *,
        where: Selection | None = None,
        now: datetime | None = None,
    ) -> CampaignPlan:
        """Say who would get the notice; nothing is written or sent.

        A number on the client's suppression list is left out; a list that is far away is asked
        once for each message that would go.

        Args:
            recipients: What `propsms.tables.read_recipients` gives, or any iterable of rows.
            values: What fills the text: one set for all, a function of the row, or None for
                the row's own columns. A row's column goes before a value for all.
            where: Whom it is for; None is everybody.
            now: The instant; None asks the clock.
        """
        instant = self.clock() if now is None else now
        given = iter(recipients)
        first = list(islice(given, self.in_memory + 1))
        kept = _Listed() if len(first) <= self.in_memory else MessageSpool()
        rows = chain(first, given)
        del first  # it goes by with the others
        skipped: Counter[str] = Counter()
        refused: list[str] = []
        misfits: list[Misfit] = []
        for row in rows:
            found = self._plan_one(row, values, where, kept)
            if isinstance(found, PlannedMessage):
                kept.add(found)
                continue
            skipped[found if isinstance(found, str) else "does_not_fit"] += 1
            if found == _OPTED_OUT:
                refused.append(_home_of(row) or row.phone.masked)
            elif isinstance(found, Misfit) and len(misfits) < TO_MEND:
                misfits.append(found)
        return CampaignPlan(
            run=self.name,
            template=self.template,
            now=instant,
            not_before=self._not_before(instant),
            messages=kept.messages,
            skipped=dict(skipped),
            opted_out=tuple(dict.fromkeys(refused)),
            misfits=tuple(misfits),
            findings=lint(self._text, profile=self.profile) if self.profile else (),
        )

    def _not_before(self, now: datetime) -> datetime:
        slot = self.hours.next_allowed(now, MessageKind.NOTICE, self._text.category)
        return slot.astimezone(SHANGHAI)

    def _plan_one(
        self,
        row: RecipientRow,
        values: Mapping[str, str] | Callable[[RecipientRow], Mapping[str, str]] | None,
        where: Selection | None,
        kept: _Listed | MessageSpool,
    ) -> PlannedMessage | Misfit | str:
        home = _home_of(row)
        if where is not None and not where.takes(row):
            return "not_selected"
        if kept.has_number(row.phone):
            return "duplicate"
        if self.household == "first" and home and kept.has_home(home):
            return "household"
        filled = self._values(row, values)
        try:
            text = render(self._text, filled)
        except RenderError as error:
            return Misfit.of(home or row.phone.masked, error)
        key = self._key(home, row.phone)
        if self.journal.find(key, tenant=self.tenant) is not None:
            return "already_sent"
        if self.client.opted_out(row.phone, signature=self._text.signature):
            return _OPTED_OUT
        segments = count_billed(text, signature=self._text.signature or "").segments
        return PlannedMessage(key, home, row.phone, filled, text, segments)

    def _values(
        self,
        row: RecipientRow,
        values: Mapping[str, str] | Callable[[RecipientRow], Mapping[str, str]] | None,
    ) -> dict[str, str]:
        if callable(values):
            given = {**values(row)}
        else:
            given = {**(values or {}), **{k: v for k, v in row.values.items() if v}}
        return {name: given[name] for name in self._text.plan.names if name in given}

    def _key(self, home: str, phone: PhoneNumber) -> str:
        """The same number gets the same notice of the same campaign once.

        The journal keeps the key when it erases the number. Within a household a few digits of
        the hash tell its numbers apart, which as many others have as well; where no household
        is known only the whole can.
        """
        mark = hashlib.sha256(f"{self.name}|{phone.e164}".encode()).hexdigest()
        mark = mark[: _MARK_AT_HOME if home else _MARK]
        return f"{self.name}|{self.template}|{home}|{mark}"

    # --- the campaign ---

    def commit(
        self, plan: CampaignPlan, *, on_progress: Callable[[int], object] | None = None
    ) -> RunReport:
        """Write the plan down and send it; again with the same plan nothing new happens.

        Returns:
            What it came to; its status is ``refused`` with ``TEMPLATE_LINT`` if the text does
            not pass or with ``NEEDS_APPROVAL`` if nobody signed it, and ``locked`` while another
            run of the tenant is at work; an urgent notice waits for no other campaign.
        """
        if reason := self._why_refused(plan):
            return self._runner.report(RunStatus.REFUSED, (reason,))
        return self._locked(
            lambda: self._runner.write(map(self._intent(plan), plan.messages)), on_progress
        )

    def run(
        self,
        recipients: Iterable[RecipientRow],
        values: Mapping[str, str] | Callable[[RecipientRow], Mapping[str, str]] | None = None,
        *,
        where: Selection | None = None,
        on_progress: Callable[[int], object] | None = None,
    ) -> RunReport:
        """Plan and commit in one call."""
        return self.commit(self.plan(recipients, values, where=where), on_progress=on_progress)

    def resume(self, *, on_progress: Callable[[int], object] | None = None) -> RunReport:
        """Go on after a pause or a crash, and try again what was refused only for now."""
        return self._locked(lambda: self._runner.reopen() >= 0, on_progress)

    def pause(self) -> None:
        """Stop after the messages under way; from any thread."""
        self._runner.pause()

    def cancel(self) -> RunReport:
        """Withdraw what has not been sent."""
        self._runner.cancelled["CANCELLED"] += self._runner.cancel()
        return self._runner.report(RunStatus.CANCELLED)

    def report(self) -> RunReport:
        """What the journal has of this campaign."""
        return self._runner.report()

    def not_reached(self) -> list[str]:
        """The households whose message was refused, failed, or is not known to have arrived."""
        entries = self.journal.entries(tenant=self.tenant, run=self.name)
        reached: dict[str, bool] = {}
        for entry in entries:
            home = entry.intent.subject
            reached[home] = reached.get(home, False) or entry.delivered
        return sorted(home for home, arrived in reached.items() if not arrived)

    def units(self, plan: CampaignPlan, *, size: int = 100) -> Iterable[WorkUnit]:
        """Write the plan down and give it out in parts, for a queue of the host.

        Raises:
            InvalidValueError: The text does not pass, or the plan is not signed.
        """
        if reason := self._why_refused(plan):
            raise InvalidValueError(f"the plan is refused: {reason}", f"计划被拒绝：{reason}")
        self._runner.write(map(self._intent(plan), plan.messages))
        return self._runner.units(size)

    def work(self, unit: WorkUnit) -> int:
        """Do one part; doing it twice, or in two workers, sends nothing twice."""
        return self._runner.work(unit, self._check)

    # --- inside ---

    def _why_refused(self, plan: CampaignPlan) -> str:
        if rejects(plan.findings):
            return "TEMPLATE_LINT"
        unsigned = self.must_be_signed and plan.messages and not plan.signed_by
        return "NEEDS_APPROVAL" if unsigned else ""

    def _locked(
        self, prepare: Callable[[], bool], on_progress: Callable[[int], object] | None
    ) -> RunReport:
        if not self._runner.hold():
            return self._runner.report(RunStatus.LOCKED, ("RUN_LOCKED",))
        try:
            if not prepare():
                return self._runner.report(RunStatus.LOCKED, ("RUN_LOCKED",))
            return self._runner.report(self._runner.drain(self._check, on_progress))
        finally:
            self._runner.let_go()

    def _intent(self, plan: CampaignPlan) -> Callable[[PlannedMessage], Intent]:
        category = str(self._text.category) if self._text.category else ""

        names = references(self.clock())
        approver = {"approver": plan.signed_by} if plan.signed_by else {}

        def make(message: PlannedMessage) -> Intent:
            facts = {f"{VALUE}{name}": value for name, value in message.values.items()}
            return Intent(
                key=message.key,
                kind=MessageKind.NOTICE,
                template=self.template,
                phone=message.phone,
                created_at=plan.now,
                tenant=self.tenant,
                run=self.name,
                subject=message.household,
                reference=next(names),
                payload={"category": category, **approver, **facts},
            )

        return make

    def _check(self, intents: Sequence[Intent], now: datetime) -> list[OutboundMessage | str]:
        """Make the messages again from what was written down."""
        del now
        return [message_of(intent) for intent in intents]
