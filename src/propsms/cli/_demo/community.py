"""Chapter 2: a community's bills from a CSV: planned, signed, sent, interrupted, gone on with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from propsms.cli._demo.ledger import Entry
from propsms.cli._dun_run import Folder, said_of_held
from propsms.cli._dun_views import phone_of
from propsms.cli._speech import in_chinese, say
from propsms.dunning import P0, Action, Reason, Stage, accounts_from
from propsms.stores import SQLiteJournal
from propsms.tables import read_bills

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal
    from pathlib import Path

    from propsms.cli._demo.story import Story
    from propsms.dunning import Account, Decision
    from propsms.flows.collection import CollectionPlan, CollectionRun, RunReport
    from propsms.journal import Entry as Message
    from propsms.phone import PhoneNumber
    from propsms.providers.outbox import Outbox
    from propsms.tables import BillRow, RowError

__all__ = ["JOURNAL", "Community", "Household", "dun_community", "read_community"]

JOURNAL = "journal.sqlite3"
_OFFICE = "400-000-0001"
_MOST_ROWS_SHOWN = 8


@attrs.define
class Household:
    """How to reach a household, and in which building it is."""

    room: str
    building: str
    phone: PhoneNumber | None


@attrs.frozen
class Community:
    """What a file says: the accounts to judge, the households to write to."""

    accounts: list[Account]
    households: list[Household]


def read_community(story: Story, path: Path) -> Community:
    """Read the bills of *path*, household by household; a bad row is told and the rest goes on."""
    screen = story.screen
    screen.chapter(2, f"{story.day} 的物业费催缴", f"Dunning as of {story.day}")
    errors: list[RowError] = []
    rows = list(read_bills(path, on_error=errors.append))
    town = Community(accounts_from(rows, errors=errors), _households(rows))
    screen.tell(
        f"{path.name}：{len(town.accounts)} 户，{len(rows)} 张账单，"
        f"{len(errors)} 行有误（其余照常处理）。",
        f"{path.name}: {len(town.accounts)} households, {len(rows)} bills, "
        f"{len(errors)} rows at fault (the others go on).",
    )
    for error in errors[:_MOST_ROWS_SHOWN]:
        screen.tell(f"  {error}", f"  {error}")
    return town


def _households(rows: Iterable[BillRow]) -> list[Household]:
    found: dict[str, Household] = {}
    for row in rows:
        home = found.setdefault(row.household, Household(row.household, row.building, row.phone))
        home.phone = home.phone or row.phone
    return list(found.values())


def dun_community(
    story: Story, town: Community, folder: Path, box: Outbox, price: Decimal
) -> list[Path]:
    """Plan, have it signed, commit, stop, resume, take the receipts in, report."""
    screen = story.screen
    accounts = {account.id: account for account in town.accounts}
    place = Folder(folder, town.accounts, story.now, P0, phone=_OFFICE, price=price)
    with SQLiteJournal(folder / JOURNAL) as journal:
        run = place.run(story.client, journal, story.library, accounts)
        plan = place.plan(run)
        _show_plan(story, plan)
        written, signer = place.write_plan(plan), say("张经理", "Ms Zhang")
        screen.tell(
            f"{signer}看过 sign-off.html 后签批，哈希 {plan.hash[:12]}。",
            f"{signer} reads sign-off.html and signs it, hash {plan.hash[:12]}.",
        )
        report = _send(story, run, place.sign(plan, signer), accounts)
        place.fetch_receipts(journal, box)
        messages = {entry.intent.subject: entry for entry in journal.entries(run=run.name)}
        _keep(story, plan, messages)
        _show_outcome(story, report, run.report().delivered)
        return [*written, place.report(journal)]


def _show_plan(story: Story, plan: CollectionPlan) -> None:
    totals = plan.decisions.totals
    owed = dict.fromkeys(Stage, totals.overdue * 0)
    for decision in plan.decisions:
        owed[decision.stage] += decision.overdue_amount
    story.screen.table(
        (
            say("阶段", "stage"),
            say("户数", "households"),
            say("逾期金额（元）", "overdue, yuan"),
            say("本次通知", "notices now"),
        ),
        [
            (stage, totals.stages[stage], f"{owed[stage]:,.2f}", plan.stages.get(str(stage), 0))
            for stage in Stage
        ],
    )
    story.screen.tell(
        "阶段由欠费时间决定；通知从最温和的一级开始，送达之后才轮到下一级，所以首次运行没有后两级。",
        "The age of the debt gives the stage; notices begin with the mildest, and the next one "
        "waits until that was delivered, so a first run has none of the last two.",
    )


def _send(
    story: Story, run: CollectionRun, plan: CollectionPlan, accounts: dict[str, Account]
) -> RunReport:
    """Commit, stopped half-way, and resume; meanwhile somebody pays."""
    screen, total = story.screen, len(plan.notices)
    last = plan.notices[-1].decision.account if total > 1 else ""

    def half(done: int) -> None:
        moved(done)
        if last and done * 2 > total:
            run.pause()

    with screen.progress("发送催缴短信", "sending", total) as moved:
        first = run.commit(plan, on_progress=half)
    if not last:
        return first
    accounts[last] = _paid(accounts[last])
    left = first.planned
    screen.tell(
        f"中途停下：已接收 {first.accepted}，待发 {left}。停下后有一户缴清了。",
        f"Stopped half-way: {first.accepted} accepted, {left} to go. Meanwhile one has paid.",
    )
    with screen.progress("继续", "going on", left) as moved:
        return run.resume(on_progress=moved)


def _paid(account: Account) -> Account:
    bills = [attrs.evolve(bill, paid=max(bill.amount, bill.paid)) for bill in account.bills]
    return attrs.evolve(account, bills=bills)


def _keep(story: Story, plan: CollectionPlan, messages: Mapping[str, Message]) -> None:
    """One line a household: what became of its message, or why there is none."""
    held = dict(plan.held_back)
    for decision in plan.decisions:
        entry = _entry(decision)
        message = messages.get(decision.account)
        if message is not None and message.outcome is not None:
            told = attrs.evolve(entry, template=message.intent.template)
            story.ledger.add_outcome(told, message.outcome)
        else:
            reason = held.get(decision.account) or _why_not(decision)
            story.ledger.add(attrs.evolve(entry, reason=reason))


def _why_not(decision: Decision) -> str:
    """What kept it from going; what was planned and not sent had been paid by then."""
    if decision.action is Action.SEND:
        return str(Reason.PAID)
    stops = (reason for reason in decision.reasons if reason.action is decision.action)
    return str(next(stops, decision.reasons[0]))


def _entry(decision: Decision) -> Entry:
    return Entry(
        say("物业费", "fees"),
        "skipped",
        room=decision.account,
        phone=phone_of(decision),
        stage=str(decision.stage),
        days=decision.days_past_due,
        amount=decision.overdue_amount or decision.amount,
    )


def _show_outcome(story: Story, report: RunReport, delivered: int) -> None:
    chapter, screen = say("物业费", "fees"), story.screen
    screen.tell(
        f"已接收 {report.accepted}，回执确认送达 {delivered}，未知 {report.unknown}；"
        f"再看一眼后撤回 {report.cancelled.total()}。",
        f"{report.accepted} accepted, {delivered} delivered by receipt, {report.unknown} unknown; "
        f"{report.cancelled.total()} withdrawn at the second look.",
    )
    skipped = story.ledger.reasons(chapter, "skipped").most_common()
    screen.table(
        (say("跳过原因", "skipped because"), say("户数", "households"), say("说明", "why")),
        [(reason, count, _said(reason)) for reason, count in skipped],
    )
    if refused := story.ledger.reasons(chapter, "refused").most_common():
        screen.tell(
            "Outbox 对少数“魔法号码”扮演会拒绝的服务商，好让您看到被拒绝的样子：",
            "For a few magic numbers the Outbox plays a provider that refuses, so that you see it:",
        )
        screen.table((say("拒绝原因", "refused because"), say("户数", "households")), refused)


def _said(code: str) -> str:
    if code not in Reason.__members__:
        return said_of_held(code)
    reason = Reason(code)
    return reason.zh if in_chinese() else reason.en
