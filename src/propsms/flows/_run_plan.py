"""The plan of a collection run: a value somebody answerable can read and sign."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import attrs

from propsms.dunning import Action
from propsms.flows._misfit import Misfit, misfit_rows, with_misfits  # a field's type
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
from propsms.flows._tasks import Tasks, Teller  # a field's type
from propsms.phone import PhoneNumber  # noqa: TC001  # a field's type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from propsms.dunning import Decision, DunningPlan

__all__ = ["CollectionPlan", "PlannedNotice"]


@attrs.frozen
class PlannedNotice:
    """One notice as it would go.

    Attributes:
        decision: Why it may go, and what it asks for.
        phone: To whom.
        template: The name of the text.
        values: What fills it; not shown in the repr.
        text: The whole text, for the person who signs; not shown in the repr.
        segments: How many segments are billed.
    """

    decision: Decision
    phone: PhoneNumber
    template: str
    values: Mapping[str, str] = attrs.field(repr=False, hash=False)
    text: str = attrs.field(repr=False)
    segments: int = 1


@attrs.frozen(kw_only=True, slots=False)  # its sums are worked out once
class CollectionPlan(Paper):
    """Who gets what, who does not and why; nothing is written and nothing is sent.

    Attributes:
        run: The name of the run that would carry it out.
        decisions: The decision of every account.
        notices: What would be sent now, by account: a tuple, or where there are many
            (`CollectionRun.in_memory`) a sequence that reads them from a temporary file.
        held_back: Accounts whose notice cannot be sent by this run, and why: a letter must
            go first, another household of the same owner is written to today, the number has
            opted out, a value does not fit the text.
        misfits: The value at fault of each account that is held back as ``DOES_NOT_FIT``, in
            the same order.
        price: Of one segment, in yuan, or None if not known.
        signed_by: Who signed it off, or empty.
        signed_at: When.
        teller: Finds the words of a task, or None.
    """

    run: str
    decisions: DunningPlan
    notices: Sequence[PlannedNotice] = attrs.field(repr=False)
    held_back: Sequence[tuple[str, str]] = attrs.field(default=(), repr=False)
    misfits: Sequence[Misfit] = attrs.field(default=(), repr=False)
    price: Decimal | None = None
    signed_by: str = ""
    signed_at: datetime | None = None
    teller: Teller | None = attrs.field(default=None, eq=False, repr=False)

    @property
    def tasks(self) -> Tasks:
        """What people, or another system, should do: letters, calls, visits, WeChat, checks.

        Made anew each time it is gone through, by account, and written with its own `to_csv`,
        `to_json`, `write_csv` and `write_json`. It holds names and whole numbers.
        """
        return Tasks(self.decisions, self.held_back, self.misfits, self.teller)

    @property
    def segments(self) -> int:
        """Segments that are billed altogether."""
        return self._sums.segments

    @property
    def cost(self) -> Decimal | None:
        """What they cost, in yuan."""
        return self.price * self.segments if self.price is not None else None

    @property
    def amount(self) -> Decimal:
        """What the notices ask for altogether, in yuan."""
        return self._sums.amount

    @property
    def stages(self) -> Mapping[str, int]:
        """Notices by stage."""
        return self._sums.stages

    @property
    def longest(self) -> tuple[PlannedNotice, ...]:
        """The five texts with the most segments."""
        return self._sums.longest

    @property
    def largest(self) -> tuple[PlannedNotice, ...]:
        """The five notices that ask for most."""
        return self._sums.largest

    @property
    def hash(self) -> str:
        """SHA-256 over every notice; what is signed is exactly this."""
        return self._sums.hash

    @cached_property
    def _sums(self) -> _Sums:
        """One look at every notice, however many there are."""
        return _summed(self.notices)

    def sign(self, *, by: str, at: datetime) -> CollectionPlan:
        """The same plan, signed off; `CollectionRun.commit` records who it was."""
        return attrs.evolve(self, signed_by=by, signed_at=at)

    def summary(self) -> dict[str, Any]:
        """The figures, as plain values."""
        totals = self.decisions.totals
        return {
            "run": self.run,
            "as_of": self.decisions.as_of.isoformat(),
            "now": self.decisions.now.isoformat(),
            "accounts": totals.accounts,
            "notices": len(self.notices),
            "stages": {str(k): n for k, n in sorted(self.stages.items())},
            "amount": f"{self.amount:.2f}",
            "segments": self.segments,
            "cost": None if self.cost is None else f"{self.cost:.2f}",
            "actions": {str(k): n for k, n in sorted(totals.actions.items())},
            "reasons": {str(k): n for k, n in sorted(totals.reasons.items())},
            "held_back": dict(Counter(why for _, why in self.held_back)),
            "overdue_amount": f"{totals.overdue:.2f}",
            "hash": self.hash,
            "signed_by": self.signed_by,
            "signed_at": self.signed_at.isoformat() if self.signed_at else None,
        }

    def rows(self) -> list[dict[str, Any]]:
        """One line a notice; numbers are masked."""
        return list(self._rows())

    def _rows(self) -> Iterator[dict[str, Any]]:
        return (
            {
                "account": notice.decision.account,
                "phone": notice.phone.masked,
                "stage": str(notice.decision.next_stage),
                "days_past_due": notice.decision.days_past_due,
                "amount": f"{notice.decision.amount:.2f}",
                "template": notice.template,
                "segments": notice.segments,
                "text": notice.text,
            }
            for notice in self.notices
        )

    def json_lines(self) -> Iterator[str]:
        """Figures, notices, and every account that gets none with its reasons."""
        figures = self.summary()
        del figures["notices"]  # the notices themselves stand for their number
        skipped = (
            {"account": d.account, "action": str(d.action), "reasons": [str(r) for r in d.reasons]}
            for d in self.decisions
            if d.action is not Action.SEND
        )
        held = itertools.starmap(_held_row, with_misfits(self.held_back, self.misfits))
        return json_lines(figures, {"notices": self._rows(), "skipped": skipped, "held": held})

    def csv_lines(self) -> Iterator[str]:
        """One line a notice, for a spreadsheet."""
        return csv_lines(_FIELDS, self._rows())

    def to_markdown(self) -> str:
        """A page to read and sign."""
        return "\n".join(_page(self, Markdown()))

    def to_html(self) -> str:
        """The same page for a browser; no script, prints on paper."""
        return html_page(self.run, _page(self, Html()))


_SHOWN = 5
_FIELDS = (
    "account",
    "phone",
    "stage",
    "days_past_due",
    "amount",
    "template",
    "segments",
    "text",
)


@attrs.frozen
class _Sums:
    segments: int
    amount: Decimal
    stages: Mapping[str, int]
    longest: tuple[PlannedNotice, ...]
    largest: tuple[PlannedNotice, ...]
    hash: str


def _summed(notices: Iterable[PlannedNotice]) -> _Sums:
    segments, amount, stages = 0, Decimal(0), Counter[str]()
    longest, largest = _Top(lambda one: one.segments), _Top(lambda one: one.decision.amount)
    digest = hashlib.sha256()
    for notice in notices:
        segments += notice.segments
        amount += notice.decision.amount
        stages[str(notice.decision.next_stage)] += 1
        longest.see(notice)
        largest.see(notice)
        digest.update(f"{notice.decision.key}\n{notice.phone.e164}\n{notice.text}\n\n".encode())
    return _Sums(segments, amount, stages, longest.notices, largest.notices, digest.hexdigest())


class _Top:
    """The few notices with the most of something, the earlier first where they are alike."""

    def __init__(self, much: Callable[[PlannedNotice], Any]) -> None:
        self._much = much
        self.notices: tuple[PlannedNotice, ...] = ()

    def see(self, notice: PlannedNotice) -> None:
        if len(self.notices) < _SHOWN or self._much(notice) > self._much(self.notices[-1]):
            more = sorted((*self.notices, notice), key=self._much, reverse=True)
            self.notices = tuple(more[:_SHOWN])


def _page(plan: CollectionPlan, style: Style) -> list[str]:
    totals, cost = plan.decisions.totals, plan.cost
    parts = [
        style.title(f"催缴通知签批单 {plan.decisions.as_of}"),
        style.line(f"批次 Run: {plan.run}"),
        style.table(
            ("项目 Item", "数值 Value"),
            [
                ("户数 accounts", totals.accounts),
                ("本次通知 notices", len(plan.notices)),
                ("涉及金额 amount (元)", f"{plan.amount:.2f}"),
                ("计费条数 segments", plan.segments),
                ("费用 cost (元)", "-" if cost is None else f"{cost:.2f}"),
                ("逾期合计 past due (元)", f"{totals.overdue:.2f}"),
            ],
        ),
        style.head("各阶段 By stage"),
        style.table(("阶段 stage", "户数 accounts"), sorted(plan.stages.items())),
        style.head("不发的原因 Why not"),
        style.table(("代码 code", "户数 accounts", "说明 why"), _why_not(plan)),
        *_to_mend(plan, style),
        style.head("金额最大 Largest amounts"),
        style.table(
            ("户 account", "金额 amount (元)", "天数 days", "阶段 stage"),
            [
                (
                    n.decision.account,
                    f"{n.decision.amount:.2f}",
                    n.decision.days_past_due,
                    n.decision.next_stage,
                )
                for n in plan.largest
            ],
        ),
        style.head("最长的短信 Longest texts"),
        style.table(
            ("户 account", "条数 segments", "全文 text"),
            [(n.decision.account, n.segments, n.text) for n in plan.longest],
        ),
        style.head("签批 Sign-off"),
        style.line(f"SHA-256: {plan.hash}"),
    ]
    parts.append(style.line(signature_line(plan.signed_by, plan.signed_at)))
    return parts


def _to_mend(plan: CollectionPlan, style: Style) -> Iterator[str]:
    """The first values that keep a text from being filled."""
    if plan.misfits:
        yield style.head(f"须改的值 Values to mend ({len(plan.misfits)})")
        yield style.table(*misfit_rows(plan.misfits))


def _why_not(plan: CollectionPlan) -> list[tuple[object, ...]]:
    """Why accounts get nothing now: by the rules, or because this run cannot send it."""
    by_rule = plan.decisions.totals.skipped
    rows: list[tuple[object, ...]] = [
        (str(r), n, f"{r.zh}{r.next_zh} {r.en} {r.next_en}")
        for r, n in sorted(by_rule.items())
        if n
    ]
    held = Counter(why for _, why in plan.held_back)
    rows += ((f"{why} *", n, said_of_held(why)) for why, n in sorted(held.items()))
    return rows


HELD: Final = {
    "LETTER_FIRST": (
        "须先送达书面通知。请按待办送信，送达后再计划。",
        "A letter must be delivered first. Deliver it (see the tasks), then plan again.",
    ),
    "CAP_DAY": (
        "同一业主今天已有一条。改天再计划即可。",
        "The same owner gets one today. Plan again another day.",
    ),
    "DOES_NOT_FIT": (
        "内容不符合模板变量。请改正所列的值后再计划，或按待办送信。",
        "A value does not fit the text. Mend the one named and plan again, or deliver the letter.",
    ),
    "NOT_BY_SMS": (
        "应走其他渠道。请按待办办理。",
        "It goes by another channel. Do what the tasks say.",
    ),
    "OPTED_OUT": (
        "号码已退订短信。请按待办送信，勿再发短信。",
        "The number has opted out of texts. Deliver the letter of the tasks; text it no more.",
    ),
}
"""Why a run cannot send a notice that may go and what to do, in Chinese and in English."""


def _held_row(account: str, why: str, misfit: Misfit | None) -> dict[str, str]:
    zh, en = HELD.get(why, (why, why))
    told = {"account": account, "reason": why, "message": en, "message_zh": zh}
    if misfit is not None:
        told |= {
            "variable": misfit.variable,
            "fault": misfit.message,
            "fault_zh": misfit.message_zh,
        }
    return told


def said_of_held(why: str) -> str:
    """The same in both languages."""
    return " ".join(HELD.get(why, (why,)))
