"""What ``propsms dun`` shows: a table for people, JSON and CSV for machines."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.table import Table

from propsms.cli._lint.report import printable
from propsms.cli._speech import in_chinese, say
from propsms.dunning import Action, Reason, Stage
from propsms.flows._pages import csv_lines, json_lines
from propsms.phone import PhoneNumber

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from propsms.dunning import Decision, DunningPlan
    from propsms.tables import RowError

__all__ = ["as_csv", "as_json", "phone_of", "show"]

_SHOWN = 20
ZERO: Final = Decimal(0)
_STAGES = {
    Stage.NONE: ("无需提醒", "none"),
    Stage.UPCOMING: ("即将到期", "upcoming"),
    Stage.REMINDER: ("初期提醒", "reminder"),
    Stage.OVERDUE: ("中期催收", "overdue"),
    Stage.FINAL: ("后期告知", "final"),
}
_FIELDS = [
    "account",
    "phone",
    "stage",
    "days_past_due",
    "overdue_amount",
    "action",
    "next_stage",
    "not_before",
    "amount",
    "reasons",
    "problems",
]


def _row(decision: Decision) -> dict[str, Any]:
    """An account as plain values; numbers are masked."""
    return {
        "account": decision.account,
        "phone": phone_of(decision),
        "stage": str(decision.stage),
        "days_past_due": decision.days_past_due,
        "overdue_amount": f"{decision.overdue_amount:.2f}",
        "action": str(decision.action),
        "next_stage": str(decision.next_stage),
        "not_before": decision.not_before.isoformat() if decision.not_before else None,
        "amount": f"{decision.amount:.2f}",
        "reasons": [str(reason) for reason in decision.reasons],
        "problems": list(decision.problems),
    }


def phone_of(decision: Decision) -> str:
    """The first number of the way to the debtor, masked."""
    for step in decision.channels:
        for contact in step.contacts:
            if isinstance(contact.address, PhoneNumber):
                return contact.address.masked
    return ""


def as_json(plan: DunningPlan, errors: Sequence[RowError]) -> Iterator[str]:
    """The whole plan and all bad rows, part by part."""
    totals = plan.totals
    figures = {
        "as_of": plan.as_of.isoformat(),
        "accounts": totals.accounts,
        "actions": {str(key): count for key, count in sorted(totals.actions.items())},
        "stages": {str(stage): totals.stages[stage] for stage in Stage},
        "reasons": {str(key): count for key, count in sorted(totals.reasons.items())},
        "overdue_amount": f"{totals.overdue:.2f}",
        "asked_amount": f"{totals.asked:.2f}",
        "buckets": {name: f"{amount:.2f}" for name, amount in totals.buckets.items()},
    }
    return json_lines(figures, {"decisions": map(_row, plan), "errors": map(_error, errors)})


def _error(error: RowError) -> dict[str, Any]:
    return {
        "file": error.file,
        "line": error.line,
        "column": error.column,
        "value": error.value,
        "message": say(error.message, error.message_en),
        "skipped": error.skipped,
    }


def as_csv(plan: DunningPlan) -> Iterator[str]:
    """One line an account; a cell that a spreadsheet would run as a formula is quoted."""
    return csv_lines(_FIELDS, map(_words, map(_row, plan)))


def _words(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its lists as words."""
    return row | {"reasons": " ".join(row["reasons"]), "problems": "; ".join(row["problems"])}


def show(plan: DunningPlan, errors: Sequence[RowError], error_count: int) -> None:
    """Print the stages, who is skipped and why, and the rows that could not be read."""
    # A file may hold anything: [/x] and :x: in a cell are text, not commands to the screen.
    console = Console(markup=False, emoji=False, highlight=False)
    overdue, held = _told(plan)
    console.print(_stages(plan, overdue))
    skipped = _skipped(held)
    if skipped.row_count:
        console.print(skipped)
    if errors:
        console.print(_errors(errors, error_count))
    totals = plan.totals
    console.print(
        say(
            f"{plan.as_of}：共 {totals.accounts} 户，现在可发 {totals.actions[Action.SEND]} 户，"
            f"逾期合计 {totals.overdue:.2f} 元。",
            f"{plan.as_of}: {totals.accounts} accounts, {totals.actions[Action.SEND]} may be sent "
            f"to now, {totals.overdue:.2f} yuan past due.",
        )
    )


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left")
    numbers = {
        say("户数", "accounts"),
        say("逾期金额（元）", "past due, yuan"),
        say("本次通知", "notices now"),
    }
    for index, heading in enumerate(headings):
        table.add_column(
            heading,
            justify="right" if heading in numbers else "left",
            no_wrap=index == 0,
            overflow="fold",
        )
    return table


def _told(plan: DunningPlan) -> tuple[dict[Stage, Decimal], dict[Reason, list[str]]]:
    """What is past due by stage, and who waits for which reason, in one look at the plan.

    A plan of many accounts lies in a file, so every look reads all of it.
    """
    overdue: dict[Stage, Decimal] = dict.fromkeys(Stage, ZERO)
    held: dict[Reason, list[str]] = {}
    for decision in plan:
        overdue[decision.stage] += decision.overdue_amount
        if decision.action is not Action.SEND:
            for reason in decision.reasons:
                held.setdefault(reason, []).append(_named(decision, reason))
    return overdue, held


def _named(decision: Decision, reason: Reason) -> str:
    """The account, and where its data are wrong."""
    if reason is not Reason.DATA_ERROR:
        return decision.account
    return f"{decision.account} ({'; '.join(decision.problems)})"


def _stages(plan: DunningPlan, overdue: Mapping[Stage, Decimal]) -> Table:
    table = _table(
        say("阶段", "Stages"),
        say("阶段", "stage"),
        say("户数", "accounts"),
        say("逾期金额（元）", "past due, yuan"),
        say("本次通知", "notices now"),
    )
    for stage in Stage:
        table.add_row(
            say(*_STAGES[stage]),
            str(plan.totals.stages[stage]),
            f"{overdue[stage]:.2f}",
            str(plan.totals.notices[stage]),
        )
    return table


def _skipped(held: Mapping[Reason, Sequence[str]]) -> Table:
    table = _table(
        say("现在不发的原因（一户可有多个）", "Why not now (an account may have several reasons)"),
        say("代码", "code"),
        say("户数", "accounts"),
        say("说明", "why"),
        say("下一步", "what to do"),
        say("例", "such as"),
    )
    for reason, accounts in sorted(held.items(), key=lambda item: (-len(item[1]), item[0])):
        why, then = (reason.zh, reason.next_zh) if in_chinese() else (reason.en, reason.next_en)
        shown = printable(", ".join(accounts[:2]))
        table.add_row(str(reason), str(len(accounts)), why, then, shown)
    return table


def _errors(errors: Sequence[RowError], count: int) -> Table:
    more = count - min(len(errors), _SHOWN)
    title = say("读不出的行", "Rows that cannot be read")
    if more:
        title += say(f"（另有 {more} 处，见 --format json）", f" ({more} more, see --format json)")
    table = _table(
        title,
        say("位置", "where"),
        say("列", "column"),
        say("内容", "value"),
        say("问题", "what is wrong"),
    )
    for error in errors[:_SHOWN]:
        said = say(error.message, error.message_en)
        where = f"{error.file}:{error.line}"
        table.add_row(*map(printable, (where, error.column, error.value, said)))
    return table
